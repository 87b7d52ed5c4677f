"""The sections on masks: outlines of best, median and worst cases, classes with intervals, which pixels are confused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.formats.slices import side_by_side
from neocog.metrics import title
from neocog.records import Item, Matrix, Measure, Picture, Pictures, Section, Table, Text, Whiskers
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.report.quality import cells, short

Array = NDArray[Any]
SIDE = 240  # of a picture
IGNORE = 255
# Okabe & Ito 2008, told apart by the colour-blind too; more classes take hues at equal steps
PALETTE = ((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
           (204, 121, 167), (153, 153, 153))  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One test image: a picture (base64 PNG) of it with the true mask and, to the right, with the predicted one; its Dice."""

    name: str
    pair: str
    dice: float


def palette(classes: int) -> Array:
    """(K, 3) uint8 colours, black for class 0."""
    colours = list(PALETTE[:classes])
    for number in range(classes - len(colours)):
        hue = (number * 0.618034) % 1.0 * 6  # the golden section: neighbours in number are far apart in hue
        channel = [abs(hue - 3) - 1, 2 - abs(hue - 2), 2 - abs(hue - 4)]
        colours.append(tuple(round(60 + 180 * min(1.0, max(0.0, c))) for c in channel))  # type: ignore[arg-type]
    return np.array(colours, np.uint8)


def grey_levels(pixels: Array, low: float, high: float) -> Array:
    """(C, H, W) in stored units → (H, W, 3) uint8, ``low`` … ``high`` black … white; three channels keep their colours."""
    shown = pixels if len(pixels) == 3 else np.repeat(pixels[:1], 3, axis=0)
    scaled = (shown.astype(np.float32) - low) / max(high - low, 1e-12)
    found: Array = np.round(np.clip(scaled, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return found


def overlay(picture: Array, mask: Array, classes: int, strength: float = 0.45) -> Array:
    """(H, W, 3) with each class's colour over it, full along its edges; class 0 and what does not count stay as they are."""
    colours = palette(classes)[np.where(mask == IGNORE, 0, mask)].astype(np.float32)
    shown = np.where(mask == IGNORE, 0, mask)
    edge = np.zeros(mask.shape, bool)
    edge[:, 1:] |= shown[:, 1:] != shown[:, :-1]
    edge[1:] |= shown[1:] != shown[:-1]
    share = np.where(shown == 0, 0.0, np.where(edge, 1.0, strength)).astype(np.float32)[..., None]
    found: Array = np.round(picture * (1 - share) + colours * share).astype(np.uint8)
    return found


def case(name: str, picture: Array, truth: Array, prediction: Array, classes: int, dice: float) -> Case:
    """``picture`` (H, W, 3); ``truth`` and ``prediction`` (H, W) class numbers."""
    both = [overlay(picture, mask, classes).transpose(2, 0, 1) for mask in (truth, prediction)]
    return Case(name, thumbnail(side_by_side(tuple(both), 255), 0, 255, 2 * SIDE), dice)


def segmentation_section(
    measures: Mapping[str, Mapping[str, Measure]], each: Mapping[str, Mapping[str, Measure]]
) -> Section:
    """``measures`` by part, ``each`` by class."""
    test = measures["test"]
    other = [part for part in measures if part != "test"]
    rows = tuple(
        (title(name), *cells(m), *(short(measures[part].get(name)) for part in other)) for name, m in test.items()
    )
    shares = {name: m for name, m in test.items() if not name.startswith("hd95")}
    items: list[Item] = [
        Whiskers(tuple(map(title, shares)), tuple(shares.values()), "value and 95 % interval"),
        Table(("measure", "value", "95 % interval", "n", *other), rows, "At the images' original size."),
    ]
    if each:
        found = tuple(row["iou"] for row in each.values())
        items.append(Whiskers(tuple(each), found, "IoU of each class, over all test pixels"))
        table = tuple(
            (name, *(short(row[key]) for key in ("dice", "iou")), cells(row["iou"])[1], row["iou"].n)
            for name, row in each.items()
        )
        units = "test groups" if "group_dice" in test else "test images"
        heads = ("class", "Dice", "IoU", "95 % interval of IoU", units)
        items.append(Table(heads, table, "— : undefined, as the class is neither in the masks nor predicted."))
    return Section("Performance", tuple(items), "measures")


def cases_section(
    worst: Sequence[Case], median: Sequence[Case], best: Sequence[Case], classes: Sequence[str]
) -> Section:
    """The true mask beside the predicted one, over the image."""
    legend = ", ".join(
        f"{name} #{red:02x}{green:02x}{blue:02x}"
        for name, (red, green, blue) in zip(classes, palette(len(classes)), strict=True)
    )
    items: list[Item] = [Text(f"Left: true mask; right: predicted mask. Colours: {legend}.")]
    for cases, what in ((worst, "Worst"), (median, "Median"), (best, "Best")):
        tone = {"Worst": "bad", "Best": "good"}.get(what, "")
        shown = [Picture(one.pair, f"Dice {one.dice:.3f}\n{one.name}", tone) for one in cases]  # type: ignore[arg-type]
        if shown:
            items.append(Pictures(tuple(shown), f"{what}.", large=True))
    return Section("Best, median and worst cases", tuple(items), "cases")


def pixel_confusion_section(matrix: Array, classes: Sequence[str]) -> Section:
    """``matrix`` (K, K) counts of pixels, row: truth, column: prediction; shown as shares of the true class in percent."""
    total = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    values = tuple(tuple(map(float, row)) for row in np.round(matrix / total * 100, 1).tolist())
    item = Matrix(tuple(classes), tuple(classes), values, note="Percent of the pixels of each true class.")
    return Section("Confusion matrix", (item,), "confusion")
