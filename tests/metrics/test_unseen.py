"""None of these: a score's AUROC, and the cut at which most are right."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from neocog.metrics.unseen import best_cut, known_from_unseen

RNG = np.random.default_rng(0)
KNOWN, UNSEEN = RNG.normal(2, 1, 300), RNG.normal(0, 1, 200)


def test_the_auroc_is_scikit_learns_with_an_interval_around_it() -> None:
    truth = np.r_[np.ones(300), np.zeros(200)]
    found = known_from_unseen(KNOWN, UNSEEN, np.arange(500).astype(str))
    assert found.value == pytest.approx(roc_auc_score(truth, np.r_[KNOWN, UNSEEN]))
    assert found.low < found.value < found.high


def test_classes_as_groups_widen_the_interval() -> None:
    shifted = np.repeat(RNG.normal(0, 1, 10), 20)
    names = [np.arange(300).astype(str), np.repeat([f"u{i}" for i in range(10)], 20)]
    alone = known_from_unseen(KNOWN, shifted, np.arange(500).astype(str))
    grouped = known_from_unseen(KNOWN, shifted, np.concatenate(names))
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_the_cut_is_the_best_of_all() -> None:
    cut = best_cut(KNOWN, UNSEEN)

    def right(at: float) -> float:
        return float((at <= KNOWN).mean() + (at > UNSEEN).mean())

    assert all(right(cut) >= right(at) - 1e-12 for at in np.linspace(-4, 6, 2001))


def test_scores_that_are_apart_are_cut_between_them() -> None:
    assert best_cut(np.array([3.0, 4, 5]), np.array([0.0, 1])) == 2.0
