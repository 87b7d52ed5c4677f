"""Boxes move as their pixels do, under every change; what leaves the image is no longer learned."""

from __future__ import annotations

import pytest
import torch

from neocog.augment.boxes import BoxChanges, check, usual
from neocog.augment.policy import Augmentation
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError

PLAN = Preprocessing(1, (60, 80), "uint8", (0.0,), (1.0,))


def shown(policy: Augmentation, seed: int = 0, count: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with one bright box each, changed, and the box that is said to be around it."""
    boxes = torch.zeros(count, 2, 6)
    boxes[:, 1, 0] = -1
    pixels = torch.zeros(count, 1, 60, 80, dtype=torch.uint8)
    for index in range(count):
        x, y = 20 + index, 15 + index // 2
        boxes[index, 0] = torch.tensor([0, x, y, x + 22, y + 16, 0])
        pixels[index, 0, y : y + 16, x : x + 22] = 255
    return BoxChanges(policy)(pixels, boxes, torch.arange(count), seed, 0, PLAN)


@pytest.mark.parametrize(
    "edits",
    [
        "flip=1",
        "flip_vertical=1",
        "crop=6",
        "scale=0.3",
        "translate=0.1",
        "stretch=0.3",
        "flip=0.5 scale=0.3 translate=0.1 crop=3",
    ],
)
def test_a_box_lies_around_the_pixels_that_it_lay_around_before(edits: str) -> None:
    for seed in range(3):
        pixels, boxes = shown(Augmentation().changed(["off", edits]), seed)
        for image, box in zip(pixels, boxes[:, 0], strict=True):
            rows, columns = torch.nonzero(image[0] > 127, as_tuple=True)
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            torch.testing.assert_close(box[1:5], torch.stack(tight).float(), atol=1.0, rtol=0)


def test_the_hull_of_a_turned_box_holds_all_of_it_and_little_else() -> None:
    pixels, boxes = shown(Augmentation().changed(["off", "turn=10"]))
    for image, box in zip(pixels, boxes[:, 0], strict=True):
        rows, columns = torch.nonzero(image[0] > 127, as_tuple=True)
        assert box[1] <= columns.min() + 1 and box[2] <= rows.min() + 1
        assert box[3] >= columns.max() and box[4] >= rows.max()
        assert box[3] - box[1] < 28 and box[4] - box[2] < 22


def test_a_box_of_which_little_is_left_counts_neither_way_and_padding_stays() -> None:
    policy = Augmentation().changed(["off", "translate=1"])
    _, boxes = shown(policy)
    area = (boxes[:, 0, 3:5] - boxes[:, 0, 1:3]).clamp(min=0).prod(1)
    assert ((boxes[:, 0, 5] > 0) == (area < 0.35 * 22 * 16)).all() and 0 < boxes[:, 0, 5].sum() < 12
    assert (boxes[:, 1, 0] == -1).all() and (boxes[:, 1, 1:] == 0).all()
    assert (boxes[..., 1:5] >= 0).all() and (boxes[..., 3] <= 80).all() and (boxes[..., 4] <= 60).all()


def test_the_frame_of_an_open_border_moves_as_the_image_does() -> None:
    boxes = torch.tensor([[[-1.0, 0, 0, 0, 0, 0], [-2, 0, 0, 80, 60, 0]]]).repeat(12, 1, 1)
    pixels = torch.zeros(12, 1, 60, 80, dtype=torch.uint8)
    pixels[..., 0] = 255  # the left edge, which shifting repeats in what it opens
    pixels, boxes = BoxChanges(Augmentation().changed(["off", "translate=0.3"]))(
        pixels, boxes, torch.arange(12), 0, 0, PLAN
    )
    left = (pixels[:, 0, 30] > 127).sum(1)
    assert (left > 2).sum() > 2 and (boxes[:, 1, 0] == -2).all()
    for shown, frame in zip(left.tolist(), boxes[:, 1, 1].tolist(), strict=True):
        assert abs(frame - max(0, shown - 1)) <= 1


def test_changes_are_a_function_of_seed_epoch_and_sample() -> None:
    change = BoxChanges(usual(PLAN, mirror=True))
    pixels, boxes = torch.randint(0, 255, (6, 1, 60, 80), dtype=torch.uint8), torch.rand(6, 3, 6) * 50
    boxes[..., 3:5] += 5
    boxes[..., 0], boxes[..., 5] = 0, 0
    whole = change(pixels, boxes, torch.arange(6), 3, 2, PLAN)
    part = change(pixels[4:], boxes[4:], torch.arange(4, 6), 3, 2, PLAN)
    assert torch.equal(whole[0][4:], part[0]) and torch.equal(whole[1][4:], part[1])


@pytest.mark.parametrize("edit", ["turn=45", "shear=30", "fill=mirror"])
def test_what_would_make_boxes_wrong_is_refused(edit: str) -> None:
    with pytest.raises(UserError, match="boxes"):
        check(usual(PLAN, mirror=True).changed([edit]))
