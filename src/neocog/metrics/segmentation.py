"""How well masks agree: overlap per class from confusion matrices, kappa, and the distance of boundaries.

Letters: N images, K classes, H × W pixels. A confusion matrix (…, K, K) counts pixels; row: truth, column: prediction;
pixels that do not count (255) are left out before. NumPy and SciPy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from neocog.metrics.counts import Array, mean_of_defined, ratio
from neocog.metrics.intervals import Groups, Scale, Units, mean_measures, measured
from neocog.records import Measure

IGNORED = 255


def mask_confusion(truth: Array, prediction: Array, classes: int) -> NDArray[np.int64]:
    """(K, K) counts of two masks (H, W) of class numbers; where the truth is 255, nothing counts.

    Raises ValueError where the shapes differ, or a class number is K or more.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise ValueError(f"masks of {truth.shape} and {prediction.shape}")
    counted = truth != IGNORED
    first, second = truth[counted].astype(np.int64), prediction[counted].astype(np.int64)
    if len(first) and max(first.max(), second.max()) >= classes:
        raise ValueError(f"class {max(first.max(), second.max())} where {classes} classes are expected")
    return np.bincount(first * classes + second, minlength=classes**2).reshape(classes, classes)


def iou(confusion: Array) -> Array:
    """(…, K, K) → (…, K) intersection over union (Jaccard 1912); NaN where a class is in neither mask."""
    right, truth, prediction = _sums(confusion)
    return ratio(right, truth + prediction - right)


def dice(confusion: Array) -> Array:
    """(…, K, K) → (…, K) 2 |A ∩ B| / (|A| + |B|) (Dice 1945); NaN where a class is in neither mask."""
    right, truth, prediction = _sums(confusion)
    return ratio(2 * right, truth + prediction)


def pixel_accuracy(confusion: Array) -> Array:
    """(…, K, K) → (…) share of the pixels with the right class; NaN where none counts."""
    confusion = np.asarray(confusion)
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def cohen_kappa(confusion: Array) -> Array:
    """(…, K, K) → (…) agreement beyond chance (Cohen 1960): 1 perfect, 0 as chance; NaN where both know one class only."""
    confusion = np.asarray(confusion, np.float64)
    total = confusion.sum(axis=(-2, -1))
    observed = np.trace(confusion, axis1=-2, axis2=-1)
    chance = ratio((confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1), total)
    return ratio(observed - chance, total - chance)


def hd95(truth: Array, prediction: Array, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """Boundary distance of two shapes (H, W) bool: the larger of the two 95th percentiles of the distances from the
    boundary pixels of one to the nearest boundary pixel of the other (Huttenlocher 1993, as in the BraTS challenges).

    In units of ``spacing`` (row, column); pixels without it. 0 where they are equal; NaN where one of them is empty.
    """
    truth, prediction = np.asarray(truth, bool), np.asarray(prediction, bool)
    if truth.shape != prediction.shape:
        raise ValueError(f"masks of {truth.shape} and {prediction.shape}")
    if not truth.any() or not prediction.any():
        return math.nan
    box = tuple(slice(max(0, int(a.min()) - 1), int(a.max()) + 2) for a in np.nonzero(truth | prediction))
    edges = [_boundary(mask[box]) for mask in (truth, prediction)]
    to = [ndimage.distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    return float(max(np.percentile(to[1][edges[0]], 95), np.percentile(to[0][edges[1]], 95)))


def segmentation_measures(
    confusions: Array, classes: Sequence[str], groups: Groups = None, background: bool = True, seed: int = 0
) -> dict[str, Measure]:
    """Measures of N images with 95 % intervals over images, or over ``groups`` (patients, videos) where given.

    ``confusions`` (N, K, K). ``background``: whether class 0 belongs to the means. From all pixels together:
    ``mean_iou``, ``mean_dice`` (over the classes present), ``pixel_accuracy``, ``kappa``, and ``iou: NAME``,
    ``dice: NAME`` for each class, whose ``n`` is the images that know it. From each image, or each group, and averaged
    over them: ``image_dice`` or ``group_dice`` (of its present classes; units without any are left out, and ``n`` counts
    the others). Raises ValueError where shapes do not fit.
    """
    confusions = np.asarray(confusions, np.float64)
    k, images = len(classes), len(confusions)
    if confusions.ndim != 3 or confusions.shape[1:] != (k, k) or not images:
        raise ValueError(f"confusions {confusions.shape}, expected (N, {k}, {k}) with N > 0")
    units, used = Units.of(groups, images, seed), slice(0 if background or k == 1 else 1, None)
    pooled = units.sums(confusions.reshape(images, k * k))

    def statistic(sums: Array) -> Array:
        matrix = sums.reshape(*sums.shape[:-1], k, k)
        overlap, similar = iou(matrix), dice(matrix)
        means = [mean_of_defined(overlap[..., used]), mean_of_defined(similar[..., used])]
        shares = np.stack([*means, pixel_accuracy(matrix), cohen_kappa(matrix)], axis=-1)
        return np.concatenate([shares, overlap, similar], axis=-1)

    right, truth, predicted = _sums(pooled.reshape(-1, k, k))
    pixels = np.repeat(truth.sum(axis=1)[:, None], 4, axis=1)
    sizes = np.concatenate([pixels, truth + predicted - right, truth + predicted], axis=1)
    held = (_sums(confusions)[1] + _sums(confusions)[2] > 0).sum(axis=0).tolist()
    scales: list[Scale] = ["share", "share", "share", "correlation", *["share"] * (2 * k)]  # type: ignore[list-item]
    found = measured(pooled, statistic, units, scales, [images] * 4 + held * 2, sizes)
    names = ["mean_iou", "mean_dice", "pixel_accuracy", "kappa"]
    names += [f"iou: {name}" for name in classes] + [f"dice: {name}" for name in classes]
    alone = np.zeros((units.count, k, k))  # what one group holds; without groups, one image
    np.add.at(alone, units.member, confusions)
    mean = mean_measure(mean_of_defined(dice(alone)[:, used]), seed=seed)
    together = dict(zip(names, found, strict=True))
    return {
        **{name: together[name] for name in names[:4]},
        "group_dice" if units.grouped else "image_dice": replace(mean, units=mean.n if units.grouped else None),
        **{name: together[name] for name in names[4:]},
    }


def mean_measure(values: Array, groups: Groups = None, seed: int = 0, scale: Scale = "share") -> Measure:
    """The mean of what each image has (N,), such as its Dice or (``positive``) its HD95, undefined ones (NaN) left out."""
    return mean_measures(np.asarray(values, np.float64)[:, None], (scale,), groups, seed)[0]


def _sums(confusion: Array) -> tuple[Array, Array, Array]:
    """(…, K) of each class: pixels that agree, of the truth, of the prediction."""
    confusion = np.asarray(confusion)
    return np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2)


def _boundary(mask: Array) -> Array:
    """Pixels of a shape with a neighbour (of four) outside it; it ends at the picture's border."""
    edge: Array = mask & ~ndimage.binary_erosion(mask)
    return edge
