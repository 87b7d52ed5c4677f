"""Average precision equals COCO's own, with crowds, ties, empty images and by size; what is ignored counts neither way; sensitivity
at few false boxes and the meaning of scores are counted by hand."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from neocog.metrics.box_scores import ENOUGH, RATES, SIZES, froc_measures, of_size, score_calibration, size_measures
from neocog.metrics.counted_boxes import Compared, precision_measures
from neocog.metrics.detection import IGNORED, Objects, average_precision, match, outcomes, overlap
from neocog.metrics.objects import THRESHOLDS


def drawn(seed: int) -> tuple[Objects, Objects, int, int]:
    """Images with few and many boxes, none at all, crowds, and scores that tie."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 6)), int(rng.integers(1, 4))

    def boxes(count: int, near: np.ndarray | None = None) -> np.ndarray:
        low = rng.uniform(0, 60, (count, 2)).round(int(rng.integers(0, 3)))
        made = np.concatenate([low, low + rng.uniform(4, 40, (count, 2)).round(int(rng.integers(0, 3)))], 1)
        if near is not None and len(near) and count:
            own = rng.random(count) < 0.7
            made[own] = near[rng.integers(0, len(near), own.sum())] + rng.normal(
                0, rng.choice([0, 1, 3]), (own.sum(), 4)
            )
            made[:, 2:] = np.maximum(made[:, 2:], made[:, :2] + 1)
        return made

    def objects(counts: np.ndarray, near: np.ndarray | None, ignored: float, levels: int) -> Objects:
        image = np.repeat(np.arange(n), counts)
        label = rng.integers(0, k, len(image))
        score = rng.integers(0, levels, len(image)) / levels if levels else rng.random(len(image))
        return Objects(image, label, boxes(len(image), near), score, rng.random(len(image)) < ignored)

    truth = objects(rng.integers(0, 9, n) * (rng.random(n) < 0.8), None, rng.choice([0, 0.3]), 0)
    found = objects(rng.integers(0, 30, n), truth.corners, 0, int(rng.choice([0, 3, 10])))
    return truth, found, n, k


def by_coco(truth: Objects, found: Objects, n: int, k: int, size: int = 0) -> np.ndarray:
    """(T, K) of pycocotools; ``size``: 0 for all objects, 1 to 3 for small to large ones."""

    def rows(objects: Objects) -> list[dict[str, Any]]:
        sides = np.concatenate([objects.corners[:, :2], objects.corners[:, 2:] - objects.corners[:, :2]], 1)
        return [
            {
                "id": i + 1, "image_id": int(objects.image[i]) + 1, "category_id": int(objects.label[i]) + 1,
                "bbox": sides[i].tolist(), "area": float(sides[i, 2] * sides[i, 3]), "iscrowd": int(objects.ignored[i]),
                "score": float(objects.score[i]),
            }
            for i in range(len(objects))
        ]  # fmt: skip

    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = {
            "info": {}, "images": [{"id": i + 1} for i in range(n)], "categories": [{"id": j + 1} for j in range(k)],
            "annotations": rows(truth),
        }  # fmt: skip
        gt.createIndex()
        judge = COCOeval(gt, gt.loadRes(rows(found)), "bbox")
        judge.params.maxDets = [1, 10, 1000]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, :, size, 2]  # (T, R, K)
    return np.where((precision > -1).all(1), precision.mean(1), np.nan)


def ours(truth: Objects, found: Objects, k: int) -> np.ndarray:
    hits, order = outcomes(match(truth, found)), np.argsort(-found.score, kind="stable")
    each = [
        average_precision(hits[order[found.label[order] == j]], int((~truth.ignored & (truth.label == j)).sum()))
        for j in range(k)
    ]
    return np.stack(each, 1)


def test_average_precision_is_cocos_on_200_random_cases() -> None:
    tried = 0
    for seed in range(260):
        truth, found, n, k = drawn(seed)
        if len(found) and len(truth):
            np.testing.assert_allclose(ours(truth, found, k), by_coco(truth, found, n, k), atol=1e-6, err_msg=str(seed))
            tried += 1
    assert tried >= 200


