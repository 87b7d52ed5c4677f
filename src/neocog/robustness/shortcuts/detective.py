"""Can the label be told from a few numbers of each picture? Ridge regression on the classes, judged on folds that it has not seen.

What chance gives is found by the same on permuted labels (Ojala and Garriga 2010). Letters: n samples, F numbers, K classes,
P permutations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from neocog.engine.probe import spread, units_of
from neocog.engine.ridge import fits, solve_values
from neocog.metrics.intervals import proportion, share_measure
from neocog.records import Measure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FOLDS, PERMUTATIONS = 5, 19


@dataclass(frozen=True)
class Evidence:
    """What was told of n samples. ``scores`` (n, K): the larger, the surer; ``chance``: P accuracies with permuted labels."""

    accuracy: Measure
    chance: tuple[float, ...]
    scores: Floats

    @property
    def usual(self) -> float:
        """The mean accuracy with permuted labels."""
        return float(np.mean(self.chance))

    @property
    def strength(self) -> float:
        """How far it goes from chance (0) to all (1)."""
        return max(0.0, (self.accuracy.value - self.usual) / max(1e-9, 1 - self.usual))

    @property
    def standard_error(self) -> float:
        """Of the strength, from the accuracy's interval of 95 %."""
        return (self.accuracy.high - self.accuracy.low) / (2 * 1.96) / max(1e-9, 1 - self.usual)

    @property
    def above_chance(self) -> bool:
        """Whether its interval lies above every permutation: a chance of 1 in P + 1, and of less."""
        return self.accuracy.low > max(self.chance)

    def would_show(self, strength: float) -> bool:
        """Whether a cue so strong would stand above chance on as many samples (or groups)."""
        units = self.accuracy.n if self.accuracy.units is None else self.accuracy.units
        accuracy = self.usual + strength * (1 - self.usual)
        return proportion(accuracy * units, units)[0] > max(self.chance)


def tell(
    features: NDArray[Any], labels: Ints, classes: int, groups: Sequence[object] | None = None, seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> Evidence | None:  # fmt: skip
    """What of ``labels`` (n,) in 0 … K − 1 (n, F) ``features`` tell; those of one of ``groups`` (n,) stay in one fold and
    keep together where labels are permuted. None where a class has a single group, or there is one class."""
    units = units_of(groups, len(labels))
    present = np.unique(labels)
    least = min((len(np.unique(units[labels == label])) for label in present), default=0)
    if len(present) < 2 or least < 2:
        return None
    draws = np.random.default_rng(seed)
    truths = [labels, *(permuted(labels, units, draws) for _ in range(permutations))]
    wanted = np.concatenate([np.eye(classes)[each] for each in truths], axis=1)  # (n, (P + 1) K)
    scores = np.zeros_like(wanted)
    for train, held in _folds(labels, units, min(FOLDS, least), seed):
        scores[held] = _answers(features[train], wanted[train], features[held], classes, units[train], seed)
    each = scores.reshape(len(labels), len(truths), classes)
    right = [each[:, place].argmax(axis=1) == truth for place, truth in enumerate(truths)]
    accuracy = share_measure(right[0], None if groups is None else units.astype(str), seed)
    return Evidence(accuracy, tuple(float(held.mean()) for held in right[1:]), each[:, 0])


def permuted(labels: Ints, units: Ints, draws: np.random.Generator) -> Ints:
    """``labels`` (n,) dealt out anew: a unit of one label gets another such unit's; one of several keeps them among itself."""
    found = labels.copy()
    order = np.argsort(units, kind="stable")
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    members = np.split(order, starts[1:])
    pure = [each for each in members if (labels[each] == labels[each[0]]).all()]
    given = draws.permutation([labels[each[0]] for each in pure])
    for each, label in zip(pure, given, strict=True):
        found[each] = label
    for each in members:
        if (labels[each] != labels[each[0]]).any():
            found[each] = draws.permutation(labels[each])
    return found


def _folds(labels: Ints, units: Ints, count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed % 2**32)
    yield from folds.split(labels, labels, units)


def _answers(train: NDArray[Any], wanted: Floats, held: NDArray[Any], classes: int, units: Ints, seed: int) -> Floats:
    """(m, (P + 1) K) for m held-out samples; the penalty is the one that suits the true labels, the first K columns."""
    penalty = 1 / solve_values(train, wanted[:, :classes], groups=units.tolist(), seed=seed).inverse_penalty
    with threadpool_limits(1):
        mean, std = spread(train)
        ((weight, bias),) = fits((train - mean) / std, wanted, np.ones(len(train)), np.array([penalty]))
        answers: Floats = (held - mean) / std @ weight.T + bias
    return answers
