"""The Ladder: a public score that many attempts cannot overfit (Blum & Hardt 2015, "The Ladder: a reliable leaderboard for
machine learning competitions", ICML; the parameter-free form, figure 3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Ladder:
    """The public score of one name over its attempts: the mean of its points on n held-out samples, shown in n-ths of ``unit``.

    A new attempt moves the score only where it is better than the best one so far by more than the standard error of their
    difference; otherwise the old score is shown again, so that an attempt that was no real step tells nothing of the samples.

    >>> ladder = Ladder()
    >>> ladder.score(np.array([True, True, False, False] * 25))
    0.5
    >>> ladder.score(np.array([True, True, False, True] + [True, True, False, False] * 24))  # one more by luck
    0.5
    """

    def __init__(self, unit: float = 1.0) -> None:
        self.unit = unit
        self.shown = -math.inf
        self.best: NDArray[np.float64] | None = None  # (n,) of the attempt that is shown
        self.steps: list[bool] = []  # of each attempt, whether it moved the score

    def score(self, points: NDArray[np.bool_] | NDArray[np.float64]) -> float:
        """The mean that is shown after an attempt with these ``points`` (n,): more is better, NaN does not count."""
        new = np.asarray(points, np.float64)
        counted, needed = new[~np.isnan(new)], self.shown
        if self.best is not None:
            apart = new - self.best
            needed += float(np.nanstd(apart, ddof=1)) / math.sqrt(int((~np.isnan(apart)).sum()))
        moves = bool(len(counted)) and bool(counted.mean() > needed)
        if moves:
            steps = round(float(counted.mean()) * len(counted) / self.unit)
            self.best, self.shown = new, steps * self.unit / len(counted)
        self.steps.append(moves)
        return self.shown
