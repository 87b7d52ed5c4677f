"""What makes a network more than one matrix: a bend between the layers. Each file line is a formula and its derivative."""

from __future__ import annotations

import numpy as np

from neocog.scratch.module import Array, Module


class Sigmoid(Module):
    """y = 1 / (1 + e^−x), computed as (1 + tanh(x/2)) / 2, which cannot overflow. dy/dx = y (1 − y)."""

    def forward(self, x: Array) -> Array:
        self.y: Array = 0.5 * (1 + np.tanh(0.5 * x))
        return self.y

    def input_gradient(self, dy: Array) -> Array:
        dx: Array = dy * self.y * (1 - self.y)
        return dx


class Tanh(Module):
    """y = tanh x. dy/dx = 1 − y²."""

    def forward(self, x: Array) -> Array:
        self.y: Array = np.tanh(x, out=self.like("output", x))
        return self.y

    def input_gradient(self, dy: Array) -> Array:
        dx = np.multiply(self.y, self.y, out=self.like("input gradient", self.y))
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class ReLU(Module):
    """y = max(0, x). dy/dx = 1 where x > 0, else 0. Nair and Hinton (2010)."""

    def forward(self, x: Array) -> Array:
        self.y = np.maximum(x, 0, out=self.like("output", x))
        return self.y

    def input_gradient(self, dy: Array) -> Array:
        return np.multiply(dy, self.y > 0, out=self.like("input gradient", dy))


class LeakyReLU(Module):
    """y = x where x > 0, else a x. dy/dx = 1 or a. Maas et al. (2013)."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Array) -> Array:
        self.derivative = np.where(x > 0, x.dtype.type(1), x.dtype.type(self.negative_slope))
        y: Array = x * self.derivative
        return y

    def input_gradient(self, dy: Array) -> Array:
        dx: Array = dy * self.derivative
        return dx


class ELU(Module):
    """y = x where x > 0, else α (e^x − 1). dy/dx = 1 or y + α. Clevert et al. (2015)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        y: Array = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        self.derivative = np.where(x > 0, x.dtype.type(1), y + self.alpha)
        return y

    def input_gradient(self, dy: Array) -> Array:
        dx: Array = dy * self.derivative
        return dx


class Maxout(Module):
    """The largest of each ``pieces`` neighbouring channels: max(w₁x + b₁, w₂x + b₂) behind a layer that computes both.

    (N, C, …) → (N, C / pieces, …). The gradient goes to the channel that won, the first among equals. Goodfellow et al. (2013).
    """

    def __init__(self, pieces: int = 2) -> None:
        self.pieces = pieces

    def forward(self, x: Array) -> Array:
        if x.shape[1] % self.pieces:
            raise ValueError(f"the input has {x.shape[1]} channels, which {self.pieces} pieces do not divide")
        self.shape = x.shape
        split = x.reshape(len(x), -1, self.pieces, *x.shape[2:])
        self.winner = split.argmax(axis=2, keepdims=True)
        return np.take_along_axis(split, self.winner, axis=2)[:, :, 0]

    def input_gradient(self, dy: Array) -> Array:
        dx = np.zeros((len(dy), dy.shape[1], self.pieces, *dy.shape[2:]), dy.dtype)
        np.put_along_axis(dx, self.winner, dy[:, :, None], axis=2)
        return dx.reshape(self.shape)


class Softmax(Module):
    """y_k = e^x_k / Σ_j e^x_j along ``dim``. dx = y (dy − Σ_k dy_k y_k)."""

    def __init__(self, dim: int = 1) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        e: Array = np.exp(x - x.max(axis=self.dim, keepdims=True))  # the largest exponent is 0: no overflow
        y: Array = e / e.sum(axis=self.dim, keepdims=True)
        self.y = y
        return y

    def input_gradient(self, dy: Array) -> Array:
        dx: Array = self.y * (dy - (dy * self.y).sum(axis=self.dim, keepdims=True))
        return dx
