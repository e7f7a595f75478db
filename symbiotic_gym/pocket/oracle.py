"""Agents that play a template's own plays: the oracle, which any goal of these tasks starts, and one for any given play."""

from collections.abc import Callable

from symbiotic_gym.pocket.reading import LostError, Page
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.template import Params, Play, Player, Template
from symbiotic_gym.types import Candidate, Decision, Observation

__all__ = ["OracleAgent", "PlayAgent", "recognize"]

_TRIES = 3
"""How often an action that the browser refused is tried again."""


def recognize(goal: str) -> tuple[Template, Params] | None:
    """Which template a goal is of, and the values in it; None for a goal of none."""
    for template in templates().values():
        params = template.read_goal(goal)
        if params is not None:
            return template, params
    return None


class PlayAgent:
    """Plays one play; see `symbiotic_gym.protocols.Agent`.

    Args:
        choose: the player for a goal, with the values it is to play; None when there is none.
        source: its decisions' `source`.
    """

    def __init__(self, choose: Callable[[str], tuple[Player, Params] | None], source: str) -> None:
        self._choose = choose
        self._source = source
        self._play: Play | None = None
        self._started = False
        self._last: tuple[Candidate, str] | None = None
        self._again = 0

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode; `seed` changes nothing."""
        self._started, self._play, self._last, self._again = False, None, None, 0

    def act(self, observation: Observation) -> Decision:
        """The play's next action; `noop()` when it has none, with the reason."""
        page = Page.of(observation)
        if self._last is not None and page.error and page.text == self._last[1] and self._again < _TRIES:
            self._again += 1  # refused, and nothing came of it: a page that is slow to react
            return self._decision(self._last[0])
        try:
            if not self._started:
                self._started = True
                chosen = self._choose(observation["goal"])
                if chosen is None:
                    return self._nothing("There is no play for this goal.")
                self._play = chosen[0](page, chosen[1])
                move = next(self._play)
            elif self._play is None:
                return self._nothing("There is no play for this goal.")
            else:
                move = self._play.send(page)
        except StopIteration:
            return self._nothing("The play is over.")
        except LostError as error:
            self._play = None
            return self._nothing(str(error))
        self._last, self._again = (move, page.text), 0
        return self._decision(move)

    def _decision(self, move: Candidate) -> Decision:
        return Decision(action=move.action, reason=move.reason, candidates=(move,), source=self._source)

    def _nothing(self, why: str) -> Decision:
        return Decision(action="noop(1)", reason=why, source=self._source)


class OracleAgent(PlayAgent):
    """Reaches every pocket task's goal through the actions an agent has, with a reason for each.

    It is given nothing but the observations: which template a goal is of is read off the goal.
    """

    def __init__(self) -> None:
        super().__init__(_oracle, "oracle")


def _oracle(goal: str) -> tuple[Player, Params] | None:
    found = recognize(goal)
    return None if found is None else (found[0].oracle, found[1])
