"""A linear probe for values: the head of a pretrained network by ridge regression on its features (Hoerl and Kennard 1970).

Letters: n samples, F features, V values, in standard deviations of the training part; views of samples as in ``probe``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from neocog.engine.probe import FOLDS, Floats, Ints, Probe, in_views, of_views, spread, units_of

PENALTIES = np.logspace(-4, 2, 13)  # on the squared weights, a sample; features have unit variance
STRONG = 1.0  # where too few samples tell


def solve_values(
    features: NDArray[Any],
    values: Floats,
    weights: Floats | None = None,
    groups: Sequence[object] | None = None,
    seed: int = 0,
) -> Probe:
    """The head for (n, F) ``features``, or those of several views (…, n, F), and (n, V) ``values``. ``weights`` (n,) of the
    samples; samples of one of ``groups`` (n,) stay in one fold, by which the penalty is chosen. One thread, as ``probe.solve``."""
    with threadpool_limits(1):
        features = in_views(features)
        mean, std = spread(features)
        scaled, shares = (features - mean) / std, np.ones(len(values)) if weights is None else weights
        chosen = _chosen(scaled, values, shares, groups, seed)
        ((weight, bias),) = fits(*of_views(scaled, values, shares), np.array([chosen]))
        loss = np.average(np.square(scaled[0] @ weight.T + bias - values).mean(axis=1), weights=shares)
    weight = weight / std
    return Probe(weight.astype(np.float32), (bias - weight @ mean).astype(np.float32), float(loss), 1 / chosen)


def values_by_folds(
    features: NDArray[Any],
    values: Floats,
    inverse_penalty: float,
    weights: Floats | None = None,
    groups: Sequence[object] | None = None,
    seed: int = 0,
) -> NDArray[np.float32] | None:
    """(n, V) of each sample by a head that is solved for without it, by the folds of ``solve_values``, whose inverse penalty is
    given; None where there can be no folds. ``features`` as those of ``solve_values``."""
    with threadpool_limits(1):
        features = in_views(features)
        mean, std = spread(features)
        scaled, shares = (features - mean) / std, np.ones(len(values)) if weights is None else weights
        folds, found = _folds(units_of(groups, len(values)), seed), np.zeros_like(values)
        for train, held in folds:
            penalty = np.array([1 / inverse_penalty])
            ((weight, bias),) = fits(*of_views(scaled[:, train], values[train], shares[train]), penalty)
            found[held] = scaled[0, held] @ weight.T + bias
    return found.astype(np.float32) if folds else None


def _folds(units: Ints, seed: int) -> list[tuple[Ints, Ints]]:
    """(train, held) positions of each fold; none where there is a single unit."""
    count = min(FOLDS, len(np.unique(units)))
    if count < 2:
        return []
    return list(GroupKFold(count, shuffle=True, random_state=seed % 2**32).split(units, groups=units))


def _chosen(features: Floats, values: Floats, weights: Floats, groups: Sequence[object] | None, seed: int) -> float:
    """The penalty whose squared error over the folds' held-out samples is least; of equals the strongest."""
    folds = _folds(units_of(groups, len(values)), seed)
    if not folds:
        return STRONG
    errors = np.zeros(len(PENALTIES))
    for train, held in folds:
        learned = of_views(features[:, train], values[train], weights[train])
        for place, (weight, bias) in enumerate(fits(*learned, PENALTIES)):
            errors[place] += (weights[held, None] * np.square(features[0, held] @ weight.T + bias - values[held])).sum()
    return float(PENALTIES[::-1][errors[::-1].argmin()])


def fits(features: Floats, values: Floats, weights: Floats, penalties: Floats) -> list[tuple[Floats, Floats]]:
    """(weight (V, F), bias (V,)) for each penalty, from one singular value decomposition."""
    total, roots = weights.sum(), np.sqrt(weights)[:, None]
    middle, level = weights @ features / total, weights @ values / total
    left, scale, right = np.linalg.svd(roots * (features - middle), full_matrices=False)
    toward = left.T @ (roots * (values - level))  # (R, V)
    found = []
    for penalty in penalties:
        weight = ((scale / (np.square(scale) + penalty * total))[:, None] * toward).T @ right
        found.append((weight, level - weight @ middle))
    return found
