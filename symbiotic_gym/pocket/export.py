"""Pocket's tasks as WebArena JSON, judged by WebArena's own evaluators: `symbiotic-gym sites export`.

What has to be said becomes `string_match`, the page to be open `url_match`, the world's wanted state `program_html`: the pages
that show it (`endings.py`), each of which has to say exactly what it says in an untouched world after the task's effect. Of a
page to be open, the whole address is compared as well, since `url_match` takes every address that contains the right one.

WebArena cannot compare answers by meaning without a model, so each intent says in which form it wants its answer. What else it
cannot say is listed: `Left` names the tasks that are left out, and `LIMITS` what of our verdict the others lack.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.pocket.answers import Amount, Answer, Day, Duration, Items, Name, Number, Text, YesNo
from symbiotic_gym.pocket.endings import Ending, ending
from symbiotic_gym.pocket.instances import Drawn, draw
from symbiotic_gym.pocket.main_text import locator
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.world import World, world_seed

__all__ = ["KEYS", "LIMITS", "Exported", "Left", "export", "export_task", "resolved", "summary", "write"]

KEYS = {
    "shop": "shopping",
    "admin": "shopping_admin",
    "forum": "reddit",
    "code": "gitlab",
    "wiki": "wikipedia",
    "map": "map",
    "home": "homepage",
}
"""Our sites by WebArena's names."""

_FORMS: dict[type, str] = {
    Amount: "Answer with the amount alone, such as $1,234.50.",
    Number: "Answer with the number alone, in digits, such as 1234.",
    Day: "Answer with the date alone, such as March 3, 2026.",
    Duration: "Answer with the duration alone, such as 1 h 20 min or 45 min.",
    YesNo: "Answer with Yes or No alone.",
    Name: "Answer with the name alone.",
    Items: "Answer with the names alone, separated by commas.",
    Text: "",
}
LIMITS = {
    "elsewhere": "state elsewhere, which WebArena's rules do not look at",
    "unseen": "a part of the change that no page of the task's sites shows",
    "reported": "done and reported infeasible all the same, which no page shows",
    "form": "a right answer in another form than the intent asks for",
    "more": "more names than were asked for, among them the right ones",
}
"""What of our verdict WebArena's language lacks. The first and the third hold for every task that has no answer."""
Reason = Literal["prepared", "nowhere", "order"]
REASONS: dict[Reason, str] = {
    "prepared": "it begins in a world prepared for it alone, and WebArena's tasks share one",
    "nowhere": "no page shows what it changes",
    "order": "its answer is a list in an order, which WebArena's rules cannot ask for",
}
"""Why tasks are left out."""
_HERE = (
    "document.location.pathname.replace(/\\/+$/, '') + '?' + "
    "[...new URLSearchParams(document.location.search)].filter(pair => pair[1]).map(pair => pair.join('=')).sort().join('&')"
)


@dataclass(frozen=True, kw_only=True)
class Left:
    """A task that is not exported."""

    task: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A task as WebArena has it, with placeholders such as `__SHOPPING__` for the sites.

    Attributes:
        config: what stands in the file.
        limits: names in `LIMITS`.
    """

    config: dict[str, Any]
    limits: tuple[str, ...]


def export_task(name: str, seed: int, server: PocketServer, *, task_id: int = 0, template_id: int = 0) -> Exported | Left:
    """One instance of a template.

    Args:
        name: the template's id, such as `shop.wish-this`.
        seed: of the instance.
        server: reads the pages; its world is replaced.
        task_id: its number in the file.
        template_id: its template's number in the file.
    """
    drawn = draw(name, seed)
    instance = drawn.instance
    if instance.before:
        return Left(task=name, reason="prepared")
    if isinstance(instance.answer, Items) and instance.answer.ordered:
        return Left(task=name, reason="order")
    seen = ending(drawn, server) if instance.effect else Ending((), ())
    if instance.effect and not seen.pages:
        return Left(task=name, reason="nowhere")
    sites = list(dict.fromkeys((drawn.template.site, *drawn.template.also, *(page.site for page in seen.pages))))
    hint = _FORMS.get(type(instance.answer), "")
    keys = [KEYS[site] for site in sites]
    config = {
        "sites": keys,
        "task_id": task_id,
        "require_login": True,
        "storage_state": _storage_state(keys),
        "start_url": _placed(drawn.template.site, instance.start or drawn.template.start),
        "geolocation": None,
        "intent_template": _with_placeholders(f"{_wording(drawn)} {hint}".strip()),
        "instantiation_dict": dict(instance.params),
        "intent": _with_placeholders(f"{drawn.goal} {hint}".strip()),
        "require_reset": bool(instance.effect),
        "eval": _eval(drawn, seen),
        "intent_template_id": template_id,
        "pocket": {"task": f"pocket.{name}", "seed": seed},
    }
    return Exported(config=config, limits=_limits(drawn, seen))


def _eval(drawn: Drawn, seen: Ending) -> dict[str, Any]:
    instance = drawn.instance
    answers = {"exact_match": "N/A"} if instance.infeasible else _reference(instance.answer) if instance.answer else None
    now = _now(drawn)
    targets = [
        {"url": _placed(page.site, page.path), "locator": locator(now), "required_contents": _exactly(page.text)}
        for page in seen.pages
    ]
    if instance.url is not None:
        parts = urlsplit(instance.url)
        here = parts.path.rstrip("/") + "?" + "&".join(sorted("=".join(pair) for pair in parse_qsl(parts.query)))
        targets.append({"url": "last", "locator": _HERE, "required_contents": _exactly(here)})
    kinds = {"string_match": answers is not None, "url_match": instance.url is not None, "program_html": bool(targets)}
    return {
        "eval_types": [kind for kind, needed in kinds.items() if needed],
        "reference_answers": answers,
        "reference_url": "" if instance.url is None else _placed(drawn.template.site, instance.url),
        "url_note": "GOLD in PRED",
        "program_html": targets,
        "string_note": "It cannot be done." if instance.infeasible else "",
        "reference_answer_raw_annotation": instance.answer.say() if instance.answer else "",
    }


def _exactly(text: str) -> dict[str, str]:
    """What a page has to say. The evaluator resolves entities in it (even `&sect` in an address), so it is done here too."""
    return {"exact_match": unescape(_with_placeholders(text))}


def _with_placeholders(text: str) -> str:
    return re.sub(r"http://(\w+)\.pocket(?=/)", lambda match: f"__{KEYS[match[1]].upper()}__", text)


def _reference(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Items):
        return {"must_include": list(answer.values)}
    if isinstance(answer, Text):
        return {"must_include": [answer.value]}
    return {"exact_match": answer.say()}


def _limits(drawn: Drawn, seen: Ending) -> tuple[str, ...]:
    answer = drawn.instance.answer
    found = {
        "elsewhere": True,
        "unseen": bool(seen.unseen),
        "reported": answer is None and not drawn.instance.infeasible,
        "form": answer is not None and not isinstance(answer, Items | Text),
        "more": isinstance(answer, Items),
    }
    return tuple(name for name, holds in found.items() if holds)


def _now(drawn: Drawn) -> Any:
    db = drawn.world.restore()
    now = World(db).now
    db.close()
    return now


def _wording(drawn: Drawn) -> str:
    """The wording that the goal was made of, with WebArena's double braces."""
    params = drawn.instance.params
    wording = next(each for each in drawn.template.wordings if each.format(**params) == drawn.goal)
    return wording.format(**{name: "{{" + name + "}}" for name in params})


