"""What files say of themselves: size, date, how they were compressed, the camera, the order of their names."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neocog.data.dataset import Images

Floats = NDArray[np.float64]
PARTS, NAMES = 8, 24  # of a number's range, and of different texts, each of which is a column
MAKE, MODEL, SOFTWARE, TAKEN_AT = 271, 272, 305, 36867
EXIF = 34665
DAY = 24 * 3600  # seconds


@dataclass(frozen=True)
class Facts:
    """Of one file. What it does not say is NaN, "" or empty."""

    size: float = np.nan  # bytes
    date: float = np.nan  # seconds, of the file's last change
    taken: str = ""  # when it was taken, by EXIF: "2026:11:27 08:31:00"
    camera: str = ""
    tables: dict[int, list[int]] = field(default_factory=dict)  # of JPEG's quantisation
    sides: tuple[int, ...] = ()


def facts_of(images: Images, positions: Sequence[int]) -> list[Facts]:
    """One for each position; of images inside one file the sides alone."""
    return [_facts(images.path(index), images.header(index).size) for index in positions]


def _facts(path: Path | None, sides: tuple[int, ...]) -> Facts:
    if path is None:
        return Facts(sides=sides)
    stat = path.stat()
    try:
        with Image.open(path) as image:
            exif, more = image.getexif(), image.getexif().get_ifd(EXIF)
            camera = " ".join(str(exif[tag]).strip() for tag in (MAKE, MODEL, SOFTWARE) if tag in exif)
            tables = {key: list(table) for key, table in getattr(image, "quantization", {}).items()}
            return Facts(stat.st_size, stat.st_mtime, str(more.get(TAKEN_AT, "")).strip("\0 "), camera, tables, sides)
    except Exception:  # no picture that Pillow knows, or damaged beyond its facts
        return Facts(stat.st_size, stat.st_mtime, sides=sides)


def columns(facts: Sequence[Facts], names: Sequence[str], classes: Sequence[str] = ()) -> dict[str, Floats]:
    """{fact: (n, F)} of n files, those that differ among them alone; the most particular first.

    A name tells nothing by the name of a class in it, as that is how folders are named; files of one day have one date, as
    a copy of a folder writes its classes in turn.
    """
    texts = {"camera": [each.camera for each in facts], "day": [each.taken[:10] for each in facts]}
    tables = ["/".join(map(str, _signature(each.tables))) for each in facts]
    found = {name: one_of(values) for name, values in texts.items()}
    found["compression"] = np.hstack([one_of(tables), parts_of([sum(_signature(each.tables)) for each in facts])])
    sides = np.array([(*each.sides, 0, 0, 0)[:3] for each in facts], np.float64)
    found["image size"] = np.hstack([parts_of(side) for side in (*sides.T, sides[:, 1] / np.maximum(sides[:, 0], 1))])
    pixels = [max(1, math.prod(each.sides)) for each in facts]
    density = [each.size / count for each, count in zip(facts, pixels, strict=True)]
    found["file size"] = np.hstack([parts_of([each.size for each in facts]), parts_of(density)])
    found["date of the file"] = parts_of([each.date // DAY for each in facts])
    found["order of names"] = parts_of(order([without(Path(name).stem, classes) for name in names]))
    return {name: values for name, values in found.items() if values.shape[1]}


def _signature(tables: dict[int, list[int]]) -> list[int]:
    return [value for key in sorted(tables) for value in tables[key][:6]]


def one_of(values: Sequence[str]) -> Floats:
    """(n, T) a column for each of the commonest texts; none where all are alike."""
    known, which, times = np.unique(np.asarray(values, str), return_inverse=True, return_counts=True)
    if len(known) < 2:
        return np.empty((len(values), 0))
    kept = np.argsort(-times, kind="stable")[:NAMES]
    columns: Floats = (which[:, None] == kept).astype(np.float64)
    return columns


def parts_of(values: Sequence[float] | NDArray[Any]) -> Floats:
    """(n, ≤ 8 + 1) the value by rank, and which eighth of all it lies in; none where all are alike, or unknown."""
    given = np.asarray(values, np.float64)
    there = ~np.isnan(given)
    if len(np.unique(given[there])) < 2:
        return np.empty((len(given), 0))
    _, rank = np.unique(np.where(there, given, -np.inf), return_inverse=True)
    share = np.searchsorted(np.sort(rank), rank, side="left") / len(rank)
    eighth = np.minimum((share * PARTS).astype(int), PARTS - 1)
    return np.hstack([share[:, None], np.eye(PARTS)[eighth]])


def without(stem: str, classes: Sequence[str]) -> str:
    """A name without those of classes in it, also in the singular.

    >>> without("ant_12", ["ants", "bees"]), without("plant_12", ["ants", "bees"])
    ('_12', 'plant_12')
    """
    for name in sorted(filter(None, classes), key=len, reverse=True):
        before, after = (r"\d" if each.isdecimal() else r"[^\W\d_]" for each in (name[0], name[-1]))
        found = f"(?:{re.escape(name)}|{re.escape(name.removesuffix('s') or name)})"
        stem = re.sub(f"(?<!{before}){found}(?!{after})", "", stem, flags=re.IGNORECASE)
    return stem


def order(stems: Sequence[str]) -> Floats:
    """(n,) the place of each name among all, numbers by their value."""
    keys = [
        tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", stem) if part)
        for stem in stems
    ]
    place = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] for key in keys], np.float64)
