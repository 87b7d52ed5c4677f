"""Measures of found boxes: intervals over images, thresholds from validation, counts and how far they are off."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.counted_boxes import (
    Compared,
    best_thresholds,
    limits_of_agreement,
    precision_measures,
    threshold_measures,
)
from neocog.metrics.detection import Objects, average_precision, match, outcomes


def compared(n: int, seed: int = 0, ignored: float = 0.0) -> Compared:
    """Each image has six boxes of two classes; four of them are found and two more that are not there."""
    rng = np.random.default_rng(seed)
    image, label = np.repeat(np.arange(n), 6), np.tile([0, 0, 0, 0, 1, 1], n)
    low = np.column_stack([np.tile(np.arange(6) * 30.0, n), rng.uniform(0, 50, 6 * n)])
    truth = Objects(image, label, np.hstack([low, low + 20]), np.ones(6 * n), rng.random(6 * n) < ignored)
    seen = np.tile([True, True, True, False, True, False], n)
    corners = truth.corners[seen] + rng.normal(0, 0.5, (seen.sum(), 4))
    wrong = np.repeat(np.arange(n), 2)
    found = Objects(
        np.concatenate([image[seen], wrong]),
        np.concatenate([label[seen], np.tile([0, 1], n)]),
        np.concatenate([corners, np.tile([[300.0, 0, 320, 20]], (2 * n, 1))]),
        np.concatenate([rng.uniform(0.4, 1, seen.sum()), rng.uniform(0, 0.6, 2 * n)]),
        np.zeros(seen.sum() + 2 * n, bool),
    )
    return Compared(truth, found, match(truth, found), n, ("cell", "plate"))


def test_the_first_measures_are_means_over_the_classes_with_intervals_over_images() -> None:
    one = compared(40)
    mean, *each = precision_measures(one)
    assert mean["ap50"].value == pytest.approx(np.mean([m["ap50"].value for m in each]))
    assert mean["ap50"].low < mean["ap50"].value < mean["ap50"].high and mean["ap50"].n == 40
    hits, order = outcomes(one.matched), np.argsort(-one.found.score, kind="stable")
    own = order[one.found.label[order] == 1]
    assert each[1]["ap50_95"].value == average_precision(hits[own], 80).mean()


def test_intervals_over_groups_are_wider_than_over_images_that_are_alike_in_them() -> None:
    one = compared(40)
    alone, grouped = (precision_measures(one, groups)[0]["ap50"] for groups in (None, np.repeat(list("abcde"), 8)))
    assert grouped.units == 5 and grouped.value == alone.value
    assert grouped.high - grouped.low > alone.high - alone.low


def test_a_class_without_boxes_is_in_no_mean() -> None:
    one = compared(10)
    more = Compared(one.truth, one.found, one.matched, one.n, ("cell", "plate", "none"))
    mean, *each = precision_measures(more)
    assert np.isnan(each[2]["ap50"].value) and mean["ap50"].value == precision_measures(one)[0]["ap50"].value


def test_counts_leave_out_what_lies_in_ignored_boxes() -> None:
    one = compared(30, ignored=1.0)
    assert (one.positives == 0).all() and (one.counted([0.0, 0.0])[:, 0] == 1).all()  # the wrong ones alone


def test_counts_and_shares_at_a_threshold_are_those_that_are_counted_by_hand() -> None:
    one = compared(20)
    every = threshold_measures(one, [0.0, 0.0])[0]
    assert every["recall"].value == pytest.approx(4 / 6) and every["precision"].value == pytest.approx(4 / 6)
    assert every["count_error"].value == 0 and every["count_bias"].value == 0
    high = threshold_measures(one, [2.0, 2.0])
    assert high[0]["recall"].value == 0 and high[0]["count_bias"].value == -6 and high[2]["count_error"].value == 2
    assert high[0]["relative_count_error"].value == 1


def test_the_threshold_is_of_about_the_highest_f1_and_of_the_most_even_counts_there() -> None:
    one = compared(40)
    chosen = best_thresholds(one)
    for label, best in enumerate(chosen):
        found = []
        for score in np.linspace(0, 1, 201):
            given = [score if k == label else 0.5 for k in range(2)]
            own = threshold_measures(one, given)[1 + label]
            found.append((own["f1"].value, abs(own["count_bias"].value)))
        at = threshold_measures(one, chosen)[1 + label]
        highest = max(f1 for f1, _ in found)
        assert highest - 0.01 - 1e-12 <= at["f1"].value and 0 < best < 1
        assert abs(at["count_bias"].value) <= min(bias for f1, bias in found if f1 >= highest - 0.01) + 1e-12


def test_where_f1_hardly_depends_on_the_threshold_counts_decide() -> None:
    """100 objects: 90 are found at once, then a right and a wrong box take turns until all is found."""
    right = np.concatenate([np.ones(90, int), np.tile([1, 0], 10)])
    n = len(right)
    found = Objects(np.zeros(n, int), np.zeros(n, int), np.zeros((n, 4)), np.linspace(0.9, 0.1, n), np.zeros(n, bool))
    truth = Objects(np.zeros(100, int), np.zeros(100, int), np.zeros((100, 4)), np.ones(100), np.zeros(100, bool))
    one = Compared(truth, found, np.where(right, 0, -1)[:, None], 1, ("cell",))
    assert one.counted(best_thresholds(one)).tolist() == [[100]]


def test_a_class_that_validation_lacks_has_the_threshold_of_all() -> None:
    one = compared(20)
    more = Compared(one.truth, one.found, one.matched, one.n, ("cell", "plate", "none"))
    assert 0 < best_thresholds(more)[2] < 1
    nothing = Compared(one.truth.take(np.zeros(120, bool)), one.found, np.full_like(one.matched, -1), 20, one.classes)
    assert best_thresholds(nothing) == [0.5, 0.5]


def test_limits_of_agreement_hold_95_of_100_differences() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(5, 50, 4000)
    found = true + rng.normal(1, 2, 4000)
    low, high = limits_of_agreement(found, true)
    assert np.mean((found - true > low) & (found - true < high)) == pytest.approx(0.95, abs=0.02)
    assert np.isnan(limits_of_agreement(found[:1], true[:1])).all()
