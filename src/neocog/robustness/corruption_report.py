"""What part ``corruption`` says: tables, charts, pictures, and its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.metrics import lower_is_better, title
from neocog.records import Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text
from neocog.robustness.axes import AXES
from neocog.robustness.corruptions import CORRUPTIONS, IMAGENET_C, SEVERITIES
from neocog.robustness.outcome import Grade, Verdict, bounds, shown
from neocog.robustness.thresholds import graded, usual

MIDDLE = 3  # the severity at which corruptions are ranked
WORST = 4  # corruptions that are shown at every severity
CHART = 6  # lines of one chart
Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Found:
    """Measures by (corruption, severity); ("unchanged", 0) is that of the pictures as they are."""

    measure: str
    values: Mapping[tuple[str, int], Measure]
    places: Mapping[tuple[str, int], Sequence[float]]  # means on the axes
    span: NDArray[np.float64] | None  # (2, 4): where the data's own pictures lie on them
    n: int
    reasons: Sequence[str]
    whose: str  # pictures the span is of

    @property
    def clean(self) -> Measure:
        return self.values["unchanged", 0]

    @property
    def names(self) -> list[str]:
        """Corruptions that were tried, the costliest first."""
        there = dict.fromkeys(name for name, severity in self.values if severity)
        return sorted(there, key=lambda name: -self.cost(name))

    def cost(self, name: str) -> float:
        """By how much the measure is worse, the mean over the severities that were tried; above 0: worse."""
        each = [m.value for (other, severity), m in self.values.items() if other == name and severity]
        worse = np.mean(each) - self.clean.value
        return float(worse if lower_is_better(self.measure) else -worse)

    def kept(self, m: Measure) -> float:
        """The share of the unchanged measure, of an error its inverse: 1 as good, 0 nothing left."""
        first, second = (self.clean, m) if lower_is_better(self.measure) else (m, self.clean)
        return first.value / second.value if second.value > 0 else math.nan

    def near(self, key: tuple[str, int]) -> bool | None:
        """Whether the changed pictures lie where the data's own do, on each axis; None where this is not known."""
        if self.span is None or key not in self.places or CORRUPTIONS[key[0]].moves:  # of which the axes say nothing
            return None
        place = np.array(self.places[key])
        return bool(((place >= self.span[0]) & (place <= self.span[1])).all())


def tables(found: Found) -> dict[str, Table]:
    """``corruption``: a row a corruption and severity; ``corruption_axes``: where these pictures lie."""
    rows = [_row(found, key) for key in sorted(found.values, key=lambda key: (key[1] > 0, key))]
    made = {
        "corruption": Table(
            ("corruption", "family", "severity", "measure", "value", "low", "high", "n", "near_data"), tuple(rows)
        )
    }
    if found.span is not None:
        ends = {("own low", 0): found.span[0].tolist(), ("own high", 0): found.span[1].tolist()}
        lines: list[Row] = [(*key, *place) for key, place in (*ends.items(), *sorted(found.places.items()))]
        made["corruption_axes"] = Table(("corruption", "severity", *AXES), tuple(lines))
    return made


def _row(found: Found, key: tuple[str, int]) -> Row:
    (name, severity), m = key, found.values[key]
    near = {True: "yes", False: "no", None: None}[found.near(key) if severity else True]
    return name, family(name), severity, found.measure, m.value, *bounds(m), m.n, near


def family(name: str) -> str:
    return CORRUPTIONS[name].family if name in CORRUPTIONS else ""


def sections(
    found: Found, pictures_of: Callable[[str], Iterable[str]], advice: Callable[[str], str]
) -> tuple[Section, ...]:
    """``pictures_of(name)``: PNGs of one picture, unchanged and at each severity; ``advice(name)``: what may help against it."""
    items: list[Item] = [Text(_summary(found)), _ranking(found), *_charts(found)]
    items[1:1] = [Text(text) for text in filter(None, map(advice, not_withstood(found)))][:1]
    if found.span is not None:
        items.append(_axes(found))
    pictures = {name: list(pictures_of(name)) for name in found.names}
    for name in found.names[:WORST]:
        captions = ("unchanged", *(f"severity {severity}" for severity in SEVERITIES))
        each = [Picture(png, text) for png, text in zip(pictures[name], captions, strict=True)]
        items.append(Pictures(tuple(each), f"{words(name)}: mean loss {found.cost(name):.3f}."))
    sheet = [Picture(pngs[MIDDLE], words(name)) for name, pngs in pictures.items()]
    note = (
        f"One image under every corruption at severity {MIDDLE}. Ask first whether such an image could be among yours."
    )
    return (Section("Stress: corruptions", (*items, Pictures(tuple(sheet), note)), "stress-corruption"),)


