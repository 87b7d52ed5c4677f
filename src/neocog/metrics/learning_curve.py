"""A power law through the errors of networks that learned from more and more samples, and how little it is sure of.

error ≈ a · n^−b (Hestness et al. 2017): a straight line in the logarithms, by least squares. Letters: m points (four, as a rule).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class PowerLaw:
    """Of m points: the line, and what a new point's distance from it may be."""

    exponent: float  # b
    middle: tuple[float, float]  # mean of log n, mean of log error
    spread: float  # sum of squares of log n about its mean
    deviation: float  # standard deviation of log error about the line, with m − 2 degrees of freedom
    points: int  # m

    @classmethod
    def of(cls, sizes: Sequence[int], errors: Sequence[float]) -> PowerLaw:
        """Through ``errors`` (m ≥ 3, above 0) of networks that learned from ``sizes`` (m different) samples."""
        x, y = np.log(np.asarray(sizes, np.float64)), np.log(np.asarray(errors, np.float64))
        spread = float(((x - x.mean()) ** 2).sum())
        exponent = float(((x - x.mean()) * y).sum()) / spread
        rest = y - y.mean() - exponent * (x - x.mean())
        deviation = math.sqrt(float((rest**2).sum()) / (len(x) - 2))
        return cls(-exponent, (float(x.mean()), float(y.mean())), spread, deviation, len(x))

    def error(self, n: float) -> float:
        """What is to be expected of n samples."""
        return math.exp(self.middle[1] - self.exponent * (math.log(n) - self.middle[0]))

    def bounds(self, n: float, low: float = 1.0, high: float = 1.0) -> tuple[float, float]:
        """95 % interval of the error that one network has after n samples.

        Student's t about the line, with m − 2 degrees of freedom (4.3 standard deviations for four points), which knows the noise
        that differs from point to point; that of the test samples, which all points share, comes on top: ``low`` and ``high`` are
        the bounds of the last point's own interval as factors of its error.
        """
        away = (math.log(n) - self.middle[0]) ** 2 / self.spread
        half = float(stdtrit(self.points - 2, 0.975)) * self.deviation * math.sqrt(1 + 1 / self.points + away)
        down, up = (math.hypot(half, math.log(max(factor, 1e-9))) for factor in (low, high))
        return self.error(n) * math.exp(-down), self.error(n) * math.exp(min(up, 700.0))
