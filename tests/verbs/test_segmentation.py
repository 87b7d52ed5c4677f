"""A run on masks from end to end: trained, judged at the images' own size, evaluated again, and used on files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.run import Run


def scene(generator: np.random.Generator, height: int = 40, width: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc on noise, and where it is."""
    rows, columns = np.mgrid[:height, :width]
    radius = generator.integers(6, 12)
    at = generator.integers(12, height - 12), generator.integers(12, width - 12)
    disc = (rows - at[0]) ** 2 + (columns - at[1]) ** 2 < radius**2
    pixels = generator.integers(0, 60, (height, width)) + 150 * disc
    return pixels.astype(np.uint8), disc.astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "discs"
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(60):
        pixels, mask = scene(generator, 40 + index % 3, 48)
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask * 255).save(folder / "masks" / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return neocog.train(data, out, quiet=True, epochs=6, width="4", depth="2", threads=1, size=(32, 40))


def test_discs_are_found_and_judged_at_their_own_size(run: Run) -> None:
    result = json.loads(run.result.read_text())
    test = result["measures"]["test"]
    assert result["task"] == "segmentation" and result["model"] == "unet"
    assert next(iter(test)) == "image_dice" and test["image_dice"]["value"] > 0.8
    assert test["image_dice"]["low"] <= test["image_dice"]["value"] <= test["image_dice"]["high"]
    assert test["hd95"]["value"] < 6 and test["pixel_accuracy"]["value"] > 0.9
    with run.predictions_csv.open() as file:
        rows = list(csv.DictReader(file))
    assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(test["image_dice"]["value"], abs=1e-3)
    assert "Best, median and worst cases" in run.report.read_text()


def test_evaluate_gives_the_numbers_of_the_training_again(run: Run) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    for name, measure in json.loads(run.result.read_text())["measures"]["test"].items():
        assert again[name]["value"] == pytest.approx(measure["value"], abs=1e-4), name


def test_masks_are_streamed_where_memory_is_short(run: Run, data: Path, tmp_path: Path) -> None:
    other = neocog.train(
        data, tmp_path / "run", quiet=True, epochs=6, width="4", depth="2", threads=1, size=(32, 40), memory=0.0
    )
    assert other.weights.read_bytes() == run.weights.read_bytes()


def test_predict_writes_masks_of_the_size_and_name_of_the_images(run: Run, tmp_path: Path) -> None:
    generator = np.random.default_rng(9)
    given, truths = tmp_path / "given", {}
    (given / "deep").mkdir(parents=True)
    for name in ("a.png", "a.tif", "deep/a.png"):
        pixels, truths[name] = scene(generator, 45, 51)
        Image.fromarray(pixels).save(given / name)
    (given / "broken.png").write_bytes(b"no picture")
    before = {path: path.read_bytes() for path in given.rglob("*.*")}
    found = neocog.predict(run, [given], tmp_path / "out", quiet=True)
    assert {path: path.read_bytes() for path in given.rglob("*.*")} == before
    assert [Path(row["path"]).name for row in found.rows if row["skipped"]] == ["broken.png"]
    for name, written in (("a.png", "a.png"), ("a.tif", "a.tif.png"), ("deep/a.png", "deep/a.png")):
        mask = np.asarray(Image.open(tmp_path / "out" / "masks" / written))
        assert mask.shape == (45, 51) and (mask == truths[name]).mean() > 0.9, name
        row = next(row for row in found.rows if row["path"].endswith(f"given/{name}"))
        areas = [value for key, value in row.items() if key.startswith("area: ")]
        assert areas == np.bincount(mask.reshape(-1), minlength=2).tolist()
        assert np.asarray(Image.open(tmp_path / "out" / "overlays" / written)).shape == (45, 51, 3)
    assert (tmp_path / "out" / "predictions.csv").exists()


def test_one_group_alone_is_measured_without_an_interval(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """How much groups differ cannot be told from one of them, so no interval is made up, and none is called nan."""
    with (data / "videos.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "mask", "split", "group"])
        for index in range(20):
            part, video = (
                ("train", f"v{index % 3}") if index < 12 else ("validation", "v8") if index < 16 else ("test", "v9")
            )
            writer.writerow([f"images/{index}.png", f"masks/{index}.png", part, video])
    found = neocog.train(
        data / "videos.csv", tmp_path / "run", epochs=1, width="4", depth="2", threads=1, size=(32, 40)
    )
    said = capsys.readouterr().err
    assert json.loads(found.result.read_text())["measures"]["test"]["image_dice"]["low"] is None
    assert "(too few for an interval, 4 test samples of 1 group)" in said and "nan" not in said
    (data / "videos.csv").unlink()


def test_an_image_much_larger_than_the_training_keeps_its_scale(run: Run, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    scenes = [[scene(generator) for _ in range(6)] for _ in range(5)]
    pixels, truth = (np.block([[one[part] for one in row] for row in scenes]) for part in (0, 1))
    Image.fromarray(pixels).save(tmp_path / "large.png")
    neocog.predict(run, [tmp_path / "large.png"], tmp_path / "out", quiet=True)
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "large.png"))
    both = (mask & truth).sum()
    assert mask.shape == truth.shape and 2 * both / (mask.sum() + truth.sum()) > 0.8


def test_a_classifier_is_refused_for_masks_and_a_segmenter_for_classes(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this task needs a class for each pixel"):
        neocog.train(data, tmp_path / "a", quiet=True, model="resnet")
    with pytest.raises(UserError, match="gives a class for each pixel"):
        neocog.train("digits", tmp_path / "b", quiet=True, model="segnet")


def test_a_network_of_ones_own_file_learns_masks_and_predicts(data: Path, tmp_path: Path) -> None:
    text = """
from torch import nn


class Tiny(nn.Sequential):
    def __init__(self, channels, outputs):
        super().__init__(nn.Conv2d(channels, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, outputs, 5, padding=2))
"""
    (tmp_path / "tiny.py").write_text(text)
    settings = {"quiet": True, "epochs": 3, "threads": 1, "size": (32, 40), "model": f"{tmp_path}/tiny.py:Tiny"}
    run = neocog.train(data, tmp_path / "run", **settings)
    assert json.loads(run.result.read_text())["measures"]["test"]["image_dice"]["value"] > 0.6
    found = neocog.predict(run, [data / "images" / "0.png"], tmp_path / "out", quiet=True)
    assert (tmp_path / "out" / "masks" / "0.png").is_file()
    assert not found.rows[0]["skipped"]