def _placed(site: str, path: str) -> str:
    """An address with the placeholder of its site; `path` may be a whole address."""
    parts = urlsplit(urljoin(f"http://{site}.pocket/", path))
    rest = parts._replace(scheme="", netloc="").geturl()
    return f"__{KEYS[(parts.hostname or '').removesuffix('.pocket')].upper()}__{rest}"


def _storage_state(keys: Sequence[str]) -> str | None:
    """Where WebArena's own runner keeps the cookies of these sites; the wiki and the map have none there."""
    named = sorted(key for key in keys if key not in ("wikipedia", "map"))
    return f"./.auth/{'.'.join(named)}_state.json" if named else None


def resolved(config: dict[str, Any], urls: dict[str, str]) -> dict[str, Any]:
    """A task with its placeholders replaced, as BrowserGym does it; `urls` by WebArena's names of the sites."""
    text = json.dumps(config)
    for key, url in urls.items():
        text = text.replace(f"__{key.upper()}__", url.rstrip("/"))
    found: dict[str, Any] = json.loads(text)
    return found


def export(only: str = "", seeds: Sequence[int] = (0,)) -> Iterator[tuple[int, Exported | Left]]:
    """All templates whose id contains `only`, for each seed; beside each its world.

    Raises:
        ConfigError: there is no such template.
    """
    names = [name for name in templates() if only in name]
    if not names:
        raise ConfigError(
            explain(
                f"no template's id contains {only!r}",
                "a part of an id, such as shop. or wish",
                "nothing would be written",
                "see `symbiotic-gym tasks pocket.`",
            )
        )
    numbers = Counter[int]()
    server = PocketServer()
    try:
        for seed in seeds:
            world = world_seed(seed)
            for template_id, name in enumerate(templates()):
                if name in names:
                    done = export_task(name, seed, server, task_id=numbers[world], template_id=template_id)
                    numbers[world] += isinstance(done, Exported)
                    yield world, done
    finally:
        server.close()


def write(out: Path, tasks: Sequence[tuple[int, Exported]]) -> list[Path]:
    """Write them: to the file `out` where all are of one world, and otherwise to a file per world in the folder `out`.

    Tasks of one file are played on one `symbiotic-gym sites serve --webarena --seed WORLD`.
    """
    worlds = sorted({world for world, _ in tasks}) or [0]
    files = {worlds[0]: out} if len(worlds) == 1 else {world: out / f"world-{world:02}.json" for world in worlds}
    for world, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        configs = [exported.config for its, exported in tasks if its == world]
        file.write_text(json.dumps(configs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(files.values())


def summary(done: Sequence[Exported | Left]) -> list[str]:
    """What was exported, what was left out and why, and what the exported lacks of our verdict; lines to print."""
    tasks = [each for each in done if isinstance(each, Exported)]
    kinds = Counter(kind for task in tasks for kind in task.config["eval"]["eval_types"])
    lines = [f"{len(tasks)} tasks exported: {', '.join(f'{number} with {kind}' for kind, number in sorted(kinds.items()))}"]
    for reason, words in REASONS.items():
        left = [each.task for each in done if isinstance(each, Left) and each.reason == reason]
        if left:
            lines.append(f"{len(left)} left out because {words}: {', '.join(dict.fromkeys(left))}")
    for limit, words in LIMITS.items():
        number = sum(limit in task.limits for task in tasks)
        if number:
            lines.append(f"{number} whose verdict does not tell: {words}")
    return lines
