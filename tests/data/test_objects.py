"""Objects become background, interior and border, and these become the objects again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.formats.decoding import DEFAULT
from neocog.data.masks import scan_masks
from neocog.data.objects import ObjectMasks, separated, three_classes
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.metrics.objects import match

SIDE = 60


def touching() -> np.ndarray:
    """Two discs that touch, a square alone, a line one pixel wide, and a square on the picture's edge."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    objects = np.zeros((SIDE, SIDE), np.int32)
    objects[(rows - 15) ** 2 + (columns - 12) ** 2 <= 100] = 1
    objects[(rows - 15) ** 2 + (columns - 33) ** 2 <= 100] = 2
    objects[40:52, 5:17] = 3
    objects[40, 30:50] = 4
    objects[52:, 50:] = 5
    return objects


def same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two masks have the same objects, however they are numbered."""
    pairs = np.unique(np.stack([first, second]).reshape(2, -1), axis=1)
    return len({*pairs[0]}) == len({*pairs[1]}) == pairs.shape[1] and bool(((first > 0) == (second > 0)).all())


def read(root: Path, masks: list[np.ndarray], **reading: object) -> ObjectMasks:
    for i, mask in enumerate(masks):
        for name, pixels in (("images", np.zeros((*mask.shape[:2], 3), np.uint8)), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    data = open_masks(root, DEFAULT, Reading(instances=True, **reading))  # type: ignore[arg-type]
    assert data is not None and isinstance(data.masks, ObjectMasks)
    assert data.classes == ("background", "interior", "border")
    return data.masks


def test_objects_are_found_again_from_their_three_classes() -> None:
    objects = touching()
    classes = three_classes(objects)
    assert set(np.unique(classes)) == {0, 1, 2} and ((classes > 0) == (objects > 0)).all()
    assert same(separated(classes), objects)
    np.testing.assert_array_equal(separated(np.minimum(classes, 1)) > 0, objects > 0)
    assert separated(np.minimum(classes, 1)).max() == 4  # without a border, those that touch are one
    halves = np.ones((20, 20), np.int32)
    halves[:, 10:] = 2
    assert (three_classes(halves)[4:-4, 9:11] == 2).all(), "no border between halves that fill the picture"


def test_what_is_smaller_than_any_object_is_left_out_and_a_speck_is_no_marker() -> None:
    classes = three_classes(touching())
    assert separated(classes, smallest=21).max() == 4  # the line has 20 pixels
    classes[15, 22] = 1  # a speck of interior in the border between the discs
    assert separated(classes).max() == 6 and separated(classes, core=2).max() == 5


def test_pixels_that_do_not_count_stay_so() -> None:
    objects = touching()
    objects[:5] = -1
    assert (three_classes(objects)[:5] == 255).all()
    found = match(objects, touching())
    assert (found.true, found.found, found.hits[0]) == (5, 5, 5)


def test_masks_say_what_one_object_is(tmp_path: Path) -> None:
    objects = touching().astype(np.uint8)
    masks = read(tmp_path / "a", [objects, np.roll(objects, 3, 0)])
    assert masks.by == "value"
    np.testing.assert_array_equal(masks.objects(0), objects)
    masks = read(tmp_path / "b", [(objects > 0) * np.uint8(255)])
    assert masks.by == "piece" and masks.objects(0).max() == 4
    colours = np.where(objects == 2, 2, objects > 0).astype(np.uint8)  # numbers that only keep touching ones apart
    masks = read(tmp_path / "c", [colours, np.roll(colours, 3, 0)])
    assert masks.by == "piece of a value"
    assert same(masks.objects(0), objects)


def test_a_border_is_not_lost_by_shrinking(tmp_path: Path) -> None:
    large = np.kron(touching(), np.ones((6, 6), np.int32)).astype(np.uint8)
    masks = read(tmp_path, [large, large])
    small = masks.fitted(0, (SIDE, SIDE), "resize")
    np.testing.assert_array_equal(small, three_classes(touching()))


def test_the_survey_fits_objects_before_their_border_is_drawn(tmp_path: Path) -> None:
    large = np.kron(touching(), np.ones((6, 6), np.int32)).astype(np.uint8)
    found = scan_masks(read(tmp_path, [large, large]), (SIDE, SIDE)).fitted
    assert found is not None
    np.testing.assert_array_equal(found[1], three_classes(touching()))


def test_objects_of_several_classes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("background\ncell\nnucleus\n")
    with pytest.raises(UserError, match="objects of one class"):
        read(tmp_path, [touching().astype(np.uint8)])
