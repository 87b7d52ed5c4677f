"""What a file of annotations says of boxes, whatever its format: one record an image, before anything of it is believed.

Corners are edges in pixels (see ``neocog.data.boxes``), or shares of the image's sides where ``Marks.shares`` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from neocog.data.dataset import Taken
from neocog.errors import UserError

Corners = tuple[float, float, float, float]  # x0, y0, x1, y1
From = Literal["auto", "shapes", "masks"]
Meaning = Literal["corners", "sides", "centres"]  # of the four numbers of a box, as a format defines them
EVERYWHERE = "__ignore__"  # labelme's own: nothing counts there, of whichever class
OTHER_SHAPES = "--boxes-from shapes takes the smallest box around each shape"


@dataclass(frozen=True)
class Drawn:
    """One box; ``where`` names the file and the place in it."""

    label: str
    corners: Corners
    where: str
    ignored: bool = False


@dataclass(frozen=True)
class Marked:
    """One image: ``image`` as the file calls it, ``size`` (H, W) as the file says, None where it does not."""

    image: str
    boxes: tuple[Drawn, ...]
    where: str
    size: tuple[int, int] | None = None
    split: str = ""
    group: str = ""
    stem: str = ""  # the annotation's own name, where that should be the image's too


@dataclass
class Marks:
    """All that one source says. ``faults``: files and entries that cannot be used; ``bad``: single boxes."""

    kind: str
    images: list[Marked] = field(default_factory=list)
    faults: list[UserError] = field(default_factory=list)
    bad: list[UserError] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    classes: Sequence[str] = ()  # in their order, where the format lists them
    shares: bool = False
    meaning: Meaning | None = None  # of the numbers, where converters take one for another
    held_in: str = ""  # what holds the numbers: "bbox"
    complete: bool = False  # whether it lists its images, so that pictures beside are none of them


def joined(several: Sequence[Marks]) -> Marks:
    """Marks of one kind as one: other files of one data set."""
    first = several[0]
    if len(several) == 1:
        return first
    made = Marks(first.kind, shares=first.shares, complete=first.complete, held_in=first.held_in)
    made.meaning = first.meaning if len({one.meaning for one in several}) == 1 else None
    for one in several:
        for name in ("images", "faults", "bad", "taken", "notes"):
            getattr(made, name).extend(getattr(one, name))
    made.classes = tuple(dict.fromkeys(name for one in several for name in one.classes))
    return made


def hull(points: Iterable[Sequence[float]]) -> Corners:
    """The smallest upright box around points (x, y)."""
    x, y = zip(*points, strict=True)
    return min(x), min(y), max(x), max(y)


def turned(corners: Corners, degrees: float, about: tuple[float, float]) -> Corners:
    """The smallest upright box around one that is turned clockwise about a point."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x0, y0, x1, y1 = corners
    offsets = [(x - about[0], y - about[1]) for x in (x0, x1) for y in (y0, y1)]
    return hull([(about[0] + cos * x - sin * y, about[1] + sin * x + cos * y) for x, y in offsets])


def real(value: Any) -> float:
    """A number of JSON or text. Raises ValueError where it is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    try:
        found = float(value)
    except ValueError:
        raise ValueError(f"{str(value)[:40]!r} is no number") from None
    if not math.isfinite(found):
        raise ValueError(f"{value} is no finite number")
    return found
