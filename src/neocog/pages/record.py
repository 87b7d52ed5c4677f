"""What lies in a run folder, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neocog.documents import WRONG, parse_toml, read_json, read_text, rows
from neocog.errors import UserError
from neocog.facts import insist, read_facts
from neocog.metrics.stored import stored_measure
from neocog.pages.sections import FIX, sections_from_json
from neocog.pages.stress import outcomes
from neocog.records import Measure, Section
from neocog.robustness.outcome import Outcome
from neocog.robustness.thresholds import Thresholds, in_force, usual
from neocog.run import Run

# Of result.json, whose measures are looked at one by one
RESULT: dict[str, Any] = {
    "task": str, "model": str, "parameters": int, "classes": tuple[str, ...], "epochs": int,
    "n": dict.fromkeys(("train", "validation", "test"), int),
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """A finished run. Files that only add to the picture (config, environment, metrics) may be missing."""

    run: Run
    result: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Measure]]  # part: {name: measure}
    sections: tuple[Section, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Mapping[str, str], ...] = ()
    stress: Mapping[str, Outcome] = field(default_factory=dict)  # what ``neocog stress`` found since, by its parts
    thresholds: Thresholds = field(default_factory=usual)  # by which it is graded

    @property
    def name(self) -> str:
        return self.run.folder.resolve().name


def read(run: Run) -> Record:
    """Everything the report needs. Raises UserError naming the file that is missing or damaged."""
    if not run.result.exists():
        fix = f"has the run ended? `neocog resume {run.folder}` finishes it"
        raise UserError("no result.json in the run folder", str(run.folder), fix)
    result = read_json(run.result)
    insist(result, RESULT, run.result)
    try:
        measures = {
            part: {name: stored_measure(m) for name, m in found.items()} for part, found in result["measures"].items()
        }
    except (*WRONG, UserError) as error:
        raise UserError(f"no measures that can be read: {error!r}", str(run.result), "evaluate the run again") from None
    if not measures.get("test"):
        raise UserError("no measures of the test part", str(run.result), "evaluate the run again")
    return Record(
        run,
        result,
        measures,
        tuple(sections_from_json(read_text(run.sections, FIX), str(run.sections))),
        parse_toml(read_text(run.config), run.config) if run.config.exists() else {},
        read_json(run.environment) if run.environment.exists() else {},
        tuple(rows(run.metrics_csv)) if run.metrics_csv.exists() else (),
        outcomes(run),
        in_force(run),
    )


def table(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of settings or of the environment; {} where there is none."""
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def sections_of_folds(record: Record) -> Iterator[Section]:
    """The sections of each fold, where the run has folds; a fold that is not there any more has none."""
    for fold in record.result.get("folds") or ():
        path = Run(record.run.folder / Path(str(fold)).name).sections
        if path.is_file():
            yield from sections_from_json(read_text(path, FIX), str(path))


def periods(run: Run) -> tuple[float, ...]:
    """(V,) after how much each of a run's targets comes round again, as it was learned; 0 of what is no angle."""
    return tuple(map(float, read_facts(run).get("periods", ())))
