"""The small agent: what it is asked, what is read out of its answers, and that training sees the very same prompts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from symbiotic_gym.agents.small import SmallAgent, extend_history, prompt_messages, read_action
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.policies import act_all, as_agent
from symbiotic_gym.protocols import Agent, BatchAgent, Completion, Message, Sampling
from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.types import Decision, Observation, Outcome, Step, Trajectory, from_json, to_json

PAGE = '[12] textbox "Name" value="bob"\n[13] button "Go"'
SHOWN = 'textbox "Name" [12] value="bob"\nbutton "Go" [13]'


def seen(page: str = PAGE, last: str = "", error: str = "", tabs: str = "") -> Observation:
    return {"goal": "Send it.", "page": page, "last_action": last, "last_action_error": error, "tabs": tabs}


class SeedRecorder(ScriptedModel):
    """Answers like a scripted model and notes the seeds it was given."""

    def __init__(self) -> None:
        super().__init__(lambda prompt: 'click("13")')
        self.seeds: list[int] = []

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        self.seeds += seeds or []
        return super().generate(prompts, sampling, seeds)


def test_the_prompt_is_short_and_says_everything() -> None:
    history = ('fill("12", "bob")', 'click("99")')
    observation = seen(error="no element [99]\nand more", tabs="* 0 a\n  1 b")
    [message] = prompt_messages("Send it.", observation, history, "action")
    assert message == {
        "role": "user",
        "content": f"Goal: Send it.\nPage:\n{SHOWN}\nTabs:\n* 0 a\n  1 b\n"
        'Done: fill("12", "bob"); click("99")\nError: no element [99]\nPredict the action.',
    }
    [bare] = prompt_messages("Send it.", seen(tabs="* 0 a"), (), "action")
    assert bare["content"] == f"Goal: Send it.\nPage:\n{SHOWN}\nPredict the action."


def test_the_two_tasks_differ_in_the_last_sentence_only() -> None:
    action, reason = (prompt_messages("g", seen(), (), task)[0]["content"] for task in ("action", "reason"))
    assert action.removesuffix("Predict the action.") == reason.removesuffix("Explain the reason.")
    assert reason.endswith("\nExplain the reason.")


def test_an_id_stands_right_behind_the_name_whatever_the_name_holds() -> None:
    page = (
        '[a12] generic "say \\"[3] link\\" \\\\" hint="x"\n  [b] menu-item "" focused\ntext "[5] button \\"no\\""\n[7] iframe'
    )
    shown = (
        'generic "say \\"[3] link\\" \\\\" [a12] hint="x"\n  menu-item "" [b] focused\ntext "[5] button \\"no\\""\n[7] iframe'
    )
    [message] = prompt_messages("g", seen(page), (), "action")
    assert message["content"] == f"Goal: g\nPage:\n{shown}\nPredict the action."


def test_a_long_page_is_cut_at_a_line_and_the_goal_is_not() -> None:
    page = "\n".join(f'[{i}] link "item {i}"' for i in range(100))
    lines = "\n".join(f'link "item {i}" [{i}]' for i in range(100))
    goal = "word " * 500
    [message] = prompt_messages(goal, seen(page), (), "action", page_budget=200)
    shown = message["content"].split("Page:\n")[1].split("\n(the page goes on: ")
    assert goal in message["content"]
    assert lines.startswith(shown[0] + "\n")
    assert len(shown[0]) <= 200
    assert shown[1] == f"{len(page) - len(shown[0])} characters are not shown)\nPredict the action."
    assert len(prompt_messages("g", seen("x" * 999), (), "action", page_budget=50)[0]["content"]) < 150


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        ("  click( '13' )  ", 'click("13")'),
        ('click("13")\nbecause the goal says so', 'click("13")'),
        ("fill('12', 'it\\'s')", 'fill("12", "it\'s")'),
        ('I would click("13")', 'I would click("13")'),
        ('click("13") click("12")', 'click("13") click("12")'),
        ("", ""),
    ],
)
def test_an_answer_is_read_and_never_mended(answer: str, action: str) -> None:
    assert read_action(answer) == action


def test_a_batch_is_one_call_and_every_agent_has_its_own_episode() -> None:
    model = ScriptedModel(['click("13")', 'click("12")', 'click("13")', 'click("12")'])
    team = [SmallAgent(model), SmallAgent(model)]
    for agent in team:
        assert isinstance(agent, Agent)
        assert isinstance(agent, BatchAgent)
        assert as_agent(agent) is agent
        agent.reset(f"goal {team.index(agent)}", seed=1)
    first = act_all(team, [seen(), seen()])
    assert [decision.action for decision in first] == ['click("13")', 'click("12")']
    assert first[0].source == "scripted"
    assert first[0].usage.requests == 1
    act_all(team, [seen(last='click("13")'), seen(last='click("12")')])
    assert model.calls == 2
    contents = [prompt[0]["content"] for prompt in model.prompts]
    assert "Goal: goal 0" in contents[2]
    assert 'Done: click("13")\n' in contents[2]
    assert "Goal: goal 1" in contents[3]
    assert 'Done: click("12")\n' in contents[3]
    team[0].reset("goal 2")
    assert SmallAgent.act_batch([], []) == []


def test_with_explain_the_reason_is_asked_for_too() -> None:
    model = ScriptedModel(['click("13")', "It is\n the button."])
    decision = SmallAgent(model, explain=True).act(seen())
    assert decision.reason == "It is the button."
    assert decision.usage.requests == 2
    assert [p[0]["content"].rpartition("\n")[2] for p in model.prompts] == ["Predict the action.", "Explain the reason."]


def test_seeds_follow_from_the_episode_and_the_step() -> None:
    model = SeedRecorder()
    agent = SmallAgent(model)
    for seed in (7, 7, 8, None, None):
        agent.reset("g", seed=seed)
        agent.act(seen())
        agent.act(seen(last='click("13")'))
    a, b, c, d, e = (model.seeds[i : i + 2] for i in range(0, 10, 2))
    assert a == b
    assert len({*a, *c, *d, *e}) == 8, "steps, episodes and unseeded episodes must draw differently"


def test_history_is_what_was_run_not_what_was_answered() -> None:
    model = ScriptedModel(lambda prompt: 'click("13")')
    agent = SmallAgent(model)
    agent.reset("g", seed=0)
    for last in ("", *(f'click("{i}")' for i in range(5))):
        agent.observe(seen(last=last)) if last == 'click("1")' else agent.act(seen(last=last))
    assert 'Done: click("2"); click("3"); click("4")\n' in model.prompts[-1][0]["content"]


def trajectory(task: str = "t", status: str = "success", reason: str = "why") -> Trajectory:
    """Four steps: one well, one refused, one that corrects it, and one that repeats the first."""
    actions = ["click('12')", "nonsense", 'click("13")', 'click("13")']
    errors = ["", "it is not one call", "", ""]
    steps = []
    for i, (action, error) in enumerate(zip(actions, errors, strict=True)):
        observation = seen(last=actions[i - 1] if i else "", error=errors[i - 1] if i else "")
        texts = {key: str(value) for key, value in observation.items() if key != "goal"}
        steps.append(Step(observation=texts, decision=Decision(action=action, reason=reason), reward=0.0, error=error))
    outcome = Outcome(status=status)  # type: ignore[arg-type]
    return Trajectory(task=task, seed=0, goal="Send it.", agent="a", steps=tuple(steps), outcome=outcome)


def test_examples_render_as_the_agent_was_asked() -> None:
    """The drift test: replay an episode with the real agent and hold its prompts against those of the examples."""
    recorded = trajectory()
    model = ScriptedModel([step.decision.action for step in recorded.steps])
    agent = SmallAgent(model)
    agent.reset(recorded.goal, seed=0)
    for step in recorded.steps:
        agent.act({"goal": recorded.goal, **step.observation})  # type: ignore[typeddict-item]
    examples = examples_from([recorded])
    assert [example.messages("action") for example in examples] == [model.prompts[i] for i in (0, 2, 3)]
    assert [example.action for example in examples] == ['click("12")', 'click("13")', 'click("13")']
    assert "Error: it is not one call" in examples[1].messages("action")[0]["content"]


@pytest.mark.parametrize("extra", [{"mistake": True}, {"teacher": {"mistake": True}, "student": {}}])
def test_a_mistake_made_on_purpose_is_not_learnt(extra: dict[str, Any]) -> None:
    recorded = trajectory()
    wrong, *rest = recorded.steps
    wrong = replace(wrong, decision=replace(wrong.decision, extra=extra))
    assert examples_from([replace(recorded, steps=(wrong, *rest))]) == examples_from([recorded])[1:]


def test_only_successes_teach_and_each_step_once() -> None:
    lost = [trajectory(status=status) for status in ("failure", "truncated", "invalid")]
    assert examples_from(lost) == []
    once = examples_from([trajectory(reason=""), trajectory(reason=" be\ncause "), trajectory(reason="late")])
    assert len(once) == 3
    assert {example.reason for example in once} == {"be cause"}
    capped = examples_from([trajectory("a"), trajectory("b")], cap_per_task=2)
    assert [example.task for example in capped] == ["a", "a", "b"], "the third was over a's cap, and new for b"


def test_examples_survive_json() -> None:
    for example in examples_from([trajectory()]):
        assert from_json(Example, json.loads(json.dumps(to_json(example)))) == example


def test_extending_history_keeps_the_last_three() -> None:
    assert extend_history((), seen()) == ()
    assert extend_history(("a", "b", "c"), seen(last="d")) == ("b", "c", "d")
