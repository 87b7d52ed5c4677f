"""Winograd's convolutions are convolutions, forward and backward, on any number of threads; others are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neocog.engine import precision, winograd
from neocog.engine.convolution import FastConvolutions
from neocog.engine.precision import choose
from neocog.engine.winograd import parts

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


@pytest.mark.parametrize("padding", [0, 1, 2, "same", "valid"])
@pytest.mark.parametrize(
    "count, channels, size, outputs",
    [
        (9, 64, (16, 16), 64),
        (20, 70, (13, 30), 64),
        (1, 64, (62, 98), 64),
        (150, 64, (3, 9), 64),
        (1, 64, (50, 200), 65),
    ],
    ids=[
        "whole tiles",
        "cut tiles",
        "rows of one image, the last beyond it",
        "smaller than a tile",
        "rows of another number at the end",
    ],
)
def test_it_is_the_convolution_and_its_three_gradients(
    threads: int, count: int, channels: int, size: tuple[int, int], outputs: int, padding: int | str
) -> None:
    given = drawn(count, channels, size, outputs)
    with FastConvolutions():
        y = F.conv2d(*given, padding=padding)
    assert is_ours(y)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(y, given, slope)
    doubles = [tensor.detach().double().requires_grad_() for tensor in given]
    exact = F.conv2d(*doubles, padding=padding)
    assert difference(y.detach(), exact.detach()) < NEAR
    for ours, theirs in zip(found, torch.autograd.grad(exact, doubles, slope.double()), strict=True):
        assert difference(ours, theirs) < NEAR


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_order_in_memory_changes_nothing(order: torch.memory_format) -> None:
    x, weight, bias = drawn(8, 64, (16, 16), 64)
    with FastConvolutions():
        plain = F.conv2d(x, weight, bias, padding=1)
        other = F.conv2d(x.contiguous(memory_format=order), weight.contiguous(memory_format=order), bias, padding=1)
    assert torch.equal(plain, other)


def test_the_same_bits_every_time(threads: int) -> None:
    given = drawn(16, 64, (16, 16), 64)
    results = []
    for _ in range(3):
        with FastConvolutions():
            y = F.conv2d(*given, padding=1)
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), given)))
    for again in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], again, strict=True))


@pytest.mark.parametrize("side", [16, 14], ids=["whole tiles", "cut tiles"])
def test_what_comes_out_may_be_changed_in_place(side: int) -> None:
    given = drawn(8, 64, (side, side), 64)
    with FastConvolutions():
        y = F.relu_(F.conv2d(*given, padding=1))
    found = torch.autograd.grad(y.square().sum(), given)
    exact = torch.autograd.grad(F.relu(F.conv2d(*given, padding=1)).square().sum(), given)
    assert all(difference(ours, theirs.double()) < 10 * NEAR for ours, theirs in zip(found, exact, strict=True))


def test_inputs_and_weights_that_do_not_learn_get_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = drawn(8, 64, (16, 16), 64)
    with FastConvolutions():
        y = F.conv2d(x.detach(), weight, bias, padding=1)
        z = F.conv2d(x, weight.detach(), padding=1)
    with monkeypatch.context() as without:
        without.delattr(winograd, "convolved")
        assert torch.autograd.grad(y.sum(), weight)[0].shape == weight.shape
    monkeypatch.delattr(winograd, "weight_gradient")
    assert torch.autograd.grad(z.sum(), x)[0].shape == x.shape


@pytest.mark.parametrize(
    "channels, kernel, settings, dtype",
    [
        (32, 3, {}, torch.float32),
        (64, 5, {}, torch.float32),
        (64, 1, {}, torch.float32),
        (64, 3, {"stride": 2}, torch.float32),
        (64, 3, {"dilation": 2}, torch.float32),
        (128, 3, {"groups": 2}, torch.float32),
        (64, 3, {"padding": (1, 0)}, torch.float32),
        (64, 3, {}, torch.float64),
    ],
)
def test_other_convolutions_are_pytorchs(
    channels: int, kernel: int, settings: dict[str, object], dtype: torch.dtype
) -> None:
    groups = settings.get("groups", 1)
    assert isinstance(groups, int)
    x = torch.randn(8, channels, 20, 20, dtype=dtype)
    weight = torch.randn(channels, channels // groups, kernel, kernel, dtype=dtype)
    with FastConvolutions():
        found = F.conv2d(x, weight, **settings)  # type: ignore[arg-type]
    assert torch.equal(found, F.conv2d(x, weight, **settings))  # type: ignore[arg-type]


def test_so_few_tiles_that_the_weights_cost_more_are_pytorchs() -> None:
    x, weight = torch.randn(2, 64, 8, 8), torch.randn(64, 64, 3, 3)
    with FastConvolutions():
        assert torch.equal(F.conv2d(x, weight, padding=1), F.conv2d(x, weight, padding=1))


@pytest.mark.parametrize("count, down, across", [(1, 1, 1), (128, 4, 4), (2, 64, 64), (3, 7, 300), (50, 3, 1)])
def test_the_parts_are_all_tiles_once(threads: int, count: int, down: int, across: int) -> None:
    seen = [
        (image, row)
        for part in parts(count, down, across, 64)
        for image in range(part.first, part.first + part.images)
        for row in range(part.row, part.row + part.rows)
    ]
    assert sorted(seen) == [(image, row) for image in range(count) for row in range(down)]


def test_it_is_for_learning_on_processors_without_bf16_units(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = torch.nn.Conv2d(64, 64, 3), torch.randn(8, 64, 32, 32)

    def by_winograd(context: AbstractContextManager[object]) -> bool:
        with context:
            return isinstance(layer(x).grad_fn, winograd.Convolution._backward_cls)

    device = torch.device("cpu")
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx2"])
    assert by_winograd(choose("cpu").learning(device)) and "Winograd" in choose("cpu").why
    assert not by_winograd(choose("cpu").evaluating(device))
    assert not by_winograd(choose("cpu", "fp32").learning(device))
    monkeypatch.setattr(precision, "cpu_features", lambda: ["amx_bf16"])
    assert not by_winograd(choose("cpu").learning(device))
