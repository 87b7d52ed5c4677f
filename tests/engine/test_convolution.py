"""Transposed convolutions are PyTorch's, forward and backward, in whichever way they are computed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from neocog.engine.convolution import FastConvolutions, Transposed


def drawn(channels: int, outputs: int, kernel: tuple[int, int], biased: bool = True) -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    shapes: list[tuple[int, ...]] = [(3, channels, 5, 7), (channels, outputs, *kernel), (outputs,)]
    return [torch.randn(shape, generator=source).requires_grad_() for shape in shapes[: 2 + biased]]


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "kernel, stride, padding", [((4, 4), 2, 1), ((3, 5), 1, 0), ((2, 2), 2, 0), ((3, 3), 3, (1, 1))]
)
@pytest.mark.parametrize("outputs, biased", [(1, True), (3, False)])
def test_it_is_the_transposed_convolution_and_its_gradients(
    outputs: int,
    biased: bool,
    kernel: tuple[int, int],
    stride: int,
    padding: int | tuple[int, int],
    order: torch.memory_format,
) -> None:
    given = drawn(16, outputs, kernel, biased)
    x, *others = given
    with FastConvolutions():
        y = F.conv_transpose2d(x.contiguous(memory_format=order), *others, stride=stride, padding=padding)
    theirs = F.conv_transpose2d(*given, stride=stride, padding=padding)
    assert type(y.grad_fn) is not type(theirs.grad_fn), "PyTorch's own kernel did it"
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    pairs = zip(torch.autograd.grad(y, given, slope), torch.autograd.grad(theirs, given, slope), strict=True)
    for found, expected in ((y, theirs), *pairs):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


OTHERS = [{"groups": 2}, {"dilation": 2}, {"output_padding": 1, "stride": 2}, {"stride": (1, 2)}, {"padding": 1}]


@pytest.mark.parametrize("settings", OTHERS)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_slopes_of_a_bias_are_summed_apart(
    dtype: torch.dtype, order: torch.memory_format, settings: dict[str, Any]
) -> None:
    source = torch.Generator().manual_seed(0)
    shapes: list[tuple[int, ...]] = [(3, 16, 5, 7), (16, 6, 3, 3), (6 * settings.get("groups", 1),)]
    given = [torch.randn(shape, generator=source).requires_grad_() for shape in shapes]
    x, *others = given
    x = x.contiguous(memory_format=order)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16)
    with mixed, FastConvolutions():
        y = F.conv_transpose2d(x, *others, **settings)
    with mixed:
        theirs = F.conv_transpose2d(x, *others, **settings)
    assert isinstance(y.grad_fn, Transposed._backward_cls) and y.dtype == dtype
    assert torch.equal(y, theirs)
    slope = torch.randn(y.shape, generator=source).to(dtype)
    found, expected = (torch.autograd.grad(maps, given, slope) for maps in (y, theirs))
    near = {"rtol": 1e-5, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 1e-2, "atol": 0.1}
    for ours, other in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, other, **near)


def test_one_image_without_a_batch_is_pytorchs() -> None:
    x, weight, bias = drawn(16, 6, (3, 3))
    with FastConvolutions():
        found = F.conv_transpose2d(x[0], weight, bias)
    assert torch.equal(found, F.conv_transpose2d(x[0], weight, bias))


@pytest.mark.parametrize("settings", OTHERS[:4])
def test_to_few_maps_only_plain_ones_are_products(settings: dict[str, Any]) -> None:
    given = drawn(16, 2, (3, 3), biased=False)
    with FastConvolutions():
        found = F.conv_transpose2d(*given, **settings)
    assert torch.equal(found, F.conv_transpose2d(*given, **settings))


def test_without_a_bias_and_in_other_numbers_they_are_pytorchs() -> None:
    x, weight = drawn(16, 5, (4, 4), biased=False)
    with FastConvolutions():
        assert torch.equal(F.conv_transpose2d(x, weight), F.conv_transpose2d(x, weight))
        few = x.double(), weight[:, :1].double()
        assert torch.equal(F.conv_transpose2d(*few), F.conv_transpose2d(*few))


def test_what_is_counted_in_bf16_is_never_computed_as_float32_is() -> None:
    x, layer = torch.randn(8, 64, 32, 32), torch.nn.Conv2d(64, 64, 3)
    few = torch.nn.ConvTranspose2d(64, 1, 4, 2, 1)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        with FastConvolutions():
            found = layer(x), few(x)
        assert torch.equal(found[0], layer(x)) and torch.equal(found[1], few(x))


@pytest.mark.parametrize("way", [torch.flatten, torch.Tensor.flatten], ids=["function", "method"])
def test_slopes_of_flattened_maps_lie_as_the_maps_do(way: Any) -> None:
    source = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 4, 5, 6, generator=source).contiguous(memory_format=torch.channels_last).requires_grad_()
    slope = torch.randn(3, 120, generator=source)
    found: list[torch.Tensor] = []
    seen = maps * 1
    with FastConvolutions():
        flat = way(seen, 1)
    seen.register_hook(found.append)
    flat.backward(slope)
    assert torch.equal(flat, maps.flatten(1)) and torch.equal(found[0], slope.view(3, 4, 5, 6))
    assert found[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "sides, kernel, stride",
    [((2, 2, 2), 3, 1), ((1, 1, 1), 3, 2), ((4, 4, 4), 5, 1), ((1, 1), 3, 2), ((6, 3, 6), 5, 1)],
)
def test_kernels_larger_than_their_maps_learn_the_same_in_bf16(
    sides: tuple[int, ...], kernel: int, stride: int
) -> None:
    """oneDNN's gradients of such weights in bf16 read what others have left in memory: NaN at random, or worse, numbers."""
    dimensions = len(sides)
    convolve, order = {
        2: (F.conv2d, torch.channels_last),
        3: (F.conv3d, torch.channels_last_3d),
    }[dimensions]
    source = torch.Generator().manual_seed(0)
    x = torch.randn(4, 64, *sides, generator=source)
    weight = torch.randn(64, 64, *[kernel] * dimensions, generator=source).bfloat16().float().requires_grad_()
    settings = {"stride": stride, "padding": kernel // 2}
    expected = convolve(x.bfloat16().float(), weight, **settings)
    slope = torch.randn(expected.shape, generator=source)
    (theirs,) = torch.autograd.grad(expected, weight, slope)
    for _ in range(5):
        for size in (1 << power for power in range(8, 20, 2)):
            torch.full((size,), 1000.0, dtype=torch.bfloat16)  # left in memory
        with torch.autocast("cpu", torch.bfloat16), FastConvolutions():
            found = convolve(x.contiguous(memory_format=order), weight, **settings)
        (ours,) = torch.autograd.grad(found, weight, slope.to(found.dtype))
        assert torch.isfinite(ours).all()
        assert (ours - theirs).abs().max() < 0.03 * theirs.abs().max()
