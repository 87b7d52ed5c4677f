"""More of found boxes: average precision of small and large objects, sensitivity at few false boxes an image, what scores mean.

Letters: n images, D found and G true boxes. NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.calibration import Bins, calibration_bins, calibration_error
from neocog.metrics.counted_boxes import Compared, by_class, precision_measures
from neocog.metrics.counts import Array
from neocog.metrics.detection import Objects, match, outcomes
from neocog.metrics.intervals import Groups, Units
from neocog.records import Measure

SIZES: Mapping[str, tuple[float, float]] = {
    "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, np.inf),
}  # pixels of area: COCO's (Lin et al. 2014)  # fmt: skip
ENOUGH = 20  # true boxes of a size below which nothing is said of it
RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false boxes an image (Setio et al. 2017, LUNA16)
LEAST_SCORE = 0.05  # score from which on its meaning is asked for: the many boxes below are hardly claimed


def of_size(compared: Compared, low: float, high: float) -> Compared:
    """What counts is of an area between ``low`` and ``high``: other true boxes are set aside, other found ones are no mistake."""
    truth, found = (beyond(each, low, high) for each in (compared.truth, compared.found))
    theirs = compared.truth.marked(compared.truth.ignored | truth)
    own = compared.found.marked(compared.found.ignored | found)
    return Compared(theirs, own, match(compared.truth, own, aside=truth), compared.n, compared.classes)


def beyond(objects: Objects, low: float, high: float) -> NDArray[np.bool_]:
    """(B,) whether boxes are of another area."""
    return np.asarray((objects.areas < low) | (objects.areas > high))


def counts_by_size(truth: Objects) -> dict[str, int]:
    """How many true boxes of each size count."""
    return {name: int((~truth.ignored & ~beyond(truth, *limits)).sum()) for name, limits in SIZES.items()}


def size_measures(compared: Compared, groups: Groups = None, seed: int = 0) -> dict[str, dict[str, Measure]]:
    """Average precision of the sizes that have at least ``ENOUGH`` true boxes: {"small": {"ap50": …, "ap50_95": …}}."""
    there = [name for name, count in counts_by_size(compared.truth).items() if count >= ENOUGH]
    return {name: precision_measures(of_size(compared, *SIZES[name]), groups, seed)[0] for name in there}


def froc_measures(compared: Compared, groups: Groups = None, seed: int = 0) -> list[dict[str, Measure]]:
    """Sensitivity at each of ``RATES`` ("0.125" …), and their mean ("froc"): of all classes, then of each (K).

    Free-response operating characteristic (Bunch et al. 1978) at an overlap of 0.5; ``images`` are all, with and without objects.
    """
    return by_class(compared, _sensitivities, (*(f"{rate:g}" for rate in RATES), "froc"), groups, seed)


def _sensitivities(hits: Array, positives: int, images: int) -> tuple[float, ...]:
    if not positives or not images:
        return (np.nan,) * (len(RATES) + 1)
    right, false = (np.cumsum(hits[:, 0] == kind) for kind in (1, 0))
    last = np.searchsorted(false, np.array(RATES) * images, side="right")  # boxes until one too many is false
    found = np.append(0, right)[last] / positives
    return (*found.tolist(), float(found.mean()))


def score_calibration(compared: Compared, groups: Groups = None, seed: int = 0) -> tuple[Bins, Measure]:
    """Whether of the boxes with a score of 0.8 eight of ten are right, at an overlap of 0.5: bins, and the expected calibration
    error over images or groups (Küppers et al. 2020). Of boxes with a score of at least ``LEAST_SCORE``."""
    hits, found = outcomes(compared.matched)[:, 0], compared.found
    chosen = (hits >= 0) & (found.score >= LEAST_SCORE)
    image, score, right = found.image[chosen], found.score[chosen], hits[chosen] == 1
    bins = calibration_bins(score, right)
    if not len(score):
        return bins, Measure(np.nan, np.nan, np.nan, 0)
    own = Units.of(groups, compared.n, seed).member[image]
    return bins, calibration_error(score, right, Units.of(own, len(score), seed))
