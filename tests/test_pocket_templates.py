"""Pocket's templates as a whole: each finds an instance in every world, and no goal can be taken for another's."""

import re
from urllib.parse import urljoin

import pytest

from symbiotic_gym.pocket.instances import Drawn, draw, judge
from symbiotic_gym.pocket.oracle import recognize
from symbiotic_gym.pocket.tasks import split, templates
from symbiotic_gym.pocket.world import WORLDS


@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_world_has_an_instance_of_every_template(seed: int) -> None:
    for name, template in templates().items():
        drawn = draw(name, seed)
        assert len(template.misses(drawn.instance)) >= 2, name
        for wording in template.wordings:
            goal = wording.format(**drawn.instance.params)
            assert template.read_goal(goal) == drawn.instance.params, goal


@pytest.mark.parametrize("seed", [0, 6, 11, 13])
def test_no_goal_in_any_wording_is_of_two_templates(seed: int) -> None:
    for name, template in templates().items():
        drawn = draw(name, seed)
        for wording in template.wordings:
            goal = wording.format(**drawn.instance.params)
            assert [other.id for other in templates().values() if other.read_goal(goal) is not None] == [name], goal


def test_a_seed_is_one_instance() -> None:
    assert [name for name in templates() if draw(name, 0) != draw(name, 0)] == []


def _verdict(drawn: Drawn, *, reached: bool) -> str:
    """What the judge says of a world as it was, or as it should be at the end."""
    instance = drawn.instance
    db = drawn.world.restore()
    for statement, values in (*instance.before, *(instance.effect if reached else ())):
        db.execute(statement, tuple(values))
    said = instance.answer.say() if reached and instance.answer is not None else "Done."
    path = (instance.url if reached else None) or instance.start or drawn.template.start
    url = urljoin(f"http://{drawn.template.site}.pocket/", path)
    verdict = judge(drawn, db, said=said, reported=reached and instance.infeasible, url=url)
    db.close()
    return verdict


@pytest.mark.parametrize("seed", [0, 9])
def test_the_wanted_end_is_right_and_an_untouched_world_is_not(seed: int) -> None:
    for name in templates():
        drawn = draw(name, seed)
        assert _verdict(drawn, reached=True) == "", name
        assert _verdict(drawn, reached=False) != "", name


def test_wordings_differ_and_all_say_the_same_values() -> None:
    for name, template in templates().items():
        assert len(set(template.wordings)) >= 3, name
        values = {frozenset(re.findall(r"\{(\w+)\}", wording)) for wording in template.wordings}
        assert len(values) == 1, name


def test_a_goal_of_no_template_is_recognized_as_none() -> None:
    assert recognize("Buy the moon.") is None
    drawn = draw("shop.subscribe", 0)
    assert recognize(drawn.goal) == (drawn.template, drawn.instance.params)


def test_what_the_templates_are_as_a_whole() -> None:
    sites = {template.site for template in templates().values()}
    for site in sites:
        own = [template for template in templates().values() if template.site == site]
        infeasible = sum(draw(template.id, 0).instance.infeasible for template in own)
        assert 0.05 <= infeasible / len(own) <= 0.15, site
        assert {template.split for template in own} == {"train", "dev", "test"}, site
    assert not set(split("train")) & set(split("test")) | set(split("train")) & set(split("dev"))
