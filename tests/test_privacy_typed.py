"""What a step that was decided here types into a page: hidden from then on, unless the cloud has seen or said it."""

import json
import re
from typing import Any

import pytest

from symbiotic_gym.agents.hybrid import PRIVATE_VERBS, HybridAgent
from symbiotic_gym.agents.large import LargeAgent
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_episode import Episode
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.testing import FakeEndpoint
from symbiotic_gym.benchmarks.privacy_canary import knowledge_of
from symbiotic_gym.errors import PrivacyError
from symbiotic_gym.types import Decision, Observation, Outcome, Step, Trajectory

LETTER = "meet me at the lake house"
NOTE = '[1] link "Home"\nheading "Spring offers"\n[4] textbox "Note"\n[5] button "Next"'
CARD = '\ntext "Card number"\ntext "4556 7375 8689 9855"'  # keeps a step here
HERE = "http://shop.test/"


def episode(*shown: str) -> Episode:
    made = Episode("Answer the letter", 1, (), (), {}, None, bind=True)
    made.show(shown)
    return made


def known(some: Episode) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in some.vault.values]


def fill(text: str, bid: str = "4") -> str:
    return f"fill({bid!r}, {text!r})"


def see(page: str = NOTE, **changes: Any) -> Observation:
    seen: Any = {"goal": "Answer the letter", "page": page, "url": HERE, "title": "", "tabs": "", "last_action": ""}
    seen |= {"last_action_error": "", **changes}
    found: Observation = seen
    return found


# --- which texts ---


@pytest.mark.parametrize("text", [LETTER, "55-81-4417-02", "明天下午三點在湖邊的房子見面", "Straße 12, bei Anna"])
def test_what_is_typed_here_is_private(text: str) -> None:
    one = episode("Goal: Answer the letter", "Blake House and me at the shop: meet all of them")
    one.type_here(fill(text), HERE)
    assert known(one) == [("typed", text)]


@pytest.mark.parametrize(
    "action",
    [
        *(fill(text) for text in ("256", "1.0", "7 km", "1234567", "unconditionally", "elements.", "x", "", "!!!!!!!!!!")),
        f"send_msg_to_user({LETTER!r})",
        f"select_option('4', {LETTER!r})",
        "click('4')",
        "no action",
    ],
)
def test_words_numbers_and_what_is_not_typed_are_left_alone(action: str) -> None:
    one = episode()
    one.type_here(action, HERE)
    assert known(one) == []


@pytest.mark.parametrize("line", [f"Write: {LETTER}.", "textbox value='Meet me - at the LAKE house'", f"{LETTER} on Sunday"])
def test_what_the_cloud_has_seen_is_not(line: str) -> None:
    one = episode(f"one\n{line}\nthree")
    one.type_here(fill(LETTER), HERE)
    assert known(one) == []


@pytest.mark.parametrize("line", ["meet me at the lake\nhouse", "meet me at the lake houses", "someet me at the lake house"])
def test_what_only_looks_like_it_does_not_count_as_seen(line: str) -> None:
    one = episode(line)
    one.type_here(fill(LETTER), HERE)
    assert known(one) == [("typed", LETTER)]


def test_a_value_that_stands_in_it_stays_what_it_is() -> None:
    one = episode()
    one.vault.add("4556 7375 8689 9855", "card", declared=True)
    text = "it is 4556 7375 8689 9855 and valid for two years"
    one.type_here(fill(text), HERE)
    assert [hit.known.kind for hit in one.vault.find(text)] == ["card", "typed"]
    assert one.vault.values[0].origins == set()  # not where it was typed


@pytest.mark.parametrize("between", [" ", "\n", ""])
@pytest.mark.parametrize("shown", [slice(0, 199), slice(100, 250), slice(0, 60), slice(0, 2000)])
def test_of_a_long_text_a_page_that_cuts_it_shows_little(between: str, shown: slice) -> None:
    one = episode()
    text = between.join(f"wort{number}" for number in range(60))
    one.type_here(fill(text), HERE)
    seen = "Note | " + " ".join(text.split())[shown] + "…"
    left = re.sub("⟦[^⟧]*⟧", "", one.vault.redact(seen))
    assert len(left) < 2 * 60


