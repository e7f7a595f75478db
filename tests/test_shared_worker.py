"""Environments that share a worker process: what befalls one of them befalls no other."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.actions import elements
from symbiotic_gym.browser import guard
from symbiotic_gym.env import WebEnv
from symbiotic_gym.suites import Site, register_suite
from symbiotic_gym.suites.miniwob import MiniWoB
from symbiotic_gym.vector import WebVectorEnv

pytestmark = pytest.mark.browser

TASK = "miniwob.click-test-2"


def click(page: str) -> str:
    return next(f'click("{e.bid}")' for e in elements(page).values() if e.name == "ONE")


def inner(envs: WebVectorEnv, index: int) -> WebEnv:
    env = envs.envs[index].unwrapped
    assert isinstance(env, WebEnv)
    return env


def browsers(envs: WebVectorEnv) -> list[int]:
    """The first process of each browser, in the order in which they were started."""
    below = next(pids for i in range(3) if (pids := inner(envs, i).processes()))
    found = [pid for pid in below if b"--type=" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return [pid for pid in found if b"headless" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]]


@pytest.fixture(scope="module")
def envs() -> Iterator[WebVectorEnv]:
    envs = WebVectorEnv(3, task=TASK, envs_per_worker=3)
    yield envs
    pids = [pid for i in range(3) for pid in inner(envs, i).processes()]
    envs.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists() and not guard._zombie(pid)], "closed, and still there"


@pytest.fixture
def pages(envs: WebVectorEnv) -> Any:
    """The first pages of an episode each, in three browsers below one worker."""
    return envs.reset(seed=1)[0]["page"]


def play(envs: WebVectorEnv, pages: Any) -> list[float]:
    return [float(reward) for reward in envs.step([click(page) for page in pages])[1]]


def test_three_browsers_below_one_worker_play_what_one_does(envs: WebVectorEnv, pages: Any) -> None:
    alone = WebEnv(TASK)
    assert [alone.reset(seed=1 + i)[0]["page"] for i in range(3)] == list(pages)
    alone.close()
    assert len(browsers(envs)) == 3 and len({tuple(inner(envs, i).processes()) for i in range(3)}) == 1
    assert play(envs, pages) == [1.0] * 3


def test_one_waits_and_the_others_go_on(envs: WebVectorEnv, pages: Any) -> None:
    envs.send(["noop(3000)"], [0])
    began = time.monotonic()
    for _ in range(3):
        envs.send(["noop(1)", "noop(1)"], [1, 2])
        ready: list[int] = []
        while len(ready) < 2:
            ready += envs.recv(1).env_ids.tolist()
        assert sorted(ready) == [1, 2]
    assert time.monotonic() - began < 2.9, "the first one's wait was waited for"
    assert envs.recv(1).env_ids.tolist() == [0]


def test_a_browser_that_dies_ends_its_own_episode(envs: WebVectorEnv, pages: Any) -> None:
    doomed = browsers(envs)[0]
    guard.kill_tree(doomed, itself=True)
    *_, truncations, infos = envs.step([click(page) for page in pages])
    assert sorted(truncations) == [False, False, True]
    assert sorted(infos["outcome"]) == ["invalid(browser)", "success", "success"]
    assert play(envs, envs.reset(seed=1)[0]["page"]) == [1.0] * 3


def test_a_page_that_hangs_ends_its_own_episode(envs: WebVectorEnv, pages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in guard.descendants(browsers(envs)[1]):
        os.kill(pid, signal.SIGSTOP)
    for i in range(3):
        monkeypatch.setattr(inner(envs, i), "step_timeout_s", 4.0)
    began = time.monotonic()
    *_, infos = envs.step([click(page) for page in pages])
    assert sorted(infos["outcome"]) == ["invalid(deadline)", "success", "success"]
    assert time.monotonic() - began < 4 + 2
    assert len(browsers(envs)) == 2, "the one that hung is gone, and no other"
    assert play(envs, envs.reset(seed=1)[0]["page"]) == [1.0] * 3


@pytest.mark.parametrize(
    ("name", "number"), [(b"guard", signal.SIGKILL), (b"node", signal.SIGKILL), (b"guard", signal.SIGSTOP)]
)
def test_a_worker_that_dies_or_hangs_takes_all_with_it_and_all_recover(
    envs: WebVectorEnv, pages: Any, monkeypatch: pytest.MonkeyPatch, name: bytes, number: signal.Signals
) -> None:
    below = inner(envs, 0).processes()
    # of the two that are called guard, the second is the worker
    victim = [pid for pid in below if name in Path(f"/proc/{pid}/cmdline").read_bytes()][1 if name == b"guard" else 0]
    os.kill(victim, number)
    for i in range(3):
        monkeypatch.setattr(inner(envs, i), "step_timeout_s", 2.0)
    began = time.monotonic()
    outcomes = envs.step([click(page) for page in pages])[4]["outcome"]
    assert all(outcome in ("invalid(browser)", "invalid(deadline)") for outcome in outcomes), outcomes
    assert time.monotonic() - began < 2 + 2
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists() and not guard._zombie(pid)]
    monkeypatch.undo()
    assert play(envs, envs.reset(seed=1)[0]["page"]) == [1.0] * 3


def test_one_is_closed_and_the_others_go_on(envs: WebVectorEnv, pages: Any) -> None:
    inner(envs, 2).close()
    assert len(browsers(envs)) == 2
    envs.send([click(page) for page in pages[:2]], [0, 1])
    assert envs.recv(2).rewards.tolist() == [1.0, 1.0]
    assert play(envs, envs.reset(seed=1)[0]["page"]) == [1.0] * 3


def test_a_page_that_takes_too_much_memory_ends_its_own_episode(tmp_path: Path) -> None:
    (tmp_path / "hog.html").write_text(
        "<button onclick='window.kept = []; setInterval(() => kept.push(new Uint8Array(5e7).fill(1)), 20)'>Go</button>"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hog.html"
    envs = WebVectorEnv(
        2, task="openended.", envs_per_worker=2, memory_limit_mb=600, task_kwargs={"start_url": url, "goal": "-"}
    )
    page = envs.reset(seed=1)[0]["page"][0]
    *_, truncations, _ = envs.step([f'click("{next(iter(elements(page)))}")', "noop(1)"])
    deadline = time.monotonic() + 30
    while not truncations.any() and time.monotonic() < deadline:
        *_, truncations, infos = envs.step(["noop(1000)"] * 2)
    assert truncations.tolist() == [True, False] and infos["outcome"][0] == "invalid(memory)"
    assert envs.reset(seed=1)[0]["page"] == (page, page)
    envs.close()
    server.shutdown()
    server.server_close()


class Sleepy(MiniWoB):
    """Tasks whose every verdict is slept over, as those of BrowserGym's evaluators are."""

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        task = super().make_task(name, seed, site, {})
        judge = task.validate

        def validate(page: Any, chat: Any) -> Any:
            time.sleep(task_kwargs["seconds"])
            return judge(page, chat)

        task.validate = validate
        return task


def test_what_a_task_sleeps_holds_nobody_up() -> None:
    register_suite("sleepy", "tests.test_shared_worker:Sleepy")
    envs = WebVectorEnv(3, task="sleepy.click-test-2", envs_per_worker=3, task_kwargs={"seconds": 2.0})
    pages = envs.reset(seed=1)[0]["page"]
    began = time.monotonic()
    assert play(envs, pages) == [1.0] * 3
    assert 2 <= time.monotonic() - began < 4, "three sleeps one after another are six seconds"
    envs.close()
