"""Classes set aside: no part of training, the threshold's and nothing else, and told in the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import neocog
from neocog.data.readers.detect import open_dataset
from neocog.data.subset import set_aside, subset
from neocog.errors import UserError
from neocog.run import Run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten kinds of sequences, each full of letters of its own motif."""
    generator = np.random.default_rng(0)
    rows = []
    for kind in range(10):
        motif = generator.choice(list("ACGT"), 9)
        for index in range(40):
            letters = generator.choice(list("ACGT"), 64)
            place = generator.integers(0, 40)
            letters[place : place + 9] = motif
            letters[50:59] = motif
            rows.append(f">{kind}x{index}|kind {kind}\n{''.join(letters)}\n")
    path = tmp_path_factory.mktemp("data") / "x.fasta"
    path.write_text("".join(rows))
    return path


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return neocog.train(
        source, out, quiet=True, threads=1, unseen=2, epochs=30, lr=0.01, width="24", batch=16, label_field="2"
    )


def test_no_sample_of_a_class_set_aside_is_part_of_the_run(run: Run) -> None:
    with run.splits_csv.open() as file:
        labels = {row["label"] for row in csv.DictReader(file)}
    assert labels == {f"kind {k}" for k in (1, 3, 5, 7, 9)} == set(json.loads(run.result.read_text())["classes"])


def test_unseen_classes_are_judged_and_told(run: Run) -> None:
    result = json.loads(run.result.read_text())
    test = result["measures"]["test"]
    assert test["unseen_auroc"]["n"] == 80 + result["n"]["test"]  # two of the five classes set aside, and the test part
    assert test["unseen_auroc"]["value"] > 0.6
    assert result["rejection_threshold"] == json.loads(run.model_json.read_text())["rejection_threshold"]
    assert "Unknown classes" in run.report.read_text()


def test_evaluate_gives_the_runs_accuracy_without_the_classes_set_aside(run: Run) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]["accuracy"]["value"]
    assert again == json.loads(run.result.read_text())["measures"]["test"]["accuracy"]["value"]


def test_predict_says_none_below_the_recorded_threshold(run: Run, source: Path) -> None:
    rows = neocog.predict(run, [source], quiet=True).rows
    strange = [row["none"] == "yes" for row in rows if row["path"][0] in "2468"]
    known = [row["none"] == "yes" for row in rows if row["path"][0] in "13579"]
    assert np.mean(strange) > np.mean(known) + 0.2


def test_subsets_keep_what_belongs_to_their_samples(source: Path) -> None:
    data = open_dataset(source)
    part = subset(data, np.array([5, 390, 45]))
    assert part.names == ("0x5", "9x30", "1x5") and part.classes == ("kind 0", "kind 1", "kind 9")
    assert [part.target_text(i) for i in range(3)] == ["kind 0", "kind 9", "kind 1"]
    assert np.array_equal(part.images.read(1), data.images.read(390)) and part.images.digest(1) == data.images.digest(
        390
    )


def test_too_few_classes_are_told(source: Path) -> None:
    with pytest.raises(UserError, match="--unseen 5 sets 2 of 10 classes aside and leaves 8"):
        set_aside(open_dataset(source), 5)
    with pytest.raises(UserError, match="cannot go together"):
        neocog.train(source, quiet=True, unseen=2, folds=3)
