"""When a page is observed: after links that lead nowhere, tabs of every kind, dialogs, and answers of workers and sockets."""

import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from symbiotic_gym.actions import elements
from symbiotic_gym.browser.session import Session
from symbiotic_gym.suites import Site

pytestmark = pytest.mark.browser
HOST = "rest.test"
AT_ONCE_S = 2.5
"""A step without anything to wait for takes a tenth of it on a machine of its own; what is tested for costs ten seconds."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        body, kind = unquote(path[len("/page/") :]), "text/html"
        if path == "/after":
            body = "<title>After</title><p>after</p>"
        elif path == "/echo.js":
            body, kind = "onmessage = (e) => setTimeout(() => postMessage(1), e.data)", "text/javascript"
        elif path == "/mute.js":
            body, kind = "onmessage = () => 0", "text/javascript"
        elif path == "/shared.js":
            body = (
                "onconnect = (c) => { const p = c.ports[0]; p.onmessage = (e) => setTimeout(() => p.postMessage(1), e.data) }"
            )
            kind = "text/javascript"
        elif path == "/file":
            kind = "application/octet-stream"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Rest:
    """A suite whose tasks are named by the HTML of their page."""

    name = "rest"

    def tasks(self) -> tuple[str, ...]:
        return ()

    def open(self) -> Site:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def close() -> None:
            server.shutdown()
            server.server_close()

        return Site(suite=self.name, hosts={HOST: f"127.0.0.1:{server.server_address[1]}"}, close=close)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        from urllib.parse import quote

        from browsergym.core.task import OpenEndedTask

        return OpenEndedTask(seed, start_url=f"http://{HOST}/page/{quote(name, safe='')}", goal="look")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


Act = Callable[..., dict[str, Any]]


@pytest.fixture
def act(session: Session) -> Act:
    """Open a page of this HTML and click what is called Go, `times` times; returns what the last click did."""

    def act(html: str, *, times: int = 1, call: str = "click({bid!r})") -> dict[str, Any]:
        page = session.start(Rest(), html, 0, {})["observation"]["page"]
        for _ in range(times):
            bid = next(element.bid for element in elements(page).values() if element.name == "Go")
            answer = session.step(call.format(bid=bid))
            page = answer["observation"]["page"]
        return answer

    return act


# --- what leads nowhere ---

NOWHERE = {
    "mailto": "<a href='mailto:a@b.test'>Go</a>",
    "tel": "<a href='tel:123'>Go</a>",
    "tel in a tab": "<a target=_blank href='tel:123'>Go</a>",
    "by script": "<button onclick=\"location = 'mailto:a@b.test'\">Go</button>",
    "later": "<button onclick=\"setTimeout(() => location = 'mailto:a@b.test', 100)\">Go</button>",
    "opened": "<button onclick=\"window.open('mailto:a@b.test')\">Go</button>",
    "form": "<form action='mailto:a@b.test'><button>Go</button></form>",
    "frame": "<a target=f href='sms:1'>Go</a><iframe name=f></iframe>",
    "file": "<a href='file:///etc/passwd'>Go</a>",
    "data": "<a href='data:text/html,x'>Go</a>",
    "ftp": "<a href='ftp://rest.test/x'>Go</a>",
    "prevented": "<a href='mailto:a@b.test' onclick='return false'>Go</a>",
    "download": "<a download href='/file'>Go</a>",
    "download in a tab": "<a target=_blank href='/file'>Go</a>",
}


@pytest.mark.parametrize("how", NOWHERE)
def test_what_leads_nowhere_costs_nothing_and_leaves_the_page(act: Act, session: Session, how: str) -> None:
    answer = act(NOWHERE[how] + "<p>still here</p>")
    observation = answer["observation"]
    assert 'text "still here"' in observation["page"]
    assert len(observation["tabs"].splitlines()) == 1
    assert answer["seconds"]["rest"] < AT_ONCE_S
    again = session.step("noop(1)")
    assert 'text "still here"' in again["observation"]["page"]
    assert again["seconds"]["rest"] < AT_ONCE_S


def test_a_script_in_a_link_that_leads_on_is_followed(act: Act) -> None:
    assert act("<a href=\"javascript:void(location = '/after')\">Go</a>")["observation"]["page"] == 'text "after"'


# --- tabs ---

TABS = {
    "blank": "<a target=_blank href=/after>Go</a>",
    "noopener": "<a target=_blank rel='noopener noreferrer' href=/after>Go</a>",
    "named": "<a target=other href=/after>Go</a>",
    "named, noopener": "<a target=other rel=noopener href=/after>Go</a>",
    "base": "<base target=_blank><a href=/after>Go</a>",
    "script": "<button onclick=\"window.open('/after')\">Go</button>",
    "script, noopener": "<button onclick=\"window.open('/after', '_blank', 'noopener')\">Go</button>",
    "script, named, noreferrer": "<button onclick=\"window.open('/after', 'other', 'noreferrer,popup')\">Go</button>",
    "form": "<form target=_blank action=/after><button>Go</button></form>",
    "button of a form": "<form action=/after><button formtarget=other>Go</button></form>",
    "submitted form": "<form id=f target=_blank action=/after></form><button onclick='f.submit()'>Go</button>",
}


@pytest.mark.parametrize("how", TABS)
def test_tabs_are_observed_at_rest_however_they_open(act: Act, session: Session, how: str) -> None:
    observation = act(TABS[how])["observation"]
    assert observation["page"] == 'text "after"'
    tabs = observation["tabs"].splitlines()
    assert len(tabs) == 2 and tabs[1].startswith("* 1: After")
    session.step("tab_close()")
    assert len(session.step("noop(1)")["observation"]["tabs"].splitlines()) == 1


def test_a_click_to_the_side_opens_a_tab(act: Act) -> None:
    for call in ("click({bid!r}, 'middle')", "click({bid!r}, 'left', ['Control'])"):
        observation = act("<a href=/after>Go</a>", call=call)["observation"]
        assert observation["page"] == 'text "after"' and len(observation["tabs"].splitlines()) == 2


def test_what_goes_to_a_frame_is_no_tab(act: Act) -> None:
    for html in ("<a target=f href=/after>Go</a>", "<button onclick=\"window.open('/after', 'f')\">Go</button>"):
        answer = act(html + "<iframe name=f></iframe>")
        assert 'text "after"' in answer["observation"]["page"]
        assert len(answer["observation"]["tabs"].splitlines()) == 1
        assert answer["seconds"]["rest"] < 1.9, "a tab that never opens is waited for two seconds"


# --- dialogs ---


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (
            "p.textContent = confirm('Delete \"it\"?')",
            '(the page asked "Delete \\"it\\"?" in a confirm, and was answered Cancel)',
        ),
        ("p.textContent = prompt('Name?') ?? false", '(the page asked "Name?" in a prompt, and was answered Cancel)'),
        (
            "alert('Saved\\n[1] button'); p.textContent = false",
            '(the page said "Saved\\n[1] button" in an alert, which is closed)',
        ),
    ],
)
def test_the_policy_is_told_of_dialogs_once(act: Act, session: Session, script: str, line: str) -> None:
    answer = act(f"<p id=p>x</p><button onclick='{script.replace(chr(39), '&#39;')}'>Go</button>")
    assert answer["error"] == ""
    assert answer["observation"]["page"].splitlines() == [line, 'text "false"', answer["observation"]["page"].splitlines()[-1]]
    assert "(the page" not in session.step("noop(1)")["observation"]["page"]


def test_many_dialogs_are_few_lines_and_those_of_the_start_page_are_told_too(session: Session) -> None:
    page = session.start(Rest(), "<script>for (let i = 0; i < 9; i++) alert(i)</script>", 0, {})["observation"]["page"]
    assert [line[:17] for line in page.splitlines()] == [
        '(the page said "0',
        '(the page said "1',
        '(the page said "2',
        "(it opened more d",
    ]


# --- answers ---

ANSWERS = {
    "worker": "const w = new Worker('/echo.js'); w.onmessage = done; go = () => w.postMessage(500)",
    "new worker": "go = () => { const w = new Worker('/echo.js'); w.onmessage = done; w.postMessage(300) }",
    "shared worker": "const w = new SharedWorker('/shared.js').port; w.onmessage = done; go = () => w.postMessage(500)",
    "itself": "onmessage = (e) => setTimeout(done, e.data); go = () => postMessage(500, '*')",
    "channel": "const c = new MessageChannel; c.port2.onmessage = () => setTimeout(done, 9); go = () => c.port1.postMessage(1)",
}


def answering(script: str) -> str:
    start = "<p id=p>before</p><button onclick=go()>Go</button><script>let go; const done = () => p.textContent = 'after';"
    return f"{start} {script}</script>"


@pytest.mark.parametrize("how", ANSWERS)
def test_answers_to_messages_are_waited_for(act: Act, how: str) -> None:
    assert 'text "after"' in act(answering(ANSWERS[how]))["observation"]["page"]


def test_who_never_answers_is_waited_for_once(act: Act, session: Session) -> None:
    answer = act(answering("const w = new Worker('/mute.js'); go = () => w.postMessage(1)"))
    assert 0.5 < answer["seconds"]["rest"] < AT_ONCE_S
    waits = [session.step(f'click("{_go(answer)}")')["seconds"]["rest"] for _ in range(3)]
    assert min(waits) < 0.5


def test_a_worker_that_chats_keeps_no_page_from_resting(act: Act, session: Session) -> None:
    chat = "new Blob(['setInterval(() => postMessage(1), 5); onmessage = () => 0'])"
    script = f"const w = new Worker(URL.createObjectURL({chat})); w.onmessage = () => window.n = 1; go = () => w.postMessage(1)"
    answer = act(answering(script), times=2)
    assert answer["seconds"]["rest"] < 0.95


def _go(answer: dict[str, Any]) -> str:
    page = answer["observation"]["page"]
    return next(element.bid for element in elements(page).values() if element.name == "Go")
