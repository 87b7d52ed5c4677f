"""One self-contained HTML page out of records: no network, no script needed to read it."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from neocog.metrics import PERCENT, title
from neocog.pages import confusion, plots
from neocog.pages.axis import percent, short
from neocog.pages.paper import methods
from neocog.pages.paper import section as for_the_paper
from neocog.pages.record import Record, read
from neocog.pages.scatter import scatter
from neocog.pages.stress import stress_sections
from neocog.pages.verdict import Line, Tone, card
from neocog.records import Bars, Curves, Item, Matrix, Measure, Scatter, Section, Table, Whiskers
from neocog.run import Run, to_json, write_atomically

# "+1.5", "< 0.001", "= 0.020", "97.8 %", "0.92 – 0.97", "−0.1 to +0.2"; not "7", which may be a class
NUMBER = re.compile(r"[+−<=] ?[\d.,]+|[\d.,]+ %|[+−]?[\d.,]+ (–|to) [+−]?[\d.,]+")
HERE = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Remark:
    """A sentence under the headline."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class Head:
    """The top of a page. ``card``: what was tried; ``facts`` are pairs of a name and a value; ``gauge`` draws the interval."""

    title: str
    eyebrow: str
    value: str = ""
    label: str = ""
    sentence: str = ""
    gauge: Markup = field(default_factory=Markup)
    remarks: Sequence[Remark] = ()
    card: Sequence[Line] = ()
    facts: Sequence[tuple[str, str]] = ()


def write_report(run: Run, out: Path | None = None) -> Path:
    """Write ``report.html`` into the run folder (or to ``out``) from the files there. Raises UserError for a damaged one."""
    record = read(run)
    return _write(record, head_of(record), out or run.report)


def write_card(run: Run) -> None:
    """Write what the card says, and the methods, into the run's ``result.json``; then its report."""
    record = read(run)
    head = head_of(record)
    found = {"card": [line.to_json() for line in head.card], "methods": methods(record, head.card)}
    write_atomically(run.result, to_json({**record.result, **found}))
    _write(record, head, run.report)


def _write(record: Record, head: Head, target: Path) -> Path:
    settings = record.run.config.read_text(encoding="utf-8") if record.settings else ""
    sections = [*record.sections, *stress_sections(record.stress), for_the_paper(record, head.card)]
    write_atomically(target, page(head, sections, settings))
    return target


def page(head: Head, sections: Sequence[Section], settings: str = "") -> str:
    """The text of the page."""
    names = [section.name or f"section-{i}" for i, section in enumerate(sections)]
    style, script = asset("style.css"), asset("script.js")
    rendered: str = (
        templates()
        .get_template("page.html")
        .render(
            head=head,
            sections=list(zip(names, sections, strict=True)),
            settings=settings,
            style=Markup(style),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            anchors=True,
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )
    return rendered


def head_of(record: Record) -> Head:
    """The headline measure of the test part, what to know before believing it, and the run's facts."""
    result = record.result
    name, m = next(iter(record.measures["test"].items()))
    value = percent(m.value, m.n) if name in PERCENT else short(m.value)
    who = "the networks of the folds" if "folds" in result else "the network"
    sentence = f"measured on {m.counted('test samples')} that {who} had not seen"
    sentence += "; the final network was trained on all of them" if "refit" in result else ""
    return Head(
        title=f"{record.name} · neocog",
        eyebrow=f"{result.get('task', '')} · {record.name}",
        value=value,
        label=title(name),
        sentence=f"{interval(name, m)}, {sentence}." if math.isfinite(m.low) else f"{sentence.capitalize()}.",
        gauge=_gauge(name, m),
        card=card(record),
        facts=_facts(result),
    )


def interval(name: str, m: Measure) -> str:
    """The interval in words."""
    if not math.isfinite(m.low):
        return "too few independent samples for an interval"
    if name in PERCENT:
        return f"95 % interval {percent(m.low, m.n)[:-2]} – {percent(m.high, m.n)}"
    return f"95 % interval {short(m.low)} – {short(m.high)}"


def _gauge(name: str, m: Measure) -> Markup:
    if name not in PERCENT or not math.isfinite(m.low):
        return Markup()
    return plots.gauge(m)


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What fits in a few words; a fact that the result does not hold is left out."""
    facts = [("model", str(result.get("model", "")))]
    if isinstance(count := result.get("parameters"), int):
        facts.append(("parameters", f"{count:,}"))
    if classes := result.get("classes"):
        facts.append(("classes", f"{len(classes):,}" if isinstance(classes, list) else str(classes)))
    for part, number in (result.get("n") or {}).items():
        facts.append((f"{part} samples", f"{number:,}"))
    if isinstance(epochs := result.get("epochs"), int):
        facts.append(("epochs", f"{epochs:,}"))
    if isinstance(seconds := result.get("seconds"), int | float):
        facts.append(("training time", duration(seconds)))
    if isinstance(speed := result.get("images_per_second"), int | float):
        facts.append(("images per second", f"{speed:,.0f}"))
    if precision := result.get("precision"):
        facts.append(("precision", str(precision)))
    return facts


def duration(seconds: float) -> str:
    """Seconds for people: 41 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def draw(item: Item) -> Markup:
    """The SVG of an item that is a drawing."""
    if isinstance(item, Curves):
        return plots.curves(item)
    if isinstance(item, Bars):
        return plots.bars(item)
    if isinstance(item, Whiskers):
        return plots.whiskers(item)
    if isinstance(item, Scatter):
        return scatter(item)
    if isinstance(item, Matrix):
        return confusion.matrix(item)
    raise TypeError(f"a {item.kind} is no drawing")


def beside(items: Sequence[Item]) -> list[list[Item]]:
    """Items in order, neighbouring small plots together, so that they can stand side by side."""
    groups: list[list[Item]] = []
    for item in items:
        small = isinstance(item, Curves | Bars | Scatter) and not (isinstance(item, Bars) and len(item.labels) > 40)
        if groups and small and isinstance(groups[-1][-1], Curves | Scatter):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def cell(value: str | float | None) -> str:
    """A table cell's text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "—"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) < 1e-3 else f"{value:,.4f}"


def numeric(table: Table) -> list[bool]:
    """For each column, whether its cells are numbers (and stand right-aligned)."""
    columns = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    return [all(_is_number(value) for value in column) for column in columns]


def _is_number(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return value == "—" or bool(NUMBER.fullmatch(value))


@cache
def templates() -> Environment:
    """Jinja's, which escape whatever they are given."""
    loader = FileSystemLoader(HERE)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals.update(draw=draw, cell=cell, colours=plots.colours, numeric=numeric)
    made.filters["beside"] = beside
    return made


@cache
def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return (HERE / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """What the page's content security policy allows: exactly this style and this script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
