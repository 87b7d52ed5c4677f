"""Sets of classes, and intervals, that hold the truth as often as one asks: split conformal prediction.

Vovk et al. 2005; intervals: Lei et al. 2018; sets of the least average size: Sadinle, Lei & Wasserman 2019. The promise
holds for any network, on average over draws, where new samples are like the calibration samples (exchangeable).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
KEPT = 1000  # scores that are kept of more; a coverage then is held to a thousandth, never below


def rank(n: int, coverage: float) -> int:
    """Which of n sorted scores, counted from 1, covers: ⌈(n + 1) · coverage⌉. Above n where they are too few."""
    return math.ceil((n + 1) * coverage - 1e-9)  # 0.9 · 10 is 9, however it is rounded


def fewest(coverage: float) -> int:
    """The smallest number of calibration samples from which ``coverage`` can be promised."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def most(n: int) -> float:
    """The largest coverage that n calibration samples can promise."""
    return n / (n + 1)


def quantile(scores: Array, coverage: float) -> float:
    """The score that ``coverage`` of new samples do not exceed; infinite where the scores (n,) are too few to say."""
    ordered = np.sort(np.asarray(scores, np.float64))
    place = rank(len(ordered), coverage)
    return float(ordered[place - 1]) if place <= len(ordered) else math.inf


def class_scores(probabilities: Array, labels: Array) -> Array:
    """(n,) how strange each truth is: 1 − its probability. ``probabilities`` (n, K), ``labels`` (n,)."""
    scores: Array = 1 - probabilities[np.arange(len(labels)), labels]
    return scores


def sets(probabilities: Array, threshold: float) -> NDArray[np.bool_]:
    """(n, K) which classes stand in each sample's set: those whose score is at most ``threshold``, and always the likeliest.

    Without the likeliest a sample could get an empty set wherever the network is right more often than was asked.
    """
    found = 1 - probabilities <= threshold
    found[np.arange(len(found)), probabilities.argmax(axis=1)] = True
    return found


def kept(scores: Array) -> dict[str, Any]:
    """What model.json keeps of each row of scores (R, n): their number, and of more than ``KEPT`` every so many."""
    ordered = np.sort(np.asarray(scores, np.float64), axis=1)
    n = ordered.shape[1]
    return {"n": n, "scores": ordered[:, _ranks(n) - 1].tolist()}


def thresholds(facts: Mapping[str, Any], coverage: float) -> list[float]:
    """(R,) the scores that ``coverage`` of new samples do not exceed, from what ``kept`` kept; infinite: too few."""
    n = int(facts["n"])
    place = int(np.searchsorted(_ranks(n), rank(n, coverage)))
    return [float(row[place]) if place < len(row) else math.inf for row in facts["scores"]]


def _ranks(n: int) -> NDArray[np.int64]:
    """(min(n, KEPT),) the ranks, counted from 1, that are kept of n sorted scores; n is the last."""
    count = min(n, KEPT)
    return np.ceil(np.arange(1, count + 1) * n / max(1, count)).astype(np.int64)
