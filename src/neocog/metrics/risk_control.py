"""A cut of pixels' probabilities by which masks miss no more of an object than one allows: conformal risk control.

Angelopoulos, Bates, Fisch, Lei & Schuster 2022: split conformal prediction for any loss that falls as the set grows. Letters: n
images, L cuts, K classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CUTS = np.concatenate([np.linspace(0, 0.02, 21)[:-1], np.linspace(0.02, 1, 99)])  # finer where objects are hard to see


def missed(shares: Array, truth: Array, ignored: int = 255) -> NDArray[np.float64]:
    """(L,) the share of an object's pixels whose probability lies below each of ``CUTS``; NaN where there is none.

    ``shares`` (H, W) of the object, ``truth`` (H, W): above 0 where it is, ``ignored`` where nobody says.
    """
    inside = np.sort(shares[(truth > 0) & (truth != ignored)])
    if not len(inside):
        return np.full(len(CUTS), np.nan)
    found: NDArray[np.float64] = np.searchsorted(inside, CUTS) / len(inside)
    return found


def cut_for(losses: Array, risk: float) -> float:
    """The largest of ``CUTS`` whose mean loss, of losses (n, L) in 0 … 1, stays within ``risk`` for a new image like these, on
    average over draws; NaN where they are too few to promise it."""
    n = len(losses)
    allowed = (losses.sum(axis=0) + 1) / (n + 1) <= risk
    return float(CUTS[np.flatnonzero(allowed)[-1]]) if allowed.any() else math.nan


def fewest(risk: float) -> int:
    """The smallest number of images from which ``risk`` can be promised, where none of them loses anything."""
    return math.ceil(1 / risk - 1 - 1e-9)
