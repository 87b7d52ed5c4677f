"""Annotators compared: known differences give known numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.errors import UserError
from neocog.verbs.agreement import agreement


def annotator(root: Path, *masks: np.ndarray) -> Path:
    for i, mask in enumerate(masks):
        for name, pixels in (("images", np.zeros((*mask.shape, 3), np.uint8)), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_dice_iou_and_kappa_of_known_masks_and_the_worst_image(tmp_path: Path) -> None:
    left, wide = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    left[:, :4], wide[:, :8] = 1, 1
    a, b = annotator(tmp_path / "a", left, left), annotator(tmp_path / "b", left, wide)
    (found,) = agreement([a, b], tmp_path / "out")
    assert found.images == 2 and found.dice["class 1"] == pytest.approx(2 * 80 / 200)
    assert found.iou["class 1"] == pytest.approx(80 / 120) and 0 < found.kappa < 1
    assert found.differing == (("images/1.png", pytest.approx(0.4)),)
    with Image.open(tmp_path / "out/1-1-a-b.png") as picture:
        assert picture.size == (20, 10)
    assert len(agreement([a, b, a])) == 3 and agreement([a, a])[0].kappa == 1
    with pytest.raises(UserError, match="different classes"):
        agreement([a, annotator(tmp_path / "c", left + wide)], mask_values="classes")
