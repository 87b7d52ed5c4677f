"""What ``neocog stress`` left in a run folder, read and checked, and as sections of the report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neocog.documents import expected, read_json
from neocog.errors import UserError
from neocog.records import ITEMS, Item, Section, Table
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import Outcome, Verdict
from neocog.robustness.thresholds import in_force, regraded
from neocog.run import Run
from neocog.typed import listing, typed

FOLDER = "stress"
FIX = "`neocog stress {run} {part}` makes it anew"


def _fix(path: Path) -> str:
    """Of a part's file: other parts, tried again, would leave it damaged."""
    return FIX.format(run=shlex.quote(str(path.parent.parent)), part=path.stem)


def stored_outcome(content: Mapping[str, Any], path: Path) -> Outcome:
    """What PART.json says. Raises UserError for a damaged one."""
    try:
        with expected(path, _fix(path)):
            tables = {str(name): typed(Table, table, name) for name, table in content["tables"].items()}
            sections = [
                typed(Section, each, "section", {Item: ITEMS}) for each in listing(content["sections"], "sections")
            ]
            verdicts = [typed(Verdict, each, "verdict") for each in listing(content["verdicts"], "verdicts")]
            again, flags = content.get("again", ""), typed(str, content.get("flags", ""), "flags")
            if not isinstance(again, str | None):
                raise TypeError("again: text or null")
    except UserError as error:  # which names a field
        raise UserError(error.what, str(path), error.fix or _fix(path)) from None
    return Outcome(tables, tuple(sections), tuple(verdicts), flags, again)


def outcomes(run: Run) -> dict[str, Outcome]:
    """{part: what it found}, in the order of the parts, graded by the run's thresholds. Raises UserError for a damaged file."""
    paths = {name: run.folder / FOLDER / f"{name}.json" for name in PARTS}
    thresholds = in_force(run)
    found = {name: stored_outcome(read_json(path, _fix(path)), path) for name, path in paths.items() if path.exists()}
    return {
        name: replace(each, verdicts=tuple(regraded(verdict, thresholds) for verdict in each.verdicts))
        for name, each in found.items()
    }


def stress_sections(found: Mapping[str, Outcome]) -> tuple[Section, ...]:
    """The sections of all parts."""
    return tuple(each for outcome in found.values() for each in outcome.sections)
