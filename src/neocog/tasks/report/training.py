"""The section on training: every column of metrics.csv as a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from neocog.records import Curves, Section, Series, Text

PARTS = ("train", "validation")
CLOCKS = ("epoch", "step", "seconds")


def training_section(
    rows: Sequence[Mapping[str, float | str]], changes: Sequence[str] = (), kept: int = 0, chooses: bool = True
) -> Section:
    """``rows``: metrics.csv, a row an epoch. Loss first, then whatever was measured, the learning rate last.

    ``changes``: a sentence on each change of the samples, made or not, and why. ``kept``: the epoch whose weights are kept
    (0: not told); ``chooses``: whether the task has a measure that tells which epoch is best.

    Columns ``train_x`` and ``validation_x`` share a plot; an empty cell is a gap, and what has no value no plot.
    """
    if not rows:
        return Section("Training", (Text("No epoch was completed."),), "training")
    names = [column for column in rows[0] if column not in CLOCKS]
    measures = list(dict.fromkeys(_split(name)[1] for name in names))
    measures.sort(key=lambda name: (name == "lr", name != "loss"))
    plots = []
    for measure in measures:
        series = [_series(_split(name)[0] or measure, name, rows) for name in names if _split(name)[1] == measure]
        label = "learning rate" if measure == "lr" else measure.replace("_", " ")
        if any(one.x for one in series):
            plots.append(Curves("epoch", label, tuple(one for one in series if one.x)))
    story = f"{_story(rows)} {_kept(rows, kept, chooses)}".strip()
    return Section("Training", (Text(story), *plots, *map(Text, changes)), "training")


def _kept(rows: Sequence[Mapping[str, float | str]], kept: int, chooses: bool) -> str:
    """Which epoch's weights are kept, and why."""
    if not kept:
        return ""
    name = next((column for column in rows[0] if _split(column)[0] == "validation"), "")
    if not name or not chooses:
        why = "there is no validation part" if not name else "this task has no measure to choose an epoch by"
        return f"The weights of the last epoch are kept: {why}."
    value = next((_number(row.get(name, "")) for row in rows if row["epoch"] == kept), math.nan)
    measure = _split(name)[1].replace("_", " ")
    equals = sum(_number(row.get(name, "")) == value for row in rows)
    latest = f", equalled in {equals - 1} earlier epoch{'s' * (equals > 2)}" * (equals > 1)
    return f"The weights of epoch {kept} are kept: its validation {measure} was the best, {value:.4g}{latest}."


def _split(column: str) -> tuple[str, str]:
    part, _, name = column.partition("_")
    return (part, name) if part in PARTS and name else ("", column)


def _series(label: str, column: str, rows: Sequence[Mapping[str, float | str]]) -> Series:
    points = [(_number(row["epoch"]), _number(row.get(column, ""))) for row in rows]
    points = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return Series(label, tuple(x for x, _ in points), tuple(y for _, y in points))


def _story(rows: Sequence[Mapping[str, float | str]]) -> str:
    story = f"{len(rows)} epoch{'s' if len(rows) > 1 else ''}."
    losses = [(_number(row.get("validation_loss", "")), row["epoch"]) for row in rows]
    losses = [pair for pair in losses if math.isfinite(pair[0])]
    if losses:
        lowest, epoch = min(losses, key=lambda pair: pair[0])
        story += f" The validation loss was lowest in epoch {epoch}: {lowest:.4g}."
    return story


def _number(cell: float | str) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan
