"""The viewer: what it counts, that it opens what is large or damaged, and in a real browser that a trajectory stays text."""

import hashlib
import io
import json
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError, StoreError
from symbiotic_gym.store import EpisodeLog, Tally
from symbiotic_gym.types import Acceptance, Candidate, Decision, Outcome, Step, Trajectory, Usage, to_json
from symbiotic_gym.viewer.episode import STEPS_PER_PAGE
from symbiotic_gym.viewer.export import export
from symbiotic_gym.viewer.filters import Filter, matching, neighbours
from symbiotic_gym.viewer.index import LogIndex
from symbiotic_gym.viewer.runs import Runs
from symbiotic_gym.viewer.server import ViewerServer
from symbiotic_gym.viewer.shown import visible

STATUSES = ("success", "failure", "truncated", "invalid")


def trajectory(
    task: str = "miniwob.click-test", seed: int = 0, status: Any = "success", steps: int = 2, **more: Any
) -> Trajectory:
    kind = "browser" if status == "invalid" else ""
    proposal = Candidate(action='click("9")', reason="the student's reason")
    played = tuple(
        Step(
            observation={"page": f'[12] button "Go {k}"\n[13] link "Away"', "url": "http://shop.test/x", "title": "A shop"},
            decision=Decision(
                action='click("12")',
                reason=f"reason of step {k}",
                candidates=(Candidate(action='click("12")'), Candidate(action='click("13")', reason="also good")),
                usage=Usage(requests=1, prompt_tokens=100, completion_tokens=10, seconds=0.5, cost_usd=0.001),
                source="teacher" if k % 2 else "student",
                acceptance=Acceptance(accepted=not k % 2, why="no candidate equals it", proposal=proposal, verifier="the-list"),
                extra={"retrieved": ["abc:0"], "privacy": {"route": "LOCAL", "why": "a card number"}},
            ),
            reward=float(k == steps - 1 and status == "success"),
            act_s=0.5,
            step_s=0.25,
        )
        for k in range(steps)
    )
    values = {"goal": f"goal of {task} {seed}", "agent": "somebody"} | more
    return Trajectory(
        task=task, seed=seed, steps=played, outcome=Outcome(status=status, kind=kind), final={"page": "the end"}, **values
    )


def write(path: Path, episodes: list[Any]) -> Path:
    """A log with these lines: trajectories, JSON data, or bytes as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for episode in episodes:
            data = to_json(episode) if isinstance(episode, Trajectory) else episode
            file.write(data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode() + b"\n")
    return path


def sealed(data: dict[str, Any]) -> bytes:
    body = json.dumps(data).encode()[:-1]
    return body + b', "crc32": "%08x"}\n' % zlib.crc32(body)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of three tasks and four seeds, each outcome four times, with a picture, and what was retrieved."""
    folder = tmp_path / "first"
    episodes = [trajectory(f"suite.task-{t}", s, STATUSES[(s + t) % 4]) for t in range(3) for s in range(4)]
    raw = [to_json(episode) for episode in episodes]
    raw[0]["steps"][0] |= {"screenshot": picture(folder), "box": [10, 20, 60, 15]}
    write(folder / "episodes.jsonl", raw)
    hit = {"id": "abc:0", "goal": "a goal before", "action": 'click("7")', "reason": "it worked", "model": "big", "task": "t"}
    write(folder / "knowledge.jsonl", [hit])
    (folder / "run.json").write_text(json.dumps({"config": {"note": "<script>pwned()</script>"}, "started": "today"}))
    return folder


def picture(folder: Path) -> str:
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (160, 90), "#88aacc").save(data, "WEBP")
    name = hashlib.sha256(data.getvalue()).hexdigest() + ".webp"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / name).write_bytes(data.getvalue())
    return name


