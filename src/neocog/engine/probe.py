"""A linear probe: the head of a pretrained network solved for, on features that are computed once (Alain and Bengio 2017).

Multinomial logistic regression with an L2 penalty, which folds of the training part choose. Letters: n samples, F features,
K classes, V views of each sample: as it is evaluated, and changed at random. All of them are learned from, the first alone judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits
from torch.nn import Module

from neocog.data.loader import Loader
from neocog.engine.precision import Precision
from neocog.networks.head import features

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WEAKEST, STRONGEST = 1e1, 1e-4  # inverse penalties that are tried, a factor of √10 apart; features have unit variance
FEW = 3e-2  # where too few samples tell
FOLDS = 4
UNKNOWN = -30.0  # the logit of a class without a sample
ITERATIONS = 500
CHOOSING = 5000  # samples at most that choose the penalty of ``held_out``


@dataclass(frozen=True)
class Probe:
    """``weight`` (K, F) and ``bias`` (K,) of the head; ``loss``: mean cross-entropy, of values squared error, of the n samples
    that it was solved for; ``inverse_penalty``: the C of logistic regression, of values 1 / the penalty a sample."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    loss: float
    inverse_penalty: float


@torch.no_grad()
def features_of(
    net: Module,
    loader: Loader,
    part: str,
    precision: Precision,
    advance: Callable[[int], object],
    epoch: int | None = None,
) -> tuple[NDArray[np.float32], Ints, Ints]:
    """((n, F) features, (n,) targets, (n,) positions) of all samples of a part, whole on each rank, as they are evaluated, or as
    they are learned from in ``epoch``."""
    net.eval()
    found, targets, samples = [], [], []
    for batch in replace(loader, rank=0, world=1).evaluation(part, epoch):
        with precision.evaluating(loader.device):
            found.append(features(net, batch.inputs).cpu().numpy())
        targets.append(batch.targets.cpu().numpy())
        samples.append(batch.samples)
        advance(len(batch))
    return np.concatenate(found), np.concatenate(targets), np.concatenate(samples)


def solve(
    features: NDArray[np.float32], labels: Ints, classes: int, weights: Floats | None = None,
    groups: Sequence[object] | None = None, seed: int = 0,
) -> Probe:  # fmt: skip
    """The head for (n, F) or (V, n, F) ``features`` and their ``labels``. ``weights`` (n,) of the samples; samples of one of
    ``groups`` (n,) stay in one fold. One thread: the matrices are small, and its sums do not depend on the machine's."""
    with threadpool_limits(1):
        features = in_views(features)
        mean, std = spread(features)
        rotated, back = _rotated((features - mean) / std)
        weights = np.ones(len(labels)) if weights is None else weights
        chosen = _chosen(rotated, labels, weights, groups, seed)
        fitted = _fit(rotated, labels, weights, chosen)
        coefficients, offsets = _head(fitted, classes)
        weight = (coefficients @ back) / std
        bias = offsets - weight @ mean
    loss = -np.log(
        np.clip(
            fitted.predict_proba(rotated[0])[np.arange(len(labels)), np.searchsorted(fitted.classes_, labels)], 1e-12, 1
        )
    )
    return Probe(weight.astype(np.float32), bias.astype(np.float32), float(loss.mean()), chosen)


def held_out(
    features: NDArray[np.float32], labels: Ints, classes: int, groups: Sequence[object] | None = None, seed: int = 0
) -> Floats:
    """(n, classes) probabilities of each sample by a head that is solved for without its fold; one that ``solve`` would choose
    is held to. A class that only one fold has gets 0 there. Arguments as those of ``solve``."""
    with threadpool_limits(1):
        mean, std = spread(features)
        rotated, _ = _rotated(in_views((features - mean) / std))
        units, ones = units_of(groups, len(labels)), np.ones(len(labels))
        few = np.sort(np.random.default_rng(seed).permutation(len(labels))[:CHOOSING])
        inverse = _chosen(rotated[:, few], labels[few], ones[few], units[few].tolist(), seed)
        found = np.zeros((len(labels), classes))
        order = np.random.default_rng(seed).permutation(units.max() + 1)
        fold = order[units] % min(FOLDS, len(order))
        for held, train in ((np.flatnonzero(fold == k), np.flatnonzero(fold != k)) for k in range(fold.max() + 1)):
            known = np.unique(labels[train])
            if len(known) > 1:
                fitted = _fit(rotated[:, train], labels[train], ones[train], inverse)
                found[np.ix_(held, known)] = fitted.predict_proba(rotated[0, held])
            else:
                found[held, known[0]] = 1.0
    return found


