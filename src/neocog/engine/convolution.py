"""Convolutions 3 × 3 as training computes them where it counts in float32 on a processor: each in the way that is soonest done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from neocog.engine import narrow, winograd


class FastConvolutions(TorchFunctionMode):
    """Inside, every float32 convolution of the processor's that gains by it is computed in another way than PyTorch's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.conv2d:
            found = convolution(*args, **(kwargs or {}))
            if found is not None:
                return found
        return func(*args, **(kwargs or {}))


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
    if any(tensor.device.type != "cpu" or tensor.dtype != torch.float32 for tensor in (input, weight)):
        return None
    if winograd.gains(input, weight, around):
        return winograd.Convolution.apply(input, weight, bias, around)  # type: ignore[no-any-return]
    if weight.requires_grad and around == 1 and narrow.gains(input, weight):
        return narrow.Convolution.apply(input, weight, bias)  # type: ignore[no-any-return]
    return None


def alike(pair: int | Sequence[int]) -> int | None:
    """The number that both axes share."""
    if isinstance(pair, int):
        return pair
    return pair[0] if len(set(pair)) == 1 else None
