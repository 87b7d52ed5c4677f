"""Measures of masks, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import metrics

from neocog.metrics.segmentation import (
    cohen_kappa,
    dice,
    hd95,
    iou,
    mask_confusion,
    mean_measure,
    pixel_accuracy,
    segmentation_measures,
)

RNG = np.random.default_rng(0)
TRUTH, GUESS = RNG.integers(0, 4, (20, 30)), RNG.integers(0, 4, (20, 30))


def test_overlap_and_kappa_are_scikit_learns() -> None:
    matrix, flat = mask_confusion(TRUTH, GUESS, 4), (TRUTH.ravel(), GUESS.ravel())
    np.testing.assert_allclose(iou(matrix), metrics.jaccard_score(*flat, average=None))
    np.testing.assert_allclose(dice(matrix), metrics.f1_score(*flat, average=None))
    np.testing.assert_allclose(cohen_kappa(matrix), metrics.cohen_kappa_score(*flat))
    np.testing.assert_allclose(pixel_accuracy(matrix), metrics.accuracy_score(*flat))


def test_an_absent_class_is_undefined_and_not_in_the_mean() -> None:
    matrix = mask_confusion(np.zeros((4, 4), int), np.zeros((4, 4), int), 3)
    assert iou(matrix)[0] == 1 and np.isnan(iou(matrix)[1:]).all() and np.isnan(dice(matrix)[1:]).all()
    assert segmentation_measures(matrix[None], "abc")["mean_iou"].value == 1


def test_ignored_pixels_do_not_count_and_strange_classes_are_refused() -> None:
    truth = np.array([[0, 1], [255, 255]])
    assert mask_confusion(truth, np.array([[0, 1], [1, 0]]), 2).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="class 2"):
        mask_confusion(truth, np.array([[0, 2], [0, 0]]), 2)


def test_hd95_is_the_percentile_of_brute_force_distances() -> None:
    rows, columns = np.mgrid[:60, :60]
    first, second = np.hypot(rows - 28, columns - 30) < 12, np.hypot(rows - 33, columns - 27) < 9

    def boundary(mask: np.ndarray) -> np.ndarray:
        inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
        return np.argwhere(mask & ~np.pad(inner, 1))

    apart = cdist(boundary(first), boundary(second))
    expected = max(np.percentile(apart.min(axis=1), 95), np.percentile(apart.min(axis=0), 95))
    assert hd95(first, second) == pytest.approx(expected)
    assert hd95(first, second, (2.0, 2.0)) == pytest.approx(2 * expected)
    assert hd95(first, first) == 0 and math.isnan(hd95(first, np.zeros_like(first)))


def test_measures_of_images_and_of_groups() -> None:
    # Two images of one patient without any tumour found, eight of others that are right.
    wrong, right = np.array([[90, 0], [10, 0]]), np.array([[90, 0], [0, 10]])
    confusions = np.stack([wrong] * 2 + [right] * 8)
    found = segmentation_measures(confusions, ("background", "tumour"), background=False)
    assert found["image_dice"].value == pytest.approx(0.8) and found["image_dice"].n == 10
    assert found["iou: tumour"].value == pytest.approx(0.8)
    groups = ["a", "a", *"bcdefghi"]
    grouped = segmentation_measures(confusions, ("background", "tumour"), groups, background=False)
    assert grouped["group_dice"].value == pytest.approx(8 / 9) and grouped["group_dice"].n == 9
    many = np.stack([wrong] * 10 + [right] * 30)
    loose = segmentation_measures(many, ("background", "tumour"))["iou: tumour"]
    bound = segmentation_measures(many, ("background", "tumour"), ["a"] * 10 + list("bcdefghijk") * 3)["iou: tumour"]
    assert bound.value == loose.value and bound.low < loose.low  # ten images of one patient come and go together


def test_intervals_hold_the_value_and_need_two_units() -> None:
    confusions = RNG.integers(1, 50, (12, 3, 3))
    for measure in segmentation_measures(confusions, "abc").values():
        assert measure.low <= measure.value <= measure.high
    one = segmentation_measures(confusions, "abc", groups=["p"] * 12)["mean_iou"]
    assert math.isnan(one.low) and not math.isnan(one.value)
    distances = mean_measure(np.array([1.0, 3.0, math.nan]), scale="positive")
    assert distances.value == 2 and distances.n == 2 and math.isnan(distances.low)
    distances = mean_measure(np.array([1.0, 3.0, 2.0, math.nan]), scale="positive")
    assert distances.value == 2 and distances.n == 3 and 0 < distances.low < 1
