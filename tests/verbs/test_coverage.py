"""``predict --coverage``: sets of classes, and intervals, that hold the truth as often as was asked, by the validation part."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.metrics.conformal import quantile
from neocog.run import Run

QUICK: dict[str, Any] = {"quiet": True, "threads": 1, "model": "cnn", "widths": "4,4", "augment": ("off",)}
CLASSES = ("low", "middle", "high")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes whose brightness overlaps; and a table that tells it."""
    folder, rng = tmp_path_factory.mktemp("coverage") / "my data", np.random.default_rng(0)
    folder.mkdir()
    lines, values = ["image,label"], ["image,level"]
    for index in range(600):
        level = rng.normal(80 + 40 * (index % 3), 25)
        pixels = np.clip(level + rng.normal(0, 3, (8, 8)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
        lines.append(f"{index}.png,{CLASSES[index % 3]}")
        values.append(f"{index}.png,{level + rng.normal(0, 5):.3f}")
    (folder / "classes.csv").write_text("\n".join(lines) + "\n")
    (folder / "values.csv").write_text("\n".join(values) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return neocog.train(folder / "classes.csv", out, epochs=6, split=(0.4, 0.3, 0.3), **QUICK)


def of_part(run: Run, part: str, column: str) -> dict[str, str]:
    """{name: what splits.csv says in a column} of the samples of a part."""
    with (run.folder / "splits.csv").open() as file:
        return {row["sample"]: row[column] for row in csv.DictReader(file) if row["split"] == part}


def predicted(run: Run, folder: Path, part: str, **asked: Any) -> list[dict[str, Any]]:
    names = of_part(run, part, "sample")
    return [dict(row) for row in neocog.predict(run, [folder / name for name in names], quiet=True, **asked).rows]


@pytest.mark.parametrize("coverage", [0.6, 0.9, 0.97])
def test_a_set_has_the_classes_that_the_validation_part_says(run: Run, folder: Path, coverage: float) -> None:
    truth = list(of_part(run, "validation", "label").values())
    scores = [1 - row[f"p:{label}"] for row, label in zip(predicted(run, folder, "validation"), truth, strict=True)]
    cut = quantile(np.array(scores), coverage)
    rows = predicted(run, folder, "test", coverage=coverage)
    for row in rows:
        likely = sorted(CLASSES, key=lambda name: -row[f"p:{name}"])
        expected = [name for name in likely if 1 - row[f"p:{name}"] <= cut + 1e-6] or likely[:1]
        assert row["set"] == expected and row["set"][0] == row["label"]
    truth = list(of_part(run, "test", "label").values())
    held = np.mean([label in row["set"] for row, label in zip(rows, truth, strict=True)])
    assert held > coverage - 0.1
    sizes = {len(row["set"]) for row in rows}
    assert len(sizes) > 1 or coverage < 0.7
    table = next(s for s in sections(run) if s["name"] == "sets")["items"][1]["rows"]
    for asked, found, *_ in table:
        if asked == f"{coverage:.0%}":
            assert float(found) == pytest.approx(held, abs=1e-4), "the report's row is what predict gives"


def sections(run: Run) -> list[dict[str, Any]]:
    found: Any = json.loads(run.sections.read_text())
    return list(found["sections"] if isinstance(found, dict) else found)


def test_a_csv_joins_a_set_and_json_lists_it(run: Run, folder: Path, tmp_path: Path) -> None:
    found = neocog.predict(run, [folder / "0.png", folder / "1.png"], tmp_path / "new.csv", True, coverage=0.99)
    with (tmp_path / "new.csv").open() as file:
        for row, one in zip(csv.DictReader(file), found.to_json()["predictions"], strict=True):
            assert row["set"].split("; ") == one["set"] and set(one["set"]) <= set(CLASSES)
    assert "set" not in neocog.predict(run, [folder / "0.png"], quiet=True).columns


def test_intervals_widen_with_the_coverage_and_are_the_validation_parts(folder: Path, tmp_path: Path) -> None:
    run = neocog.train(folder / "values.csv", tmp_path / "run", epochs=6, split=(0.4, 0.3, 0.3), **QUICK)
    truth = {name: float(value) for name, value in of_part(run, "validation", "label").items()}
    apart = [
        abs(row["level"] - value)
        for row, value in zip(predicted(run, folder, "validation"), truth.values(), strict=True)
    ]
    for coverage in (0.5, 0.8, 0.95):
        rows = predicted(run, folder, "test", coverage=coverage)
        half = quantile(np.array(apart), coverage)
        assert all(row["level high"] - row["level low"] == pytest.approx(2 * half, rel=1e-3) for row in rows)
    usual, same = predicted(run, folder, "test"), predicted(run, folder, "test", coverage=0.9)
    assert usual == same, "90 of 100 unless another coverage is asked for"


@pytest.mark.parametrize("coverage", [0.0, 1.0, 1.5, float("nan"), 0.999])
def test_a_coverage_that_cannot_be_promised_is_refused(run: Run, folder: Path, coverage: float, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not between 0 and 1|not a finite number|999 are needed"):
        neocog.predict(run, [folder / "0.png"], tmp_path / "new.csv", quiet=True, coverage=coverage)
    assert not (tmp_path / "new.csv").exists()
    with pytest.raises(UserError, match="--tiled"):
        neocog.predict(run, [folder / "0.png"], quiet=True, tiled=True, coverage=0.9)


def test_a_run_without_a_validation_part_promises_nothing(folder: Path, tmp_path: Path) -> None:
    run = neocog.train(folder / "classes.csv", tmp_path / "run", epochs=1, split=(0.7, 0.0, 0.3), **QUICK)
    with pytest.raises(UserError, match="kept nothing"):
        neocog.predict(run, [folder / "0.png"], quiet=True, coverage=0.9)
    assert not any(each["name"] == "sets" for each in sections(run))
