"""The study of distillation: what its arms learn from and what they are tested on."""

from symbiotic_gym.benchmarks.distillation import default_study
from symbiotic_gym.pocket.tasks import split


def test_nothing_of_pocket_s_held_out_templates_is_learnt_from_and_there_are_enough_episodes() -> None:
    miniwob, pocket = default_study().parts
    assert {task.partition(".")[0] for task in miniwob.train} == {"miniwob"} and miniwob.train == miniwob.held_out
    assert {task.partition(".")[0] for task in pocket.train + pocket.held_out} == {"pocket"}
    assert set(pocket.train) <= set(split("train")) and not set(pocket.train) & set(pocket.held_out)
    assert sum(part.evaluate * len(part.held_out) for part in (miniwob, pocket)) >= 200
