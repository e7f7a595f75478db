"""Speculative synthesis: what stands, what is replaced, what is recorded, what is asked and what is free."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from symbiotic_gym.agents.large import LargeAgent
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.errors import ConfigError, StoreError
from symbiotic_gym.policies import as_agent
from symbiotic_gym.protocols import BatchAgent
from symbiotic_gym.trainers.candidates import CandidateCache
from symbiotic_gym.trainers.pairs import acceptance_rate, preference_pairs, teacher_cost
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.trainers.verifiers import CandidateList, Proposed, TopTokens, Verdict, YesNoJudge
from symbiotic_gym.types import Candidate, Decision, Observation, Outcome, Step, Trajectory, Usage

PAGE = '[1] textbox "Name"\n[2] button "OK"\n[3] button "Cancel"'


def seen(page: str = PAGE, goal: str = "Enter Ann", last_action: str = "") -> Observation:
    return {
        "goal": goal,
        "page": page,
        "url": "",
        "title": "",
        "tabs": "",
        "last_action": last_action,
        "last_action_error": "",
    }


class Fixed:
    """Decides the same at every step, and counts."""

    def __init__(self, action: str, reason: str = "", candidates: Sequence[tuple[str, str]] = (), name: str = "fixed") -> None:
        self.name = name
        self.resets: list[tuple[str, int | None]] = []
        self.asked = 0
        self.noted: list[str] = []
        listed = tuple(Candidate(action=a, reason=r) for a, r in candidates)
        self._decision = Decision(action=action, reason=reason, candidates=listed, usage=Usage(requests=1, prompt_tokens=10))

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self.resets.append((goal, seed))

    def act(self, observation: Observation) -> Decision:
        self.asked += 1
        return self._decision

    def observe(self, observation: Observation) -> None:
        self.noted.append(observation["last_action"])


TEACHER = [('fill("1", "Ann")', "type the name"), ("click('2')", "press OK")]


def decide(student: str, teacher: Sequence[tuple[str, str]] = TEACHER, reason: str = "") -> Decision:
    return SpeculativeAgent(Fixed(student, reason), Fixed(teacher[0][0], teacher[0][1], teacher)).act(seen())


def test_a_proposal_among_the_candidates_is_kept_as_the_student_wrote_it() -> None:
    decision = decide('click( "2" )')
    assert (decision.action, decision.source) == ('click( "2" )', "student")
    assert decision.reason == "press OK", "the reason of the candidate it matched, since the student gave none"
    assert decide("click(2)", reason="mine").reason == "mine"
    assert decision.acceptance is not None
    assert (decision.acceptance.accepted, decision.acceptance.verifier) == (True, "candidate-list")
    assert decision.acceptance.why.startswith("candidate 2: same verb, same element")
    assert decision.acceptance.proposal == Candidate(action='click( "2" )')
    assert decision.candidates[0].action == decision.action
    assert [c.action for c in decision.candidates[1:]] == ['fill("1", "Ann")']


@pytest.mark.parametrize("proposal", ["click('3')", "fill('1', 'ann')", "I do not know", "click('99')", ""])
def test_anything_else_is_replaced_by_the_first_candidate(proposal: str) -> None:
    decision = decide(proposal, reason="mine")
    assert (decision.action, decision.reason, decision.source) == ('fill("1", "Ann")', "type the name", "teacher")
    assert decision.acceptance is not None
    assert not decision.acceptance.accepted
    assert decision.acceptance.proposal == Candidate(action=proposal, reason="mine")
    assert decision.acceptance.why
    assert [c.action for c in decision.candidates] == ['fill("1", "Ann")', "click('2')"]


def test_a_teacher_without_a_list_is_taken_at_its_action() -> None:
    agent = SpeculativeAgent(Fixed("click('3')"), lambda observation: 'click("2")')
    assert agent.act(seen()).action == 'click("2")'
    assert SpeculativeAgent(lambda observation: "click(2)", lambda observation: 'click("2")').act(seen()).source == "student"


def test_a_teacher_that_says_nothing_usable_verifies_nothing() -> None:
    cache = CandidateCache()
    agent = SpeculativeAgent(Fixed("click('3')", "mine"), Fixed("Sorry, I cannot."), cache=cache)
    decision = agent.act(seen())
    assert (decision.action, decision.source, decision.acceptance) == ("click('3')", "student", None)
    assert decision.extra["unverified"] == {"teacher_action": "Sorry, I cannot."}
    assert len(cache) == 0


def test_usage_is_the_sum_and_both_are_reset() -> None:
    student, teacher = Fixed("click('3')"), Fixed('click("2")')
    agent = SpeculativeAgent(student, teacher)
    agent.reset("goal", seed=4)
    assert student.resets == teacher.resets == [("goal", 4)]
    assert agent.act(seen()).usage == Usage(requests=2, prompt_tokens=20)
    assert agent.name == "speculative(fixed, fixed)"
    assert isinstance(agent, BatchAgent)
    assert as_agent(agent) is agent


def test_the_verifier_is_interchangeable() -> None:
    class Never:
        name = "never"

        def verify(self, proposal: Candidate, candidates: Sequence[Candidate], page: str) -> Verdict:
            return Verdict(accepted=False, why="never")

    decision = SpeculativeAgent(Fixed("click('2')"), Fixed("click('2')"), Never()).act(seen())
    assert decision.acceptance is not None
    assert (decision.acceptance.accepted, decision.acceptance.verifier) == (False, "never")


def test_no_candidates_match_nothing() -> None:
    verdict = CandidateList().verify(Candidate(action="noop()"), [], PAGE)
    assert (verdict.accepted, verdict.matched) == (False, None)


# --- free checks before paid ones


def test_recorded_candidates_are_looked_up_first(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    teacher = Fixed(TEACHER[0][0], candidates=TEACHER)
    agent = SpeculativeAgent(Fixed("click('2')"), teacher, cache=CandidateCache(path))
    agent.reset("Enter Ann")
    paid = agent.act(seen())
    for cache in (agent.cache, CandidateCache(path)):
        agent.cache = cache
        agent.reset("Enter Ann")
        free = agent.act(seen(last_action="noop()"))
        assert (free.action, free.reason, free.acceptance) == (paid.action, paid.reason, paid.acceptance)
        assert free.extra["teacher"] == {"recorded": True}
        assert free.usage.requests == 1, "the student's only"
        assert cache is not None
        assert cache.hits == 1
    assert teacher.asked == 1
    assert teacher.noted == ["noop()", "noop()"], "its history has no hole where it was not asked"


@pytest.mark.parametrize("damage", ['{"state": "s"}', '{"state": "s", "candidates": [{"reason": ""}]}', "{"])
def test_a_damaged_record_is_named_with_its_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "candidates.jsonl"
    CandidateCache(path).put("teacher", seen(), [Candidate(action='click("2")')])
    with path.open("a") as file:
        file.write(damage + "\n")
    with pytest.raises(StoreError, match=r"line 2 of .*candidates\.jsonl is damaged"):
        CandidateCache(path)


@pytest.mark.parametrize("other", [seen(goal="Enter Bob"), seen(page=PAGE + '\n[4] link "x"')])
def test_another_state_is_asked_about(other: Observation) -> None:
    teacher = Fixed('click("2")')
    agent = SpeculativeAgent(Fixed("click('2')"), teacher, cache=CandidateCache())
    agent.reset("g")
    agent.act(seen())
    agent.act(other)
    assert teacher.asked == 2
    renamed = SpeculativeAgent(Fixed("click('2')"), Fixed('click("3")', name="better"), cache=agent.cache)
    assert renamed.act(seen()).action == 'click("3")', "another teacher's answers are not this one's"


def test_a_state_that_comes_back_in_one_episode_is_asked_about_again() -> None:
    teacher = Fixed('click("2")')
    agent = SpeculativeAgent(Fixed("click('3')"), teacher, cache=CandidateCache())
    for _ in range(2):
        agent.reset("g")
        for _ in range(3):
            agent.act(seen())
    assert teacher.asked == 3 + 2, "the second episode gets its first step for nothing"


def test_an_equal_state_is_known_by_other_ids_and_answered_in_them() -> None:
    teacher = Fixed('fill("1", "Ann")', "type into [1], then [2]", [('fill("1", "Ann")', "type into [1], then [2]")])
    agent = SpeculativeAgent(Fixed("click('99')"), teacher, cache=CandidateCache())
    agent.reset("Enter Ann")
    agent.act(seen())
    agent.reset("Enter Ann")
    renumbered = PAGE.replace("[1]", "[7]").replace("[2]", "[1]").replace("[3]", "[2]")
    free = agent.act(seen(page=renumbered))
    assert (free.action, free.reason) == ('fill("7", "Ann")', "type into [7], then [1]")
    assert teacher.asked == 1


def test_what_points_at_nothing_on_the_page_is_not_kept() -> None:
    cache = CandidateCache()
    cache.put("t", seen(), [Candidate(action='click("44")'), Candidate(action="go_back()")])
    assert [c.action for c in cache.get("t", seen())] == ["go_back()"]
    cache.put("t", seen(goal="other"), [Candidate(action='click("44")')])
    assert len(cache) == 1


# --- other verifiers


def test_only_the_first_k_candidates_count() -> None:
    assert decide("click('2')").source == "student"
    agent = SpeculativeAgent(Fixed("click('2')"), Fixed(*TEACHER[0], TEACHER), CandidateList(1))
    decision = agent.act(seen())
    assert decision.acceptance is not None
    assert (decision.source, decision.acceptance.verifier) == ("teacher", "candidate-list-1")
    with pytest.raises(ConfigError, match="k = 0"):
        CandidateList(0)


def judged(answer: str, proposal: str, cache: CandidateCache | None = None) -> tuple[Decision, Fixed, ScriptedModel]:
    teacher, judge = Fixed(*TEACHER[0], TEACHER), ScriptedModel(lambda prompt: answer, "big")
    agent = SpeculativeAgent(Fixed(proposal), teacher, YesNoJudge(judge), cache=cache)
    agent.reset("Enter Ann")
    return agent.act(seen()), teacher, judge


def test_what_the_judge_accepts_costs_no_list() -> None:
    decision, teacher, judge = judged("Yes, that is it.", "click('3')")
    assert decision.acceptance is not None
    assert (decision.action, decision.source) == ("click('3')", "student")
    assert (decision.acceptance.accepted, decision.acceptance.why) == (True, "the judge: Yes, that is it.")
    assert decision.acceptance.verifier == "judge(big)"
    assert (teacher.asked, judge.calls) == (0, 1)
    assert teacher.noted == [""], "its history has no hole"
    shown = judge.prompts[0][0]["content"]
    assert "Goal: Enter Ann" in shown
    assert PAGE in shown
    assert "Somebody proposes: click('3')" in shown


@pytest.mark.parametrize("answer", ["No: it cancels.", "Perhaps", "", "Yesterday"])
def test_what_the_judge_does_not_vouch_for_is_replaced_by_the_teachers_first(answer: str) -> None:
    decision, teacher, _ = judged(answer, "click('3')")
    assert decision.acceptance is not None
    assert (decision.action, decision.source, decision.acceptance.accepted) == ('fill("1", "Ann")', "teacher", False)
    assert decision.acceptance.why.startswith("the judge")
    assert teacher.asked == 1


def test_a_proposal_is_not_replaced_by_itself() -> None:
    """Else its preference pair would prefer an action to itself."""
    decision, _, _ = judged("no", "fill('1', 'Ann')")
    assert decision.acceptance is not None
    assert decision.acceptance.accepted
    assert decision.acceptance.why.startswith("the judge: no; but candidate 1: same verb")


def test_recorded_candidates_go_before_the_judge_who_is_heard_when_they_do_not_match() -> None:
    cache = CandidateCache()
    cache.put("fixed", seen(), [Candidate(action=a, reason=r) for a, r in TEACHER])
    decision, teacher, judge = judged("no", "click('2')", cache)
    assert (decision.source, judge.calls, teacher.asked) == ("student", 0, 0)
    decision, teacher, judge = judged("yes", "click('3')", cache)
    assert (decision.source, judge.calls, teacher.asked) == ("student", 1, 0)
    assert [c.reason for c in decision.candidates][1:] == [reason for _, reason in TEACHER], "nothing recorded is lost"
    decision, teacher, judge = judged("no", "click('3')", cache)
    assert (decision.source, judge.calls, teacher.asked) == ("teacher", 1, 0), "the recorded candidate replaces it for nothing"


def test_an_open_teacher_looks_at_every_token_of_the_proposal(tmp_path: Path) -> None:
    from symbiotic_gym.agents.local import LocalModel
    from tests.tiny import tiny_model

    model = LocalModel(tiny_model(tmp_path), dtype="float32", device="cpu")
    proposed = Proposed(goal="Press it.", observation=seen(), history=("noop()",), action='click("2")')
    everything = TopTokens(model, k=10_000)
    [verdict] = everything.screen([proposed])
    assert verdict.accepted
    rank = int(verdict.why.split("rank ")[1].split()[0])
    assert rank > 1, "a random model does not know actions"
    for k, accepted in ((rank - 1, False), (rank, True)):
        [verdict] = TopTokens(model, k=k).screen([proposed])
        assert verdict.accepted is accepted
    assert verdict.usage.requests == 1
    assert verdict.usage.completion_tokens == 0, "nothing is generated"
    assert not TopTokens(model).screen([Proposed(goal="", observation=seen(), history=(), action="")])[0].accepted


def test_the_teachers_price_is_told_for_each_verified_step() -> None:
    def played(decision: Decision) -> Trajectory:
        step = Step(observation={"page": PAGE}, decision=decision, reward=0.0)
        return Trajectory(task="t", seed=0, goal="g", agent="a", steps=(step,), outcome=Outcome(status="success"))

    listed = teacher_cost([played(decide("click('2')")), played(decide("click('3')"))])
    assert (listed.steps, listed.accepted, listed.requests, listed.prompt_tokens) == (2, 1, 2, 20), (
        "the student's 20 are its own"
    )
    assert (listed.requests_per_step, listed.tokens_per_step) == (1.0, 10.0)
    screened = teacher_cost([played(judged("yes", "click('3')")[0]), played(judged("no", "click('3')")[0])])
    assert (screened.steps, screened.accepted, screened.requests) == (2, 1, 1 + 2)
    assert screened.completion_tokens == 2, "yes and no"
    plain = teacher_cost([played(Decision(action="noop()", usage=Usage(requests=2, completion_tokens=30)))])
    assert (plain.requests_per_step, plain.written_per_step) == (2, 30)
    nothing = SpeculativeAgent(Fixed("click('3')"), Fixed("Sorry.")).act(seen())
    assert teacher_cost([played(nothing)]).steps == 0


# --- batches


def tagged(action: str) -> Callable[..., str]:
    return lambda prompt: f"<action>{action}</action>"


def test_students_and_teachers_are_each_asked_in_one_call() -> None:
    small, large = ScriptedModel(tagged('click("2")'), "small"), ScriptedModel(tagged('click("2")'), "large")
    cache = CandidateCache()
    agents = [SpeculativeAgent(LargeAgent(small), LargeAgent(large), cache=cache) for _ in range(3)]
    for agent in agents:
        agent.reset("g", seed=1)
    cache.put("large(large)", seen(goal="g1"), [Candidate(action='click("3")')])
    decisions = SpeculativeAgent.act_batch(agents, [seen(goal=f"g{i}") for i in range(3)])
    assert [d.action for d in decisions] == ['click("2")', 'click("3")', 'click("2")']
    assert [d.source for d in decisions] == ["student", "teacher", "student"]
    assert (small.calls, len(small.prompts)) == (1, 3)
    assert (large.calls, len(large.prompts)) == (1, 2)


def test_batched_decisions_equal_single_ones() -> None:
    def agents() -> list[SpeculativeAgent]:
        return [SpeculativeAgent(Fixed(p), Fixed(TEACHER[0][0], candidates=TEACHER)) for p in ("click('2')", "click('3')")]

    observations = [seen(), seen(goal="other")]
    single = [agent.act(observation) for agent, observation in zip(agents(), observations, strict=True)]
    assert SpeculativeAgent.act_batch(agents(), observations) == single


def test_the_teacher_sees_what_was_executed() -> None:
    large = ScriptedModel(tagged('click("2")'))
    agent = SpeculativeAgent(Fixed("click(2)"), LargeAgent(large))
    agent.reset("g")
    agent.act(seen())
    agent.act(seen(last_action='press("1", "Enter")'))
    assert '- press("1", "Enter")' in large.prompts[-1][1]["content"]
    assert '- click("2")' not in large.prompts[-1][1]["content"]


# --- what it leaves behind


def episode(*proposals: str, status: str = "success", error: str = "") -> Trajectory:
    steps = tuple(Step(observation={"page": PAGE}, decision=decide(p), reward=0.0, error=error) for p in proposals)
    return Trajectory(task="t", seed=3, goal="g", agent="s", steps=steps, outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_every_rejection_is_a_preference_pair() -> None:
    episodes = [
        episode("click('2')", "click('3')"),
        episode("garbage", status="failure"),
        episode("click('3')", status="invalid"),
        episode("click('3')", error="refused"),
    ]
    pairs = preference_pairs(episodes)
    assert [(p.chosen.action, p.rejected.action) for p in pairs] == [
        ('fill("1", "Ann")', "click('3')"),
        ('fill("1", "Ann")', "garbage"),
    ]
    assert pairs[0].messages()[0]["content"].endswith("Predict the action.")
    assert (pairs[0].task, pairs[0].seed, pairs[0].goal, pairs[0].observation) == ("t", 3, "g", {"page": PAGE})


def test_the_acceptance_rate_counts_verified_steps_of_valid_episodes() -> None:
    unverified = Step(observation={"page": PAGE}, decision=Decision(action="noop()"), reward=0.0)
    plain = Trajectory(task="t", seed=0, goal="g", agent="a", steps=(unverified,), outcome=Outcome(status="success"))
    rate = acceptance_rate([episode("click(2)", "click(2)", "click(3)"), episode("click(3)", status="invalid"), plain])
    assert (rate.value, rate.n) == (2 / 3, 3)
    assert rate.low < 2 / 3 < rate.high
    assert acceptance_rate([plain]).n == 0
