"""What a chosen action may do with private values, and with the world: the last look before an action is run.

Placeholders are put back here and nowhere else: into texts that are typed, on the origin the value came from, or into what is
said to the user. It makes no difference which model chose the action: a local model that a page has talked into typing a
password on another site is stopped by the same rule. Beyond that, five kinds of side effects are under the user's `allow`,
`ask` or `deny`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from symbiotic_gym.actions import VERBS, Action, elements, format_action, parse
from symbiotic_gym.agents.privacy_vault import TYPED, Known, Vault
from symbiotic_gym.agents.privacy_view import framed_lines, origin_of
from symbiotic_gym.errors import ActionError, ConfigError, PrivacyError, explain, nearest
from symbiotic_gym.types import Observation

__all__ = ["DEFAULT_RULES", "SIDE_EFFECTS", "ActionRules", "Verdict", "side_effects", "typed_texts"]

Rule = Literal["allow", "ask", "deny"]
SIDE_EFFECTS = ("leave", "upload", "submit", "pay", "delete")
"""Go to another origin, choose files for upload, submit a page with private values, pay, delete."""

DEFAULT_RULES: Mapping[str, Rule] = {"leave": "deny", "upload": "deny", "submit": "allow", "pay": "allow", "delete": "allow"}

_TO_USER = frozenset({"send_msg_to_user", "report_infeasible"})
_WRITES = frozenset({"fill", "keyboard_type", "keyboard_insert_text"})
_TYPES = _WRITES | {"select_option"}
_KEYS = frozenset({"press", "keyboard_press"})
_CLICKS = frozenset({"click", "dblclick"}) | _KEYS
_PAY = re.compile(r"\b(?:pay|buy now|place (?:the )?order|purchase|checkout|donate|transfer|subscribe)\b", re.I)
_DELETE = re.compile(r"\b(?:delete|remove|erase|close (?:my )?account|deactivate|unsubscribe|revoke)\b", re.I)
_SUBMIT = re.compile(
    r"\b(?:submit|save|send|sign in|log in|register|post|update|apply|continue|confirm|create|publish)\b", re.I
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a chosen action."""

    action: str
    """As it is to be run; empty when it must not be."""
    why: str = ""
    """Why it must not be run; names kinds and origins, never values."""
    placeholder_fault: bool = False
    """It was the placeholders that were wrong: the local model may do better."""


