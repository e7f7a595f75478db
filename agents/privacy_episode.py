"""What a hybrid agent knows of one episode: its vault, its rules, what it may say about it, and how it is put on record."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from unicodedata import normalize

from symbiotic_gym.agents.privacy_actions import ActionRules, Rule, typed_texts
from symbiotic_gym.agents.privacy_detectors import Scan
from symbiotic_gym.agents.privacy_encodings import squeeze
from symbiotic_gym.agents.privacy_vault import TYPED, UNSPACED, Hit, Vault
from symbiotic_gym.agents.privacy_view import origin_of
from symbiotic_gym.nodes import page_nodes, rewrite
from symbiotic_gym.policies import NOT_KEPT
from symbiotic_gym.types import Observation, Trajectory

__all__ = ["Episode", "redact_trajectory"]


_WORD = re.compile(r"[^\W_]+")
_PLAIN_WORD = re.compile(r"[^\W\d_]+")
_LEAST_TYPED = 8
"""What has fewer letters and digits is left alone where it was typed here."""
_PIECE, _LONG_WORD = 40, 16
"""Characters: what is typed is taken in pieces of so many, since pages and prompts cut long texts anywhere; the search for
values knows no spaces, so words may be taken in pieces too."""


class Episode:
    """The state of one episode.

    Args:
        goal: as the environment gave it.
        seed: fixes the placeholders' tag; None draws one.
        declared: the user's own values, `(kind, value)`.
        origins: where those may be typed, and where going to is not leaving; the origin of the first page is added.
        rules: of side effects.
        ask: see `ActionRules`.
        bind: see `ActionRules`.
    """

    def __init__(
        self,
        goal: str,
        seed: int | None,
        declared: Sequence[tuple[str, str]],
        origins: Sequence[str],
        rules: Mapping[str, Rule],
        ask: Callable[[str, str], bool] | None,
        bind: bool,
    ) -> None:
        self.goal = goal
        self.vault = Vault(seed)
        self.origins = [*origins]
        self.rules = ActionRules(self.vault, rules, ask=ask, origins=origins, bind=bind)
        self.step = 0
        self.actions: list[str] = []
        self.denied = ""
        """Why the last action was not run; told to both models as the environment would have."""
        self._looked: dict[tuple[str, str], bool] = {}  # pages, and whether all detectors have looked at them
        self._shown: set[str] = set()  # the words of each line that the cloud has seen
        for kind, value in declared:
            known = self.vault.add(value, kind, declared=True)
            known.origins.update(origins)

    def begin(self, observation: Observation) -> Observation:
        """Take note of an observation; the first one says where the user's values belong."""
        here = origin_of(observation.get("url", ""))
        if self.step == 0 and here and here not in self.origins:
            self.origins.append(here)
            self.rules.origins.add(here)
            for known in self.vault.values:
                if known.declared:
                    known.origins.add(here)
        if self.denied:
            observation = {**observation, "last_action_error": self.denied}
            self.denied = ""
        return observation

    def note(self, texts: Mapping[str, Any], scan: Scan) -> None:
        """Remember that the detectors have looked at a page."""
        self._looked[_page(texts)] = not scan.faults

    def show(self, texts: Iterable[str]) -> None:
        """Remember what the cloud has seen, or has said itself."""
        self._shown.update(_words(line) for text in texts for line in text.splitlines())

    def type_here(self, action: str, url: str) -> None:
        """Take what a step that was decided here types for private, unless the cloud has seen it.

        Whoever decided it may have read what must stay here, and the page shows from now on what was typed into it. Values
        that are known already stay what they are. A single word or a few digits tell little, and stand in too many prompts.
        """
        for text in typed_texts(action):
            for piece in _pieces(text, self.vault.find(text)):
                said = _words(piece)
                plain = _PLAIN_WORD.fullmatch(said.strip()) and not UNSPACED.search(said)
                if len(squeeze(piece)) >= _LEAST_TYPED and not plain and not any(said in line for line in self._shown):
                    self.vault.add(piece, TYPED, origin=origin_of(url))

    def looked_at(self, texts: Mapping[str, Any]) -> bool:
        """Whether they have."""
        return _page(texts) in self._looked

    def unclear(self, texts: Mapping[str, Any]) -> bool:
        """Whether one of them failed on it, so that what is private in it may not be known."""
        return not self._looked.get(_page(texts), True)


