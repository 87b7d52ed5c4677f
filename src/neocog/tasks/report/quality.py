"""The sections on how good the network is: measures, confusion, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics import Bins, proportion, title
from neocog.records import Bars, Curves, Item, Matrix, Measure, Section, Series, Table, Text, Whiskers

Array = NDArray[Any]
UNBOUNDED = ("log_loss", "brier", "mae", "rmse", "median_error", "mean_error")  # lie beyond an axis of 0 … 1
MOST_BARS = 60
MOST_CLASSES, WORST = 100, 20  # of a matrix: of more, so many are shown


def measures_section(
    measures: Mapping[str, Mapping[str, Measure]], per_class: Mapping[str, Mapping[str, Measure]] | None = None
) -> Section:
    """``measures``: for each part ("test", "validation"), its measures by name; ``per_class``: of the test part."""
    test = measures["test"]
    plain = {name: m for name, m in test.items() if name not in UNBOUNDED and not name.startswith("ece")}
    other = [part for part in measures if part != "test"]
    rows = tuple(
        (title(name), *cells(m), *(short(measures[part].get(name)) for part in other)) for name, m in test.items()
    )
    note = (
        "95 % intervals contain the true value in 95 of 100 repetitions. The test part was used once, after training."
    )
    items: list[Item] = [
        Whiskers(tuple(map(title, plain)), tuple(plain.values()), "value and 95 % interval"),
        Table(("measure", "value", "95 % interval", "n", *other), rows, note),
    ]
    if per_class:
        columns = list(dict.fromkeys(name for row in per_class.values() for name in row))
        if "f1" in columns and len(per_class) <= MOST_BARS:
            found = tuple(row["f1"] for row in per_class.values())
            items.append(Whiskers(tuple(per_class), found, "F1 of each class"))
        table = tuple(
            (name, *(short(row.get(column)) for column in columns), _n(row)) for name, row in per_class.items()
        )
        items.append(Table(("class", *map(title, columns), "test images"), table, "— : no such image, undefined."))
    return Section("Performance", tuple(items), "measures")


def _n(row: Mapping[str, Measure]) -> int | None:
    return row["recall"].n if "recall" in row else None


def confusion_section(matrix: Array, classes: Sequence[str]) -> Section:
    """``matrix`` (K, K) counts, row: truth, column: prediction; and the ten most frequent confusions in words.

    Of more than ``MOST_CLASSES`` those with the most mistakes are shown, and all others as one.
    """
    matrix = np.asarray(matrix)
    wrong = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:10]
    rows = []
    for truth, guess in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[truth, guess])
        if count:
            rows.append((classes[truth], classes[guess], count, f"{count / matrix[truth].sum() * 100:.1f} %"))
    items: list[Item] = [_matrix(matrix, wrong, classes)]
    if rows:
        items.append(
            Table(("truth", "predicted", "images", "share of the class"), tuple(rows), "Most frequent confusions.")
        )
    return Section("Confusion matrix", tuple(items), "confusion")


def _matrix(matrix: Array, wrong: Array, classes: Sequence[str]) -> Matrix:
    """(K, K) as it is, or the ``WORST`` classes and a last row and column for the others: a million cells nobody can read."""
    names, note = tuple(classes), ""
    if len(names) > MOST_CLASSES:
        mistakes = wrong.sum(axis=0) + wrong.sum(axis=1)
        worst = np.sort(np.argsort(-mistakes, kind="stable")[:WORST])
        place = np.full(len(names), WORST)
        place[worst] = np.arange(WORST)
        shown = np.zeros((WORST + 1, WORST + 1), matrix.dtype)
        np.add.at(shown, (place[:, None], place), matrix)
        others = f"{len(names) - WORST:,} others"
        note = f"The {WORST} classes of {len(names):,} with the most mistakes; predictions.csv has every prediction."
        matrix, names = shown, (*(names[index] for index in worst.tolist()), others)
    return Matrix(names, names, tuple(tuple(map(float, row)) for row in matrix.tolist()), note=note)


def calibration_section(before: Bins, after: Bins, temperature: float, stated: str) -> Section:
    """Reliability diagrams of the test part, as trained and calibrated; ``stated``: for which shares that holds."""
    text = (
        f"A probability is calibrated if, of all predictions made with 80 %, 80 % are right. "
        f"Expected calibration error: {before.error:.3f} as trained, {after.error:.3f} "
        f"with temperature {temperature:.2f} (fitted on the validation part; it changes no prediction). {stated}"
    )
    lines = tuple(reliability(name, bins) for name, bins in (("as trained", before), ("calibrated", after)))
    edges = [f"{i / len(after.count):.2f}" for i in range(len(after.count))]
    items = (
        Text(text),
        Curves(
            "confidence",
            "accuracy",
            lines,
            diagonal=True,
            note="Dotted line: perfect calibration. Bars: 95 % intervals.",
        ),
        Bars(
            tuple(edges), tuple(after.count.tolist()), "test images by calibrated confidence (lower edge of each bin)"
        ),
    )
    return Section("Calibration", items, "calibration")


def reliability(name: str, bins: Bins) -> Series:
    """Accuracy over confidence of the bins that hold anything, with the intervals of independent samples."""
    filled = bins.count > 0
    count, right = bins.count[filled].tolist(), bins.accuracy[filled].tolist()
    low, high = zip(*(proportion(round(p * n), round(n)) for p, n in zip(right, count, strict=True)), strict=True)
    return Series(name, tuple(bins.confidence[filled].tolist()), tuple(right), low, high)


def number_of(m: Measure) -> int | str:
    """How many samples, and of how many groups where there are any."""
    return m.n if m.units is None else m.counted()


def cells(m: Measure) -> tuple[float | None, str, int | str]:
    """Value, interval and n for a table row."""
    return number(m.value), f"{m.low:.4f} – {m.high:.4f}" if math.isfinite(m.low) else "too few", number_of(m)


def short(m: Measure | None) -> float | None:
    """The value alone; None where there is none."""
    return None if m is None else number(m.value)


def number(value: float) -> float | None:
    """Four decimals; None for NaN."""
    return round(value, 4) if math.isfinite(value) else None
