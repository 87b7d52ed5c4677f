"""What lies in a run folder, read and checked."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neocog.errors import UserError
from neocog.measures.stored import stored_measure
from neocog.pages.sections import sections_from_json
from neocog.run import Measure, Run, Section


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

    @property
    def name(self) -> str:
        return self.run.folder.resolve().name


def read(run: Run) -> Record:
    """Everything the report needs. Raises UserError naming the file that is missing or damaged."""
    result = _json(run.result)
    try:
        measures = {
            part: {name: stored_measure(m) for name, m in found.items()} for part, found in result["measures"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"no measures that can be read: {error!r}", str(run.result), "evaluate the run again") from None
    if not measures.get("test"):
        raise UserError("no measures of the test part", str(run.result), "evaluate the run again")
    return Record(
        run,
        result,
        measures,
        tuple(sections_from_json(_text(run.sections), str(run.sections))),
        _settings(run.config),
        _json(run.environment) if run.environment.exists() else {},
        tuple(rows(run.metrics)) if run.metrics.exists() else (),
    )


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows by column name. Raises UserError where a row has more or fewer cells than the head."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot be read: {error}", str(path)) from None
    head = table[0] if table else []
    for number, row in enumerate(table[1:], 2):
        if len(row) != len(head):
            raise UserError(f"line {number} has {len(row)} cells, the head has {len(head)}", str(path))
    return [dict(zip(head, row, strict=True)) for row in table[1:]]


def periods(run: Run) -> tuple[float, ...]:
    """(V,) after how much each of a run's quantities comes round again, as it was learned; 0 of what is no angle."""
    return tuple(map(float, _json(run.model).get("periods", ())))


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not valid TOML: {error}", str(path)) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"not valid JSON: {error}", str(path)) from None
    if not isinstance(value, dict):
        raise UserError(f"expected an object, found {type(value).__name__}", str(path))
    return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = f"has the run ended? `neocog resume {path.parent}` finishes it"
        raise UserError(f"no {path.name} in the run folder", str(path.parent), fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", str(path)) from None
