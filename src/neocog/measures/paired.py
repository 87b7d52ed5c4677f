"""Two networks on the same test samples: is the difference more than chance?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.measures.intervals import Groups, bootstrap, percentiles

Array = NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """second − first, its 95 % interval, and the chance of a difference this large if there is none (two-sided)."""

    difference: float
    low: float
    high: float
    p: float


def mcnemar(first: Array, second: Array) -> float:
    """Exact p-value of McNemar's test (1947) for two runs' ``correct`` (N,) bool: only samples that differ speak."""
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape} and {second.shape} samples: not the same test set")
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0
    every = math.lgamma(n + 1) - n * math.log(2)
    tail = (math.exp(every - math.lgamma(i + 1) - math.lgamma(n - i + 1)) for i in range(fewer + 1))
    return min(1.0, 2 * math.fsum(tail))


def paired_bootstrap(
    first: Callable[[Array], Array],
    second: Callable[[Array], Array],
    n: int,
    groups: Groups = None,
    repeats: int = 2000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare J statistics of two runs, as ``bootstrap`` takes them, each drawing shared by both.

    p is twice the smaller share of draws on either side of no difference; at least 2 / (repeats + 1).
    """
    everyone = np.ones(n)
    differences = np.atleast_1d(second(everyone)) - np.atleast_1d(first(everyone))
    draws = bootstrap(lambda w: np.atleast_1d(second(w)) - np.atleast_1d(first(w)), n, groups, repeats, seed)
    found = []
    for difference, column in zip(differences.tolist(), draws.T, strict=True):
        defined = column[~np.isnan(column)]
        fewer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
        p = min(1.0, 2 * (fewer + 1) / (len(defined) + 1)) if len(defined) else math.nan
        found.append(Comparison(difference, *percentiles(column), p))
    return found


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for having asked several questions (Holm 1979), in the given order. NaN stays, uncounted."""
    order = sorted((i for i, value in enumerate(p) if not math.isnan(value)), key=lambda i: p[i])
    corrected, largest = [math.nan] * len(p), 0.0
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - position) * p[index]))
        corrected[index] = largest
    return corrected
