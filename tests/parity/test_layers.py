"""Every layer of the NumPy engine is PyTorch's layer, and its gradients are the derivatives of its output.

One harness, any shape that hypothesis thinks of, float64. Each entry of LAYERS draws a pair of layers, ours and PyTorch's, and
an input shape; the tests below do the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

from neocog import scratch

EXACT = {"rtol": 1e-10, "atol": 1e-10}
THOROUGH = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@dataclass
class Pair:
    """The same layer twice. ``positive``: the formula is only smooth for inputs above 0."""

    ours: scratch.Module
    theirs: nn.Module
    shape: tuple[int, ...]
    positive: bool = False


class MinPool(nn.MaxPool2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -super().forward(-x)


class Maxout(nn.Module):
    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)


class TableConv(nn.Conv2d):
    """PyTorch's convolution whose weights count only where the table says so."""

    table: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.weight * self.table[:, :, None, None], self.bias)


small = st.integers(1, 3)


def two(most: int, least: int = 1) -> st.SearchStrategy[Any]:
    """A number, or one for each direction."""
    side = st.integers(least, most)
    return side | st.tuples(side, side)


def both(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


@st.composite
def image(draw: st.DrawFn, channels: int | None = None) -> tuple[int, int, int, int]:
    return draw(small), channels or draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 9))


def fits(shape: tuple[int, ...], kernel: Any, padding: Any, dilation: Any = 1) -> bool:
    sides = zip(shape[2:], both(kernel), both(padding), both(dilation), strict=True)
    return all(n + 2 * p >= d * (k - 1) + 1 for n, k, p, d in sides)


