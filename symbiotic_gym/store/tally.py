"""What episodes come down to: success with its interval, per task and over all, and what was *invalid* beside it.

Summaries, tables and the viewer all count here. An episode is counted by a few numbers, so that a log of any length can be;
*invalid* ones say nothing about a policy and are in no rate.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.terminal import plain
from symbiotic_gym.types import Trajectory, Usage

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Counted", "Tally", "counted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What of one episode goes into counts and sums."""

    task: str
    attempt: int
    agent: str
    status: str
    kind: str
    steps: int
    refused: int
    """Actions that the environment did not run."""
    proposals: int
    """Steps at which a student proposed and a teacher judged."""
    accepted: int
    sources: tuple[str, ...]
    """Who decided its steps."""
    usage: Usage
    act_s: float
    step_s: float

    @property
    def outcome(self) -> str:
        return f"{self.status}({self.kind})" if self.kind else self.status


def counted(trajectory: Trajectory) -> Counted:
    """The numbers of an episode."""
    steps = trajectory.steps
    verdicts = [step.decision.acceptance for step in steps if step.decision.acceptance is not None]
    return Counted(
        task=trajectory.task,
        attempt=trajectory.attempt,
        agent=trajectory.agent,
        status=trajectory.outcome.status,
        kind=trajectory.outcome.kind,
        steps=len(steps),
        refused=sum(bool(step.error) for step in steps),
        proposals=len(verdicts),
        accepted=sum(verdict.accepted for verdict in verdicts),
        sources=tuple(dict.fromkeys(step.decision.source for step in steps if step.decision.source)),
        usage=trajectory.usage,
        act_s=sum(step.act_s for step in steps),
        step_s=sum(step.step_s for step in steps),
    )


class Tally:
    """Counts episodes as they end; keeps none of them."""

    def __init__(self, trajectories: Iterable[Trajectory] = ()) -> None:
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """Task -> how many of its episodes ended how."""
        self.statuses: Counter[str] = Counter()
        """How many ended as `success`, `failure`, `truncated`, `invalid`."""
        self.retried = 0
        self.steps = 0
        self.refused = 0
        self.act_s = 0.0
        self.step_s = 0.0
        self._judged = [0, 0]
        self._spent = [0, 0, 0, 0.0, 0.0]
        self._agents: dict[str, None] = {}
        self._sources: set[str] = set()
        for trajectory in trajectories:
            self.add(trajectory)

    @classmethod
    def of(cls, episodes: Iterable[Counted]) -> Self:
        """The tally of episodes of which only these numbers are there."""
        tally = cls()
        for episode in episodes:
            tally.count(episode)
        return tally

    def add(self, trajectory: Trajectory) -> None:
        """Count one more episode."""
        self.count(counted(trajectory))

    def count(self, episode: Counted) -> None:
        """Count one more episode by its numbers."""
        self.outcomes[episode.task][episode.outcome] += 1
        self.statuses[episode.status] += 1
        self.retried += episode.attempt
        self.steps += episode.steps
        self.refused += episode.refused
        self.act_s += episode.act_s
        self.step_s += episode.step_s
        self._judged[0] += episode.accepted
        self._judged[1] += episode.proposals
        usage, spent = episode.usage, self._spent  # added up in place: a sum of `Usage` would make one for every episode
        spent[0] += usage.requests
        spent[1] += usage.prompt_tokens
        spent[2] += usage.completion_tokens
        spent[3] += usage.seconds
        spent[4] += usage.cost_usd
        self._agents[episode.agent] = None
        self._sources.update(episode.sources)

    @property
    def total(self) -> "Counter[str]":
        """How many episodes ended how."""
        return sum(self.outcomes.values(), Counter())

    @property
    def episodes(self) -> int:
        return self.statuses.total()

    @property
    def success(self) -> Interval:
        """Share of successes among the scored episodes, with its 95 % Wilson interval."""
        return wilson(self.statuses["success"], self.episodes - self.statuses["invalid"])

    @property
    def tasks(self) -> dict[str, Interval]:
        """The same for each task."""
        return {task: _success(counts) for task, counts in sorted(self.outcomes.items())}

    @property
    def invalid(self) -> dict[str, int]:
        """Kind of fault -> how many episodes it made invalid."""
        return {name[8:-1]: n for name, n in sorted(self.total.items()) if name.startswith("invalid")}

    @property
    def acceptance(self) -> Interval:
        """Share of a student's proposals that a teacher accepted, with its interval; n is 0 where nobody speculated."""
        return wilson(*self._judged)

    @property
    def usage(self) -> Usage:
        requests, prompt, completion, seconds, usd = self._spent
        return Usage(
            requests=int(requests), prompt_tokens=int(prompt), completion_tokens=int(completion), seconds=seconds, cost_usd=usd
        )

    @property
    def agents(self) -> tuple[str, ...]:
        """Who played, in the order they came."""
        return tuple(self._agents)

    @property
    def sources(self) -> tuple[str, ...]:
        """Who decided steps."""
        return tuple(sorted(self._sources))

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "episodes": self.episodes,
            "success": asdict(self.success),
            "invalid": self.invalid,
            "outcomes": dict(self.total),
            "retried_attempts": self.retried,
            "steps": self.steps,
            "refused_actions": self.refused,
            "usage": asdict(self.usage),
            "tasks": {task: asdict(_success(n)) | {"outcomes": dict(n)} for task, n in sorted(self.outcomes.items())},
        }

    def table(self, title: str = "") -> "Table":
        """A row per task, and one over all."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(title=plain(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("task", overflow="fold")
        for heading in ("success", "95 % interval", "n", "truncated", "invalid"):
            table.add_column(heading, justify="right", no_wrap=True)
        rows = sorted(self.outcomes.items())
        for number, (task, counts) in enumerate(rows, 1):
            table.add_row(plain(task), *_cells(counts), end_section=number == len(rows))
        table.add_row("all", *_cells(self.total))
        notes = []
        if self.invalid:
            kinds = ", ".join(f"{n} {kind}" for kind, n in self.invalid.items())
            notes.append(f"invalid, in no rate: {kinds}")
        if self.retried:
            notes.append(f"{self.retried} invalid tries were repeated")
        if notes:
            table.caption = plain("; ".join(notes))
        return table


def _success(counts: "Counter[str]") -> Interval:
    scored = sum(n for name, n in counts.items() if not name.startswith("invalid"))
    return wilson(counts["success"], scored)


def _cells(counts: "Counter[str]") -> list[str]:
    rate, invalid = _success(counts), sum(n for name, n in counts.items() if name.startswith("invalid"))
    shown = [f"{rate.value:.1%}", f"{rate.low:.1%} - {rate.high:.1%}"] if rate.n else ["-", "-"]
    return [*shown, str(rate.n), str(counts["truncated"]), str(invalid)]
