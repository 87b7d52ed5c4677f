"""A run of orientation from end to end: trained on upright pictures, it sets turned ones upright."""

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
from neocog.verbs.upright import turned_back, upright

SIDE = 24


def landscape(generator: np.random.Generator) -> np.ndarray:
    """Bright sky above dark ground: which way is up is plain."""
    rows = np.mgrid[:SIDE, :SIDE][0]
    horizon = generator.integers(SIDE // 3, 2 * SIDE // 3)
    pixels = np.where(rows < horizon, 220, 60) + generator.integers(-15, 15, (SIDE, SIDE))
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images without labels, in folders of their own."""
    folder = tmp_path_factory.mktemp("data") / "my pictures"
    generator = np.random.default_rng(0)
    for index in range(160):
        below = folder / f"day {index % 3}"
        below.mkdir(parents=True, exist_ok=True)
        Image.fromarray(landscape(generator)).save(below / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return neocog.train(
        pictures, out, quiet=True, task="orientation", epochs=25, model="cnn", widths="8,16", threads=1, batch=16
    )


def test_unlabelled_pictures_are_enough_to_learn_which_way_is_up(run: Run) -> None:
    result = json.loads(run.result.read_text())
    assert result["task"] == "orientation"
    assert result["measures"]["test"]["median_error"]["value"] < 25
    assert "Angular errors" in run.report.read_text()


def test_evaluate_gives_the_numbers_of_the_training_again(run: Run) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    first = json.loads(run.result.read_text())["measures"]["test"]
    for name, measure in first.items():
        assert again[name]["value"] == pytest.approx(measure["value"], abs=1e-3)


def test_turned_pictures_are_written_upright_and_the_given_ones_left_alone(run: Run, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    given = tmp_path / "given"
    given.mkdir()
    for name, quarters in (("a", 0), ("b", 1), ("c", 2), ("d", 3)):
        Image.fromarray(np.rot90(landscape(generator), quarters)).save(given / f"{name}.png")
    (given / "broken.png").write_bytes(b"no picture")
    before = {path: path.read_bytes() for path in given.iterdir()}
    rows = upright(run, [given], tmp_path / "out", quiet=True)
    assert {path: path.read_bytes() for path in given.iterdir()} == before
    skipped = [row for row in rows if row.skipped]
    assert [row.path.name for row in skipped] == ["broken.png"]
    for row in rows:
        if not row.skipped:
            pixels = np.asarray(Image.open(row.written))
            middle = pixels.shape[1] // 2
            assert pixels[pixels.shape[0] // 6, middle] > 150 > 110 > pixels[-pixels.shape[0] // 6, middle], row
    with (tmp_path / "out" / "angles.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 5


def test_predict_says_the_angle(run: Run, pictures: Path) -> None:
    rows = neocog.predict(run, [pictures / "day 1"], quiet=True).rows
    assert len(rows) > 40 and np.median([abs(row["angle"]) for row in rows]) < 30


def test_turning_back_undoes_a_turn_at_full_size() -> None:
    pixels = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    assert np.array_equal(turned_back(np.rot90(pixels), 90.0), pixels)
    assert turned_back(pixels, 45.0).shape[0] > 7 and turned_back(pixels, 0.2) is pixels
    deep = np.full((20, 20, 1), 60_000, np.uint16)
    assert turned_back(deep, 30.0).dtype == np.uint16 and turned_back(deep, 30.0).min() > 59_000


def test_what_would_falsify_the_angle_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="flip_vertical would falsify the angle"):
        neocog.train(pictures, tmp_path / "run", quiet=True, task="orientation", augment=("flip_vertical=0.5",))


def test_upright_needs_a_run_of_orientation(tmp_path: Path) -> None:
    run = neocog.train("digits", tmp_path / "run", quiet=True, epochs=1, model="mlp")
    with pytest.raises(UserError, match="a run of classification"):
        upright(run, [tmp_path], tmp_path / "out")
