"""What kind of error each wrong box is, and which true boxes nothing was found of. After Bolya et al. 2020 (TIDE).

Letters: D found and G true boxes. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counted_boxes import Compared
from neocog.metrics.counts import Array
from neocog.metrics.detection import IGNORED, overlap

NEAR, SAME = 0.1, 0.5  # overlaps from which on a box is about an object, and is it
RIGHT, WRONG_CLASS, TWICE, MISPLACED, INVENTED, NEITHER = range(6)
KINDS = ("correct", "wrong class", "duplicate", "poorly localised", "background")


@dataclass(frozen=True)
class Errors:
    """``kinds`` (D,) of found boxes (``NEITHER``: below the threshold, or in what is ignored), ``missed`` (G,) true ones of
    which nothing was found, ``partners`` (D,) the true box that a wrong one is about, −1 without one."""

    kinds: NDArray[np.int64]
    missed: NDArray[np.bool_]
    partners: NDArray[np.int64]


def errors_of(compared: Compared, kept: NDArray[np.bool_]) -> Errors:
    """``kept`` (D,): the found boxes that reach their threshold."""
    truth, found, matched = compared.truth, compared.found, compared.matched[:, 0]
    kinds = np.full(len(found), NEITHER, np.int64)
    partners = np.full(len(found), -1, np.int64)
    kinds[kept & (matched >= 0)] = RIGHT
    missed = ~truth.ignored
    missed[matched[kept & (matched >= 0)]] = False
    wrong = kept & (matched < 0) & (matched != IGNORED)
    for image in range(compared.n):
        theirs, own = (np.flatnonzero(objects.image == image) for objects in (truth, found))
        theirs, own = theirs[~truth.ignored[theirs]], own[wrong[own]]
        if not len(own):
            continue
        if not len(theirs):
            kinds[own] = INVENTED
            continue
        shared = overlap(found.corners[own], truth.corners[theirs])
        same = found.label[own][:, None] == truth.label[theirs][None]
        kinds[own], about = _kinds(shared, same)
        partners[own] = np.where(about >= 0, theirs[about], -1)
        missed[partners[own][(kinds[own] == WRONG_CLASS) | (kinds[own] == MISPLACED)]] = False
    return Errors(kinds, missed, partners)


def _kinds(shared: Array, same: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(d,) kinds and (d,) the true box each is about, of overlaps (d, g) and whether the classes are the same."""
    own, other = np.where(same, shared, 0.0), np.where(same, 0.0, shared)
    best, strange = own.max(axis=1), other.max(axis=1)
    chosen = [best >= SAME, strange >= SAME, best >= NEAR]
    kinds = np.select(chosen, [TWICE, WRONG_CLASS, MISPLACED], INVENTED)
    about = np.select(chosen, [own.argmax(axis=1), other.argmax(axis=1), own.argmax(axis=1)], -1)
    return kinds.astype(np.int64), about.astype(np.int64)
