"""The browser's side of an environment: one kept Chromium, a fresh context an episode, a BrowserGym task inside it.

Runs in the worker process only. What makes a step slow in stock BrowserGym is left out: no `slow_mo`, no fixed delay (the
page is asked when it is at rest, `rest.py`), no second browser for the chat, and of the page only what was asked for is read
(`look.py`).
"""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import resources
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from symbiotic_gym.actions import Action, parse
from symbiotic_gym.browser import act
from symbiotic_gym.browser.copied import stands_on
from symbiotic_gym.browser.dialogs import Dialogs
from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.browser.look import WALKER, look, screenshot
from symbiotic_gym.browser.rest import Navigations, close_when_loaded, wait_for_rest
from symbiotic_gym.browser.site_faults import SiteFaults
from symbiotic_gym.browser.stacks import light_stacks
from symbiotic_gym.errors import ActionError, BrowserError, ConfigError, SiteError, explain
from symbiotic_gym.suites import Elsewhere, JudgedAtTheEnd, Site, Suite, load_suite, register_suite

MOST_TABS = 20
"""Tabs beyond are closed as they open: a page that opens hundreds would take the machine down."""

_LOADING_MS = 30_000
"""A start page may take so long; the parent's own deadline for a reset ends it sooner where that is shorter."""

_WATCH = resources.files(__package__).joinpath("watch.js").read_text("utf-8")
_NAMES = resources.files(__package__).joinpath("dom_accessibility.js").read_text("utf-8")


