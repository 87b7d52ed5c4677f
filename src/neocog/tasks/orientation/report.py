"""The sections on angles: how the errors are spread, which classes cannot be told upside down, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.records import Bars, Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text, Whiskers

Array = NDArray[Any]
HALF_TURN = 150  # degrees: beyond, an answer is taken for upside down


def orientation_sections(
    truth: Array,
    predicted: Array,
    error: Array,
    apart: Mapping[str, Mapping[str, Measure]],
    pictures: Sequence[tuple[str, str, float, float]],
) -> list[Section]:
    """``truth``, ``predicted``, ``error`` (n,) in degrees; ``apart``: measures of each class; ``pictures``: PNG, name, angles."""
    found = [Section("Angular errors", tuple(_spread(error)), "errors")]
    if apart:
        found.append(Section("Errors by class", tuple(_classes(apart)), "classes"))
    if pictures:
        found.append(Section("Most confident errors", tuple(_pictures(pictures)), "mistakes"))
    return found


def _spread(error: Array) -> list[Item]:
    size = np.abs(error)
    order = np.sort(size)
    share = (np.arange(len(order)) + 1) / max(1, len(order))
    at = np.unique(np.linspace(0, len(order) - 1, min(200, len(order))).astype(int))
    curve = Series("test images", tuple(order[at].tolist()), tuple(share[at].tolist()))
    counts, edges = np.histogram(size, bins=18, range=(0, 180))
    labels = tuple(f"{low:.0f}–{high:.0f}°" for low, high in pairwise(edges))
    upside = float((size > HALF_TURN).mean()) if len(size) else 0.0
    text = f"{upside * 100:.1f} % of the test images are predicted upside down (error above {HALF_TURN}°)."
    return [
        Text(text),
        Curves("absolute error in degrees", "share of the test images", (curve,)),
        Bars(labels, tuple(map(float, counts)), "test images"),
    ]


def _classes(apart: Mapping[str, Mapping[str, Measure]]) -> list[Item]:
    names = sorted(apart, key=lambda name: -float(apart[name]["within_30"].value))
    within = tuple(apart[name]["within_30"] for name in names)
    rows = tuple(
        (
            name,
            f"{apart[name]['median_error'].value:.1f}°",
            f"{apart[name]['mean_error'].value:.1f}°",
            f"{apart[name]['within_30'].value * 100:.1f} %",
            apart[name]["median_error"].n,
        )
        for name in names
    )
    note = "A class that looks the same upside down, as 0, 1 and 8 often do, can hardly exceed one half."
    return [
        Whiskers(tuple(names), within, "share within 30°", note),
        Table(("class", "median error", "mean error", "within 30°", "test images"), rows),
    ]


def _pictures(pictures: Sequence[tuple[str, str, float, float]]) -> list[Item]:
    def caption(truth: float, predicted: float, name: str) -> str:
        return f"rotated by {truth:.0f}°\npredicted {predicted:.0f}°\n{name}"

    def off(truth: float, predicted: float) -> float:
        return abs((predicted - truth + 180) % 360 - 180)

    bad = tuple(Picture(png, caption(t, p, name), "bad") for png, name, t, p in pictures if off(t, p) > 30)
    good = tuple(Picture(png, caption(t, p, name), "good") for png, name, t, p in pictures if off(t, p) <= 30)
    items: list[Item] = [Text("Images are shown upright; the network saw them rotated.")]
    if bad:
        items.append(Pictures(bad, "Most confident errors."))
    if good:
        items.append(Pictures(good, "Most confident correct predictions."))
    return items
