"""The sections on single objects: how many are found, and outlines of true and found ones over the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neocog.data.formats.slices import side_by_side
from neocog.metrics import title
from neocog.records import Measure, Picture, Pictures, Section, Table, Text, Whiskers
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.report.quality import cells, short
from neocog.tasks.segmentation.report import SIDE, Array, overlay

COLOURS = 9  # of the palette: neighbours in number differ


def outlined(picture: Array, objects: Array) -> Array:
    """(H, W, 3) with each of the objects (H, W) in a colour, full along its outline."""
    return overlay(picture, coloured(objects), COLOURS)


def coloured(objects: Array) -> Array:
    """(H, W) uint8 colour numbers: 0 where there is no object, else one of eight."""
    found: Array = np.where(objects > 0, 1 + (objects - 1) % (COLOURS - 1), 0).astype(np.uint8)
    return found


def objects_section(measures: Mapping[str, Mapping[str, Measure]]) -> Section:
    """``measures`` by part."""
    test, other = measures["test"], [part for part in measures if part != "test"]
    rows = tuple(
        (title(name), *cells(m), *(short(measures[part].get(name)) for part in other)) for name, m in test.items()
    )
    shares = {name: m for name, m in test.items() if name != "count_error"}
    note = "An object counts as found if its IoU with a predicted one exceeds 0.5, at the images' original size."
    return Section(
        "Performance",
        (
            Whiskers(tuple(map(title, shares)), tuple(shares.values()), "value and 95 % interval"),
            Table(("measure", "value", "95 % interval", "n", *other), rows, note),
        ),
        "measures",
    )


def pair(picture: Array, truth: Array, found: Array) -> str:
    """A picture (base64 PNG): the true objects and, to the right, those that were found."""
    both = [outlined(picture, objects).transpose(2, 0, 1) for objects in (truth, found)]
    return thumbnail(side_by_side(tuple(both), 255), 0, 255, 2 * SIDE)


def object_cases_section(worst: Sequence[tuple[str, str]], best: Sequence[tuple[str, str]]) -> Section:
    """Pairs of (picture, caption)."""
    shown = [Text("Left: true objects; right: predicted objects.")]
    groups = [("Worst.", "bad", worst), ("Best.", "good", best)]
    pictures = [
        Pictures(tuple(Picture(picture, text, tone) for picture, text in cases), what, large=True)  # type: ignore[arg-type]
        for what, tone, cases in groups
        if cases
    ]
    return Section("Best and worst cases", (*shown, *pictures), "cases")
