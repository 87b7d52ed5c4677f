"""The tables of a run: what the files say, as frames or as records."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pandas
import pytest

import neocog
from neocog.results import Results, frames


def test_metrics_are_the_rows_of_the_file(run: Results) -> None:
    with run.metrics_csv.open(newline="") as file:
        written = list(csv.DictReader(file))
    assert list(run.metrics.columns) == list(written[0])
    assert run.metrics["validation_accuracy"].tolist() == [float(row["validation_accuracy"]) for row in written]
    assert run.metrics["epoch"].tolist() == [1]


def test_classes_that_are_digits_stay_text_and_probabilities_are_numbers(run: Results) -> None:
    found = run.predictions
    assert set(found["label"]) <= set(run.predictor.classes) and set(found["prediction"]) <= set(run.predictor.classes)
    assert ((found["label"] == found["prediction"]) == (found["correct"] == 1)).all()
    assert found["p:7"].between(0, 1).all()
    assert set(run.splits["label"]) == set(run.predictor.classes)
    assert (run.splits["split"] == "test").sum() == len(found)


def test_measures_are_those_of_the_result_each_with_its_interval(run: Results) -> None:
    written = json.loads(run.result.read_text())["measures"]
    found = run.measures.set_index(["part", "measure"])
    assert set(found.index) == {(part, name) for part, each in written.items() for name in each}
    for part, name in found.index:
        row = found.loc[(part, name)]
        assert [row["value"], row["n"]] == [written[part][name]["value"], written[part][name]["n"]]
        assert row["low"] <= row["value"] <= row["high"] or name.startswith("ece")


def test_without_pandas_they_are_plain_records(run: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    framed = run.predictions.to_dict("records")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert run.predictions == framed
    assert isinstance(run.measures, list) and run.measures[0]["part"] == "test"


def test_names_that_a_spreadsheet_would_run_come_back_as_they_were(tmp_path: object) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path,p:'=x,error\n'=cmd().png,0.5,\na\\\\b,1,2\n")
    found = frames.frame(frames.records(path, ""))
    assert list(found["path"]) == ["=cmd().png", "a\\b"]
    assert found["error"].isna().tolist() == [True, False]


def test_a_column_of_words_is_not_turned_into_gaps(tmp_path: object) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path,said\na,1\nb,two\n")
    assert isinstance(frames.frame(frames.records(path, "")), pandas.DataFrame)
    assert list(frames.frame(frames.records(path, ""))["said"]) == ["1", "two"]


def test_what_a_stopped_run_has_is_there_and_what_it_has_not_says_how_to_go_on(stopped: Results) -> None:
    assert len(stopped.metrics) == 1 and len(stopped.splits) == 1797
    for name in ("predictions", "measures", "predictor", "model"):
        with pytest.raises(neocog.UserError, match="resume"):
            getattr(stopped, name)


def test_of_folds_each_has_its_own_network_and_all_of_them_one_table(tmp_path: Path) -> None:
    run = neocog.train("digits", tmp_path / "run", model="mlp", epochs=1, threads=1, folds=3, quiet=True)
    assert run.measures["n"].iloc[0] == 1797 and "neocog" in run._repr_html_()
    with pytest.raises(neocog.UserError, match="each fold has its own"):
        _ = run.predictor
    assert run.metrics["fold"].tolist() == [1, 2, 3] and len(run.predictions) == 1797 and len(run.splits) == 3 * 1797
    assert len(neocog.load(run.folder / "fold-1").predictions) > 500
