"""Convolutions as training computes them on a processor: each in the way that is fastest.

In float32 wide ones by Winograd's algorithm and transposed ones to few maps as products; whatever they are counted in, the
gradients of the biases of transposed ones as a sum. Of flattened maps, with which they end, the gradients keep the maps' order.
And one that oneDNN gets wrong in bf16, in float32: where the kernel is larger than the maps, its gradients of the weights read
memory that no one has written (oneDNN in torch 2.14 and 2.15 on AVX512-BF16; 3 × 3 × 3 over 2 × 2 × 2 voxels, say).
Only learning takes these ways (``Precision.learning``): what is evaluated is computed directly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from neocog.engine import winograd

FEW = 4  # maps of a transposed convolution, at most, for which oneDNN's kernels have too little to do


class FastConvolutions(TorchFunctionMode):
    """Inside, every convolution of the processor's that gains by it is computed in another way than PyTorch's."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        ours = WAYS.get(func)
        found = ours(*args, **(kwargs or {})) if ours else None
        return func(*args, **(kwargs or {})) if found is None else found


def convolution(
    func: Callable[..., Tensor],  # torch's, of two or three sides
    input: Tensor,  # the names of F.conv2d and F.conv3d
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor | None:
    """``F.conv2d`` or ``F.conv3d``, or None where it is better left to PyTorch."""
    if overhangs(input, weight, dilation):
        return exact(func, input, weight, bias, stride, padding, dilation, groups)
    around = {"same": 1, "valid": 0}.get(padding) if isinstance(padding, str) else of_both_axes(padding)
    plain = weight.shape[2:] == (3, 3) and of_both_axes(stride) == 1 and of_both_axes(dilation) == 1 and groups == 1
    if not plain or around not in (0, 1, 2) or input.ndim != 4:
        return None
    if not (in_float32(input) and in_float32(weight)):
        return None
    if winograd.gains(input, weight, around):
        return winograd.Convolution.apply(input, weight, bias, around)  # type: ignore[no-any-return]
    return None


def overhangs(input: Tensor, weight: Tensor, dilation: int | Sequence[int]) -> bool:
    """Whether a kernel is larger than the maps that it goes over, and would be counted in bf16 on a processor."""
    if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return False
    taps = weight.shape[2:]
    steps = [dilation] * len(taps) if isinstance(dilation, int) else dilation
    sides = input.shape[-len(taps) :]
    return any((tap - 1) * step + 1 > side for tap, step, side in zip(taps, steps, sides, strict=True))


def exact(func: Callable[..., Tensor], input: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
    """The same in float32."""
    with torch.autocast("cpu", enabled=False):
        return func(input.float(), weight.float(), None if bias is None else bias.float(), *settings)


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
    """``F.conv_transpose2d``, or None where it is better left to PyTorch."""
    if input.ndim != 4:  # one image without a batch
        return None
    exact = in_float32(input) and in_float32(weight)
    plain = groups == of_both_axes(dilation) == 1 and of_both_axes(output_padding) == 0
    step, around = of_both_axes(stride), of_both_axes(padding)
    if exact and plain and weight.shape[1] <= FEW and step is not None and around is not None:
        return to_few(input, weight, bias, step, around)
    mixed = input.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    if bias is None or not (exact or mixed):
        return None
    dtype = torch.get_autocast_dtype("cpu") if mixed else torch.float32
    given = (tensor.to(dtype) for tensor in (input, weight, bias))
    return Transposed.apply(*given, stride, padding, output_padding, groups, dilation)  # type: ignore[no-any-return]


class Transposed(torch.autograd.Function):
    """``F.conv_transpose2d`` with the gradients of its bias as a sum.

    oneDNN's kernel would find them beside those of the weights, and takes up to four times as long for both.
    """

    @staticmethod
    def forward(context: Any, input: Tensor, weight: Tensor, bias: Tensor, *settings: Any) -> Tensor:
        context.save_for_backward(input, weight)
        context.settings = settings
        return torch.conv_transpose2d(input, weight, bias, *settings)

    @staticmethod
    def backward(context: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = context.saved_tensors
        stride, padding, extra, groups, dilation = context.settings
        pairs = [[value, value] if isinstance(value, int) else value for value in (stride, padding, dilation, extra)]
        words = (None, *pairs[:3], True, pairs[3], groups, [*context.needs_input_grad[:2], False])
        dx, dw, _ = torch.ops.aten.convolution_backward(dy, input, weight, *words)
        return dx, dw, dy.sum((0, 2, 3)), None, None, None, None, None


def to_few(input: Tensor, weight: Tensor, bias: Tensor | None, step: int, around: int) -> Tensor:
    """To few maps, as a decoder ends: what each position adds to its surroundings is one product; ``F.fold`` sums it up."""
    products = input.permute(0, 2, 3, 1).flatten(1, 2) @ weight.flatten(1)  # (N, H · W, O · kernel)
    kernel = weight.shape[2:]
    size = tuple((side - 1) * step - 2 * around + taps for side, taps in zip(input.shape[2:], kernel, strict=True))
    found = F.fold(products.transpose(1, 2), size, kernel, padding=around, stride=step)
    return found if bias is None else found + bias.view(-1, 1, 1)


def flatten(input: Tensor, *axes: int, **named: int) -> None:
    """PyTorch flattens, but the gradients of maps with their channels last are laid as the maps are.

    They would come with their channels first, and the kernels behind walk several times as slowly through two orders at once.
    """
    maps = input.device.type == "cpu" and input.ndim == 4 and input.requires_grad
    if maps and not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last):
        input.register_hook(channels_last)  # type: ignore[no-untyped-call]


def channels_last(dys: Tensor) -> Tensor:
    """The gradients of maps (N, C, H, W), all channels of a pixel together."""
    return dys.contiguous(memory_format=torch.channels_last)


WAYS: dict[Callable[..., Any], Callable[..., Tensor | None]] = {
    F.conv2d: partial(convolution, torch.conv2d),
    F.conv3d: partial(convolution, torch.conv3d),
    F.conv_transpose2d: transposed,
    Tensor.flatten: flatten,
    torch.flatten: flatten,
}


def in_float32(tensor: Tensor) -> bool:
    """Whether a tensor is computed with in float32, on a processor."""
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def of_both_axes(pair: int | Sequence[int]) -> int | None:
    """The number of both axes; None where they differ."""
    if isinstance(pair, int):
        return pair
    return pair[0] if len(set(pair)) == 1 else None
