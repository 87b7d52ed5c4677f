"""Sections of a report as matplotlib figures, to be shown, changed or saved. No pyplot: nothing of the process is touched."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neocog.errors import UserError, did_you_mean
from neocog.notebook import in_notebook
from neocog.records import Bars, Curves, Item, Matrix, Measure, Scatter, Section, Whiskers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 5.2  # inches of one plot
OTHER_NAMES = {"curves": "training", "loss": "training", "confusion_matrix": "confusion", "reliability": "calibration"}
MOST_NUMBERS = 25  # classes up to which a confusion matrix has its counts in it


def figure(sections: Sequence[Section], name: str, where: str) -> Figure:
    """The drawings of the section ``name`` side by side. Raises UserError for one that this run has not."""
    drawn = {section.name: items for section in sections if (items := [i for i in section.items if type(i) in DRAWN])}
    chosen = OTHER_NAMES.get(name, name)
    if chosen not in drawn:
        known = ", ".join(drawn) or "none, before an epoch has ended"
        raise UserError(f"no plot '{name}'", where, f"{did_you_mean(name, drawn)}this run has: {known}")
    from matplotlib.figure import Figure  # which takes longer to import than all else here

    if in_notebook():
        importlib.import_module("matplotlib_inline.backend_inline")  # tells the notebook how figures are shown
    items = drawn[chosen]
    across = min(len(items), 3)
    down = math.ceil(len(items) / across)
    made = Figure(figsize=(WIDE * across, 4 * down), layout="constrained")
    for place, item in enumerate(items, 1):
        DRAWN[type(item)](made.add_subplot(down, across, place), item)
    return made


def _curves(axes: Axes, item: Curves) -> None:
    for one in item.series:
        (line,) = axes.plot(one.x, one.y, "o" if item.diagonal else "-", label=one.name)
        if one.low and item.diagonal:
            axes.vlines(one.x, one.low, one.high, color=line.get_color(), alpha=0.4)
        elif one.low:
            axes.fill_between(one.x, one.low, one.high, alpha=0.15)
    if item.diagonal:
        axes.plot([0, 1], [0, 1], ":", color="gray")
        axes.set_aspect("equal")
    axes.set(xlabel=item.x_label, ylabel=item.y_label)
    if item.x_label == "epoch":
        axes.locator_params(axis="x", integer=True)
    if len(item.series) > 1 or item.series[0].name in ("train", "validation", "test"):
        axes.legend(frameon=False)


def _bars(axes: Axes, item: Bars) -> None:
    axes.bar(range(len(item.values)), item.values)
    axes.set_xticks(
        range(len(item.labels)), item.labels, rotation=90 if max(map(len, item.labels), default=0) > 3 else 0
    )
    axes.set_xlabel(item.x_label)


def _whiskers(axes: Axes, item: Whiskers) -> None:
    for place, measure in enumerate(item.measures):
        low, high = _ends(measure)
        axes.hlines(place, low, high, alpha=0.5)
        axes.plot(measure.value, place, "o", color="C0")
    axes.set_yticks(range(len(item.labels)), item.labels)
    axes.invert_yaxis()
    axes.set_xlabel(item.x_label)


def _ends(measure: Measure) -> tuple[float, float]:
    """The interval, or the value alone where there is none."""
    return (measure.low, measure.high) if math.isfinite(measure.low) else (measure.value, measure.value)


def _scatter(axes: Axes, item: Scatter) -> None:
    groups = np.array(item.groups or [""] * len(item.x))
    for group in sorted(set(groups.tolist())):
        chosen = groups == group
        axes.scatter(np.array(item.x)[chosen], np.array(item.y)[chosen], s=8, alpha=0.6, label=group)
    if item.ideal == "diagonal" and item.x:
        ends = min(*item.x, *item.y), max(*item.x, *item.y)
        axes.plot(ends, ends, ":", color="gray")
    elif item.ideal == "zero":
        axes.axhline(0, linestyle=":", color="gray")
    axes.set(xlabel=item.x_label, ylabel=item.y_label)
    if item.groups:
        axes.legend(frameon=False)


def _matrix(axes: Axes, item: Matrix) -> None:
    """Colour is the share of the row, as in the report."""
    counts = np.array(item.values, float).reshape(len(item.rows), len(item.columns))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(item.columns)), item.columns, rotation=90 if max(map(len, item.columns)) > 3 else 0)
    axes.set_yticks(range(len(item.rows)), item.rows)
    axes.set(xlabel=item.column_title, ylabel=item.row_title)
    for i, j in zip(*np.nonzero(counts), strict=True) if len(counts) <= MOST_NUMBERS else ():
        axes.text(j, i, f"{counts[i, j]:g}", ha="center", va="center", color="w" if shares[i, j] > 0.5 else "k")


DRAWN: dict[type[Item], Callable[[Any, Any], None]] = {
    Curves: _curves, Bars: _bars, Whiskers: _whiskers, Scatter: _scatter, Matrix: _matrix,
}  # fmt: skip
