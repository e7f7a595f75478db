"""A transformers model on this machine: loaded once, answering in batches, with LoRA adapters that come and go.

Adapters are merged into the weights they change, because the extra products of an unmerged one double the time of a token on
a CPU; the weights as they were are kept beside, so taking an adapter off is exact. Each prompt has a random generator of its
own, so what a row draws does not depend on who else is in the batch. Its scores can, in the last bits of bfloat16: the same
list of prompts, seeds and weights gives the same texts on the same machine, another grouping of them nearly always.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from symbiotic_gym.agents.chat import encode_prompt, end_token, load_tokenizer
from symbiotic_gym.agents.decoding import Row, complete, draw
from symbiotic_gym.agents.prefix_cache import PrefixCache
from symbiotic_gym.agents.request import Request
from symbiotic_gym.agents.vocabulary import Vocabulary
from symbiotic_gym.agents.weights import (
    adapter_stamp,
    check_adapter,
    check_loadable,
    check_model,
    load_adapter,
    load_base,
    pick_device,
    require_train,
)
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import Completion, Message, Sampling
from symbiotic_gym.types import Usage

if TYPE_CHECKING:
    import torch

__all__ = ["PREFIX_CACHE_BYTES", "LocalModel", "OpenWeights", "draw"]

PREFIX_CACHE_BYTES = 1 << 30
"""What the prompts of running episodes may take: about 45,000 tokens of SmolLM2-135M."""


@dataclass(frozen=True, kw_only=True)
class OpenWeights:
    """A loaded model: its module, its tokenizer and the tokens that end an answer."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]