@pytest.fixture
def served(run: Path) -> Iterator[str]:
    server = ViewerServer(Runs([run]))
    yield server.address.rstrip("/")
    server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=require_chromium())
        yield found
        found.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    found = browser.new_page(viewport={"width": 1280, "height": 720})
    found.set_default_timeout(60_000)
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))

    def dismiss(dialog: Any) -> None:
        complaints.append("a dialog")
        dialog.dismiss()

    found.on("dialog", dismiss)
    yield found
    found.close()
    assert complaints == []


def get(url: str, host: str = "") -> tuple[int, str, Any]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode("utf-8"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8"), error.headers


# --- counting and reading ---


def test_rates_leave_invalid_out_and_count_the_last_attempt(tmp_path: Path) -> None:
    tries = [trajectory(seed=1, status="invalid"), trajectory(seed=1, status="success", attempt=1)]
    rest = [trajectory(seed=s, status=status) for s, status in ((2, "failure"), (3, "truncated"), (4, "invalid"))]
    index = LogIndex(write(tmp_path / "log.jsonl", [*tries, *rest]))
    assert index.refresh()
    numbers = Tally.of(index.counted())
    assert (numbers.episodes, numbers.statuses["success"], numbers.success.n, numbers.invalid) == (4, 1, 3, {"browser": 1})
    assert (numbers.success.value, numbers.acceptance.n, numbers.acceptance.value) == (1 / 3, 8, 0.5)
    assert (numbers.usage.prompt_tokens, round(numbers.usage.cost_usd, 6)) == (800, 0.008)
    assert [index.superseded(row) for row in index.rows] == [True, False, False, False, False]


def test_the_viewer_counts_what_the_store_counts(tmp_path: Path) -> None:
    """Plain JSON that is read for the viewer, and trajectories, give the same numbers."""
    log = EpisodeLog(tmp_path / "log.jsonl")
    for seed, status in enumerate(STATUSES):
        log.add(trajectory(f"t.{seed % 2}", seed, status, steps=seed + 1))
    index = LogIndex(tmp_path / "log.jsonl")
    index.refresh()
    rows = sorted(index.counted(), key=lambda row: (row.task, row.seed))
    seen, known = Tally.of(rows), Tally(log)
    assert vars(seen) == vars(known) and seen.to_json() == known.to_json()


def test_a_log_is_read_on_where_it_grew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    index = LogIndex(path)
    assert index.refresh() and index.rows == []
    log = EpisodeLog(path)
    log.add(trajectory(seed=1))
    index.refresh()
    with path.open("ab") as file:
        file.write(b'{"task": "torn')
    assert index.refresh() and [row.seed for row in index.rows] == [1] and index.damages == []
    EpisodeLog(path).add(trajectory(seed=2))  # cuts off what was torn
    index.refresh()
    assert [(row.number, row.seed) for row in index.rows] == [(0, 1), (1, 2)]
    path.unlink()
    write(path, [trajectory(seed=9)])
    index.refresh()
    assert [row.seed for row in index.rows] == [9]


def test_damaged_lines_are_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    good = to_json(trajectory(seed=7))
    changed = sealed(to_json(trajectory(seed=5))).replace(b"goal of", b"GOAL of")
    bad = [b"\n", b"nonsense\n", b"[1]\n", b'{"task": 3}\n', b"[" * 9000 + b"\n", b"\0\0\0\n", b"\xff\xfe\n", changed]
    bad += [
        json.dumps(good | {"outcome": {"status": "won"}}).encode() + b"\n",
        json.dumps(good | {"seed": "x"}).encode() + b"\n",
    ]
    index = LogIndex(write(tmp_path / "log.jsonl", [*bad, sealed(good), good]))
    index.refresh()
    assert [row.number for row in index.rows] == [len(bad), len(bad) + 1]
    assert [damage.number for damage in index.damages] == list(range(len(bad)))
    assert "checksum" in index.damages[7].problem and all(damage.problem for damage in index.damages)
    assert index.row(3) is None and index.row(len(bad)) == index.rows[0]


def test_odd_values_do_not_stop_an_episode_from_being_shown(tmp_path: Path) -> None:
    odd: list[Any] = [None, 3, "x", [], {}, True, 1e308, -1, {"a": {"b": [None]}}, "\ud800", "x" * 100_000]
    raw = to_json(trajectory())
    lines = [raw | {"goal": value, "agent": value, "final": value, "versions": value, "attempt": 0} for value in odd]
    lines += [raw | {"steps": [value, {"decision": value, "observation": value}]} for value in odd]
    for key in ("action", "reason", "candidates", "usage", "source", "acceptance", "extra"):
        lines += [raw | {"steps": [{"observation": {}, "decision": {key: value}}]} for value in odd]
    for key in ("error", "reward", "act_s", "step_s", "screenshot", "box"):
        lines += [raw | {"steps": [raw["steps"][0] | {key: value}]} for value in odd]
    for key in ("privacy", "retrieved", "teacher"):
        lines += [raw | {"steps": [{"observation": {}, "decision": {"extra": {key: value}}}]} for value in odd]
    text = b"".join(json.dumps(line | {"seed": i}).encode() + b"\n" for i, line in enumerate(lines))
    (tmp_path / "log.jsonl").write_bytes(text.replace(b"1e+308", b"1e999").replace(b"-1,", b"NaN,"))
    runs = Runs([tmp_path / "log.jsonl"])
    runs.refresh()
    assert len(runs.logs[0].index.rows) == len(lines)
    export(runs, tmp_path / "out")
    assert len(list((tmp_path / "out" / "log").glob("??????.html"))) == len(lines)


def test_numbers_whose_sums_overflow_do_not_stop_the_pages(tmp_path: Path) -> None:
    raw = to_json(trajectory())
    usage = dict.fromkeys(("requests", "prompt_tokens", "completion_tokens", "seconds", "cost_usd"), 1e308)
    step = raw["steps"][0] | {"act_s": 1e308, "step_s": 1e308, "reward": 1e308}
    step["decision"] = step["decision"] | {"usage": usage}
    write(tmp_path / "log.jsonl", [raw | {"seed": seed, "steps": [step, step]} for seed in range(2)])
    runs = Runs([tmp_path / "log.jsonl"])
    export(runs, tmp_path / "out")
    assert len(runs.logs[0].index.rows) == 2 and (tmp_path / "out" / "log" / "000001.html").exists()


def test_filters_find_values_and_not_names_of_fields(run: Path) -> None:
    (log,) = Runs([run]).logs
    log.index.refresh()

    def found(**wanted: str) -> list[int]:
        return [row.number for row in matching(log.index, Filter(**wanted))]

    assert len(found()) == 12 and found(task="suite.task-1") == [4, 5, 6, 7]
    assert found(outcome="invalid") == found(outcome="invalid(browser)") == [3, 6, 9]
    assert len(found(source="student")) == 12 and found(source="nobody") == []
    assert found(text="GOAL of suite.task-2 3") == [11] and found(text='[12] button "Go') == list(range(12))
    assert found(text="observation") == found(text="last_action") == [], "these are names of fields"
    before, after = neighbours(log.index, Filter(outcome="invalid"), 6)
    assert before and after and (before.number, after.number) == (3, 9)


def test_control_and_invisible_characters_are_shown() -> None:
    assert visible("a\x1b[31mred\r\n\u202egnp\u200b\x9b\ud800\U000e0041") == (
        "a␛[31mred␍\n\\u202egnp\\u200b\\u009b\\ud800\\U000e0041"
    )
    assert visible("é 漢字\tok") == "é 漢字\tok"


def test_large_runs_are_shown_in_parts(tmp_path: Path) -> None:
    """Episodes a page at a time, and of a long episode so many steps; how fast stands in the benchmarks."""
    folder = tmp_path / "large"
    raw = to_json(trajectory(steps=1))
    write(folder / "episodes.jsonl", [raw | {"task": f"t.{i % 40}", "seed": i} for i in range(500)])
    write(folder / "episodes.jsonl", [raw | {"task": "t.long", "seed": 1, "steps": raw["steps"] * 10_000}])
    server = ViewerServer(Runs([folder]))
    try:
        server._runs.refresh()
        _, html, _ = get(server.address + "logs/large")
        assert html.count("data-item") == 100 and 'rel="next"' in html
        _, html, _ = get(server.address + "logs/large?page=6")
        assert html.count("data-item") == 1 and "t.long" in html
        _, html, _ = get(server.address + "logs/large/episodes/500?part=200")
        assert html.count("data-step=") == STEPS_PER_PAGE and 'id="step-10000"' in html
    finally:
        server.close()


# --- the server ---


def test_it_answers_by_its_own_name_only_and_says_what_may_run(served: str) -> None:
    status, _, headers = get(served + "/")
    policy = headers["content-security-policy"]
    assert status == 200 and "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    port = served.rpartition(":")[2]
    for host in (f"evil.test:{port}", "evil.test", f"127.0.0.1.evil.test:{port}", "127.0.0.1", f"0.0.0.0:{port}"):
        assert get(served + "/", host)[0] == 421
    assert get(served + "/", f"localhost:{port}")[0] == 200


def test_nothing_but_the_runs_is_served(served: str, run: Path) -> None:
    (run.parent / "secret.webp").write_text("secret")
    (run / "blobs" / ("a" * 64 + ".webp")).symlink_to(run.parent / "secret.webp")
    (run / "blobs" / ("b" * 64 + ".svg")).write_text("<svg/>")
    named = ["a" * 64 + ".webp", "b" * 64 + ".svg", "..%2f..%2fsecret.webp", "%2e%2e/run.json", "../run.json", "x.webp"]
    for name in named:
        assert get(f"{served}/logs/first/blobs/{name}")[0] == 404
    for path in ("/static/server.py", "/static/..%2fserver.py", "/logs/none", "/logs/first/episodes/99", "/nothing", "/logs"):
        assert get(served + path)[0] == 404
    status, text, headers = get(served + "/logs/first/episodes/0/episode.json")
    assert status == 200 and json.loads(text)["task"] == "suite.task-0" and "attachment" in headers["content-disposition"]


def test_a_run_that_is_taken_away_is_said_to_be_gone(served: str, run: Path) -> None:
    episode = f"{served}/logs/first/episodes/0"
    assert get(episode)[0] == 200
    (run / "episodes.jsonl").rename(run / "elsewhere")
    for address in (episode, f"{episode}/episode.json", f"{episode}/steps/1/page.txt"):
        status, text, headers = get(address)
        assert status == 404 and "The log changed since it was read" in text and headers["content-security-policy"]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "gone", tmp_path / "empty"):
        with pytest.raises(StoreError, match="what to do"):
            Runs([path])
    result = CliRunner().invoke(app, ["view", str(tmp_path / "gone")])
    assert result.exit_code == 2


