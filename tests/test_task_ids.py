"""Task ids: every form in which this project prints one is accepted, and a near miss is told, whatever part was left out."""

import gymnasium as gym
import pytest

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.errors import UnknownNameError
from symbiotic_gym.suites import check_task
from symbiotic_gym.trainers.symbiosis_config import SymbiosisConfig


@pytest.mark.parametrize("given", ["miniwob.click-test", "symbiotic/miniwob.click-test-v0", "symbiotic/miniwob.click-test"])
def test_every_form_of_an_id_names_the_task(given: str) -> None:
    assert check_task(given) == "miniwob.click-test"
    assert SymbiosisConfig(tasks=(given,)).tasks == ("miniwob.click-test",)


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("click-test", "did you mean miniwob.click-test?"),
        ("click-tset", "miniwob.click-test"),
        ("symbiotic/click-test-v0", "did you mean miniwob.click-test?"),
        ("symbiotic/miniwob.click-tset-v0", "click-test"),
        ("minwob.click-test", "miniwob"),
    ],
)
def test_near_misses_are_told_over_all_suites(given: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        check_task(given)
    assert near in str(error.value).splitlines()[0]


@pytest.mark.parametrize("version", ["v7", "v1", "v00", "v10"])
def test_a_version_that_does_not_exist_is_not_taken_for_another(version: str) -> None:
    with pytest.raises(UnknownNameError, match=r"symbiotic/miniwob\.click-test-v0") as error:
        check_task(f"symbiotic/miniwob.click-test-{version}")
    assert version in str(error.value).splitlines()[0]
    with pytest.raises(UnknownNameError, match="click-test"):
        check_task(f"miniwob.click-test-{version}")


def test_every_registered_id_is_a_task_of_its_name() -> None:
    known = [name for name in gym.registry if name.startswith("symbiotic/") and "browsergym" not in name]
    assert len(known) > 1900
    assert all(f"symbiotic/{check_task(name)}-v0" == name for name in known)
