"""Boxes: their way to the network's size and back, what is cut, and digests that know of every change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neocog.data.boxes import Boxes
from neocog.data.fit_boxes import FRAME, PADDING, clipped, fitted, from_plane, to_plane, where
from neocog.data.preprocessing import Fit, Preprocessing


def plan(fit: Fit = "resize", share: float = 1.0) -> Preprocessing:
    return Preprocessing(3, (60, 90), "uint8", (0.0,) * 3, (1.0,) * 3, fit=fit, crop_share=share)


def two_images() -> Boxes:
    corners = np.array([[10, 20, 60, 70], [0, 0, 30, 30], [100, 40, 200, 120]], float)
    ignored = np.array([False, True, False])
    return Boxes(np.array([0, 2, 3]), corners, np.array([1, 0, 1]), ignored, np.array([[120, 200], [120, 200]]))


@pytest.mark.parametrize("fit", ["resize", "pad", "crop"])
@pytest.mark.parametrize("size", [(120, 180), (200, 100), (37, 91)])
def test_boxes_come_back_to_where_they_were(fit: Fit, size: tuple[int, int]) -> None:
    corners = np.array([[3, 5, 20, 31], [0, 0, size[1], size[0]]], float)
    place = where(size, plan(fit, 0.9))
    np.testing.assert_allclose(from_plane(to_plane(corners, place), place), corners, atol=1e-9)


def test_boxes_lie_where_the_pixels_do() -> None:
    from neocog.data.resize import fit as fitted_pixels

    for how in ("resize", "pad", "crop"):
        image = np.zeros((200, 100, 3), np.uint8)
        image[50:150, 30:60] = 255
        shown = fitted_pixels(image, plan(how))  # type: ignore[arg-type]
        rows, columns = np.nonzero(shown[0] > 127)
        box = to_plane(np.array([[30, 50, 60, 150.0]]), where((200, 100), plan(how)))  # type: ignore[arg-type]
        inside = clipped(box, (60, 90))[0][0]
        np.testing.assert_allclose(
            inside, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], atol=1.0, err_msg=how
        )


def test_a_box_of_which_little_is_seen_counts_neither_way() -> None:
    boxes = two_images()
    shown = fitted(boxes, replace(plan("crop"), size=(60, 60)))
    assert shown.shape == (2, 2, 6) and shown[1, 1, 0] == PADDING
    assert shown[0, 1, 5] == 1 and shown[1, 0, 5] == 0  # the second lies left of what is seen
    wide = fitted(boxes, plan())
    np.testing.assert_allclose(wide[1, 0], [1, 45, 20, 90, 60, 0])


def test_at_an_open_border_what_the_image_cuts_is_ignored_and_its_frame_is_told() -> None:
    corners = np.array([[10, 20, 60, 70], [30, 1, 60, 31], [100, 40, 199, 110]], float)
    boxes = replace(two_images(), corners=corners, ignored=np.zeros(3, bool))
    opened = boxes.with_open_border()
    assert opened.ignored.tolist() == [False, True, True] and not boxes.ignored.any()
    table = fitted(opened, plan("pad"))
    assert table.shape == (2, 3, 6) and table[0, :2, 5].tolist() == [0, 1]
    np.testing.assert_allclose(table[:, -1], [[FRAME, 0, 3, 90, 57, 0]] * 2)
    assert (fitted(boxes, plan())[..., 0] != FRAME).all()


def test_a_digest_knows_of_every_change_and_of_no_order() -> None:
    boxes, names = two_images(), ("a", "b")
    known = boxes.digests(names)
    turned = replace(
        boxes, corners=boxes.corners[[1, 0, 2]], labels=np.array([0, 1, 1]), ignored=np.array([1, 0, 0], bool)
    )
    assert turned.digests(names) == known
    assert boxes.digests(("a", "c"))[0] != known[0]
    for name, value in (("corners", boxes.corners + 0.5), ("labels", 1 - boxes.labels), ("ignored", ~boxes.ignored)):
        changed = replace(boxes, **{name: value}).digests(names)  # type: ignore[arg-type]
        assert changed[0] != known[0] and changed[1] != known[1], name


def test_what_is_in_an_image_is_told_in_the_order_of_the_classes() -> None:
    assert (
        two_images().target_text(0, ("cell", "plate")) == "1 cell, 1 plate"
        and two_images().target_text(1, ("cell", "plate")) == "1 plate"
    )