def test_a_taken_port_is_said(run: Path) -> None:
    first = ViewerServer(Runs([run]))
    try:
        with pytest.raises(ConfigError, match="--port"):
            ViewerServer(Runs([run]), first.port)
    finally:
        first.close()


def test_logs_have_names_of_their_own(tmp_path: Path) -> None:
    for folder in ("a/run", "b/run"):
        write(tmp_path / folder / "episodes" / "00-explore large.jsonl", [trajectory()])
        write(tmp_path / folder / "episodes" / "01-evaluate.jsonl", [trajectory()])
    names = [log.id for log in Runs([tmp_path / "a", tmp_path / "b" / "run"]).logs]
    assert names == ["run.00-explore_large", "run.01-evaluate", "run-2.00-explore_large", "run-2.01-evaluate"]


def test_a_run_named_as_an_exports_own_file_is_exported(tmp_path: Path) -> None:
    for name in ("index.html", "static", "grid.html"):
        write(tmp_path / "runs" / name / "episodes.jsonl", [trajectory()])
    front = export(Runs([tmp_path / "runs"]), tmp_path / "out")
    assert front.is_file() and {"run-index.html", "run-static", "run-grid.html"} <= {f.name for f in front.parent.iterdir()}


def test_a_run_that_begins_later_is_found(tmp_path: Path) -> None:
    write(tmp_path / "runs" / "b" / "episodes.jsonl", [trajectory()])
    runs = Runs([tmp_path / "runs"])
    before = runs.version()
    write(tmp_path / "runs" / "a" / "episodes.jsonl", [trajectory()])
    (tmp_path / "runs" / "no run").mkdir()
    runs.refresh()
    assert [log.id for log in runs.logs] == ["b", "a"], "the names that stand in addresses stay"
    assert [name for name, _ in runs.about()] == ["b", "a"] and runs.version() != before


