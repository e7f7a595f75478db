"""Pocket in the browser: pages fit their window, and an environment sees what it wrote itself and nothing from before."""

from pathlib import Path

import gymnasium as gym
import pytest
from PIL import Image

from symbiotic_gym.benchmarks.pocket_apart import EnvWriter, cross_talk
from symbiotic_gym.pocket.gallery import take
from symbiotic_gym.pocket.main_pages import PICTURED

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("theme", "size"), [("daylight", (400, 700)), ("ledger", (1280, 720))])
def test_no_main_page_is_wider_than_its_window(tmp_path: Path, theme: str, size: tuple[int, int]) -> None:
    taken = take(tmp_path, PICTURED, theme=theme, size=size)
    assert len(taken) == sum(map(len, PICTURED.values()))
    assert {file.name: over for file, over in taken.items() if over} == {}
    for file in taken:
        with Image.open(file) as picture:
            assert picture.size == size
        assert file.stat().st_size < 80_000


def test_an_environment_sees_its_own_text_and_none_from_before() -> None:
    env = gym.make("symbiotic/pocket.shop.subscribe-v0", max_episode_steps=40)
    try:
        talk = cross_talk([EnvWriter(env)], rounds=2)
    finally:
        env.close()
    assert (talk.episodes, talk.leaks, talk.lost) == (2, (), 0)
