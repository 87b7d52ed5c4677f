"""Risk control: masks that miss no more than was allowed, on average over draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from neocog.metrics.risk_control import CUTS, cut_for, fewest, missed


def test_missed_is_the_share_of_the_object_below_a_cut() -> None:
    shares = np.array([[0.9, 0.5], [0.25, 0.0]])
    found = missed(shares, np.array([[1, 1], [1, 0]]))
    assert found[CUTS.searchsorted(0.3)] == pytest.approx(1 / 3) and found[0] == 0 and found[-1] == 1
    assert (np.diff(found) >= 0).all()
    assert np.isnan(missed(shares, np.zeros((2, 2)))).all()
    assert missed(shares, np.array([[1, 255], [255, 0]]))[CUTS.searchsorted(0.8)] == 0


def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, L) losses of images that are seen more or less well."""
    sight = rng.beta(2, 1, n)
    return np.stack([missed(rng.beta(6 * each, 1, (1, 50)), np.ones((1, 50))) for each in sight])


@pytest.mark.parametrize(("n", "risk"), [(30, 0.1), (100, 0.05)])
def test_the_risk_of_a_new_image_is_within_what_was_allowed(n: int, risk: float) -> None:
    rng = np.random.default_rng(0)
    new = draw(2000, rng).mean(axis=0)
    risks = []
    for _ in range(100):
        cut = cut_for(draw(n, rng), risk)
        risks.append(new[int(CUTS.searchsorted(cut))] if cut >= 0 else 0.0)
    assert 0.4 * risk < np.mean(risks) <= 1.03 * risk


def test_too_few_images_promise_nothing() -> None:
    none_lost = np.zeros((18, len(CUTS)))
    assert math.isnan(cut_for(none_lost, 0.05)) and fewest(0.05) == 19
    assert cut_for(np.zeros((19, len(CUTS))), 0.05) == 1