class Session:
    """A browser that plays one episode after another.

    Args:
        headless: whether the browser has no window.
        observe: the opt-in observation keys to fill (`screenshot`, `axtree`, `dom`, `extra`).
        viewport: (width, height) in pixels; None takes the task's own.
        max_page_lines: a longer page text is cut to what is near the viewport, and says so.
        uploads: the folder whose files may be uploaded; None allows none.
        suites: suites of the user's own, as `register_suite` takes them.
        playwright: the driver to share with other sessions, which ends it; None for one of its own.
    """

    def __init__(
        self,
        *,
        headless: bool = True,
        observe: tuple[str, ...] = (),
        viewport: tuple[int, int] | None = None,
        max_page_lines: int = 10_000,
        uploads: str | None = None,
        suites: Mapping[str, str] | None = None,
        playwright: Playwright | None = None,
    ) -> None:
        for name, entry_point in (suites or {}).items():
            register_suite(name, entry_point)
        self.headless = headless
        self.observe = observe
        self.viewport = viewport
        self.max_page_lines = max_page_lines
        self.uploads = uploads
        light_stacks()
        self.patience_ms = act.ELEMENT_TIMEOUT_MS
        self._shares = playwright is not None
        self.playwright = playwright or sync_playwright().start()
        self.playwright.selectors.set_test_id_attribute("bid")  # BrowserGym's tasks look elements up by it
        self.browser: Any = None
        self.browser_pid: int | None = None
        """The browser's first process, where the driver is shared, which does not say which of its children it is."""
        self.site: Site | None = None
        self.fence = Fence({})
        self.faults = SiteFaults(self.fence)
        self.context: BrowserContext | None = None
        self.task: Any = None
        self.chat: list[dict[str, Any]] = []
        self.infeasible = False
        self.dialogs = Dialogs()
        self._shown = ""
        self._box: tuple[float, float, float, float] | None = None
        self.navigations = Navigations()
        self._page: Page | None = None

    # --- episode ---

    def reset(self, task: str, seed: int, task_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Start an episode of `task` (`miniwob.click-test`) and return its first observation."""
        suite_name, _, name = task.partition(".")
        return self.start(load_suite(suite_name), name, seed, task_kwargs)

    def start(self, suite: Suite, name: str, seed: int, task_kwargs: dict[str, Any]) -> dict[str, Any]:
        """The same for a task of any suite object, listed or not."""
        self.leave()
        if isinstance(suite, Elsewhere):
            suite = suite.placed(task_kwargs)
        self._serve(suite)
        assert self.site is not None  # _serve opened it
        self.task = _made(suite, name, seed, self.site, task_kwargs)
        width, height = self.viewport or (self.task.viewport["width"], self.task.viewport["height"])
        self.context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=self.task.locale,
            timezone_id=self.task.timezone_id,
            **self.fence.context_options(),
        )
        self.faults = SiteFaults(self.fence, self.site.signs)
        self.faults.watch(self.context)
        self.navigations = Navigations()
        self.navigations.watch(self.context)
        self.context.set_default_timeout(self.task.timeout)
        self.context.set_default_navigation_timeout(_LOADING_MS)
        self.context.add_init_script(_NAMES)
        self.context.add_init_script(_WATCH)
        self.context.add_init_script(WALKER)
        self.dialogs = Dialogs()
        self.dialogs.watch(self.context)
        self.context.on("page", self._on_page)
        self.chat, self.infeasible = [], False
        self._page = self.context.new_page()
        try:
            goal, _ = self.task.setup(self.page)
        except PlaywrightError as error:
            self.faults.check()
            raise SiteError(
                explain(
                    f"the start page of {suite.name}.{name} did not load: {str(error).splitlines()[0]}",
                    "a page that answers",
                    "an episode that never started says nothing about the policy, so it counts as invalid",
                    "check that the task's site is up (symbiotic-gym doctor), then run the episode again",
                )
            ) from error
        observation = self.look()
        self.faults.check(observation)
        return {"goal": _goal_text(goal), "observation": observation}

    def step(self, text: str) -> dict[str, Any]:
        """Run one action and return `observation`, `reward`, `done`, `error` and the seconds each part took."""
        started = time.perf_counter()
        self.navigations.fruitless = False
        error = self._perform(text)
        acted = time.perf_counter()
        wait_for_rest(self)
        rested = time.perf_counter()
        self.faults.check()
        reward, done, message, _ = self.task.validate(self.page, self.chat)
        if message:
            self.chat.append({"role": "user", "timestamp": time.time(), "message": message})
        judged = time.perf_counter()
        observation = self.look(rested=True)
        self.faults.check(observation)
        seen = time.perf_counter()
        return {
            "observation": observation,
            "reward": float(reward),
            "done": bool(done) or self.infeasible,
            "judged_at_end": isinstance(self.task, JudgedAtTheEnd),
            "error": error,
            "box": self._box,
            "seconds": {
                "act": acted - started,
                "rest": rested - acted,
                "validate": judged - rested,
                "observe": seen - judged,
            },
        }

    def conclude(self) -> dict[str, Any]:
        """The verdict on an episode whose task is `JudgedAtTheEnd`, and the `questions` it still depends on."""
        reward, questions = self.task.conclude(self.page, self.chat)
        self.faults.check()  # of the pages that the evaluator opened
        return {"reward": reward, "questions": questions}

    def settle(self, answers: list[str]) -> float:
        """The verdict, given a judge's answers to the questions."""
        reward: float = self.task.settle(self.page, self.chat, answers)
        return reward

    def close(self) -> None:
        self.leave()
        if self.browser is not None:
            self.browser.close()
        if self.site is not None:
            self.site.close()
        if not self._shares:
            self.playwright.stop()

    def abandon(self) -> None:
        """Leave everything as it is, but for the site, once the browser was killed."""
        site, self.site = self.site, None
        if site is not None:
            site.close()

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
        close_when_loaded(page)
        if self.context is not None and len(self.context.pages) > MOST_TABS:
            with suppress(PlaywrightError):  # it may be gone already
                page.close()
            return
        self._page = page  # a link that opens a tab makes it the active one, as for a person

    # --- parts of an episode ---

    def _serve(self, suite: Suite) -> None:
        """Have the suite's site running and a browser that reaches it and nothing else."""
        if self.site is not None and self.site.suite == suite.name and self.browser is not None and self.browser.is_connected():
            return
        if self.browser is not None:
            self.browser.close()
        self.browser_pid = None
        if self.site is not None:
            self.site.close()
            self.site = None
        self.site = suite.open()
        self.fence = Fence(self.site.hosts)
        self.fence.go_direct()
        try:
            self.browser = self.playwright.chromium.launch(
                headless=self.headless,
                executable_path=require_chromium(headed=not self.headless),
                args=[
                    *self.fence.launch_args(),
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
        if self._shares:
            processes = self.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
            self.browser_pid = next(process["id"] for process in processes if process["type"] == "browser")

    def leave(self) -> None:
        """End the episode, if there is one, and close its pages."""
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
        self._box = None
        try:
            action: Action = parse(text)
            if "screenshot" in self.observe:
                self._box = act.box_of(self, action)
            if stands_on(self._shown, action):
                return f"{action} was not run: it stands on the page word for word, and what a page says is not an action"
            act.perform(self, action)
        except ActionError as error:
            return str(error).splitlines()[0]
        except (PlaywrightError, ValueError) as error:
            return _short(error)
        return ""

    def look(self, *, rested: bool = False) -> dict[str, Any]:
        """What the page is now, once it is at rest."""
        if not rested:
            wait_for_rest(self)
        observation = look(self, observe=self.observe, max_page_lines=self.max_page_lines)
        observation["page"] = "\n".join(filter(None, [*self.dialogs.told(), observation["page"]]))
        self._shown = "\n".join((observation["page"], observation["title"], observation["tabs"]))  # all that a page can write
        return observation

    def screenshot(self) -> str:
        """The viewport as a PNG, base64."""
        return screenshot(self.page)


def _made(suite: Suite, name: str, seed: int, site: Site, task_kwargs: dict[str, Any]) -> Any:
    try:
        return suite.make_task(name, seed, site, task_kwargs)
    except TypeError as error:
        if not task_kwargs:
            raise
        raise ConfigError(f"{suite.name}.{name} does not take task_kwargs (or instance) {task_kwargs}: {error}") from error


def _goal_text(goal: Any) -> str:
    """BrowserGym's goals are a text or a list of OpenAI-style parts, of which the texts are kept."""
    if isinstance(goal, str):
        return goal
    return "\n".join(part["text"] for part in goal if part.get("type") == "text")


def _short(error: Exception) -> str:
    """A Playwright error without its call log, as one line a model can read."""
    text = str(error).split("Call log:")[0].split("=====")[0].strip()
    return re.sub(r"\s+", " ", text)[:300]
