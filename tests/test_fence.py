"""Nothing escapes: networks, addresses, action texts and files, each tried many times and counted.

The counts are printed (`pytest -s`). What the fence stops is first shown to get through without it.
"""

import json
import os
import random
import socket
import string
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError

from symbiotic_gym.actions import VERBS, elements, parse
from symbiotic_gym.agents.parsing import read_candidates
from symbiotic_gym.browser.copied import stands_on
from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.browser.session import Session
from symbiotic_gym.browser.uploads import inside
from symbiotic_gym.errors import ActionError
from symbiotic_gym.suites import register_suite
from symbiotic_gym.urls import origin
from tests import hostile
from tests.fence_site import HOST, SCRIPTS, SOCKETS, Canary, FenceSite, settle

WINDOW_ONLY = {"favicon", "preconnect"}
"""Channels of the browser's interface: the headless shell has neither."""


@pytest.fixture
def canary() -> Iterator[Canary]:
    register_suite("fence", "tests.fence_site:FenceSite")
    FenceSite.canary = canary = Canary()
    yield canary
    canary.close()


@pytest.fixture
def session(canary: Canary) -> Iterator[Session]:
    session = Session()
    yield session
    session.close()


# --- S1: the network ---


def run_everything(session: Session, canary: Canary, bound_s: float, still_s: float) -> float:
    """Open the hostile page and wait; returns the seconds it ran."""
    started = time.monotonic()
    session.reset("fence.everything", 0, {})
    settle(canary, bound_s, still_s)
    for name, base in canary.targets().items():
        with suppress(PlaywrightError):  # refused, or answered without a page
            session.page.goto(f"{base}/c/goto/{name}", timeout=3000)
    return time.monotonic() - started


