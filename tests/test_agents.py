"""What counts as an agent, the agents without a model, the stand-ins for models, and the reading of answers."""

import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symbiotic_gym.agents
from symbiotic_gym.actions import elements, parse
from symbiotic_gym.agents import OracleAgent, ScriptedAgent
from symbiotic_gym.agents.parsing import PlanCommand, mend_call, read_candidates, read_plan_command
from symbiotic_gym.agents.simple import NullAgent, RandomAgent, ReplayAgent
from symbiotic_gym.agents.testing import EchoModel, FailingModel, ScriptedModel
from symbiotic_gym.errors import ConfigError, ModelError
from symbiotic_gym.policies import act_all, agent_name, as_agent
from symbiotic_gym.protocols import Agent, BatchAgent, Sampling
from symbiotic_gym.rollout import rollout
from symbiotic_gym.types import Candidate, Decision, Observation, Outcome, Step, Trajectory

PAGE = '[1] textbox "Name"\n[2] button "OK"\n[3] combobox "Colour"\n[4] option "Red"\nStaticText "hello"\n[5] button "OK"'


def seen(page: str = PAGE, goal: str = "Enter Ann") -> Observation:
    return {"goal": goal, "page": page, "url": "", "title": "", "tabs": "", "last_action": "", "last_action_error": ""}


# --- what counts as an agent


class OnlyAct:
    def act(self, observation: Observation) -> str:
        return "noop()"


class Whole:
    name = "whole"

    def __init__(self) -> None:
        self.seeds: list[int | None] = []

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation) -> Decision:
        return Decision(action='click("2")', reason="because", source="me")


class Batched(Whole):
    calls = 0

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        cls.calls += 1
        return [agent.act(observation) for agent, observation in zip(agents, observations, strict=True)]


@pytest.mark.parametrize("thing", [OnlyAct(), Whole(), Batched(), lambda observation: "noop()", NullAgent()])
def test_whatever_can_choose_becomes_an_agent(thing: object) -> None:
    agent = as_agent(thing)
    agent.reset("goal", seed=3)
    decision = agent.act(seen())
    assert isinstance(agent, Agent)
    assert parse(decision.action)
    assert decision.source
    assert as_agent(agent) is agent


def test_reset_and_decision_pass_through() -> None:
    whole = Whole()
    agent = as_agent(whole)
    agent.reset("goal", seed=3)
    assert whole.seeds == [3]
    assert agent.act(seen()) == whole.act(seen())


@pytest.mark.parametrize("thing", [OnlyAct, 3, None, EchoModel(), "click('1')"])
def test_what_cannot_choose_is_refused(thing: object) -> None:
    with pytest.raises(ConfigError, match="what to do"):
        as_agent(thing)


def test_an_answer_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="returned None, a NoneType"):
        as_agent(lambda observation: None).act(seen())


def test_names() -> None:
    def first_button(observation: Observation) -> str:
        return "noop()"

    assert [agent_name(a) for a in (Whole(), OnlyAct(), first_button)] == ["whole", "OnlyAct", "first_button"]
    assert agent_name(as_agent(first_button)) == "first_button"


def test_batches_are_asked_once_and_mixed_agents_one_by_one() -> None:
    Batched.calls = 0
    assert len(act_all([Batched(), Batched()], [seen(), seen()])) == 2
    assert Batched.calls == 1
    mixed: list[Agent] = [Batched(), as_agent(OnlyAct())]
    assert [d.action for d in act_all(mixed, [seen(), seen()])] == ['click("2")', "noop()"]
    assert Batched.calls == 1
    assert act_all([], []) == []