def test_many_short_lines_are_one_text() -> None:
    one = episode()
    one.type_here(fill("meet me\nat the\nlake\nhouse"), HERE)
    assert "lake" not in one.vault.redact(f'value="{LETTER}"')


@pytest.mark.parametrize("kind", ["password", "code"])
@pytest.mark.parametrize("first", ["typed", "voucher"])
def test_what_turns_out_to_be_more_is_taken_for_it(first: str, kind: str) -> None:
    one = episode()
    known = one.vault.add("ABCD-123 quay", first)
    before = one.vault.redact("ABCD-123 quay")
    one.vault.add("ABCD-123 quay", kind)
    assert known.kind == kind and kind in one.vault.redact("ABCD-123 quay")
    assert one.vault.restore(before) == "ABCD-123 quay"
    one.vault.add("ABCD-123 quay", first)
    assert known.kind == kind


def test_a_value_within_and_the_rest_beside_another_are_seen() -> None:
    one = episode()
    one.type_here(fill("use plum Tractor quay at the gate"), HERE)
    one.vault.add("plum Tractor quay", "password", origin="http://shop.test:80")
    assert [hit.known.kind for hit in one.vault.find("use plum Tractor quay at the gate")] == ["typed", "password", "typed"]
    assert not one.rules.complete(fill("use plum Tractor quay at the gate"), see(url="http://evil.test/")).action
    one.type_here(fill("Perpetua lives in the house by the gate key"), HERE)
    text = "Perpetua lives in the house by the gate key of old"
    one.vault.add("gate key of old", "name")
    hidden = one.vault.redact(text)
    assert not re.search(r"house|gate|key|old", re.sub("⟦[^⟧]*⟧", "", hidden)) and one.vault.restore(hidden) == text


def test_a_guard_that_does_not_know_who_asks_looks_for_everything() -> None:
    guard, one = EgressGuard(), episode()
    guard.protect(one.vault)
    one.type_here(fill(LETTER), HERE)
    with pytest.raises(PrivacyError, match="kind typed"):
        guard.check_text(LETTER)
    with guard.listening(one.vault) as left:
        with guard.listening(episode().vault):
            guard.check_text(LETTER)
        guard.check_text("after")
        with pytest.raises(PrivacyError, match="kind typed"):
            guard.check_text(LETTER)
    assert left[-1] == "after"


# --- where it may go ---


@pytest.mark.parametrize(("url", "bid"), [("http://other.test/", "4"), (HERE, "a7")])
def test_it_may_be_typed_again_anywhere_here_but_not_by_its_placeholder(url: str, bid: str) -> None:
    one = episode()
    one.type_here(fill(LETTER), HERE)
    page = NOTE.replace("[4]", f"[{bid}]")
    assert one.rules.complete(fill(LETTER, bid), see(page, url=url)).action
    stands_for_it = one.vault.redact(LETTER)
    assert not one.rules.complete(fill(stands_for_it, bid), see(page, url=url)).action
    assert one.rules.complete(fill(stands_for_it), see()).action


def test_another_episode_may_say_the_same() -> None:
    guard, one, other = EgressGuard(), episode(), episode()
    for some in (one, other):
        guard.protect(some.vault)
    one.type_here(fill(LETTER), HERE)
    with guard.listening(other.vault) as left:
        guard.check_text(f"Goal: {LETTER}")
    assert any(LETTER in text for text in left)
    with guard.listening(one.vault) as left, pytest.raises(PrivacyError, match="kind typed"):
        guard.check_text(f"Goal: {LETTER}")
    assert left == []
    other.vault.add("Perpetua Hollings", "name")
    with guard.listening(one.vault), pytest.raises(PrivacyError, match="kind name"):
        guard.check_text("Perpetua Hollings")


