"""Batch norm over the batch of all ranks, so that several processes compute what one would (Ioffe and Szegedy 2015).

Letters: R ranks; C channels; M values a channel, over the samples and pixels of all ranks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from neocog.engine.ranks import Ranks


def synchronise_batchnorm(net: Module, ranks: Ranks) -> None:
    """Make every batch norm in ``net`` take its mean and variance over all ``ranks`` while it trains.

    In place: each layer keeps its name, state dict and class (as a subclass), so layers that extend torch's, such as
    timm's with a built-in activation, keep their own forward as well. Evaluation is unchanged. With one process nothing is.
    """
    if ranks.world == 1:
        return
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            kind = type(module)
            module.__class__ = type(
                kind.__name__, (kind,), {"forward": _synchronised(kind, ranks), "__module__": __name__}
            )


def _synchronised(kind: type[_BatchNorm], ranks: Ranks) -> Any:
    def forward(self: _BatchNorm, inputs: Tensor) -> Tensor:
        if not self.training:
            return kind.forward(self, inputs)
        with _OverAllRanks(ranks):
            return kind.forward(self, inputs)

    return forward


class _OverAllRanks(TorchFunctionMode):
    """Within this block ``F.batch_norm`` means the one below; everything else means what it always does."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self.ranks = ranks

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.batch_norm:
            return _batch_norm(self.ranks, *args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _batch_norm(
    ranks: Ranks,
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``F.batch_norm`` while training, with sums over all ``ranks``. ``inputs`` (B, C, …)."""
    outputs, mean, variance, count = _Normalise.apply(inputs, weight, bias, eps, ranks)
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        if running_var is not None:
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), momentum)
    return outputs  # type: ignore[no-any-return]


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + eps) · weight + bias, with its gradient written out.

    What one process does with its own values is left to the kernels of batch norm, which read them once; between the ranks
    go a few numbers a channel.
    """

    @staticmethod
    def forward(
        context: Any, inputs: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, ranks: Ranks
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = inputs.to(torch.promote_types(inputs.dtype, torch.float32))  # bf16 sums would lose the small values
        own = x.numel() // x.shape[1]
        message = x.new_zeros(3, x.shape[1])  # what a rank says that got no samples, which the kernels do not take
        if own:
            message[0] = own
            message[1:] = torch.stack(torch.batch_norm_update_stats(x, None, None, 0.0))
        counts, means, variances = ranks.gather(message).unbind(1)  # (R, C)
        count = counts.sum(0)
        if own <= 1 and count[0] <= 1:  # a GPU is not waited for in the usual case
            raise ValueError(f"batch norm needs more than 1 value a channel over all ranks, and has {int(count[0])}")
        # Chan, Golub & LeVeque 1979: Σx² − M·mean² would cancel where the mean is large
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean).square())).sum(0) / count
        context.save_for_backward(inputs, weight, mean, variance, count)
        context.eps, context.has_bias, context.ranks = eps, bias is not None, ranks
        context.mark_non_differentiable(mean, variance, count)
        outputs = F.batch_norm(x, mean, variance, weight, bias, eps=eps) if own else x.clone()
        return outputs.to(inputs.dtype), mean, variance, count

    @staticmethod
    def backward(context: Any, dy: Tensor, *unused: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        inputs, weight, mean, variance, count = context.saved_tensors
        x, dy = inputs.to(mean.dtype), dy.to(mean.dtype)
        dx, own = dy, dy.new_zeros(2, dy.shape[1])
        if len(
            x
        ):  # as if mean and variance were constants: the gradients of inputs, weight (Σ dy · normal) and bias (Σ dy)
            given = (dy, x, weight, mean, variance, None, None, False, context.eps, [True, True, True])
            dx, *both = torch.ops.aten.native_batch_norm_backward(*given)
            own = torch.stack(both)
        total = context.ranks.sum_tensor(own)
        if len(x):  # what inputs did through mean and variance: − factor · (push + normal · tilt)
            tilt, push = total / count
            factor = torch.rsqrt(variance + context.eps) * (1 if weight is None else weight)
            dx += F.batch_norm(x, mean, variance, -factor * tilt, -factor * push, eps=context.eps)
        return (
            dx.to(inputs.dtype),
            None if weight is None else own[0].to(weight.dtype),
            own[1].to(mean.dtype) if context.has_bias else None,
            None,
            None,
        )
