"""What an observation says of the page: its text, by one walk inside it (`page.js`), its tabs, and what was asked for beyond.

What nobody asked for costs nothing: no DOM snapshot, no picture, none of BrowserGym's own extraction.
"""

import base64
import json
from importlib import resources
from typing import Any, Protocol

from playwright.sync_api import BrowserContext, Frame, Page
from playwright.sync_api import Error as PlaywrightError

from symbiotic_gym.browser.rest import Navigations, mid_navigation, wait_for_rest

__all__ = ["WALKER", "look", "screenshot"]

_PAGE = resources.files(__package__).joinpath("page.js").read_text("utf-8")
WALKER = f"Object.defineProperty(window, '__symbioticWalk', {{ value: ({_PAGE})() }})"
"""Runs in every frame before the page's own scripts, after `dom_accessibility.js` and `watch.js`."""
_WALK = "([prefix, budget]) => window.__symbioticWalk(prefix, budget)"


class Host(Protocol):
    """What looking needs of a session."""

    context: BrowserContext | None
    navigations: Navigations

    @property
    def page(self) -> Page:
        """The active tab."""


def look(host: Host, *, observe: tuple[str, ...], max_page_lines: int) -> dict[str, Any]:
    """What the active page is now.

    Args:
        host: the session.
        observe: the opt-in keys to fill (`screenshot`, `axtree`, `dom`, `extra`).
        max_page_lines: a longer page text is cut to what is near the viewport, and says so.

    Raises:
        playwright.sync_api.Error: the page cannot be read.
    """
    for tries_left in (2, 1, 0):
        try:
            lines, title = _walk(host.page.main_frame, "", max_page_lines)
            break
        except PlaywrightError as error:
            if not tries_left or not mid_navigation(error):
                raise
            wait_for_rest(host)
    assert host.context is not None
    tabs = [
        f"{'*' if page is host.page else ' '} {i}: {title if page is host.page else page.title()} {page.url}"
        for i, page in enumerate(host.context.pages)
    ]
    seen = {"page": "\n".join(lines), "url": host.page.url, "title": title, "tabs": "\n".join(tabs)}
    return seen | _opt_in(host.page, observe)


def screenshot(page: Page) -> str:
    """The viewport as a PNG, base64."""
    return base64.b64encode(page.screenshot(type="png", animations="disabled")).decode("ascii")


def _walk(frame: Frame, prefix: str, budget: int) -> tuple[list[str], str]:
    """The lines of a frame and of those inside it, at most `budget`, and its title."""
    walked = frame.evaluate(_WALK, [prefix, budget])
    found: list[str] = walked["text"].split("\n") if walked["text"] else []
    if "\0" not in walked["text"]:
        return found, walked["title"]
    lines: list[str] = []
    for line in found:
        indent, mark, bid = line.partition("\0")
        if not mark:
            lines.append(line)
            continue
        handle = frame.query_selector(f'[bid="{bid}"]')
        child = handle.content_frame() if handle else None
        if handle is not None:
            handle.dispose()
        if child is not None:
            lines += [indent + "  " + inner for inner in _walk(child, bid, max(budget - len(lines), 1))[0]]
    return lines, walked["title"]


def _opt_in(page: Page, observe: tuple[str, ...]) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if "screenshot" in observe:
        extras["screenshot"] = screenshot(page)
    if "dom" in observe:
        extras["dom"] = page.content()
    if {"axtree", "extra"} & set(observe):
        extras |= _browsergym_objects(page, observe)
    return extras


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
