"""Which labelled boxes are likely wrong, and where one is likely missing: after ObjectLab (Tkachenko et al. 2023), by TIDE's kinds.

Letters: D found and G labelled boxes. NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.box_errors import INVENTED as BACKGROUND
from neocog.metrics.box_errors import MISPLACED, errors_of
from neocog.metrics.box_errors import WRONG_CLASS as OTHER_CLASS
from neocog.metrics.calibration import fit_offsets, log_softmax
from neocog.metrics.counted_boxes import Compared
from neocog.metrics.counts import Array
from neocog.metrics.detection import outcomes, overlap
from neocog.metrics.label_quality import BADLY_DRAWN, DRAWN, INVENTED, MISSED, WRONG_CLASS

TINY = 1e-6  # of a score
NONE = -1


@dataclass(frozen=True)
class Doubt:
    """A labelled box ``given`` (−1: none, one is missing), beside what was ``found`` (−1: nothing), both positions.

    ``quality``: of a labelled box the highest of probability × overlap (IoU) among found boxes of its class that are not another
    label's, or where it seems invented, of any class; of a missing one, 1 − the probability that a box belongs there.
    """

    kind: str
    quality: float
    given: int = NONE
    found: int = NONE


@dataclass(frozen=True)
class Qualities:
    """``doubts``, and ``of_labels`` (G,), the quality of each labelled box; NaN of those that are ignored."""

    doubts: tuple[Doubt, ...]
    of_labels: NDArray[np.float64]


def probabilities_of(compared: Compared) -> NDArray[np.float64]:
    """(D,) how probable it is that a found box is a labelled one, by its score: logistic calibration (Platt 1999; of boxes
    Küppers et al. 2020) on the very boxes, two numbers of them all, since scores of different networks mean different things."""
    score = np.clip(compared.found.score.astype(np.float64), TINY, 1 - TINY)
    logits = np.stack([np.zeros_like(score), np.log(score / (1 - score))], axis=1)
    right = outcomes(compared.matched)[:, 0]
    known = right >= 0
    temperature, offsets = fit_offsets(logits[known], right[known].astype(np.int64), np.zeros(2))
    return np.asarray(np.exp(log_softmax(logits / temperature + offsets))[:, 1])


def box_qualities(compared: Compared, thresholds: Sequence[float]) -> Qualities:
    """Doubts of all boxes, in no order; a found box speaks where it reaches the threshold (K,) of its class."""
    kept, probable = compared.kept(thresholds), probabilities_of(compared)
    errors, matched = errors_of(compared, kept), compared.matched[:, 0]
    taken = np.full(len(compared.truth), NONE)
    own = np.flatnonzero(kept & (matched >= 0))
    taken[matched[own]] = own
    qualities, doubts = np.full(len(compared.truth), np.nan), list[Doubt]()
    for image in range(compared.n):
        theirs = np.flatnonzero((compared.truth.image == image) & ~compared.truth.ignored)
        found = np.flatnonzero(compared.found.image == image)
        shared = overlap(compared.found.corners[found], compared.truth.corners[theirs])
        free = (matched[found][:, None] < 0) | (matched[found][:, None] == theirs[None])
        same = compared.found.label[found][:, None] == compared.truth.label[theirs][None]
        support = probable[found][:, None] * shared * free
        best = (support * same).max(axis=0, initial=0.0)
        any_class = np.where(errors.missed[theirs], support.max(axis=0, initial=0.0), best)
        qualities[theirs] = any_class
        partners, kinds = errors.partners[found], errors.kinds[found]
        for place, given in enumerate(theirs.tolist()):
            about = (partners == given) & (taken[given] == NONE)
            doubts += _of_label(given, place, found, shared, support, kinds * about, taken, float(any_class[place]))
        doubts += _missing(found, kinds, partners, taken, shared, probable)
    return Qualities(tuple(doubts), qualities)


def _of_label(
    given: int, place: int, found: Array, shared: Array, support: Array, kinds: Array, taken: Array, quality: float
) -> Iterator[Doubt]:
    """At most one, of a labelled box at ``place`` among its image's; ``kinds`` (d,): 0 of found boxes that are about another."""
    if taken[given] != NONE:
        if shared[np.searchsorted(found, taken[given]), place] < DRAWN:
            yield Doubt(BADLY_DRAWN, quality, given, int(taken[given]))
        return
    for kind, what in ((OTHER_CLASS, WRONG_CLASS), (MISPLACED, BADLY_DRAWN)):
        about = np.flatnonzero(kinds == kind)
        if len(about):
            yield Doubt(what, quality, given, int(found[about[support[about, place].argmax()]]))
            return
    yield Doubt(INVENTED, quality, given)


def _missing(
    found: Array, kinds: Array, partners: Array, taken: Array, shared: Array, probable: Array
) -> Iterator[Doubt]:
    """Found boxes that overlap no label, or only one that another found box is."""
    for row, box in enumerate(found.tolist()):
        beside = kinds[row] == MISPLACED and taken[partners[row]] != NONE
        if kinds[row] == BACKGROUND or beside:
            near = float(shared[row].max(initial=0.0)) if beside else 0.0
            yield Doubt(MISSED, 1 - float(probable[box]) * (1 - near), NONE, box)
