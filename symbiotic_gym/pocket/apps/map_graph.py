"""The road graph of a world: shortest paths by time, and how distances and times are written."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from symbiotic_gym.pocket.world import World

__all__ = ["MODES", "Leg", "Route", "distance", "duration", "route", "walks"]

MODES = ("driving", "walking")
WALKING_KMH = 5
METERS_PER_MILE = 1609.344


@dataclass(frozen=True)
class Leg:
    """A stretch on one road."""

    road: str
    meters: int


@dataclass(frozen=True)
class Route:
    """A way from one junction to another."""

    legs: tuple[Leg, ...]
    seconds: float
    junctions: tuple[int, ...]

    @property
    def meters(self) -> int:
        return sum(leg.meters for leg in self.legs)

    @property
    def minutes(self) -> int:
        """Whole minutes, at least one."""
        return max(1, round(self.seconds / 60))


_Graph = dict[int, list[tuple[int, str, int, float]]]


def _graph(world: World, mode: str) -> _Graph:
    graph: _Graph = {}
    usable = "speed > 0" if mode == "driving" else "walkable = 1"
    for row in world.rows(f"SELECT * FROM map_roads WHERE {usable} ORDER BY id"):
        seconds = row["meters"] * 3.6 / (row["speed"] if mode == "driving" else WALKING_KMH)
        for a, b in ((row["a"], row["b"]), (row["b"], row["a"])):
            graph.setdefault(a, []).append((b, row["name"], row["meters"], seconds))
    return graph


def _search(graph: _Graph, start: int) -> tuple[dict[int, float], dict[int, tuple[int, str, int]]]:
    """Dijkstra's algorithm: seconds to every junction, and where it is reached from. Ties fall to the smaller junction."""
    seconds, before = {start: 0.0}, dict[int, tuple[int, str, int]]()
    queue, done = [(0.0, start)], set[int]()
    while queue:
        spent, here = heapq.heappop(queue)
        if here in done:
            continue
        done.add(here)
        for there, name, meters, cost in graph.get(here, []):
            if spent + cost < seconds.get(there, float("inf")):
                seconds[there], before[there] = spent + cost, (here, name, meters)
                heapq.heappush(queue, (spent + cost, there))
    return seconds, before


def route(world: World, start: int, end: int, mode: str) -> Route | None:
    """The quickest way between two junctions; None where there is none."""
    seconds, before = _search(_graph(world, mode), start)
    if end not in seconds:
        return None
    legs: list[Leg] = []
    junctions, here = [end], end
    while here != start:
        here, name, meters = before[here]
        junctions.append(here)
        if legs and legs[-1].road == name:
            legs[-1] = Leg(name, legs[-1].meters + meters)
        else:
            legs.append(Leg(name, meters))
    return Route(tuple(reversed(legs)), seconds[end], tuple(reversed(junctions)))


def walks(world: World, start: int) -> Mapping[int, int]:
    """Meters on foot from a junction to every other."""
    seconds, _ = _search(_graph(world, "walking"), start)
    return {junction: round(spent * WALKING_KMH / 3.6) for junction, spent in seconds.items()}


def distance(meters: float, units: str = "kilometers") -> str:
    """`12.4 km` or `7.7 miles`."""
    return f"{meters / METERS_PER_MILE:.1f} miles" if units == "miles" else f"{meters / 1000:.1f} km"


def duration(minutes: int) -> str:
    """`35 min`, `1 h 5 min`."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
