"""The throughput benchmark ends, whatever a system does: one that gives no answer is killed, noted, and not asked again."""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.benchmarks import report, stepping, throughput
from symbiotic_gym.benchmarks.leftovers import identities, left_over
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.benchmarks.stepping import SYSTEMS, NoAnswerError, Subject
from symbiotic_gym.browser.guard import descendants

_ASLEEP = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True)
for line in sys.stdin:
    print('"awake"', flush=True)
    sys.stdin.readline()
    time.sleep(100)
"""


def test_a_subject_that_does_not_answer_is_ended_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepping, "_command", lambda system, url, n: [sys.executable, "-c", _ASLEEP])
    subject = Subject("stock", "http://nowhere.test/")
    assert subject.call("reset", bound_s=20) == "awake"
    subject.start("steps")
    tree = identities([subject.pid, *descendants(subject.pid)])
    assert len(tree) == 2
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"no answer to steps within 0\.3 s"):
        subject.finish(0.3)
    assert time.monotonic() - began < 10
    assert left_over(tree) == 0
    subject.close()


def test_one_that_dies_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepping, "_command", lambda system, url, n: [sys.executable, "-c", "import sys; sys.exit(3)"])
    subject = Subject("stock", "http://nowhere.test/")
    with pytest.raises(RuntimeError, match="status 3"):
        subject.finish(20)
    subject.close()


class Bar:
    def advance(self, what: str) -> None: ...


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is measured, in place of measuring it: stock gives no answer on one page, the second time."""
    calls: list[tuple[str, str]] = []

    def one(system: str, url: str, resets: int, steps: int) -> dict[str, Any]:
        rows = url.partition("rows=")[2]
        calls.append((rows, system))
        if rows == str(throughput.SIZES["1.3k"]) and system == "stock" and calls.count((rows, system)) == 2:
            raise NoAnswerError("no answer to reset within 180 s")
        took = SYSTEMS.index(system) + 1.0
        return {"first": took, "resets": [took] * resets, "steps": [("click", took), ("fill", took)], "memory_mb": took}

    monkeypatch.setattr(throughput, "_one", one)
    speeds = {"ours": 10.0, "ours-shared": 20.0, "stock-nowait": 5.0}
    takes = {"ours": 300.0, "ours-shared": 100.0, "stock-nowait": 250.0}
    monkeypatch.setattr(
        throughput, "_many", lambda system, url, n, most_s: {"steps_per_s": speeds[system], "memory_mb": takes[system]}
    )
    return calls


def measured(samples: Path) -> report.Report:
    found = report.Report("throughput")
    throughput._measure(found, Samples(samples), "127.0.0.1:1", smoke=False, rounds=3, bar=Bar())  # type: ignore[arg-type]
    return found


def test_what_gave_no_answer_is_not_asked_again_and_its_rows_say_so(
    asked: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, page_size = tmp_path / "samples.jsonl", str(throughput.SIZES["1.3k"])
    found = measured(samples)
    assert (asked.count((page_size, "stock")), asked.count((page_size, "ours")), len(asked)) == (2, 3, 4 * 9 - 1)
    assert "no answer to reset within 180 s" in samples.read_text()
    rows = {row.name: row for row in found.rows}
    missing = {name for name, row in rows.items() if row.note}
    assert missing == {
        "step/1.3k/click/stock",
        "step/1.3k/fill/stock",
        "step/1.3k/times-stock",
        "memory/1.3k/stock",
        "memory/1.3k/times-stock",
        "reset/stock",
        "reset/times-stock",
        "first-reset/stock",
    }
    ratio, beside = rows["memory/1.3k/times-stock"], rows["step/1.3k/click/stock"]
    assert (ratio.value, ratio.n, ratio.holds, ratio.ratio) == (None, 0, None, None)
    assert (beside.value, beside.peer_value, beside.ratio) == (1.0, None, None)
    assert rows["step/1.3k/times-stock-nowait"].value == 2.0
    assert rows["steps-per-second/2/times-stock-nowait"].value == 2.0
    assert rows["rate-shared/2/times-stock-nowait"].value == 4.0
    assert rows["memory-shared/4/times-stock-nowait"].value == 2.5
    assert rows["memory-shared/4/times-stock-nowait"].holds
    assert rows["memory-shared/2/times-stock-nowait"].target is None
    assert rows["reset/times-stock-nowait"].value == 2.0

    assert not found.finish(tmp_path / "table.json"), "a target that was not measured is not reached"
    printed = capsys.readouterr().out
    assert printed.count("stock: no answer") >= 3 and "not measured" in printed

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    written = json.loads((tmp_path / "table.json").read_text(), parse_constant=no_constant)
    by_name = {row["name"]: row for row in written["rows"]}
    assert by_name["memory/1.3k/times-stock"]["value"] is None
    assert by_name["step/1.3k/click/stock"]["note"] == "no answer to reset within 180 s"
    assert not any(isinstance(row["value"], float) and math.isnan(row["value"]) for row in written["rows"])

    asked.clear()
    assert [row.to_json() for row in measured(samples).rows] == [row.to_json() for row in found.rows]
    assert asked == [], "a run that goes on asks nobody again"
