"""What training does to its samples follows from the data, its training part alone, and the user has the last word."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.config import Config, configured
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.tasks.task import Session
from neocog.verbs.convert_augment import augment
from neocog.verbs.prepare import arrange, read

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "planted"))
sets = import_module("mirrored")


def written(folder: Path, planted, names=("one", "two")) -> Path:
    """As class folders."""
    for index, (pixels, label) in enumerate(zip(planted.pixels, planted.labels, strict=True)):
        (folder / names[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(folder / names[label] / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def arrows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("arrows"), sets.FALSE["arrows"](np.random.default_rng(0), 30, False))


@pytest.fixture(scope="module")
def gravity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("gravity"), sets.FALSE["gravity"](np.random.default_rng(0), 30, False))


def arranged(data: Path, **settings: object) -> Session:
    config = configured(Config(), {"data": str(data), "threads": 1, "task": "auto", **settings})
    progress = Progress(quiet=True)
    return arrange(config, read(config, progress), Ranks(), progress)


def policy(session: Session):
    return session.loader.changes.policy


def test_images_that_mirroring_falsifies_are_not_mirrored_and_others_are(arrows: Path, gravity: Path) -> None:
    assert policy(arranged(arrows)).flip == 0 and policy(arranged(gravity)).flip == 0.5
    found = {each.change: each for each in arranged(gravity).decisions}
    assert found["flip"].keeps and found["flip"].on and found["flip_vertical"].keeps is False


def test_what_the_user_asks_for_is_done_with_a_warning(arrows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configured(Config(), {"data": str(arrows), "threads": 1, "augment": ("flip=0.5",)})
    session = arrange(config, read(config, Progress(quiet=True)), Ranks(), Progress())
    assert policy(session).flip == 0.5 and session.decisions[0].against
    assert "warning: mirroring left and right: on, as asked for; it changes the label" in capsys.readouterr().err


def test_the_test_part_is_not_asked(arrows: Path) -> None:
    """Its images are swapped for noise, which changes no decision's evidence by a digit."""
    config = configured(Config(), {"data": str(arrows), "threads": 1})
    data = read(config, Progress(quiet=True))
    before = arrange(config, data, Ranks(), Progress(quiet=True))
    away = before.parts != "train"
    assert data.pixels is not None and away.sum() > 5
    data.pixels[away] = np.random.default_rng(0).integers(0, 255, data.pixels[away].shape)
    after = arrange(config, data, Ranks(), Progress(quiet=True))
    assert [str(each) for each in after.decisions] == [str(each) for each in before.decisions]


def test_streamed_images_are_asked_as_those_in_memory_are(arrows: Path) -> None:
    kept, streamed = arranged(arrows), arranged(arrows, memory=0.0)
    assert streamed.data.pixels is None and streamed.decisions == kept.decisions


def test_classes_of_one_letter_are_mirrored_where_the_data_show_that_they_may_be(tmp_path: Path) -> None:
    shapes = sets.HARMLESS["shapes"](np.random.default_rng(0), 20, False)
    session = arranged(written(tmp_path / "shapes", shapes, "abcd"))
    assert policy(session).flip == 0.5
    letters = sets.FALSE["letters"](np.random.default_rng(0), 20, False)
    assert policy(arranged(written(tmp_path / "letters", letters, "bdpq"))).flip == 0


def test_a_steering_value_that_nobody_calls_so_is_not_mirrored(tmp_path: Path) -> None:
    planted = sets.steering(np.random.default_rng(0), 30, False)
    rows = ["path,value"]
    for index, (pixels, value) in enumerate(zip(planted.pixels, planted.values[:, 0], strict=True)):
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(tmp_path / f"{index}.png")
        rows.append(f"{index}.png,{value:.5f}")
    (tmp_path / "data.csv").write_text("\n".join(rows))
    session = arranged(tmp_path / "data.csv", task="regression", targets=("value",))
    assert session.loader.changes is None and session.decisions[0].keeps is False


def test_masks_of_two_sides_are_not_mirrored(tmp_path: Path) -> None:
    planted = sets.lungs(np.random.default_rng(0), 40, False)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for index, (pixels, mask) in enumerate(zip(planted.pixels, planted.masks, strict=True)):
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(tmp_path / "images" / f"{index}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{index}.png")
    assert policy(arranged(tmp_path)).flip == 0


def test_sides_are_learned_with_the_usual_settings_and_the_run_says_why(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), np.arange(24)
    for index in range(80):
        row, column = rng.integers(6, 18), (6, 17)[index % 2]
        disc = (rows[:, None] - row) ** 2 + (rows - column) ** 2 < 16
        (tmp_path / "data" / f"kind {index % 2}").mkdir(parents=True, exist_ok=True)
        pixels = (rng.integers(0, 60, (24, 24)) + 180 * disc).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / f"kind {index % 2}" / f"{index}.png")
    settings = {"model": "mlp", "epochs": 12, "threads": 1, "quiet": True}
    run = neocog.train(tmp_path / "data", out=tmp_path / "run", **settings)
    result = json.loads(run.result.read_text(encoding="utf-8"))
    assert result["measures"]["test"]["accuracy"]["value"] >= 0.9
    flip = result["augmentation"][0]
    assert flip["change"] == "flip" and not flip["on"] and flip["keeps"] is False
    assert "mirroring left and right: off; it changes the label" in run.report.read_text(encoding="utf-8")


def test_copies_on_disk_are_changed_as_training_would_change_them(arrows: Path, gravity: Path, tmp_path: Path) -> None:
    """Without shifts nothing is left for arrows but mirror images, which are off."""
    with pytest.raises(UserError, match="the augmentation is off"):
        augment(arrows, tmp_path / "arrows", copies=1, augment=("crop=off",))
    assert augment(gravity, tmp_path / "gravity", copies=1, augment=("crop=off",)).copies == 60
