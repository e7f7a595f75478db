"""Leak control: what must not be retrieved while a task is played, so that no episode is helped by its own recording.

Two levels mean something and go by these names in every report. At `instance`, a policy meets an *unseen instance of a known
template*: what it retrieves may be the same question about another product. At `template`, the default, it meets an *unseen
template*. What a memory is worth differs widely between the two.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.knowledge.excerpts import state_key
from symbiotic_gym.suites.kinship import instance_of, same_questions, template_of

if TYPE_CHECKING:
    from symbiotic_gym.knowledge.entries import Entry

__all__ = ["LEVELS", "Exclusion", "Level"]

Level = Literal["instance", "template", "none"]

LEVELS = {
    "template": "unseen template",
    "instance": "unseen instance of a known template",
    "none": "nothing held back",
}
"""What a result at each level is called."""


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """What must not be retrieved while a task is played.

    `template` holds back the task and everything of its template. `instance` holds back the same task with the same seed:
    every seed, where the seed is not known, makes no difference, or the task itself is one instance of a larger template; and
    any step of the same template with the same goal on the same page, whatever its seed, since seeds may give equal
    instances. `none` holds back nothing.
    """

    level: Level = "template"
    task: str = ""
    seed: int | None = None
    template: str = ""
    """By default the one that `symbiotic_gym.suites.kinship` knows."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS or (self.level != "none" and not self.task):
            raise ConfigError(
                explain(
                    f"an exclusion at level {self.level!r} for the task {self.task!r}",
                    'level "instance" or "template" with a task id, or level "none"',
                    "without it the base would hand out the recorded answers of the very task that is being played",
                    'pass task=..., or level="none" if that is what you want to measure',
                )
            )

    @property
    def templates(self) -> frozenset[str]:
        """The templates that the task counts as an instance of: the given one, and the one its id tells."""
        return frozenset({self.template, template_of(self.task)} - {""})

    @property
    def any_seed(self) -> bool:
        """Whether every seed of the task is the same instance, as far as is known."""
        return self.seed is None or same_questions(self.task) or self.template not in ("", self.task)

    def kin(self, entry: "Entry") -> bool:
        """Whether an entry is of the task's template."""
        return entry.task == self.task or entry.template in self.templates

    def hides(self, entry: "Entry", goal: str = "", page: str = "") -> bool:
        """Whether `entry` must not be shown to who plays `goal` on `page`."""
        if self.level == "none":
            return False
        if self.level == "template":
            return self.kin(entry)
        if self.same_instance(entry.task, entry.template, entry.seed):
            return True
        return self.kin(entry) and state_key(entry.goal, entry.page) == state_key(goal, page)

    def same_instance(self, task: str, template: str, seed: int) -> bool:
        """Whether what was recorded on `task` with `seed` is the instance that is played, as far as is known."""
        if instance_of(task, seed) == instance_of(self.task, seed if self.any_seed else self.seed or 0):
            return True
        return task == self.task and template not in (self.task, template_of(self.task))
