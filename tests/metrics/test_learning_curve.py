"""The power law through a learning curve: exact where the errors lie on one, and unsure as four points are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress, norm, t

from neocog.metrics.intervals import proportion
from neocog.metrics.learning_curve import PowerLaw

SIZES = (30, 60, 120, 240)


def test_errors_on_a_law_are_gone_on_with() -> None:
    law = PowerLaw.of(SIZES, [2.0 * n**-0.5 for n in SIZES])
    assert law.exponent == pytest.approx(0.5)
    assert law.error(480) == pytest.approx(2 * 480**-0.5)
    assert law.bounds(480) == pytest.approx((law.error(480),) * 2)


def test_the_interval_is_that_of_a_new_point_about_a_line() -> None:
    errors = np.array([0.31, 0.28, 0.17, 0.15])
    x, y, new = np.log(SIZES), np.log(errors), np.log(480)
    line = linregress(x, y)
    spread = np.sqrt(((y - line.intercept - line.slope * x) ** 2).sum() / 2)
    half = t.ppf(0.975, 2) * spread * np.sqrt(1 + 1 / 4 + (new - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    middle = line.intercept + line.slope * new
    law = PowerLaw.of(SIZES, errors.tolist())
    assert law.bounds(480) == pytest.approx((np.exp(middle - half), np.exp(middle + half)))
    low, high = law.bounds(480, 0.5, 2.0)
    assert low < law.bounds(480)[0] and high > law.bounds(480)[1]


@pytest.mark.parametrize("scale", [1.2, 4.0])
def test_it_holds_as_often_as_it_says(scale: float) -> None:
    """100 test samples, the same for all points; networks that differ by 10 % of their error from training to training."""
    rng, held, draws = np.random.default_rng(0), 0, 400
    sizes = np.array([*SIZES, 480])
    for _ in range(draws):
        errors = np.minimum(scale * sizes**-0.5 * np.exp(0.1 * rng.normal(size=5)), 0.95)
        hard, own = rng.normal(size=100), rng.normal(size=(5, 100))
        wrong = (0.8 * hard + 0.6 * own < norm.ppf(errors)[:, None]).sum(axis=1)
        said = np.maximum(wrong / 100, 0.005)
        factors = [max(bound, 0.005) / said[3] for bound in proportion(int(wrong[3]), 100)]
        low, high = PowerLaw.of(SIZES, said[:4].tolist()).bounds(480, *factors)
        held += low <= errors[4] <= high
    assert held / draws >= 0.94
