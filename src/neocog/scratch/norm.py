"""Layers that look at the whole batch or draw at random: the ones whose training and use differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from neocog.scratch.module import Array, Module, Parameter

CHANNELS = (0, 2, 3)  # the axes of (N, C, H, W) over which one channel's statistics are taken


class BatchNorm2d(Module):
    """y = γ (x − μ) / √(σ² + ε) + β, per channel. Ioffe and Szegedy (2015).

    Training: μ and σ² are the batch's, over N, H and W, and the running ones move towards them by ``momentum`` (σ² by the
    unbiased estimate, as in PyTorch). In use (``eval``): the running ones. x (N, C, H, W) → the same shape.
    """

    buffers = ("running_mean", "running_var", "num_batches_tracked")
    whole_batch = True

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean: Array = np.zeros(num_features, dtype)
        self.running_var: Array = np.ones(num_features, dtype)
        self.num_batches_tracked: Array = np.zeros((), np.int64)

    def forward(self, x: Array) -> Array:
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ValueError(f"the input is {x.shape}, the layer takes (N, {self.num_features}, H, W)")
        mean, variance = self.running_mean, self.running_var
        self.from_batch = self.training
        if self.training:
            mean, variance = x.mean(axis=CHANNELS), x.var(axis=CHANNELS)
            self.follow(mean, variance, x.size // self.num_features)
        self.scale = (1 / np.sqrt(variance + self.eps))[:, None, None]
        self.normal = (x - mean[:, None, None]) * self.scale
        if self.weight is None or self.bias is None:
            return self.normal
        y: Array = self.weight.data[:, None, None] * self.normal + self.bias.data[:, None, None]
        return y

    def follow(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics; ``count`` values stand behind the batch's."""
        if count < 2:
            raise ValueError(
                f"batch statistics need more than one value per channel, there is {count}: use a larger batch, or eval()"
            )
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_var += self.momentum * (variance * count / (count - 1) - self.running_var)
        self.num_batches_tracked += 1

    def parameter_gradients(self, dy: Array) -> None:
        if self.weight is not None and self.bias is not None:
            self.weight.accumulate((dy * self.normal).sum(axis=CHANNELS))
            self.bias.accumulate(dy.sum(axis=CHANNELS))

    def input_gradient(self, dy: Array) -> Array:
        """With g = γ dy: dx = (g − mean(g) − x̂ mean(g x̂)) / √(σ² + ε), since μ and σ² moved with x; in eval g / √(σ² + ε)."""
        g = dy if self.weight is None else dy * self.weight.data[:, None, None]
        if self.from_batch:
            along = (g * self.normal).mean(axis=CHANNELS, keepdims=True)
            g = g - g.mean(axis=CHANNELS, keepdims=True) - self.normal * along
        dx: Array = g * self.scale
        return dx


class Dropout(Module):
    """In training each value is set to zero with probability p, and the rest divided by 1 − p; in use nothing happens.

    The draws come from the layer's own generator: ``seed(s)`` makes them a function of s. Srivastava et al. (2014).
    """

    whole_batch = True

    def __init__(self, p: float = 0.5, *, seed: int | np.random.Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p is {p}, a probability lies in 0 … 1")
        self.p = p
        self.generator = np.random.default_rng(seed)

    def seed(self, seed: int | list[int]) -> None:
        self.generator = np.random.default_rng(seed)

    def forward(self, x: Array) -> Array:
        self.mask: Array | None = None
        if not self.training or self.p == 0:
            return x
        kept = self.generator.random(self.drawn(x.shape), np.float32) >= self.p
        self.mask = kept * x.dtype.type(1 / (1 - self.p) if self.p < 1 else 0)
        y: Array = x * self.mask
        return y

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the draws: one a value."""
        return shape

    def input_gradient(self, dy: Array) -> Array:
        return dy if self.mask is None else dy * self.mask


class Dropout2d(Dropout):
    """The same with whole maps, since a single pixel is given away by its neighbours. Tompson et al. (2015)."""

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One draw a map, (N, C, 1, 1)."""
        return shape[:2] + (1,) * (len(shape) - 2)
