"""What a part of ``neocog stress`` found: tables, sections of the report, verdicts. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from neocog.records import Section, Table

Grade = Literal["passed", "doubtful", "failed", "not tried"]


@dataclass(frozen=True)
class Verdict:
    """One line of the card. Nothing is "passed" that was not measured."""

    what: str
    grade: Grade
    sentence: str
    number: float = math.nan
    threshold: float = math.nan


@dataclass(frozen=True)
class Outcome:
    """``tables`` by the name of their file: each is written as ``stress/NAME.csv``, its numbers in full."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def not_tried(what: str, why: str) -> Outcome:
    """Of a part that these data do not allow, or that there was no time for."""
    return Outcome(verdicts=(Verdict(what, "not tried", why),))
