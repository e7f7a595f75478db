"""A plan as a tree of intents, after AgentOccam (arXiv 2410.13825, section 3.3), whose use is that the context shrinks.

Every step belongs to the node that was active when it was taken, and only the active node's steps are shown. `branch` opens a
new intent below a node and leaves the one that was active: of its steps a single line remains. `prune` goes back to an
earlier node: all that was opened since below it, and its own steps, are dropped; the reason is kept, so that the same way is
not tried again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from symbiotic_gym.agents.token_budget import cut_lines

__all__ = ["PlanNode", "PlanTree"]

_REASON_CHARS = 160
_INTENT_CHARS = 120
_MOST_NODES = 40


@dataclass
class PlanNode:
    """One intent."""

    id: int
    intent: str
    parent: "PlanNode | None"
    url: str
    """Where the page was when it was opened."""
    steps: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    """Why it was gone back to, oldest first."""
    children: list["PlanNode"] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return 0 if self.parent is None else self.parent.depth + 1


class PlanTree:
    """The plan of one episode.

    Args:
        goal: the intent of the root, node 0.
        url: where the episode begins.
    """

    def __init__(self, goal: str = "", url: str = "") -> None:
        self.root = PlanNode(0, goal, None, url)
        self.active = self.root
        self._next = 1

    @property
    def nodes(self) -> list[PlanNode]:
        """All nodes that are left, as they are written: a node before what is below it."""
        found: list[PlanNode] = []
        left = [self.root]
        while left:
            node = left.pop()
            found.append(node)
            left += reversed(node.children)
        return found

    def find(self, node_id: int) -> PlanNode | None:
        return next((node for node in self.nodes if node.id == node_id), None)

    def note(self, step: str) -> None:
        """A step was taken."""
        self.active.steps.append(step)

    def branch(self, parent_id: int, intent: str, url: str) -> str:
        """Open a new intent below a node, and go on with it.

        Returns:
            Why it was not done; empty when it was.
        """
        parent = self.find(parent_id)
        intent = " ".join(intent.split())[:_INTENT_CHARS]
        if parent is None:
            return f"There is no node {parent_id} in the plan."
        if not intent or any(child.intent.casefold() == intent.casefold() for child in (parent, *parent.children)):
            return "That is in the plan already: choose an action for it."
        if len(self.nodes) >= _MOST_NODES:
            return "The plan is long enough: choose an action."
        self.active = PlanNode(self._next, intent, parent, url)
        parent.children.append(self.active)
        self._next += 1
        return ""

    def prune(self, node_id: int, reason: str) -> str:
        """Go back to a node; what came of it is dropped, the reason kept.

        Returns:
            Why it was not done; empty when it was.
        """
        node = self.find(node_id)
        if node is None:
            return f"There is no node {node_id} in the plan."
        if not node.steps and not node.children and node is self.active:
            return f"Nothing has been done for node {node_id} yet: choose an action."
        if node.parent is not None:
            siblings = node.parent.children
            del siblings[siblings.index(node) + 1 :]
        node.children.clear()
        node.steps.clear()
        node.dropped.append(" ".join(reason.split())[:_REASON_CHARS] or "it did not work")
        self.active = node
        return ""

    def retell(self, rewrite: Callable[[str], str]) -> None:
        """Say all that is in the plan in other words."""
        for node in self.nodes:
            node.intent, node.url = rewrite(node.intent), rewrite(node.url)
            node.steps = [rewrite(step) for step in node.steps]
            node.dropped = [rewrite(reason) for reason in node.dropped]

    def lines(self) -> list[str]:
        """The plan, a line a node; the active one is marked, and the others' steps are told in a few words."""
        return [self._line(node) for node in self.nodes]

    def _line(self, node: PlanNode) -> str:
        parts = [f"{'  ' * node.depth}{'>' if node is self.active else '-'} {node.id}: {node.intent}"]
        if node is not self.active and node.steps:
            parts.append(f"({_count(node.steps)} done, last {node.steps[-1]})")
        parts += [f"(tried before, dropped: {reason})" for reason in node.dropped]
        return " ".join(parts)

    def history(self, budget: int) -> list[str]:
        """The active node's steps, oldest first, as many of the last ones as `budget` tokens hold."""
        return cut_lines([f"- {step}" for step in self.active.steps], budget)


def _count(steps: Sequence[str]) -> str:
    return f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
