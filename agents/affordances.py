"""What a page text lets one do: the same for the grammar of the small agent's answers and for the schema of the large one's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from symbiotic_gym.agents.scripted_page import Node, read

__all__ = ["Affordances", "affordances", "labels"]

_FIELDS = frozenset({"textbox", "searchbox", "combobox", "spinbutton", "slider"})


@dataclass(frozen=True)
class Affordances:
    """The elements of a page by what can be done to them, each in page order."""

    usable: Sequence[Node]
    """What has an id and is not disabled."""
    free: Sequence[Node]
    """Of these, what is no option of a closed menu, which can be chosen and clicked, but not hovered over."""
    writable: Sequence[Node]
    """Fields that take text."""
    options: Mapping[str, Sequence[Node]]
    """The options of every menu or list that is chosen from with `select_option`, by its id."""


@lru_cache(maxsize=64)
def affordances(page: str) -> Affordances:
    """Read a page text."""
    nodes = read(page).nodes
    options = _options(nodes)
    taken = {option.bid for found in options.values() for option in found}
    usable = [node for node in nodes if node.bid and "disabled" not in node.flags]
    free = [node for node in usable if node.bid not in taken]
    writable = [node for node in free if node.role in _FIELDS and node.bid not in options and "readonly" not in node.flags]
    return Affordances(usable, free, writable, options)


def labels(options: Iterable[Node]) -> list[str]:
    """What can be chosen, each once; a label that the page does not show whole cannot be named."""
    names = [node.name for node in options if "disabled" not in node.flags and not node.name.endswith("…")]
    return list(dict.fromkeys(name for name in names if name and name.isprintable()))


def _options(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """The option lines that stand right below a menu, one step further in."""
    found: dict[str, list[Node]] = {}
    menu: Node | None = None
    for node in nodes:
        if menu is not None and node.role == "option" and node.depth == menu.depth + 1:
            found.setdefault(menu.bid, []).append(node)
        else:
            menu = node if node.bid and node.role in ("combobox", "listbox") else None
    return found
