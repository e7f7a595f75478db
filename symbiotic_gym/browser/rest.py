"""When a page may be observed: as soon as nothing that the action set off is still on its way, and at a bound otherwise.

What is on its way inside a document is counted by `watch.js`. What only the outside can see is waited for here: a document that
is being replaced by another, a tab that is about to open, and frames of other origins.
"""

import re
import time
from contextlib import suppress
from typing import Any, Protocol

from playwright.sync_api import BrowserContext, Frame, Page, Request
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from symbiotic_gym.browser.site_faults import is_page

__all__ = ["NAVIGATION_BOUND_MS", "REST_BOUND_MS", "Navigations", "close_when_loaded", "mid_navigation", "wait_for_rest"]

REST_BOUND_MS = 3000
"""A page that never rests is observed after this long."""
NAVIGATION_BOUND_MS = 10_000
"""How long a site may take to answer with the next page; the old one would say nothing about the action."""
_TAB_BOUND_MS = 2000
_LOAD_BOUND_MS = 2000
_LOOK_MS = 300
_POLL_MS = 10
_REST = "(ms) => window.__symbiotic ? window.__symbiotic.rest(ms) : {state: 'rest', opened: 0, foreign: 0}"
_LEAVING = "() => Boolean(window.__symbiotic && window.__symbiotic.leaving())"
_STAY = "() => window.__symbiotic?.stay()"
_SUPERSEDED_MS = 50
"""A navigation that another one cut off looks for a moment as if it had brought nothing."""


class Navigations:
    """Whether a navigation of a tab ended without a page, as downloads and answers of 204 do: the old page then stays."""

    def __init__(self) -> None:
        self.fruitless = False
        self._under_way: set[Request] = set()

    def watch(self, context: BrowserContext) -> None:
        """Follow every page of an episode."""
        context.on("request", self._on_request)
        context.on("requestfinished", self._on_finished)
        context.on("requestfailed", self._on_failed)

    def _on_request(self, request: Request) -> None:
        if is_page(request):
            self._under_way.add(request)
            self.fruitless = False

    def _on_finished(self, request: Request) -> None:
        self._under_way.discard(request)

    def _on_failed(self, request: Request) -> None:
        if request in self._under_way:
            self._under_way.remove(request)
            self.fruitless = not self._under_way


class Host(Protocol):
    """What waiting needs of a session."""

    navigations: Navigations

    @property
    def page(self) -> Page:
        """The active tab, which changes when one opens."""


def wait_for_rest(host: Host) -> bool:
    """Wait until the active page is at rest.

    Returns:
        False when it was not at rest by `REST_BOUND_MS`, or when the next page did not come by `NAVIGATION_BOUND_MS`.

    Raises:
        playwright.sync_api.Error: the page is gone, or its renderer has crashed.
    """
    deadline = _in_ms(REST_BOUND_MS)
    page = host.page
    while (left_ms := _left_ms(deadline)) > 0:
        if host.page is not page:  # a tab opened while this one was watched
            page, deadline = host.page, _in_ms(REST_BOUND_MS)
        if _never_comes(host, page):
            continue
        try:
            _comes_in(host, page)
            answer = page.evaluate(_REST, left_ms)
            if answer["state"] == "leaving":
                if not _arrives(host, page.main_frame):
                    return False
                deadline = _in_ms(REST_BOUND_MS)
            elif answer["opened"] and _tab_opens(host, page):
                continue
            elif host.page is page and not _never_comes(host, page):
                if answer["state"] == "busy":
                    return False
                if not answer["foreign"] or _frames_rest(page, deadline):
                    return True
        except PlaywrightTimeout:
            if not _never_comes(host, page):
                return False  # a page that is still coming in is seen as far as it has come
        except PlaywrightError as error:
            if not mid_navigation(error):
                raise
            deadline = _in_ms(REST_BOUND_MS)  # another document, with work of its own
            if page.is_closed() and host.page is page:
                raise
    return False


def _comes_in(host: Host, page: Page) -> None:
    """Wait until a document is there; one whose connection broke in the middle never will be."""
    deadline = _in_ms(NAVIGATION_BOUND_MS)
    while True:
        try:
            page.wait_for_load_state("domcontentloaded", timeout=_LOOK_MS)
            return
        except PlaywrightTimeout:
            if host.navigations.fruitless or _left_ms(deadline) <= 0:
                raise


def _never_comes(host: Host, page: Page) -> bool:
    """Close a tab that was opened for what is no page (a download, mailto:), as Chrome does; False where it is not one."""
    if page.url or len(page.context.pages) < 2:
        return False
    deadline = _in_ms(_LOOK_MS)
    while not page.url and not host.navigations.fruitless and _left_ms(deadline) > 0:
        page.wait_for_timeout(_POLL_MS)
    if page.url or not host.navigations.fruitless:
        return False
    with suppress(PlaywrightError):  # it may have closed itself
        page.close(coming_in=False)  # type: ignore[call-arg] # see close_when_loaded
    return True


def close_when_loaded(page: Page) -> None:
    """Have `page.close()` wait for the document that is coming in.

    A Chromium newer than Playwright loses a close that meets a new document: one in twenty closes right after a login's click
    never returns (BrowserGym's `ui_login` has such ones).
    """
    close = page.close

    def patiently(*, coming_in: bool = True, **options: Any) -> None:
        with suppress(PlaywrightError):  # it hangs or has crashed, and is closed as it is
            if coming_in:
                page.wait_for_load_state("load", timeout=_LOAD_BOUND_MS)
        close(**options)

    page.close = patiently  # type: ignore[method-assign]


def mid_navigation(error: Exception) -> bool:
    """Whether a call failed only because its document was being replaced."""
    return bool(re.search(r"context was destroyed|navigat|detached|Cannot find context", str(error), re.I))


def _arrives(host: Host, frame: Frame) -> bool:
    """Wait until the document that is being left is gone, or stays after all."""
    deadline = _in_ms(NAVIGATION_BOUND_MS)
    while _left_ms(deadline) > 0:
        if not frame.evaluate(_LEAVING):  # raises when the document goes in the middle, which is the same news
            return True
        if host.navigations.fruitless:
            frame.page.wait_for_timeout(_SUPERSEDED_MS)
            if host.navigations.fruitless:
                host.navigations.fruitless = False
                frame.evaluate(_STAY)
        frame.page.wait_for_timeout(_POLL_MS)
    return False


def _tab_opens(host: Host, page: Page) -> bool:
    """A tab is announced only once its first answer has come."""
    deadline = _in_ms(_TAB_BOUND_MS)
    while host.page is page and _left_ms(deadline) > 0:
        if host.navigations.fruitless:  # a download or the like: the tab is gone again, or is about to come without a page
            deadline = min(deadline, _in_ms(_LOOK_MS))
        page.wait_for_timeout(_POLL_MS)
    return host.page is not page


def _frames_rest(page: Page, deadline: float) -> bool:
    """Whether the frames were at rest without waiting; what they did meanwhile can have reached the page."""
    began = time.monotonic()
    for frame in page.frames[1:]:
        if not frame.is_detached():
            answer: dict[str, Any] = frame.evaluate(_REST, max(_left_ms(deadline), 1))
            if answer["state"] == "leaving":
                return False
    return time.monotonic() - began < 0.1 * len(page.frames)


def _in_ms(ms: float) -> float:
    return time.monotonic() + ms / 1000


def _left_ms(deadline: float) -> int:
    return int(1000 * (deadline - time.monotonic()))