class ActionRules:
    """Checks and completes actions for one episode.

    Args:
        vault: the episode's.
        rules: what to do about side effects; those left out are as in `DEFAULT_RULES`.
        ask: called with the side effect and the action, with placeholders, where the rule says so; True lets it pass. Without
            it, `ask` means no.
        origins: origins, `http://shop.test:80`, which going to is not leaving.
        bind: whether values may be typed only where they belong.
    """

    def __init__(
        self,
        vault: Vault,
        rules: Mapping[str, Rule] | None = None,
        *,
        ask: Callable[[str, str], bool] | None = None,
        origins: Sequence[str] = (),
        bind: bool = True,
    ) -> None:
        for name, rule in (rules or {}).items():
            if name not in SIDE_EFFECTS or rule not in ("allow", "ask", "deny"):
                raise ConfigError(
                    explain(
                        f"the rule {rule!r} for {name!r} ({nearest(name, SIDE_EFFECTS)})",
                        f"allow, ask or deny for any of {', '.join(SIDE_EFFECTS)}",
                        "a rule that is not understood would not be kept",
                        "correct side_effects",
                    )
                )
        self._vault = vault
        self._rules = {**DEFAULT_RULES, **(rules or {})}
        self._ask = ask
        self.origins = {*origins}
        self._bind = bind

    def complete(self, text: str, observation: Observation, *, asks: bool = True) -> Verdict:
        """Put values back into an action and say whether it may be run.

        Args:
            text: the action, with placeholders or without.
            observation: as the environment gave it, not as the cloud saw it.
            asks: whether somebody may be asked now; an action that is only thought of is not worth a question, and is refused.
        """
        try:
            action = parse(text)
        except ActionError:
            held = self._vault.find(text)
            return Verdict(action="" if held else text, why="a private value in what is no action" if held else "")
        here = origin_of(observation.get("url", ""))
        try:
            whole, values = self._restored(action)
        except PrivacyError as error:
            return Verdict(action="", why=str(error).splitlines()[0], placeholder_fault=True)
        if why := self._misplaced(whole, values, observation):
            return Verdict(action="", why=why)
        for effect in side_effects(whole, observation, self._vault):
            if effect == "leave" and origin_of(str(whole.arguments["url"])) in self.origins | {here}:
                continue
            rule = self._rules[effect]
            granted = asks and rule == "ask" and self._ask is not None and self._ask(effect, self._vault.redact(text))
            if rule != "allow" and not granted:
                return Verdict(action="", why=f"the action would {effect}, which is not allowed here")
        return Verdict(action=str(whole))

    def _restored(self, action: Action) -> tuple[Action, list[Known]]:
        """The action with values for placeholders, and the private values in it; what was typed before only by placeholder."""
        arguments = dict(action.arguments)
        values: list[Known] = []
        for parameter in VERBS[action.verb].parameters:
            value = arguments[parameter.name]
            texts = value if isinstance(value, tuple) else (value,)
            mentioned = [known for text in texts if isinstance(text, str) for known in self._vault.mentioned(text)]
            values += mentioned
            typed = parameter.kind in ("text", "texts") and action.verb in _TYPES | _TO_USER
            if mentioned and not typed:
                raise PrivacyError(f"a placeholder in {parameter.name} of {action.verb}, which is not typed")
            if mentioned:
                restored = tuple(self._vault.restore(str(text)) for text in texts)
                arguments[parameter.name] = restored if isinstance(value, tuple) else restored[0]
        whole = parse(format_action(action.verb, **arguments))
        for value in whole.arguments.values():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str):
                    values += [hit.known for hit in self._vault.find(text) if hit.known.kind != TYPED]
        return whole, values

    def _misplaced(self, action: Action, values: Sequence[Known], observation: Observation) -> str:
        if not self._bind or not values or action.verb in _TO_USER:
            return ""
        if _in_frame(action, observation["page"]):
            return f"a value of kind {values[0].kind} may not be typed into a frame: nobody knows whose it is"
        goal = origin_of(str(action.arguments["url"] if action.verb == "goto" else observation.get("url", "")))
        for known in values:
            if goal not in known.origins:
                return f"a value of kind {known.kind} does not belong on {goal or 'a page without an origin'}"
        return ""


def typed_texts(text: str) -> list[str]:
    """What an action types into the page; nothing where it is another, or none."""
    try:
        action = parse(text)
    except ActionError:
        return []
    if action.verb not in _WRITES:
        return []
    return [str(action.arguments[p.name]) for p in VERBS[action.verb].parameters if p.kind == "text"]


def _in_frame(action: Action, page: str) -> bool:
    """Whether an action types into a frame: by the bid, or by where the focus is."""
    if action.bids:
        return any(bid[0].isalpha() for bid in action.bids)
    lines = page.split("\n")
    return action.verb in _TYPES and any(" focused" in lines[number] for number in framed_lines(page))


def side_effects(action: Action, observation: Observation, vault: Vault) -> list[str]:
    """Which of `SIDE_EFFECTS` an action has on this page."""
    if action.verb == "goto":
        return ["leave"]
    if action.verb == "upload_file":
        return ["upload"]
    if action.verb not in _CLICKS:
        return []
    element = elements(observation["page"]).get(action.bids[0]) if action.bids else None
    name = element.name if element is not None else ""
    found = [effect for effect, pattern in (("pay", _PAY), ("delete", _DELETE)) if pattern.search(name)]
    enters = action.verb in _KEYS and "enter" in str(action.arguments).lower()
    if (_SUBMIT.search(name) or enters) and any(
        " value=" in line and vault.find(line) for line in observation["page"].split("\n")
    ):
        found.append("submit")
    return found
