"""A window of each image: the same pixels that the whole changed image has there, and the mask's beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from neocog.augment import Augmentation, MaskChanges, apply, apply_masks, draw
from neocog.data.preprocessing import Preprocessing

SIZE, PATCH = (24, 20), (7, 9)
PREPROCESSING = Preprocessing(3, SIZE, "uint8", (0.0,) * 3, (1.0,) * 3)
MOVES = {
    "nothing": Augmentation(),
    "flips": Augmentation(flip=0.5, flip_vertical=0.5),
    "shifts": Augmentation(flip=0.5, crop=3),
    "affine": Augmentation(flip=0.5, turn=20, scale=0.2, stretch=0.2, shear=10, translate=0.1, crop=3),
    "affine, mirrored": Augmentation(flip_vertical=0.5, turn=20, scale=0.2, fill="mirror"),
}


def pictures(count: int = 12, dtype: torch.dtype = torch.uint8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, *SIZE), generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
@pytest.mark.parametrize("name", MOVES)
def test_a_window_shows_what_the_whole_image_shows_there(name: str, dtype: torch.dtype) -> None:
    images, samples = pictures(dtype=dtype), torch.arange(12)
    masks = torch.randint(0, 9, (12, *SIZE), generator=torch.Generator().manual_seed(1))
    small = draw(MOVES[name], 4, 2, samples, PREPROCESSING, patch=PATCH)
    whole = replace(small, patch=None, corner=None)
    assert small.corner is not None
    found, labels = apply(small, images), apply_masks(small, masks)
    assert found.shape == (12, 3, *PATCH) and found.dtype == torch.float32 and labels.shape == (12, *PATCH)
    for index, (top, left) in enumerate(small.corner.tolist()):
        rows, columns = slice(top, top + PATCH[0]), slice(left, left + PATCH[1])
        torch.testing.assert_close(found[index], apply(whole, images)[index, :, rows, columns], atol=0.01, rtol=0)
        assert torch.equal(labels[index], apply_masks(whole, masks)[index, rows, columns])


def test_every_place_is_as_likely_and_none_lies_outside() -> None:
    corner = draw(Augmentation(), 0, 0, torch.arange(40_000), PREPROCESSING, patch=PATCH).corner
    assert corner is not None
    for axis, places in enumerate(whole - part + 1 for whole, part in zip(SIZE, PATCH, strict=True)):
        counts = torch.bincount(corner[:, axis])
        assert len(counts) == places
        assert counts.min() > 0.9 * 40_000 / places and counts.max() < 1.1 * 40_000 / places


def test_a_window_as_large_as_the_image_is_the_image() -> None:
    images = pictures()
    assert torch.equal(
        apply(draw(Augmentation(), 0, 0, torch.arange(12), PREPROCESSING, patch=SIZE), images), images.float()
    )


def test_each_epoch_cuts_another_window_and_a_restart_the_same() -> None:
    changes, images, masks = MaskChanges(Augmentation(), PATCH), pictures(), torch.zeros(12, *SIZE, dtype=torch.int64)
    first, second, again = (changes(images, masks, torch.arange(12), 0, epoch, PREPROCESSING)[0] for epoch in (0, 1, 0))
    assert torch.equal(first, again) and not torch.equal(first, second)


def test_what_is_erased_lies_in_the_window() -> None:
    policy = Augmentation(erase=1)
    drawn = draw(policy, 0, 0, torch.arange(200), PREPROCESSING, patch=PATCH)
    white = torch.full((200, 3, *SIZE), 255, dtype=torch.uint8)
    share = (apply(drawn, white) != 255).float().mean((1, 2, 3))
    assert share.min() > 0 and share.max() < 0.5