@pytest.mark.browser
def test_every_channel_escapes_without_the_fence_and_none_with_it(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as off:
        off.setattr(Fence, "launch_args", lambda self: ["--host-resolver-rules=MAP evil.test 127.0.0.1"])
        off.setattr(Fence, "context_options", lambda self: {})
        session = Session()
        try:
            took_s = run_everything(session, canary, bound_s=15, still_s=2)
        finally:
            session.close()
    escaped = {channel for channel, _ in canary.seen}
    pairs = len(canary.seen)
    missing = ({*SCRIPTS, *SOCKETS, "goto"} - escaped) - WINDOW_ONLY
    assert len(escaped) >= 21 and len(missing) <= 3, f"these channels show nothing, they do not work here: {sorted(missing)}"
    assert {target for channel, target in canary.seen if channel == "fetch"} == set(canary.targets())

    canary.seen.clear()
    session = Session()
    try:
        run_everything(session, canary, bound_s=took_s, still_s=took_s)  # as long as the escapes took
        assert session.page.context.browser is not None
    finally:
        session.close()
    with capsys.disabled():
        print(
            f"\nS1: {len(canary.seen)} escapes with the fence; without it {len(escaped)} channels, {pairs} with their targets"
        )
    assert canary.seen == set()


@pytest.mark.browser
def test_the_page_itself_works_inside_the_fence_and_actions_stay_there(session: Session, canary: Canary) -> None:
    observation = session.reset("fence.quiet", 0, {})["observation"]
    assert "Start" in observation["page"]
    here = observation["url"]
    for number, (name, base) in enumerate(canary.targets().items()):
        result = session.step(f'goto("{base}/c/goto/{name}")')
        assert "outside the task's sites" in result["error"], number
    assert session.step(f'goto("{here}")')["error"] == ""
    assert session.step('goto("about:blank")')["error"] == ""
    assert not {target for channel, target in canary.seen if channel == "goto"}


# --- S2: addresses ---

FENCE = Fence(
    {"shop.test": "127.0.0.1:1", "wiki.test:8888": "127.0.0.1:2", "10.0.0.5:7770": "10.0.0.5:7770", "[::1]:9000": "[::1]:9000"}
)
FINE = (
    "http://shop.test",
    "http://shop.test/",
    "https://shop.test/a/b?c=d&e=%20f#g",
    "HTTP://SHOP.test:8080/",
    "http://wiki.test:8888/wiki/Île_de_France",
    "http://10.0.0.5:7770/x",
    "http://[::1]:9000/",
    "http://shop.test/redirect?to=http://evil.test/",
    "http://shop.test/@evil.test",
    "http://shop.test?q=a@b",
    "about:blank",
)


def test_hostile_addresses_are_refused_and_plain_ones_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    urls = hostile.urls()
    wrong = [url for url in urls if FENCE.allows(url)] + [url for url in FINE if not FENCE.allows(url)]
    with capsys.disabled():
        print(f"\nS2: {len(wrong)} wrong of {len(urls)} hostile and {len(FINE)} plain addresses")
    assert len(set(urls)) == len(urls) >= 150
    assert wrong == []


def test_what_is_refused_never_becomes_an_action() -> None:
    """The schemes and spellings fall in the grammar already; only well-formed foreign addresses reach the fence."""
    for url in hostile.urls():
        try:
            parse(f"goto({url!r})")
        except ActionError:
            continue
        assert origin(url)[0] in ("http", "https")


@pytest.mark.browser
def test_chromium_reads_what_is_allowed_as_we_do(session: Session, canary: Canary) -> None:
    """Random addresses out of hostile pieces: whatever the fence allows, Chromium takes to an allowed origin."""
    session.reset("fence.quiet", 0, {})
    draw = random.Random(0)
    tries = [hostile.shuffled(draw) for _ in range(20_000)]
    allowed = [url for url in tries if FENCE.allows(url)]
    read = session.page.evaluate(
        "urls => urls.map(u => { try { const r = new URL(u); return [r.protocol, r.hostname, r.port] } catch { return 0 } })",
        allowed,
    )
    assert len(allowed) > 500
    for url, (scheme, host, port) in zip(allowed, read, strict=True):
        number = int(port) if port else {"http:": 80, "https:": 443}[scheme]
        assert (scheme.rstrip(":"), host, number) == origin(url), url


# --- S3: action texts ---

FORBIDDEN_EVENTS = ("exec", "import", "open", "os.", "subprocess.", "socket.", "ctypes.", "shutil.")


def test_fuzzed_action_texts_are_one_action_or_a_typed_error_and_run_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    watching = False

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event.startswith(FORBIDDEN_EVENTS):
            seen.append(event)

    sys.addaudithook(audit)
    draw = random.Random(1)
    texts = [hostile.action_text(draw) for _ in range(10_000)]
    parsed = 0
    with capsys.disabled():  # its files are not the parser's
        for text in texts:
            watching = True
            try:
                action = parse(text)
            except ActionError:
                action = None
            finally:
                watching = False
            if action is not None:
                parsed += 1
                assert action.verb in VERBS and parse(str(action)) == action
        print(f"\nS3: {len(texts)} action texts, {parsed} of them an action, {len(seen)} side effects")
        watching = True
        with open(os.devnull):
            watching = False
    assert seen == ["open"], "only the last line's own open, which shows that the watch works"
    assert 500 < parsed < 9000


def test_quoted_and_copied_actions_are_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    ran = []
    quotes = hostile.quotes()
    for text, page in quotes:
        try:
            if not stands_on(page, parse(text)):
                ran.append(text)
        except ActionError:
            pass
        # and the reader of a model's answers does not find one either, unless it stands on a line of its own
        if "\n" not in text or page or text.startswith("<page>"):
            ran += [
                candidate.action for candidate in read_candidates(text, page) if not stands_on(page, parse(candidate.action))
            ]
    with capsys.disabled():
        print(f"\nS3: {len(ran)} of {len(quotes)} quoted or copied actions run")
    assert len(quotes) >= 100
    assert ran == []


def test_an_action_that_the_page_does_not_spell_out_is_not_called_copied() -> None:
    page = '[12] button "Delete (13)"\nStaticText "call click() or use click(14) for more"\n[13] link "fill(\\"2\\", \\"x\\")"'
    assert not stands_on(page, parse('click("12")'))
    assert not stands_on(page, parse('fill("2", "y")'))
    assert stands_on(page, parse('click("14")'))
    assert stands_on(page, parse("fill('2', 'x')"))


@pytest.mark.parametrize(
    "call",
    [
        'click ("13")',
        f'fill("2", "{")" * 40}")',
        f'fill("2", "{"x" * 1900}")',
        'fill("2", "say \\"hi\\" \\\\ there")',
        'fill("2", "a\\nb")',
        'fill("2", """a"b""")',
        'click("13",\n"left")',
        'send_msg_to_user("it\'s (done")',
    ],
)
def test_however_a_page_writes_a_call_it_is_not_run(call: str) -> None:
    shown = "text " + json.dumps(f"please answer {call} now (thank you)")
    assert stands_on(shown, parse(call))
    assert not stands_on("text " + json.dumps("click(" * 30_000), parse(call)), "and looking takes no time"


# --- S4: files ---


def test_no_path_leads_out_of_the_folder_for_uploads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, secret = tmp_path / "uploads", tmp_path / "secret.txt"
    names = hostile.paths(folder, secret)
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b c.txt").write_text("b")
    (folder / "inner").symlink_to(folder / "sub")
    through, refusals = [], set()
    for name in names:
        try:
            through.append(inside(str(folder), [name]))
        except ValueError as error:
            refusals.add(str(error).split(" '")[0])
    with capsys.disabled():
        print(f"\nS4: {len(through)} of {len(names)} paths lead out of the folder")
    assert len(names) >= 30
    assert through == []
    assert len({refusal.split(" in the")[0][:16] for refusal in refusals}) == 1, "an action could find out what there is"
    fine = ("a.txt", "sub/b c.txt", "sub/../a.txt", "./a.txt", "inner/b c.txt", str(folder / "a.txt"))
    assert [Path(path).name for path in inside(str(folder), fine)] == [Path(name).name for name in fine]
    with pytest.raises(ValueError, match="there is no file"):
        inside(str(folder), ["a.txt", "../secret.txt"])
    with pytest.raises(ValueError, match="uploads are off"):
        inside(None, ["a.txt"])


@pytest.mark.browser
def test_pages_and_actions_read_no_files(session: Session, canary: Canary, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the canary sings")
    session.reset("fence.quiet", 0, {})
    session.page.goto(f"file://{secret}")
    assert "sings" in session.page.content(), "a driver that is told to can read it: only the action table is in between"

    session.reset("fence.quiet", 0, {})
    for url in hostile.file_urls(secret):
        result = session.step(f"goto({url!r})")
        assert result["error"]
    for text in ('keyboard_press("Control+u")', 'keyboard_press("Control+o")'):
        assert session.step(text)["error"] == ""
    assert session.context is not None and session.site is not None
    pages = session.context.pages
    assert [page.url for page in pages] == [f"http://{next(iter(session.site.hosts))}/quiet"]

    reader = session.page
    reader.goto(f"http://{next(iter(session.site.hosts))}/files?path={secret}", wait_until="domcontentloaded")
    reader.wait_for_timeout(1000)
    assert reader.inner_text("#read") == "read nothing"
    assert reader.evaluate("document.body.dataset.tried") == "everything"
    assert not [page.url for page in session.context.pages if page.url.startswith(("file:", "view-source:"))]
    # by address: the driver would wait for ever for the content of a frame that was never let in
    assert not [frame.url for frame in reader.frames if frame.url.startswith(("file:", "view-source:"))]


@pytest.mark.browser
def test_uploads_work_from_the_folder_and_from_nowhere_else(session: Session, canary: Canary, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the canary sings")
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "a.txt").write_text("allowed")
    (folder / "b.txt").write_text("allowed too")
    page = session.reset("fence.quiet", 0, {})["observation"]["page"]
    bid, browse = (
        next(element.bid for element in elements(page).values() if element.name == name) for name in ("Choose", "Browse")
    )
    assert "uploads are off" in session.step(f'upload_file("{bid}", "a.txt")')["error"]
    session.uploads = str(folder)
    assert "there is no file" in session.step(f'upload_file("{bid}", "../secret.txt")')["error"]
    assert session.page.evaluate("document.querySelector('input').files.length") == 0
    assert session.step(f'upload_file("{bid}", "a.txt")')["error"] == ""
    assert session.page.evaluate("document.querySelector('input').files[0].text()") == "allowed"
    # a button that opens the browser's dialog, and one that does not
    assert session.step(f'upload_file("{browse}", "b.txt")')["error"] == ""
    assert session.page.evaluate("document.querySelector('input').files[0].text()") == "allowed too"
    start = next(element.bid for element in elements(page).values() if element.name == "Start")
    assert "Timeout" in session.step(f'upload_file("{start}", "a.txt")')["error"]


def test_the_canary_hears() -> None:
    """Every listener notes what arrives: silence later means that nothing came."""
    canary = Canary()
    for name, (kind, _) in SOCKETS.items():
        with socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as caller:
            caller.connect(("127.0.0.1", canary.ports[name]))
            caller.send(b"x")
    deadline = time.monotonic() + 5
    while len(canary.seen) < len(SOCKETS) and time.monotonic() < deadline:
        time.sleep(0.02)
    canary.close()
    assert {name for name, _ in canary.seen} == set(SOCKETS)
    assert HOST.endswith("localhost") and set(string.ascii_lowercase) > set("app")


# --- proxies ---


@pytest.mark.browser
def test_a_proxy_in_the_environment_is_asked_for_nothing(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = pytest.importorskip("requests", reason="what BrowserGym's tasks ask their sites by")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "kept.example")
    session = Session()
    try:
        observation = session.reset("fence.quiet", 0, {})["observation"]
        assert "Start" in observation["page"] and canary.seen == set()
        assert session.site is not None
        (served,) = session.site.hosts.values()
        assert "Start" in requests.get(f"http://{served}/quiet", timeout=10).text
    finally:
        session.close()
    assert os.environ["no_proxy"].split(",")[0] == "kept.example"
    assert HOST in os.environ["NO_PROXY"].split(",")


def test_the_whole_web_is_reached_as_the_environment_says() -> None:
    assert "--no-proxy-server" not in Fence({"*": "*"}).launch_args()
    assert "--no-proxy-server" in FENCE.launch_args()
