"""Files that somebody overwrites while a training goes on are neither learned nor judged: it stops and names them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError

TINY: dict[str, Any] = {"epochs": 3, "batch": 8, "threads": 1, "baseline": False, "quiet": True}
STREAMED = {"memory": 0.0, "workers": 1}


def save(path: Path, pixels: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def photos(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for index in range(24):
        noise = rng.integers(0, 120, (12, 12), np.uint8)
        save(root / "ab"[index % 2] / f"{index:02}.png", noise + 100 * (index % 2))
    return root


def scans(root: Path) -> Path:
    rng = np.random.default_rng(1)
    for index in range(12):
        mask = np.zeros((16, 16), np.uint8)
        mask[: 4 + index, 3:9] = 1
        save(root / f"images/{index:02}.png", rng.integers(0, 99, (16, 16), np.uint8) + 100 * mask)
        save(root / f"masks/{index:02}.png", mask)
    return root


def annotated(root: Path) -> Path:
    scans(root / "made")
    for index in range(12):
        picture = root / f"shapes/{index:02}.png"
        save(picture, Image.open(root / f"made/images/{index:02}.png"))
        box = {"label": "cell", "shape_type": "rectangle", "points": [[2, 2], [9, 4 + index]]}
        text = {"imagePath": picture.name, "imageHeight": 16, "imageWidth": 16, "imageData": None, "shapes": [box]}
        picture.with_suffix(".json").write_text(json.dumps(text))
    return root / "shapes"


def once(change: Callable[[], object]) -> Callable[[Any], None]:
    """Make the change after the first epoch."""
    left = [change]

    def after_epoch(_row: Any) -> None:
        if left:
            left.pop()()

    return after_epoch


def overwritten(path: Path) -> None:
    """Other pixels of the same size, and the times of before."""
    status = path.stat()
    with Image.open(path) as image:
        pixels = np.array(image)
    Image.fromarray(pixels[::-1].copy()).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def redrawn(path: Path) -> None:
    text = json.loads(path.read_text())
    text["shapes"][0]["points"] = [[0, 0], [3, 3]]
    path.write_text(json.dumps(text))


CASES = {
    "an image": (photos, "*/*.png", overwritten, {"model": "mlp"}, STREAMED),
    "an image with a mask": (scans, "images/*.png", overwritten, {"width": 4, "depth": 1}, STREAMED),
    "a mask": (scans, "masks/*.png", overwritten, {"width": 4, "depth": 1}, STREAMED),
    "a mask that is judged": (
        scans,
        "masks/*.png",
        overwritten,
        {"width": 4, "depth": 1},
        {},
    ),  # at the end it is read again
    "shapes": (annotated, "*.json", redrawn, {"width": 4, "depth": 1}, STREAMED),
    "an image with shapes": (annotated, "*.png", overwritten, {"width": 4, "depth": 1}, STREAMED),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_overwritten_in_the_middle_stops_the_training_and_is_named(case: str, tmp_path: Path) -> None:
    make, pattern, change, network, how = CASES[case]
    root = make(tmp_path / "data")
    every = sorted(root.glob(pattern))

    def change_all() -> None:
        for path in every:
            change(path)

    with pytest.raises(UserError, match="changed since it was first read") as error:
        neocog.train(root, tmp_path / "run", after_epoch=once(change_all), **TINY, **network, **how)
    assert error.value.where in {path.relative_to(root).as_posix() for path in every}
    assert error.value.fix.endswith(f"restore the file, then: neocog resume {tmp_path / 'run'}")
    assert not (tmp_path / "run/result.json").exists()


def test_a_file_that_is_written_again_as_it_was_stops_nothing(tmp_path: Path) -> None:
    root = photos(tmp_path / "data")

    def touched() -> None:
        for path in root.glob("*/*.png"):
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)

    neocog.train(root, tmp_path / "run", after_epoch=once(touched), model="mlp", **TINY, **STREAMED)
    assert (tmp_path / "run/result.json").exists()


def test_the_same_mask_packed_otherwise_stops_nothing(tmp_path: Path) -> None:
    root = scans(tmp_path / "data")

    def packed() -> None:
        for path in (root / "masks").glob("*.png"):
            with Image.open(path) as image:
                image.load()
                image.save(path, compress_level=0)

    neocog.train(root, tmp_path / "run", after_epoch=once(packed), width=4, depth=1, **TINY, **STREAMED)
    assert (tmp_path / "run/result.json").exists()
