"""Keys and values of the prompts that were computed last, one prompt a session, so that the next one goes on where it differs.

A session is an episode. What a row reuses depends on its own episode alone, never on what other episodes or earlier waves left
behind: a run that is repeated reuses the same and rounds the same. A session goes when its episode is over (`forget`), and the
oldest go when the byte budget is spent.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["PrefixCache", "Reuse"]


@dataclass(frozen=True)
class _Entry:
    prompt: tuple[int, ...]
    layers: "tuple[tuple[torch.Tensor, torch.Tensor], ...]"
    """Per layer keys and values, each (heads, tokens, width of a head)."""

    @property
    def bytes(self) -> int:
        return sum(part.numel() * part.element_size() for layer in self.layers for part in layer)


@dataclass(frozen=True)
class Reuse:
    """A row of a batch: its session, its prompt, and how many of the prompt's tokens are known from the session's last one."""

    session: str
    prompt: Sequence[int]
    known: int
    entry: _Entry | None = None
    """What is known; held on to, since its session may end meanwhile."""


class PrefixCache:
    """Least recently used first out.

    Args:
        budget_bytes: what the kept keys and values may take together; 0 keeps nothing.

    Attributes:
        known: prompt tokens that were not computed again, so far.
        asked: all prompt tokens so far.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._over: deque[str] = deque()
        self._lock = threading.Lock()
        self.known = 0
        self.asked = 0

    def __len__(self) -> int:
        with self._lock:
            self._bury()
            return len(self._entries)

    @property
    def bytes(self) -> int:
        """What the kept keys and values take now."""
        with self._lock:
            self._bury()
            return self._bytes

    def clear(self) -> None:
        """Forget everything: the weights are others now."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def forget(self, session: str) -> None:
        """Drop a session: its episode is over.

        It may be called at any moment, by a garbage collector in the middle of another call too: it never waits. What it cannot
        drop at once, the next call does.
        """
        self._over.append(session)
        if self._lock.acquire(blocking=False):
            try:
                self._bury()
            finally:
                self._lock.release()

    def match(self, session: str, prompt: Sequence[int]) -> Reuse:
        """How much of a prompt is known. At least its last token never is, because its scores are what is wanted."""
        with self._lock:
            self._bury()
            entry = self._entries.get(session)
        most = 0 if entry is None else min(len(entry.prompt), len(prompt) - 1)
        known = next((i for i in range(most) if entry is not None and entry.prompt[i] != prompt[i]), most)
        return Reuse(session, prompt, known, entry if known else None)

    def gather(self, rows: Sequence[Reuse]) -> Any:
        """The known part of each row as a transformers cache, padded on the left; None when nothing is known of any."""
        from transformers import DynamicCache

        self.known += sum(row.known for row in rows)
        self.asked += sum(len(row.prompt) for row in rows)
        longest = max(row.known for row in rows)
        if not longest:
            return None
        model = next(row.entry for row in rows if row.entry is not None)
        cache: Any = DynamicCache()
        for number, parts in enumerate(model.layers):
            batch = [part.new_zeros(len(rows), part.shape[0], longest, part.shape[2]) for part in parts]
            for i, row in enumerate(rows):
                if row.entry is not None:
                    for whole, part in zip(batch, row.entry.layers[number], strict=True):
                        whole[i, :, longest - row.known :] = part[:, : row.known]
            cache.update(*batch, number)
        return cache

    def keep(self, rows: Sequence[Reuse], cache: Any) -> None:
        """Take each row's keys and values out of a batch that was just computed.

        Args:
            rows: as they were given to `gather`.
            cache: after the prompts went through the model: (padding, known part) and (padding, new part) of each row. A cache
                whose layers keep less than every token (sliding windows, states) is left alone.
        """
        import torch

        from symbiotic_gym.agents.key_values import keeps_all

        if not self._budget or not keeps_all(cache):
            return
        longest = max(row.known for row in rows)
        for i, row in enumerate(rows):
            if not row.session:
                continue
            end, new = cache.layers[0].keys.shape[2], len(row.prompt) - row.known
            places = torch.tensor(
                [*range(longest - row.known, longest), *range(end - new, end)], device=cache.layers[0].keys.device
            )
            layers = tuple(
                (layer.keys[i].index_select(1, places), layer.values[i].index_select(1, places)) for layer in cache.layers
            )
            self._put(row.session, _Entry(tuple(row.prompt), layers))

    def _put(self, session: str, entry: _Entry) -> None:
        with self._lock:
            self._bury()
            self._drop(session)
            self._entries[session] = entry
            self._bytes += entry.bytes
            while self._bytes > self._budget:
                self._drop(next(iter(self._entries)))

    def _bury(self) -> None:
        while self._over:
            self._drop(self._over.popleft())

    def _drop(self, session: str) -> None:
        entry = self._entries.pop(session, None)
        self._bytes -= entry.bytes if entry is not None else 0
