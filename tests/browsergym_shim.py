"""How BrowserGym's own tests for MiniWoB get our environment instead of theirs; nothing else of them changes.

Their tests act by Playwright code (`page.get_by_text("Menu").click()`), since `action_mapping=None` passes texts on as Python.
Ours runs no code: `ShimEnv` reads the few Playwright calls that these tests make off a stand-in for `page`, finds the element
in the observation, and sends the action in our grammar. Their tests of the task classes start a browser of their own; here it
is a session's, which plays MiniWoB under its stable name behind the fence.

`python -m tests.browsergym_shim FOLDER` runs the files of BrowserGym's `tests/miniwob`, as they are, against ours.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.actions import elements, format_action
from symbiotic_gym.suites import Site
from symbiotic_gym.suites.miniwob import HOST, MiniWoB

__all__ = ["ELSEWHERE", "Sessions", "ShimEnv", "main", "make"]

ELSEWHERE = "www.google.com"

_REAL_MAKE = gym.make


class ShimEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Our environment, acted on by Playwright code."""

    def reset(self, **kwargs: Any) -> Any:
        self.observation, info = self.env.reset(**kwargs)
        return self.observation, info

    def step(self, action: str) -> Any:
        self.result: Any = None
        exec(action, {"page": _Page(self)})  # the tests' own code, as BrowserGym runs it
        return self.result

    def send(self, verb: str, **arguments: Any) -> None:
        self.result = self.env.step(format_action(verb, **arguments))
        self.observation = self.result[0]


class _Page:
    def __init__(self, env: ShimEnv) -> None:
        self.env = env

    def get_by_text(self, text: str) -> "_Element":
        return self._named(lambda e: text.lower() in e.name.lower())

    def get_by_role(self, role: str, *, name: str) -> "_Element":
        return self._named(lambda e: e.role == role and name.lower() in e.name.lower())

    def locator(self, selector: str) -> "_Element":
        """`#id` or `.class`, looked up in the observed HTML, which holds the bids."""
        from lxml import html

        by = {"#": "self::*[@id=$v]", ".": "self::*[contains(concat(' ', @class, ' '), concat(' ', $v, ' '))]"}[selector[0]]
        found = html.fromstring(self.env.observation["dom"]).xpath(f"//*[{by}]", v=selector[1:])
        for element in found:  # an icon is clicked through what holds it
            for candidate in (element, *element.iterancestors()):
                if candidate.get("bid") in elements(self.env.observation["page"]):
                    return _Element(self.env, candidate.get("bid"))
        raise LookupError(f"{selector} has no id on the page:\n{self.env.observation['page']}")

    def _named(self, fits: Any) -> "_Element":
        for element in elements(self.env.observation["page"]).values():
            if fits(element):
                return _Element(self.env, element.bid)
        raise LookupError(f"nothing fits on the page:\n{self.env.observation['page']}")


class _Element:
    def __init__(self, env: ShimEnv, bid: str) -> None:
        self.env, self.bid = env, bid

    def click(self) -> None:
        self.env.send("click", bid=self.bid)

    def fill(self, value: str) -> None:
        self.env.send("fill", bid=self.bid, value=value)

    def select_option(self, options: Sequence[str]) -> None:
        self.env.send("select_option", bid=self.bid, options=tuple(options))


def make(id: str, *, headless: bool = True, slow_mo: None = None, action_mapping: None = None) -> ShimEnv:
    """What `gym.make("browsergym/miniwob.X", …)` is replaced by."""
    task = re.fullmatch(r"browsergym/(miniwob\..+)", id)
    if task is None:
        raise LookupError(f"{id} is not one of BrowserGym's MiniWoB ids")
    return ShimEnv(_REAL_MAKE(f"symbiotic/{task[1]}-v0", headless=headless, observe=("dom",)))


class _WithElsewhere(MiniWoB):
    """MiniWoB and one other site to wander off to, which upstream is a real one."""

    def open(self) -> Site:
        site = super().open()
        return replace(site, hosts={**site.hosts, ELSEWHERE: site.hosts[HOST]})


class Sessions:
    """What `browsergym.core._get_global_playwright()` is replaced by: its browsers are those of a session of ours."""

    def __init__(self) -> None:
        self._session: Any = None

    @property
    def chromium(self) -> "Sessions":
        return self

    def launch(self, *, headless: bool = True, slow_mo: None = None) -> Any:
        from symbiotic_gym.browser.session import Session

        self._session = self._session or Session(headless=headless)
        self._session._serve(_WithElsewhere())  # starts a browser where the last test has closed it
        return self._session.browser

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


def main(folder: Path) -> int:
    """Run the upstream files; the exit status is pytest's."""
    import browsergym.core
    import pytest

    sessions = Sessions()
    patch = pytest.MonkeyPatch()
    patch.setattr(gym, "make", make)
    patch.setattr(browsergym.core, "_get_global_playwright", lambda: sessions)
    patch.setenv("MINIWOB_URL", f"http://{HOST}/miniwob/")
    patch.delenv("PYTEST_ADDOPTS", raising=False)  # what to leave out is said of our own tests
    try:
        return int(pytest.main(["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]))
    finally:
        sessions.close()
        patch.undo()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
