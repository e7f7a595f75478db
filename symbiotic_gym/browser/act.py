"""The typed functions behind the action table: each verb of `symbiotic_gym.actions.VERBS` by its name.

Arguments arrive parsed and checked, so nothing here interprets text. A wait for an element is short: a policy learns more from
"not visible" now than from the same after thirty seconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from symbiotic_gym.actions import Action
from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.browser.uploads import inside

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ElementHandle, Frame, Page

ELEMENT_TIMEOUT_MS = 1000
SLOW_TIMEOUT_MS = 6000
"""On a page that hardly gets to draw: the same wait would say something about the machine, and not about the action."""
_SLOW_S = 0.2
_TWO_FRAMES = (
    "() => new Promise((done) => { setTimeout(done, 1000); requestAnimationFrame(() => requestAnimationFrame(done)); })"
)
_ACTED = re.compile(
    r"(performing [\w ]+ action|action done|waiting for scheduled navigations to finish|selected specified option\(s\)"
    r"|elementHandle\.press\(.*\))\s*\Z"
)
"""How Playwright's log ends when the element was acted on, and the time ran out on what came of it."""

_CHOOSE = """option => {
    const select = option.closest("select");
    option.selected = true;
    for (const type of ["input", "change"]) select.dispatchEvent(new Event(type, { bubbles: true }));
}"""

Button = Literal["left", "middle", "right"]


class Host(Protocol):
    """What the verbs need of a session."""

    page: Page
    context: BrowserContext | None
    chat: list[dict[str, Any]]
    infeasible: bool
    fence: Fence
    uploads: str | None
    patience_ms: int
    """How long an element may take to be there, to be seen and to hold still."""


def perform(host: Host, action: Action) -> None:
    """Run a checked action.

    Playwright waits for the page that a click or a key leads to, in the time that is meant for the element. A slow page is no
    refusal: the action was done, doing it again would do it twice, and who observes waits for the page. Nor is it one that an
    element was not ready in time where the page could not draw in time: then it is tried once more, with more patience.

    Raises:
        ValueError: the element or tab it names does not exist, or cannot be used that way.
        playwright.sync_api.Error: the browser refused it.
    """
    for host.patience_ms in (ELEMENT_TIMEOUT_MS, SLOW_TIMEOUT_MS):
        try:
            _TABLE[action.verb](host, **action.arguments)
            return
        except PlaywrightTimeout as error:
            if _ACTED.search(str(error)):
                return
            if host.patience_ms == SLOW_TIMEOUT_MS or not _is_slow(host.page):
                raise


def _is_slow(page: Page) -> bool:
    """Whether two frames take the page longer than an idle machine would."""
    began = time.monotonic()
    page.evaluate(_TWO_FRAMES)
    return time.monotonic() - began > _SLOW_S


def box_of(host: Host, action: Action) -> tuple[float, float, float, float] | None:
    """Where the element that the action names stands in the viewport: left, top, width, height. None where it has no place."""
    bid = dict(action.arguments).get("bid") or dict(action.arguments).get("from_bid")
    if not isinstance(bid, str):
        return None
    try:
        with _element(host, bid) as element:
            box = element.bounding_box()
    except (PlaywrightError, ValueError):  # the action itself will say why
        return None
    return (box["x"], box["y"], box["width"], box["height"]) if box else None


@contextmanager
def _element(host: Host, bid: str) -> Iterator[ElementHandle]:
    """The element of that bid; letters before the number name the frames it stands in, as in `aaB12`.

    Looked up once: a locator looks each time it is used, through a page's every element, half of a click on a large page.
    """
    with ExitStack() as held:
        frame, path = host.page.main_frame, ""
        for letters in re.findall("[a-z][A-Z]*", bid):
            path += letters
            frame = held.enter_context(_found(frame, path, bid)).content_frame() or _missing(bid)
        yield held.enter_context(_found(frame, bid, bid))


@contextmanager
def _found(frame: Frame, bid: str, named: str) -> Iterator[ElementHandle]:
    selector = f'[bid="{bid}"]'
    # the document itself first: to look into every shadow root takes longer
    found = frame.query_selector(f"css:light={selector}", strict=True) or frame.query_selector(f"css={selector}", strict=True)
    element = found or _missing(named)
    try:
        yield element
    finally:
        with suppress(PlaywrightError):  # it went with its page
            element.dispose()  # or the page could not forget it


def _missing(bid: str) -> NoReturn:
    raise ValueError(f'Could not find element with bid "{bid}"')


def _is_option(element: ElementHandle) -> bool:
    return bool(element.evaluate("e => e.localName === 'option'"))


def _click(host: Host, bid: str, button: Button, modifiers: tuple[Any, ...]) -> None:
    with _element(host, bid) as element:
        if _is_option(element):
            # an option of a closed <select> has no box to click on; choosing it is what is meant
            element.evaluate(_CHOOSE)
            return
        element.click(button=button, modifiers=list(modifiers), timeout=host.patience_ms)


def _dblclick(host: Host, bid: str, button: Button, modifiers: tuple[Any, ...]) -> None:
    with _element(host, bid) as element:
        element.dblclick(button=button, modifiers=list(modifiers), timeout=host.patience_ms)


def _fill(host: Host, bid: str, value: str, enable_autocomplete_menu: bool) -> None:
    with _element(host, bid) as element:
        if enable_autocomplete_menu and value:
            # the last character by keyboard, so that the page's key handlers open their menu
            element.fill(value[:-1], timeout=host.patience_ms)
            element.type(value[-1], timeout=host.patience_ms)
        else:
            element.fill(value, timeout=host.patience_ms)


