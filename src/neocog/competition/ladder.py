"""The Ladder: a public score that many attempts cannot overfit (Blum & Hardt 2015, "The Ladder: a reliable leaderboard for
machine learning competitions", ICML; the parameter-free form, figure 3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Ladder:
    """The public score of one name over its attempts, on n held-out samples.

    A new attempt moves the score only where it is better than the best one so far by more than the standard error of their
    difference; otherwise the old score is shown again, so that an attempt that was no real step tells nothing of the samples.

    >>> ladder = Ladder()
    >>> ladder.score(np.array([True, True, False, False] * 25))
    0.5
    >>> ladder.score(np.array([True, True, False, True] + [True, True, False, False] * 24))  # one more by luck
    0.5
    """

    def __init__(self) -> None:
        self.shown = -math.inf
        self.best: NDArray[np.float64] | None = None  # (n,) of the attempt that is shown
        self.steps: list[bool] = []  # of each attempt, whether it moved the score

    def score(self, correct: NDArray[np.bool_]) -> float:
        """The share (0 … 1) that is shown after an attempt whose answers are ``correct`` (n,)."""
        new = np.asarray(correct, np.float64)
        n = len(new)
        needed = self.shown
        if self.best is not None:
            needed += float((new - self.best).std(ddof=1)) / math.sqrt(n)
        moves = bool(new.mean() > needed)
        if moves:
            self.best, self.shown = new, round(float(new.mean()) * n) / n
        self.steps.append(moves)
        return self.shown