# --- in a browser ---


@pytest.mark.browser
def test_a_person_finds_the_way_by_mouse_and_by_keys(served: str, page: Any) -> None:
    page.goto(served)
    assert "33.3 %" in page.inner_text("table.list tbody") and "3/9" in page.inner_text("table.list tbody")
    page.click("text=Grid of outcomes")
    marks = page.locator("table.grid .mark")
    assert [marks.nth(i).inner_text() for i in range(4)] == ["✓", "✗", "…", "!"]
    assert "invalid(browser), seed 3" in (marks.nth(3).get_attribute("aria-label") or "")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logs/first/episodes/5")
    page.keyboard.press("u")
    page.wait_for_url("**/logs/first")
    page.select_option("select[name=outcome]", "failure")
    page.wait_for_url("**/logs/first?outcome=failure")
    assert page.locator("[data-item]").count() == 3
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logs/first/episodes/4?outcome=failure")
    page.keyboard.press("n")
    page.wait_for_url("**/logs/first/episodes/11?outcome=failure")
    page.keyboard.press("?")
    assert page.is_visible("dialog.keys")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.wait_for_url("**/logs/first?outcome=failure")
    page.keyboard.press("/")
    page.keyboard.type("task-2 3")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"text=task-2\+3$"))
    assert page.locator("[data-item]").count() == 1