def _select_option(host: Host, bid: str, options: tuple[str, ...]) -> None:
    with _element(host, bid) as element:
        element.select_option(list(options), timeout=host.patience_ms)


def _check(host: Host, bid: str) -> None:
    with _element(host, bid) as element:
        element.check(timeout=host.patience_ms)


def _uncheck(host: Host, bid: str) -> None:
    with _element(host, bid) as element:
        element.uncheck(timeout=host.patience_ms)


def _press(host: Host, bid: str, key_comb: str) -> None:
    with _element(host, bid) as element:
        element.press(key_comb, timeout=host.patience_ms)


def _focus(host: Host, bid: str) -> None:
    with _element(host, bid) as element:
        element.focus()


def _clear(host: Host, bid: str) -> None:
    with _element(host, bid) as element:
        element.fill("", timeout=host.patience_ms)


def _hover(host: Host, bid: str) -> None:
    with _element(host, bid) as element:
        element.hover(timeout=host.patience_ms)


def _drag_and_drop(host: Host, from_bid: str, to_bid: str) -> None:
    with _element(host, from_bid) as element:
        element.hover(timeout=host.patience_ms)
    host.page.mouse.down()
    with _element(host, to_bid) as element:
        element.hover(timeout=host.patience_ms)
    host.page.mouse.up()


def _scroll(host: Host, delta_x: float, delta_y: float) -> None:
    host.page.mouse.wheel(delta_x, delta_y)


def _keyboard_press(host: Host, key: str) -> None:
    host.page.keyboard.press(key)


def _keyboard_type(host: Host, text: str) -> None:
    host.page.keyboard.type(text)


def _keyboard_insert_text(host: Host, text: str) -> None:
    host.page.keyboard.insert_text(text)


def _mouse_click(host: Host, x: float, y: float, button: Button) -> None:
    host.page.mouse.click(x, y, button=button)


def _mouse_dblclick(host: Host, x: float, y: float, button: Button) -> None:
    host.page.mouse.dblclick(x, y, button=button)


def _mouse_move(host: Host, x: float, y: float) -> None:
    host.page.mouse.move(x, y)


def _mouse_down(host: Host, x: float, y: float, button: Button) -> None:
    host.page.mouse.move(x, y)
    host.page.mouse.down(button=button)


def _mouse_up(host: Host, x: float, y: float, button: Button) -> None:
    host.page.mouse.move(x, y)
    host.page.mouse.up(button=button)


def _mouse_drag_and_drop(host: Host, from_x: float, from_y: float, to_x: float, to_y: float) -> None:
    host.page.mouse.move(from_x, from_y)
    host.page.mouse.down()
    host.page.mouse.move(to_x, to_y)
    host.page.mouse.up()


def _upload_file(host: Host, bid: str, file: tuple[str, ...]) -> None:
    paths = inside(host.uploads, file)
    with _element(host, bid) as element:
        if element.evaluate("e => e instanceof HTMLInputElement && e.type === 'file'"):
            element.set_input_files(paths, timeout=host.patience_ms)
            return
        with host.page.expect_file_chooser(timeout=host.patience_ms) as chooser:  # a button that opens one
            element.click(timeout=host.patience_ms)
    chooser.value.set_files(paths)


def _goto(host: Host, url: str) -> None:
    if refusal := host.fence.refusal(url):
        raise ValueError(refusal)
    host.page.goto(url, wait_until="domcontentloaded")


def _go_back(host: Host) -> None:
    host.page.go_back(wait_until="domcontentloaded")


def _go_forward(host: Host) -> None:
    host.page.go_forward(wait_until="domcontentloaded")


def _new_tab(host: Host) -> None:
    assert host.context is not None
    host.page = host.context.new_page()


def _tab_close(host: Host) -> None:
    host.page.close()


def _tab_focus(host: Host, index: float) -> None:
    assert host.context is not None
    pages = host.context.pages
    if index >= len(pages):
        raise ValueError(f"there is no tab {int(index)}; there are {len(pages)}, numbered from 0")
    host.page = pages[int(index)]
    host.page.bring_to_front()


def _send_msg_to_user(host: Host, text: str) -> None:
    host.chat.append({"role": "assistant", "timestamp": 0.0, "message": text})


def _report_infeasible(host: Host, reason: str) -> None:
    host.chat.append({"role": "infeasible", "timestamp": 0.0, "message": reason})
    host.infeasible = True


def _noop(host: Host, wait_ms: float) -> None:
    host.page.wait_for_timeout(min(wait_ms, 5000))


_TABLE: Mapping[str, Callable[..., None]] = {
    "click": _click,
    "dblclick": _dblclick,
    "fill": _fill,
    "select_option": _select_option,
    "check": _check,
    "uncheck": _uncheck,
    "press": _press,
    "focus": _focus,
    "clear": _clear,
    "hover": _hover,
    "drag_and_drop": _drag_and_drop,
    "scroll": _scroll,
    "keyboard_press": _keyboard_press,
    "keyboard_type": _keyboard_type,
    "keyboard_insert_text": _keyboard_insert_text,
    "mouse_click": _mouse_click,
    "mouse_dblclick": _mouse_dblclick,
    "mouse_move": _mouse_move,
    "mouse_down": _mouse_down,
    "mouse_up": _mouse_up,
    "mouse_drag_and_drop": _mouse_drag_and_drop,
    "upload_file": _upload_file,
    "goto": _goto,
    "go_back": _go_back,
    "go_forward": _go_forward,
    "new_tab": _new_tab,
    "tab_close": _tab_close,
    "tab_focus": _tab_focus,
    "send_msg_to_user": _send_msg_to_user,
    "report_infeasible": _report_infeasible,
    "noop": _noop,
}
