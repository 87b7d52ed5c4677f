"""Average precision equals COCO's own, with crowds, ties and empty images; what is ignored counts neither way."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from neocog.metrics.detection import Objects, average_precision, match, outcomes, overlap
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
