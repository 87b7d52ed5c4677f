"""A run is measured again on what it recorded, or not at all: changed pictures, masks, arrays and labels are refused by name."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.run import Run
from neocog.server.opened import Opened

SETTINGS = {"quiet": True, "threads": 1, "epochs": 1, "batch": 16, "model": "cnn", "widths": "4"}
Made = tuple[Path, Run]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, dark_and_light: Callable[..., Path]) -> Made:
    folder = tmp_path_factory.mktemp("own")
    (folder / "data").mkdir()
    data = dark_and_light(folder / "data", (70, 130), 40, 20.0)
    table = folder / "data" / "table.csv"
    rows = [f"{path.relative_to(data).as_posix()},{path.parent.name}" for path in sorted(data.glob("*/*.png"))]
    table.write_text("\n".join(["image,label", *rows]) + "\n")
    return table, Run(neocog.train(table, folder / "run", **SETTINGS).folder)


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """Data and a run of its own, to be spoiled; the run looks for the data where they are now."""
    shutil.copytree(made[0].parent, tmp_path / "data")
    shutil.copytree(made[1].folder, tmp_path / "run")
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text().replace(str(made[0]), str(tmp_path / "data" / made[0].name)))
    return tmp_path / "data" / made[0].name, Run(tmp_path / "run")


def of_part(run: Run, part: str) -> str:
    with run.splits_csv.open() as file:
        return next(row["sample"] for row in csv.DictReader(file) if row["split"] == part)


def invert(path: Path) -> None:
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)


def test_what_has_not_changed_is_measured_as_before(copied: Made) -> None:
    neocog.evaluate(copied[1], quiet=True)


def test_a_changed_test_picture_is_named_by_each_verb_that_measures(copied: Made) -> None:
    table, run = copied
    name = of_part(run, "test")
    invert(table.parent / name)
    for measure in (neocog.evaluate, neocog.stress):
        with pytest.raises(UserError, match="1 sample changed since this run recorded them") as error:
            measure(run, quiet=True)
        assert error.value.where == name


def test_a_changed_training_picture_is_named_where_it_is_read(copied: Made) -> None:
    table, run = copied
    name = of_part(run, "train")
    invert(table.parent / name)
    neocog.evaluate(run, quiet=True)
    with pytest.raises(UserError, match="the file has changed") as error:
        neocog.stress(run, ("labels",), quiet=True)
    assert error.value.where == name


def test_other_labels_are_refused_and_all_named(copied: Made) -> None:
    table, run = copied
    rows = table.read_text().splitlines()
    rows[1:3] = [row.replace(",dark", ",light") for row in rows[1:3]]
    table.write_text("\n".join(rows) + "\n")
    with pytest.raises(UserError, match="2 samples of other labels than this run recorded") as error:
        neocog.evaluate(run, quiet=True)
    assert "dark/0.png" in error.value.where and "evaluate them as other data" in error.value.fix


def test_a_changed_mask_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        inside = np.zeros((16, 16), np.uint8)
        inside[4 : 8 + number % 4, 4:9] = 1
        for kind, pixels in (("images", inside * 150 + rng.integers(0, 50, (16, 16))), ("masks", inside)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / kind / f"{number}.png")
    settings = {"quiet": True, "threads": 1, "epochs": 1, "model": "unet", "width": 4, "depth": 2}
    run = Run(neocog.train(tmp_path / "data", tmp_path / "run", task="segmentation", **settings).folder)
    neocog.evaluate(run, quiet=True)
    mask = tmp_path / "data" / "masks" / Path(of_part(run, "test")).name
    Image.fromarray(1 - np.asarray(Image.open(mask))).save(mask)
    with pytest.raises(UserError, match="the file has changed"):
        neocog.evaluate(run, quiet=True)


def test_a_changed_array_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = (rng.integers(0, 60, (60, 12, 12)) + 100 * y[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    run = Run(neocog.train(tmp_path / "data.npz", tmp_path / "run", **SETTINGS).folder)
    neocog.evaluate(run, quiet=True)
    np.savez(tmp_path / "data.npz", x=255 - x, y=y)
    with pytest.raises(UserError, match="samples changed since this run recorded them"):
        neocog.evaluate(run, quiet=True)


def test_the_studio_shows_no_changed_picture(copied: Made) -> None:
    table, run = copied
    name = of_part(run, "test")
    Opened(run).named(name)
    invert(table.parent / name)
    with pytest.raises(UserError, match="the file has changed"):
        Opened(run).named(name)
