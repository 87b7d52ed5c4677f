"""``--patch``: a network of masks that learns from windows of its images and is judged on whole ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.config import from_toml
from neocog.errors import UserError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 96 × 120 pixels with some bright discs each."""
    folder = tmp_path_factory.mktemp("windows") / "discs"
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:96, :120]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(20):
        mask = np.zeros((96, 120), bool)
        for row, column in zip(generator.integers(10, 86, 6), generator.integers(10, 110, 6), strict=True):
            mask |= (rows - row) ** 2 + (columns - column) ** 2 < 60
        pixels = (generator.integers(0, 60, mask.shape) + 120 * mask).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{index}.png")
    return folder


SETTINGS = {"quiet": True, "width": "4", "depth": "2", "threads": 1, "batch": 4}


def test_windows_teach_what_is_judged_on_whole_images(data: Path, tmp_path: Path) -> None:
    run = neocog.train(data, tmp_path / "run", epochs=30, patch=(32,), lr=0.01, **SETTINGS)  # type: ignore[arg-type]
    config = from_toml(run.config.read_text(), "config.toml")
    assert config.training.patch == (32, 32) and config.data.size == (96, 120)
    result = json.loads(run.result.read_text())
    assert result["measures"]["test"]["image_dice"]["value"] > 0.8
    found = neocog.predict(run, [data / "images" / "3.png"], tmp_path / "out", quiet=True)
    assert np.asarray(Image.open(tmp_path / "out" / "masks" / "3.png")).shape == (96, 120) and len(found.rows) == 1


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ((200,), r"--patch 200 200 is not a window size of the images, 96 × 120"),
        ((0,), "--patch 0: 0 is below 1"),
        ((1, 40), "--patch 1 40: unet needs images of at least 2 × 2 pixels"),
    ],
)
def test_a_window_that_cannot_be_is_refused(patch: tuple[int, ...], message: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        neocog.train(data, tmp_path / "run", epochs=1, patch=patch, **SETTINGS)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_a_preview_shows_windows(data: Path, tmp_path: Path) -> None:
    whole, windows = (neocog.preview(data, tmp_path / f"{len(patch)}.png", n=2, patch=patch) for patch in ((), (32,)))
    assert whole.read_bytes() != windows.read_bytes()
    for patch, said in (((200,), "200 200 is not a window size"), ((8, 8, 8), "8 8 8"), ((0, 8), "0 8: 0 is below 1")):
        with pytest.raises(UserError, match=f"--patch {said}"):
            neocog.preview(data, tmp_path / "other.png", patch=patch)
    with pytest.raises(UserError, match="--patch belongs to --task segmentation"):
        neocog.preview("digits", tmp_path / "digits.png", patch=(4,))


def test_only_masks_take_windows(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--patch belongs to --task segmentation"):
        neocog.train("digits", tmp_path / "run", epochs=1, patch=(4,), quiet=True)


def test_a_handful_of_masks_is_learned_longer_than_classes_are(data: Path, tmp_path: Path) -> None:
    """16 images make 4 steps an epoch: 40 epochs of them, as of classes, would end long before the network has learned."""
    run = neocog.train(data, tmp_path / "run", patch=(16,), augment=("off",), **SETTINGS)  # type: ignore[arg-type]
    assert json.loads(run.result.read_text())["epochs"] == 100