def _words(text: str) -> str:
    """The words of a text with one space before, between and after: one text stands in another where its words do."""
    return " ".join(["", *_WORD.findall(normalize("NFKC", text).casefold()), ""])


def _pieces(text: str, hits: Sequence[Hit]) -> Iterator[str]:
    """What a text says beside the values that are known in it, in pieces of some words; a short last one is joined."""
    starts = [0, *(hit.end for hit in hits)]
    ends = [*(hit.start for hit in hits), len(text)]
    for start, end in zip(starts, ends, strict=True):
        pieces = [""]
        for word in text[start:end].split():
            for at in range(0, len(word), _LONG_WORD):
                if len(pieces[-1]) >= _PIECE:
                    pieces.append("")
                pieces[-1] += " " + word[at : at + _LONG_WORD]
        if len(pieces) > 1 and len(squeeze(pieces[-1])) < _LEAST_TYPED:
            pieces[-2:] = [pieces[-2] + pieces[-1]]
        yield from (piece.strip() for piece in pieces)


def _page(texts: Mapping[str, Any]) -> tuple[str, str]:
    return texts.get("url", ""), texts.get("page", "")


def redact_trajectory(
    trajectory: Trajectory, vault: Vault, unclear: Callable[[Mapping[str, str]], bool] = lambda texts: False
) -> Trajectory:
    """An episode with placeholders for every private value: observations, actions, reasons, candidates, extras.

    Args:
        trajectory: as it was played.
        vault: the episode's.
        unclear: says of which observations nobody knows what is private in them; these are left out.
    """
    steps = tuple(
        replace(
            step,
            observation=_texts(step.observation, vault, unclear),
            decision=_decision(step.decision, vault),
            error=vault.redact(step.error),
        )
        for step in trajectory.steps
    )
    outcome = replace(trajectory.outcome, message=vault.redact(trajectory.outcome.message))
    return replace(
        trajectory,
        goal=vault.redact(trajectory.goal),
        steps=steps,
        final=_texts(trajectory.final, vault, unclear),
        outcome=outcome,
    )


def _texts(observation: Mapping[str, str], vault: Vault, unclear: Callable[[Mapping[str, str]], bool]) -> dict[str, str]:
    if unclear(observation):
        return dict.fromkeys(observation, "") | {"page": NOT_KEPT}
    found = {}
    for key, text in observation.items():
        if key == "page":
            nodes = page_nodes(text)
            texts = [vault.redact(n.text, hits) for n, hits in zip(nodes, vault.find_all([n.text for n in nodes]), strict=True)]
            found[key] = rewrite(text, nodes, texts)
        else:
            found[key] = vault.redact(text)
    return found


def _decision(decision: Any, vault: Vault) -> Any:
    acceptance = decision.acceptance
    if acceptance is not None:
        acceptance = replace(acceptance, proposal=_candidate(acceptance.proposal, vault), why=vault.hide(acceptance.why))
    return replace(
        decision,
        action=vault.hide(decision.action),
        reason=vault.hide(decision.reason),
        candidates=tuple(_candidate(candidate, vault) for candidate in decision.candidates),
        acceptance=acceptance,
        extra=_plain(decision.extra, vault),
    )


def _candidate(candidate: Any, vault: Vault) -> Any:
    return replace(candidate, action=vault.hide(candidate.action), reason=vault.hide(candidate.reason))


def _plain(value: Any, vault: Vault) -> Any:
    if isinstance(value, str):
        return vault.hide(value)
    if isinstance(value, Mapping):
        return {vault.hide(str(key)): _plain(inner, vault) for key, inner in value.items()}
    return [_plain(inner, vault) for inner in value] if isinstance(value, list | tuple) else value
