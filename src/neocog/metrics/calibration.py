"""Whether a probability means what it says: log loss, Brier score, calibration error, temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.counts import ratio
from neocog.metrics.intervals import Units, equal_units, interval, standard_error
from neocog.records import Measure

Array = NDArray[Any]
BINS = 15
FEWEST_BINNED = 30  # units below which 15 bins say nothing
COLDEST, HOTTEST = 0.05, 20.0


def log_softmax(logits: Array) -> Array:
    """(N, K) log probabilities, in float64, without overflow."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    normalised: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def log_losses(log_probabilities: Array, labels: Array) -> Array:
    """(N,) minus the log probability of the truth, in nats. Its mean is the log loss."""
    losses: Array = -log_probabilities[np.arange(len(labels)), labels]
    return losses


def brier_scores(probabilities: Array, labels: Array) -> Array:
    """(N,) squared distance from the truth, summed over classes: 0 … 2 (Brier 1950). Its mean is the Brier score."""
    own = probabilities[np.arange(len(labels)), labels]
    scores: Array = np.square(probabilities).sum(axis=1) - 2 * own + 1
    return scores


@dataclass(frozen=True)
class Bins:
    """Samples binned by confidence, each (15,): mean confidence and accuracy (NaN where empty), and sum of weights."""

    confidence: Array
    accuracy: Array
    count: Array

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al. 2017): |accuracy − confidence|, weighted by count: 0 … 1."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(ratio(np.nansum(self.count * gaps), self.count.sum()))


def calibration_bins(confidence: Array, correct: Array, weights: Array | None = None) -> Bins:
    """15 bins of equal width over [0, 1] of the confidence (N,) in the predicted class; ``correct`` (N,) bool."""
    index = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    weights = np.ones(len(confidence)) if weights is None else weights
    count = np.bincount(index, weights, minlength=BINS)
    return Bins(
        ratio(np.bincount(index, weights * confidence, minlength=BINS), count),
        ratio(np.bincount(index, weights * correct, minlength=BINS), count),
        count,
    )


def calibration_error(confidence: Array, correct: Array, units: Units) -> Measure:
    """Expected calibration error with its 95 % interval.

    Noise makes the value too large: even what is perfectly calibrated has gaps. The interval is that of the error without
    it: each bin's squared gap less its variance (Kumar et al. 2019), ± Student's t with the standard error over units, so
    that the value may lie above its middle, never outside.
    """
    index = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps, n = units.table(index, BINS, correct - confidence), len(confidence)  # (B, 15)
    sizes = np.bincount(units.block, minlength=len(gaps)).astype(np.float64)
    total = gaps.sum(axis=0)
    own = gaps - sizes[:, None] / n * total
    blocks = len(gaps)
    noise = np.square(own).sum(axis=0) * blocks / max(1, blocks - 1)
    if units.count < FEWEST_BINNED:
        noise = np.full(BINS, math.nan)
    value, quiet = float(np.abs(total).sum() / n), float(np.sqrt(np.maximum(np.square(total) - noise, 0)).sum() / n)
    each = (own @ np.sign(total))[:, None] * math.sqrt(blocks / max(1, blocks - 1)) / n
    error = float(standard_error(each, ("any",), 1 / n)[0])
    low, high = interval(quiet, error, float(equal_units(sizes, units.count)))
    if math.isnan(low):
        return Measure(value, math.nan, math.nan, n, units.group_count())
    return Measure(value, min(value, max(0.0, low)), max(value, min(1.0, high)), n, units.group_count())


def fit_temperature(logits: Array, labels: Array) -> float:
    """The T for which softmax(logits / T) has the least log loss (Guo et al. 2017). To be fitted on validation samples.

    ``logits`` (N, K), ``labels`` (N,). The loss is convex in 1/T: Newton's steps, and bisection where they leave the
    bracket 0.05 … 20. Where every sample is right (or there is none) the loss has no minimum and nothing can be learnt:
    1 then.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if not len(labels) or bool((logits.argmax(axis=1) == labels).all()):
        return 1.0
    low, high = 1 / HOTTEST, 1 / COLDEST  # of the inverse temperature
    inverse = 1.0
    for _ in range(60):
        derivative, curvature = _derivative(logits, labels, inverse)
        low, high = (inverse, high) if derivative < 0 else (low, inverse)
        step = inverse - derivative / curvature if curvature > 0 else math.nan
        after = step if low < step < high else math.sqrt(low * high)
        if abs(after - inverse) < 1e-10 * inverse:
            break
        inverse = after
    return 1 / inverse


def fit_offsets(logits: Array, labels: Array, prior: Array) -> tuple[float, Array]:
    """T and b (K,) for which softmax(logits / T + b) has the least log loss: bias-corrected temperature scaling (Alexandari
    et al. 2020), for networks whose loss drew them away from the classes' shares. To be fitted on validation samples.

    With free offsets the mean probability of each class is its share among these samples. Lest few samples say more than
    they know, b is held near ``prior`` (K,), where it would be if the network had learned its loss to perfection, by a
    normal distribution of deviation 1. Without samples, or where all are right: 1 and ``prior``.
    """
    logits, prior = np.asarray(logits, np.float64), np.asarray(prior, np.float64)
    if not len(labels) or bool((logits.argmax(axis=1) == labels).all()):
        return 1.0, prior
    truth = np.eye(len(prior))[labels]

    def loss(values: Array) -> tuple[float, Array]:
        inverse, offsets = values[0], values[1:]
        found = log_softmax(logits * inverse + offsets)
        wrong = np.exp(found) - truth
        gradient = np.concatenate([[(wrong * logits).sum()], wrong.sum(axis=0) + offsets - prior])
        return float(-(found * truth).sum() + np.square(offsets - prior).sum() / 2), gradient

    from scipy.optimize import minimize  # only here: it takes longer to import than to run, and most only read

    start = np.concatenate([[1.0], prior])
    bounds = [(1 / HOTTEST, 1 / COLDEST), *[(None, None)] * len(prior)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000, "ftol": 1e-12})
    return float(1 / found.x[0]), found.x[1:]


def _derivative(logits: Array, labels: Array, inverse: float) -> tuple[float, float]:
    """First and second derivative of the log loss by the inverse temperature."""
    probabilities = np.exp(log_softmax(logits * inverse))
    mean = (probabilities * logits).sum(axis=1)
    variance = (probabilities * np.square(logits - mean[:, None])).sum(axis=1)
    return float(np.mean(mean - logits[np.arange(len(labels)), labels])), float(variance.mean())
