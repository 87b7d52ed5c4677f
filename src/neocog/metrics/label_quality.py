"""How far drawn labels, boxes or masks, agree with what a network sees: their kinds of doubt, and the score of a whole image.

One scale from 0 (the network contradicts the label) to 1 (it draws the same). NumPy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import Array

MISSED, INVENTED, BADLY_DRAWN, WRONG_CLASS = DOUBTS = ("missed", "invented", "badly drawn", "wrong class")
DRAWN = 0.6  # overlap from which on a label is drawn well enough
TEMPERATURE = 0.1  # of ``soft_minimum``: that of both papers


def soft_minimum(qualities: Array) -> float:
    """Of qualities (n,) in [0, 1] the mean, weighted by softmax((1 − q) / 0.1): nearly their least. NaN of none.

    The score of an image in ObjectLab (Tkachenko, Thyagarajan & Mueller 2023), over its boxes, and in "Estimating label quality
    and errors in semantic segmentation data via any model" (Lad & Mueller 2023), over its pixels.

    >>> round(soft_minimum(np.array([0.9, 0.1])), 3), round(soft_minimum(np.array([0.9, 0.9])), 3)
    (0.1, 0.9)
    """
    known: NDArray[np.float64] = np.asarray(qualities, np.float64).ravel()
    if not known.size:
        return float("nan")
    weights = np.exp((known.min() - known) / TEMPERATURE)
    return float((weights * known).sum() / weights.sum())
