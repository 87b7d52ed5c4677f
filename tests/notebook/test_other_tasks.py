"""What other tasks say of images in memory is what they say of the files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import neocog

SETTINGS = {"epochs": 1, "threads": 1, "augment": ("off",), "quiet": True}


def pictures(folder: Path, count: int = 24) -> np.ndarray:
    """(count, 32, 32) uint8 of a bright square on noise, as PNG files."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (count, 32, 32), np.uint8)
    folder.mkdir(parents=True)
    for index, one in enumerate(pixels):
        top, left = rng.integers(2, 20, 2)
        one[top : top + 8, left : left + 8] = 200
        Image.fromarray(one).save(folder / f"{index:02}.png")
    return pixels


def test_values_of_a_regression(tmp_path: Path) -> None:
    pixels = pictures(tmp_path / "images")
    with (tmp_path / "table.csv").open("w", newline="") as file:
        rows = [[f"images/{i:02}.png", float(one.mean())] for i, one in enumerate(pixels)]
        csv.writer(file).writerows([["image", "brightness"], *rows])
    run = neocog.train(tmp_path / "table.csv", tmp_path / "run", targets="brightness", model="mlp", **SETTINGS)
    rows = neocog.predict(run, tmp_path / "images", quiet=True).rows
    found = run.predict(pixels)
    assert found.shape == (24, 1) and found[:, 0].tolist() == [row["brightness"] for row in rows]
    assert run.plot("values").axes and "data:image/png" in run._repr_html_()


def test_degrees_of_an_orientation_and_its_module_sees_the_disc(tmp_path: Path) -> None:
    pixels = pictures(tmp_path / "images" / "one")
    run = neocog.train(tmp_path / "images", tmp_path / "run", task="orientation", model="lenet5", unlabelled="class",
                       epochs=1, threads=1, quiet=True)  # fmt: skip
    rows = neocog.predict(run, tmp_path / "images" / "one", quiet=True).rows
    assert run.predict(pixels).tolist() == [row["angle"] for row in rows]
    stored, corners = torch.from_numpy(pixels)[:, None], torch.from_numpy(pixels.copy())[:, None]
    corners[:, :, :3, :3] = 255
    assert torch.equal(run.model(stored), run.model(corners))


def test_masks_of_a_segmentation_at_the_images_own_sizes(tmp_path: Path) -> None:
    pixels = pictures(tmp_path / "data" / "images")
    (tmp_path / "data" / "masks").mkdir()
    for index, one in enumerate(pixels):
        Image.fromarray((one > 100).astype(np.uint8) * 255).save(tmp_path / "data" / "masks" / f"{index:02}.png")
    run = neocog.train(tmp_path / "data", tmp_path / "run", model="unet", **SETTINGS, batch=4)
    neocog.predict(run, tmp_path / "data" / "images", tmp_path / "out", quiet=True)
    wanted = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "out" / "masks").glob("*.png"))])
    neocog.predict(run, pixels, tmp_path / "held", quiet=True)
    for index, mask in enumerate(wanted):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "held" / "masks" / f"image {index}.png")), mask)
    assert np.array_equal(run.predict(pixels), wanted)
    assert [one.shape for one in run.predict([pixels[0], pixels[1, :30]])] == [(32, 32), (30, 32)]


def test_a_generator_has_no_answer_to_an_image(tmp_path: Path) -> None:
    pixels = pictures(tmp_path / "images" / "one")
    run = neocog.train(tmp_path / "images", tmp_path / "run", task="vae", unlabelled="class", **SETTINGS)
    with pytest.raises(neocog.UserError, match=r"neocog\.predict"):
        run.predict(pixels)
    with pytest.raises(neocog.UserError, match=r"neocog\.sample"):
        run.model  # noqa: B018
    assert "neocog" in run._repr_html_()
