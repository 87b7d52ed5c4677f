"""Objects are matched as by hand, and pooled over images."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.objects import Matched, match, object_measures


def squares(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    objects = np.zeros((40, 40), np.int32)
    for number, (top, left, height, width) in enumerate(boxes, 1):
        objects[top : top + height, left : left + width] = number
    return objects


def test_an_overlap_counts_from_half_on_and_falls_with_the_threshold() -> None:
    truth = squares((0, 0, 10, 10), (0, 20, 10, 10), (20, 0, 10, 10))
    found = squares((0, 0, 10, 8), (0, 24, 10, 10), (30, 30, 5, 5))  # overlaps 0.8, 60 / 140, none
    matched = match(truth, found)
    assert (matched.true, matched.found) == (3, 3)
    assert matched.hits.tolist() == [1] * 6 + [0] * 4  # 0.5 … 0.75; 0.8 is not above 0.8
    assert matched.f1 == pytest.approx(1 / 3)


def test_one_found_for_two_counts_once() -> None:
    matched = match(squares((0, 0, 10, 10), (0, 10, 10, 4)), squares((0, 0, 10, 14)))
    assert (matched.hits[0], matched.true, matched.found) == (1, 2, 1)


def test_no_object_and_none_found_is_undefined() -> None:
    assert np.isnan(match(squares(), squares()).f1)
    assert match(squares((0, 0, 3, 3)), squares()).f1 == 0
    with pytest.raises(ValueError, match="masks of"):
        match(np.zeros((2, 2), int), np.zeros((3, 2), int))


def test_objects_of_all_images_count_together() -> None:
    each = [
        Matched(np.array([8] + [4] * 9), 10, 9),
        Matched(np.array([2] + [0] * 9), 2, 4),
        Matched(np.zeros(10, int), 0, 0),
    ]
    found = object_measures(each * 4)
    assert found["object_f1"].value == pytest.approx(2 * 10 / 25) and found["object_f1"].n == 12
    assert found["object_f1_50_95"].value == pytest.approx((20 / 25 + 9 * 8 / 25) / 10)
    assert found["object_precision"].value == pytest.approx(10 / 13) and found["object_recall"].value == pytest.approx(
        10 / 12
    )
    assert found["count_error"].value == pytest.approx(1) and found["relative_count_error"].value == pytest.approx(
        3 / 12
    )
    assert found["object_f1"].low < found["object_f1"].value < found["object_f1"].high
    grouped = object_measures(each * 4, groups=np.array(["a", "b", "c", "d"] * 3))["object_f1"]
    assert grouped.value == found["object_f1"].value and grouped.units == 4
