"""The ledger: one line for every step a hybrid agent decided, who decided it and why, with counts and never a value.

A privacy officer can read it, and the summary of it: how many steps left this machine, with how much of what kind hidden, how
many requests the guard stopped, which detectors in which version looked. The hash of each body lets a recorded request be
found again.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from symbiotic_gym.jsonlines import JsonLines

__all__ = ["Ledger", "LedgerRow", "summary"]


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One step."""

    episode: str
    step: int
    mode: str
    route: str
    """`CLOUD`, `CLOUD_REDACTED`, `LOCAL` or `BLOCK`."""
    why: str
    counts: Mapping[str, int] = field(default_factory=dict)
    """Private parts found, by kind."""
    faults: tuple[str, ...] = ()
    """Detectors that failed."""
    detectors: Mapping[str, str] = field(default_factory=dict)
    """Names and versions."""
    stopped: int = 0
    """Requests of this step that the guard stopped."""
    refused: str = ""
    """Why the chosen action was not run."""
    body_sha256: str = ""
    """Of the request that was sent; empty when none was."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


class Ledger:
    """Keeps the rows of one or many agents.

    Args:
        path: a JSON lines file they are appended to; None: in memory only.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._file = JsonLines(path)
        self.rows: list[LedgerRow] = self._file.records(LedgerRow)

    def add(self, row: LedgerRow) -> None:
        """Append one row."""
        self.rows.append(row)
        self._file.append([asdict(row)])


def summary(rows: Sequence[LedgerRow]) -> str:
    """The ledger in words, for whoever has to answer for it."""
    if not rows:
        return "No step was decided."
    routes = Counter(row.route for row in rows)
    decided = routes["CLOUD"] + routes["CLOUD_REDACTED"]
    asked_in_vain = [row for row in rows if not row.route.startswith("CLOUD") and row.body_sha256]
    hidden, why = Counter[str](), Counter[str]()
    for row in (*(row for row in rows if row.route == "CLOUD_REDACTED"), *asked_in_vain):
        hidden.update(row.counts)
    for row in rows:
        if row.route in ("LOCAL", "BLOCK"):
            why[row.why] += 1
    lines = [
        f"{len(rows)} steps of {len({row.episode for row in rows})} episodes in mode "
        f"{', '.join(sorted({row.mode for row in rows}))}.",
        f"{decided} were decided in the cloud ({routes['CLOUD']} with nothing private found, {routes['CLOUD_REDACTED']} with "
        f"placeholders), {routes['LOCAL']} on this machine, {routes['BLOCK']} not at all. Of those not decided in the cloud "
        f"{len(asked_in_vain)} had been sent there too, with placeholders, and its answer could not be used.",
        f"{sum(row.stopped for row in rows)} requests were stopped by the guard; "
        f"{sum(bool(row.refused) for row in rows)} actions were not run.",
        f"Sent: {sum(row.prompt_tokens for row in rows)} tokens, paid: {sum(row.cost_usd for row in rows):.4f} US dollars.",
    ]
    if hidden:
        lines.append("Behind placeholders: " + _listed(hidden) + ".")
    if why:
        lines.append("On this machine because: " + "; ".join(f"{reason} ({n})" for reason, n in why.most_common()) + ".")
    if faults := Counter(fault for row in rows for fault in row.faults):
        lines.append("Detectors that failed: " + _listed(faults) + ".")
    versions = sorted({f"{name} {version}" for row in rows for name, version in row.detectors.items()})
    lines.append("Looked at by: " + (", ".join(versions) or "no detector") + ".")
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
