"""Transposed convolutions to few maps are PyTorch's, forward and backward; all others are left alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from neocog.engine.convolution import FastConvolutions


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


@pytest.mark.parametrize(
    "settings", [{"groups": 2}, {"dilation": 2}, {"output_padding": 1, "stride": 2}, {"stride": (1, 2)}]
)
def test_other_transposed_convolutions_are_pytorchs(settings: dict[str, int]) -> None:
    given = drawn(16, 2, (3, 3), biased=False)
    with FastConvolutions():
        found = F.conv_transpose2d(*given, **settings)  # type: ignore[arg-type]
    assert torch.equal(found, F.conv_transpose2d(*given, **settings))  # type: ignore[arg-type]


def test_many_maps_and_other_numbers_are_pytorchs() -> None:
    x, weight = drawn(16, 5, (4, 4), biased=False)
    with FastConvolutions():
        assert torch.equal(F.conv_transpose2d(x, weight), F.conv_transpose2d(x, weight))
        few = x.double(), weight[:, :1].double()
        assert torch.equal(F.conv_transpose2d(*few), F.conv_transpose2d(*few))