class LocalModel:
    """A small language model on this machine; implements `symbiotic_gym.agents.request.RequestModel`.

    Weights are loaded on the first `generate`. One object may be used from several threads; calls wait for each other.

    Args:
        path_or_name: a Hugging Face folder, or a hub id, `org/name`.
        adapter: a PEFT LoRA adapter's folder to begin with; `set_adapter` changes it.
        device: `auto` (a GPU if there is one), or a torch device, `cuda:1`.
        dtype: `auto` (bfloat16 where the device computes it natively), `bfloat16` or `float32`.
        max_batch: prompts that go through the model at once.
        prefix_cache_bytes: what the keys and values of running episodes' prompts may take; 0 computes every prompt anew.

    Attributes:
        prefixes: those keys and values, and counts of what they saved.

    Raises:
        UnknownNameError: there is no such folder or adapter.
        MissingDependencyError: torch, transformers or peft is not installed.
    """

    def __init__(
        self,
        path_or_name: str | Path,
        *,
        adapter: Path | None = None,
        device: str = "auto",
        dtype: Literal["auto", "bfloat16", "float32"] = "auto",
        max_batch: int = 16,
        prefix_cache_bytes: int = PREFIX_CACHE_BYTES,
    ) -> None:
        require_train()
        self._path = check_model(path_or_name)
        self.name = Path(self._path).name
        self._device = device
        self._dtype = dtype
        self._max_batch = max_batch
        self.prefixes = PrefixCache(prefix_cache_bytes)
        self._vocabulary: Vocabulary | None = None
        self._lock = threading.RLock()
        self._model: Any = None
        self._tokenizer: Any = None
        self._ends: list[int] = []
        self._pristine: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._adapter: Path | None = None
        self._merged: tuple[object, ...] | None = ()
        """The stamp of the adapter in the weights; None: they are the base model's; (): a change was not finished."""
        self.set_adapter(adapter)

    def check(self) -> None:
        """Make sure that the first `generate` will find a model, without loading its weights.

        Raises:
            UnknownNameError: there is no such model, or none that can be loaded.
            ConfigError: its tokenizer has no chat template.
        """
        check_loadable(self._path)

    def set_adapter(self, adapter: Path | None) -> None:
        """Merge another LoRA adapter into the weights, or none; the base is not loaded again, nor the adapter in force.

        Args:
            adapter: the adapter's folder; None goes back to the base model, bit for bit.

        Raises:
            UnknownNameError: there is no adapter in the folder.
            ConfigError: it does not fit the base model; the base model is in force then.
        """
        if adapter is not None:
            check_adapter(adapter)
        with self._lock:
            self._adapter = adapter
            if self._model is not None and self._merged != (None if adapter is None else adapter_stamp(adapter)):
                self._apply_adapter()

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """Answer every prompt, in order.

        Args:
            prompts: chats, each a sequence of messages that ends with the user's.
            sampling: how to draw; the same for all.
            seeds: one per prompt; a row's draws depend on its own seed alone. None: 0, 1, 2 and so on.

        Returns:
            One completion per prompt. `usage.seconds` is the prompt's equal share of its batch's time.

        Raises:
            ConfigError: a prompt and its answer do not fit the model's context.
        """
        seeds = range(len(prompts)) if seeds is None else seeds
        return self.answer([Request(messages=p, seed=s) for p, s in zip(prompts, seeds, strict=True)], sampling)

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Answer every request, in order; see `generate`. Grammars may differ from request to request.

        Raises:
            ConfigError: a prompt and its answer do not fit the model's context, `max_tokens` are too few for any answer that
                fits a grammar, or the tokenizer cannot be bound by one.
        """
        if not requests:
            return []
        with self._lock:
            self._load()
            rows = [self._row(request, sampling) for request in requests]
            self._check_length(max(len(row.prompt) for row in rows) + sampling.max_tokens)
            done: dict[int, Completion] = {}
            for batch in self._batches(rows):
                started = perf_counter()
                chosen = [rows[i] for i in batch]
                complete(self._model, chosen, sampling, self._ends, self.prefixes, self._vocabulary)
                share = (perf_counter() - started) / len(batch)
                done |= {i: self._completion(rows[i], share) for i in batch}
        return [done[i] for i in range(len(requests))]

    def forget(self, session: str) -> None:
        """Drop what is kept of an episode that is over."""
        self.prefixes.forget(session)

    def open(self) -> "OpenWeights":
        """The weights themselves, with the adapter in force merged in, for what needs probabilities and not texts.

        They are read only: `set_adapter` changes them in place. Nothing else should run on this object meanwhile.
        """
        with self._lock:
            self._load()
            return OpenWeights(model=self._model, tokenizer=self._tokenizer, ends=tuple(self._ends))

    @property
    def vocabulary(self) -> Vocabulary:
        """What the tokens of the model's tokenizer write; read on first use.

        Raises:
            ConfigError: that cannot be told of this tokenizer.
        """
        with self._lock:
            self._load()
            if self._vocabulary is None:
                self._vocabulary = Vocabulary(self._tokenizer)
            return self._vocabulary

    def _row(self, request: Request, sampling: Sampling) -> Row:
        row = Row(prompt=encode_prompt(self._tokenizer, request.messages), seed=request.seed, session=request.session)
        if request.grammar is None:
            return row
        vocabulary = self.vocabulary
        row.state = vocabulary.start(request.grammar)
        if vocabulary.needs(row.state) > sampling.max_tokens:
            raise ConfigError(
                explain(
                    f"max_tokens = {sampling.max_tokens} for an answer that a grammar binds",
                    f"at least {vocabulary.needs(row.state):g}, which its shortest answer takes",
                    "an answer that is cut off would not fit the grammar",
                    "raise max_tokens",
                )
            )
        return row

    def _batches(self, rows: Sequence[Row]) -> list[list[int]]:
        """Rows that go through the model together: of like many new tokens, since the longest row pads all others."""
        new = [len(row.prompt) - self.prefixes.match(row.session, row.prompt).known for row in rows]
        batches: list[list[int]] = []
        for i in sorted(range(len(rows)), key=lambda i: new[i]):
            if not batches or len(batches[-1]) == self._max_batch or new[i] > 4 * new[batches[-1][0]] + 256:
                batches.append([])
            batches[-1].append(i)
        return batches

    def _completion(self, row: Row, seconds: float) -> Completion:
        stopped = row.drawn[-1] in self._ends
        answer = row.drawn[:-1] if stopped else row.drawn
        if row.state is not None and self._vocabulary is not None:  # its bytes, not the decoder's idea of tidy blanks
            text = b"".join(self._vocabulary.bytes[token] for token in answer).decode()
        else:
            text = self._tokenizer.decode(answer, skip_special_tokens=True)
        usage = Usage(requests=1, prompt_tokens=len(row.prompt), completion_tokens=len(row.drawn), seconds=seconds)
        finish = "stop" if stopped or row.state is not None else "length"
        return Completion(text=text, usage=usage, finish=finish, logprob=row.logprob)

    def _check_length(self, needed: int) -> None:
        available = self._model.config.max_position_embeddings
        if needed > available:
            raise ConfigError(
                explain(
                    f"a prompt and its answer take {needed} tokens",
                    f"at most {available}, the context of {self.name}",
                    "what does not fit would be lost, or answered at random",
                    "give the agent a smaller page_budget, or ask for fewer max_tokens",
                )
            )

    def _load(self) -> None:
        if self._model is not None:
            return
        from symbiotic_gym.agents.attention import use_fast_attention

        device = pick_device(self._device)
        self._model = load_base(self._path, device=device, dtype=self._dtype).eval()
        use_fast_attention(self._model)
        self._tokenizer = load_tokenizer(self._path)
        ends = self._model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        self._ends = [int(e) for e in dict.fromkeys([end_token(self._tokenizer), *ends]) if e is not None]
        self._apply_adapter()

    def _apply_adapter(self) -> None:
        import torch
        from peft.tuners.lora import LoraLayer

        stamp = None if self._adapter is None else adapter_stamp(self._adapter)
        self._merged = ()
        self.prefixes.clear()
        with torch.no_grad():
            for weight, original in self._pristine:
                weight.copy_(original)
            self._pristine = []
            if self._adapter is None:
                self._merged = None
                return
            adapted = load_adapter(self._model, self._adapter, trainable=False)
            layers = [module for module in adapted.modules() if isinstance(module, LoraLayer)]
            weights: list[Any] = [layer.get_base_layer().weight for layer in layers]
            self._pristine = [(weight, weight.clone()) for weight in weights]
            self._model = adapted.merge_and_unload()
            self._merged = stamp