@st.composite
def convolution(draw: st.DrawFn) -> Pair:
    groups = draw(small)
    c, o = groups * draw(small), groups * draw(small)
    shape, kernel = draw(image(c)), draw(two(4))
    how = {
        "stride": draw(two(3)),
        "padding": draw(two(3, 0)),
        "dilation": draw(two(3)),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    assume(fits(shape, kernel, how["padding"], how["dilation"]))
    return Pair(scratch.Conv2d(c, o, kernel, **how), nn.Conv2d(c, o, kernel, **how), shape)


@st.composite
def table_convolution(draw: st.DrawFn) -> Pair:
    c, o = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shape, kernel = draw(image(c)), draw(two(3))
    assume(fits(shape, kernel, 1))
    table = np.array(draw(st.lists(st.lists(st.booleans(), min_size=c, max_size=c), min_size=o, max_size=o)))
    theirs = TableConv(c, o, kernel, padding=1)
    theirs.table = torch.tensor(table, dtype=torch.float64)
    return Pair(scratch.Conv2d(c, o, kernel, padding=1, table=table), theirs, shape)


@st.composite
def transposed_convolution(draw: st.DrawFn) -> Pair:
    groups = draw(small)
    c, o = groups * draw(small), groups * draw(small)
    shape, kernel, stride = draw(image(c)), draw(two(4)), draw(small)
    how = {
        "stride": stride,
        "padding": draw(two(2, 0)),
        "output_padding": draw(st.integers(0, stride - 1)),
        "groups": groups,
    }
    how |= {"dilation": draw(two(3)), "bias": draw(st.booleans())}
    ours = scratch.ConvTranspose2d(c, o, kernel, **how)
    grown = zip(shape[2:], both(kernel), both(how["padding"]), both(how["dilation"]), strict=True)
    assume(all((n - 1) * stride - 2 * p + d * (k - 1) + how["output_padding"] + 1 > 0 for n, k, p, d in grown))
    return Pair(ours, nn.ConvTranspose2d(c, o, kernel, **how), shape)


def pool(ours: Callable[..., scratch.Module], theirs: Callable[..., nn.Module], *extra: str) -> st.SearchStrategy[Pair]:
    @st.composite
    def make(draw: st.DrawFn) -> Pair:
        shape, kernel = draw(image()), draw(two(4))
        how: dict[str, Any] = {"stride": draw(st.none() | two(3)), "ceil_mode": draw(st.booleans())}
        if "padding" in extra:
            how["padding"] = draw(st.integers(0, min(both(kernel)) // 2))
        if "dilation" in extra:
            how["dilation"] = draw(two(2))
        if "count_include_pad" in extra:
            how["count_include_pad"] = draw(st.booleans())
        powers = [draw(st.sampled_from([1.0, 2.0, 3.0, 2.5]))] if "norm_type" in extra else []
        assume(fits(shape, kernel, how.get("padding", 0), how.get("dilation", 1)))
        return Pair(ours(*powers, kernel, **how), theirs(*powers, kernel, **how), shape, positive="norm_type" in extra)

    return make()


@st.composite
def linear(draw: st.DrawFn) -> Pair:
    n, i, o, bias = draw(small), draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.booleans())
    return Pair(scratch.Linear(i, o, bias), nn.Linear(i, o, bias), (n, i))


@st.composite
def batch_norm(draw: st.DrawFn) -> Pair:
    shape = draw(image())
    assume(
        shape[0] * shape[2] * shape[3] > 2
    )  # of two values the normalised ones are ±1, and every gradient is rounding
    how = {
        "eps": draw(st.sampled_from([1e-5, 1e-2])),
        "momentum": draw(st.sampled_from([0.1, 0.7])),
        "affine": draw(st.booleans()),
    }
    ours, theirs = scratch.BatchNorm2d(shape[1], **how), nn.BatchNorm2d(shape[1], **how)
    if draw(st.booleans()):
        ours.eval(), theirs.eval()
    return Pair(ours, theirs, shape)


@st.composite
def maxout(draw: st.DrawFn) -> Pair:
    pieces = draw(small)
    return Pair(scratch.Maxout(pieces), Maxout(pieces), draw(image(pieces * draw(small))))


def plain(ours: Callable[[], scratch.Module], theirs: Callable[[], nn.Module]) -> st.SearchStrategy[Pair]:
    return image().map(lambda shape: Pair(ours(), theirs(), shape))


LAYERS: dict[str, st.SearchStrategy[Pair]] = {
    "Conv2d": convolution(),
    "Conv2d with a table": table_convolution(),
    "ConvTranspose2d": transposed_convolution(),
    "MaxPool2d": pool(scratch.MaxPool2d, nn.MaxPool2d, "padding", "dilation"),
    "MinPool2d": pool(scratch.MinPool2d, MinPool, "padding", "dilation"),
    "AvgPool2d": pool(scratch.AvgPool2d, nn.AvgPool2d, "padding", "count_include_pad"),
    "LPPool2d": pool(scratch.LPPool2d, nn.LPPool2d, "norm_type"),
    "Linear": linear(),
    "BatchNorm2d": batch_norm(),
    "Maxout": maxout(),
    "Flatten": plain(scratch.Flatten, nn.Flatten),
    "Sigmoid": plain(scratch.Sigmoid, nn.Sigmoid),
    "Tanh": plain(scratch.Tanh, nn.Tanh),
    "ReLU": plain(scratch.ReLU, nn.ReLU),
    "LeakyReLU": plain(lambda: scratch.LeakyReLU(0.1), lambda: nn.LeakyReLU(0.1)),
    "ELU": plain(lambda: scratch.ELU(0.7), lambda: nn.ELU(0.7)),
    "Softmax": plain(scratch.Softmax, lambda: nn.Softmax(dim=1)),
    "Dropout2d in use": plain(lambda: scratch.Dropout2d().eval(), lambda: nn.Dropout2d().eval()),
    "Dropout in use": plain(lambda: scratch.Dropout().eval(), lambda: nn.Dropout().eval()),
}


def prepared(pair: Pair, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Both layers in float64 with PyTorch's start values; an input whose values are all different, far from 0; a dy."""
    rng = np.random.default_rng(seed)
    pair.theirs.double()
    for tensor in [*pair.theirs.parameters(), *(b for b in pair.theirs.buffers() if b.is_floating_point())]:
        tensor.data = torch.tensor(rng.uniform(0.3, 1.5, tuple(tensor.shape)))
    pair.ours.to(np.float64).load_state_dict(pair.theirs.state_dict())
    count = math.prod(pair.shape)
    even = count + count % 2  # no value is 0, where max(0, x) has no derivative
    x = rng.permutation(np.linspace(-1.5, 1.5, even))[:count].reshape(pair.shape)
    x = np.abs(x) + x * 0.1 + 0.2 if pair.positive else x
    y = pair.ours(x)
    assume(
        np.isfinite(y).all()
    )  # a dilated pool's window can see border alone: ours gives −∞, PyTorch 2.15 corrupts its heap
    return x, rng.standard_normal(y.shape)


def gradients(layer: scratch.Module) -> dict[str, np.ndarray]:
    return {name: parameter.grad for name, parameter in layer.named_parameters()}


@pytest.mark.parametrize("name", LAYERS)
def test_output_and_gradients_are_those_of_pytorch(name: str) -> None:
    @THOROUGH
    @given(pair=LAYERS[name], seed=st.integers(0, 1000))
    def check(pair: Pair, seed: int) -> None:
        x, dy = prepared(pair, seed)
        tx = torch.tensor(x, requires_grad=True)
        ty = pair.theirs(tx)
        ty.backward(torch.tensor(dy))
        pair.ours.zero_grad()
        np.testing.assert_allclose(pair.ours(x), ty.detach().numpy(), **EXACT)
        np.testing.assert_allclose(pair.ours.backward(dy), tx.grad.numpy(), **EXACT)
        theirs = {name: parameter.grad.numpy() for name, parameter in pair.theirs.named_parameters()}
        ours = gradients(pair.ours)
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_allclose(ours[key], theirs[key], **EXACT, err_msg=key)

    check()


@pytest.mark.parametrize("name", LAYERS)
def test_state_is_that_of_pytorch_after_training_steps_and_loads_back(name: str) -> None:
    @settings(THOROUGH, max_examples=10)
    @given(pair=LAYERS[name], seed=st.integers(0, 1000))
    def check(pair: Pair, seed: int) -> None:
        x, dy = prepared(pair, seed)
        pair.ours.load_state_dict(pair.theirs.state_dict())
        parameters = list(pair.theirs.parameters())
        theirs = torch.optim.SGD(parameters or [torch.zeros(1, requires_grad=True)], lr=1e-3)
        ours = scratch.SGD(pair.ours.parameters(), lr=1e-3)
        for _ in range(3):
            theirs.zero_grad(), ours.zero_grad()
            pair.theirs(torch.tensor(x, requires_grad=True)).backward(torch.tensor(dy))
            pair.ours(x), pair.ours.backward(dy)
            theirs.step(), ours.step()
        state = pair.ours.state_dict()
        assert state.keys() == pair.theirs.state_dict().keys()
        for key, tensor in pair.theirs.state_dict().items():
            np.testing.assert_allclose(state[key], tensor.numpy(), **EXACT, err_msg=key)
        pair.theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})

    check()


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_central_differences(name: str) -> None:
    """Along random directions v: (L(x + hv) − L(x − hv)) / 2h = ⟨∂L/∂x, v⟩ for L = ⟨y, dy⟩, to about h² + 1e-16/h."""
    h = 1e-5

    @settings(THOROUGH, max_examples=15)
    @given(pair=LAYERS[name], seed=st.integers(0, 1000))
    def check(pair: Pair, seed: int) -> None:
        x, dy = prepared(pair, seed)
        pair.ours.zero_grad(), pair.ours(x)
        places = [(x, pair.ours.backward(dy))]
        places += [(parameter.data, parameter.grad) for parameter in pair.ours.parameters()]
        for values, gradient in places:
            v = np.random.default_rng(seed).uniform(-1, 1, values.shape)
            if name == "Conv2d with a table" and values.ndim == 4 and values is not x:
                v *= pair.ours.table
            start = values.copy()
            values[...] = start + h * v
            above = (pair.ours(x) * dy).sum()
            values[...] = start - h * v
            below = (pair.ours(x) * dy).sum()
            values[...] = start
            np.testing.assert_allclose((gradient * v).sum(), (above - below) / (2 * h), rtol=1e-6, atol=1e-6)

    check()
