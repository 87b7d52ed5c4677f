"""Curves, bars and whiskers as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from neocog.pages import axis
from neocog.pages.marks import Point, at, band, cut, dot, element, figure, line, path, strip, text
from neocog.records import Bars, Curves, Measure, Series, Whiskers

WIDTH, HEIGHT = 420.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 46.0, 10.0, 38.0
COLOURS = 6  # .c0 … .c5 of the style sheet
PARTS = {"train": 0, "validation": 1, "test": 2}  # their colours
FEW = 30  # points that are drawn one by one


def curves(item: Curves) -> Markup:
    """Lines over x with their last values at the right edge; the reliability diagram is square."""
    series = [s for s in item.series if s.x]
    height = WIDTH - LEFT - RIGHT + TOP + BOTTOM if item.diagonal else HEIGHT
    xs = [x for s in series for x in s.x]
    ys = [y for s in series for y in (*s.y, *s.low, *s.high) if math.isfinite(y)]
    if not xs or not ys:
        return figure(WIDTH, 60, f"{item.y_label}: no values", text(WIDTH / 2, 34, "no values", "tick", "middle"))
    across = [0, 0.25, 0.5, 0.75, 1] if item.diagonal else axis.ticks(min(xs), max(xs), whole=True)
    up = [0, 0.25, 0.5, 0.75, 1] if item.diagonal else axis.ticks(min(ys), max(ys), 4)
    # a line starts at the axis: only the y axis is extended to a round number
    left, right = (0.0, 1.0) if item.diagonal else (min(xs), max(xs))
    if left == right:
        left, right = left - 1, right + 1

    def place(x: float, y: float) -> Point:
        return (
            LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT),
            height - BOTTOM - (y - up[0]) / (up[-1] - up[0]) * (height - TOP - BOTTOM),
        )

    drawn = [line(LEFT, place(left, y)[1], WIDTH - RIGHT, place(left, y)[1], "grid") for y in up]
    drawn += [text(LEFT - 8, place(left, y)[1] + 4, axis.label(y, up), "tick", "end") for y in up]
    for x in (x for x in across if left <= x <= right):
        drawn.append(text(place(x, up[0])[0], height - BOTTOM + 17, axis.label(x, across), "tick", "middle"))
    drawn.append(text((LEFT + WIDTH - RIGHT) / 2, height - 4, item.x_label, "axis", "middle"))
    if item.diagonal:
        drawn.append(path([place(0, 0), place(1, 1)], "diagonal"))
    for one, index in zip(series, colours(series), strict=True):
        points = [place(x, y) for x, y in zip(one.x, one.y, strict=True)]
        if one.low and one.high:
            edges = [[place(x, y) for x, y in zip(one.x, side, strict=True)] for side in (one.high, one.low)]
            drawn += _spread(edges[0], edges[1], f"c{index % COLOURS}", item.diagonal)
        drawn += _curve(one, points, index, not item.diagonal)
    if not item.diagonal:
        drawn += _last_values(series, [place(s.x[-1], s.y[-1]) for s in series])
    ends = "; ".join(f"{s.name} ends at {axis.short(s.y[-1])}" for s in series)
    return figure(WIDTH, height, f"{item.y_label} against {item.x_label}. {ends}", *drawn)


def colours(series: Sequence[Series]) -> list[int]:
    """A number of the style sheet for each line: parts of the data have their own, wherever they are drawn."""
    return [PARTS.get(one.name, index) for index, one in enumerate(series)]


def _spread(high: Sequence[Point], low: Sequence[Point], colour: str, single: bool) -> list[Markup]:
    """Intervals: a band along a line, or a stroke at each point where every point stands for itself."""
    if not single:
        return [band(high, low, f"band {colour}")]
    return [line(x, top, x, foot, f"interval {colour}") for (x, top), (_, foot) in zip(high, low, strict=True)]


def _curve(series: Series, points: Sequence[Point], index: int, joined: bool) -> list[Markup]:
    colour = f"c{index % COLOURS}"
    drawn = [path(points, f"curve {colour}")] if joined and len(points) > 1 else []
    if len(points) <= FEW:
        for (x, y), a, b in zip(points, series.x, series.y, strict=True):
            drawn.append(dot(x, y, 2.4 if joined else 3.5, f"dot {colour}", f"{series.name}: {axis.short(b)} at {a:g}"))
    return drawn


def _last_values(series: Sequence[Series], ends: Sequence[Point]) -> list[Markup]:
    """The last value of each line beside it, moved apart where they would overlap; none where there are too many."""
    if len(series) > 4:
        return []
    edge = max(x for x, _ in ends)
    last = [i for i in range(len(series)) if ends[i][0] > edge - 1]  # a shorter line's value would lie on the others
    drawn, lowest = [], -math.inf
    for index in sorted(last, key=lambda i: ends[i][1]):
        x, y = ends[index]
        lowest = max(y + 4, lowest + 12)
        drawn.append(text(x + 7, lowest, axis.short(series[index].y[-1]), f"end c{colours(series)[index] % COLOURS}"))
    return drawn


def bars(item: Bars) -> Markup:
    """Columns where the labels are short and few, rows where they are long, a silhouette where there are many."""
    if len(item.labels) > 40:
        return _silhouette(item)
    if len(item.labels) <= 20 and max(map(len, item.labels), default=0) <= 5:
        return _columns(item)
    largest = max(item.values, default=0) or 1.0
    rows = []
    for name, value in zip(item.labels, item.values, strict=True):
        bar = element("rect", x=0, y=4, width=at(value / largest), height=12, rx=2, class_="bar")
        rows.append(_row(name, strip(f"{name}: {value:,g}", bar), f"{value:,g}"))
    return Markup('<div class="rows">{}</div>').format(Markup("").join(rows))


def _columns(item: Bars) -> Markup:
    height, count = 190.0, len(item.labels)
    up = axis.ticks(0, max(item.values, default=0) or 1.0, 4, whole=all(v.is_integer() for v in item.values))
    wide, base = (WIDTH - LEFT - 4) / max(count, 1), height - 24
    scale = (base - TOP) / up[-1]
    drawn = []
    for y in up:
        drawn += [line(LEFT, base - y * scale, WIDTH - 4, base - y * scale, "grid")]
        drawn += [text(LEFT - 8, base - y * scale + 4, axis.label(y, up), "tick", "end")]
    every = 1 if wide >= 7 * max(map(len, item.labels), default=1) else 2
    for index, (name, value) in enumerate(zip(item.labels, item.values, strict=True)):
        x = LEFT + index * wide
        tip = element("title", f"{name}: {value:,g}")
        top = base - value * scale
        drawn.append(element("rect", tip, x=x + wide * 0.14, y=top, width=wide * 0.72, height=base - top, class_="bar"))
        if index % every == 0:
            drawn.append(text(x + wide / 2, base + 16, name, "tick", "middle"))
    return figure(WIDTH, height, _extremes(item), *drawn)


def _silhouette(item: Bars) -> Markup:
    height, largest, wide = 120.0, max(item.values) or 1.0, 2 * WIDTH / len(item.labels)
    drawn = []
    for index, (name, value) in enumerate(zip(item.labels, item.values, strict=True)):
        tall = value / largest * height
        tip = element("title", f"{name}: {value:,g}")
        drawn.append(
            element("rect", tip, x=index * wide, y=height - tall, width=wide * 0.85, height=tall, class_="bar")
        )
    words = _extremes(item)
    return figure(2 * WIDTH, height, words, *drawn) + element("p", words, class_="note")


def _extremes(item: Bars) -> str:
    if not item.values:
        return f"{item.x_label}: none"
    most = max(range(len(item.values)), key=item.values.__getitem__)
    least = min(range(len(item.values)), key=item.values.__getitem__)
    return (
        f"{item.x_label}: most {item.labels[most]} ({item.values[most]:,g}), "
        f"fewest {item.labels[least]} ({item.values[least]:,g})"
    )


def whiskers(item: Whiskers) -> Markup:
    """Each measure a dot, its interval a line, on one axis that all share."""
    known = [v for m in item.measures for v in (m.value, m.low, m.high) if math.isfinite(v)]
    marks = axis.ticks(min(known, default=0.0), max(known, default=1.0), 4)
    low, high = marks[0], marks[-1]

    def share(value: float) -> float:
        return (value - low) / (high - low)

    grid = [line(at(share(m)), 0, at(share(m)), 24, "grid") for m in marks]
    rows = []
    for name, m in zip(item.labels, item.measures, strict=True):
        words = f"{name}: {axis.short(m.value)}, 95 % interval {axis.short(m.low)} to {axis.short(m.high)}, n = {m.n:,}"
        drawn = list(grid)
        if math.isfinite(m.low) and math.isfinite(m.high):
            drawn.append(line(at(share(m.low)), 12, at(share(m.high)), 12, "whisker"))
        if math.isfinite(m.value):
            drawn.append(dot(at(share(m.value)), 12, 4.5, "dot c0", words))
        rows.append(_row(name, strip(words, *drawn), axis.short(m.value)))
    names = [text(at(share(m)), 13, axis.label(m, marks), "tick", "middle") for m in marks]
    rows.append(_row("", strip("axis", *names, class_="strip foot"), ""))
    return Markup('<div class="rows">{}</div>').format(Markup("").join(rows))


def _row(name: str, drawing: Markup, value: str) -> Markup:
    return Markup('<span class="name" title="{}">{}</span>{}<span class="value">{}</span>').format(
        name, cut(name, 28), drawing, value
    )


def gauge(m: Measure) -> Markup:
    """A share of 0 … 100 % on a line, its interval thick."""
    words = f"{axis.percent(m.value, m.n)}, 95 % interval {axis.percent(m.low, m.n)} to {axis.percent(m.high, m.n)}"
    marks = [line(at(i / 10), 8, at(i / 10), 16, "grid") for i in range(11)]
    names = [
        text(at(i), 32, f"{i * 100:.0f} %", "tick", anchor) for i, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    ]
    ends = element("rect", x=at(m.low), y=7, width=at(m.high - m.low), height=10, rx=5, class_="range")
    track = element("rect", x=0, y=10, width="100%", height=4, rx=2, class_="track")
    fill = element("rect", x=0, y=10, width=at(m.value), height=4, rx=2, class_="fill")
    return strip(words, *marks, track, fill, ends, dot(at(m.value), 12, 6, "dot c0"), *names, class_="strip gauge")
