"""The sections on scores and sizes: sensitivity at few false boxes an image, small and large objects, what a score means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neocog.metrics.box_scores import ENOUGH, LEAST_SCORE, RATES, SIZES, counts_by_size, score_calibration
from neocog.metrics.counted_boxes import Compared
from neocog.metrics.detection import outcomes
from neocog.records import Bars, Curves, Item, Measure, Section, Series, Table, Text
from neocog.tasks.report.quality import cells, reliability

MOST_POINTS = 200  # of a line


def scores_sections(compared: Compared, more: Mapping[str, Any]) -> list[Section]:
    """``more``: what the evaluation says beside the measures."""
    sizes = [sizes_section(compared, more["sizes"])] if more["sizes"] else []
    return [*sizes, froc_section(compared, more["froc"]), calibration_section(compared, more)]


def sizes_section(compared: Compared, sizes: Mapping[str, Mapping[str, Measure]]) -> Section:
    """Small and large objects: COCO's sizes."""
    rows, counts = [], counts_by_size(compared.truth)
    for name, (low, high) in SIZES.items():
        area = f"{low**0.5:.0f}² – {high**0.5:.0f}²" if np.isfinite(high) else f"above {low**0.5:.0f}²"
        found = [cell for each in sizes.get(name, {}).values() for cell in cells(each)[:2]] or [None, "too few"] * 2
        rows.append((name, area, counts[name], *found))
    heads = ("objects", "area in pixels", "true boxes", "AP50", "95 % interval", "AP50-95", "95 % interval")
    note = f"COCO's size classes, in pixels of the stored images. At least {ENOUGH} boxes are needed."
    return Section("Average precision by object size", (Table(heads, tuple(rows), note),), "sizes")


def froc_section(compared: Compared, froc: Mapping[str, Measure]) -> Section:
    """Sensitivity over false boxes an image, of each class."""
    lines = [line for label in range(len(compared.classes)) if (line := _line(compared, label)) is not None]
    text = Text(
        f"Sensitivity at a given number of false positives per image (FROC): from {RATES[0]:g} to {RATES[-1]:g} on average "
        f"{froc['froc'].value:.3f} ({froc['froc'].interval}), mean over classes."
    )
    rows = tuple((name, *cells(each)) for name, each in froc.items() if name != "froc")
    items: tuple[Item, ...] = (
        text,
        Curves("false positives per image", "sensitivity", tuple(lines)),
        Table(("false positives per image", "sensitivity", "95 % interval", "n"), rows, "IoU 0.5; means over classes."),
    )
    return Section("FROC curves", items, "froc")


def _line(compared: Compared, label: int) -> Series | None:
    """Of a class, until the highest of ``RATES``."""
    own = np.flatnonzero(compared.found.label == label)
    own = own[np.argsort(-compared.found.score[own], kind="stable")]
    hits, total = outcomes(compared.matched[own])[:, 0], int(compared.positives[:, label].sum())
    right, false = np.cumsum(hits == 1), np.cumsum(hits == 0) / max(1, compared.n)
    inside = np.flatnonzero(false <= RATES[-1])
    if not total or not len(inside):
        return None
    shown = np.unique(np.linspace(0, len(inside) - 1, min(len(inside), MOST_POINTS)).astype(int))
    return Series(compared.classes[label], tuple(false[shown].tolist()), tuple((right[shown] / total).tolist()))


def calibration_section(compared: Compared, more: Mapping[str, Any]) -> Section:
    """Reliability of the scores."""
    bins, _ = score_calibration(compared)
    error: Measure = more["score_ece"]
    text = Text(
        f"A score is calibrated if, of all boxes with a score of 0.8, 80 % are correct (IoU 0.5). Expected calibration "
        f"error: {error.value:.3f} ({error.interval}), of {error.n:,} boxes with a score of at least {LEAST_SCORE:g}."
    )
    edges = tuple(f"{place / len(bins.count):.2f}" for place in range(len(bins.count)))
    line = Curves("score", "precision", (reliability("boxes", bins),), diagonal=True)
    bars = Bars(edges, tuple(bins.count.tolist()), "boxes by score (lower edge of each bin)")
    return Section("Calibration", (text, line, bars), "calibration")
