"""The linear probe for values is ridge regression, with the penalty that folds choose."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from neocog.engine.ridge import PENALTIES, solve_values, values_by_folds

RNG = np.random.default_rng(0)


def problem(n: int, f: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    features = (RNG.normal(size=(n, f)) * RNG.uniform(0.1, 5, f) + RNG.normal(size=f)).astype(np.float32)
    values = features[:, :3] @ RNG.normal(size=(3, 2)) + noise * RNG.normal(size=(n, 2))
    return features, values


@pytest.mark.parametrize(("n", "f"), [(80, 10), (20, 50)])
@pytest.mark.parametrize("weighed", [False, True])
def test_it_is_scikit_learns_ridge_at_the_penalty_that_was_chosen(n: int, f: int, weighed: bool) -> None:
    features, values = problem(n, f, 0.3)
    weights = RNG.uniform(0.2, 2, n) if weighed else None
    found = solve_values(features, values, weights)
    mean, std = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    total = n if weights is None else weights.sum()
    reference = Ridge(alpha=total / found.inverse_penalty).fit((features - mean) / std, values, weights)
    expected = reference.predict((features - mean) / std)
    np.testing.assert_allclose(features @ found.weight.T + found.bias, expected, rtol=1e-3, atol=1e-3)


def test_more_noise_asks_for_a_stronger_penalty_and_a_feature_that_never_moves_is_left_alone() -> None:
    quiet, loud = (solve_values(*problem(60, 40, noise)).inverse_penalty for noise in (0.01, 30.0))
    assert quiet > loud and np.isclose(PENALTIES, 1 / loud).any()
    features, values = problem(60, 5, 0.1)
    features[:, 2] = 7
    found = solve_values(features, values)
    assert (found.weight[:, 2] == 0).all() and np.isfinite(found.weight).all()


def test_samples_of_one_group_stay_in_one_fold() -> None:
    """Features that name the group alone: only where groups are held out whole is it seen that they tell nothing."""
    group, weaker = np.repeat(np.arange(20), 5), 0.0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        features = (np.eye(20)[group] + 0.01 * rng.normal(size=(100, 20))).astype(np.float32)
        values = rng.normal(size=20)[group][:, None]
        apart, together = (solve_values(features, values, groups=g).inverse_penalty for g in (None, group.tolist()))
        weaker += np.log10(apart / together)
    assert weaker > 4
    assert solve_values(features[:1], values[:1]).bias == pytest.approx(values[0])


def test_every_view_is_learned_from_and_the_one_that_is_evaluated_judges() -> None:
    features, values = problem(60, 40, 0.5)
    alone, twice = solve_values(features, values), solve_values(np.stack([features] * 2), values)
    np.testing.assert_allclose(alone.weight, twice.weight, rtol=1e-3, atol=1e-4)
    assert (alone.loss, alone.inverse_penalty) == pytest.approx((twice.loss, twice.inverse_penalty))
    by_folds = [values_by_folds(each, values, 1.0) for each in (features, np.stack([features] * 2))]
    assert by_folds[0] is not None and np.allclose(by_folds[0], by_folds[1], atol=1e-3)
    noise = RNG.normal(size=features.shape).astype(np.float32)
    judged_by_noise, judged_clearly = (
        solve_values(np.stack(e), values) for e in ((noise, features), (features, noise))
    )
    assert judged_by_noise.loss > judged_clearly.loss
    assert judged_by_noise.inverse_penalty < judged_clearly.inverse_penalty
