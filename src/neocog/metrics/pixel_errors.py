"""How far off a restored pixel may be, by its value: quantiles of the error among pixels of about the same value.

Counts are additive over images, so that nothing of them is kept but a table. Letters: L levels of the restored value, E steps of
the error, both shares of the range from black to white.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import Array, ratio

LEVELS, STEPS = 16, 200
LEAST = 1e-4  # share of the range: what is nearer is right
QUANTILES = (0.5, 0.95)
LIMITS = LEAST ** (1 - np.arange(STEPS) / (STEPS - 1))  # (E,) what an error of each step does not exceed
FEWEST = 1000  # pixels of a level below which it has the quantiles of all


def error_counts(truth: Array, restored: Array, low: float, high: float) -> NDArray[np.int64]:
    """(L, E) pixels by their restored value and by how far that is from the true one."""
    error = np.abs(truth.astype(np.float64) - restored) / (high - low)
    step = np.ceil(np.log(np.maximum(error, LEAST) / LEAST) / -np.log(LEAST) * (STEPS - 1))
    place = levels_of(restored, low, high) * STEPS + step.clip(0, STEPS - 1).astype(np.int64)
    return np.bincount(place.ravel(), minlength=LEVELS * STEPS).reshape(LEVELS, STEPS)


def levels_of(restored: Array, low: float, high: float) -> NDArray[np.int64]:
    """The level, 0 … L − 1, of each value."""
    shares = (restored.astype(np.float64) - low) / (high - low)
    return (shares * LEVELS).clip(0, LEVELS - 1).astype(np.int64)


def error_quantiles(counts: Array) -> dict[str, list[float]]:
    """{"0.5": (L,), "0.95": (L,)} of counts (L, E): errors that so many of a level's pixels do not exceed."""
    own = np.where(counts.sum(axis=1, keepdims=True) < FEWEST, counts.sum(axis=0), counts)
    shares = np.cumsum(own, axis=1) / np.maximum(own.sum(axis=1, keepdims=True), 1)
    return {f"{q:g}": LIMITS[(shares < q).sum(axis=1).clip(0, STEPS - 1)].tolist() for q in QUANTILES}


def error_map(restored: Array, quantile: Sequence[float], low: float, high: float) -> NDArray[np.float64]:
    """What the error of each pixel does not exceed in so many cases, in stored units, of a ``quantile`` (L,)."""
    return np.asarray(np.array(quantile)[levels_of(restored, low, high)] * (high - low))


def covered(counts: Array, quantiles: Mapping[str, Sequence[float]], of: str = "0.95") -> NDArray[np.float64]:
    """(n,) the share of the pixels of each image whose error does not exceed its level's, of counts (n, L, E)."""
    within = LIMITS[None] <= np.array(quantiles[of])[:, None] * (1 + 1e-9)
    total = counts.sum(axis=(1, 2))
    return ratio((counts * within).sum(axis=(1, 2)), total)
