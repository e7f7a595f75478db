"""`episodes.jsonl`: one finished episode a line, appended and flushed to disk the moment it ends.

A line that was cut off by a crash is the only damage a kill can do; it is dropped on the next opening, since its episode will
be played again. Any other line that does not read is reported, never skipped.
"""

import json
import os
from pathlib import Path

from symbiotic_gym.errors import ConfigError, StoreError, explain
from symbiotic_gym.types import Trajectory, from_json, to_json

__all__ = ["EpisodeLog"]


class EpisodeLog:
    """The episodes of one phase of a run, by (task, seed).

    Args:
        path: the JSONL file; created when the first episode is added.

    Raises:
        StoreError: a line other than the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._episodes: dict[tuple[str, int], Trajectory] = {}
        self._load()

    def __len__(self) -> int:
        return len(self._episodes)

    def __contains__(self, key: object) -> bool:
        return key in self._episodes

    def __getitem__(self, key: tuple[str, int]) -> Trajectory:
        return self._episodes[key]

    @property
    def trajectories(self) -> list[Trajectory]:
        """All episodes, in the order they ended."""
        return list(self._episodes.values())

    def add(self, trajectory: Trajectory) -> None:
        """Append an episode and flush it to disk. One that is there already is kept as it was.

        Raises:
            ConfigError: a policy put something into its decisions that has no JSON form.
        """
        key = (trajectory.task, trajectory.seed)
        if key in self._episodes:
            return
        line = _line(trajectory)
        try:
            data = line.encode("utf-8")
        except UnicodeEncodeError:  # a lone surrogate, half a character of a page or of a model's answer
            data = line.encode("utf-8", "replace")
            trajectory = from_json(Trajectory, json.loads(data))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._episodes[key] = trajectory

    def _load(self) -> None:
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                trajectory = from_json(Trajectory, json.loads(line))
            except (ValueError, ConfigError) as error:
                raise StoreError(
                    explain(
                        f"line {number} of {self.path} is damaged: {str(error).splitlines()[0]}",
                        "one finished episode as JSON on every line",
                        "going on would silently drop an episode from every table",
                        f"delete that line to have its episode played again (sed -i {number}d), or start a new run folder",
                    )
                ) from error
            self._episodes[trajectory.task, trajectory.seed] = trajectory


def _line(trajectory: Trajectory) -> str:
    try:
        return json.dumps(to_json(trajectory), ensure_ascii=False)
    except (ValueError, TypeError) as error:  # pydantic's serialization error is a ValueError
        raise ConfigError(
            explain(
                f"a decision of {trajectory.agent!r} on {trajectory.task} has no JSON form: {str(error).splitlines()[0]}",
                "text, numbers, lists and dicts in Decision.extra",
                "an episode that cannot be written down is lost",
                "convert the value in the policy, for instance an array by .tolist()",
            )
        ) from error
