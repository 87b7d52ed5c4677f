"""Which labels are likely wrong, by the probabilities of networks that have not learned them: confident learning.

Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels". A sample counts for a class where
that class's probability is at least what it is on average among the samples that have its label, so that a network that is
unsure of a whole class does not make all its labels suspicious. Letters: n samples, K classes, L levels of a score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from neocog.metrics.intervals import Groups, Units, measured
from neocog.records import Measure

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
NOBODY = -1  # no class is likely enough
ADDED = 0.05  # share of labels that are made wrong, to see whether they are counted
DRAWS = 10  # times that they are drawn
RECOVERED = (0.75, 1.25)  # share of what was added by which an estimate has to rise, to be believed
LEVELS = np.arange(1, 10) / 10  # shares of the labels made wrong, at which the others are counted
UNSURE = 0.05  # chance that the truth lies above ``most_noise``


def self_confidence(probabilities: Array, labels: Ints) -> Floats:
    """(n,) the probability of the given label, by which the labels are ranked: the least credible first."""
    found: Floats = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return found


def likely(probabilities: Array, labels: Ints) -> Ints:
    """(n,) the class for which a sample counts, −1 for none: the likeliest of those at or above their class's average.

    ``probabilities`` (n, K), ``labels`` (n,).
    """
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, self_confidence(probabilities, labels), minlength=classes)
    average = np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
    inside = probabilities >= average - 1e-6  # of equal probabilities each is the average
    best = np.where(inside, probabilities, -1.0).argmax(axis=1)
    return np.where(inside.any(axis=1), best, NOBODY).astype(np.int64)


def joint(probabilities: Array, labels: Ints) -> Floats:
    """(K, K) the share of samples that have the label of the row and are likely of the column's class; the sum is 1.

    Each row has the share that its label has: samples that count for no class are spread as the others of their label.
    """
    classes = probabilities.shape[1]
    found = likely(probabilities, labels)
    counted = found != NOBODY
    table = np.bincount(labels[counted] * classes + found[counted], minlength=classes**2).reshape(classes, classes)
    table = table.astype(np.float64)
    np.fill_diagonal(table, np.maximum(table.diagonal(), 1))  # each label is right at least once
    given = np.bincount(labels, minlength=classes) / max(1, len(labels))
    spread: Floats = table / table.sum(axis=1, keepdims=True) * given[:, None]
    return spread


def noise(probabilities: Array, labels: Ints, groups: Groups = None, seed: int = 0) -> Measure:
    """The share of labels that are likely wrong, with the interval of so many samples (groups: over these).

    The interval knows of the samples alone, not of a network's faults: see ``trial``.
    """
    classes, found = probabilities.shape[1], likely(probabilities, labels)
    units = Units.of(groups, len(labels), seed)
    right = np.where(found == labels, 1.0, 0.0)
    counted = np.where(found == NOBODY, 0.0, 1.0)
    tables = [units.table(labels, classes, weights) for weights in (right, counted, None)]

    def wrong(totals: Array) -> Array:
        kept, of, given = np.split(totals, 3, axis=-1)
        of = np.where(kept < 1, of + 1, of)
        share = 1 - np.maximum(kept, 1) / np.maximum(of, 1)
        return np.asarray((share * given).sum(-1, keepdims=True) / np.maximum(1, given.sum(-1, keepdims=True)))

    weights = units.sums(np.ones((len(labels), 1)))
    return measured(np.concatenate(tables, axis=1), wrong, units, ("share",), [len(labels)], weights)[0]


@dataclass(frozen=True)
class Trial:
    """Whether an estimate of the noise can be believed: what it says where more labels are made wrong, and what it exceeds."""

    estimate: float
    recovered: float  # the rise of the estimate as a share of what was added; 1: all of it
    most: float  # share of wrong labels that the ranking allows

    @property
    def holds(self) -> bool:
        return RECOVERED[0] <= self.recovered <= RECOVERED[1] and self.estimate <= self.most


def trial(probabilities: Array, labels: Ints, seed: int = 0) -> Trial:
    """Make ``ADDED`` of the labels wrong, ``DRAWS`` times, and see by how much the estimate rises.

    A weak network takes its own mistakes for wrong labels: what is added is then counted on top of what is not there. So
    the estimate must not exceed ``most_noise`` either.
    """
    rng, before = np.random.default_rng(seed), _share(probabilities, labels)
    pattern = confusions(probabilities, labels)
    rises = []
    for _ in range(DRAWS):
        chosen = rng.permutation(len(labels))[: max(1, round(ADDED * len(labels)))]
        given = labels.copy()
        given[chosen] = wrong_labels(labels[chosen], pattern, rng)
        rises.append(_share(probabilities, given) - before)
    added = max(1, round(ADDED * len(labels))) / max(1, len(labels)) * (1 - before)
    return Trial(before, float(np.mean(rises)) / added, most_noise(probabilities, labels))


def _share(probabilities: Array, labels: Ints) -> float:
    return float(1 - np.trace(joint(probabilities, labels)))


def confusions(probabilities: Array, labels: Ints) -> Floats:
    """(K, K) how often a wrong label is the column's, where the row's is right: half as the labels seem to be confused,
    half at random. The sum is 1, the diagonal 0."""
    classes = probabilities.shape[1]
    seen = joint(probabilities, labels).T
    given = np.bincount(labels, minlength=classes) / max(1, len(labels))
    chance = np.outer(given, given > 0)
    for table in (seen, chance):
        np.fill_diagonal(table, 0)
        table[given == 0] = 0
    parts = [table / table.sum() for table in (seen, chance) if table.sum() > 0]
    found: Floats = np.mean(parts, axis=0) if parts else chance
    return found


def wrong_labels(labels: Ints, pattern: Floats, rng: np.random.Generator) -> Ints:
    """(n,) another label for each, drawn as ``pattern`` (K, K) says; a label that is never confused gets any other."""
    rows = pattern[labels] + 1e-12 * (np.arange(len(pattern)) != labels[:, None])
    edges = np.cumsum(rows / rows.sum(axis=1, keepdims=True), axis=1)
    drawn: Ints = (rng.random((len(labels), 1)) > edges).sum(axis=1).clip(max=len(pattern) - 1)
    return drawn


def most_noise(probabilities: Array, labels: Ints) -> float:
    """The largest share of wrong labels that is compatible with the ranking, but for a chance of ``UNSURE``.

    Where a share g of labels that are made wrong ranks below a score, and a share f of all labels does, at most f / g are
    wrong: wrong labels alone would otherwise be more than there are (Blanchard, Lee & Scott 2010). It supposes that labels
    that are wrong rank as those that are made wrong, and nothing of the network: a weak one only makes it larger.
    """
    n, classes = probabilities.shape
    if n == 0:
        return 1.0
    own, pattern = np.sort(self_confidence(probabilities, labels)), confusions(probabilities, labels)
    weights = (pattern / np.maximum(1, np.bincount(labels, minlength=classes))[:, None])[labels].ravel()
    scores = probabilities.astype(np.float64).ravel()
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    if not reached[-1] > 0:
        return 1.0
    cuts = scores[order][np.minimum(np.searchsorted(reached, LEVELS * reached[-1]), len(order) - 1)]
    made = reached[np.searchsorted(scores[order], cuts, "right") - 1] / reached[-1]
    below = np.searchsorted(own, cuts, "right")
    upper = np.where(below < n, betaincinv(below + 1, np.maximum(1, n - below), 1 - UNSURE / len(LEVELS)), 1.0)
    return min(1.0, float((upper / made).min()))
