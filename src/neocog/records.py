"""The plain records that every stage shares: measures, findings, and what a report is made of. No torch, nothing of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Measure:
    """A number with its warrant: 95 % interval (NaN: too few units for one) and the count of samples behind it."""

    value: float
    low: float
    high: float
    n: int
    units: int | None = None  # independent groups of the n samples; None: each sample stands for itself

    @property
    def interval(self) -> str:
        """Its bounds in words."""
        return f"{self.low:.4f} to {self.high:.4f}" if math.isfinite(self.low) else "too few for an interval"

    def counted(self, what: str = "") -> str:
        """What it rests on, in words: "120 test images of 3 groups", "500 test images"; "120 of 3 groups" in a table."""
        groups = "" if self.units is None else f" of {self.units:,} group{'s' * (self.units != 1)}"
        return f"{self.n:,} {what}".rstrip() + groups


@dataclass(frozen=True)
class Finding:
    """What an audit check found. ``samples`` are names in the data set; ``advice`` says what to do about it."""

    severity: Severity
    what: str
    samples: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under column heads; cells are text or numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]
    note: str = ""
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Series:
    """One line of a plot; ``low`` and ``high`` draw a band."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Curves:
    """Lines over a common x axis. ``diagonal`` draws y = x (calibration)."""

    x_label: str
    y_label: str
    series: tuple[Series, ...]
    diagonal: bool = False
    note: str = ""
    kind: Literal["curves"] = "curves"


@dataclass(frozen=True)
class Bars:
    """One bar a label."""

    labels: tuple[str, ...]
    values: tuple[float, ...]
    x_label: str = ""
    note: str = ""
    kind: Literal["bars"] = "bars"


@dataclass(frozen=True)
class Matrix:
    """Counts with named rows and columns, such as a confusion matrix (rows: truth, columns: prediction)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    row_title: str = "truth"
    column_title: str = "prediction"
    note: str = ""
    kind: Literal["matrix"] = "matrix"


@dataclass(frozen=True)
class Picture:
    """A small PNG, base64, with its caption; ``tone`` colours the caption."""

    png: str
    caption: str = ""
    tone: Literal["", "good", "bad"] = ""


@dataclass(frozen=True)
class Pictures:
    """A grid of pictures."""

    pictures: tuple[Picture, ...]
    note: str = ""
    large: bool = False  # in their own proportions, for people who look into them
    kind: Literal["pictures"] = "pictures"
    wide: bool = False  # each as wide as the page, such as whole rows of images


@dataclass(frozen=True)
class Findings:
    """The audit's findings."""

    findings: tuple[Finding, ...]
    kind: Literal["findings"] = "findings"


@dataclass(frozen=True)
class Whiskers:
    """Measures with their intervals, one a row, on one axis."""

    labels: tuple[str, ...]
    measures: tuple[Measure, ...]
    x_label: str = ""
    note: str = ""
    kind: Literal["whiskers"] = "whiskers"


@dataclass(frozen=True)
class Scatter:
    """One point a sample; ``ideal``: the line on which they should lie, y = x or y = 0; "none": a plane, with equal units."""

    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    ideal: Literal["diagonal", "zero", "none"] = "diagonal"
    note: str = ""
    kind: Literal["scatter"] = "scatter"
    groups: tuple[str, ...] = ()  # what each point belongs to, told apart by colour


@dataclass(frozen=True)
class Text:
    """A paragraph, or lines to copy (``code``)."""

    text: str
    code: bool = False
    kind: Literal["text"] = "text"


Item = Table | Curves | Bars | Matrix | Pictures | Findings | Whiskers | Scatter | Text


@dataclass(frozen=True)
class Section:
    """One section of a report."""

    title: str
    items: tuple[Item, ...] = ()
    name: str = field(default="")


ITEMS: dict[str, type[Item]] = {
    "table": Table, "curves": Curves, "bars": Bars, "matrix": Matrix, "pictures": Pictures, "findings": Findings,
    "whiskers": Whiskers, "scatter": Scatter, "text": Text,
}  # fmt: skip
