"""Sections say what the numbers say."""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.metrics import calibration_bins, classification_measures, confusion, per_class
from neocog.records import Bars, Curves, Finding, Findings, Matrix, Picture, Pictures, Table, Text, Whiskers
from neocog.tasks.classification.mistakes import Example, mistakes_section, most_confident
from neocog.tasks.report.data import data_section
from neocog.tasks.report.environment import environment_section
from neocog.tasks.report.network import filters_section, network_section
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.report.quality import (
    MOST_CLASSES,
    WORST,
    calibration_section,
    confusion_section,
    measures_section,
)
from neocog.tasks.report.training import training_section


def opened(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_a_small_image_is_enlarged_by_a_whole_number_and_keeps_its_values() -> None:
    pixels = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    shown = opened(thumbnail(pixels, 0, 11, side=96))
    assert shown.shape == (72, 96)
    expected = np.round(np.repeat(np.repeat(pixels[0], 24, 0), 24, 1) / 11 * 255)
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("channels, mode", [(1, 2), (2, 3), (3, 3), (7, 3)])
def test_any_number_of_channels_and_any_size_can_be_shown(channels: int, mode: int) -> None:
    shown = opened(thumbnail(np.full((channels, 300, 7), 65535, np.uint16), 0, 65535))
    assert shown.ndim == mode and shown.shape[:2] == (96, 2) and shown.max() == 255


def test_values_beyond_the_range_are_cut_off_and_nothing_divides_by_zero() -> None:
    shown = opened(thumbnail(np.array([[[-5.0, 0.5, np.nan, 9.0]]]), 0, 1, side=4))
    assert shown.tolist() == [[0, 128, 0, 255]]
    thumbnail(np.ones((1, 2, 2)), 1, 1)
    with pytest.raises(ValueError, match="expected"):
        thumbnail(np.ones((2, 2)), 0, 1)


def test_the_data_section_counts_every_image_once() -> None:
    finding = Finding("warning", "two images are equal", ("a", "b"))
    counts = {"train": [8, 2], "validation": [1, 1], "test": [1, 0]}
    section = data_section("class folders", ["x", "y"], counts, [finding], [Picture("")])
    text, findings, table, bars, pictures = section.items
    assert isinstance(text, Text) and "13 images in 2 classes" in text.text and "3.3 times" in text.text
    assert isinstance(findings, Findings) and findings.findings == (finding,)
    assert isinstance(table, Table) and table.rows[2] == ("test", 1, "7.7 %", "y (0)")
    assert isinstance(bars, Bars) and bars.values == (10.0, 3.0)
    assert isinstance(pictures, Pictures)


def test_every_column_of_metrics_is_drawn_and_gaps_stay_gaps() -> None:
    names = ("epoch", "step", "seconds", "lr", "train_loss", "validation_loss", "train_dice")
    table = [("1", "10", "1.5", "0.1", "2", "", ".5"), ("2", "20", "3", "0.05", "1", "1.5", ".6")]
    rows = [dict(zip(names, row, strict=True)) for row in table]
    text, loss, dice, lr = training_section(rows).items
    assert isinstance(text, Text) and text.text == "2 epochs. The validation loss was lowest in epoch 2: 1.5."
    assert isinstance(loss, Curves) and [s.name for s in loss.series] == ["train", "validation"]
    assert loss.series[0].y == (2.0, 1.0) and loss.series[1].x == (2.0,)
    assert isinstance(dice, Curves) and dice.y_label == "dice"
    assert isinstance(lr, Curves) and lr.y_label == "learning rate"
    assert training_section([]).items[0] == Text("No epoch was completed.")


def test_it_is_said_which_epoch_is_kept_and_why() -> None:
    rows: list[dict[str, float | str]] = [
        {"epoch": n, "train_loss": 1.0, "validation_accuracy": a, "validation_loss": 1.0}
        for n, a in ((1, 0.8), (2, 0.9), (3, 0.9))
    ]

    def said(**kept: Any) -> str:
        text = training_section(rows, **kept).items[0]
        assert isinstance(text, Text)
        return text.text

    assert (
        "weights of epoch 3 are kept: its validation accuracy was the best, 0.9, equalled in 1 earlier epoch."
        in said(kept=3)
    )
    assert "last epoch are kept: this task has no measure" in said(kept=3, chooses=False)
    rows = [{"epoch": 1, "train_loss": 1.0}]
    assert "last epoch are kept: there is no validation part" in said(kept=1)


def test_measures_and_confusion_agree_with_what_was_measured() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    logits = np.array([[2.0, 1, 0], [0, 1, 0], [0, 2, 1], [0, 2, 1], [3, 0, 0]])
    found = classification_measures(logits, labels)
    each = per_class(logits, labels, ["a", "b", "c"])
    whiskers, table, f1, classes = measures_section({"test": found, "validation": found}, each).items
    assert (
        isinstance(whiskers, Whiskers)
        and whiskers.measures[0] == found["accuracy"]
        and "log loss" not in whiskers.labels
    )
    assert isinstance(table, Table) and table.rows[0] == ("accuracy", 0.6, "0.1685 – 0.9349", 5, 0.6)
    assert isinstance(f1, Whiskers) and math.isnan(f1.measures[2].value)
    assert isinstance(classes, Table) and classes.rows[2] == ("c", None, None, None, 0)
    matrix, frequent = confusion_section(confusion(labels, logits.argmax(1), 3), ["a", "b", "c"]).items
    assert isinstance(matrix, Matrix) and matrix.values == ((1, 1, 0), (1, 2, 0), (0, 0, 0))
    assert isinstance(frequent, Table) and frequent.rows == (("a", "b", 1, "50.0 %"), ("b", "a", 1, "33.3 %"))


def test_of_many_classes_the_most_confused_are_drawn_and_the_others_as_one() -> None:
    rng, classes = np.random.default_rng(0), [f"c{k}" for k in range(MOST_CLASSES + 1)]
    counts = np.diag(rng.integers(5, 9, len(classes)))
    counts[40, 7], counts[90, 40] = 30, 20  # classes 7, 40 and 90
    matrix, frequent = confusion_section(counts, classes).items
    assert isinstance(matrix, Matrix) and isinstance(frequent, Table)
    shown = np.array(matrix.values)
    assert shown.shape == (WORST + 1, WORST + 1) and matrix.rows[-1] == matrix.columns[-1] == "81 others"
    assert {"c7", "c40", "c90"} < set(matrix.rows) and matrix.rows == matrix.columns
    assert shown[matrix.rows.index("c40"), matrix.rows.index("c7")] == 30
    assert shown.sum() == counts.sum() and shown[-1, :-1].sum() == 0
    assert frequent.rows[0][:3] == ("c40", "c7", 30) and "predictions.csv" in matrix.note
    full = confusion_section(counts[:-1, :-1], classes[:-1]).items[0]
    assert isinstance(full, Matrix) and len(full.rows) == MOST_CLASSES and not full.note


def test_worst_and_surest_are_ordered_by_confidence() -> None:
    truth, guess, p = np.array([0, 1, 0, 1]), np.array([1, 1, 0, 0]), np.array([0.6, 0.7, 0.8, 0.9])
    worst, right = most_confident(truth, guess, p)
    assert worst.tolist() == [3, 0] and right.tolist() == [2, 1]
    example = Example("f.png", "", "a", "b", 0.912)
    section = mistakes_section([example], [], 1, 4)
    assert isinstance(section.items[1], Pictures)
    assert section.items[1].pictures[0].caption == "predicted b (91.2 %)\ntruth: a\nf.png"
    assert "All 4 test images are classified correctly" in str(mistakes_section([], [example], 0, 4))


def test_calibration_leaves_empty_bins_out() -> None:
    bins = calibration_bins(np.array([0.9, 0.9, 0.3]), np.array([True, False, True]))
    text, curves, counts = calibration_section(bins, bins, 1.5, "As in training.").items
    assert isinstance(text, Text) and "temperature 1.50" in text.text
    assert isinstance(curves, Curves) and len(curves.series[0].x) == 2 and curves.diagonal
    assert isinstance(counts, Bars) and sum(counts.values) == 3


def test_filters_are_mid_grey_at_zero() -> None:
    weights = np.zeros((70, 5, 3, 3))
    weights[0, :, 0, 0] = -2.0
    section = filters_section(weights)
    assert isinstance(section.items[0], Pictures) and len(section.items[0].pictures) == 64
    shown = opened(section.items[0].pictures[0].png)
    assert shown[0, 0] == 0 and shown[-1, -1] == 128
    assert "mean over the 5 input channels" in section.items[0].note and "first 64" in section.items[0].note


def test_network_and_environment_become_tables() -> None:
    network = network_section(
        "lenet5", [("0", "Conv2d", (6, 28, 28), 156), ("1", "Tanh", (6, 28, 28), 0)], 156, (1, 28, 28)
    )
    assert isinstance(network.items[1], Table)
    assert network.items[1].rows == (("0", "Conv2d", "6 × 28 × 28", 156), ("1", "Tanh", "6 × 28 × 28", None))
    environment = environment_section(
        {"torch": "2.15", "gpu": None, "data": {"sha256": "ab"}, "command": "x"}, "neocog train digits"
    )
    assert environment.items[0] == Text("neocog train digits", code=True)
    assert isinstance(environment.items[1], Table)
    assert environment.items[1].rows == (("torch", "2.15"), ("gpu", "—"), ("data.sha256", "ab"))
