"""How familiar a sample looks to a classifier: by its logits, and by where its features lie among those of the training.

Largest probability: Hendrycks & Gimpel 2017; largest logit: Hendrycks et al. 2022; energy: Liu et al. 2020; Mahalanobis' distance:
Lee et al. 2018; nearest neighbours: Sun et al. 2022. Every score is larger for what is more familiar. Letters: n samples, K
classes, F features, R axes in which these vary, M samples that are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[Any]
Floats = NDArray[np.float64]
SCORES = ("largest probability", "largest logit", "energy", "Mahalanobis", "neighbours")
NEIGHBOUR = 50  # which one's distance counts, of at least ten times as many
REMEMBERED = 5000  # samples at most
ROWS = 1024  # samples that are compared with all that are remembered at once


@dataclass(frozen=True)
class Familiar:
    """Where the features of the training lie. ``means`` (K, F) of the classes, ``whitening`` (F, R): features less a mean times
    it have unit variance within the classes; ``remembered`` (M, F): features of length 1."""

    means: Array
    whitening: Array
    remembered: Array

    @classmethod
    def of(cls, features: Array, labels: Array, seed: int = 0) -> Familiar:
        """Of the training's (n, F) features and (n,) labels; classes without a sample are left out.

        The covariance of few samples is drawn towards a sphere, by (F / (F + n))²: its smallest axes would be too short.
        """
        n, width = features.shape
        present, index = np.unique(labels, return_inverse=True)
        means = np.stack([features[index == k].mean(0, dtype=np.float64) for k in range(len(present))])
        inner = features - means[index]
        covariance = inner.T @ inner / max(1, n)
        share = (width / (width + n)) ** 2
        covariance = (1 - share) * covariance + share * np.trace(covariance) / width * np.eye(width)
        variance, axes = np.linalg.eigh(covariance)
        there = variance > 1e-10 * max(1e-300, float(variance.max()))
        chosen = np.sort(np.random.default_rng(seed).permutation(n)[:REMEMBERED])
        return cls(means, axes[:, there] / np.sqrt(variance[there]), _unit(features[chosen]))

    def mahalanobis(self, features: Array) -> Floats:
        """(n,) minus the squared distance to the nearest class."""
        here, centres = features @ self.whitening, self.means @ self.whitening
        squares = np.square(here).sum(1)[:, None] - 2 * here @ centres.T + np.square(centres).sum(1)
        found: Floats = -np.maximum(squares, 0).min(axis=1)
        return found

    def neighbours(self, features: Array) -> Floats:
        """(n,) minus the distance to the k-th nearest of what is remembered, both of length 1."""
        k = max(1, min(NEIGHBOUR, len(self.remembered) // 10))
        found = [np.empty(0)]
        for start in range(0, len(features), ROWS):
            cosine = _unit(features[start : start + ROWS]) @ self.remembered.T
            found.append(-np.sqrt(np.maximum(0, 2 - 2 * np.partition(cosine, -k, axis=1)[:, -k])))
        return np.concatenate(found)

    def score(self, name: str, logits: Array, features: Array) -> Floats:
        """(n,) one of ``SCORES`` for logits (n, K) and features (n, F)."""
        by_features = {"Mahalanobis": self.mahalanobis, "neighbours": self.neighbours}
        return by_features[name](features) if name in by_features else of_logits(name, logits)


def of_logits(name: str, logits: Array) -> Floats:
    """(n,) one of the first three ``SCORES`` for logits (n, K)."""
    values = logits.astype(np.float64)
    largest, energy = values.max(axis=1), logsumexp(values, axis=1)
    found: Floats = {"largest probability": np.exp(largest - energy), "largest logit": largest, "energy": energy}[name]
    return found


def _unit(features: Array) -> Array:
    """(n, F) of length 1."""
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
