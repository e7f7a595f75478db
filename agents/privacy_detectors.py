"""Detectors together: which parts of a page are private, and whether that answer can be relied on.

Each detector speaks for single nodes. What several say of overlapping parts adds up (two half proofs make a whole one); what is
public on this site is taken out again, unless structure or a rule vouches for it. Everything fails closed: a detector that
raises, does not come back in time, or answers with anything but well-formed findings leaves a *fault*, and with a fault the
step is not decided in the cloud.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbiotic_gym.agents.privacy_classifier import ClassifierDetector
from symbiotic_gym.agents.privacy_policy import HARD, READ
from symbiotic_gym.agents.privacy_secrets import SecretsDetector
from symbiotic_gym.agents.privacy_structure import StructureDetector
from symbiotic_gym.agents.privacy_vocabulary import PublicVocabulary
from symbiotic_gym.nodes import Node
from symbiotic_gym.protocols import Detector, Finding

__all__ = ["DetectorStack", "Scan", "default_detectors"]

LONGEST_NODE = 4096
LONGEST_PAGE = 200_000
_SURE = 0.9
"""From this score on, a single detector of rules is believed against the public vocabulary."""

_WHOLE = frozenset({"address", "phone"})
"""Kinds whose parts may look like something else."""
_SIDEWAYS = frozenset({"structure", "secrets"})


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the detectors say of one page."""

    findings: tuple[Finding, ...]
    """Those above the threshold; of each node, no two overlap."""
    faults: tuple[str, ...] = ()
    """Why the findings may not be all: which detector failed, and how. Never a text of the page."""


def default_detectors() -> list[Detector]:
    """Structure, secrets, and the shipped classifier."""
    return [StructureDetector(), SecretsDetector(), ClassifierDetector()]


@dataclass
class DetectorStack:
    """Asks all detectors and joins what they say."""

    detectors: Sequence[Detector] = field(default_factory=default_detectors)
    threshold: float = 0.3
    """In (0, 1): from which joint score on a part counts as private."""
    timeout_s: float = 2.0
    """Seconds for one detector and one page."""
    vocabulary: PublicVocabulary = field(default_factory=PublicVocabulary)

    @property
    def versions(self) -> dict[str, str]:
        """Which detectors, and which of them."""
        return {detector.name: detector.version for detector in self.detectors}

    def scan(self, nodes: Sequence[Node], url: str) -> Scan:
        """What is private among these nodes."""
        if sum(len(node.text) for node in nodes) > LONGEST_PAGE or any(len(node.text) > LONGEST_NODE for node in nodes):
            return Scan(findings=(), faults=("page: too long to be looked at whole",))
        faults, findings = [], []
        for detector in self.detectors:
            answer, fault = self._ask(detector, nodes, url)
            findings += answer
            faults += [fault] if fault else []
        return Scan(findings=tuple(self._join(findings, nodes, url)), faults=tuple(faults))

    def _ask(self, detector: Detector, nodes: Sequence[Node], url: str) -> tuple[list[Finding], str]:
        """Its findings, or what is wrong with it."""
        box: list[Any] = []

        def work() -> None:
            try:
                box.append(_checked(detector.find(nodes, url), nodes))
            except BaseException as error:  # whatever it is: the page was not looked at
                box.append(f"{detector.name}: {type(error).__name__}")

        thread = threading.Thread(target=work, name=f"detector-{detector.name}", daemon=True)
        thread.start()
        thread.join(self.timeout_s)
        if not box:
            return [], f"{detector.name}: no answer within {self.timeout_s:g} s"
        return ([], box[0]) if isinstance(box[0], str) else (box[0], "")

    def _join(self, findings: Sequence[Finding], nodes: Sequence[Node], url: str) -> list[Finding]:
        public = self.vocabulary.of(url)
        by_node: dict[int, list[Finding]] = {}
        for finding in findings:
            by_node.setdefault(finding.node, []).append(finding)
        chosen: list[Finding] = []
        for i, some in by_node.items():
            some = [f for f in some if _vouched(f) or not public(nodes[i].text[f.start : f.end])]
            some = [_joined(finding, some) for finding in some]
            chosen += _apart([f for f in some if f.score >= self.threshold])
        return chosen


def _vouched(finding: Finding) -> bool:
    return finding.score >= _SURE and finding.source.partition(":")[0] in _SIDEWAYS and not finding.source.endswith(":place")


def _joined(finding: Finding, others: Sequence[Finding]) -> Finding:
    """The finding with the doubt left after all detectors that speak of the same part: the best word of each counts."""
    doubt: dict[str, float] = {}
    for other in others:
        shared = min(finding.end, other.end) - max(finding.start, other.start)
        if shared * 2 > max(finding.end - finding.start, other.end - other.start):
            name = other.source.partition(":")[0]
            doubt[name] = min(doubt.get(name, 1.0), 1 - other.score)
    score = 1 - math.prod(doubt.values())
    return Finding(
        node=finding.node, start=finding.start, end=finding.end, kind=finding.kind, score=score, source=finding.source
    )


def _apart(findings: Sequence[Finding]) -> list[Finding]:
    """Of parts that overlap, those that rules name before those that are merely likely, then the longer one.

    But a number within a sure address or phone number is a part of it, whatever a rule takes it for, or the rest would be
    readable; where that number has to stay here anyway, the rest is hidden beside it.
    """
    if len(findings) < 2:
        return list(findings)
    chosen: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (_rank(f), f.start - f.end, f.start)):
        free = _free(finding, chosen)
        if free == [finding] or _is_whole(finding):
            chosen += free
    return chosen


def _rank(finding: Finding) -> int:
    if finding.kind in HARD | READ and finding.score >= _SURE:
        return 0
    return 1 if _vouched(finding) or _is_whole(finding) else 2


def _is_whole(finding: Finding) -> bool:
    return finding.kind in _WHOLE and finding.score >= _SURE


def _free(finding: Finding, chosen: Sequence[Finding]) -> list[Finding]:
    """What of a finding no chosen one covers."""
    free, start = [], finding.start
    over = sorted((f for f in chosen if f.start < finding.end and finding.start < f.end), key=lambda f: f.start)
    for other in over:
        free += [replace(finding, start=start, end=other.start)] if other.start > start else []
        start = max(start, other.end)
    return free + ([replace(finding, start=start)] if start < finding.end else [])


def _checked(answer: Any, nodes: Sequence[Node]) -> list[Finding]:
    """The answer, if every finding in it is one.

    Raises:
        ValueError: it is something else.
    """
    findings = list(answer)  # None raises here
    for finding in findings:
        if not isinstance(finding, Finding) or not isinstance(finding.node, int) or not 0 <= finding.node < len(nodes):
            raise ValueError("it names no node of the page")
        if not 0 <= finding.start < finding.end <= len(nodes[finding.node].text):
            raise ValueError("it names no part of the node")
        if not (isinstance(finding.score, float | int) and 0 <= finding.score <= 1) or not finding.kind:
            raise ValueError("its score is no number in [0, 1], or it has no kind")
    return findings
