"""The large agent's prompt: the file in `prompts/`, and what is put into it. The words stand there, the order and the fences
here.

The system message is the same at every step of every task, so that an endpoint can keep it in its cache.
"""

import json
from collections.abc import Sequence
from typing import Any

from symbiotic_gym.actions import VERBS, parse
from symbiotic_gym.agents.answer_schema import RANKS
from symbiotic_gym.agents.plan import PlanTree
from symbiotic_gym.agents.prompt_files import fenced, load_prompt
from symbiotic_gym.errors import ActionError, ConfigError, explain, nearest
from symbiotic_gym.knowledge import Retrieved
from symbiotic_gym.types import Observation

__all__ = ["LargePrompt"]

_SHOWN = {
    "bid": '"id"',
    "text": '"text"',
    "texts": '"label"',
    "number": "100",
    "index": "0",
    "url": '"http://..."',
}
_EXAMPLES = {
    "select": ("Red is checked, blue is not yet.", 'click("8")'),
    "submit": ("All is chosen, so Submit comes next.", 'click("9")'),
    "type": ("The name is typed, the password is not yet.", 'fill("32", "k7")'),
    "done": ("The page of the prices is open now.", 'send_msg_to_user("done")'),
    "answer": ("The page shows the answer.", 'send_msg_to_user("7 km")'),
}


class LargePrompt:
    """Writes the messages of one configuration.

    Args:
        name: of the file in `agents/prompts`.
        verbs: the rows of the action table that are shown.
        candidates: how many actions to ask for.
        schema: whether answers are JSON; else they are tagged text.
        plan: whether answers may hold plan commands.

    Raises:
        ConfigError: there is no such prompt or verb.
    """

    def __init__(self, name: str, verbs: Sequence[str], *, candidates: int, schema: bool, plan: bool) -> None:
        self._parts = load_prompt(name)
        self._schema = schema
        self._ranked = candidates > 1
        self._candidates = candidates
        self._plan = plan
        self._kind = "json" if schema else "text"
        how_many = f"up to {candidates} actions that would be good now, the best first" if self._ranked else "one action"
        examples = {key: self._json(reason, action) for key, (reason, action) in _EXAMPLES.items()} if schema else {}
        form = self._parts[f"form_{self._kind}"].format(how_many=how_many, **examples)
        if plan:
            commands = {
                "branch": json.dumps({"name": "branch", "node": 0, "text": "what the next part is to achieve"}),
                "prune": json.dumps({"name": "prune", "node": 1, "text": "what did not work, and why"}),
            }
            form += "\n" + self._parts[f"plan_{self._kind}"].format(**commands)
        self.system = self._parts["system"].format(actions=_action_rows(verbs, schema=schema), form=form)

    def user(
        self,
        observation: Observation,
        page: str,
        *,
        retrieved: Sequence[Retrieved],
        plan: PlanTree,
        history: Sequence[str],
        fence: str,
    ) -> str:
        """What is asked at one step.

        Args:
            observation: its goal, title and address are shown.
            page: the page text, pruned and cut.
            retrieved: examples out of the knowledge base.
            plan: shown where the agent plans.
            history: what was done, oldest first, cut.
            fence: a word that no page can know; prompts that show it put the page between two lines of it.
        """
        shown = "\n\n".join(
            self._parts["example"].format(
                goal=one.entry.goal, page=fenced(one.page), answer=self._answer(fenced(one.entry.reason), one.entry.action)
            )
            for one in retrieved
        )
        nodes = fenced("\n".join(plan.lines()))
        steps = fenced("\n".join(history))
        return self._parts["user"].format(
            goal=observation["goal"],
            title=fenced(observation.get("title", "")),
            url=observation.get("url", ""),
            page=fenced(page),
            examples=self._parts["examples"].format(examples=shown) + "\n\n" if shown else "",
            plan=self._parts["plan"].format(nodes=nodes) + "\n\n" if self._plan else "",
            history=self._parts["history"].format(steps=steps) + "\n\n" if history else "",
            fence=fence,
        )

    def repair(self, problem: str) -> str:
        """What is said of an answer that cannot be run."""
        return self._parts[f"repair_{self._kind}"].format(problem=problem)

    def _answer(self, reason: str, action: str) -> str:
        if self._schema:
            return self._json(reason, action)
        return f"<reason>{reason or '-'}</reason>\n<action>{action}</action>"

    def _json(self, reason: str, action: str) -> str:
        choice = {"reason": reason, "action": _as_json(action)}
        plan: dict[str, Any] = {"plan": None} if self._plan else {}
        ranked: dict[str, Any] = dict.fromkeys(RANKS[: self._candidates]) | {"best": choice} if self._ranked else choice
        return json.dumps(plan | ranked, ensure_ascii=False)


def _as_json(action: str) -> dict[str, Any]:
    """A call as an answer in JSON has it, without what has its default."""
    try:
        call = parse(action)
    except ActionError:  # of a knowledge base that somebody else wrote
        return {"name": action}
    values = {p.name: call.arguments[p.name] for p in VERBS[call.verb].parameters if call.arguments[p.name] != p.default}
    plain = {name: (value[0] if isinstance(value, tuple) and len(value) == 1 else value) for name, value in values.items()}
    return {"name": call.verb, **plain}


def _action_rows(verbs: Sequence[str], *, schema: bool) -> str:
    rows = []
    for name in verbs:
        if name not in VERBS:
            raise ConfigError(
                explain(
                    f"there is no action {name!r} ({nearest(name, VERBS)})",
                    "names of symbiotic_gym.actions.VERBS",
                    "the prompt would offer what the environment refuses",
                    "correct the name in verbs",
                )
            )
        required = [p.name if schema else _SHOWN[p.kind] for p in VERBS[name].parameters if p.default is None]
        rows.append(f"{name}({', '.join(required)}) - {VERBS[name].summary}")
    return "\n".join(rows)
