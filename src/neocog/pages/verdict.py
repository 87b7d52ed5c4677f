"""What a reader should know before believing the headline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from neocog.metrics import PERCENT
from neocog.records import Findings, Matrix, Measure, Section
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import Grade, Outcome
from neocog.robustness.outcome import Verdict as Found

Tone = Literal["good", "caution", "bad"]
FEW = 100  # independent test samples, or groups, below which a measure is an anecdote


@dataclass(frozen=True)
class Verdict:
    """One line under the headline."""

    tone: Tone
    text: str


def verdicts(name: str, measure: Measure, sections: Sequence[Section]) -> list[Verdict]:
    """On the data's faults, on the size of the test part, and on what guessing would give."""
    return [*_findings(sections), *_size(name, measure), *_guessing(name, measure, sections)]


def tried(stress: Mapping[str, Outcome]) -> list[Verdict]:
    """What ``neocog stress`` found, a line each, and in one line what was not tried; nothing where it never ran."""
    every = [verdict for outcome in stress.values() for verdict in outcome.verdicts]
    tones: dict[Grade, Tone] = {"passed": "good", "doubtful": "caution", "failed": "bad"}
    lines = [Verdict(tones[each.grade], _line(each)) for each in every if each.grade in tones]
    without = [PARTS[part].title for part in PARTS if part not in stress]
    without += [each.what for each in every if each.grade not in tones]
    if stress and without:
        lines.append(Verdict("caution", f"Stress, not tried: {', '.join(dict.fromkeys(without))}."))
    return lines


def _line(found: Found) -> str:
    numbers = "" if math.isnan(found.number) else f": {found.number:.3g}, where {found.threshold:.3g} passes"
    return f"Stress, {found.what[:1].lower()}{found.what[1:]}: {found.grade}{numbers}."


def _findings(sections: Sequence[Section]) -> list[Verdict]:
    items = [item for section in sections for item in section.items if isinstance(item, Findings)]
    if not items:
        return []
    found = [finding for item in items for finding in item.findings]
    errors = [f.what for f in found if f.severity == "error"]
    warnings = [f.what for f in found if f.severity == "warning"]
    lines = [Verdict("bad", f"The audit found a fault in the data: {what}") for what in errors[:3]]
    lines += [Verdict("caution", f"The audit warns: {what}") for what in warnings[: 3 - len(lines)]]
    rest = len(errors) + len(warnings) - len(lines)
    if rest:
        lines.append(Verdict("caution", f"… and {rest} more such findings, below."))
    if lines:
        return lines
    return [Verdict("good", "The audit found no leak between the parts and no other fault in the data.")]


def _size(name: str, m: Measure) -> list[Verdict]:
    """How surely the test part says it; what counts is what is independent: 120 images of 3 patients are few."""
    counted = m.counted("test samples")
    if not (math.isfinite(m.low) and math.isfinite(m.high)):
        return [Verdict("caution", f"No interval can be given: {counted} are too few that are independent.")]
    half = (m.high - m.low) / 2
    width = f"{half * 100:.1f} points" if name in PERCENT else f"{half:.3g}"
    if (m.n if m.units is None else m.units) < FEW:
        return [Verdict("bad", f"{counted} are few: the true value may well lie {width} away.")]
    close = half <= (0.025 if name in PERCENT else 0.1 * abs(m.value))
    tone: Literal["good", "caution"] = "good" if close else "caution"
    return [Verdict(tone, f"{counted} pin it down to about ± {width}.")]


def _guessing(name: str, m: Measure, sections: Sequence[Section]) -> list[Verdict]:
    """Accuracy beside that of always naming the most frequent class."""
    tables = [i for s in sections if s.name == "confusion" for i in s.items if isinstance(i, Matrix)]
    if name != "accuracy" or not tables:
        return []
    totals = [sum(row) for row in tables[0].values]
    if not sum(totals):
        return []
    share, most = max(totals) / sum(totals), tables[0].rows[totals.index(max(totals))]
    words = f"Always answering “{most}” would be right in {share * 100:.1f} % of the test samples"
    if m.low > share:
        return [Verdict("good", f"{words}; the network is clearly better.")]
    return [Verdict("bad", f"{words}: the network is not clearly better than that.")]
