"""Answering less, but better: which answers to keep so that few of them are wrong (El-Yaniv & Wiener 2010).

Letters: n samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

Array = NDArray[Any]
STEPS = 100  # cuts that are tried
UNSURE = 0.05  # chance that more of the kept answers are wrong than was asked for


def risk_at_coverage(confidence: Array, right: Array) -> tuple[Array, Array]:
    """(n,) shares of samples that are answered, the most confident first, and of each the share of wrong answers. Of equal
    confidence all are answered or none, and they share the last one's."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    count = np.arange(1, len(order) + 1)
    risk = np.cumsum(~np.asarray(right, bool)[order]) / count
    last = np.searchsorted(-np.asarray(confidence)[order], -np.asarray(confidence)[order], "right") - 1
    return (last + 1) / max(1, len(order)), risk[last]


def area(confidence: Array, right: Array) -> float:
    """Mean of the risk over all coverages, AURC (Geifman, Uziel & El-Yaniv 2019): 0 is best."""
    return float(risk_at_coverage(confidence, right)[1].mean()) if len(right) else math.nan


def most_wrong(wrong: Array | int, n: Array | int) -> Array:
    """Clopper's and Pearson's upper bound of a share of wrong answers, above which the truth lies with a chance of ``UNSURE``."""
    wrong, n = np.asarray(wrong, np.float64), np.asarray(n, np.float64)
    return np.where(wrong < n, betaincinv(wrong + 1, np.maximum(n - wrong, 1e-9), 1 - UNSURE), 1.0)


def cut_for(confidence: Array, right: Array, error: float) -> float:
    """The lowest confidence that is answered so that at most ``error`` of the answers are wrong; infinite where none can be
    promised.

    With a chance of 95 % over draws of these samples, which must not have trained the network, the promise holds for new
    samples like them: thresholds are tested one after the other, from those that keep just enough samples to tell on, and
    the first that fails ends it, so that no correction for their number is needed (learn then test: Angelopoulos et al.
    2021, fixed sequence testing).
    """
    values, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    least = math.ceil(math.log(UNSURE) / math.log1p(-error))  # of which none may be wrong
    if len(values) < least:
        return math.inf
    counts = np.unique(np.linspace(least, len(values), STEPS).round().astype(np.int64))
    ordered = np.sort(values)[::-1]
    found = math.inf
    for cut in ordered[counts - 1]:
        kept = values >= cut
        if most_wrong((kept & ~right).sum(), kept.sum()) > error:
            break
        found = float(cut)
    return found
