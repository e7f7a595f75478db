"""The further tasks: their answers come out of a recording, and training on them is what the flat loop says it is."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from symbiotic_gym.agents.chat import load_tokenizer
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.policies import NOT_KEPT
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.encoding import encode
from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.trainers.further import FURTHER, further_targets
from symbiotic_gym.trainers.minimal import train_minimal
from symbiotic_gym.trainers.multitask import TASKS
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.test_minimal import CONFIG
from tests.tiny import tiny_model

FIRST = '[1] link "Home"\n[7] textbox "Name"\n[9] button "Send \\"now\\""'
SECOND = '[1] link "Home"\n[7] textbox "Name" value="Ada"\n[9] button "Send \\"now\\""\n[12] alert "Saved, Ada"'


def step(page: str, action: str, reason: str = "", error: str = "") -> Step:
    return Step(observation={"page": page}, decision=Decision(action=action, reason=reason), reward=0.0, error=error)


def episode(*steps: Step, status: Literal["success", "failure"] = "success") -> Trajectory:
    return Trajectory(task="t", seed=0, goal="Send Ada.", agent="a", steps=steps, outcome=Outcome(status=status))


WHOLE = episode(
    step(FIRST, 'fill("7", "Ada")', "The name  is asked for."),
    step(SECOND, 'click("99")', "A slip.", error="there is no 99"),
    step(SECOND, 'click("9")', "It has to be sent."),
    step("Done.", 'send_msg_to_user("done")', "All is done."),
)


def test_the_answers_of_a_recording() -> None:
    first, _, third, last = (further_targets(WHOLE, place) for place in range(4))
    assert first == {
        "highlight": 'textbox "Name" [7]\nbutton "Send \\"now\\"" [9]',
        "next_state": 'textbox "Name" value="Ada"; alert "Saved, Ada"',
        "value": "4",
    }
    assert third == {
        "summary": "The name is asked for.",  # what was refused was not done
        "highlight": 'button "Send \\"now\\"" [9]',
        "next_state": "Done.",
        "value": "2",
    }
    assert last == {"summary": "The name is asked for. It has to be sent.", "value": "1"}


def test_a_summary_keeps_whole_reasons_the_latest_first() -> None:
    reasons = ["First " + "a" * 140 + ".", "Then " + "b" * 140 + ".", "At last " + "c" * 60 + "."]
    told = episode(*(step(FIRST, "noop()", reason) for reason in reasons), step(FIRST, "noop()"))
    assert further_targets(told, 3, ["summary"]) == {"summary": f"{reasons[1]} {reasons[2]}"}


def test_the_last_page_is_foreseen_too_and_one_that_was_not_kept_is_not() -> None:
    seen = replace(WHOLE, final={"page": "Bye."})
    assert further_targets(seen, 3, ["next_state"]) == {"next_state": "Bye."}
    assert further_targets(replace(WHOLE, final={"page": NOT_KEPT}), 3, ["next_state"]) == {}


def test_elements_that_the_prompt_does_not_show_are_no_target(base: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    page = "\n".join(f'[{i}] link "item {i}"' for i in range(100))
    whole = replace(EXAMPLES[0], observation={"page": page}, further={"highlight": 'link "item 3" [3]\nlink "item 90" [90]'})
    for budget, shown in ((6000, 'link "item 3" [3]\nlink "item 90" [90]'), (300, 'link "item 3" [3]')):
        row, _ = encode(tokenizer, whole, max_tokens=8192, page_budget=budget)
        (branch,) = (branch for branch in row.branches if branch.task == TASKS.index("highlight"))
        assert tokenizer.decode(branch.tokens[branch.start : -1]) == shown


def test_an_id_that_another_element_has_later_is_not_highlighted() -> None:
    moved = episode(step(FIRST, 'click("1")'), step('[7] button "Other"\n[9] link "Home"', 'click("9")'))
    assert further_targets(moved, 0)["highlight"] == 'link "Home" [1]'


def test_a_page_that_shows_nothing_new_and_an_episode_that_failed() -> None:
    lost = episode(step(SECOND, 'click("1")'), step(FIRST, "noop()"), step(FIRST, "noop()"), status="failure")
    assert further_targets(lost, 1)["next_state"] == "nothing"
    assert all("value" not in further_targets(lost, place) for place in range(3))


def test_examples_have_what_is_asked_for_alone() -> None:
    plain = examples_from([WHOLE])
    assert [example.further for example in plain] == [{}, {}, {}]
    chosen = examples_from([WHOLE], further=["value", "summary"])
    assert [example.further for example in chosen] == [
        {"value": "4"},
        {"value": "2", "summary": "The name is asked for."},
        {"value": "1", "summary": "The name is asked for. It has to be sent."},
    ]
    assert [replace(example, further={}) for example in chosen] == plain
    prompts = {task: chosen[1].messages(task)[0]["content"] for task in TASKS}
    assert len({prompt.rpartition("\n")[0] for prompt in prompts.values()}) == 1, "one prompt but for its last line"
    assert prompts["next_state"].endswith('\nAfter click("9"), predict what is new on the page.')


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


EXAMPLES = [
    Example(
        task="t",
        goal=f"Press {i}.",
        observation={"page": f'[{i}] button "{i}"'},
        history=(),
        action=f'click("{i}")',
        reason=f"It is {i}.",
        further={"value": str(1 + i % 2), "summary": f"{i} was there."} if i % 3 else {"value": "3"},
    )
    for i in range(30, 38)
]
WEIGHTS = {"value": 0.3, "summary": 0.2}


def test_the_flat_loop_and_the_trainer_agree_on_them(base: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=2, lambda_further=WEIGHTS)
    flat = train_minimal(config, EXAMPLES, tmp_path / "flat", base_model=base)
    full = distill(config, EXAMPLES, tmp_path / "full", base_model=base)
    for one, other in zip(flat, full.losses, strict=True):
        assert one.keys() == {"step", "action", "reason", "value", "summary", "learning_rate"}
        assert one == pytest.approx(other, rel=1e-4, abs=1e-8)
    assert flat[-1]["value"] < flat[0]["value"], "it is learnt"
    assert full.targets.keys() == {"action", "reason", "value", "summary"}
    assert full.targets["value"] > 0 < full.targets["summary"]


def test_what_has_no_weight_costs_nothing_and_changes_nothing(base: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=1)
    with_them = distill(config, EXAMPLES, tmp_path / "with", base_model=base)
    without = distill(config, [replace(e, further={}) for e in EXAMPLES], tmp_path / "without", base_model=base)
    assert with_them.losses == without.losses
    assert with_them.tokens == without.tokens


@pytest.mark.parametrize("weights", [{"plan": 0.1}, {"value": -0.1}, {"value": float("nan")}])
def test_weights_that_cannot_be(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="lambda_further"):
        DistillerConfig(lambda_further=weights)


def test_every_task_has_an_instruction_of_its_own() -> None:
    assert set(FURTHER) | {"action", "reason"} == set(TASKS)
    assert len(set(FURTHER.values())) == len(FURTHER)
