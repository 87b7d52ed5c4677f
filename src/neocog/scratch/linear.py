"""The fully connected layer, and the step before it that makes a vector of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from neocog.scratch.module import Array, Module, uniform


class Flatten(Module):
    """(N, C, H, W) → (N, C·H·W), channel by channel, row by row."""

    def forward(self, x: Array) -> Array:
        self.like_x = x
        return x.reshape(len(x), -1)

    def input_gradient(self, dy: Array) -> Array:
        dx = self.like("input gradient", self.like_x)  # in the order in memory in which the image came
        dx[...] = dy.reshape(self.like_x.shape)
        return dx


class Linear(Module):
    """y = x wᵀ + b. x (N, in_features) → y (N, out_features); ``weight`` is (out_features, in_features).

    Going back: dw = dyᵀ x, db = Σ_n dy, dx = dy w.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        rng = np.random.default_rng(seed)
        self.weight = uniform(rng, (out_features, in_features), in_features, dtype)
        self.bias = uniform(rng, (out_features,), in_features, dtype) if bias else None

    def forward(self, x: Array) -> Array:
        if x.shape[-1] != self.in_features:
            raise ValueError(f"the input is {x.shape}, the layer takes (N, {self.in_features})")
        self.x = x.astype(self.weight.data.dtype, copy=False)
        y: Array = self.x @ self.weight.data.T
        if self.bias is not None:
            y += self.bias.data
        return y

    def parameter_gradients(self, dy: Array) -> None:
        self.weight.accumulate(dy.T @ self.x)
        if self.bias is not None:
            self.bias.accumulate(dy.sum(axis=0))

    def input_gradient(self, dy: Array) -> Array:
        dx: Array = dy @ self.weight.data
        return dx
