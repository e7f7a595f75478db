"""Whether the arguments of an environment can be used, asked when it is made.

Most of them are first needed in the browser's process, at the first reset or at the hundredth step; a number of no sense would
come back from there as a fault of the browser's, and its episodes as invalid.
"""

import json
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import ConfigError, explain, nearest

__all__ = [
    "check_count",
    "check_folder",
    "check_judge",
    "check_kwargs",
    "check_names",
    "check_seconds",
    "check_switch",
    "check_viewport",
]

LONGEST_S = 1e6
"""Eleven days; what waits on a lock cannot be told much more."""
LARGEST_PX = 10_000
"""A picture of that many pixels squared takes 300 MB."""


def check_names(argument: str, given: Any, known: Sequence[str]) -> tuple[str, ...]:
    """Each of several names is a known one.

    Raises:
        ConfigError: one is not, or it is no collection of names; the message has the nearest.
    """
    if isinstance(given, str) or not isinstance(given, Sequence | Mapping | set | frozenset):
        raise _refused(argument, given, f"names in a tuple or list, of {', '.join(known)}", "it cannot be read as names")
    for name in given:
        if not isinstance(name, str) or name not in known:
            near = f" ({nearest(name, known)})" if isinstance(name, str) else ""
            why = "it would be silently missing from every observation" if argument == "observe" else "it would do nothing"
            raise ConfigError(
                explain(f"{argument} has {name!r}{near}", f"any of {', '.join(known)}", why, f"correct {argument}")
            )
    return tuple(given)


def check_switch(argument: str, given: Any) -> bool:
    """True or False.

    Raises:
        ConfigError: it is neither.
    """
    if not isinstance(given, bool):
        raise _refused(argument, given, "True or False", 'a text such as "no" would count as True')
    return given


def check_count(argument: str, given: Any, least: int) -> int:
    """A whole number of at least `least`.

    Raises:
        ConfigError: it is not.
    """
    if isinstance(given, bool) or not isinstance(given, Integral) or given < least:
        raise _refused(argument, given, f"a whole number, {least} or more", "nothing else can be counted up to")
    return int(given)


def check_seconds(argument: str, given: Any) -> float:
    """A time to wait: above 0 and finite.

    Raises:
        ConfigError: it is not.
    """
    number = isinstance(given, Real) and not isinstance(given, bool)
    if not number or not 0 < given <= LONGEST_S:  # NaN is neither
        raise _refused(
            argument, given, f"seconds, above 0 and at most {LONGEST_S:,.0f}", "every call would miss it, or none ever could"
        )
    return float(given)


def check_viewport(given: Any) -> tuple[int, int] | None:
    """Width and height in pixels, or None. A list will do, as a spec that was JSON has one.

    Raises:
        ConfigError: it is neither.
    """
    if given is None:
        return None
    sizes = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
    if len(sizes) != 2 or not all(
        isinstance(size, Integral) and not isinstance(size, bool) and 0 < int(size) <= LARGEST_PX for size in sizes
    ):
        raise _refused(
            "viewport", given, f"(width, height) in whole pixels, each from 1 to {LARGEST_PX:,}", "the browser opens no other"
        )
    return int(sizes[0]), int(sizes[1])


def check_folder(argument: str, given: Any) -> str | None:
    """The whole path of a folder that is there, or None.

    Raises:
        ConfigError: it is neither.
    """
    if given is None:
        return None
    try:
        path = Path(given).resolve()
        usable = bool(str(given)) and path.is_dir()
    except (TypeError, ValueError, OSError):
        usable = False
    if not usable:
        raise _refused(
            argument, given, "the path of a folder that exists", "every upload would be refused, whatever the policy does"
        )
    return str(path)


def check_kwargs(given: Any, instance: Any) -> dict[str, Any]:
    """The arguments of a task, with the instance to play on among them.

    Raises:
        ConfigError: they are no mapping of names to what JSON has, or the instance has no name.
    """
    if given is not None and not (isinstance(given, Mapping) and all(isinstance(name, str) for name in given)):
        raise _refused("task_kwargs", given, "a mapping of argument names to values", "the task takes its arguments by name")
    if instance is not None and not isinstance(instance, str):
        raise _refused("instance", instance, "the name of an instance, as in the sites file", "it is looked up there by name")
    kwargs = dict(given or {}) | ({"instance": instance} if instance else {})
    try:
        json.dumps(kwargs)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            explain(
                f"task_kwargs has what is no JSON: {error}",
                "texts, numbers, booleans, None, and lists and mappings of those",
                "they travel to the browser's process as JSON",
                "pass what the object is made from instead of the object",
            )
        ) from error
    return kwargs


def check_judge(given: Any) -> Any:
    """A language model, or None.

    Raises:
        ConfigError: it is neither.
    """
    if given is None or (not isinstance(given, type) and callable(getattr(given, "generate", None))):
        return given
    raise ConfigError(
        explain(
            f"judge is {_short(given)}",
            "a language model: an object with generate(prompts, sampling) (symbiotic_gym.protocols.LanguageModel), or None",
            "answers that have to be compared by meaning are put to it, and it would not answer",
            "pass for instance OpenAIModel.from_spec('openai:MODEL')",
        )
    )


def _refused(argument: str, given: Any, expected: str, why: str) -> ConfigError:
    return ConfigError(explain(f"{argument} is {_short(given)}", expected, why, f"correct {argument}, or leave it out"))


def _short(value: Any) -> str:
    text = repr(value)
    return f"{text[:99]}…" if len(text) > 100 else text
