"""What BrowserGym 0.14.3 checks of its MiniWoB environments, checked of ours.

The checks are those of its `tests/miniwob` (Apache-2.0, ServiceNow), in words of our own; `tests/browsergym_shim.py` says how
they get our environment, and runs the upstream files themselves where there is a checkout of them.
"""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from symbiotic_gym.suites.miniwob import HOST
from tests.browsergym_shim import ELSEWHERE, Sessions, make

pytestmark = pytest.mark.browser
CLASSES = ("ClickButtonTask", "ClickOptionTask", "DrawLineTask", "LoginUserTask")
SHOWN_TO_PEOPLE = ("reward-display", "click-canvas", "sync-task-cover")
ICONS = {
    "Save": "disk",
    "Prev": "seek-start",
    "Stop": "stop",
    "Play": "play",
    "Next": "seek-end",
    "Zoom In": "zoomin",
    "Zoom Out": "zoomout",
}


@pytest.fixture(scope="module")
def browsers() -> Iterator[Sessions]:
    sessions = Sessions()
    yield sessions
    sessions.close()


@pytest.fixture
def context(browsers: Sessions) -> Iterator[Any]:
    context = browsers.launch().new_context()
    yield context
    context.close()


@pytest.fixture
def page(context: Any) -> Any:
    return context.new_page()


def task_of(name: str, **kwargs: Any) -> Any:
    import browsergym.miniwob.all as tasks

    return getattr(tasks, name)(seed=42, base_url=f"http://{HOST}/miniwob/", **kwargs)


@pytest.mark.parametrize("name", CLASSES)
def test_a_fresh_task_is_not_done_and_leaving_its_page_ends_it(name: str, context: Any, page: Any) -> None:
    task = task_of(name)
    task.setup(page=page)
    assert task.validate(page, [])[:2] == (0.0, False)
    other = context.new_page()
    other.goto(f"http://{ELSEWHERE}")
    assert task.validate(page, [])[:2] == (0.0, False), "another tab does no harm"
    assert task.validate(other, [])[:2] == (0.0, True), "acting in it does"
    page.goto(f"http://{ELSEWHERE}")
    assert task.validate(page, [])[:2] == (0.0, True)
    task.teardown()


@pytest.mark.parametrize("name", CLASSES)
def test_an_episode_ends_at_its_longest_time(name: str, page: Any) -> None:
    task = task_of(name, episode_max_time=0.2)
    task.setup(page=page)
    time.sleep(0.5)
    assert task.validate(page, [])[:2] == (0, True)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("removed", [True, False])
def test_what_is_shown_to_people_is_removed_on_request(name: str, removed: bool, page: Any) -> None:
    task_of(name, remove_human_display=removed).setup(page=page)
    there = {i: page.evaluate("(i) => document.getElementById(i) !== null", i) for i in (*SHOWN_TO_PEOPLE, "wrap", "area")}
    assert there == {i: i in ("wrap", "area") or not removed for i in there}
    assert (page.evaluate("document.getElementById('query').innerHTML") == "") is removed


@pytest.mark.parametrize("seed", range(3))
def test_click_menu_2_can_be_solved(seed: int) -> None:
    env = make("browsergym/miniwob.click-menu-2")
    try:
        observation, _ = env.reset(seed=seed)
        label = re.search(r'labeled "(.+?)"', observation["goal"])
        icon = f"ui-icon-{ICONS[label[1]]}" if label else re.search(r'with the "(.+?)" icon', observation["goal"])[1]  # type: ignore[index]
        path = ["page.get_by_text('Menu').click()"]
        if icon.removeprefix("ui-icon-") in ("seek-start", "stop", "play", "seek-end"):
            path.append("page.get_by_text('Playback').click()")
        for action in path:
            observation, reward, terminated, *_ = env.step(action)
            assert (observation["last_action_error"], reward, terminated) == ("", 0.0, False)
        observation, reward, terminated, *_ = env.step(f"page.locator('.{icon}').click()")
        assert (observation["last_action_error"], reward, terminated) == ("", 1.0, True)
    finally:
        env.close()


@pytest.mark.parametrize("seed", range(3))
def test_click_scroll_list_can_be_solved(seed: int) -> None:
    env = make("browsergym/miniwob.click-scroll-list")
    try:
        observation, _ = env.reset(seed=seed)
        wanted = observation["goal"].removeprefix("Select ").split(" from the scroll list")[0].split(", ")
        observation, reward, terminated, *_ = env.step(
            f"page.locator('#options').select_option({wanted!r})\npage.get_by_role('button', name='Submit').click()"
        )
        assert (observation["last_action_error"], reward, terminated) == ("", 1.0, True)
    finally:
        env.close()


def test_use_colorwheel_2_can_be_solved() -> None:
    env = make("browsergym/miniwob.use-colorwheel-2")
    try:
        observation, _ = env.reset(seed=42)
        color = observation["goal"].split("#")[1].split()[0].upper()
        observation, reward, terminated, *_ = env.step(
            f"page.locator('#col').fill('{color}')\npage.get_by_role('button', name='Submit').click()"
        )
        assert (observation["last_action_error"], reward, terminated) == ("", 1.0, True)
    finally:
        env.close()
