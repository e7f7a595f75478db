"""A tokenizer's tokens as bytes, and which of them a grammar lets through.

Tokens are matched by what they write, byte by byte, so any way to cut an allowed text into tokens is allowed, and a token may
end in the middle of a character. The tokens lie in a sorted table, which serves as a trie: tokens that begin alike stand
together, and a walk goes into a range of them only as long as the grammar can follow. Inside a quoted text nearly every token
fits; those that write plain characters are known beforehand and are not walked. What was found is kept by state.
"""

import json
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.automaton import Chars, Expr, Seq, State, automaton
from symbiotic_gym.errors import ConfigError, explain

__all__ = ["Vocabulary", "token_bytes"]

_KEPT = 512
"""States whose tokens are remembered; those of a page that is gone are of no more use."""
_BLANK = "▁"


class Vocabulary:
    """What each token of a tokenizer writes.

    Args:
        tokenizer: a fast one of transformers; byte-level BPE and SentencePiece with or without byte fallback are read.

    Raises:
        ConfigError: what its tokens write cannot be told.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.bytes, self._spaced = token_bytes(tokenizer)
        table = sorted((data, token) for token, data in self.bytes.items())
        self._table = table
        self._texts = {data for data, _ in table}
        self._longest = max(len(data) for data in self._texts)
        plain = {token for data, token in table if _is_plain(data)}
        self._plain = np.array(sorted(plain), dtype=np.int64)
        self._other = [entry for entry in table if entry[1] not in plain]
        self._allowed: OrderedDict[State, tuple[NDArray[np.int64], NDArray[np.int64]]] = OrderedDict()
        self.fewest = lru_cache(maxsize=4096)(self._fewest)

    def start(self, grammar: Expr) -> State:
        """The state before the first token. SentencePiece writes a blank before a first word, so there one may stand."""
        return automaton(Seq(Chars(" ", 0, 1), grammar)) if self._spaced else automaton(grammar)

    def allowed(self, state: State, room: int) -> NDArray[np.int64]:
        """The ids of all tokens that may come next, ascending.

        Args:
            state: where the answer is.
            room: how many tokens may be written, this one included; those after which an end is out of reach are left out.
        """
        found = self._allowed.get(state)
        if found is None:
            found = self._allowed[state] = self._find(state)
            if len(self._allowed) > _KEPT:
                self._allowed.popitem(last=False)
        self._allowed.move_to_end(state)
        tokens, needed = found
        return tokens[needed < room]

    def needs(self, state: State) -> float:
        """How many more tokens the shortest completion takes; infinite where the vocabulary cannot write it."""
        return self.fewest(state.shortest)

    def _fewest(self, text: bytes) -> float:
        counts = [0.0] + [float("inf")] * len(text)
        for end in range(1, len(text) + 1):
            starts = range(max(0, end - self._longest), end)
            counts[end] = min((counts[i] + 1 for i in starts if text[i:end] in self._texts), default=float("inf"))
        return counts[-1]

    def _find(self, state: State) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All tokens that fit, and how many more each of them needs after it."""
        tokens: list[int] = []
        needed: list[float] = []
        table = self._other if state.text else self._table
        stack = [(state, 0, len(table), 0)]
        while stack:
            here, low, high, depth = stack.pop()
            while depth and low < high and len(table[low][0]) == depth:
                tokens.append(table[low][1])
                needed.append(self.needs(here))
                low += 1
            stack += [(after, *part, depth + 1) for after, part in _branches(here, table, low, high, depth)]
        ids, costs = np.array(tokens, dtype=np.int64), np.array(needed, dtype=np.float64)
        if state.text:
            ids = np.concatenate((ids, self._plain))
            costs = np.concatenate((costs, np.full(len(self._plain), self.needs(state))))
        usable = np.isfinite(costs)
        ids, costs = ids[usable], costs[usable]
        order = np.argsort(ids)
        return ids[order], costs[order].astype(np.int64)


Table = Sequence[tuple[bytes, int]]


def _branches(state: State, table: Table, low: int, high: int, depth: int) -> list[tuple[State, tuple[int, int]]]:
    """The ranges of `table[low:high]`, which begin alike up to `depth`, that the state can follow one byte further."""

    def byte_at(entry: tuple[bytes, int]) -> int:
        return entry[0][depth]

    found = []
    if len(state.edges) < high - low:
        for byte, after in state.edges.items():
            first = bisect_left(table, byte, low, high, key=byte_at)
            last = bisect_right(table, byte, first, high, key=byte_at)
            if first < last:
                found.append((after, (first, last)))
        return found
    while low < high:
        byte = byte_at(table[low])
        last = bisect_right(table, byte, low, high, key=byte_at)
        if byte in state.edges:
            found.append((state.edges[byte], (low, last)))
        low = last
    return found


def _is_plain(data: bytes) -> bool:
    """Whether a token writes whole characters that may stand in a quoted text as they are."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not any(char in '"\\\x7f' or char < " " for char in text)


def token_bytes(tokenizer: Any) -> tuple[dict[int, bytes], bool]:
    """What each token writes, special and added ones left out; and whether a blank is written before a first word.

    Raises:
        ConfigError: it is neither byte-level nor SentencePiece.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = json.loads(backend.to_str())["decoder"] if backend is not None else None
    kinds = _kinds(decoder)
    added = {*tokenizer.get_added_vocab().values(), *tokenizer.all_special_ids}
    if "ByteLevel" in kinds:
        letters, spaced = _byte_letters(), False
        written = {token: _unlettered(piece, letters) for piece, token in tokenizer.get_vocab().items() if token not in added}
    elif "Metaspace" in kinds or "ByteFallback" in kinds:
        spaced = True
        written = {token: _unspaced(piece) for piece, token in tokenizer.get_vocab().items() if token not in added}
    else:
        raise ConfigError(
            explain(
                f"a tokenizer whose decoder is {' + '.join(kinds) or 'unknown'}",
                "byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM) or SentencePiece (Llama 2, Gemma)",
                "constrained decoding has to know which bytes a token writes",
                "take another model, or constrained=False",
            )
        )
    return {token: data for token, data in written.items() if data}, spaced


def _kinds(decoder: Any) -> list[str]:
    if not decoder:
        return []
    return [kind for part in decoder["decoders"] for kind in _kinds(part)] if "decoders" in decoder else [decoder["type"]]


def _byte_letters() -> dict[str, int]:
    """GPT-2's alphabet: visible Latin-1 characters stand for themselves, the other bytes for U+0100 and on, in order."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}


def _unlettered(piece: str, letters: dict[str, int]) -> bytes:
    return bytes(letters[char] for char in piece) if all(char in letters for char in piece) else b""


def _unspaced(piece: str) -> bytes:
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(_BLANK, " ").encode("utf-8", "ignore")
