"""`ScriptedAgent`: an expert written by hand, for MiniWoB++ tasks whose goal and page text say all that is needed.

Pocket's goals it hands to Pocket's own oracle.

It plays three parts: the oracle that tells whether a page text says enough to be solved at all, a teacher for speculative
synthesis that costs nothing and gives *all* right actions of a state, and (with `mistakes`) a policy of known quality. It sees
the observation and nothing else, and decides from it anew at every step, so it recovers from what others did. (Pocket's oracle
follows a plan instead: it goes on when others do what it would have done.)
"""

import random
from collections.abc import Sequence

from symbiotic_gym.actions import Action, compare, format_action, parse
from symbiotic_gym.agents.scripted_apps import APP_SKILLS
from symbiotic_gym.agents.scripted_clicks import CLICK_SKILLS
from symbiotic_gym.agents.scripted_forms import FORM_SKILLS
from symbiotic_gym.agents.scripted_page import History, Node, Page, Skill, click, fill, key, read
from symbiotic_gym.agents.scripted_reading import READING_SKILLS
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.pocket.oracle import OracleAgent, recognize
from symbiotic_gym.types import Candidate, Decision, Observation

__all__ = ["SCRIPTED_TASKS", "ScriptedAgent"]

SCRIPTED_TASKS = tuple(
    f"miniwob.{name}"
    for name in """
    click-button click-button-sequence click-checkboxes click-checkboxes-large click-checkboxes-transfer click-collapsible
    click-collapsible-nodelay click-collapsible-2 click-collapsible-2-nodelay click-dialog click-dialog-2 click-link click-menu
    click-option click-scroll-list click-tab click-tab-2 click-tab-2-easy click-tab-2-medium click-tab-2-hard click-test
    click-test-2 click-test-transfer click-widget focus-text focus-text-2 grid-coordinate navigate-tree unicode-test

    choose-date choose-date-easy choose-date-medium choose-date-nodelay choose-list enter-date enter-password enter-text
    enter-text-2 enter-text-dynamic enter-time form-sequence form-sequence-2 form-sequence-3 login-user login-user-popup
    multi-layouts multi-orderings use-autocomplete use-autocomplete-nodelay use-slider use-slider-2 use-spinner

    buy-ticket copy-paste copy-paste-2 find-greatest find-word generate-number guess-number odd-or-even read-table
    read-table-2 scroll-text simple-algebra simple-arithmetic text-transform

    email-inbox email-inbox-delete email-inbox-forward email-inbox-important email-inbox-noscroll email-inbox-reply
    email-inbox-star-reply order-food phone-book sign-agreement social-media social-media-all social-media-some
    """.split()  # noqa: SIM905 - 80 quoted names would fill a screen
)
"""Tasks it solves; measured by `python -m symbiotic_gym.benchmarks.scripted`."""

_SKILLS: Sequence[Skill] = (*CLICK_SKILLS, *FORM_SKILLS, *READING_SKILLS, *APP_SKILLS)


class ScriptedAgent:
    r"""An expert for the tasks in `SCRIPTED_TASKS` and all of Pocket's; see `symbiotic_gym.protocols.Agent`.

    Which script applies is read off the goal. A goal without one is answered with `noop()`.

    Args:
        mistakes: in [0, 1], the share of steps at which it takes a plausible wrong element of the page instead (on pages that
            have one; not on Pocket's).

    Raises:
        ConfigError: `mistakes` is not in [0, 1].

    Example:
        >>> agent = ScriptedAgent()
        >>> agent.reset("Click button ONE.")
        >>> agent.act({"goal": "Click button ONE.", "page": '[13] button "ONE"\n[14] button "TWO"'}).action
        'click("13")'
    """

    def __init__(self, *, mistakes: float = 0.0) -> None:
        if not 0.0 <= mistakes <= 1.0:
            raise ConfigError(
                explain(
                    f"mistakes={mistakes}",
                    "a probability, 0 to 1",
                    "it is the share of steps decided wrongly on purpose",
                    "give 0.1 for one step in ten",
                )
            )
        self.mistakes = mistakes
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode.

        Args:
            goal: not used; every observation holds it.
            seed: decides at which steps mistakes are made, and which.
        """
        self._history = History()
        self._oracle: OracleAgent | None = None
        self._seed = random.getrandbits(32) if seed is None else seed

    def act(self, observation: Observation) -> Decision:
        """All right actions of this state as `candidates`, the best of them as `action`."""
        page = self._history.record(observation)
        moves = _moves(observation["goal"], page, self._history)
        if moves is None:
            if self._oracle is None and recognize(observation["goal"]) is None:
                return _wait("There is no script for this goal.")
            self._oracle = self._oracle or OracleAgent()
            return self._oracle.act(observation)
        if not moves:
            return _wait("The script for this goal finds nothing to do on this page.")
        moves = [_by_key(move, page) if _refused(move, observation) else move for move in moves]
        wrong = self._mistake(page, moves)
        if wrong is not None:
            moves = [wrong]
        extra = {"mistake": True} if wrong is not None else {}
        best = moves[0]
        return Decision(action=best.action, reason=best.reason, candidates=tuple(moves), source="scripted", extra=extra)

    def knows(self, goal: str, page: str) -> bool:
        """Whether it has a script for this goal that finds something to do on this page."""
        return bool(_moves(goal, read(page), History(pages=[read(page)])))

    def _mistake(self, page: Page, right: Sequence[Candidate]) -> Candidate | None:
        chance = random.Random(f"{self._seed}:{len(self._history.pages)}")
        if chance.random() >= self.mistakes:
            return None
        wrong = [
            move
            for move in (_tempting(node, parse(right[0].action)) for node in page.acting)
            if not any(compare(move.action, page.text, other.action, page.text) for other in right)
        ]
        return chance.choice(wrong) if wrong else None


def _refused(move: Candidate, observation: Observation) -> bool:
    return bool(observation.get("last_action_error")) and move.action == observation.get("last_action")


def _by_key(move: Candidate, page: Page) -> Candidate:
    """For a button or link that cannot be clicked, since another element lies over it: the Enter key."""
    action = parse(move.action)
    target = next((node for node in page.find("button link") if action.verb == "click" and (node.bid,) == action.bids), None)
    return key(target, "Enter", f'"{target.shown}" could not be clicked, and takes the Enter key.') if target else move


def _tempting(node: Node, right: Action) -> Candidate:
    """What somebody would do who takes `node` for the element of the right action."""
    if right.verb == "fill" and node.role == "textbox":
        return fill(node, str(right.arguments["value"]), f'"{node.shown}" looks like the field the goal means.')
    return click(node, f'"{node.shown}" looks like what the goal asks for.')


def _moves(goal: str, page: Page, history: History) -> list[Candidate] | None:
    """What the first script that fits does; None when none fits the goal."""
    matches = [(skill, match) for skill in _SKILLS if (match := skill.goal.match(goal))]
    if not matches:
        return None
    return next((moves for skill, match in matches if (moves := skill.moves(match, page, history))), [])


def _wait(reason: str) -> Decision:
    return Decision(action=format_action("noop"), reason=reason, source="scripted")
