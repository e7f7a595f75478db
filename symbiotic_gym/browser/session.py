"""The browser's side of an environment: one kept Chromium, a fresh context an episode, a BrowserGym task inside it.

Runs in the worker process only. What makes a step slow in stock BrowserGym is left out: no `slow_mo`, no fixed delay (the
page is asked when it is at rest, `watch.js`), no second browser for the chat, no DOM snapshot unless asked for, and the
page's text is written by one walk inside the page (`page.js`).
"""

import base64
import json
import re
import time
from contextlib import suppress
from importlib import resources
from typing import Any

from playwright.sync_api import BrowserContext, Frame, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from symbiotic_gym.actions import Action, parse
from symbiotic_gym.browser import act
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.errors import ActionError, BrowserError, SiteError, explain
from symbiotic_gym.suites import Site, Suite, load_suite

REST_BOUND_MS = 3000
"""A page that never rests is observed after this long."""

_LOADING_MS = 30_000
"""A start page may take so long; the parent's own deadline for a reset ends it sooner where that is shorter."""

_WATCH = resources.files(__package__).joinpath("watch.js").read_text("utf-8")
_NAMES = resources.files(__package__).joinpath("dom_accessibility.js").read_text("utf-8")
_WALK = resources.files(__package__).joinpath("page.js").read_text("utf-8")


