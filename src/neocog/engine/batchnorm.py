"""Batch norm over the batch of all ranks, so that several processes compute what one would (Ioffe and Szegedy 2015).

Letters: C channels; M values a channel, over the samples and pixels of all ranks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode


def synchronise_batchnorm(net: Module) -> None:
    """Make every batch norm in ``net`` take its mean and variance over all ranks while it trains.

    In place: each layer keeps its name, state dict and class (as a subclass), so layers that extend torch's, such as
    timm's with a built-in activation, keep their own forward as well. Evaluation is unchanged.
    """
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            kind = type(module)
            module.__class__ = type(kind.__name__, (kind,), {"forward": _synchronised(kind), "__module__": __name__})


def _synchronised(kind: type[_BatchNorm]) -> Any:
    def forward(self: _BatchNorm, inputs: Tensor) -> Tensor:
        if not (self.training and dist.is_initialized()):
            return kind.forward(self, inputs)
        with _OverAllRanks():
            return kind.forward(self, inputs)

    return forward


class _OverAllRanks(TorchFunctionMode):
    """Within this block ``F.batch_norm`` means the one below; everything else means what it always does."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _batch_norm(
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``F.batch_norm`` while training, with sums over all ranks. ``inputs`` (B, C, …)."""
    outputs, mean, variance, count = _Normalise.apply(inputs, weight, bias, eps)
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        if running_var is not None:
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), momentum)
    return outputs  # type: ignore[no-any-return]


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + eps) · weight + bias, with its gradient written out."""

    @staticmethod
    def forward(
        context: Any, inputs: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = inputs.to(torch.promote_types(inputs.dtype, torch.float32))  # bf16 sums would lose the small values
        axes = [axis for axis in range(x.ndim) if axis != 1]
        channel = [1, -1] + [1] * (x.ndim - 2)  # (1, C, 1, 1) for images
        own = x.numel() // x.shape[1]
        message = torch.cat([x.sum(axes), x.new_tensor([own])])
        dist.all_reduce(message)
        mean, count = message[:-1] / message[-1], message[-1]
        if own <= 1 and count <= 1:  # a GPU is not waited for in the usual case
            raise ValueError(f"batch norm needs more than 1 value a channel over all ranks, and has {int(count)}")
        # A second round for the squares: Σx² − M·mean² would cancel where the mean is large
        variance = (x - mean.view(channel)).square().sum(axes)
        dist.all_reduce(variance)
        variance = variance / count
        scale = torch.rsqrt(variance + eps)
        normal = (x - mean.view(channel)) * scale.view(channel)
        context.save_for_backward(inputs, weight, mean, scale, count)
        context.axes, context.channel, context.has_bias = axes, channel, bias is not None
        context.mark_non_differentiable(mean, variance, count)
        outputs = normal if weight is None else normal * weight.view(channel)
        outputs = outputs if bias is None else outputs + bias.view(channel)
        return outputs.to(inputs.dtype), mean, variance, count

    @staticmethod
    def backward(context: Any, slope: Tensor, *unused: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        inputs, weight, mean, scale, count = context.saved_tensors
        axes, channel = context.axes, context.channel
        dy = slope.to(mean.dtype)
        normal = (inputs.to(mean.dtype) - mean.view(channel)) * scale.view(channel)
        own = torch.stack([dy.sum(axes), (dy * normal).sum(axes)])  # (2, C): also the slopes of bias and weight
        total = own.clone()
        dist.all_reduce(total)
        push, tilt = (total / count).unbind()
        factor = scale if weight is None else scale * weight
        dx = (dy - push.view(channel) - normal * tilt.view(channel)) * factor.view(channel)
        return (
            dx.to(inputs.dtype),
            None if weight is None else own[1].to(weight.dtype),
            own[0].to(mean.dtype) if context.has_bias else None,
            None,
        )
