"""A confusion matrix as a heat map: right answers in one colour, wrong ones in another."""

from __future__ import annotations

import math

from markupsafe import Markup

from neocog.pages.axis import short
from neocog.pages.marks import cut, element, figure, text
from neocog.records import Matrix

LETTER = 6.2  # width of a letter of the labels
SMALL = 20.0  # a cell without room for a number


def matrix(item: Matrix) -> Markup:
    """Colour is the share of its row (square root, so that few mistakes show); numbers are counts, where they fit."""
    rows, columns = len(item.rows), len(item.columns)
    cell = 40.0 if columns <= 6 else 34.0 if columns <= 12 else 27.0 if columns <= 25 else max(11.0, 760.0 / columns)
    font = min(11.0, cell * 0.85)
    most = 14
    longest = max((len(cut(name, most)) for name in (*item.rows, *item.columns)), default=1)
    margin = longest * LETTER * font / 11 + 26
    slanted = longest * LETTER * font / 11 > cell - 4
    head = margin if slanted else 42.0
    width, height = margin + columns * cell + 4, head + rows * cell + 4
    square = item.rows == item.columns
    drawn = []
    if cell < SMALL:  # one backdrop instead of thousands of empty cells
        drawn.append(element("rect", x=margin, y=head, width=columns * cell, height=rows * cell, class_="cell"))
    for i, row in enumerate(item.values):
        counts = [count if math.isfinite(count) else 0.0 for count in row]
        total = sum(counts)
        for j, count in enumerate(counts):
            if count or cell >= SMALL:
                share = count / total if total else 0.0
                drawn += _cell(item, i, j, count, share, margin + j * cell, head + i * cell, cell, square)
    for i, name in enumerate(item.rows):
        drawn.append(_label(margin - 7, head + (i + 0.5) * cell + font * 0.35, name, "end", font))
    for j, name in enumerate(item.columns):
        x, y = margin + (j + 0.5) * cell, head - 7
        if slanted:
            x += font * 0.35
            turned = f"rotate(-90 {x:.1f} {y:.1f})"
            drawn.append(_label(x, y, name, "start", font, turned))
        else:
            drawn.append(_label(x, y, name, "middle", font))
    middle = head + rows * cell / 2
    drawn.append(text(margin + columns * cell / 2, 12, item.column_title, "axis", "middle"))
    turned = f"rotate(-90 12 {middle:.1f})"
    drawn.append(element("text", item.row_title, x=12, y=middle, class_="axis", text_anchor="middle", transform=turned))
    title = f"Counts of {item.row_title} by {item.column_title}, {rows} rows and {columns} columns"
    drawing = figure(width, height, title, *drawn, class_="matrix" if columns <= 12 else "matrix wide", natural=width)
    return Markup('<div class="scroll">{}</div>').format(drawing)


def _cell(
    item: Matrix, i: int, j: int, count: float, share: float, x: float, y: float, cell: float, square: bool
) -> list[Markup]:
    inside = cell - (1.5 if cell >= SMALL else 0.4)
    box: dict[str, str | float] = {"x": x, "y": y, "width": inside, "height": inside, "rx": cell / 12}
    if not count:
        return [element("rect", **box, class_="cell")]
    number = f"{count:,.0f}" if count.is_integer() else short(count)
    tip = f"{item.row_title} {item.rows[i]}, {item.column_title} {item.columns[j]}: {number} ({share * 100:.1f} % of the row)"
    right = i == j or not square
    opacity = 0.12 + 0.88 * (share if right else math.sqrt(share))
    colour = "heat right" if right else "heat wrong"
    drawn = [element("rect", element("title", tip), **box, class_=colour, fill_opacity=opacity)]
    size = min(cell * 0.36, cell * 1.45 / len(number))
    if cell >= SMALL and size >= 6:
        strong = "count strong" if opacity > 0.55 else "count"
        middle, foot = x + inside / 2, y + inside / 2 + size * 0.36
        drawn.append(element("text", number, x=middle, y=foot, class_=strong, text_anchor="middle", font_size=size))
    return drawn


def _label(x: float, y: float, name: str, anchor: str, font: float, turned: str = "") -> Markup:
    more = {"transform": turned} if turned else {}
    words = [element("title", name), cut(name, 14)]
    return element("text", *words, x=x, y=y, class_="label", text_anchor=anchor, font_size=font, **more)
