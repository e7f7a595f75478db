"""Near misses made out of an oracle: its play with another value, cut short, with a step left out, another last word."""

from collections.abc import Callable

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.pocket.reading import Page, answer, infeasible
from symbiotic_gym.pocket.template import Params, Play, Player
from symbiotic_gym.types import Candidate

__all__ = ["given_up", "half_done", "misheard", "saying", "without"]

_LAST = ("send_msg_to_user", "report_infeasible")


def misheard(oracle: Player, **changes: str) -> Player:
    """The oracle's play for a goal with other values: the wrong item, the wrong amount."""

    def play(page: Page, p: Params) -> Play:
        yield from oracle(page, {**p, **changes})

    return play


def saying(oracle: Player, text: str | Callable[[str], str]) -> Player:
    """The oracle's play, ending with another answer: the given one, or what a function makes of the right one."""

    def play(page: Page, p: Params) -> Play:
        steps = oracle(page, p)
        move = next(steps)
        while parse(move.action).verb not in _LAST:
            page = yield move
            move = steps.send(page)
        right = str(next(iter(parse(move.action).arguments.values())))
        yield answer(text if isinstance(text, str) else text(right), "This answers it.")

    return play


def half_done(oracle: Player, before: str, *, said: str = "Done.") -> Player:
    """The oracle's play up to the first action on the element of that name, then saying that it is done."""

    def play(page: Page, p: Params) -> Play:
        steps = oracle(page, p)
        move = next(steps)
        while _acts_on(move, page) != before and parse(move.action).verb not in _LAST:
            page = yield move
            move = steps.send(page)
        yield answer(said, "It looks done.")

    return play


def without(oracle: Player, name: str) -> Player:
    """The oracle's play without the actions on elements of that name; such an action must not lead to another page."""

    def play(page: Page, p: Params) -> Play:
        steps = oracle(page, p)
        move = next(steps)
        while True:
            if _acts_on(move, page) != name:
                page = yield move
            try:
                move = steps.send(page)
            except StopIteration:
                return

    return play


def given_up(page: Page, p: Params) -> Play:
    """Report at once that it cannot be done."""
    yield infeasible("I could not find a way to do this.")


def _acts_on(move: Candidate, page: Page) -> str:
    bids = parse(move.action).bids
    found = elements(page.text).get(bids[0]) if bids else None
    return found.name if found is not None else ""
