"""Actions on a page whose answer is slow: what was done is not refused, and what was not done is."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from symbiotic_gym.actions import parse
from symbiotic_gym.browser import act
from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.browser.find import require_chromium

pytestmark = pytest.mark.browser

_PAGE = b"""<form action=/slow><input name=q bid=1><button bid=2>Go</button>
<select bid=3 onchange="form.submit()"><option>A<option>B</select></form><a bid=4 href=/slow>Link</a>
<button bid=5 hidden>Hidden</button>
<div style="position:relative"><button bid=6>Covered</button><div style="position:absolute;inset:0">Above</div></div>"""


class _Slow(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        if self.path.startswith("/slow"):
            _Slow.asked += 1
            time.sleep(2.5)
        body = b"<h1>Arrived</h1>" if self.path.startswith("/slow") else _PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class _Host:
    page: Page
    context: BrowserContext | None = None
    chat: list[dict[str, Any]] = field(default_factory=list)
    infeasible: bool = False
    fence: Fence = field(default_factory=lambda: Fence({}))
    uploads: str | None = None
    patience_ms: int = act.ELEMENT_TIMEOUT_MS


@pytest.fixture(scope="module")
def host() -> Iterator[_Host]:
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("bid")
        browser = playwright.chromium.launch(executable_path=require_chromium())
        yield _Host(browser.new_page())
        browser.close()


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("action", ['click("2")', 'click("4")', 'press("1", "Enter")', 'select_option("3", "B")'])
def test_a_slow_page_is_no_refusal(host: _Host, address: str, action: str) -> None:
    _Slow.asked = 0
    host.page.goto(address)
    act.perform(host, parse(action))
    host.page.wait_for_url("**/slow*", timeout=10_000)
    assert _Slow.asked == 1


@pytest.mark.parametrize(("action", "why"), [('click("5")', "not visible"), ('click("6")', "intercepts pointer events")])
def test_what_was_not_done_is_refused(host: _Host, address: str, action: str, why: str) -> None:
    host.page.goto(address)
    with pytest.raises(Error, match=why):
        act.perform(host, parse(action))


_LATE = """<button bid=1 hidden onclick="document.title += 'clicked'">Go</button>
<script>setTimeout(() => { document.querySelector("button").hidden = false }, 2000)</script>"""
_JANKY = """<script>
const draw = () => { const end = performance.now() + 150; while (performance.now() < end); requestAnimationFrame(draw) };
draw()</script>"""


@pytest.mark.parametrize("slow", [True, False])
def test_an_element_that_is_late_on_a_slow_page_is_waited_for(host: _Host, monkeypatch: pytest.MonkeyPatch, slow: bool) -> None:
    monkeypatch.setattr(act, "_is_slow", lambda page: slow)
    host.page.set_content(_LATE)
    if slow:
        act.perform(host, parse('click("1")'))
    else:
        with pytest.raises(Error, match="not visible"):
            act.perform(host, parse('click("1")'))
    assert host.page.title() == ("clicked" if slow else "")


def test_a_page_is_slow_that_does_not_get_to_draw(host: _Host) -> None:
    host.page.set_content(_JANKY)
    assert act._is_slow(host.page)
    host.page.goto("about:blank")


def test_a_page_that_draws_in_time_gets_no_second_try(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.page.set_content("<button bid=2 hidden>Hidden</button>")
    tried: list[int] = []

    def click(host: _Host, **_: Any) -> None:
        tried.append(host.patience_ms)
        host.page.click("button", timeout=300)

    monkeypatch.setitem(act._TABLE, "click", click)
    with pytest.raises(Error, match="not visible"):
        act.perform(host, parse('click("2")'))
    assert tried == [act.ELEMENT_TIMEOUT_MS]


_BUTTON = "<button bid=aaB7 onclick='top.document.title = 7'>x</button>"
_NESTED = """button => {
    const inside = (frame, html) => frame.contentDocument.body.innerHTML = html;
    const root = document.querySelector("p").attachShadow({mode: "open"});
    root.innerHTML = '<iframe bid=a></iframe><button bid=8 onclick="document.title = 8">y</button>';
    inside(root.firstChild, "<iframe bid=aaB></iframe>");
    inside(root.firstChild.contentDocument.querySelector("iframe"), button);
}"""


@pytest.mark.parametrize("bid", ["8", "aaB7"])
def test_what_stands_in_frames_and_shadow_roots_is_found(host: _Host, bid: str) -> None:
    host.page.set_content("<p></p>")
    host.page.evaluate(_NESTED, _BUTTON)
    act.perform(host, parse(f'click("{bid}")'))
    assert host.page.title() == bid[-1]


@pytest.mark.parametrize("bid", ["9", "a9", "8a9"])
def test_what_is_not_there_is_said_so(host: _Host, bid: str) -> None:
    host.page.set_content("<button bid=8>y</button>")
    with pytest.raises(ValueError, match=r"Could not find|8a9"):
        act.perform(host, parse(f'click("{bid}")'))


def test_of_two_elements_with_one_id_none_is_taken(host: _Host) -> None:
    host.page.set_content("<button bid=8>y</button><button bid=8>z</button>")
    with pytest.raises(Error, match="strict"):
        act.perform(host, parse('click("8")'))
