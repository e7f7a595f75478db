"""How fast Pocket is, and whether its environments keep apart and begin alike.

Worlds restored, main pages over HTTP on loopback, resets (signed in) and whole oracle episodes, reset included, through
`gym.make` over a sample of templates of all sites. Then environments side by side (`symbiotic_gym.benchmarks.pocket_apart`):
whether one ever sees what another wrote, and whether the same seed gives the same first page in every process.
"""

import http.client
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np

from symbiotic_gym.benchmarks.pocket_apart import EnvWriter, cross_talk, first_pages
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate, share
from symbiotic_gym.pocket.main_pages import IN_CART, main_pages
from symbiotic_gym.pocket.oracle import OracleAgent
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import WORLDS, World, snapshot
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.stats import bootstrap

__all__ = ["main"]

_MOST_STEPS = 60
_ENVIRONMENTS = 4


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _quantile(name: str, seconds: Sequence[float], percent: int, target: float | None = None, unit: str = "ms") -> Row:
    """A percentile with its 95 % bootstrap interval."""
    values = np.asarray(seconds) * (1000 if unit == "ms" else 1)
    return estimate(name, bootstrap(lambda x: np.percentile(x, percent, axis=-1), values), unit, target=target, better="lower")


# --- without a browser ---


def _restores(server: PocketServer, worlds: int, times: int) -> Iterator[Row]:
    """Restoring, up to the first answer of the new database."""
    found = [snapshot(seed) for seed in range(worlds)]

    def restore(number: int) -> None:
        server.restore(found[number % worlds], THEMES[0])
        assert World(server.db).me["id"] == 1

    restore(0)
    seconds = [_timed(lambda: restore(number)) for number in range(times)]  # noqa: B023 - called at once
    yield _quantile("restore/p50", seconds, 50, target=20)
    yield _quantile("restore/p95", seconds, 95)


def _served(server: PocketServer, times: int) -> Iterator[Row]:
    """Every site's main pages, asked for again and again by a signed-in visitor."""
    server.restore(snapshot(0), THEMES[0], IN_CART)
    pages: dict[tuple[str, str], list[float]] = {}
    for site, paths in main_pages(World(server.db)).items():
        headers = {"Host": f"{site}.pocket", "Cookie": f"{COOKIE}={server.session(site, 1)}"}
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
            for name, path in paths.items():
                _fetch(connection, path, headers)  # its template is compiled now
                pages[site, name] = [
                    _timed(lambda: _fetch(connection, path, headers))  # noqa: B023 - called at once
                    for _ in range(times)
                ]
    every = [second for seconds in pages.values() for second in seconds]
    yield _quantile("page/p50", every, 50, target=5)
    yield _quantile("page/p95", every, 95)
    for site in dict.fromkeys(site for site, _ in pages):
        yield _quantile(f"page/{site}/p50", [s for (of, _), seconds in pages.items() if of == site for s in seconds], 50)
    slowest = max(pages, key=lambda page: float(np.median(pages[page])))
    yield _quantile(f"page/slowest: {'/'.join(slowest)}", pages[slowest], 50)


def _fetch(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"{headers['Host']}{path} answered {response.status}")


# --- one environment ---


def _sample(each: int) -> list[str]:
    """So many templates of each site, evenly out of all it has."""
    sites: dict[str, list[str]] = {}
    for name in templates():
        sites.setdefault(name.partition(".")[0], []).append(name)
    return [names[i * len(names) // each] for i in range(each) for names in sites.values()]


def _played(env: gym.Env[Any, str], names: Sequence[str], worlds: int, bar: Bar) -> Iterator[Row]:
    first = _timed(lambda: env.reset(seed=0, options={"task": f"pocket.{names[0]}"}))
    for world in range(worlds):  # a process builds each world once, which a run of any length forgets
        env.reset(seed=world, options={"task": f"pocket.{names[0]}"})
    resets, plays, won, steps = [], [], 0, 0
    agent = OracleAgent()
    for number, name in enumerate(names):
        began = time.perf_counter()
        observation, _ = env.reset(seed=number % worlds, options={"task": f"pocket.{name}"})
        ready = time.perf_counter()
        agent.reset(observation["goal"])
        done, reward = False, 0.0
        for _ in range(_MOST_STEPS):
            observation, step_reward, terminated, truncated, _ = env.step(agent.act(observation).action)
            reward, done, steps = float(step_reward), terminated or truncated, steps + 1
            if done:
                break
        resets.append(ready - began)
        plays.append(time.perf_counter() - began)
        won += done and reward == 1.0
        bar.advance(name)
    yield _quantile("reset/p50", resets, 50, target=0.4, unit="s")
    yield _quantile("reset/p95", resets, 95, unit="s")
    yield Row(name="reset/first, with the browser's start", value=first, unit="s", better="lower")
    yield _quantile("oracle-episode/p50", plays, 50, target=2.0, unit="s")
    yield _quantile("oracle-episode/p95", plays, 95, unit="s")
    yield Row(name="oracle-episode/steps, mean", value=steps / len(names), unit="steps", n=len(names))
    yield share("oracle-episode/won", won, len(names), target=1.0)


def _environments(n: int) -> list[gym.Env[Any, str]]:
    return [gym.make(f"symbiotic/pocket.{next(iter(templates()))}-v0", max_episode_steps=_MOST_STEPS) for _ in range(n)]


def _measure(report: Report, bar: Bar, *, smoke: bool) -> None:
    worlds = 2 if smoke else WORLDS
    server = PocketServer()
    try:
        report.add(*_restores(server, worlds, 20 if smoke else 400))
        report.add(*_served(server, 2 if smoke else 20))
    finally:
        server.close()
    environments = _environments(2 if smoke else _ENVIRONMENTS)
    try:
        report.add(*_played(environments[0], _sample(1 if smoke else 12), worlds, bar))
        talk = cross_talk([EnvWriter(env) for env in environments], rounds=1 if smoke else 50, tick=bar.advance)
        report.add(
            Row(name="cross-talk/episodes", value=talk.episodes, unit="episodes", n=talk.episodes),
            Row(name="cross-talk", value=len(talk.leaks), unit="leaks", n=talk.episodes, target=0, better="lower"),
            Row(name="cross-talk/own text missing", value=talk.lost, unit="reads", n=talk.reads, target=0, better="lower"),
        )
        for leak in talk.leaks[:5]:
            print(f"leak: {leak}", file=sys.stderr)
        for name, alike, n in first_pages(environments, _sample(1), resets=4 if smoke else 100, tick=bar.advance):
            report.add(share(f"first-page/{name}", alike, n, target=1.0))
    finally:
        for env in environments:
            env.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    options = argument_parser(__doc__ or "").parse_args(arguments)
    report = Report("pocket_speed")
    episodes, rounds, pages = (6, 1, 2) if options.smoke else (72, 50, 25)
    with Progress().phase("measuring", episodes + rounds + pages) as bar:
        _measure(report, bar, smoke=options.smoke)
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
