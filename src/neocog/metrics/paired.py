"""Two networks on the same test samples: is the difference more than chance?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import Statistic, Units, interval, jackknife

Array = NDArray[Any]
FEWEST_PAIRED = 6  # units below which no swap of answers is rare enough
EXACT, DRAWN = 12, 5000  # units up to which all swaps are tried; how many are drawn beyond


@dataclass(frozen=True)
class Comparison:
    """second − first, its 95 % interval, and the chance of a difference this large if there is none (two-sided).

    NaN where the units are too few for an interval, or for a test.
    """

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


def paired(
    first: Array, second: Array, statistic: Statistic, units: Units, seed: int = 0, draws: int = DRAWN
) -> list[Comparison]:
    """Compare J statistics of two runs on the same samples, from their sums (B, m) over the same blocks of units.

    p is that of the sign-flip test (Fisher 1935): were both runs alike, each unit's two answers could be swapped. All 2^B
    ways are tried, or 5,000 ``draws``, and p is the share that differ at least as much. It holds its 5 % at any number of
    units; with fewer than 6 it could never fall to 0.05 (2 / 2^5 = 0.06) and is NaN: too few. The interval is Student's, of
    the jackknife's standard error.
    """
    difference, shares = jackknife(
        np.concatenate([first, second], axis=1),
        lambda sums: statistic(sums[..., first.shape[1] :]) - statistic(sums[..., : first.shape[1]]),
    )
    errors = np.sqrt(np.square(shares).sum(axis=0))
    bounds = [interval(value, error, units.count) for value, error in zip(difference, errors, strict=True)]
    p = _flipped(first, second, statistic, np.abs(difference), seed, draws)
    if units.count < FEWEST_PAIRED:
        p = np.full_like(p, math.nan)
    return [Comparison(value, *each, chance) for value, each, chance in zip(
        difference.tolist(), bounds, p.tolist(), strict=True)]  # fmt: skip


def _flipped(first: Array, second: Array, statistic: Statistic, seen: Array, seed: int, draws: int) -> Array:
    """(J,) the share of swaps after which the runs differ at least as much as was ``seen``; NaN where undefined."""
    blocks = len(first)
    if blocks <= EXACT:
        signs = 1.0 - 2 * (np.arange(2**blocks)[:, None] >> np.arange(blocks) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, blocks))
        signs[0] = 1
    middle, half = (first + second).sum(axis=0) / 2, signs @ (second - first) / 2
    differ = np.abs(statistic(middle + half) - statistic(middle - half))
    share: Array = np.nanmean(differ >= seen - 1e-12, axis=0)
    return np.where(np.isnan(seen), math.nan, share)


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for having asked several questions (Holm 1979), in the given order. NaN stays, uncounted."""
    order = sorted((i for i, value in enumerate(p) if not math.isnan(value)), key=lambda i: p[i])
    corrected, largest = [math.nan] * len(p), 0.0
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - position) * p[index]))
        corrected[index] = largest
    return corrected