def boxes(rows: list[tuple[int, int, float, float, float, float, float, bool]]) -> Objects:
    table = np.array(rows, np.float64).reshape(-1, 8)
    return Objects(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:6], table[:, 6], table[:, 7] > 0)


def test_what_is_found_in_a_crowd_counts_neither_way() -> None:
    truth = boxes([(0, 0, 0, 0, 10, 10, 1, False), (0, 0, 20, 0, 60, 40, 1, True)])
    alone = boxes([(0, 0, 0, 0, 10, 10, 0.9, False)])
    more = boxes(
        [(0, 0, 0, 0, 10, 10, 0.9, False), (0, 0, 22, 2, 30, 9, 0.95, False), (0, 0, 40, 2, 48, 9, 0.9, False)]
    )
    for found in (alone, more):
        assert (ours(truth, found, 1) == 1).all()


def test_a_box_that_is_found_twice_is_right_once() -> None:
    truth = boxes([(0, 0, 0, 0, 10, 10, 1, False)])
    found = boxes([(0, 0, 0, 0, 10, 10, 0.5, False), (0, 0, 1, 0, 10, 10, 0.9, False)])
    assert outcomes(match(truth, found))[:, 0].tolist() == [0, 1]
    assert outcomes(match(truth, found))[:, -1].tolist() == [1, 0]  # at 0.95 the nearer one alone is good enough


def test_another_class_or_image_is_no_match() -> None:
    truth = boxes([(0, 0, 0, 0, 10, 10, 1, False), (1, 1, 0, 0, 10, 10, 1, False)])
    found = boxes([(0, 1, 0, 0, 10, 10, 0.9, False), (1, 0, 0, 0, 10, 10, 0.9, False)])
    assert (match(truth, found) < 0).all()


def test_overlap_of_boxes_that_only_touch_is_zero() -> None:
    one = np.array([[0, 0, 10, 10.0]])
    assert overlap(one, np.array([[10, 0, 20, 10.0], [5, 0, 15, 10]])).tolist() == [[0.0, pytest.approx(1 / 3)]]
    assert len(THRESHOLDS) == 10


def compared_of(truth: Objects, found: Objects, n: int, k: int = 1) -> Compared:
    return Compared(truth, found, match(truth, found), n, tuple("abcdef"[:k]))


def test_average_precision_by_size_is_cocos_on_random_cases() -> None:
    for seed in range(40):
        truth, found, n, k = drawn(seed)
        if not (len(found) and len(truth)):
            continue
        one = compared_of(truth, found, n, k)
        for place, limits in enumerate(SIZES.values(), start=1):
            ours = [each["ap50_95"].value for each in precision_measures(of_size(one, *limits))[1:]]
            theirs = by_coco(truth, found, n, k, place).mean(axis=0)
            np.testing.assert_allclose(ours, theirs, atol=1e-6, err_msg=f"{seed} {place}")


def test_an_object_of_another_size_is_set_aside_for_one_found_box_alone() -> None:
    truth = boxes([(0, 0, 0, 0, 40, 40, 1, False), (0, 0, 100, 0, 120, 20, 1, False)])
    rows = [(0, 0, 0, 0, 30, 33, 0.9, False), (0, 0, 0, 0, 31, 33, 0.8, False), (0, 0, 100, 0, 120, 20, 0.7, False)]
    small = of_size(compared_of(truth, boxes(rows), 1), *SIZES["small"])
    assert small.matched[:, 0].tolist() == [IGNORED, -1, 1]
    wanted = by_coco(truth, boxes(rows), 1, 1, 1).mean()
    assert precision_measures(small)[0]["ap50_95"].value == pytest.approx(wanted) and wanted < 0.6


