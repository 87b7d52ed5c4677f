"""Points in a plane as SVG, with the line on which they would lie if all were right, or coloured by what they belong to."""

from __future__ import annotations

import math

from markupsafe import Markup

from neocog.pages import axis
from neocog.pages.marks import Point, dot, figure, line, path, text
from neocog.pages.plots import BOTTOM, LEFT, RIGHT, TOP, WIDTH
from neocog.records import Scatter

HEIGHT = 300.0
COLOURS = 12  # .c0 … .c11 of the style sheet


def scatter(item: Scatter) -> Markup:
    """One dot a point; the ideal is y = x, or y = 0 for residuals, or there is none and both axes have one unit."""
    groups = item.groups or ("",) * len(item.x)
    every = zip(item.x, item.y, groups, strict=True)
    points = [(x, y, group) for x, y, group in every if math.isfinite(x) and math.isfinite(y)]
    square = item.ideal != "zero"
    height = WIDTH - LEFT - RIGHT + TOP + BOTTOM if square else HEIGHT
    if not points:
        return figure(WIDTH, 60, f"{item.y_label}: no values", text(WIDTH / 2, 34, "no values", "tick", "middle"))
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    if square:
        xs = ys = [*xs, *ys]
    else:
        ys = [*ys, 0.0]
    across, up = axis.ticks(min(xs), max(xs)), axis.ticks(min(ys), max(ys))

    def place(x: float, y: float) -> Point:
        return (
            LEFT + (x - across[0]) / (across[-1] - across[0]) * (WIDTH - LEFT - RIGHT),
            height - BOTTOM - (y - up[0]) / (up[-1] - up[0]) * (height - TOP - BOTTOM),
        )

    drawn = [line(LEFT, place(0, y)[1], WIDTH - RIGHT, place(0, y)[1], "grid") for y in up]
    drawn += [text(LEFT - 8, place(0, y)[1] + 4, axis.label(y, up), "tick", "end") for y in up]
    drawn += [text(place(x, 0)[0], height - BOTTOM + 17, axis.label(x, across), "tick", "middle") for x in across]
    drawn.append(text((LEFT + WIDTH - RIGHT) / 2, height - 4, item.x_label, "axis", "middle"))
    first, last = across[0], across[-1]
    if item.ideal != "none":
        ends = ((first, first), (last, last)) if item.ideal == "diagonal" else ((first, 0.0), (last, 0.0))
        drawn.append(path([place(x, y) for x, y in ends], "diagonal"))
    colour = {name: f"c{index % COLOURS}" for index, name in enumerate(sorted(set(groups)))}
    faint = "" if item.groups else " faint"
    for x, y, group in points:
        tip = f"{group}: {axis.short(x)}, {axis.short(y)}" if group else f"{axis.short(x)}, {axis.short(y)}"
        drawn.append(dot(*place(x, y), 2.2, f"dot {colour[group]}{faint}", tip))
    return figure(WIDTH, height, f"{item.y_label} against {item.x_label}, {len(points):,} points", *drawn)
