"""The linear probe for values is ridge regression, with the penalty that folds choose."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from neocog.engine.ridge import PENALTIES, solve_values

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
