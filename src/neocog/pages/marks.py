"""SVG out of small pieces. All text is escaped here; colours are CSS classes, so that a page can be light or dark."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

Point = tuple[float, float]


def element(tag: str, *children: str | Markup, **attributes: str | float) -> Markup:
    """``<tag …>children</tag>``; ``class_`` is class, ``font_size`` is font-size; plain strings are escaped."""
    inside = "".join(map(escape, children))
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"' for name, value in attributes.items())
    return Markup(f"<{tag}{given}>{inside}</{tag}>")  # noqa: S704  every part was escaped


def figure(
    width: float, height: float, title: str, *children: Markup, class_: str = "plot", natural: float | None = None
) -> Markup:
    """A drawing that scales with the page (or is ``natural`` pixels wide), with a title for those who cannot see it."""
    view = f"0 0 {_text(width)} {_text(height)}"
    size = Markup(' width="{}"').format(_text(natural)) if natural else ""
    return Markup('<svg class="{}" viewBox="{}"{} role="img" aria-label="{}">{}</svg>').format(
        class_, view, size, title, Markup("").join(children)
    )


def strip(title: str, *children: Markup, class_: str = "strip") -> Markup:
    """A drawing whose x coordinates are percentages: it stretches, its marks and letters do not."""
    return Markup('<svg class="{}" role="img" aria-label="{}">{}</svg>').format(
        class_, title, Markup("").join(children)
    )


def text(x: str | float, y: float, words: str, class_: str = "", anchor: str = "start") -> Markup:
    return element("text", words, x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: str | float, y1: float, x2: str | float, y2: float, class_: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[Point], class_: str) -> Markup:
    return element("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


def band(upper: Sequence[Point], lower: Sequence[Point], class_: str) -> Markup:
    ring = [*upper, *reversed(lower)]
    return element("path", d="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z", class_=class_)


def dot(x: str | float, y: float, radius: float, class_: str, tip: str = "") -> Markup:
    return element("circle", *([element("title", tip)] if tip else []), cx=x, cy=y, r=radius, class_=class_)


def at(share: float) -> str:
    """A share of the width, for ``strip``."""
    return f"{share * 100:.3f}%"


def cut(words: str, most: int) -> str:
    """A label of at most ``most`` letters."""
    return words if len(words) <= most else words[: most - 1] + "…"


def _text(value: str | float) -> str:
    return str(escape(value)) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
