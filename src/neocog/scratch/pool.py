"""Pooling: a window slides over each channel and keeps one number of what it sees. Nothing is learned."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from neocog.scratch.module import Array, Module
from neocog.scratch.window import Pair, Window


class Pool(Module):
    """The geometry that all pools share. ``ceil_mode`` lets a last window hang over the edge, where none would fit."""

    def __init__(
        self, kernel_size: Pair, stride: Pair | None, padding: Pair = 0, dilation: Pair = 1, ceil_mode: bool = False
    ) -> None:
        self.window, self.ceil_mode = Window.of(kernel_size, stride, padding, dilation), ceil_mode
        if any(2 * border > kernel for border, kernel in zip(self.window.padding, self.window.kernel, strict=True)):
            raise ValueError(
                f"padding is {padding}, at most half of kernel_size {kernel_size}, or a window sees nothing"
            )

    def fit(self, x: Array, fill: float) -> Array:
        """Note the geometry of ``x`` (N, C, H, W); give it back with the border that its windows need, filled."""
        w, (height, width) = self.window, x.shape[2:]
        self.size, places = (height, width), w.output_size(height, width)
        tall, wide = (n + self.hangs(axis, n) for axis, n in enumerate(places))
        self.places = tall, wide
        down, across = (
            (n - 1) * s + d * (k - 1) + 1
            for n, s, d, k in zip(self.places, w.stride, w.dilation, w.kernel, strict=True)
        )
        (top, left) = w.padding
        self.bordered = (*x.shape[:2], max(down, height + top), max(across, width + left))
        if self.bordered == x.shape:
            return x
        full = np.full_like(x, fill, shape=self.bordered)
        self.inside(full)[...] = x
        return full

    def hangs(self, axis: int, places: int) -> bool:
        """Whether one more window would still start inside the image or the border before it."""
        w, size = self.window, self.size[axis]
        rest = (size + 2 * w.padding[axis] - w.dilation[axis] * (w.kernel[axis] - 1) - 1) % w.stride[axis]
        return self.ceil_mode and rest > 0 and places * w.stride[axis] < size + w.padding[axis]

    def inside(self, full: Array) -> Array:
        """The image within its border."""
        (top, left), (height, width) = self.window.padding, self.size
        return full[:, :, top : top + height, left : left + width]

    def disjoint(self) -> bool:
        """Whether no pixel is seen by two windows."""
        w = self.window
        return w.stride[0] >= w.kernel[0] and w.stride[1] >= w.kernel[1] and w.dilation == (1, 1)


class Extreme(Pool):
    """The extreme value of each window and where it came from: that pixel alone gets the gradient.

    y[r, s] = x[r·S + i*, s·S + j*] with (i*, j*) = argmax over the window, the first in reading order among equals.
    """

    sign = 1  # 1: the largest, −1: the smallest

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x: Array) -> Array:
        full = self.fit(x, -self.sign * np.inf)
        shifts = self.window.shifts(full, self.places)
        first = next(shifts)
        best, self.origin = self.like("output", first), self.like("origin", first, dtype=np.int16)
        best[...], self.origin[...] = first, 0  # origin: which of the k·k positions inside the window won
        for position, seen in enumerate(shifts, start=1):
            better = ~(seen <= best) if self.sign > 0 else ~(seen >= best)  # a NaN wins, so that it is not hidden
            np.copyto(best, seen, where=better)
            np.copyto(self.origin, position, where=better)
        return best

    def input_gradient(self, dy: Array) -> Array:
        dx = self.like("input gradient", dy, self.bordered)
        dx[...] = 0
        for position, seen in enumerate(self.window.shifts(dx, self.places)):
            seen += np.where(self.origin == position, dy, 0)
        return self.inside(dx)

    @property
    def mask(self) -> Array:
        """(N, C, H, W) of bools: the pixels that some window chose; no gradient reaches any other."""
        chosen = np.zeros(self.bordered, bool)
        for position, seen in enumerate(self.window.shifts(chosen, self.places)):
            seen |= self.origin == position
        return self.inside(chosen)


class MaxPool2d(Extreme):
    """The largest value of each window; ``mask`` says where each came from. (N, C, H, W) → (N, C, OH, OW)."""


class MinPool2d(Extreme):
    """The smallest value of each window: −max(−x)."""

    sign = -1


class AvgPool2d(Pool):
    """The mean of each window: y = Σ x / (k·k); going back, each of its pixels gets dy / (k·k).

    The border counts as zeros, or (``count_include_pad=False``) not at all; what hangs over it (``ceil_mode``) never counts.
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, x: Array) -> Array:
        y = total(self, self.fit(x, 0))
        self.share = share(self, self.count_include_pad, x.dtype)
        y *= self.share
        return y

    def input_gradient(self, dy: Array) -> Array:
        return spread(self, np.multiply(dy, self.share, out=self.like("shared", dy)))


