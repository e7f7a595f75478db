"""Whether environments that run side by side keep apart: what one writes, no other may ever see.

Every environment plays the same task with the same seed, so that all have the same pages at the same addresses and a leak
would show. In each round all begin an episode, look, write a text of their own, and look again, each of these at the same time
in all. A text seen that is not the environment's own of this episode is a leak, whether it is another's or left from an
episode before; an own text that is missing shows a write that went elsewhere.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym

from symbiotic_gym.pocket.reading import Page

__all__ = ["CrossTalk", "EnvWriter", "Writer", "cross_talk", "first_pages", "strangers"]

_MARK = re.compile(r"mark-\d+-\d+")


class Writer(Protocol):
    """Something with a world of its own."""

    def begin(self) -> None:
        """Start an episode."""

    def write(self, text: str) -> None:
        """Put a text into the world, on every site that `read` looks at."""

    def read(self) -> str:
        """What the world shows where texts are put."""


@dataclass(frozen=True)
class CrossTalk:
    """What was found."""

    episodes: int
    reads: int
    leaks: tuple[str, ...]
    """Each read that showed what it should not: who read, and what."""
    lost: int
    """Reads after writing that did not show the own text."""


def strangers(shown: str, own: str) -> set[str]:
    """The marks in a text that are not the own one."""
    return set(_MARK.findall(shown)) - {own}


def cross_talk(writers: Sequence[Writer], rounds: int, tick: Callable[[str], object] = lambda what: None) -> CrossTalk:
    """Have all write at once, again and again.

    Args:
        writers: which are to keep apart.
        rounds: episodes of each.
        tick: told after every round.
    """
    leaks, lost = [], 0
    with ThreadPoolExecutor(len(writers)) as together:
        for number in range(rounds):
            marks = [f"mark-{who}-{number}" for who in range(len(writers))]
            list(together.map(lambda writer: writer.begin(), writers))
            before = list(together.map(lambda writer: writer.read(), writers))
            list(together.map(lambda writer, mark: writer.write(mark), writers, marks))
            after = list(together.map(lambda writer: writer.read(), writers))
            for who, (mark, early, late) in enumerate(zip(marks, before, after, strict=True)):
                found = strangers(early, "") | strangers(late, mark)
                leaks += [f"environment {who} sees {text} in round {number}" for text in sorted(found)]
                lost += mark not in late
            tick(f"round {number}")
    return CrossTalk(rounds * len(writers), 2 * rounds * len(writers), tuple(leaks), lost)


class EnvWriter:
    """An environment that writes a message to the shop, and a text about the person in the forum.

    Args:
        env: its `reset` takes a task.
    """

    def __init__(self, env: gym.Env[Any, str]) -> None:
        self._env = env
        self._page = Page("")

    def begin(self) -> None:
        """Start an episode; the same one every time."""
        observation, _ = self._env.reset(seed=5, options={"task": "pocket.shop.subscribe"})
        self._page = Page.of(observation)

    def write(self, text: str) -> None:
        """Send the message, and save the text."""
        self._do('goto("http://shop.pocket/contact")')
        self._do(self._page.select("What is it about?", "Something else", "").action)
        self._do(self._page.fill("Message", text, "").action)
        self._do(self._page.click("Send message", "").action)
        self._do('goto("http://forum.pocket/settings")')
        self._do(self._page.fill("About me", text, "").action)
        self._do(self._page.click("Save settings", "").action)

    def read(self) -> str:
        """The messages as the back office shows them, and the text as the forum does."""
        self._do('goto("http://admin.pocket/messages")')
        messages = self._page.text
        self._do('goto("http://forum.pocket/settings")')
        return f"{messages}\n{self._page.text}"

    def _do(self, action: str) -> None:
        observation, _, terminated, truncated, info = self._env.step(action)
        self._page = Page.of(observation)
        if self._page.error or terminated or truncated:
            raise RuntimeError(f"{action} came to {self._page.error or info}")


def first_pages(
    environments: Sequence[gym.Env[Any, str]],
    names: Sequence[str],
    resets: int,
    tick: Callable[[str], object] = lambda what: None,
) -> list[tuple[str, int, int]]:
    """How many first observations of one seed are the same, byte for byte; the templates take turns, so that none begins clean.

    Args:
        environments: each is a process of its own.
        names: one template a site.
        resets: of each template, over all environments together.
        tick: told after each turn.

    Returns:
        A template, how often the commonest first observation came, and of how many.
    """
    seen: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in names}

    def reset(env: gym.Env[Any, str], name: str) -> tuple[str, ...]:
        observation, _ = env.reset(seed=7, options={"task": f"pocket.{name}"})
        return tuple(observation[key] for key in ("goal", "page", "url", "title", "tabs"))

    with ThreadPoolExecutor(len(environments)) as together:
        for turn in range(resets // len(environments)):
            for shift in range(len(names)):  # at one moment each environment has another site open
                now = [names[(shift + who) % len(names)] for who in range(len(environments))]
                for name, observed in zip(now, together.map(reset, environments, now), strict=True):
                    seen[name][observed] += 1
            tick(f"turn {turn}")
    return [(name, max(counts.values()), counts.total()) for name, counts in seen.items()]