def logits_by_folds(
    features: NDArray[np.float32], labels: Ints, classes: int, inverse_penalty: float,
    weights: Floats | None = None, groups: Sequence[object] | None = None, seed: int = 0,
) -> NDArray[np.float32] | None:  # fmt: skip
    """(n, K) logits of each sample by a head that is solved for without it, by the folds of ``solve``, whose inverse penalty is
    given; None where there can be no folds. ``features`` as those of ``solve``."""
    with threadpool_limits(1):
        features = in_views(features)
        mean, std = spread(features)
        rotated, _ = _rotated((features - mean) / std)
        weights = np.ones(len(labels)) if weights is None else weights
        folds, found = _folds(labels, units_of(groups, len(labels)), seed), np.zeros((len(labels), classes))
        for train, held in folds:
            fitted = _fit(rotated[:, train], labels[train], weights[train], inverse_penalty)
            coefficients, offsets = _head(fitted, classes)
            found[held] = rotated[0, held] @ coefficients.T + offsets
    every = sum(len(held) for _, held in folds) == len(labels)
    return found.astype(np.float32) if every else None


def in_views(features: NDArray[Any]) -> NDArray[Any]:
    """(V, n, F) of as much, or of (n, F): one view."""
    return features if features.ndim == 3 else features[None]


def of_views(
    features: NDArray[Any], targets: NDArray[Any], weights: Floats
) -> tuple[NDArray[Any], NDArray[Any], Floats]:
    """((V·n, F), (V·n, …), (V·n,)) of (V, n, F), (n, …) and (n,): each view is a sample, which share the weight of theirs."""
    count = len(features)
    every = features.reshape(-1, features.shape[-1])
    return every, np.concatenate([targets] * count), np.tile(weights / count, count)


def spread(features: NDArray[Any]) -> tuple[Floats, Floats]:
    """(F,) mean and standard deviation of (…, F); infinite for a feature that never moves, of which nothing is learned."""
    features = features.reshape(-1, features.shape[-1])
    mean, std = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    return mean, np.where(std > 1e-6 * max(1e-12, float(std.max())), std, np.inf)


def units_of(groups: Sequence[object] | None, count: int) -> Ints:
    """(n,) what stays in one fold: samples of the same group, and where there are none each for itself."""
    units: Ints = np.arange(count) if groups is None else np.unique(np.asarray(groups, str), return_inverse=True)[1]
    return units


def _rotated(features: Floats) -> tuple[Floats, Floats]:
    """(V, n, R) the same distances in as few axes as V·n samples span, and the (R, F) way back: the penalty sees no difference."""
    count, n, wide = features.shape
    if count * n >= wide:
        return features, np.eye(wide)
    left, scale, right = np.linalg.svd(features.reshape(-1, wide), full_matrices=False)
    return (left * scale).reshape(count, n, -1), right


def _folds(labels: Ints, units: Ints, seed: int) -> list[tuple[Ints, Ints]]:
    """(train, held) positions of each fold, classes by their share; none where a class has a single unit."""
    least = min(len(set(units[labels == label].tolist())) for label in np.unique(labels))
    if least < 2:
        return []
    dealt = StratifiedGroupKFold(min(FOLDS, least), shuffle=True, random_state=seed % 2**32)
    found = dealt.split(np.zeros((len(labels), 1)), labels, units)
    return [(train, held) for train, held in found if len(np.unique(labels[train])) > 1]


def _chosen(features: Floats, labels: Ints, weights: Floats, groups: Sequence[object] | None, seed: int) -> float:
    """The inverse penalty whose cross-entropy over the folds' held-out samples is least; of equals the strongest."""
    folds = _folds(labels, units_of(groups, len(labels)), seed)
    if not folds:
        return FEW
    tried = np.logspace(np.log10(STRONGEST), np.log10(WEAKEST), 11)
    losses = np.zeros(len(tried))
    for train, held in folds:
        known = np.unique(labels[train])
        counted = held[np.isin(labels[held], known)]
        fitted = None
        for place, inverse in enumerate(tried):
            fitted = _fit(features[:, train], labels[train], weights[train], float(inverse), fitted)
            shares = fitted.predict_proba(features[0, counted])
            own = shares[np.arange(len(counted)), np.searchsorted(known, labels[counted])]
            losses[place] -= (weights[counted] * np.log(np.clip(own, 1e-12, 1))).sum()
    return float(tried[losses.argmin()])


def _fit(
    features: Floats, labels: Ints, weights: Floats, inverse: float, start: LogisticRegression | None = None
) -> LogisticRegression:
    """Of (V, n, R) ``features``. ``start``: of another penalty, from whose weights to go on."""
    model = LogisticRegression(C=inverse, max_iter=ITERATIONS, warm_start=True)
    if start is not None:
        model.coef_, model.intercept_, model.classes_ = start.coef_.copy(), start.intercept_.copy(), start.classes_
    return model.fit(*of_views(features, labels, weights))


def _head(fitted: LogisticRegression, classes: int) -> tuple[Floats, Floats]:
    """(K, R) weights and (K,) biases; of two classes scikit-learn has one row, whose halves are the two."""
    coefficients, offsets = np.zeros((classes, fitted.coef_.shape[1])), np.full(classes, UNKNOWN)
    rows, bias = fitted.coef_, fitted.intercept_
    if len(rows) == 1:
        rows, bias = np.vstack([-rows, rows]) / 2, np.hstack([-bias, bias]) / 2
    coefficients[fitted.classes_], offsets[fitted.classes_] = rows, bias
    return coefficients, offsets