class LPPool2d(Pool):
    """y = (Σ x^p)^(1/p) over each window: the sum at p = 1, close to the maximum at a large p. Sermanet et al. (2012).

    As in PyTorch: where p is odd the sign of x counts and a negative sum gives NaN; under ``ceil_mode`` a window that hangs
    over the edge is scaled up to a whole one. Where y is 0 the gradient is taken as 0 (PyTorch: NaN).
    """

    def __init__(
        self, norm_type: float, kernel_size: Pair, stride: Pair | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__(kernel_size, stride, 0, 1, ceil_mode)
        self.norm_type = norm_type

    def forward(self, x: Array) -> Array:
        p, self.x = self.norm_type, x
        with np.errstate(invalid="ignore"):
            powers: Array = total(self, self.fit(x**p, 0))
            self.scale = share(self, True, x.dtype) * math.prod(self.window.kernel)
            y: Array = (powers * self.scale) ** (1 / p)
        self.y = y
        return y

    def input_gradient(self, dy: Array) -> Array:
        p = self.norm_type
        outer = np.divide(dy * self.scale, self.y ** (p - 1), out=np.zeros_like(dy), where=self.y != 0)
        dx: Array = spread(self, outer) * self.x ** (p - 1)
        return dx


def total(pool: Pool, full: Array) -> Array:
    """Σ over each window, as k·k additions of shifted images: (N, C, H, W) → (N, C, OH, OW)."""
    first, *others = pool.window.shifts(full, pool.places)
    y = pool.like("output", first)
    np.add(first, others[0] if others else 0, out=y)
    for seen in others[1:]:
        y += seen
    return y


def spread(pool: Pool, g: Array) -> Array:
    """The way back of ``total``: every pixel of a window gets the window's gradient. (N, C, OH, OW) → (N, C, H, W)."""
    dx = pool.like("input gradient", g, pool.bordered)
    if pool.disjoint():
        for seen in pool.window.shifts(dx, pool.places):  # pixels that no window sees stay zero, as they were made
            seen[...] = g
    else:
        dx[...] = 0
        for seen in pool.window.shifts(dx, pool.places):
            seen += g
    return pool.inside(dx)


def share(pool: Pool, border: bool, dtype: DTypeLike) -> Array:
    """1 / (how many pixels each window's mean is taken over): one number, or (OH, OW) of them where the edge makes a difference.

    The border counts or not; what hangs over it does not.
    """
    if pool.window.padding == (0, 0) and not pool.ceil_mode:
        return np.array(1 / math.prod(pool.window.kernel), dtype)
    sides = []
    for axis, places in enumerate(pool.places):
        kernel, padding, size = pool.window.kernel[axis], pool.window.padding[axis], pool.size[axis]
        edge = padding if border else 0
        first = np.arange(places) * pool.window.stride[axis] - padding
        sides.append(np.minimum(first + kernel, size + edge) - np.maximum(first, -edge))
    return (1 / np.outer(sides[0], sides[1])).astype(dtype)
