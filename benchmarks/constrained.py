"""What constrained decoding and the prefix cache do for an untrained small model: valid actions, success, time.

An action is valid when the page allows it: a well-formed call on elements that are there, whose role the verb fits. Whether the
browser then ran it is told beside. Times come from the same prompts, replayed with and without the mask and the cache in turn:
those of the constrained episodes, and those of a page as long as the prompt's budget on which one field changes.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import cast

import numpy as np

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.agents.action_grammar import action_grammar
from symbiotic_gym.agents.automaton import automaton
from symbiotic_gym.agents.local import PREFIX_CACHE_BYTES, LocalModel
from symbiotic_gym.agents.small import PAGE_BUDGET, SmallAgent, shown_page
from symbiotic_gym.agents.vocabulary import Vocabulary
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.errors import ActionError
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.types import Observation, Step, Trajectory, Usage

__all__ = ["main"]

TASKS = tuple(
    f"miniwob.{name}"
    for name in (
        *("click-button", "click-link", "click-dialog", "click-dialog-2", "click-widget", "click-option", "click-tab"),
        *("click-checkboxes", "click-checkboxes-transfer", "click-collapsible", "click-test", "click-test-2", "click-tab-2"),
        *("enter-text", "enter-password", "enter-text-dynamic", "login-user", "choose-list", "focus-text", "focus-text-2"),
        *("navigate-tree", "unicode-test", "social-media", "email-inbox-delete"),
    )
)
SMOKE_TASKS = ("miniwob.click-test", "miniwob.click-button")
FIRST_SEED = 9000
GREEDY = Sampling(max_tokens=24)


def _valid(step: Step) -> tuple[bool, bool]:
    """Whether the step's action is a call of elements that are there, and whether the page allows it."""
    page = shown_page(step.observation["page"], PAGE_BUDGET)[0]
    try:
        action = parse(step.decision.action)
    except ActionError:
        return False, False
    there = all(bid in elements(page) for bid in action.bids)
    return there, automaton(action_grammar({**step.observation, "page": page})).accepts(str(action))


def _episode_rows(mode: str, episodes: Sequence[Trajectory]) -> list[Row]:
    scored = [episode for episode in episodes if episode.outcome.scored]
    steps = [step for episode in scored for step in episode.steps]
    verdicts = [_valid(step) for step in steps]
    return [
        share(f"valid/{mode}", sum(v for _, v in verdicts), len(steps), target=1.0 if mode == "constrained" else None),
        share(f"call-of-what-is-there/{mode}", sum(v for v, _ in verdicts), len(steps)),
        share(f"ran/{mode}", sum(not step.error for step in steps), len(steps)),
        share(f"success/{mode}", sum(episode.success for episode in scored), len(scored)),
        share(f"invalid-episodes/{mode}", len(episodes) - len(scored), len(episodes)),
    ]


def _play(
    model: LocalModel,
    episodes: Sequence[Episode],
    *,
    constrained: bool,
    workers: int,
    max_steps: int,
    log: EpisodeLog | None,
    bar: Bar,
) -> list[Trajectory]:
    with Rollouts(workers) as rollouts:
        return rollouts.run(
            episodes,
            partial(SmallAgent, model, sampling=GREEDY, constrained=constrained),
            name="constrained" if constrained else "free",
            max_steps=max_steps,
            max_refused=3,
            log=log,
            on_episode=lambda episode: bar.advance(f"{episode.task} {episode.outcome}"),
            whole_waves=True,
        )


@dataclass(frozen=True)
class _Replay:
    """An episode's observations, to be answered again and again by anybody."""

    goal: str
    observations: tuple[Observation, ...]


def _recorded(episodes: Iterable[Trajectory], most: int) -> list[_Replay]:
    """Up to `most` episodes of several steps, the longest first."""
    several = sorted((e for e in episodes if len(e.steps) > 1), key=lambda e: -len(e.steps))[:most]
    return [_Replay(e.goal, tuple(cast("Observation", {"goal": e.goal, **s.observation}) for s in e.steps)) for e in several]


def _long(steps: int, lines_shown: int = 110) -> _Replay:
    """A page, by default of the whole budget; a field in its last fifth is filled a little further at every step."""
    lines = [f'[{i}] link "Order {1000 + 37 * i} of customer {i % 17}"' for i in range(lines_shown)]
    field = lines_shown - lines_shown // 5
    observations: list[Observation] = []
    for step in range(steps):
        changed = [*lines[:field], f'[200] textbox "Search" value="{"ab" * step}"', *lines[field:]]
        last = f'fill("200", "{"ab" * step}")' if step else ""
        observations.append(
            {"goal": "Find order 1407.", "page": "\n".join(changed), "last_action": last, "last_action_error": "", "tabs": ""}
        )
    return _Replay("Find order 1407.", tuple(observations))


def _timed(model: LocalModel, replays: Sequence[_Replay], *, constrained: bool) -> tuple[list[float], Usage]:
    """Seconds of each decision, the replays decided together, and what all of them used."""
    agents = [SmallAgent(model, sampling=GREEDY, constrained=constrained) for _ in replays]
    for agent, replay in zip(agents, replays, strict=True):
        agent.reset(replay.goal, seed=0)
    seconds: list[float] = []
    usage = Usage()
    for number in range(max(len(replay.observations) for replay in replays)):
        active = [i for i, replay in enumerate(replays) if number < len(replay.observations)]
        started = perf_counter()
        decisions = SmallAgent.act_batch([agents[i] for i in active], [replays[i].observations[number] for i in active])
        seconds += [(perf_counter() - started) / len(active)] * len(active)
        usage += sum((decision.usage for decision in decisions), Usage())
    return seconds, usage