# --- through the agent ---


def hybrid(endpoint: FakeEndpoint, mode: str = "guarded", text: str = LETTER, **settings: Any) -> HybridAgent:
    model = OpenAIModel("fake", base_url=endpoint.url, guard=EgressGuard(), max_retries=0)
    agent = HybridAgent(
        LargeAgent(model, prompt="private_v3", verbs=PRIVATE_VERBS, **settings),
        lambda observation: Decision(action=fill(text), source="small"),
        mode=mode,
        detectors=DetectorStack(timeout_s=30),
    )
    agent.reset("Answer the letter", seed=1)
    return agent


def last(endpoint: FakeEndpoint) -> str:
    return str(endpoint.requests[-1]["messages"][1]["content"])


@pytest.mark.parametrize("mode", ["guarded", "delegate"])
@pytest.mark.parametrize(("said", "hidden"), [("x", True), (LETTER, False)])
def test_the_cloud_reads_it_only_where_it_has_said_it_itself(mode: str, said: str, hidden: bool) -> None:
    def large(messages: Any) -> str:  # typing first: in mode `delegate` that is left to the small model
        action = 'click("5")' if "Already done" in messages[1]["content"] else fill(said)
        return f"<reason>x</reason><action>{action}</action>"

    with FakeEndpoint(large) as endpoint:
        agent = hybrid(endpoint, mode)
        decision = agent.act(see(NOTE + CARD))
        assert decision.source == "small"
        agent.act(see(NOTE.replace('"Note"', f'"Note" value="{LETTER}"'), last_action=decision.action))
    hidden = hidden or mode == "guarded"  # there the cloud was not asked
    assert ("lake house" in last(endpoint)) == (not hidden) and ("⟦typed_1_" in last(endpoint)) == hidden
    assert agent.guard.stopped == 0


def test_it_is_kept_as_a_placeholder() -> None:
    with FakeEndpoint(lambda messages: "<action>noop(1)</action>") as endpoint:
        agent = hybrid(endpoint)
        seen = see(NOTE + CARD)
        step = Step(observation={"page": seen["page"], "url": HERE}, decision=agent.act(seen), reward=0.0)
        final = {"page": NOTE.replace('"Note"', f'"Note" value="{LETTER}"'), "url": HERE}
        goal, outcome = "Answer the letter", Outcome(status="success")
        whole = Trajectory(task="t", seed=1, goal=goal, agent="x", steps=(step,), outcome=outcome, final=final)
        assert "lake house" not in str(agent.record(whole))


@pytest.mark.parametrize(("page_tokens", "hidden"), [(2000, False), (12, True)])
def test_what_was_cut_off_a_page_was_not_seen(page_tokens: int, hidden: bool) -> None:
    page = "\n".join([NOTE, *(f'text "line {number} of many others"' for number in range(30)), f'text "{LETTER}"'])
    with FakeEndpoint(lambda messages: "<action>noop(1)</action>") as endpoint:
        agent = hybrid(endpoint, page_tokens=page_tokens)
        assert agent.act(see(page)).source == "small"  # the cloud was asked, and could not say
        agent.act(see(page))
    assert json.dumps(endpoint.requests).count("lake house") == 0 if hidden else "lake house" in last(endpoint)
    assert agent.guard.stopped == 0


def test_a_page_whose_request_was_stopped_was_not_seen() -> None:
    with FakeEndpoint(lambda messages: "<action>noop(1)</action>") as endpoint:
        agent = hybrid(endpoint, knowledge=knowledge_of(["4556 7375 8689 9855"]))
        agent.act(see(f'{NOTE}\ntext "{LETTER}"'))
        assert agent.guard.stopped and endpoint.requests == []
    assert [row.why for row in agent.ledger.rows] == ["the request would have held a private value"]
    agent.act(see(f'{NOTE}\ntext "{LETTER}"'))
    assert agent.ledger.rows[-1].counts == {"typed": 1}