@pytest.mark.browser
def test_a_step_shows_what_was_seen_and_why_it_was_done(served: str, page: Any) -> None:
    page.goto(served + "/logs/first/episodes/0")
    page.keyboard.press("j")
    assert page.url.endswith("#step-1")
    step = page.locator("#step-1")
    text = step.inner_text()
    for shown in ('click("12")', "reason of step 0", "proposal accepted", "also good", "100 in, 10 out", "$0.001", "500 ms"):
        assert shown in text
    assert "a goal before" in text and "it worked" in text, "what was retrieved, looked up in the knowledge base"
    assert "a card number" in text, "the privacy decision"
    assert step.locator(".line.acted").inner_text().strip() == '[12] button "Go 0"'
    box, image = step.locator("svg.shot rect.box"), step.locator("svg.shot image")
    assert (box.get_attribute("x"), box.get_attribute("width")) == ("7.0", "66.0")
    assert page.evaluate("async s => (await fetch(s)).headers.get('content-type')", image.get_attribute("href")) == "image/webp"
    page.keyboard.press("ArrowRight")
    second = page.locator("#step-2")
    assert page.url.endswith("#step-2") and "current" in second.get_attribute("class")
    assert "replaced by the-list" in second.inner_text() and "no candidate equals it" in second.inner_text()
    assert second.locator(".line.new").inner_text().strip() == '[12] button "Go 1"', "the other line was there before"
    page.goto(served + "/logs/first/episodes/1#step-2")
    assert page.locator(".step.current").get_attribute("id") == "step-2", "an address names a step"


