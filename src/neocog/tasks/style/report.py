"""The sections on restyled photos: measures, what the painting's colours alone come to, and pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.metrics import title
from neocog.records import Measure, Picture, Pictures, Section, Table, Text
from neocog.styling.shown import side_by_side
from neocog.tasks.masks import png
from neocog.tasks.report.quality import cells, short

HIGH = 256  # pixels of a picture on the page
MEANING = (
    "Style loss: distance to the painting's Gram matrices, summed over eight layers of a network with random weights, relative to "
    "that of the photo. Palette: the same for the distance of colours. Edges: correlation of Sobel gradients with the photo's. "
    "There is no ground truth: whether a picture is beautiful, you have to see for yourself."
)


def performance_section(
    measures: Mapping[str, Mapping[str, Measure]], baselines: Mapping[str, Mapping[str, Any]]
) -> Section:
    """``measures`` by part; beside them what needs no network."""
    test, other = measures["test"], [part for part in measures if part != "test"]
    rows = tuple(
        (
            title(name),
            *cells(found),
            *(short(measures[part].get(name)) for part in other),
            *(short(each["measures"][name]) for each in baselines.values()),
        )
        for name, found in test.items()
    )
    heads = ("measure", "value", "95 % interval", "n", *other, *baselines)
    return Section("Performance", (Text(MEANING), Table(heads, rows, "Means over test photos.")), "measures")


def pictures_section(painting: NDArray[np.uint8], pairs: Sequence[tuple[str, Any, Any]]) -> Section:
    """``painting`` and photos (H, W, 3); ``pairs``: (name, photo, restyled)."""
    shown = [Picture(encoded([painting]), "the painting")]
    shown += [Picture(encoded([photo, found]), name) for name, photo, found in pairs]
    return Section("Test photos and results", (Pictures(tuple(shown), large=True),), "pictures")


def encoded(images: Sequence[NDArray[np.uint8]]) -> str:
    """Base64 PNG of pictures (H, W, 3) side by side, of one height."""
    pictures = [Image.fromarray(each) for each in images]
    high = min(HIGH, *(each.height for each in pictures))
    return base64.b64encode(png(side_by_side(pictures, high))).decode("ascii")
