"""What a task is: a template that draws instances out of a world, and knows how each is reached, missed and judged.

This module and the templates import the standard library only: every id is registered when `symbiotic_gym` is imported.
"""

import random
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from symbiotic_gym.pocket.answers import Answer
from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["Effect", "Instance", "Params", "Play", "Player", "Template"]

Params = Mapping[str, str]
"""What an instance's goal says, by the names in its wordings' braces."""

Play = Generator[Candidate, Page, None]
"""One way to play an episode: yields an action with its reason, is sent the page that came of it."""

Player = Callable[[Page, Params], Play]
"""Starts a play on the first page."""

Effect = Sequence[tuple[str, Sequence[Any]]]
"""SQL statements with their values: what reaching the goal changes in an untouched world."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A task with everything fixed: what is asked, and what counts as having done it.

    An episode is a success when all of these hold at its end, and the world's state is *exactly* that of an untouched world
    after `before` and `effect`: whatever else was changed and not undone makes it a failure.
    """

    params: Params
    answer: Answer | None = None
    """What has to be said; None when saying that it is done is enough."""
    effect: Effect = ()
    url: str | None = None
    """The page that has to be open, as path and query on the start page's site (`/product/12`) or a whole address."""
    infeasible: bool = False
    """It cannot be done, which has to be reported."""
    start: str | None = None
    """The first page, when it is not the template's."""
    before: Effect = ()
    """What is done to the world before the episode begins: a cart that has something in it."""
    near: Params = field(default_factory=dict)
    """Values for the near misses: the product beside the right one, the sum without the tax."""
    private: tuple[str, ...] = ()
    """Private values that cannot be kept from whoever does the task."""


class Template:
    """A family of tasks; subclass it, set the class variables, and write the methods."""

    site: ClassVar[str]
    """Where it starts, and the first part of its id."""
    name: ClassVar[str]
    """The second part, such as `cheapest-in-category`."""
    also: ClassVar[tuple[str, ...]] = ()
    """Further sites it needs. The person at the keyboard is signed in wherever they may."""
    start: ClassVar[str] = "/"
    """The first page, a path on `site`."""
    level: ClassVar[Literal[1, 2, 3, 4, 5]]
    """1: one or two actions on a short page. 2: some pages. 3: reading and comparing. 4: several constraints or pages of lists.
    5: all of it, with traps, or two sites."""
    split: ClassVar[Literal["train", "dev", "test"]]
    wordings: ClassVar[tuple[str, ...]]
    """At least three ways to say it, with `{param}` where a value stands. A goal must tell its template and its values."""
    signed_in: ClassVar[bool] = True

    @property
    def id(self) -> str:
        return f"{self.site}.{self.name}"

    def draw(self, world: "World", rng: random.Random) -> Instance:
        """Choose an instance in that world; must find one in every world."""
        raise NotImplementedError

    def oracle(self, page: Page, p: Params) -> Play:
        """Reach the goal as an agent would: from what the pages show and the goal says, nothing else."""
        raise NotImplementedError

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        """At least two ways to come close, each of which must be worth 0: wrong item, wrong amount, half done, wrong answer."""
        raise NotImplementedError

    def goal(self, instance: Instance, rng: random.Random) -> str:
        """The instance's goal in one of the wordings."""
        return rng.choice(self.wordings).format(**instance.params)

    def read_goal(self, goal: str) -> Params | None:
        """The values a goal holds, or None when it is not one of this template's."""
        for wording in self.wordings:
            match = _pattern(wording).fullmatch(goal)
            if match is not None:
                return match.groupdict()
        return None


@cache  # `re` itself remembers fewer patterns than there are wordings
def _pattern(wording: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", wording)
    seen: set[str] = set()
    pattern = ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            pattern += re.escape(part)
        else:
            pattern += f"(?P={part})" if part in seen else f"(?P<{part}>.+?)"
            seen.add(part)
    return re.compile(pattern, re.DOTALL)
