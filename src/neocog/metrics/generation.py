"""How like real samples generated ones are, on features (n, d): distances of distributions, coverage, copies.

Letters: n real, m generated samples, d features, K classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from neocog.metrics.intervals import SURE, Z, interval, proportion_measure
from neocog.records import Measure

Array = NDArray[Any]
REPEATS, COSTLY, FEWER = 40, 512, 10  # of the Fréchet distance's bootstrap; from so many features on, only so many
CHUNK = 512  # rows of a distance matrix that are held at once


def frechet_distance(real: Array, fake: Array) -> float:
    """Between normal distributions of the same means and covariances: |μ − ν|² + Tr(A + B − 2 (A B)^½).

    The FID where the features are Inception's (Heusel et al. 2017). In units of squared features; biased upwards the
    fewer samples there are, so compare it only with other values of the same n.
    """
    (mean, cov), (other, another) = moments(real), moments(fake)
    return between(mean, cov, other, another)


def moments(features: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Mean (d,) and covariance (d, d)."""
    features = np.asarray(features, np.float64)
    return features.mean(0) if weights is None else np.average(features, 0, weights), np.atleast_2d(
        np.cov(features, rowvar=False, fweights=None if weights is None else weights.astype(np.int64))
    )


def between(mean: Array, cov: Array, other: Array, another: Array) -> float:
    """The Fréchet distance of two normal distributions."""
    values, vectors = np.linalg.eigh(cov)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ another @ root).clip(0)).sum()  # Tr (A B)^½ = Tr (A^½ B A^½)^½
    distance = np.square(mean - other).sum() + np.trace(cov) + np.trace(another) - 2 * shared
    return max(0.0, float(distance))


def spanned(real: Array, fake: Array) -> tuple[Array, Array]:
    """Coordinates in an orthonormal basis of what both span: no distance changes, and few samples are handled quickly."""
    both = np.concatenate([real, fake])
    if len(both) >= both.shape[1]:
        return real, fake
    basis = np.linalg.qr(both.T)[0]  # (d, n + m)
    return real @ basis, fake @ basis


def frechet_measure(real: Array, fake: Array, seed: int = 0) -> Measure:
    """With ± 1.96 standard deviations of the bootstrap around it (its percentiles would lie too high)."""
    real, fake = spanned(real, fake)
    value, rng = frechet_distance(real, fake), np.random.default_rng(seed)
    draws = []
    for _ in range(REPEATS if real.shape[1] < COSTLY else FEWER):
        counts = [np.bincount(rng.integers(len(x), size=len(x)), minlength=len(x)) for x in (real, fake)]
        draws.append(between(*moments(real, counts[0]), *moments(fake, counts[1])))
    half = Z * float(np.std(draws, ddof=1))
    return Measure(value, max(0.0, value - half), value + half, min(len(real), len(fake)))


def kernel_distance(real: Array, fake: Array, blocks: int = 10) -> tuple[float, float]:
    """KID: the unbiased squared MMD under the kernel (x·y / d + 1)³, and its standard error (Bińkowski et al. 2018).

    The mean over disjoint blocks of both sets, which are independent of each other: hence the standard error. Around 0
    for two samples of one distribution, below it half of the time. NaN where the blocks would have fewer than 2 samples.
    """
    count = min(len(real), len(fake)) // blocks
    if count < 2:
        return math.nan, math.nan
    found = [mmd(real[k * count : (k + 1) * count], fake[k * count : (k + 1) * count]) for k in range(blocks)]
    return float(np.mean(found)), float(np.std(found, ddof=1) / math.sqrt(blocks))


def mmd(real: Array, fake: Array) -> float:
    """Unbiased: a sample is not compared with itself."""
    x, y = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    within = 0.0
    for one in (x, y):
        kernel = (one @ one.T / one.shape[1] + 1) ** 3
        within += (kernel.sum() - np.trace(kernel)) / (len(one) * (len(one) - 1))
    return float(within - 2 * ((x @ y.T / x.shape[1] + 1) ** 3).mean())


def kernel_measure(real: Array, fake: Array, blocks: int = 10) -> Measure:
    """KID with Student's interval over its blocks."""
    value, error = kernel_distance(real, fake, blocks)
    half = float(stdtrit(blocks - 1, SURE)) * error
    return Measure(value, value - half, value + half, min(len(real), len(fake)))


def precision_recall(real: Array, fake: Array, k: int = 3) -> tuple[Measure, Measure]:
    """Share of generated samples within the real manifold, and of real ones within the generated (Kynkäänniemi 2019).

    The manifold of a set is the union of balls around its samples, each as large as the distance to the k-th neighbour.
    """
    found = []
    for inner, outer in ((fake, real), (real, fake)):
        radius = kth_distance(outer, k)
        inside = sum(int((part <= radius).any(1).sum()) for part in (d for d in distances(inner, outer)))
        found.append(proportion_measure(inside, len(inner)))
    return found[0], found[1]


def kth_distance(features: Array, k: int) -> Array:
    """(n,) squared distance of each sample to its k-th nearest neighbour, itself not counted."""
    k = min(k, len(features) - 1)
    return np.concatenate([np.partition(part, k, axis=1)[:, k] for part in distances(features, features)])


def distances(a: Array, b: Array) -> Any:
    """Squared Euclidean distances, ``CHUNK`` rows (≤ CHUNK, len(b)) at a time."""
    a, b = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (a, b))
    square = np.square(b).sum(1)
    for start in range(0, len(a), CHUNK):
        part = a[start : start + CHUNK]
        yield (np.square(part).sum(1)[:, None] + square - 2 * part @ b.T).clip(0)


def nearest(samples: Array, among: Array) -> tuple[Array, Array]:
    """(m,) the place of each sample's nearest neighbour in ``among``, and the distance to it."""
    places, found = [], []
    for part in distances(samples, among):
        place = part.argmin(1)
        places.append(place)
        found.append(np.sqrt(part[np.arange(len(part)), place]))
    return np.concatenate(places), np.concatenate(found)


def memorised(fake: Array, train: Array, test: Array) -> Measure:
    """Share of generated samples nearer to a training sample than 99 of 100 test samples are: about 1 % where none is a copy."""
    limit = np.quantile(nearest(test, train)[1], 0.01)
    close = int((nearest(fake, train)[1] < limit).sum())
    return proportion_measure(close, len(fake))


def class_entropy(counts: Array) -> float:
    """Entropy of class counts (K,) in nats; log K where all are alike."""
    shares = np.asarray(counts, np.float64) / max(1, np.sum(counts))
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def entropy_measure(counts: Array) -> Measure:
    """With the jackknife's interval (Zahl 1977), which knows that few samples miss classes and the value is then too small.

    NaN for fewer than three samples a class.
    """
    counts = np.asarray(counts, np.int64)
    n, value, classes = int(counts.sum()), class_entropy(counts), len(counts)
    if n < 3 * classes:
        return Measure(value, math.nan, math.nan, n)
    kinds = np.flatnonzero(counts)
    left = np.array([class_entropy(counts - np.eye(classes, dtype=np.int64)[kind]) for kind in kinds])
    pseudo, times = n * value - (n - 1) * left, counts[kinds]
    middle = float((pseudo * times).sum() / n)
    error = math.sqrt(float((times * (pseudo - middle) ** 2).sum()) / (n * (n - 1)))
    low, high = interval(middle, error, n)
    return Measure(value, min(value, max(0.0, low)), max(value, min(math.log(classes), high)), n)
