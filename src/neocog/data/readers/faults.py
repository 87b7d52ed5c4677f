"""Faults of a table's rows, gathered so that all are told at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from neocog.errors import UserError, listed, printable


@dataclass
class Faults:
    """What is wrong, by kind of fault, each with the lines that it is on."""

    lines: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, fix: str, line: int, value: str) -> None:
        self.lines[what, fix].append(f"line {line} '{value[:80]}'")

    def errors(self, file: Path) -> list[UserError]:
        return [
            UserError(f"{len(lines)} × {what}", f"{printable(str(file))}: {listed(lines)}", fix)
            for (what, fix), lines in self.lines.items()
        ]
