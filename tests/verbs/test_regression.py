"""Regression from end to end: from a CSV to values with intervals, measured, predicted, and shown."""

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
from neocog.facts import sealed
from neocog.run import Run

QUICK = {"quiet": True, "threads": 1, "epochs": 30, "widths": "8,16", "batch": 16}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Discs of random radius and brightness, whose radius is to be told."""
    folder = tmp_path_factory.mktemp("data") / "discs of paper"
    folder.mkdir()
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:20, :20] - 9.5
    lines = ["image,radius [px],patient_id"]
    for index in range(200):
        radius = generator.uniform(2, 9)
        pixels = 20 + generator.integers(100, 220) * (rows**2 + columns**2 < radius**2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
        lines.append(f"{index}.png,{radius:.4f},p{index // 4}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.csv"


@pytest.fixture(scope="module", params=["mse", "gaussian"])
def run(request: pytest.FixtureRequest, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(table, tmp_path_factory.mktemp("runs") / "run", loss=request.param, **QUICK)


def test_a_run_whose_model_json_has_older_names_opens_and_predicts_the_same(
    run: Run, table: Path, tmp_path: Path
) -> None:
    shutil.copytree(run.folder, tmp_path / "run")
    old, facts = Run(tmp_path / "run"), json.loads(run.model_json.read_text())
    facts["quantities"] = facts.pop("target_names")
    old.model_json.write_text(json.dumps(sealed(facts)))
    image = table.parent / "0.png"
    assert neocog.predict(old, image, quiet=True) == neocog.predict(run, image, quiet=True)
    old.model_json.write_text(json.dumps(facts | {"quantities": ["mass"]}))
    with pytest.raises(UserError, match="edited since"):
        neocog.predict(old, image, quiet=True)


def test_a_column_of_numbers_is_learned_and_measured_in_its_own_units(run: Run) -> None:
    result = json.loads(run.result.read_text())
    assert result["task"] == "regression" and result["target_names"] == ["radius [px]"]
    assert result["quantities"] == result["target_names"], "scripts may know the older name"
    test = result["measures"]["test"]
    assert list(test) == ["mae", "rmse", "r2", "coverage_90"]
    assert test["mae"]["value"] < 0.8 and test["r2"]["value"] > 0.8
    assert "Predicted and true values" in run.report.read_text()


def test_evaluate_gives_the_numbers_of_the_training_again(run: Run) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    for name, measure in json.loads(run.result.read_text())["measures"]["test"].items():
        assert again[name]["value"] == pytest.approx(measure["value"], rel=1e-3)


def test_predictions_come_with_intervals_and_agree_with_the_test_part(run: Run, table: Path) -> None:
    with run.predictions_csv.open() as file:
        recorded = list(csv.DictReader(file))
    found = neocog.predict(run, [table.parent / row["path"] for row in recorded], quiet=True).rows
    for row, said in zip(recorded, found, strict=True):
        assert said["radius [px]"] == pytest.approx(float(row["radius [px]"]), abs=1e-3)
        assert said["radius [px] low"] < said["radius [px]"] < said["radius [px] high"]


def test_groups_stay_on_one_side(run: Run) -> None:
    with run.splits_csv.open() as file:
        rows = list(csv.DictReader(file))
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["group"], set()).add(row["split"])
    assert all(len(parts) == 1 for parts in sides.values())


def test_augmentation_that_would_falsify_the_value_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"scale makes it larger or smaller \(radius \[px\] is a size\)"):
        neocog.train(table, tmp_path / "run", augment=("scale=0.2",), **QUICK)
    assert not (tmp_path / "run").exists()


def test_data_with_classes_are_told_apart_from_data_with_values(table: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no label column"):
        neocog.train(table, tmp_path / "run", task="classification", quiet=True, epochs=1)
    with pytest.raises(UserError, match="--task regression needs values"):
        neocog.train("digits", tmp_path / "run", task="regression", quiet=True, epochs=1)
