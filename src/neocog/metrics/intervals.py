"""How sure a measured number is: exact intervals of plain proportions, the jackknife over independent units for all else.

Letters: n samples, U independent units (the groups, or the samples where there are none), B blocks of whole units, m sums
that a statistic is computed from, J statistics. A statistic takes sums (…, m) and returns (…, J), so that one call answers
for all samples and for every block left out: no sample is copied, and 60,000 cost no more than a few sums.

Few units are the rule (five patients, three plates), so the quantile is Student's with as many degrees of freedom as there
are units of equal weight, less one. `bench/coverage.py` simulates every interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, gammaln, logit, stdtrit

from neocog.records import Measure

Array = NDArray[Any]
Groups = Sequence[str] | Array | None
Scale = Literal["counts", "share", "correlation", "angle", "brier", "positive", "squares", "below one", "any"]
Statistic = Callable[[Array], Array]
Z = 1.959963984540054  # 95 % of a normal distribution lies within ± Z standard deviations
SURE = 0.975  # of a two-sided 95 % interval
FEWEST = 2.5  # units of equal weight below which no interval is promised
WIDEST = math.log(1e3)  # of the factor to either side of a positive measure's interval
BLOCKS = 400  # of units, where there are more
# Where the scales that have two ends begin, and how long they are
SPANS: dict[str, tuple[float, float]] = {"counts": (0.0, 1.0), "share": (0.0, 1.0), "correlation": (-1.0, 2.0),
         "angle": (0.0, 180.0), "brier": (0.0, 2.0)}  # fmt: skip
# How heavy a tail each may have: the share of a unit, twice as far away as the farthest, that is added to the variance
TAILS = {"counts": 0.15, "share": 0.4, "correlation": 0.3, "angle": 0.3, "brier": 0.3, "positive": 0.3, "squares": 1.0,
         "below one": 0.3, "any": 0.2}  # fmt: skip
TIE = 0.65  # how much of the chance of exactly what was seen belongs to a tail; ½ is the mid-P interval


def proportion(successes: float, n: float) -> tuple[float, float]:
    """95 % interval of a proportion of independent samples; (0, 1) for n = 0. Holds its value, also at 0 and n.

    Clopper & Pearson (1934) count the chance of exactly what was seen wholly to each tail and hold more than they promise;
    the mid-P interval counts half of it (Lancaster 1961; Berry & Armitage 1995) and falls to 0.918. With 0.65 of it the
    coverage stays above 0.93 for every proportion and n ≥ 3. Both numbers may be fractions.
    """
    low, high = proportions(np.array([successes]), np.array([n]))
    return float(low[0]), float(high[0])


def proportions(successes: Array, n: Array, tie: float = TIE) -> tuple[Array, Array]:
    """The intervals (J,), (J,) of several (see ``proportion``); ``tie`` = 1: Clopper's and Pearson's."""
    successes, n = np.asarray(successes, np.float64), np.asarray(n, np.float64)
    if not ((successes >= 0) & (successes <= n)).all():
        raise ValueError(f"{successes} successes of {n}")
    return _least(successes, n, tie), 1 - _least(n - successes, n, tie)


def _least(successes: Array, n: Array, tie: float) -> Array:
    """The proportions at which as many successes or more would be a 2.5 % chance, by bisection; 0 where there are none."""
    low, high = np.zeros(len(n)), np.ones(len(n))
    some, failures = np.maximum(successes, 1e-9), n - successes
    ways = gammaln(n + 1) - gammaln(some + 1) - gammaln(failures + 1)
    for _ in range(32):
        p = (low + high) / 2
        exactly = np.exp(ways + some * np.log(p) + failures * np.log1p(-p))
        rare = betainc(some, failures + 1, p) - (1 - tie) * exactly < 1 - SURE
        low, high = np.where(rare, p, low), np.where(rare, high, p)
    return np.where(successes > 0, low, 0.0)


def proportion_measure(successes: int, n: int) -> Measure:
    """The share of ``n`` independent samples, with its interval; NaN for n = 0."""
    return proportion_measures([successes], [n])[0]


def proportion_measures(successes: Sequence[float], n: Sequence[float]) -> list[Measure]:
    """Several at once (see ``proportion_measure``); fractions where samples were seen several times."""
    rows = zip(successes, *(bound.tolist() for bound in proportions(np.array(successes), np.array(n))), n, strict=True)
    unknown = Measure(math.nan, math.nan, math.nan, 0)
    return [Measure(right / of, low, high, round(of)) if of else unknown for right, low, high, of in rows]


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


@dataclass(frozen=True)
class Units:
    """What repeats independently, gathered into blocks of whole units."""

    count: int  # U
    member: NDArray[np.int64]  # (n,) the unit of each sample
    block: NDArray[np.int64]  # (n,) the block of each sample
    grouped: bool

    @classmethod
    def of(cls, groups: Groups, n: int, seed: int = 0) -> Units:
        """Beyond 400 units, blocks of units drawn at random: the delete-d jackknife of Shao & Wu (1989)."""
        member, count = clusters(groups, n)
        block = member
        if count > BLOCKS:
            block = np.random.default_rng(seed).permutation(np.arange(count) % BLOCKS)[member]
        return cls(count, member.astype(np.int64), block.astype(np.int64), groups is not None)

    def sums(self, columns: Array) -> Array:
        """(n, m) values of samples → (B, m) sums of blocks."""
        columns = np.asarray(columns, np.float64)
        blocks = min(self.count, BLOCKS)
        return np.stack([np.bincount(self.block, column, minlength=blocks) for column in columns.T], axis=1)

    def table(self, rows: Array, width: int, weights: Array | None = None) -> Array:
        """(n,) numbers 0 … width − 1 → (B, width): how often each stands in a block, or its sum of weights."""
        blocks = min(self.count, BLOCKS)
        found = np.bincount(self.block * width + rows, weights, minlength=blocks * width)
        return found.reshape(blocks, width).astype(np.float64)

    def behind(self, weights: Array) -> NDArray[np.int64]:
        """Weights of blocks (B, J) → (J,) the units that count for anything; of more than 400, all are said to."""
        return (
            np.minimum((weights > 0).sum(axis=0), self.count)
            if self.count <= BLOCKS
            else np.full(weights.shape[1], self.count)
        )

    def group_count(self) -> int | None:
        """What a ``Measure`` says of them: the number of groups, nothing where each sample stands for itself."""
        return self.count if self.grouped else None


def jackknife(sums: Array, statistic: Statistic) -> tuple[Array, Array]:
    """(J,) values and (B, J) what each block adds to them (Quenouille 1949; Tukey 1958), of sums (B, m).

    The sum of their squares is the variance of the values. It is the cluster-robust variance CR3 of Bell & McCaffrey
    (2002): with few units too large rather than too small.
    """
    total = sums.sum(axis=0)
    blocks = len(sums)
    value = np.atleast_1d(statistic(total))
    left = statistic(total - sums).reshape(blocks, -1)
    return value, added(value, left)


def added(value: Array, left: Array) -> Array:
    """(B, J) what each block adds to the values (J,), of those without it (B, J)."""
    return np.asarray((value - left) * math.sqrt((len(left) - 1) / len(left)))


def standard_error(shares: Array, scales: Sequence[Scale], unmet: Sequence[float] | float = 0.0) -> Array:
    """What each block adds (B, J) → (J,) the standard error, with a reserve for what few units do not show.

    The jackknife knows the units that are there. Ten errors with a heavy tail show none of its worst, ten masks no image
    of which nothing is found, and their spread is too small just where their mean is too good. So a part of a unit
    (``TAILS``) is added that lies twice as far away as the farthest, and, where it is known what a failure would add
    (``unmet``: one wrong answer of a network that has been right each time), so is that. It vanishes as units grow many.
    """
    reserve = np.maximum(2 * np.abs(shares).max(axis=0), unmet)
    weight = np.array([TAILS[scale] for scale in scales])
    error: Array = np.sqrt(np.square(shares).sum(axis=0) + weight * reserve**2)
    return error


def equal_units(weights: Array, units: int | None = None) -> Array:
    """(B, …) weights of blocks → (…) how many units of equal weight they are worth: (Σ w)² / Σ w² (Kish 1965).

    120 images of three patients, 100 of them of one, are 1.4 patients. ``units``: how many stand behind the blocks.
    """
    weights = np.asarray(weights, np.float64)
    square = np.square(weights).sum(axis=0)
    worth = np.divide(np.square(weights.sum(axis=0)), square, out=np.zeros_like(square), where=square > 0)
    return np.asarray(worth if units is None or units <= len(weights) else worth * (units / len(weights)))


def interval(value: float, error: float, units: float, scale: Scale = "any") -> tuple[float, float]:
    """95 % interval of a value with a standard error from ``units`` of equal weight: Student's t on the given scale.

    Shares (``counts``, ``share`` 0 … 1, ``angle`` 0° … 180°, ``brier`` 0 … 2, ``correlation`` −1 … 1): on the logit, so that
    it stays inside; ``positive`` and ``squares`` (an error, the root of squared ones): on the logarithm; ``below one`` (R²):
    on the logarithm of what is missing to 1. Where all units are at an end, it is that of a proportion of so many samples.
    NaN where the units are too few, or do not differ at all.
    """
    if not math.isfinite(value) or units < FEWEST or not math.isfinite(error):
        return math.nan, math.nan
    start, length = SPANS.get(scale, (0.0, 1.0))
    share = (value - start) / length
    if scale in SPANS and not 1e-12 < share < 1 - 1e-12:
        low, high = proportion(round(share) * units, units)
        return start + length * low, start + length * high
    if error <= 1e-12 * max(1.0, abs(value)):
        return math.nan, math.nan
    return around(value, float(stdtrit(units - 1, SURE)) * error, scale)


def around(value: float, half: float, scale: Scale) -> tuple[float, float]:
    """The bounds of an interval of ± ``half``, made asymmetric so that they stay within the ends of the scale.

    ``half`` is carried over to the logit, or the logarithm, by its slope at the value (the delta method, as for areas under
    ROC curves: Pepe 2003; Qin & Hotilovac 2008).

    >>> [round(bound, 3) for bound in around(0.95, 0.1, "share")], around(0.95, 0.25, "any")
    ([0.698, 0.994], (0.7, 1.2))
    """
    if scale in SPANS:
        start, length = SPANS[scale]
        share = (value - start) / length
        apart = half / length / (share * (1 - share))
        low, high = (float(expit(logit(share) + way * apart)) for way in (-1, 1))
        return start + length * low, start + length * high
    if scale in ("positive", "squares"):
        if value <= 0:  # at the end of the scale, whose logarithm says nothing of how far the truth may lie from it
            return math.nan, math.nan
        if half / value > WIDEST:  # nearly 0: on the logarithm the bounds would be 10 to the power of anything
            return 0.0, value + half
        factor = math.exp(half / value)
        return value / factor, value * factor
    if scale == "below one":
        low, high = around(1 - value, half, "positive")
        return 1 - high, 1 - low
    return value - half, value + half


def measured(
    sums: Array, statistic: Statistic, units: Units, scales: Sequence[Scale], n: Sequence[int], weights: Array,
    unmet: Sequence[float] | float = 0.0,
) -> list[Measure]:  # fmt: skip
    """J measures of sums (B, m), each on its scale, with its n. ``weights`` (B, J): what each block counts for in each."""
    return with_intervals(*jackknife(sums, statistic), units, scales, n, weights, unmet)


def with_intervals(
    values: Array, shares: Array, units: Units, scales: Sequence[Scale], n: Sequence[int], weights: Array,
    unmet: Sequence[float] | float = 0.0,
) -> list[Measure]:  # fmt: skip
    """The same of values (J,) and what each block adds to them (B, J), as ``jackknife`` gives both."""
    errors = standard_error(shares, scales, unmet)
    columns = values, errors, equal_units(weights, units.count), units.behind(weights)
    rows = zip(*(column.tolist() for column in columns), scales, n, strict=True)
    return [
        Measure(value, *interval(value, error, worth, scale), count, behind if units.grouped else None)
        for value, error, worth, behind, scale, count in rows
    ]


def mean_measures(
    columns: Array, scales: Sequence[Scale], groups: Groups = None, seed: int = 0, unmet: Sequence[float] | float = 0.0
) -> list[Measure]:
    """The mean of each column (n, J) over its defined values (NaN: left out, and not in ``n``), with its interval."""
    columns = np.asarray(columns, np.float64)
    defined = ~np.isnan(columns)
    units, j = Units.of(groups, len(columns), seed), columns.shape[1]
    sums = units.sums(np.concatenate([np.where(defined, columns, 0.0), defined], axis=1))

    def means(totals: Array) -> Array:
        above, below = totals[..., :j], totals[..., j:]
        return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0.5))

    counts = defined.sum(axis=0).tolist()
    return measured(sums, means, units, scales, counts, sums[:, j:], unmet)


def share_measure(held: NDArray[np.bool_], groups: Groups = None, seed: int = 0) -> Measure:
    """The share of samples (n,) of which something holds, with its interval; of groups the interval is over these."""
    if groups is None:
        return proportion_measure(int(held.sum()), len(held))
    return mean_measures(held[:, None], ("counts",), groups, seed)[0]
