"""Execution-checked selection: of episodes that were made up, edited or judged by a model, those that work when run again.

The first half of arXiv 2408.08553, which keeps what a large model wrote only where running it shows it to be right. Here that
is playing the recorded actions once more in the environment, whose own verdict counts, whatever the record claims. The second
half, of what works the part that is most like real data, is `matching.py`; `curation.curate` puts both in a row:

    curate(episodes, [("works", partial(executable, rollouts=rollouts)), ("alike", partial(closest, reference=real, keep=100))])
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from symbiotic_gym.agents.simple import ReplayAgent
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.types import Decision, Observation, Trajectory

__all__ = ["executable", "replays"]


def executable(trajectories: Sequence[Trajectory], *, rollouts: Rollouts) -> list[Trajectory]:
    """Those that succeed when their actions are run again, in the order given."""
    return [t for t, worked in zip(trajectories, replays(trajectories, rollouts), strict=True) if worked]


def replays(trajectories: Sequence[Trajectory], rollouts: Rollouts) -> list[bool | None]:
    """Whether each episode's actions, run again on its task and seed, reach the goal in no more steps than it took.

    Args:
        trajectories: of any agent; several may be of one task and seed. One without a step is not run and does not work.
        rollouts: the environments.

    Returns:
        For each episode, in order: whether it worked; None where the infrastructure failed, which shows neither.
    """
    waves: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    met: dict[tuple[str, int], int] = defaultdict(int)
    for place, t in enumerate(trajectories):
        if t.steps:
            waves[t.task, met[t.task, t.seed]][t.seed] = place  # of one task and seed only one can be played at a time
            met[t.task, t.seed] += 1
    found: list[bool | None] = [False] * len(trajectories)
    for (task, _), places in waves.items():
        chosen = {seed: trajectories[place] for seed, place in places.items()}
        played = rollouts.run(
            [Episode(task, seed) for seed in chosen],
            lambda chosen=chosen: _Replays(chosen),  # type: ignore[misc]
            name="replay",
            max_steps=max(len(t.steps) for t in chosen.values()),
        )
        for again in played:
            within = len(again.steps) <= len(chosen[again.seed].steps)
            found[places[again.seed]] = again.success and within if again.outcome.scored else None
    return found


class _Replays:
    """Repeats, in each episode, the one that was recorded with its seed."""

    name = "replay"

    def __init__(self, recorded: Mapping[int, Trajectory]) -> None:
        self._recorded = recorded
        self._agent: ReplayAgent | None = None

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        assert seed is not None, "the engine names every episode's"
        self._agent = ReplayAgent(self._recorded[seed])

    def act(self, observation: Observation) -> Decision:
        assert self._agent is not None, "reset comes first"
        return self._agent.act(observation)
