"""What ``neocog stress`` found of a run, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from neocog.errors import pick
from neocog.pages.record import read
from neocog.pages.stress import outcomes
from neocog.pages.verdict import Line, card, tried
from neocog.results.frames import frame
from neocog.robustness.outcome import Outcome
from neocog.robustness.thresholds import in_force
from neocog.run import Run


@dataclass(frozen=True)
class Stress:
    """``run.stress``: a table is had by its name, ``found["corruption"]``; ``list(found.tables)`` has them all."""

    run: Run

    @property
    def verdicts(self) -> Any:
        """A row a verdict: part, what, grade ("passed", "doubtful", "failed", "not tried"), number, threshold, sentence."""
        return frame(
            [{"part": part, **asdict(v)} for part, found in outcomes(self.run).items() for v in found.verdicts]
        )

    @property
    def card(self) -> Any:
        """A row a line at the head of the report, of the run itself and of every part, tried or not; as ``verdicts``, with section
        and command. Before the run has ended, the parts alone."""
        return frame([line.to_json() for line in self.lines])

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those of the card."""
        run = self.run
        return card(read(run)) if run.result.is_file() else tuple(tried(outcomes(run), str(run.folder)))

    @property
    def tables(self) -> dict[str, Any]:
        """{name: frame} of the tables, which also lie in ``stress/NAME.csv``."""
        return {name: frame(rows) for name, rows in _rows(outcomes(self.run)).items()}

    def __getitem__(self, name: str) -> Any:
        return pick(self.tables, name, "table of stress")

    def to_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        found = outcomes(self.run)
        return {
            "run": str(self.run.folder),
            "card": [line.to_json() for line in self.lines],
            "thresholds": {name: asdict(bound) for name, bound in in_force(self.run).items()},
            "verdicts": {part: [asdict(v) for v in each.verdicts] for part, each in found.items()},
            "tables": _rows(found),
        }


def _rows(found: Mapping[str, Outcome]) -> dict[str, list[dict[str, Any]]]:
    """{table: its rows}."""
    return {
        name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for each in found.values()
        for name, table in each.tables.items()
    }
