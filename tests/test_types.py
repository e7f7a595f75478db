"""The travelling data: JSON round trips, frozenness, sums."""

import json
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbiotic_gym.errors import ConfigError
from symbiotic_gym.types import (
    OBSERVATION_KEYS,
    Acceptance,
    Candidate,
    Decision,
    Observation,
    Outcome,
    Step,
    Trajectory,
    Usage,
    from_json,
    to_json,
)

FEW = settings(max_examples=30, deadline=None)
TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT, lambda kids: st.lists(kids) | st.dictionaries(TEXT, kids)
)
CANDIDATES = st.builds(Candidate, action=TEXT, reason=TEXT)
USAGES = st.builds(Usage, requests=st.integers(0, 9), prompt_tokens=st.integers(0, 9), seconds=st.floats(0, 1e6))
DECISIONS = st.builds(
    Decision,
    action=TEXT,
    reason=TEXT,
    candidates=st.lists(CANDIDATES, max_size=2).map(tuple),
    usage=USAGES,
    source=TEXT,
    acceptance=st.none() | st.builds(Acceptance, accepted=st.booleans(), why=TEXT, proposal=CANDIDATES, verifier=TEXT),
    extra=st.dictionaries(TEXT, JSON, max_size=2),
)
STEPS = st.builds(
    Step, observation=st.dictionaries(TEXT, TEXT, max_size=2), decision=DECISIONS, reward=st.floats(-9, 9), error=TEXT
)
OUTCOMES = st.builds(Outcome, status=st.sampled_from(["success", "failure", "truncated", "invalid"]), kind=TEXT)
TRAJECTORIES = st.builds(
    Trajectory,
    task=TEXT,
    seed=st.integers(0, 99),
    goal=TEXT,
    agent=TEXT,
    steps=st.lists(STEPS, max_size=3).map(tuple),
    outcome=OUTCOMES,
)


@FEW
@given(TRAJECTORIES)
def test_a_trajectory_survives_json_text(trajectory: Trajectory) -> None:
    text = json.dumps(to_json(trajectory))
    assert from_json(Trajectory, json.loads(text)) == trajectory


@FEW
@given(TRAJECTORIES)
def test_sums_are_over_the_steps(trajectory: Trajectory) -> None:
    assert trajectory.reward == pytest.approx(sum(step.reward for step in trajectory.steps))
    assert trajectory.usage.prompt_tokens == sum(step.decision.usage.prompt_tokens for step in trajectory.steps)
    assert trajectory.success == (trajectory.outcome.status == "success")


@FEW
@given(USAGES, USAGES)
def test_usage_adds_every_field(a: Usage, b: Usage) -> None:
    for field in fields(Usage):
        assert getattr(a + b, field.name) == getattr(a, field.name) + getattr(b, field.name)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"seed": "many"}, "seed"),
        ({"outcome": {"status": "won"}}, "outcome.status"),
        ({"steps": [{"reward": 0}]}, "steps.0"),
        ({"task": None}, "task"),
    ],
)
def test_a_wrong_record_is_refused_and_says_where(change: dict[str, Any], where: str) -> None:
    good = Trajectory(task="t", seed=1, goal="g", agent="a", steps=(), outcome=Outcome(status="success"))
    with pytest.raises(ConfigError, match="no Trajectory: at " + where) as error:
        from_json(Trajectory, to_json(good) | change)
    assert "symbiotic_gym.types.Trajectory" in str(error.value)


def test_nothing_that_travels_can_be_changed() -> None:
    for value in (Usage(), Candidate(action="x"), Decision(action="x"), Outcome(status="failure")):
        assert is_dataclass(value)
        name = fields(value)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, "other")


def test_outcomes_that_say_nothing_about_the_policy_are_not_scored() -> None:
    assert not Outcome(status="invalid", kind="browser").scored
    assert all(Outcome(status=status).scored for status in ("success", "failure", "truncated"))
    assert str(Outcome(status="invalid", kind="site")) == "invalid(site)"


def test_the_default_observation_keys_are_fields() -> None:
    assert set(OBSERVATION_KEYS) <= set(Observation.__annotations__)
