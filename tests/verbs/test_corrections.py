"""``train --corrections``: learned, recorded, measured again and gone on with as corrected."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

import neocog
from neocog.errors import UserError
from neocog.run import Run
from neocog.verbs.plan import read_plan

SETTINGS = {"quiet": True, "threads": 1, "epochs": 3, "batch": 8, "model": "cnn", "widths": "4"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, dark_and_light: Callable[..., Path]) -> Path:
    return dark_and_light(tmp_path_factory.mktemp("corrections"), (70, 130), 40, 20.0)


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("csv") / "mine.csv"
    rows = [f"dark/{n}.png,relabel,light" for n in range(10)] + ["dark/11.png,exclude,", "light/5.png,keep,"]
    path.write_text("\n".join(["sample,action,label", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(data: Path, corrections: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return Run(neocog.train(data, out, corrections=str(corrections), **SETTINGS).folder)


def rows_of(run: Run) -> dict[str, dict[str, str]]:
    with run.splits_csv.open() as file:
        return {row["sample"]: row for row in csv.DictReader(file)}


def test_the_run_learns_the_corrected_labels_and_says_so(run: Run) -> None:
    rows = rows_of(run)
    assert rows["dark/0.png"]["label"] == "light" and rows["dark/11.png"]["split"] == ""
    assert sum(row["split"] != "" for row in rows.values()) == 79
    assert "10 samples relabelled, 1 left out" in run.report.read_text()


def test_its_test_part_is_measured_again_by_the_same_labels(run: Run) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    parts = {name: row["split"] for name, row in rows_of(run).items()}
    assert "test" in {parts[f"dark/{n}.png"] for n in range(10)}
    first = json.loads(run.result.read_text())["measures"]["test"]
    assert [again[name]["value"] for name in first] == [measure["value"] for measure in first.values()]


def test_other_data_are_measured_without_them(run: Run, tmp_path: Path, dark_and_light: Callable[..., Path]) -> None:
    (tmp_path / "other").mkdir()
    other = dark_and_light(tmp_path / "other", (72, 131), 9, 19.0)
    assert neocog.evaluate(run, other, quiet=True)["n"]["test"] == 18


def test_others_in_memory_are_measured_without_them_though_they_are_named_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = ["dark", "light"] * 40
    images = (rng.normal(100, 20, (80, 8, 8)) + np.array([[[-30]], [[30]]] * 40)).clip(0, 255).astype(np.uint8)
    mine = tmp_path / "mine.csv"
    rows = [f"images[{n}],relabel,light,dark" for n in range(0, 20, 2)]
    mine.write_text("\n".join(["sample,action,label,given", *rows]) + "\n")
    run = Run(neocog.train((images, labels), tmp_path / "run", corrections=str(mine), **SETTINGS).folder)
    new = rng.integers(0, 255, (80, 8, 8), np.uint8)
    others = neocog.evaluate(run, (new, ["light", "dark"] * 40), quiet=True)
    assert others["n"]["test"] == 80
    own = neocog.evaluate(run, (images, labels), quiet=True)["measures"]["test"]
    first = json.loads(run.result.read_text())["measures"]["test"]
    assert [own[name]["value"] for name in first] == [measure["value"] for measure in first.values()]


def test_another_file_of_the_same_name_makes_another_run(data: Path, corrections: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(corrections.read_text())

    def stop(row: Mapping[str, float]) -> None:
        if row["epoch"] == 1:
            raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(data, tmp_path / "run", corrections=str(mine), after_epoch=stop, **SETTINGS)
    mine.write_text(corrections.read_text().replace("light/5.png,keep,", "light/5.png,exclude,"))
    with pytest.raises(UserError, match="changed"):
        neocog.resume(tmp_path / "run", quiet=True)
    mine.write_text(corrections.read_text())
    neocog.resume(tmp_path / "run", quiet=True)


def test_it_goes_on_exactly(run: Run, data: Path, corrections: Path, tmp_path: Path) -> None:
    def stop(row: Mapping[str, float]) -> None:
        if row["epoch"] == 2:
            raise neocog.Stop

    with pytest.raises(neocog.Interrupted):
        neocog.train(data, tmp_path / "run", corrections=str(corrections), after_epoch=stop, **SETTINGS)
    neocog.resume(tmp_path / "run", quiet=True)
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == run.weights.read_bytes()
    plans = [read_plan(each) for each in (run, Run(tmp_path / "run"))]
    assert plans[0] is not None and plans[1] is not None and plans[0].identity == plans[1].identity


def test_nothing_is_written_where_the_file_does_not_fit(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("sample,action,label\nnobody.png,exclude,\n")
    with pytest.raises(UserError, match=r"nobody\.png"):
        neocog.train(data, tmp_path / "run", corrections=str(path), **SETTINGS)
    with pytest.raises(UserError, match=r"no gone\.csv"):
        neocog.train(data, tmp_path / "run", corrections=str(tmp_path / "gone.csv"), **SETTINGS)
    assert not (tmp_path / "run").exists()
