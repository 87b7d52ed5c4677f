"""Single objects from end to end: learned from numbered masks, judged, evaluated again, and written as numbers and a table."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.metrics.objects import match
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.tasks.segmentation.instances import objects_of

SETTINGS = {"instances": True, "quiet": True, "threads": 1, "width": "8", "depth": "2", "lr": 0.01}


def scene(generator: np.random.Generator, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on noise, of which some touch; and their numbers."""
    rows, columns = np.mgrid[:side, :side]
    objects, free = np.zeros((side, side), np.uint8), np.ones((side, side), bool)
    for number in range(1, int(generator.integers(3, 7)) + 1):
        at, radius = generator.integers(7, side - 7, 2), generator.integers(5, 8)
        disc = (rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= radius**2
        if free[disc].all():
            objects[disc], free[disc] = number, False
    edge = np.zeros_like(free)
    edge[:-1] |= objects[:-1] != objects[1:]
    edge[:, :-1] |= objects[:, :-1] != objects[:, 1:]
    pixels = generator.integers(0, 40, (side, side)) + np.where(objects > 0, np.where(edge, 110, 200), 10)
    return pixels.astype(np.uint8), objects


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "cells"
    generator = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(40):
        pixels, objects = scene(generator)
        Image.fromarray(pixels).save(folder / "images" / f"{index:02}.png")
        Image.fromarray(objects).save(folder / "masks" / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(data, tmp_path_factory.mktemp("runs") / "run", epochs=20, **SETTINGS)


def test_objects_are_found_and_counted(run: Run) -> None:
    result = json.loads(run.result.read_text())
    test = result["measures"]["test"]
    assert result["task"] == "segmentation" and result["classes"] == ["background", "interior", "border"]
    assert next(iter(test)) == "object_f1" and test["object_f1"]["value"] > 0.8 and test["count_error"]["value"] < 1
    text = run.report.read_text()
    assert "F1 of objects" in text and "Best and worst cases" in text


def test_evaluate_and_the_written_masks_give_the_same_numbers(run: Run, data: Path, tmp_path: Path) -> None:
    test = json.loads(run.result.read_text())["measures"]["test"]
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    assert {name: m["value"] for name, m in again.items()} == {name: m["value"] for name, m in test.items()}
    with run.predictions_csv.open() as file:
        rows = list(csv.DictReader(file))
    names = [Path(row["path"]).name for row in rows]
    found = neocog.predict(run, [data / "images" / name for name in names], tmp_path / "out", quiet=True)
    hits = true = said = errors = 0
    for row, name, predicted in zip(rows, names, found.rows, strict=True):
        written = np.asarray(Image.open(tmp_path / "out" / "masks" / name))
        assert written.dtype == np.uint16 and written.max() == predicted["objects"] == int(row["found"])
        one = match(np.asarray(Image.open(data / "masks" / name)), written)
        assert int(row["matched"]) == one.hits[0] and int(row["objects"]) == one.true
        hits, true, said, errors = (
            hits + one.hits[0],
            true + one.true,
            said + one.found,
            errors + abs(one.found - one.true),
        )
    assert test["object_f1"]["value"] == pytest.approx(2 * hits / (true + said), abs=1e-9)
    assert test["count_error"]["value"] == pytest.approx(errors / len(rows), abs=1e-9)
    with (tmp_path / "out" / "objects.csv").open() as file:
        table = [row for row in csv.DictReader(file) if row["image"].endswith(names[0])]
    written = np.asarray(Image.open(tmp_path / "out" / "masks" / names[0]))
    assert [int(row["area"]) for row in table] == np.bincount(written.reshape(-1))[1:].tolist()
    middle = np.argwhere(written == 1).mean(axis=0)
    assert (float(table[0]["row"]), float(table[0]["column"])) == pytest.approx(tuple(middle), abs=0.01)
    assert np.asarray(Image.open(tmp_path / "out" / "overlays" / names[0])).shape == (*written.shape, 3)


def test_noise_is_no_object(run: Run) -> None:
    predictor = load_predictor(run)
    smallest, core = predictor.facts["smallest"]
    assert 20 < smallest < 60 and 1 < core < smallest
    classes = np.zeros((30, 30), np.uint8)
    classes[5:15, 5:15], classes[20:23, 20:23] = 1, 1
    assert objects_of(predictor, classes).max() == 1


def test_written_objects_are_masks_to_learn_from(run: Run, data: Path, tmp_path: Path) -> None:
    neocog.predict(run, [data / "images"], tmp_path / "out", quiet=True)
    shutil.copytree(data / "images", tmp_path / "again" / "images")
    shutil.copytree(tmp_path / "out" / "masks", tmp_path / "again" / "masks")
    told = neocog.audit(tmp_path / "again", instances=True, quiet=True).to_json()
    assert "each value of a mask is one object" in json.dumps(told)


def test_instances_are_for_masks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="instances"):
        neocog.train("digits", tmp_path / "run", quiet=True, instances=True)
