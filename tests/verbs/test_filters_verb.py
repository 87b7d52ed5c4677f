"""``neocog filters``: a sheet is made of any image that can be read, and nothing else is ever written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError


def stored(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(0).integers(0, 255, (500, 300, 3), dtype=np.uint8),
        np.zeros((8, 8), np.uint8),  # the smallest, and constant
        np.random.default_rng(0).integers(0, 65535, (40, 90), dtype=np.uint16),
    ],
    ids=["colour", "tiny", "16 bit"],
)
def test_a_sheet_is_made_of_any_image(tmp_path: Path, pixels: np.ndarray) -> None:
    source = stored(tmp_path / "image.png", pixels)
    before = source.read_bytes()
    sheet = neocog.filters(source, tmp_path)
    assert sheet == tmp_path / "filters-image.png"
    with Image.open(sheet) as picture:
        assert picture.width > 1000 and picture.height > 1000
        assert len(set(picture.convert("L").tobytes())) > 50  # something was drawn
    assert source.read_bytes() == before
    neocog.filters(source, sheet)  # a sheet of ours may be made again


def test_no_other_file_is_written_over(tmp_path: Path) -> None:
    source = stored(tmp_path / "image.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(UserError, match="a file is there that is no sheet of filters"):
        neocog.filters(source, source)
    with pytest.raises(UserError, match=r"sheet\.jpg is not a \.png"):
        neocog.filters(source, tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match="no such folder"):
        neocog.filters(source, tmp_path / "none" / "sheet.png")


def test_what_cannot_be_shown_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="7 × 9 pixels are too few"):
        neocog.filters(stored(tmp_path / "small.png", np.zeros((7, 9), np.uint8)), tmp_path)
    broken = tmp_path / "broken.png"
    broken.write_text("no image")
    with pytest.raises(UserError, match=r"broken\.png"):
        neocog.filters(broken, tmp_path)
