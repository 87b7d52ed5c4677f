"""One number of a network as the terms that it is the sum of, and the geometry of the windows that they stand in.

Letters: C channels, O output channels, k kernel sides, T terms; a tensor here is one sample's, (C, …), in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from neocog.networks.layers import Scale

Array = NDArray[Any]
CONVOLUTIONS = nn.Conv1d | nn.Conv2d | nn.Conv3d
TRANSPOSED = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
BATCH_NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
MAX_POOLS = nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d
MEAN_POOLS = nn.AvgPool1d | nn.AvgPool2d | nn.AvgPool3d
ADAPTIVE = nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d | nn.AdaptiveAvgPool3d
FUNCTIONS = (
    nn.Sigmoid | nn.Tanh | nn.ReLU | nn.LeakyReLU | nn.ELU | nn.GELU | nn.SiLU | nn.ReLU6 | nn.Hardswish
    | nn.Hardsigmoid | nn.Softplus | nn.Mish | Scale
)  # fmt: skip
SAME = nn.Identity | nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d | nn.AlphaDropout


@dataclass(frozen=True)
class Terms:
    """``value`` = Σ weights · values + constant, but for an ``operation`` of "function" or "powers", which say what is done.

    ``shape`` is how the T terms are laid out: (C, k, k) for a window through C maps. ``places`` (T, axes) are where they
    stand in the tensor that they are of, −1 where that is the border of zeros around it.
    """

    operation: str  # "products", "mean", "largest", "smallest", "scale", "function", "powers", "softmax", "copy", "standardise"
    shape: tuple[int, ...]
    places: Array  # (T, axes) int64
    values: Array  # (T,) float64
    weights: Array  # (T,) float64
    value: float
    constant: float = 0.0
    facts: Mapping[str, Any] = field(
        default_factory=dict
    )  # what else the formula names: "mean", "variance", "function"


def summed(
    operation: str,
    shape: tuple[int, ...],
    places: ArrayLike,
    values: ArrayLike,
    weights: ArrayLike,
    constant: float = 0.0,
    **facts: Any,
) -> Terms:
    """The terms with the sum that they make; what stands on the border counts as 0."""
    stand, times = np.asarray(values, np.float64).ravel(), np.asarray(weights, np.float64).ravel()
    value = float(stand @ times + constant)
    return Terms(operation, shape, np.asarray(places, np.int64), stand, times, value, constant, facts)


def at(tensor: Array, places: Array) -> Array:
    """(T,) the values at ``places`` (T, axes); 0 on the border."""
    inside = (places >= 0).all(1)
    found = np.zeros(len(places))
    found[inside] = tensor[tuple(places[inside].T)]
    return found


def grid(*axes: Sequence[int] | Array) -> Array:
    """(T, axes) every combination, the last axis fastest; a position of −1 on one axis makes the whole place −1."""
    places = np.stack(np.meshgrid(*(np.asarray(axis, np.int64) for axis in axes), indexing="ij"), -1)
    places = places.reshape(-1, len(axes))
    places[(places < 0).any(1)] = -1
    return places


@dataclass(frozen=True)
class Window:
    """A window that slides over maps; a number for each of their sides."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    border: str = "zeros"  # what stands around the maps: torch's padding_mode

    @classmethod
    def of(cls, layer: Any, sides: int) -> Window:
        """Of a convolution or a pool of torch's."""

        def each(value: Any) -> tuple[int, ...]:
            return (int(value),) * sides if isinstance(value, int) else tuple(map(int, value))

        kernel, dilation = each(layer.kernel_size), each(getattr(layer, "dilation", 1))
        padding = getattr(layer, "padding", 0)
        if isinstance(padding, str):
            same = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
            padding = same if padding == "same" else (0,) * sides
        stride = kernel if layer.stride is None else each(layer.stride)
        return cls(kernel, stride, each(padding), dilation, getattr(layer, "padding_mode", "zeros"))

    def reach(self, place: Sequence[int], sides: Sequence[int]) -> list[Array]:
        """(k,) positions along each side that the window at ``place`` sees, −1 on a border of zeros."""
        found = []
        for r, n, k, s, p, d in zip(place, sides, self.kernel, self.stride, self.padding, self.dilation, strict=True):
            found.append(on_map(r * s + np.arange(k) * d - p, n, self.border))
        return found

    def under(self, offset: Sequence[int], windows: Sequence[int], sides: Sequence[int]) -> list[Array]:
        """(n,) for each window along each side: the position that is under ``offset`` in its kernel, −1 on a border of zeros."""
        found = []
        for u, count, n, s, p, d in zip(offset, windows, sides, self.stride, self.padding, self.dilation, strict=True):
            found.append(on_map(np.arange(count) * s + u * d - p, n, self.border))
        return found

    def seen_by(self, place: Sequence[int], outputs: Sequence[int]) -> list[Array]:
        """(k,) for each place in the kernel, along each side: which window has ``place`` under it there, −1 where none."""
        found = []
        for i, n, k, s, p, d in zip(place, outputs, self.kernel, self.stride, self.padding, self.dilation, strict=True):
            start = i + p - np.arange(k) * d
            found.append(np.where((start % s == 0) & (start >= 0) & (start // s < n), start // s, -1))
        return found

    def around(self, place: Sequence[int], outputs: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """The places of all windows that see ``place``."""
        return product(*([int(r) for r in axis[::-1] if r >= 0] for axis in self.seen_by(place, outputs)))


def on_map(positions: Array, side: int, border: str) -> Array:
    """Positions along a side as those of the map that stand there: "zeros" (−1), "reflect", "replicate" or "circular"."""
    found: Array = np.where((positions >= 0) & (positions < side), positions, -1)
    if border == "reflect":
        found = side - 1 - np.abs(side - 1 - np.abs(positions))
    if border == "replicate":
        found = positions.clip(0, side - 1)
    if border == "circular":
        found = positions % side
    return found


def share(axis: tuple[int, int], place: int) -> range:
    """What an adaptive pool's output at ``place`` sees along a side: (input, output) sizes → positions."""
    size, outputs = axis
    return range(floor(place * size / outputs), ceil((place + 1) * size / outputs))


def mean_window(layer: Any, window: Window, place: Sequence[int], sides: Sequence[int]) -> tuple[list[Array], float]:
    """Positions along each side that a mean pool sees at ``place``, and what it divides by."""
    counted = 1
    for r, n, k, s, p in zip(place, sides, window.kernel, window.stride, window.padding, strict=True):
        low, high = r * s - p, min(r * s - p + k, n + p)
        counted *= high - low if layer.count_include_pad else min(high, n) - max(low, 0)
    return window.reach(place, sides), float(getattr(layer, "divisor_override", None) or counted)


def numbers(tensor: Any) -> Array:
    """A tensor, or None, as float64."""
    found: Array = tensor.detach().cpu().double().numpy()
    return found


def kernel_of(layer: Any) -> Array:
    """The weights as they are used: those of LeNet-5's table of connections are zero where it has none."""
    weight = numbers(layer.weight)
    return weight * numbers(layer.table) if hasattr(layer, "table") else weight


def bias_of(layer: Any, channel: int) -> float:
    return 0.0 if layer.bias is None else layer.bias[channel].item()