def words(name: str) -> str:
    return name.replace("_", " ")


def _summary(found: Found) -> str:
    worst = found.names[0] if found.names else ""
    lines = [
        f"{title(found.measure)} on {found.n:,} samples: {shown(found.measure, found.clean)} without corruption.",
        f"Most harmful: {words(worst)}, {shown(found.measure, found.values[worst, MIDDLE])} at severity {MIDDLE}."
        if (worst, MIDDLE) in found.values
        else "",
        "Fifteen of the corruptions are those of ImageNet-C (Hendrycks & Dietterich 2019); the others occur in instruments."
        if set(IMAGENET_C) & set(found.names)
        else "",
        "No mean over all is given: some cannot occur in these data, and the images below show which.",
        *found.reasons,
    ]
    return " ".join(line for line in lines if line)


def _ranking(found: Found) -> Table:
    rows: list[Row] = [
        (
            words(name),
            family(name),
            *(_value(found, (name, severity)) for severity in SEVERITIES),
            round(found.cost(name), 4),
        )
        for name in found.names
    ]
    note = "Most harmful first. * : within the data's own range on every axis below. — : not tried."
    return Table(("corruption", "family", *map(str, SEVERITIES), "mean loss"), tuple(rows), note)


def _value(found: Found, key: tuple[str, int]) -> str:
    if key not in found.values:
        return "—"
    return f"{found.values[key].value:.3f}" + " *" * bool(found.near(key))


def _charts(found: Found) -> list[Curves]:
    charts = []
    families = dict.fromkeys(map(family, found.names))
    for each in families:
        several = [name for name in found.names if family(name) == each][:CHART]
        series = tuple(_series(found, name) for name in several)
        costliest = f", the {CHART} most harmful" * (len(several) == CHART)
        charts.append(
            Curves("severity", title(found.measure), series, note=f"{each}{costliest}; bands: 95 % intervals")
        )
    return charts


def _series(found: Found, name: str) -> Series:
    there = [(0, found.clean), *((s, found.values[name, s]) for s in SEVERITIES if (name, s) in found.values)]
    measures = [m for _, m in there]
    x, y = tuple(float(severity) for severity, _ in there), tuple(m.value for m in measures)
    return Series(words(name), x, y, tuple(m.low for m in measures), tuple(m.high for m in measures))


def _axes(found: Found) -> Table:
    """Where the data lie, and where each corruption takes them."""
    assert found.span is not None
    own = [f"{low:.3f} – {high:.3f}" for low, high in found.span.T]
    rows: list[Row] = [(f"98 % of the {found.whose}", *own)]
    for name in found.names:
        if (name, MIDDLE) in found.places:
            place = found.places[name, MIDDLE]
            marks = [
                f"{at:.3f}" + " !" * (not low <= at <= high)
                for at, (low, high) in zip(place, found.span.T, strict=True)
            ]
            rows.append((f"{words(name)}, severity {MIDDLE}", *marks))
    note = (
        "Means over corrupted images; ! : outside the data's own range. Black is 0, white 1. Sharpness: mean gradient between "
        "neighbours, divided by the contrast. Noise: by the method of Immerkær (1996)."
    )
    return Table(("images", *AXES), tuple(rows), note)


def decisive(found: Found) -> tuple[bool, list[tuple[str, int]]]:
    """Whether any corruption leaves pictures where the data's own lie, and those that do; else all at the severity in the
    middle."""
    near = [key for key in found.values if key[1] and found.near(key)]
    return bool(near), near or [key for key in found.values if key[1] == MIDDLE]


def not_withstood(found: Found) -> list[str]:
    """Corruptions that are judged and do not pass, the most harmful first."""
    grade = usual()["corruption"].grade
    failing = {key[0] for key in decisive(found)[1] if grade(found.kept(found.values[key])) != "passed"}
    return [name for name in found.names if name in failing]


def verdict(found: Found, best: Grade = "passed") -> Verdict:
    """Of changes that leave pictures where the data's own lie, the one that costs most; where none is known to, of all at the
    severity in the middle."""
    near, those = decisive(found)
    which = "within the data's own range" if near else f"at severity {MIDDLE}"
    if not those:
        return Verdict("Corruptions", "not tried", "There was no time for any of them.")
    worst = min(those, key=lambda key: found.kept(found.values[key]))
    kept = found.kept(found.values[worst])
    sentence = (
        f"Most harmful of {len(those)} corruptions {which}: {words(worst[0])} at severity {worst[1]}, {title(found.measure)} "
        f"{shown(found.measure, found.values[worst])} instead of {shown(found.measure, found.clean)} on "
        f"{found.clean.counted('samples')}."
    )
    return graded("Corruptions", "corruption", kept, sentence, best)
