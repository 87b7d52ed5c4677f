"""Narrow convolutions are PyTorch's, and their weights' gradient is the same sum in another order, on any number of threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neocog.engine.convolution import FastConvolutions

NEAR = 2e-5  # of the largest value


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def drawn(count: int, channels: int, size: tuple[int, int], outputs: int) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    shapes = (count, channels, *size), (outputs, channels, 3, 3), (outputs,)
    x, weight, bias = (torch.randn(shape, generator=source).requires_grad_() for shape in shapes)
    return x, weight, bias


def is_ours(y: Tensor) -> bool:
    return type(y.grad_fn).__name__ == "ConvolutionBackward"  # PyTorch's own is ConvolutionBackward0


def difference(ours: Tensor, exact: Tensor) -> float:
    assert ours.shape == exact.shape
    return float((ours.double() - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "count, channels, size, outputs",
    [(5, 32, (60, 70), 16), (1, 40, (130, 131), 20), (20, 32, (5, 200), 32), (2, 32, (9000, 1), 16), (2, 32, (1, 9000), 16)],
    ids=["strips", "one image", "less than a strip", "one column", "one row"],
)  # fmt: skip
def test_it_is_the_convolution_and_its_three_gradients(
    threads: int, count: int, channels: int, size: tuple[int, int], outputs: int, order: torch.memory_format
) -> None:
    x, weight, bias = given = drawn(count, channels, size, outputs)
    with FastConvolutions():
        y = F.conv2d(x.contiguous(memory_format=order), weight.contiguous(memory_format=order), bias, padding=1)
    assert is_ours(y)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(y, given, slope)
    doubles = [tensor.detach().double().requires_grad_() for tensor in given]
    exact = F.conv2d(*doubles, padding=1)
    assert difference(y.detach(), exact.detach()) < NEAR
    for ours, theirs in zip(found, torch.autograd.grad(exact, doubles, slope.double()), strict=True):
        assert difference(ours, theirs) < NEAR


def test_the_same_bits_every_time(threads: int) -> None:
    given = drawn(4, 32, (64, 66), 32)
    results = []
    for _ in range(3):
        with FastConvolutions():
            y = F.relu_(F.conv2d(*given, padding=1))
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), given)))
    for again in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], again, strict=True))


def test_inputs_and_weights_that_do_not_learn_get_no_gradient() -> None:
    x, weight, bias = drawn(4, 32, (64, 66), 32)
    with FastConvolutions():
        of_data = F.conv2d(x.detach(), weight, bias, padding=1)
        frozen = F.conv2d(x, weight.detach(), padding=1)
    assert is_ours(of_data) and not is_ours(frozen)
    assert torch.autograd.grad(of_data.sum(), (x, weight), allow_unused=True)[0] is None


@pytest.mark.parametrize(
    "shape, outputs, padding",
    [((4, 16, 64, 64), 32, 1), ((4, 64, 64, 64), 8, 1), ((1, 32, 64, 64), 32, 1), ((4, 32, 64, 66), 32, 0)],
    ids=["few come in", "few go out", "small planes", "unpadded"],
)
def test_where_it_would_gain_nothing_it_is_pytorchs(shape: tuple[int, ...], outputs: int, padding: int) -> None:
    x, weight = torch.randn(shape), torch.randn(outputs, shape[1], 3, 3, requires_grad=True)
    with FastConvolutions():
        assert not is_ours(F.conv2d(x, weight, padding=padding))
