"""None of these: how well a score tells samples of known classes from those of classes never seen, and where to cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.ranking import macro_auroc
from neocog.records import Measure

Array = NDArray[Any]


def known_from_unseen(known: Array, unseen: Array, groups: Array) -> Measure:
    """AUROC of a score, larger for known (n,) than for unseen (m,) samples; ``groups`` (n + m,): classes or patients."""
    scores = np.concatenate([known, unseen])
    truth = np.concatenate([np.ones(len(known), np.int64), np.zeros(len(unseen), np.int64)])
    return macro_auroc(np.stack([-scores, scores], axis=1), truth, groups)


def best_cut(known: Array, unseen: Array) -> float:
    """The threshold at which most are right, known and unseen counting the same (Youden 1950): below it, none of these."""
    values = np.unique(np.concatenate([known, unseen]))
    cuts = np.concatenate([[values[0]], (values[1:] + values[:-1]) / 2])
    kept = 1 - np.searchsorted(np.sort(known), cuts) / len(known)
    refused = np.searchsorted(np.sort(unseen), cuts) / len(unseen)
    return float(cuts[np.argmax(kept + refused)])


def kept_at(known: Array, unseen: Array, share: float = 0.95) -> float:
    """The share of ``unseen`` (m,) that is taken for known where ``share`` of the ``known`` (n,) are: FPR at 95 % TPR."""
    cut = np.sort(known)[int(np.floor((1 - share) * len(known) + 1e-9))]
    return float((unseen >= cut).mean())
