"""What is wrong with boxes is found, and nothing is said of sound ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import neocog
from neocog.checks.boxes import border_boxes, empty_images, repeated_boxes, small_boxes, unusable_boxes
from neocog.data.boxes import Boxes
from neocog.data.dataset import ArrayImages, Dataset
from neocog.errors import UserError

Row = tuple[int, float, float, float, float]


def data(images: Sequence[Sequence[Row]], faults: tuple[UserError, ...] = (), size: int = 100) -> Dataset:
    rows = [row for image in images for row in image]
    names = [f"{index}.png" for index in range(len(images))]
    boxes = Boxes(
        np.cumsum([0, *map(len, images)]),
        np.array([row[1:] for row in rows], float).reshape(-1, 4),
        np.array([row[0] for row in rows], np.int64),
        np.zeros(len(rows), bool),
        np.full((len(images), 2), size),
        faults,
    )
    pixels = ArrayImages(np.zeros((len(images), size, size, 1), np.uint8), names)
    return Dataset("test", None, names, np.zeros(len(images), np.int64), ("cell", "plate"), pixels, boxes=boxes)


SOUND = [[(0, 10, 10, 40, 40), (1, 50, 50, 80, 90)]]
CASES = {
    "no area": (
        unusable_boxes,
        data(SOUND, (UserError("a box without an area", "a.xml: object 1"),)),
        "1 box cannot be used",
    ),
    "twice": (repeated_boxes, data([[(0, 10, 10, 40, 40), (0, 10, 10, 40, 40.2)]]), "1 redundant box"),
    "two classes": (repeated_boxes, data([[(0, 10, 10, 40, 40), (1, 10, 10, 40, 40)]]), "1 image (cell and plate)"),
    "small": (small_boxes, data([[(0, 10, 10, 17, 40)]]), "1 of 1 boxes are narrower than 8"),
    "border": (border_boxes, data([[(0, 30, 30, 60, 60)]] * 60), "0 boxes of cell touch the border"),
    "empty": (empty_images, data([*SOUND, []]), "1 of 2 images have no box"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_found(case: str) -> None:
    check, found, said = CASES[case]
    (finding,) = check(found, None)  # type: ignore[arg-type]
    assert said in finding.what and finding.advice


def test_borders_that_are_left_out_already_are_not_told() -> None:
    found = data([[(0, 30, 30, 60, 60)]] * 60)
    assert found.boxes is not None
    assert not list(border_boxes(replace(found, boxes=found.boxes.with_open_border()), None))  # type: ignore[arg-type]


def test_nothing_is_said_of_sound_boxes() -> None:
    for check in (unusable_boxes, repeated_boxes, small_boxes, border_boxes, empty_images):
        assert not list(check(data(SOUND), None)), check  # type: ignore[arg-type]


def test_boxes_all_over_an_image_touch_its_border_as_often_as_they_should() -> None:
    rng = np.random.default_rng(0)
    images = []
    for _ in range(60):
        x, y = rng.uniform(-10, 80, 2)
        images.append([(0, max(x, 0), max(y, 0), min(x + 30, 100), min(y + 30, 100))])
    assert not list(border_boxes(data(images), None))  # type: ignore[arg-type]


@pytest.mark.data
def test_audit_names_the_two_boxes_of_bccd_without_area_and_says_from_where_pixels_are_counted(
    real_data: Callable[[str], Path],
) -> None:
    found = neocog.audit(real_data("bccd"), task="detection", quiet=True)
    (bad,) = (each for each in found.findings if "cannot be used" in each.what)
    assert bad.severity == "error" and bad.what.startswith("2 boxes") and "without an area" in bad.what
    assert [where.partition(":")[0][-9:] for where in bad.samples] == ["00338.xml", "00343.xml"]
    assert any("counted from 1" in str(each) and "--first-pixel" in str(each) for each in found.taken["taken"])