class Session:
    """A browser that plays one episode after another.

    Args:
        headless: whether the browser has no window.
        observe: the opt-in observation keys to fill (`screenshot`, `axtree`, `dom`, `extra`).
        viewport: (width, height) in pixels; None takes the task's own.
    """

    def __init__(
        self, *, headless: bool = True, observe: tuple[str, ...] = (), viewport: tuple[int, int] | None = None
    ) -> None:
        self.headless = headless
        self.observe = observe
        self.viewport = viewport
        self.playwright = sync_playwright().start()
        self.playwright.selectors.set_test_id_attribute("bid")  # BrowserGym's tasks look elements up by it
        self.browser: Any = None
        self.site: Site | None = None
        self.context: BrowserContext | None = None
        self.task: Any = None
        self.chat: list[dict[str, Any]] = []
        self.infeasible = False
        self._page: Page | None = None

    # --- episode ---

    def reset(self, task: str, seed: int, task_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Start an episode of `task` (`miniwob.click-test`) and return its first observation."""
        self._leave_episode()
        suite_name, _, name = task.partition(".")
        suite = load_suite(suite_name)
        self._serve(suite)
        assert self.site is not None  # _serve opened it
        self.task = suite.make_task(name, seed, self.site, task_kwargs)
        width, height = self.viewport or (self.task.viewport["width"], self.task.viewport["height"])
        self.context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=self.task.locale,
            timezone_id=self.task.timezone_id,
            service_workers="block",
            accept_downloads=False,
        )
        self.context.set_default_timeout(self.task.timeout)
        self.context.set_default_navigation_timeout(_LOADING_MS)
        self.context.add_init_script(_NAMES)
        self.context.add_init_script(_WATCH)
        self.context.on("page", self._on_page)
        self.chat, self.infeasible = [], False
        self._page = self.context.new_page()
        try:
            goal, _ = self.task.setup(self.page)
        except PlaywrightError as error:
            raise SiteError(
                explain(
                    f"the start page of {task} did not load: {str(error).splitlines()[0]}",
                    "a page that answers",
                    "an episode that never started says nothing about the policy, so it counts as invalid",
                    "check that the task's site is up (symbiotic-gym doctor), then run the episode again",
                )
            ) from error
        return {"goal": _goal_text(goal), "observation": self._observe()}

    def step(self, text: str) -> dict[str, Any]:
        """Run one action and return `observation`, `reward`, `done`, `error` and the seconds each part took."""
        started = time.perf_counter()
        error = self._perform(text)
        acted = time.perf_counter()
        self._rest()
        rested = time.perf_counter()
        reward, done, message, _ = self.task.validate(self.page, self.chat)
        if message:
            self.chat.append({"role": "user", "timestamp": time.time(), "message": message})
        judged = time.perf_counter()
        observation = self._observe(rested=True)
        seen = time.perf_counter()
        return {
            "observation": observation,
            "reward": float(reward),
            "done": bool(done) or self.infeasible,
            "error": error,
            "seconds": {
                "act": acted - started,
                "rest": rested - acted,
                "validate": judged - rested,
                "observe": seen - judged,
            },
        }

    def close(self) -> None:
        self._leave_episode()
        if self.browser is not None:
            self.browser.close()
        if self.site is not None:
            self.site.close()
        self.playwright.stop()

    # --- pages ---

    @property
    def page(self) -> Page:
        """The active tab; a new blank one when every tab was closed."""
        assert self.context is not None
        if self._page is None or self._page.is_closed():
            open_pages = self.context.pages
            self._page = open_pages[-1] if open_pages else self.context.new_page()
        return self._page

    @page.setter
    def page(self, page: Page) -> None:
        self._page = page

    def _on_page(self, page: Page) -> None:
        self._page = page  # a link that opens a tab makes it the active one, as for a person

    # --- parts of an episode ---

    def _serve(self, suite: Suite) -> None:
        """Have the suite's site running and a browser that reaches it and nothing else."""
        if self.site is not None and self.site.suite == suite.name and self.browser is not None and self.browser.is_connected():
            return
        if self.browser is not None:
            self.browser.close()
        if self.site is not None:
            self.site.close()
        self.site = suite.open()
        try:
            self.browser = self.playwright.chromium.launch(
                headless=self.headless,
                executable_path=require_chromium(headed=not self.headless),
                args=[
                    f"--host-resolver-rules={self.site.resolver_rules()}",
                    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
                    "--force-webrtc-ip-handling-policy",
                    "--disable-features=OverlayScrollbars,ExtendedOverlayScrollbars",
                ],
                ignore_default_args=["--hide-scrollbars"],
            )
        except PlaywrightError as error:
            raise BrowserError(
                explain(
                    f"the browser did not start: {str(error).splitlines()[0]}",
                    "a Chromium that starts without a window",
                    "every task needs it",
                    "run `symbiotic-gym doctor`; on a minimal system its shared libraries may be missing",
                )
            ) from error

    def _leave_episode(self) -> None:
        if self.task is not None:
            with suppress(PlaywrightError):  # a page that crashed or was closed needs no further closing
                self.task.teardown()
            self.task = None
        if self.context is not None:
            with suppress(PlaywrightError):  # a page that crashed or was closed needs no further closing
                self.context.close()
            self.context = None
            self._page = None

    def _perform(self, text: str) -> str:
        try:
            action: Action = parse(text)
            act.perform(self, action)
        except ActionError as error:
            return str(error).splitlines()[0]
        except (PlaywrightError, ValueError) as error:
            return _short(error)
        return ""

    def _rest(self) -> None:
        """Wait until the page is at rest, at most `REST_BOUND_MS`; a navigation starts the wait again."""
        deadline = time.monotonic() + REST_BOUND_MS / 1000
        while (left_ms := int(1000 * (deadline - time.monotonic()))) > 0:
            try:
                self.page.wait_for_load_state("domcontentloaded", timeout=left_ms)
                self.page.evaluate("(ms) => window.__symbiotic ? window.__symbiotic.rest(ms) : true", left_ms)
                return
            except PlaywrightError as error:
                if not _mid_navigation(error):
                    raise

    def _observe(self, *, rested: bool = False) -> dict[str, Any]:
        if not rested:
            self._rest()
        for tries_left in (2, 1, 0):
            try:
                lines, title = self._walk(self.page.main_frame, "")
                break
            except PlaywrightError as error:
                if not tries_left or not _mid_navigation(error):
                    raise
                self._rest()
        assert self.context is not None
        tabs = [
            f"{'*' if page is self.page else ' '} {i}: {page.title()} {page.url}" for i, page in enumerate(self.context.pages)
        ]
        observation = {"page": "\n".join(lines), "url": self.page.url, "title": title, "tabs": "\n".join(tabs)}
        return observation | self._opt_in()

    def _walk(self, frame: Frame, prefix: str) -> tuple[list[str], str]:
        walked = frame.evaluate(_WALK, prefix)
        lines: list[str] = []
        for line in walked["lines"]:
            indent, mark, bid = line.partition("\0")
            if not mark:
                lines.append(line)
                continue
            handle = frame.query_selector(f'[bid="{bid}"]')
            child = handle.content_frame() if handle else None
            if child is not None:
                lines += [indent + "  " + inner for inner in self._walk(child, bid)[0]]
        return lines, walked["title"]

    def _opt_in(self) -> dict[str, Any]:
        extras: dict[str, Any] = {}
        if "screenshot" in self.observe:
            extras["screenshot"] = self.screenshot()
        if "dom" in self.observe:
            extras["dom"] = self.page.content()
        if {"axtree", "extra"} & set(self.observe):
            extras |= _browsergym_objects(self.page, self.observe)
        return extras

    def screenshot(self) -> str:
        """The viewport as a PNG, base64."""
        return base64.b64encode(self.page.screenshot(type="png", animations="disabled")).decode("ascii")


def _browsergym_objects(page: Page, observe: tuple[str, ...]) -> dict[str, str]:
    """BrowserGym's own accessibility tree and element properties, for agents written against them."""
    from browsergym.core import observation as browsergym

    browsergym._pre_extract(page, tags_to_mark="standard_html", lenient=True)
    try:
        extras = {}
        if "axtree" in observe:
            extras["axtree"] = json.dumps(browsergym.extract_merged_axtree(page))
        if "extra" in observe:
            snapshot = browsergym.extract_dom_snapshot(page)
            extras["extra"] = json.dumps(browsergym.extract_dom_extra_properties(snapshot, 1.0))
        return extras
    finally:
        browsergym._post_extract(page)


def _goal_text(goal: Any) -> str:
    """BrowserGym's goals are a text or a list of OpenAI-style parts, of which the texts are kept."""
    if isinstance(goal, str):
        return goal
    return "\n".join(part["text"] for part in goal if part.get("type") == "text")


def _mid_navigation(error: Exception) -> bool:
    return bool(re.search(r"context was destroyed|navigat|detached|Cannot find context", str(error), re.I))


def _short(error: Exception) -> str:
    """A Playwright error without its call log, as one line a model can read."""
    text = str(error).split("Call log:")[0].split("=====")[0].strip()
    return re.sub(r"\s+", " ", text)[:300]
