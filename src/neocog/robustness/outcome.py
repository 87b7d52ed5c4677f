"""What a part of ``neocog stress`` found: tables, sections of the report, verdicts. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from neocog.metrics import PERCENT
from neocog.records import Measure, Section, Table

Grade = Literal["passed", "doubtful", "failed", "not tried"]
GRADES: tuple[Grade, ...] = ("passed", "doubtful", "failed")  # of what was measured


@dataclass(frozen=True)
class Verdict:
    """One line of the card. Nothing is "passed" that was not measured.

    ``bound``: by which threshold of thresholds.toml ``number`` is graded ("": by the part itself), to a grade between ``best`` and
    ``worst``, which is what the evidence allows; ``thresholds.graded`` makes one.
    """

    what: str
    grade: Grade
    sentence: str
    number: float = math.nan
    threshold: float = math.nan
    bound: str = ""
    best: Grade = "passed"
    worst: Grade = "failed"


@dataclass(frozen=True)
class Outcome:
    """``tables`` by the name of their file: each is written as ``stress/NAME.csv``, its numbers in full.

    ``flags``: those of the call that found it; ``again``: those with which a call goes on with what was not tried, None where
    none would.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    flags: str = ""
    again: str | None = ""

    @property
    def measured(self) -> bool:
        """Whether anything was."""
        return any(each.grade != "not tried" for each in self.verdicts)


def not_tried(what: str, why: str) -> Outcome:
    """Of a part that these data do not allow, or that there was no time for."""
    return Outcome(verdicts=(Verdict(what, "not tried", why),))


def bounds(m: Measure) -> tuple[float | None, float | None]:
    """Of a measure's interval, in a table; None where there is none."""
    low, high = (None if math.isnan(bound) else bound for bound in (m.low, m.high))
    return low, high


def shown(name: str, m: Measure) -> str:
    """A measure with its interval, in a sentence: "91.2 % (89.0 – 93.1)", "0.412 (0.39 – 0.44)"."""
    many = 100 if name in PERCENT else 1
    bounds = f" ({many * m.low:.4g} – {many * m.high:.4g})" if math.isfinite(m.low) else ""
    return f"{many * m.value:.4g}{' %' * (many == 100)}{bounds}"