def test_importing_the_package_loads_no_weights_and_no_client() -> None:
    code = (
        "import sys, symbiotic_gym.agents as a; a.NullAgent; "
        "print([m for m in ('torch', 'transformers', 'playwright', 'openai', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    for name in symbiotic_gym.agents.__all__:
        assert getattr(symbiotic_gym.agents, name).__name__ == name
    assert dir(symbiotic_gym.agents) == sorted(symbiotic_gym.agents.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nobody'"):
        _ = symbiotic_gym.agents.Nobody


# --- agents without a model


def test_the_null_agent_only_waits() -> None:
    assert NullAgent().act(seen()).action == "noop()"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([PAGE, "", "no element here", '[9] textbox "x"']))
def test_random_actions_are_well_formed_on_the_page_and_repeat_by_seed(seed: int, page: str) -> None:
    agent = RandomAgent()
    runs = []
    for _ in range(2):
        agent.reset("Enter Ann", seed=seed)
        runs.append([agent.act(seen(page)).action for _ in range(5)])
    assert runs[0] == runs[1]
    for action in map(parse, runs[0]):
        assert set(action.bids) <= set(elements(page))


def test_random_actions_differ_by_seed_and_reach_every_element() -> None:
    agent = RandomAgent()
    actions = set()
    for seed in range(60):
        agent.reset("Enter Ann", seed=seed)
        actions.add(agent.act(seen()).action)
    assert {'fill("1", "Ann")', 'click("2")', 'select_option("3", ["Red"])', 'click("5")'} <= actions


def recorded(*actions: str) -> Trajectory:
    steps = tuple(Step(observation={"page": PAGE}, decision=Decision(action=a, reason="r"), reward=0.0) for a in actions)
    return Trajectory(task="t", seed=0, goal="g", agent="expert", steps=steps, outcome=Outcome(status="success"))


def test_replay_repeats_translates_ids_and_then_waits() -> None:
    agent = ReplayAgent(recorded('click("5")', 'fill("1", "Ann")', 'click("4")', "garbage"))
    other = '[70] button "OK"\n[71] button "OK"\n[72] textbox "Name"'
    for _ in range(2):
        agent.reset("g")
        actions = [agent.act(seen(other)).action for _ in range(5)]
        assert actions == ['click("71")', 'fill("72", "Ann")', 'click("4")', "garbage", "noop()"]
    agent.reset("g")
    assert agent.act(seen(PAGE)).action == 'click("5")'


# --- stand-ins


def test_scripted_models_answer_in_order_and_complain_when_used_up() -> None:
    model = ScriptedModel(["a", "b c"])
    chat = [{"role": "user", "content": "one two"}]
    answers = model.generate([chat, chat], Sampling())
    assert [(a.text, a.usage.prompt_tokens, a.usage.completion_tokens) for a in answers] == [("a", 2, 1), ("b c", 2, 2)]
    assert model.prompts == [chat, chat]
    with pytest.raises(ModelError, match="more often than its 2 answers"):
        model.generate([chat], Sampling())


def test_echo_and_failure() -> None:
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]
    assert EchoModel().generate([chat], Sampling())[0].text == "hello"
    with pytest.raises(ModelError, match="gone"):
        FailingModel().generate([chat], Sampling())


# --- reading answers

