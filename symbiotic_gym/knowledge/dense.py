"""Searching by meaning instead of by words: an `Index` over vectors, for `KnowledgeBase(path, index=dense(encoder, folder))`.

The vectors are a cache beside the entries: raw float32, one after the other, and a JSON file that says whose they are. They are
made once, appended to as entries come, and made anew for another encoder. Similarity is the inner product, and every text is
looked at: 100,000 vectors of 768 numbers are 300 MB and a few hundredths of a second.

An encoder is anything with a name and `encode`. `SentenceEncoder` is one over sentence-transformers (the extra `dense`), by
default Contriever, as in AgentSymbiotic.
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.errors import MissingDependencyError, explain
from symbiotic_gym.knowledge.index import Index

__all__ = ["DenseIndex", "Encoder", "SentenceEncoder", "dense"]

_BATCH = 64


class Encoder(Protocol):
    """Turns texts into vectors."""

    name: str
    """Equal for equal vectors: which model, and in which version."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text; shape (texts, numbers), float32."""
        ...


class SentenceEncoder:
    """An `Encoder` over sentence-transformers; loaded when it is first used.

    Args:
        model: a hub id or a folder. A plain transformer's vectors are the mean over its tokens.
        device: such as `cuda`; None: whichever there is.
    """

    def __init__(self, model: str = "facebook/contriever", *, device: str | None = None) -> None:
        self.name = model
        self._device = device
        self._model: Any = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector per text.

        Raises:
            MissingDependencyError: sentence-transformers is not installed.
            OSError: there is no such model.
        """
        if self._model is None:
            try:
                from sentence_transformers import SentenceTransformer
            except ModuleNotFoundError as error:
                raise MissingDependencyError(
                    explain(
                        f"the encoder {self.name} needs {error.name}, which is not installed",
                        "the package sentence-transformers",
                        "it turns texts into the vectors that are searched",
                        "pip install 'symbiotic-gym[dense]', or search by words, as a KnowledgeBase does by default",
                    )
                ) from error
            self._model = SentenceTransformer(self.name, device=self._device)
        vectors = self._model.encode(list(texts), batch_size=_BATCH, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


class DenseIndex:
    """An `Index` by inner products of vectors.

    Args:
        encoder: makes the vectors.
        file: where they are kept, beside a `.json` that names their encoder; None: in memory only. Vectors of other texts or of
            another encoder are made anew.
    """

    nothing = -np.inf

    def __init__(self, encoder: Encoder, file: Path | None = None) -> None:
        self._encoder = encoder
        self._file = file
        self._kept = self._load()
        self._digest = sha256()
        self._vectors = np.zeros((0, 0), dtype=np.float32)

    @property
    def size(self) -> int:
        return len(self._vectors)

    def add(self, texts: Sequence[str]) -> None:
        """Take in more texts; those whose vectors are kept are not encoded again."""
        if not len(texts):
            return
        known = self._recall(texts)
        fresh = [self._encoder.encode(texts[i : i + _BATCH]) for i in range(len(known), len(texts), _BATCH)]
        made = np.concatenate([known, *fresh]) if len(known) else np.concatenate(fresh)
        self._vectors = np.concatenate([self._vectors, made]) if self.size else made
        if fresh:
            self._kept = None  # what is kept has been used up, or is of other texts
            self._save()

    def scores(self, query: str) -> NDArray[np.float64]:
        """The inner product with every text's vector, in order."""
        if not self.size:
            return np.zeros(0)
        vector = self._encoder.encode([query])[0]
        scores: NDArray[np.float64] = (self._vectors @ vector).astype(np.float64)
        return scores

    def _recall(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The kept vectors of as many of these texts as they are of."""
        kept = self._kept
        hashes = []
        for text in texts:
            self._digest.update(sha256(text.encode("utf-8", "replace")).digest())
            hashes.append(self._digest.hexdigest())
        if kept is None or self.size:
            return np.zeros((0, 0), dtype=np.float32)
        vectors, digest = kept
        if len(vectors) <= len(texts) and len(vectors) and hashes[len(vectors) - 1] == digest:
            return vectors
        return np.zeros((0, 0), dtype=np.float32)

    def _load(self) -> tuple[NDArray[np.float32], str] | None:
        if self._file is None or not self._file.exists() or not self._about(self._file).exists():
            return None
        about = json.loads(self._about(self._file).read_text(encoding="utf-8"))
        if about["encoder"] != self._encoder.name:
            return None
        numbers = np.fromfile(self._file, dtype=np.float32, count=about["texts"] * about["numbers"])
        if len(numbers) < about["texts"] * about["numbers"]:
            return None  # cut off: made anew
        return numbers.reshape(about["texts"], about["numbers"]), about["digest"]

    def _save(self) -> None:
        """Append what is new, then say so: what was cut off in between is not counted, and written over."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        numbers = self._vectors.shape[1]
        known = self._file.stat().st_size // (4 * numbers) if self._file.exists() and self._appending else 0
        with self._file.open("r+b" if known else "wb") as file:
            file.seek(min(known, self.size) * 4 * numbers)
            file.write(self._vectors[min(known, self.size) :].tobytes())
            file.truncate()
        self._appending = True
        about = {"encoder": self._encoder.name, "texts": self.size, "numbers": numbers, "digest": self._digest.hexdigest()}
        part = self._about(self._file).with_suffix(".part")
        part.write_text(json.dumps(about), encoding="utf-8")
        part.replace(self._about(self._file))

    _appending = False
    """Whether the file holds vectors of this object's texts; else it is written from its start."""

    @staticmethod
    def _about(file: Path) -> Path:
        return file.with_suffix(".json")


def dense(encoder: Encoder, folder: Path | None = None) -> Callable[[str], Index]:
    """What `KnowledgeBase(index=...)` takes: vectors for both keys, kept in `folder`."""
    return lambda key: DenseIndex(encoder, None if folder is None else folder / f"{key}.f32")
