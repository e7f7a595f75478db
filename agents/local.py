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

__all__ = ["LocalModel", "OpenWeights", "draw"]

_NUCLEUS = 256
"""How many of the likeliest tokens nucleus sampling looks at before it sorts them all."""


@dataclass(frozen=True, kw_only=True)
class OpenWeights:
    """A loaded model: its module, its tokenizer and the tokens that end an answer."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]


class LocalModel:
    """A small language model on this machine; implements `symbiotic_gym.protocols.LanguageModel`.

    Weights are loaded on the first `generate`. One object may be used from several threads; calls wait for each other.

    Args:
        path_or_name: a Hugging Face folder, or a hub id, `org/name`.
        adapter: a PEFT LoRA adapter's folder to begin with; `set_adapter` changes it.
        device: `auto` (a GPU if there is one), or a torch device, `cuda:1`.
        dtype: `auto` (bfloat16 where the device computes it natively), `bfloat16` or `float32`.
        max_batch: prompts that go through the model at once.

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
    ) -> None:
        require_train()
        self._path = check_model(path_or_name)
        self.name = Path(self._path).name
        self._device = device
        self._dtype = dtype
        self._max_batch = max_batch
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
        if not prompts:
            return []
        with self._lock:
            self._load()
            encoded = [encode_prompt(self._tokenizer, prompt) for prompt in prompts]
            self._check_length(max(map(len, encoded)) + sampling.max_tokens)
            seeds = range(len(prompts)) if seeds is None else seeds
            order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
            done: dict[int, Completion] = {}
            for start in range(0, len(order), self._max_batch):
                rows = order[start : start + self._max_batch]
                started = perf_counter()
                answers = self._complete([encoded[i] for i in rows], sampling, [seeds[i] for i in rows])
                share = (perf_counter() - started) / len(rows)
                for i, answer in zip(rows, answers, strict=True):
                    done[i] = self._completion(len(encoded[i]), answer, share)
        return [done[i] for i in range(len(prompts))]

    def open(self) -> "OpenWeights":
        """The weights themselves, with the adapter in force merged in, for what needs probabilities and not texts.

        They are read only: `set_adapter` changes them in place. Nothing else should run on this object meanwhile.
        """
        with self._lock:
            self._load()
            return OpenWeights(model=self._model, tokenizer=self._tokenizer, ends=tuple(self._ends))

    def _completion(self, prompt_tokens: int, answer: list[int], seconds: float) -> Completion:
        stopped = answer[-1] in self._ends
        text = self._tokenizer.decode(answer[:-1] if stopped else answer, skip_special_tokens=True)
        usage = Usage(requests=1, prompt_tokens=prompt_tokens, completion_tokens=len(answer), seconds=seconds)
        return Completion(text=text, usage=usage, finish="stop" if stopped else "length")

    def _complete(self, prompts: list[list[int]], sampling: Sampling, seeds: list[int]) -> list[list[int]]:
        """The answers' token ids, the end token included where one was drawn."""
        import torch

        device = self._model.device
        length = max(map(len, prompts))
        ids = torch.tensor([[self._ends[0]] * (length - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts], device=device)
        position = (mask.cumsum(-1) - 1).clamp(min=0)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        ends = torch.tensor(self._ends, device=device)
        finished = torch.zeros(len(prompts), dtype=torch.bool, device=device)
        drawn: list[torch.Tensor] = []
        cache = None
        with torch.inference_mode():
            while True:
                out = self._model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=position,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                token_B = draw(out.logits[:, -1], sampling, generators)
                drawn.append(token_B)
                finished |= torch.isin(token_B, ends)
                if len(drawn) >= sampling.max_tokens or bool(finished.all()):
                    break
                cache, ids, position = out.past_key_values, token_B[:, None], position[:, -1:] + 1
                mask = torch.cat((mask, mask.new_ones(len(prompts), 1)), dim=1)
        return [self._until_end(row) for row in torch.stack(drawn, dim=1).tolist()]

    def _until_end(self, row: list[int]) -> list[int]:
        first = next((i for i, token in enumerate(row) if token in self._ends), len(row))
        return row[: first + 1]

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
        device = pick_device(self._device)
        self._model = load_base(self._path, device=device, dtype=self._dtype).eval()
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


def draw(logits_BV: "torch.Tensor", sampling: Sampling, generators: Sequence["torch.Generator"]) -> "torch.Tensor":
    """One token per row.

    Args:
        logits_BV: scores, any float dtype.
        sampling: greedy at temperature 0, else nucleus sampling (Holtzman et al., arXiv 1904.09751).
        generators: one per row, on the CPU; each gives one number, whatever the other rows do.

    Returns:
        int64 of shape (B,).
    """
    import torch

    if sampling.temperature == 0:
        return logits_BV.argmax(-1)
    probs = (logits_BV.float() / sampling.temperature).softmax(-1)
    ids = None
    if sampling.top_p < 1:
        probs, ids = (
            probs.topk(min(_NUCLEUS, probs.shape[-1])) if _reaches(probs, sampling.top_p) else probs.sort(descending=True)
        )
        before = probs.cumsum(-1) - probs
        probs = probs.masked_fill(before >= sampling.top_p, 0.0)
    total = probs.cumsum(-1)
    number = torch.stack([torch.rand((), generator=generator) for generator in generators]).to(total.device)
    place = torch.searchsorted(total, (number * total[:, -1])[:, None], right=True).clamp(max=total.shape[-1] - 1)
    return (place if ids is None else ids.gather(-1, place))[:, 0]


def _reaches(probs: "torch.Tensor", top_p: float) -> bool:
    return bool((probs.topk(min(_NUCLEUS, probs.shape[-1])).values.sum(-1) >= top_p).all())
