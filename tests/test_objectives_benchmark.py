"""The benchmark of objectives, at its smallest: every objective trains on episodes of a run, and has a row or says why not."""

import json
from pathlib import Path

from symbiotic_gym.benchmarks import objectives
from tests.tiny import tiny_model


def test_every_objective_is_trained_and_measured(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    arguments = ["--smoke", "--base", str(base), "--out", str(tmp_path / "out"), "--json", str(tmp_path / "table.json")]
    assert objectives.main(arguments) == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "table.json").read_text())["rows"]}
    for name in ("dpo/margin gained", "kto/margin gained", "spin/margin gained"):
        assert rows[name]["n"] >= 2
        assert rows[name]["low"] <= rows[name]["value"] <= rows[name]["high"]
    assert rows["dpo/margin gained"]["value"] != rows["kto/margin gained"]["value"]
    assert rows["advantage/contrast gained"]["value"] is not None
    assert rows["command/obedience gained"]["n"] == 3, "episodes"
    assert rows["selection/recorded successes that work again"]["value"] == 1
    assert rows["selection/recorded failures that work again"]["value"] == 0
    assert rows["reference/margin gained"]["n"] >= 2
    assert rows["drafts/divergence lost"]["value"] > 0, "the student comes nearer to its teacher"
    assert rows["fusion/cross-entropy lost"]["value"] > 0
    trained = {folder.name for folder in (tmp_path / "out").iterdir() if (folder / "adapter").exists()}
    assert trained == {
        *("first", "teacher-0", "teacher-1", "dpo", "kto", "reference", "spin", "advantage", "unweighted", "command"),
        *("drafts", "fusion", *(f"reason-weight-{weight}" for weight in (0.0, 0.2, 0.5, 1.0))),
    }
