"""What the four numbers of a box mean: the format defines it, and the sizes of the images say whether that can be.

Corners for sides, or the reverse, are the usual mistake of converters, and both may fit: of corners in the upper left quarter of
an image also x + width does. So what was taken is always said, and how many boxes could be nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from neocog.data.dataset import Taken
from neocog.data.readers.box_images import OUT
from neocog.data.readers.box_marks import Corners, Meaning
from neocog.errors import UserError, count

NAMES: dict[Meaning, str] = {
    "corners": "two corners", "sides": "a corner and two sides", "centres": "the centre and two sides",
}  # fmt: skip
COLUMNS: dict[Meaning, str] = {"corners": "x0, y0, x1, y1", "sides": "x, y, width, height"}
WRITTEN = COLUMNS | {"centres": "x and y of the centre, width, height"}
WRONG = 0.2  # share of boxes that cannot be what the format defines, beyond which their numbers may mean something else
RIGHT = 0.95  # share that then must fit


@dataclass
class Fits:
    """How many boxes lie within their images, for each ``Meaning`` of their numbers. ``held_in``: what holds the numbers."""

    meaning: Meaning | None  # None: of formats in which no converter takes one for another
    held_in: str
    total: int = 0
    fitting: Counter[Meaning] = field(default_factory=Counter)

    def add(self, boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> None:
        """``boxes``: corners, as read, in pixels of an image of ``size`` (H, W)."""
        if self.meaning is None:
            return
        for corners in boxes:
            self.total += 1
            four = _numbers(corners, self.meaning)
            self.fitting.update(other for other in NAMES if _fits(_corners(four, other), size))

    @property
    def rival(self) -> Meaning:
        """What the numbers could mean next."""
        return max((other for other in NAMES if other != self.meaning), key=lambda other: self.fitting[other])

    def insist(self, where: str) -> None:
        """Raise UserError where they mean something else."""
        if self.meaning is None:
            return
        own, other = self.fitting[self.meaning], self.fitting[self.rival]
        if self.total - own > WRONG * self.total and other >= RIGHT * self.total:
            what = (
                f"{self.held_in}: the numbers seem to be {NAMES[self.rival]}, not {NAMES[self.meaning]}, as which "
                f"{self.total - own:,} of {count(self.total, 'box')} would end before they begin or reach out of their images"
            )
            named = self.held_in.startswith("columns") and self.rival in COLUMNS
            fix = f"call the columns {COLUMNS[self.rival]}" if named else f"write {WRITTEN[self.meaning]}"
            raise UserError(what, where, fix)

    def taken(self) -> list[Taken]:
        """What was taken, and why it can be nothing else."""
        if self.meaning is None or not self.total:
            return []
        other = self.total - self.fitting[self.rival]
        evidence = f"{other:,} of {count(self.total, 'box')} could not be {NAMES[self.rival]}"
        if not other:
            evidence = f"so called: of {count(self.total, 'box')} all could be {NAMES[self.rival]}, too"
        return [Taken(self.held_in, NAMES[self.meaning], evidence)]

    def doubt(self) -> list[str]:
        """A note where corners would be in the upper left quarters of all images, as only sides usually seem to be."""
        if not self.total or self.meaning != "corners" or self.fitting["sides"] < self.total:
            return []
        what = f"{self.held_in}: as {NAMES['corners']} they put all boxes into the upper left quarter of their images"
        return [f"{what}; are they {WRITTEN['sides']}?"]


def _numbers(corners: Sequence[float], meaning: Meaning) -> Corners:
    x0, y0, x1, y1 = corners
    if meaning == "centres":
        return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
    return (x0, y0, x1 - x0, y1 - y0) if meaning == "sides" else (x0, y0, x1, y1)


def _corners(four: Corners, meaning: Meaning) -> Corners:
    x, y, third, fourth = four
    if meaning == "centres":
        return x - third / 2, y - fourth / 2, x + third / 2, y + fourth / 2
    return (x, y, x + third, y + fourth) if meaning == "sides" else four


def _fits(corners: Corners, size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = corners
    return -OUT <= x0 < x1 <= size[1] + OUT and -OUT <= y0 < y1 <= size[0] + OUT