def _speed_rows(kind: str, models: dict[str, LocalModel], replays: Sequence[_Replay], rounds: int) -> list[Row]:
    """Each combination in turn, `rounds` times; the first round warms up and is not counted."""
    rows: list[Row] = []
    seconds: dict[tuple[str, str], list[float]] = {}
    used: dict[tuple[str, str], Usage] = {}
    for turn in range(rounds + 1):
        for cache, model in models.items():
            for mask in ("free", "constrained"):
                model.prefixes.clear()
                took, usage = _timed(model, replays, constrained=mask == "constrained")
                if turn:
                    seconds.setdefault((cache, mask), []).extend(took)
                    used[cache, mask] = used.get((cache, mask), Usage()) + usage
    for (cache, mask), took in seconds.items():
        name, n, total = f"{kind}/{mask}/{cache}", len(took), sum(took)
        peer = seconds["no-cache", mask] if cache == "cache" else None
        mean, error = float(np.mean(took)), 1.96 * float(np.std(took)) / n**0.5
        rows.append(
            Row(
                name=f"seconds-per-step/{name}",
                value=mean,
                unit="s",
                n=n,
                low=mean - error,
                high=mean + error,
                peer="no-cache" if peer else "",
                peer_value=float(np.mean(peer)) if peer else None,
                better="lower",
            )
        )
        tokens = used[cache, mask]
        rows.append(Row(name=f"tokens-per-second/{name}", value=tokens.completion_tokens / total, unit="tokens/s", n=n))
        read = (tokens.prompt_tokens + tokens.completion_tokens) / total
        rows.append(Row(name=f"tokens-per-second/{name}/prompt-included", value=read, unit="tokens/s", n=n))
    reused = models["cache"].prefixes
    rows.append(
        Row(name=f"prompt-tokens-reused/{kind}", value=reused.known / max(reused.asked, 1), unit="share", n=reused.asked)
    )
    return rows


def _pieces(text: bytes, known: Mapping[bytes, int]) -> list[bytes]:
    """A text cut into tokens, the longest that fits first."""
    pieces: list[bytes] = []
    while text:
        pieces.append(next(text[:end] for end in range(len(text), 0, -1) if text[:end] in known))
        text = text[len(pieces[-1]) :]
    return pieces


def _mask_rows(vocabulary: Vocabulary, episodes: Iterable[Trajectory], seconds_per_token: float) -> list[Row]:
    """What the grammar and its masks cost alone, over the tokens of the constrained actions."""
    took: list[float] = []
    known = {data: token for token, data in vocabulary.bytes.items()}
    largest = max(known.values()) + 1
    for step in (step for episode in episodes for step in episode.steps):
        pieces = _pieces(step.decision.action.encode(), known)
        started = perf_counter()
        state = vocabulary.start(action_grammar(step.observation))
        for number, piece in enumerate(pieces):
            allowed_V = np.zeros(largest, dtype=bool)
            allowed_V[vocabulary.allowed(state, GREEDY.max_tokens - number)] = True
            state = state.after(piece) or state
        took.append((perf_counter() - started) / max(len(pieces), 1))
    if not took:
        return []
    return [
        Row(
            name="mask/seconds-per-token",
            value=float(np.median(took)),
            unit="s",
            n=len(took),
            peer="model",
            peer_value=seconds_per_token,
            better="lower",
        )
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a constrained action is not valid."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a known model's name, a folder or a hub id")
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help="a LoRA adapter: the trained model instead")
    parser.add_argument("--seeds", type=int, default=3, help="instances of each task (default 3)")
    parser.add_argument("--workers", type=int, default=8, help="browsers at once; also the model's batch (default 8)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each replay is timed (default 3)")
    parser.add_argument("--tasks", nargs="*", help="other tasks than the default 24")
    parser.add_argument("--episodes", type=Path, metavar="FOLDER", help="keep the episodes there; a run cut short goes on")
    options = parser.parse_args(arguments)
    tasks = options.tasks or (SMOKE_TASKS if options.smoke else TASKS)
    seeds = range(FIRST_SEED, FIRST_SEED + (1 if options.smoke else options.seeds))
    episodes = [Episode(task, seed) for task in tasks for seed in seeds]
    workers, max_steps = (2, 2) if options.smoke else (options.workers, 8)
    path = resolve_model(options.model)
    models = {
        "no-cache": LocalModel(path, adapter=options.adapter, prefix_cache_bytes=0),
        "cache": LocalModel(path, adapter=options.adapter, prefix_cache_bytes=PREFIX_CACHE_BYTES),
    }
    report, played = Report("constrained"), {}
    progress = Progress()
    for mode in ("free", "constrained"):
        log = None if options.episodes is None else EpisodeLog(options.episodes / f"{mode}.jsonl")
        with progress.phase(f"playing, {mode}", len(episodes)) as bar:
            played[mode] = _play(
                models["cache"],
                episodes,
                constrained=mode == "constrained",
                workers=workers,
                max_steps=max_steps,
                log=log,
                bar=bar,
            )
        report.add(*_episode_rows(mode, played[mode]))
    rounds = 1 if options.smoke else options.rounds
    recorded = _recorded(played["constrained"], 2 if options.smoke else 8)
    if recorded:
        report.add(*_speed_rows("miniwob", models, recorded, rounds))
    long = _speed_rows("long-page", models, [_long(2, 20) if options.smoke else _long(6)], rounds)
    report.add(*long)
    rate = next(row.value for row in long if row.name == "tokens-per-second/long-page/constrained/cache")
    if rate:
        report.add(*_mask_rows(models["cache"].vocabulary, played["constrained"], 1 / rate))
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