@pytest.mark.browser
def test_a_page_follows_a_run_that_goes_on(tmp_path: Path, page: Any) -> None:
    (tmp_path / "going").mkdir()
    (tmp_path / "going" / "run.json").write_text("{}")
    server = ViewerServer(Runs([tmp_path / "going"]))
    try:
        page.goto(server.address)
        assert "No episode has ended yet" in page.inner_text("main")
        EpisodeLog(tmp_path / "going" / "episodes.jsonl").add(trajectory())
        page.wait_for_selector("text=100.0 %")
        page.click("table.list a")
        page.wait_for_selector("text=1 of 1 episodes")
        page.keyboard.press("j")
        EpisodeLog(tmp_path / "going" / "episodes.jsonl").add(trajectory(seed=1))
        page.wait_for_selector("text=2 of 2 episodes")
        assert page.evaluate("document.activeElement.dataset.item") == "", "the marked episode stays marked"
    finally:
        server.close()


HOSTILE = [
    "<script>pwned('tag')</script>",
    "</pre></code></script><script>pwned('closing')</script>",
    '"><img src=x onerror="pwned(\'attribute\')">',
    "' onmouseover='pwned(1)' autofocus onfocus='pwned(1)' x='",
    "javascript:pwned('url')",
    "</title><svg onload=pwned('svg')>",
    "{{ 7 * 191 }}{% for x in y %}",
    "--><iframe srcdoc='<script>parent.pwned(1)</script>'>",
    "<style>*{display:none}</style><meta http-equiv=refresh content='0;url=//evil.test'><base href=//evil.test>",
    "\x1b[2J\x1b]0;pwned\x07\u202etxt.exe\x00\u2028",
    "&lt;script&gt;pwned(1)&lt;/script&gt;&#x3c;script>",
    "x" * 60_000,
]
ALL_AT_ONCE = " ".join(HOSTILE[:-1])


def hostile_run(folder: Path) -> Path:
    """Every text that an episode can hold, names of fields included, is hostile."""
    lines = []
    for seed, text in enumerate([*HOSTILE, ALL_AT_ONCE]):
        raw = to_json(trajectory(text, seed, "invalid", goal=text, agent=text))
        raw["outcome"] = {"status": "invalid", "kind": text, "message": text}
        raw["versions"] = {text: text}
        raw["final"] = dict.fromkeys(("page", "url", "title", "tabs"), text)
        raw["final_screenshot"] = text
        for step in raw["steps"]:
            lists = {"page": f'[12] link "{text}"\n{text}', "tabs": f"{text}\n{text}"}
            step["observation"] = dict.fromkeys(("url", "title", "last_action", "last_action_error"), text) | lists
            step |= {"error": text, "screenshot": text, "box": [text] * 4}
            candidate = {"action": text, "reason": text}
            step["decision"] |= {"action": text, "reason": text, "source": text, "candidates": [candidate, candidate]}
            step["decision"]["acceptance"] = {"accepted": False, "why": text, "proposal": candidate, "verifier": text}
            step["decision"]["extra"] = {
                text: text,
                "retrieved": [text, "known"],
                "privacy": {"route": text, "why": {text: text}, text: text},
            }
        lines.append(raw)
    write(folder / "episodes.jsonl", lines)
    write(
        folder / "knowledge.jsonl", [{"id": "known"} | dict.fromkeys(("goal", "action", "reason", "model", "task"), HOSTILE[0])]
    )
    (folder / "run.json").write_text(json.dumps({"config": HOSTILE, "started": HOSTILE[0]}))
    return folder


