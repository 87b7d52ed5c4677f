"""Sections of the report as matplotlib figures."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import neocog
from neocog.records import Bars, Curves, Matrix, Measure, Scatter, Section, Series, Whiskers
from neocog.results import Results
from neocog.results.figures import figure


def test_the_confusion_matrix_has_the_counts_of_the_test_part(run: Results) -> None:
    (axes,) = run.plot("confusion").axes
    with run.predictions_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    drawn = {(axes.get_yticklabels()[int(t.get_position()[1])].get_text(),
              axes.get_xticklabels()[int(t.get_position()[0])].get_text()): int(t.get_text()) for t in axes.texts}  # fmt: skip
    counted: dict[tuple[str, str], int] = {}
    for row in rows:
        counted[row["label"], row["prediction"]] = counted.get((row["label"], row["prediction"]), 0) + 1
    assert drawn == counted
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("truth", "prediction")


def test_curves_are_those_of_metrics(run: Results) -> None:
    made = run.plot("curves")
    loss = next(axes for axes in made.axes if axes.get_ylabel() == "loss")
    lines = {line.get_label(): line for line in loss.lines}
    assert lines["train"].get_ydata()[-1] == pytest.approx(run.metrics["train_loss"].iloc[-1])
    assert made.axes and len(run.plot("training").axes) == len(made.axes)


def test_a_stopped_run_has_its_curves(stopped: Results) -> None:
    assert stopped.plot("curves").axes
    with pytest.raises(neocog.UserError, match="this run has: training"):
        stopped.plot("confusion")


def test_a_name_that_is_no_plot_is_one_error_with_those_that_are(run: Results) -> None:
    with pytest.raises(neocog.UserError, match="did you mean 'calibration'") as caught:
        run.plot("calibraton")
    assert "confusion" in caught.value.fix and str(run.folder) in caught.value.where


def test_every_kind_of_drawing_is_drawn() -> None:
    measure = Measure(0.5, 0.4, 0.6, 10)
    items = (
        Curves("x", "y", (Series("a", (0.0, 1.0), (0.0, 1.0), (0.0, 0.5), (0.5, 1.0)),), diagonal=True),
        Curves("x", "y", (Series("a", (0.0, 1.0), (0.0, 1.0), (0.0, 0.5), (0.5, 1.0)),)),
        Bars(("long name", "b"), (1.0, 2.0)),
        Whiskers(("m", "none"), (measure, Measure(0.5, np.nan, np.nan, 1))),
        Scatter("x", "y", (1.0, 2.0), (1.0, 3.0), groups=("a", "b")),
        Scatter("x", "y", (1.0, 2.0), (0.0, 0.1), ideal="zero"),
        Scatter("x", "y", (), ()),
        Matrix(("a", "b"), ("a", "b"), ((1.0, 0.0), (0.0, 0.0))),
    )
    made = figure([Section("All", items, "all")], "all", "")
    assert len(made.axes) == len(items)
    made.canvas.draw()
