"""Convolution and its transpose. What networks call convolution is cross-correlation: the kernel is not turned round."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from neocog.scratch import correlation
from neocog.scratch.module import Array, Module, uniform
from neocog.scratch.window import Pair, Window, pair


class Conv2d(Module):
    """y[n, o, r, s] = b[o] + Σ_c Σ_i Σ_j w[o, c, i, j] · x[n, c, r·S + i·D − P, s·S + j·D − P].

    x (N, in_channels, H, W) → y (N, out_channels, OH, OW) with OH = (H − F + 2P)/S + 1. ``weight`` is (O, C/groups, k, k).
    ``table`` (O, C) of bools says which input channels each output channel sees: LeNet-5's C3 does not see them all
    (LeCun et al., 1998). ``seed`` is a number or a NumPy generator for the start values.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        table: ArrayLike | None = None,
        dtype: DTypeLike = np.float32,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        check_groups(in_channels, out_channels, groups)
        self.window = Window.of(kernel_size, stride, padding, dilation)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        rng, fan_in = np.random.default_rng(seed), in_channels // groups * math.prod(self.window.kernel)
        self.weight = uniform(rng, (out_channels, in_channels // groups, *self.window.kernel), fan_in, dtype)
        self.bias = uniform(rng, (out_channels,), fan_in, dtype) if bias else None
        self.table = None if table is None else connections(table, out_channels, in_channels, groups)
        if self.table is not None:
            self.weight.data *= self.table

    def kernel(self) -> Array:
        """The weights, zero where the table has no connection."""
        return self.weight.data if self.table is None else self.weight.data * self.table

    def forward(self, x: Array) -> Array:
        check_channels(x, self.in_channels)
        x = x.astype(self.weight.data.dtype, copy=False)
        self.size = x.shape[2], x.shape[3]
        self.stored = correlation.store(self, x, self.window, self.groups)
        y = correlation.output(self, self.stored, self.kernel(), self.window, self.window.output_size(*self.size))
        if self.bias is not None:
            y += self.bias.data[:, None, None]
        return y

    def parameter_gradients(self, dy: Array) -> None:
        dw = correlation.weight_gradient(self.stored, dy, self.weight.data, self.window)
        self.weight.accumulate(dw if self.table is None else dw * self.table)
        if self.bias is not None:
            self.bias.accumulate(correlation.bias_gradient(dy))

    def input_gradient(self, dy: Array) -> Array:
        return correlation.input_gradient(self, dy, self.kernel(), self.window, self.groups, self.size)


class ConvTranspose2d(Module):
    """The convolution's way back used as a way forward: every input pixel paints the kernel, times its value.

    y[n, o, r·S + i·D − P, s·S + j·D − P] += w[c, o, i, j] · x[n, c, r, s], then b[o] is added.

    x (N, in_channels, H, W) → (N, out_channels, OH, OW) with OH = (H − 1)S − 2P + D(k − 1) + output_padding + 1: the size
    from which a ``Conv2d`` of the same window makes H. ``weight`` is (C, O/groups, k, k). Zeiler et al. (2010).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
        *,
        dtype: DTypeLike = np.float32,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        check_groups(in_channels, out_channels, groups)
        self.window = Window.of(kernel_size, stride, padding, dilation)
        self.output_padding = pair(output_padding, "output_padding", 0)
        if self.output_padding[0] >= self.window.stride[0] or self.output_padding[1] >= self.window.stride[1]:
            raise ValueError(f"output_padding is {output_padding}, it must be smaller than stride {stride}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        # PyTorch takes the fan-in from the second axis of the weight, which in a transposed layer is the output's
        rng, fan_in = np.random.default_rng(seed), out_channels // groups * math.prod(self.window.kernel)
        self.weight = uniform(rng, (in_channels, out_channels // groups, *self.window.kernel), fan_in, dtype)
        self.bias = uniform(rng, (out_channels,), fan_in, dtype) if bias else None

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """(H, W) → (OH, OW). Raises ValueError where the padding leaves nothing."""
        w = self.window
        sides = zip((height, width), w.kernel, w.stride, w.padding, w.dilation, self.output_padding, strict=True)
        tall, wide = ((n - 1) * s - 2 * p + d * (k - 1) + extra + 1 for n, k, s, p, d, extra in sides)
        if min(tall, wide) < 1:
            raise ValueError(
                f"an image of {height} × {width} would become {tall} × {wide}: padding {w.padding} is too large"
            )
        return tall, wide

    def forward(self, x: Array) -> Array:
        check_channels(x, self.in_channels)
        self.x = x.astype(self.weight.data.dtype, copy=False)
        size = self.output_size(*x.shape[2:])
        y = correlation.input_gradient(self, self.x, self.weight.data, self.window, self.groups, size)
        if self.bias is not None:
            y += self.bias.data[:, None, None]
        return y

    def parameter_gradients(self, dy: Array) -> None:
        stored = correlation.store(self, dy, self.window, self.groups)
        self.weight.accumulate(correlation.weight_gradient(stored, self.x, self.weight.data, self.window))
        if self.bias is not None:
            self.bias.accumulate(correlation.bias_gradient(dy))

    def input_gradient(self, dy: Array) -> Array:
        stored = correlation.store(self, dy, self.window, self.groups)
        return correlation.output(self, stored, self.weight.data, self.window, (self.x.shape[2], self.x.shape[3]))


def connections(table: ArrayLike, out_channels: int, in_channels: int, groups: int) -> Array:
    """(O, C) of bools → (O, C, 1, 1), to multiply weights with."""
    connected = np.asarray(table, dtype=bool)
    if connected.shape != (out_channels, in_channels) or groups != 1:
        raise ValueError(
            f"a table of connected channels is (out_channels, in_channels) = {(out_channels, in_channels)} with groups 1, "
            f"not {connected.shape} with groups {groups}"
        )
    return connected[:, :, None, None]


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"groups ({groups}) must divide in_channels ({in_channels}) and out_channels ({out_channels})")


def check_channels(x: Array, channels: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"the input is {x.shape}, the layer takes (N, {channels}, H, W)")
