"""Convolutions as training computes them where it counts in float32 on a processor: each in the way that is soonest done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from neocog.engine import winograd

FEW = 4  # maps of a transposed convolution, at most, for which oneDNN's kernels have too little to do


class FastConvolutions(TorchFunctionMode):
    """Inside, every float32 convolution of the processor's that gains by it is computed in another way than PyTorch's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        ours = WAYS.get(func)
        found = ours(*args, **(kwargs or {})) if ours else None
        return func(*args, **(kwargs or {})) if found is None else found


def convolution(
    input: Tensor,  # the names of F.conv2d
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor | None:
    """``F.conv2d``, or None where it is better left to PyTorch."""
    around = {"same": 1, "valid": 0}.get(padding) if isinstance(padding, str) else alike(padding)
    plain = weight.shape[2:] == (3, 3) and alike(stride) == 1 and alike(dilation) == 1 and groups == 1
    if not plain or around not in (0, 1, 2) or input.ndim != 4:
        return None
    if not (counts(input) and counts(weight)):
        return None
    if winograd.gains(input, weight, around):
        return winograd.Convolution.apply(input, weight, bias, around)  # type: ignore[no-any-return]
    return None


def transposed(
    input: Tensor,  # the names of F.conv_transpose2d
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor | None:
    """``F.conv_transpose2d``, or None where it is better left to PyTorch.

    To few maps, as a decoder ends: what every position adds to its surroundings is one matrix product, and ``F.fold`` sums it up.
    """
    step, around = alike(stride), alike(padding)
    if weight.shape[1] > FEW or groups != 1 or alike(dilation) != 1 or alike(output_padding) != 0 or input.ndim != 4:
        return None
    if step is None or around is None or not (counts(input) and counts(weight)):
        return None
    said = input.permute(0, 2, 3, 1).flatten(1, 2) @ weight.flatten(1)  # (N, H · W, O · kernel)
    kernel = weight.shape[2:]
    size = tuple((side - 1) * step - 2 * around + taps for side, taps in zip(input.shape[2:], kernel, strict=True))
    found = F.fold(said.transpose(1, 2), size, kernel, padding=around, stride=step)
    return found if bias is None else found + bias.view(-1, 1, 1)


WAYS: dict[Callable[..., Any], Callable[..., Tensor | None]] = {F.conv2d: convolution, F.conv_transpose2d: transposed}


def counts(tensor: Tensor) -> bool:
    """Whether it is one that is computed here: float32 on a processor."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32


def alike(pair: int | Sequence[int]) -> int | None:
    """The number that both axes share."""
    if isinstance(pair, int):
        return pair
    return pair[0] if len(set(pair)) == 1 else None