def visit(page: Any, addresses: list[str]) -> None:
    """Open pages where `pwned` tells on who calls it, and see that nothing but text came of the trajectory."""
    page.add_init_script("window.called = []; window.pwned = (...a) => window.called.push(a)")
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if "evil" in request.url else None)
    for address in addresses:
        page.goto(address)
        page.evaluate(
            "for (const e of document.querySelectorAll('main *')) {"
            " e.dispatchEvent(new Event('mouseover')); e.dispatchEvent(new Event('focus')); }"
        )
        assert page.evaluate("window.called") == []
        strange = page.evaluate(
            "document.querySelectorAll('iframe, base, style, script:not([src]), object, embed, meta[content*=url]').length"
        )
        assert strange == 0
        handlers = (
            "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
        )
        assert page.evaluate(handlers) == 0
        links = page.evaluate(
            "[...document.querySelectorAll('[href], [src], [action]')].map(e => e.href?.baseVal ?? e.href ?? e.src ?? e.action)"
        )
        assert links and not [link for link in links if re.match(r"(?i)\s*(javascript|data|vbscript):|.*//evil", str(link))]
        assert page.is_visible("main")
    assert outside == []


@pytest.mark.browser
def test_hostile_trajectories_stay_text(tmp_path: Path, page: Any) -> None:
    server = ViewerServer(Runs([hostile_run(tmp_path / "<img src=x onerror=pwned(1)>")]))
    try:
        server._runs.refresh()
        (log,) = server._runs.logs
        home = f"{server.address}logs/{log.id}"
        tricky = "%22%3E%3Cscript%3Epwned(1)%3C/script%3E"
        addresses = [server.address, server.address + "grid", home, f"{home}?text={tricky}&task={tricky}&page=-3"]
        visit(page, [*addresses, *(f"{home}/episodes/{k}" for k in (0, 4, len(HOSTILE)))])
        page.goto(f"{home}/episodes/0")
        assert page.inner_text(".goal-text") == HOSTILE[0] and page.locator("#step-1 .action").inner_text() == HOSTILE[0]
        page.goto(f"{home}/episodes/9")
        assert page.inner_text(".goal-text").startswith("␛[2J␛]0;pwned␇\\u202etxt.exe␀\\u2028")
        page.goto(f"{home}/episodes/{len(HOSTILE) - 1}")
        assert len(page.content()) < 300_000, "of huge texts a part is shown"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        status, text, headers = get(f"{home}/episodes/0/steps/1/page.txt")
        assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8") and HOSTILE[0] in text
    finally:
        server.close()


@pytest.mark.browser
def test_an_export_works_from_a_disk(run: Path, tmp_path: Path, page: Any) -> None:
    hostile_run(tmp_path / "bad")
    long = to_json(trajectory("t.long", 0, steps=STEPS_PER_PAGE + 3))
    long["steps"][0]["observation"]["page"] = "\n".join(f"line {k}" for k in range(1000))
    write(run / "episodes.jsonl", [long])
    out = tmp_path / "shared here"
    result = CliRunner().invoke(app, ["view", str(run), str(tmp_path / "bad"), "--export", str(out)])
    assert result.exit_code == 0, result.output
    page.goto((out / "index.html").as_uri())
    page.click("table.list a")
    assert page.locator("[data-item]:visible").count() == 13
    page.select_option("select[name=outcome]", "invalid(browser)")
    page.wait_for_url(re.compile("outcome=invalid"))
    page.wait_for_selector("text=3 of 13 episodes")
    assert page.locator("[data-item]:visible").count() == 3
    page.goto((out / "first" / "000000.html").as_uri())
    assert page.evaluate("document.querySelector('.strip img').decode().then(() => true)"), "the screenshot is there"
    page.keyboard.press("j")
    assert page.url.endswith("#step-1")
    page.goto((out / "first" / "000012.html").as_uri())
    page.click("text=later steps")
    assert page.locator("section.step").count() == 4
    page.goto((out / "first" / "000012.html").as_uri())
    page.click("text=The whole page text")
    assert "line 999" in page.inner_text("body")
    visit(page, [(out / "bad" / name).as_uri() for name in ("index.html", "grid.html", f"{len(HOSTILE):06}.html")])
    with pytest.raises(StoreError, match="not empty"):
        export(Runs([run]), out)
