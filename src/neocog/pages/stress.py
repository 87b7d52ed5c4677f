"""What ``neocog stress`` left in a run folder, read and checked, and as a chapter of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neocog.documents import expected, read_json
from neocog.records import ITEMS, Item, Section, Table
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import Outcome, Verdict
from neocog.run import Run
from neocog.typed import listing, typed

FOLDER = "stress"
FIX = "run `neocog stress` again"


def stored_outcome(content: Mapping[str, Any], path: Path) -> Outcome:
    """What PART.json says. Raises UserError for a damaged one."""
    with expected(path, FIX):
        tables = {str(name): typed(Table, table, name) for name, table in content["tables"].items()}
        sections = [typed(Section, each, "section", {Item: ITEMS}) for each in listing(content["sections"], "sections")]
        verdicts = [typed(Verdict, each, "verdict") for each in listing(content["verdicts"], "verdicts")]
    return Outcome(tables, tuple(sections), tuple(verdicts))


def outcomes(run: Run) -> dict[str, Outcome]:
    """{part: what it found}, in the order of the parts. Raises UserError for a damaged file."""
    paths = {name: run.folder / FOLDER / f"{name}.json" for name in PARTS}
    return {name: stored_outcome(read_json(path, FIX), path) for name, path in paths.items() if path.exists()}


def chapter(found: Mapping[str, Outcome]) -> tuple[Section, ...]:
    """The verdicts of all parts, then the parts' own sections."""
    rows = [
        (verdict.what, verdict.grade, _cell(verdict.number), _cell(verdict.threshold), verdict.sentence)
        for outcome in found.values()
        for verdict in outcome.verdicts
    ]
    if not found:
        return ()
    table = Table(("what", "verdict", "measured", "threshold", "in words"), tuple(rows))
    return (Section("Stress", (table,), "stress"), *(each for outcome in found.values() for each in outcome.sections))


def _cell(value: float) -> float | None:
    return None if math.isnan(value) else value
