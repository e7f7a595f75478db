"""Prompts are files in `agents/prompts`, `NAME_vN.txt`, whose parts each begin with a line `### PART`; what is put into them is
fenced: a page says what it likes, but it cannot close its fence or open a tag of the answer's form.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from symbiotic_gym.errors import ConfigError, explain, nearest

__all__ = ["fenced", "load_prompt"]

_TAG = re.compile(r"<(?=/?(?:page|action|reason|plan|episode|verdict|goal|summary|reviews)\b)", re.I)


@cache
def load_prompt(name: str) -> Mapping[str, str]:
    """The parts of a prompt file, by name.

    Raises:
        ConfigError: there is no such file.
    """
    folder = files("symbiotic_gym.agents").joinpath("prompts")
    file = folder.joinpath(f"{name}.txt")
    if not file.is_file():
        known = sorted(f.name.removesuffix(".txt") for f in folder.iterdir())
        raise ConfigError(
            explain(
                f"there is no prompt {name!r} ({nearest(name, known)})",
                f"one of {', '.join(known)}",
                "nothing can be asked without it",
                "check the name, or the package's data files",
            )
        )
    parts = re.split(r"^### (\w+)\n", file.read_text(encoding="utf-8"), flags=re.M)
    return {key: text.strip() for key, text in zip(parts[1::2], parts[2::2], strict=True)}


def fenced(text: str) -> str:
    """A text that cannot open or close a tag of a prompt's form."""
    return _TAG.sub("‹", text)