def test_of_a_size_with_few_objects_nothing_is_said() -> None:
    rows = [(0, 0, 40.0 * x, 0.0, 40.0 * x + 10, 10.0, 1.0, False) for x in range(ENOUGH)]
    large = (0, 0, 0.0, 100.0, 500.0, 500.0, 1.0, False)
    found = size_measures(compared_of(boxes([*rows, large]), boxes(rows), 1))
    assert set(found) == {"small"} and found["small"]["ap50"].value == 1.0


def test_sensitivity_is_that_at_so_many_false_boxes_an_image() -> None:
    truth = boxes([(image, 0, 0, 0, 10, 10, 1, False) for image in range(4)])
    order = ["right", "false", "right", "false", "false", "right"]  # by falling score
    rows = [
        (
            place // 2 if kind == "right" else 0,
            0,
            *((0, 0, 10, 10) if kind == "right" else (50, 50, 60, 60)),
            0.9 - 0.1 * place,
        )
        for place, kind in enumerate(order)
    ]
    found = boxes([(*row, False) for row in rows])
    mean, own = froc_measures(compared_of(truth, found, 4))
    half = {"0.125": 0.25, "0.25": 0.5, "0.5": 0.5, "1": 0.75, "8": 0.75}  # 0, 1, 2, 4 false boxes of 4 images
    assert {rate: own[rate].value for rate in half} == half
    assert mean["froc"].value == pytest.approx(np.mean([own[f"{rate:g}"].value for rate in RATES]))


def test_an_image_without_objects_is_one_in_which_boxes_may_be_false() -> None:
    truth = boxes([(0, 0, 0, 0, 10, 10, 1, False)])
    found = boxes([(1, 0, 0, 0, 10, 10, 0.9, False), (0, 0, 0, 0, 10, 10, 0.8, False)])
    few, many = (froc_measures(compared_of(truth, found, n))[0] for n in (2, 4))
    assert few["0.25"].value == 0 and many["0.25"].value == 1


def test_scores_that_mean_what_they_say_have_a_small_calibration_error() -> None:
    rng, n = np.random.default_rng(0), 4000
    score = rng.uniform(0, 1, n)
    for power, low, high in ((1, 0.0, 0.03), (3, 0.15, 0.3)):
        right = rng.random(n) < score**power
        image = np.arange(n) % 200
        truth = Objects(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool))
        found = Objects(image, np.zeros(n, int), np.zeros((n, 4)), score, np.zeros(n, bool))
        one = Compared(truth, found, np.where(right, 0, -1)[:, None], 200, ("cell",))
        bins, error = score_calibration(one)
        assert low <= error.value <= high and error.units == 200 and error.n == (score >= 0.05).sum()
        assert bins.count.sum() == error.n and bins.error == pytest.approx(error.value)
    assert np.isnan(
        score_calibration(Compared(truth, found.take(np.zeros(n, bool)), np.zeros((0, 1), int), 3, ("cell",)))[1].value
    )


def test_what_does_not_count_says_nothing_of_scores() -> None:
    truth = boxes([(0, 0, 20, 0, 60, 40, 1, True)])
    found = boxes(
        [(0, 0, 22, 2, 30, 9, 0.9, False), (0, 0, 80, 0, 90, 9, 0.8, True), (0, 0, 80, 80, 90, 90, 0.7, False)]
    )
    one = compared_of(truth, found, 1)
    assert (one.matched[:2] == IGNORED).all() and score_calibration(one)[1].n == 1


def test_a_found_box_that_is_ignored_counts_only_where_it_is_a_true_one() -> None:
    truth = boxes([(0, 0, 0, 0, 10, 10, 1, False)])
    found = boxes([(0, 0, 0, 0, 10, 9, 0.9, True), (0, 0, 0, 30, 10, 40, 0.8, True)])
    assert match(truth, found, np.array([0.5]))[:, 0].tolist() == [0, IGNORED]
    one = compared_of(truth, found, 1)
    assert one.counted([0.0]).tolist() == [[0]]  # and is not counted
