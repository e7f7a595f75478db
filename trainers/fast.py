"""The same mathematics in fewer passes over memory, for training on a CPU.

On a CPU with bfloat16 matrix units the products are cheap and everything between them is dear: PEFT's separate casts, scalings
and additions, and RMSNorm in its elementary steps. Each function here replaces one of them and computes the same values and
gradients up to rounding; the tests hold them against the originals. (Attention has a file of its own, `attention.py`.)
Shapes: N columns of all rows, R LoRA rank.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["speed_up"]

_RMS_NORMS = frozenset({"LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm"})
"""Classes that compute `weight * x / rms(x)`; Gemma's, for one, does not."""


def speed_up(model: torch.nn.Module) -> None:
    """Replace, in place, what this file knows in a PEFT model; what it does not know stays as it is.

    Args:
        model: a `peft.PeftModel` around a causal language model on the CPU.
    """
    from peft.tuners.lora import Linear

    for module in model.modules():
        if type(module) is Linear and _is_plain(module):
            vars(module)["forward"] = _Patch(_lora_forward, module)
        elif type(module).__name__ in _RMS_NORMS:
            vars(module)["forward"] = _Patch(_rms_forward, module)
    head = model.get_output_embeddings()  # type: ignore[operator]
    # A slice of columns is not contiguous, and F.linear copies the whole vocabulary matrix once per row for such an input.
    head.register_forward_pre_hook(_contiguous)


class _Patch:
    """A module's new forward; an object, so that the module can still be pickled and copied."""

    def __init__(self, function: Any, module: torch.nn.Module) -> None:
        self._function, self._module = function, module

    def __call__(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._module, x)


def _contiguous(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(arg.contiguous() for arg in args)


def _is_plain(module: Any) -> bool:
    """Whether a PEFT layer is nothing but `x W + s (x A) B`."""
    [name] = module.lora_A
    return (
        isinstance(module.lora_dropout[name], torch.nn.Identity)
        and module.lora_A[name].bias is None
        and module.lora_B[name].bias is None
        and module.get_base_layer().bias is None
        and not module.lora_variant
    )


def _lora_forward(module: Any, x: torch.Tensor) -> Any:
    [name] = module.lora_A
    weight = module.get_base_layer().weight
    return _Lora.apply(  # type: ignore[no-untyped-call]
        x, weight, module.lora_A[name].weight, module.lora_B[name].weight, module.scaling[name]
    )


def _rms_forward(module: Any, x: torch.Tensor) -> Any:
    return _RmsNorm.apply(x, module.weight, module.variance_epsilon)  # type: ignore[no-untyped-call]


class _Lora(torch.autograd.Function):
    """`y = x W^T + s (x A^T) B^T` with a frozen W; products in W's dtype, gradients of A and B in their own."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, lora_a: torch.Tensor, lora_b: torch.Tensor, scale: float
    ) -> torch.Tensor:
        flat, a, b = x.reshape(-1, x.shape[-1]), lora_a.to(x.dtype), lora_b.to(x.dtype)
        inner_NR = flat @ a.t()
        out = flat @ weight.t()
        out.addmm_(inner_NR, b.t(), alpha=scale)
        ctx.save_for_backward(flat, weight, a, b, inner_NR)
        ctx.scale, ctx.dtype = scale, lora_a.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, weight, a, b, inner_NR = ctx.saved_tensors
        out = grad.reshape(-1, grad.shape[-1])
        inner_grad_NR = out @ b
        grad_a = (inner_grad_NR.t() @ flat).to(ctx.dtype).mul_(ctx.scale)
        grad_b = (out.t() @ inner_NR).to(ctx.dtype).mul_(ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (out @ weight).addmm_(inner_grad_NR, a, alpha=ctx.scale).view(*grad.shape[:-1], -1)
        return grad_x, None, grad_a, grad_b, None


class _RmsNorm(torch.autograd.Function):
    """`weight * x / sqrt(mean(x^2) + eps)` with a frozen weight; the mean and the quotient in float32."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).square_()
        inverse = square.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        out: torch.Tensor = (x * inverse).to(x.dtype).mul_(weight)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, inverse = ctx.saved_tensors
        weighted = (grad * weight).float()
        along = (weighted * x).sum(-1, keepdim=True).mul_(inverse.pow(3)).div_(-x.shape[-1])
        return weighted.mul_(inverse).addcmul_(x.float(), along).to(x.dtype), None, None