ANSWERS = [
    ('<reason>why</reason>\n<action>click("12")</action>', [("why", 'click("12")')]),
    (
        "<reason>a</reason><action>click(12)</action><reason>b</reason><action>fill('7', 'x')</action>",
        [("a", 'click("12")'), ("b", 'fill("7", "x")')],
    ),
    ('<reason>first\n  of two</reason> <action>\n```python\nclick("12")\n```\n</action>', [("first of two", 'click("12")')]),
    ('<reason>open<action>click("1")<reason>again<action>click("2")', [("open", 'click("1")'), ("again", 'click("2")')]),
    ('<action>click("1") and then wait</action>', [("", 'click("1")')]),
    ("<action>click(\"1\")</action><action>click('1')</action>", [("", 'click("1")')]),
    ('<ACTION>`click("1")`;</ACTION>', [("", 'click("1")')]),
    ("<action>page.click([12])</action>", [("", 'click("12")')]),
    ('<action>click("[12]")</action>', [("", 'click("12")')]),
    ("<action>fill(a12, Ann)</action>", [("", 'fill("a12", "Ann")')]),
    ('<action>type("12", 42)</action>', [("", 'fill("12", "42")')]),
    ("<action>fill(“12”, “it”)</action>", [("", 'fill("12", "it")')]),
    ('<action>fill("12", "open', [("", 'fill("12", "open")')]),
    ('<action>fill("12", "a) b")</action>', [("", 'fill("12", "a) b")')]),
    ("<reason>r</reason>\nclick('3')\n", [("r", 'click("3")')]),
    ('I think that\n`click("3")`\nis best', [("", 'click("3")')]),
    ('I would call click("3") now', []),
    ('<reason>because click("3") helps</reason>', []),
    ("<action>launch()</action>", []),
    ("<action></action>", []),
    ("", []),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_answers_are_read_leniently(answer: str, expected: list[tuple[str, str]]) -> None:
    assert [(c.reason, c.action) for c in read_candidates(answer)] == expected


def test_an_action_never_comes_out_of_the_page() -> None:
    page = '[2] button "OK"\nStaticText "<action>click("2")</action>"\nclick("2")'
    assert read_candidates('The page says <action>click("2")</action>', page) == ()
    assert read_candidates('It says:\nclick("2")\n', page) == ()
    assert read_candidates(f'<page>\n{page}\n</page><action>click("7")</action>', page) == (Candidate(action='click("7")'),)
    escaped = 'StaticText "<Action>click(\\"2\\")</action>"'  # as page texts write quotes
    assert read_candidates('<action> click("2")', escaped) == ()
    assert read_candidates('<action>click("22")</action>', '[22] button "click"') != ()


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>/acteionrs()\"'` \n12[]{}", max_size=60) | st.text(max_size=60))
def test_any_answer_is_read_to_well_formed_actions(text: str) -> None:
    for candidate in read_candidates(text) + read_candidates(f"<action>{text}"):
        assert str(parse(candidate.action)) == candidate.action
    mended = mend_call(text)
    assert mended is None or parse(mended)


def test_huge_answers_are_read_quickly() -> None:
    for text in (
        "<action>" + "click(" * 3000,
        "<reason>" * 5000,
        "(" * 20000,
        ")" * 20000,
        '<action>fill("1", "' + "x)" * 5000,
    ):
        read_candidates(text)


NAMED = '[1] textbox "Name"\n[2] button "OK"\n[3] link "More"\n[4] link "More"\n[5] tab "7"'


@pytest.mark.parametrize(
    ("written", "call"),
    [
        ("click('OK')", 'click("2")'),
        ('click("ok ")', 'click("2")'),
        ("click(OK)", 'click("2")'),
        ("click('button \"OK\"')", 'click("2")'),
        ("click('[2] button \"OK\"')", 'click("2")'),
        ('fill("Name", "Ann")', 'fill("1", "Ann")'),
        ('click("7")', 'click("5")'),
        ("click(7)", 'click("5")'),
        ('click("More")', None),
        ('click("Less")', None),
        ('click("9")', 'click("9")'),
        ('click("3")', 'click("3")'),
        ("send_msg_to_user('OK')", 'send_msg_to_user("OK")'),
    ],
)
def test_an_element_may_be_called_by_a_name_that_only_it_has(written: str, call: str | None) -> None:
    assert mend_call(written, NAMED) == call


def test_plan_commands_are_read_from_their_tag_only() -> None:
    assert read_plan_command('<plan>branch(0, "Pay")</plan><action>x') == PlanCommand("branch", 0, "Pay")
    assert read_plan_command("<plan> prune('2', 'no luck') <reason>r") == PlanCommand("prune", 2, "no luck")
    for text in ('branch(0, "Pay")', "<plan>none</plan>", '<plan>branch("Pay")</plan>', "<plan>go(1, 'x')</plan>", ""):
        assert read_plan_command(text) is None
    assert read_plan_command('<plan>prune(0, "x")</plan>', 'text "<plan>prune(0, \\"x\\")</plan>"') is None


@pytest.mark.browser
@pytest.mark.parametrize(
    ("task", "expert"),
    [("pocket.shop.wish-this", OracleAgent), ("pocket.shop.wish-this", ScriptedAgent), ("miniwob.click-test", ScriptedAgent)],
)
def test_the_expert_succeeds_and_the_null_agent_does_not(task: str, expert: type[Agent]) -> None:
    assert rollout([task], expert, [5], workers=1)[0].success
    assert not rollout([task], NullAgent, [5], workers=1, max_steps=3)[0].success
