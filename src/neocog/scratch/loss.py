"""How wrong the network is, as one number, and the gradient of that number by the network's output: where the way back begins."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from neocog.scratch.module import Array

Reduction = Literal["mean", "sum"]


class CrossEntropyLoss:
    """−log of the probability that softmax gives the right class: 2.303 = −log 0.1 where 10 classes are equally likely.

    loss = Σ_n v_n Σ_k t_nk w_k (−log p_nk) / Σ_n v_n w_y(n), with p = softmax(x), t the target as a distribution (1 at the
    class y, smoothed by ``label_smoothing`` ε to (1 − ε) t + ε/K), class weights w and sample weights v (1 unless given).
    dx_nk = v_n (p_nk Σ_j t_nj w_j − t_nk w_k) / Σ v w, which is p − t over N without weights.

    x (N, K) scores, not probabilities; target (N,) class numbers. ``reduction="sum"`` leaves out the division.
    """

    def __init__(
        self, weight: ArrayLike | None = None, reduction: Reduction = "mean", label_smoothing: float = 0.0
    ) -> None:
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing is {label_smoothing}, it lies in 0 … 1")
        self.weight = None if weight is None else np.asarray(weight)
        self.reduction, self.label_smoothing = reduction, label_smoothing

    def __call__(self, x: Array, target: Array, weights: Array | None = None) -> float:
        n, k = x.shape
        if target.shape != (n,) or (n and not 0 <= target.min() <= target.max() < k):
            seen = f"{target.min()} … {target.max()}" if target.size else "none"
            raise ValueError(f"targets are {n} class numbers in 0 … {k - 1}; these are {target.shape}, {seen}")
        shifted = x - x.max(axis=1, keepdims=True)  # the largest exponent is 0: no overflow
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        t = np.full_like(x, self.label_smoothing / k)
        t[np.arange(n), target] += 1 - self.label_smoothing
        total = np.ones(n, x.dtype)
        if self.weight is not None:
            t *= self.weight.astype(x.dtype)
            total *= self.weight.astype(x.dtype)[target]
        if weights is not None:
            t *= weights.astype(x.dtype)[:, None]
            total *= weights.astype(x.dtype)
        over = total.sum() if self.reduction == "mean" else x.dtype.type(1)
        self.dx: Array = (np.exp(log_p) * t.sum(axis=1, keepdims=True) - t) / over
        return float(-(t * log_p).sum() / over)

    def backward(self) -> Array:
        """Gradient of the last loss by the scores, (N, K)."""
        return self.dx


class MSELoss:
    """Mean of (x − t)² over all values. dx = 2 (x − t) / count."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction = reduction

    def __call__(self, x: Array, target: Array) -> float:
        difference = same_shape(x, target)
        over = x.size if self.reduction == "mean" else 1
        self.dx: Array = difference * x.dtype.type(2 / over)
        return float((difference * difference).sum() / over)

    def backward(self) -> Array:
        """Gradient of the last loss by x."""
        return self.dx


class L1Loss:
    """Mean of |x − t| over all values, the mean absolute error. dx = sign(x − t) / count."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        self.reduction = reduction

    def __call__(self, x: Array, target: Array) -> float:
        difference = same_shape(x, target)
        over = x.size if self.reduction == "mean" else 1
        self.dx: Array = np.sign(difference) * x.dtype.type(1 / over)
        return float(np.abs(difference).sum() / over)

    def backward(self) -> Array:
        """Gradient of the last loss by x."""
        return self.dx


def same_shape(x: Array, target: Array) -> Array:
    if x.shape != target.shape:
        raise ValueError(f"the output is {x.shape}, the target {target.shape}: they must agree")
    difference: Array = x - target.astype(x.dtype, copy=False)
    return difference
