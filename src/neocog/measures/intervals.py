"""How sure a measured number is: Wilson's interval for a proportion, the bootstrap for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.run import Measure

Array = NDArray[Any]
Groups = Sequence[str] | Array | None
Z = 1.959963984540054  # 95 % of a normal distribution lies within ± Z standard deviations


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927). Stays in [0, 1], and is not empty at 0 or n; (0, 1) for n = 0."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return 0.0, 1.0
    p, z2 = successes / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def clusters(groups: Groups, n: int) -> tuple[Array, int]:
    """(n,) the index of each sample's group, and the number of groups. A blank name is a group of its own."""
    if groups is None:
        return np.arange(n), n
    names = np.asarray(groups, dtype=str)
    if names.shape != (n,):
        raise ValueError(f"groups of shape {names.shape} for {n} samples")
    own = np.char.add("\0", np.arange(n).astype(str))  # no group's name can hold a NUL
    _, index = np.unique(np.where(names == "", own, names), return_inverse=True)
    return index, int(index.max()) + 1 if n else 0


def bootstrap(
    statistic: Callable[[Array], Array], n: int, groups: Groups = None, repeats: int = 1000, seed: int = 0
) -> Array:
    """(repeats, J) values of a statistic on samples drawn with replacement (Efron 1979).

    ``statistic`` takes weights (n,), how often each sample was drawn, and returns J numbers: with weights there is
    nothing to copy, and one drawing serves all statistics. Where ``groups`` (n,) are given, whole groups are drawn
    (cluster bootstrap), since the images of one patient are no independent evidence.
    """
    index, count = clusters(groups, n)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(repeats):
        drawn = np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64)
        values.append(statistic(drawn if groups is None else drawn[index]))
    return np.asarray(values, dtype=np.float64)


def percentiles(draws: Array) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of bootstrap draws (R,), undefined ones (NaN) left out."""
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def proportion_like(value: float, draws: Array, n: int, evidence: float) -> Measure:
    """A measure in [0, 1] with its bootstrap interval.

    Where all samples are right (or wrong), every draw says the same, and the bootstrap would claim certainty: there,
    Wilson's interval for ``evidence`` samples stands in. NaN where there are not two independent units to compare.
    """
    if math.isnan(value) or evidence < 1:
        return Measure(value, math.nan, math.nan, n)
    low, high = percentiles(draws)
    if low == high:
        if value not in (0.0, 1.0):
            return Measure(value, math.nan, math.nan, n)
        low, high = wilson(round(value * round(evidence)), round(evidence))
    return Measure(value, min(low, value), max(high, value), n)
