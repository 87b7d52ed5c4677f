"""The card at the head of a report: what was tried of a run, and whether it passed. Nothing passes that was not measured."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from neocog.metrics import PERCENT, lower_is_better, title
from neocog.metrics.stored import stored_measure
from neocog.pages.record import Record, sections_of_folds, table
from neocog.pages.stress import stress_sections
from neocog.records import Findings, Matrix, Measure, Section
from neocog.robustness.names import PARTS
from neocog.robustness.outcome import GRADES, Grade, Outcome, Verdict, shown
from neocog.robustness.thresholds import OWN, Thresholds, regraded
from neocog.traits import TASKS, needs, task_of

Tone = Literal["good", "caution", "bad", "open"]
TONES: Mapping[Grade, Tone] = {"passed": "good", "doubtful": "caution", "failed": "bad", "not tried": "open"}
LISTED = 3  # findings that a line names
SIZE, INSIDE = "Sample size", "Inside: "


@dataclass(frozen=True)
class Line:
    """A line of the card. ``section``: of the report, where it is shown; ``command``: what tries it, where it was not;
    ``flags``: of the call that measured it."""

    verdict: Verdict
    section: str = ""
    command: str = ""
    flags: str = ""

    @property
    def tone(self) -> Tone:
        return TONES[self.verdict.grade]

    @property
    def words(self) -> str:
        """What was found, and with which flags."""
        return f"{self.verdict.sentence} (With {self.flags}.)" if self.flags else self.verdict.sentence

    @property
    def numbers(self) -> str:
        """What was measured, and from which number on it passes."""
        if math.isnan(self.verdict.number):
            return ""
        passes = "" if math.isnan(self.verdict.threshold) else f", passes at {self.verdict.threshold:.3g}"
        return f"{self.verdict.number:.3g}{passes}"

    def to_json(self) -> dict[str, Any]:
        """{"what", "grade", "sentence", "number", "threshold", "section", "command", "flags"}."""
        known = asdict(self.verdict)
        kept = ("what", "grade", "sentence", "number", "threshold")
        return {
            **{name: known[name] for name in kept},
            "section": self.section,
            "command": self.command,
            "flags": self.flags,
        }


def card(record: Record) -> tuple[Line, ...]:
    """Of every run its data, its samples, its measure, a new place and its probabilities; then what each part of stress found."""
    every = [*record.sections, *sections_of_folds(record)]
    name, measure = next(iter(record.measures["test"].items()))
    own = (
        data(every, str(table(record.settings, "data").get("data", "DATA"))),
        sample_size(name, measure, record.thresholds),
        known_place(name, measure, every),
        new_place(name, record.result.get("groups") or {}, bool(measure.units)),
        calibration(record.measures["test"]),
    )
    there = {section.name for section in (*record.sections, *stress_sections(record.stress))}
    return tuple(
        replace(line, verdict=regraded(line.verdict, record.thresholds), section=_link(line.section, there))
        for line in (*own, *tried(record.stress, str(record.run.folder), _labels(record)))
    )


def _labels(record: Record) -> str:
    """What the run's task needs; "" also where its package is gone."""
    task = str(record.result.get("task", task_of("classes")))
    return needs(task) if TASKS.knows(task) else ""


def _link(section: str, there: set[str]) -> str:
    """A section that the report has: of folds, all of what is of the folds stands in one."""
    return section if section in there else "folds" if section and "folds" in there else ""


def tried(stress: Mapping[str, Outcome], run: str, labels: str | None = None) -> Iterable[Line]:
    """The verdicts of each part of ``neocog stress``, and how to run those that were not, of those for such ``labels``
    (None: all)."""
    for name, part in PARTS.items():
        command = f"neocog stress {shlex.quote(run)} {name}"
        found = stress.get(name, Outcome())
        again, verdicts = found.again, found.verdicts
        place = next((section.name for section in found.sections), "")
        for verdict in verdicts:
            goes_on = verdict.grade == "not tried" and again is not None
            flags = "" if verdict.grade == "not tried" else found.flags
            yield Line(verdict, place, f"{command} {again}".strip() if goes_on else "", flags)
        if not verdicts and (labels is None or labels in part.labels):
            yield Line(Verdict(part.title, "not tried", f"{part.help[:1].upper()}{part.help[1:]}."), "", command)


def data(sections: Sequence[Section], source: str) -> Line:
    """What the audit found, which looks for leaks between the parts before a training."""
    items = [item for section in sections for item in section.items if isinstance(item, Findings)]
    if not items:
        return Line(Verdict("Data", "not tried", "This run has no audit."), "", f"neocog audit {shlex.quote(source)}")
    found = list(dict.fromkeys((f.severity, f.what) for item in items for f in item.findings if f.severity != "note"))
    found.sort(key=lambda each: each[0] != "error")
    grade: Grade = "passed" if not found else "failed" if found[0][0] == "error" else "doubtful"
    rest = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    words = f"The audit found: {'; '.join(what for _, what in found[:LISTED])}{rest}."
    clean = "The audit found no leak between the parts and no other fault in the data."
    return Line(Verdict("Data", grade, words if found else clean, len(found), 0), "data")


def sample_size(name: str, m: Measure, thresholds: Thresholds) -> Line:
    """Whether the test part is large enough to say it; what counts is what is independent: 120 images of 3 patients are few."""
    units, counted, half = m.n if m.units is None else m.units, m.counted("test samples"), (m.high - m.low) / 2
    share = name in PERCENT
    few = Verdict(SIZE, "not tried", "", units, bound="independent_samples")
    if not math.isfinite(half):
        words = f"No interval can be given: {counted} include too few independent ones."
        return Line(Verdict(SIZE, "not tried", words, units, bound=few.bound, best="doubtful"), "measures")
    relative = half if share else half / abs(m.value) if m.value else math.inf
    wide = Verdict(SIZE, "not tried", "", relative, bound="half_width" if share else "relative_half_width")
    worse = max((few, wide), key=lambda each: GRADES.index(regraded(each, thresholds).grade))
    words = f"{counted} determine {title(name)} to ± {_width(half, share)}"
    if regraded(worse, thresholds).grade != "passed" and math.isfinite(relative):  # no share of 0 is known
        wanted = thresholds[wide.bound].passed
        needed = max(thresholds[few.bound].passed, units * (relative / wanted) ** 2)
        unit = "samples" if m.units is None else "groups"
        words += f"; about {_round(needed):,} {unit} would be enough"
    return Line(Verdict(SIZE, "not tried", f"{words}.", worse.number, bound=worse.bound), "measures")


def _width(half: float, share: bool) -> str:
    return f"{half * 100:.1f} points" if share else f"{half:.3g}"


def _round(number: float) -> int:
    """To two digits, upwards."""
    step: int = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return math.ceil(number / step) * step


def known_place(name: str, m: Measure, sections: Sequence[Section]) -> Line:
    """The measure on samples like those that were learned from, beside what guessing would give, or what is asked of it."""
    what, words = f"{INSIDE}{title(name)}", shown(name, m)
    guess, how = _guessing(name, sections)
    if math.isnan(guess):
        words += "; the value of guessing is unknown, so it can pass by a threshold of your own alone (--thresholds)"
        return Line(Verdict(what, "not tried", f"{words}.", m.value, bound=f"{OWN}{name}"), "measures")
    low = m.low if math.isfinite(m.low) else -math.inf
    grade: Grade = "passed" if low > guess else "doubtful" if m.value > guess else "failed"
    return Line(Verdict(what, grade, f"{words}; {how}.", m.value, guess, f"{OWN}{name}"), "measures")


def _guessing(name: str, sections: Sequence[Section]) -> tuple[float, str]:
    """What an answer that does not look at the sample would reach, and how; NaN where that is not known."""
    tables = [i for s in sections if s.name == "confusion" for i in s.items if isinstance(i, Matrix)]
    totals: dict[str, float] = {}
    for each in tables:
        for row, values in zip(each.rows, each.values, strict=True):
            totals[row] = totals.get(row, 0.0) + sum(values)
    every: float = sum(totals.values())
    if name == "accuracy" and every:
        most = max(totals, key=lambda row: totals[row])
        share = totals[most] / every
        return share, f"always predicting “{most}” would be right for {100 * share:.1f} % of the test samples"
    return (0.0, "always predicting the mean would give 0") if name == "r2" else (math.nan, "")


def new_place(name: str, groups: Mapping[str, Any], grouped: bool) -> Line:
    """What is left of the measure in the worst group that was left out, of ``train --leave-one-group-out``."""
    sides = {group: [each[side].get(name) for side in ("outside", "inside")] for group, each in groups.items()}
    found = {group: [stored_measure(m) for m in pair] for group, pair in sides.items() if all(pair)}
    if not found:
        how = "" if grouped else "name the groups (--groups, --columns, --levels) and "
        words = f"Only groups that were left out of training can show this: {how}leave each out in turn."
        command = "neocog train DATA --folds K --leave-one-group-out"
        return Line(Verdict("New groups", "not tried", words), "", command)
    kept = {}
    for group, (outside, inside) in found.items():
        pair = (inside, outside) if lower_is_better(name) else (outside, inside)
        kept[group] = pair[0].value / pair[1].value if pair[1].value > 0 else math.nan
    worst = min(kept, key=lambda group: kept[group])
    lost, known = (f"{shown(name, m)} on {m.counted('samples')}" for m in found[worst])
    words = f"Worst of {len(kept)} groups left out: {worst}, {title(name)} {lost}; in the other groups {known} that are new."
    return Line(Verdict("New groups", "not tried", words, kept[worst], bound="new_place"), "places")


def calibration(measures: Mapping[str, Measure]) -> Line:
    """Whether stated probabilities, or intervals, hold."""
    what = "Calibration"
    for name in ("ece_calibrated", "ece"):
        if name in measures and math.isfinite(measures[name].value):
            m = measures[name]
            words = f"Stated probabilities are off by {shown(name, m)} on average ({title(name)}, {m.counted('test samples')})."
            return Line(Verdict(what, "not tried", words, m.value, bound="calibration"), "calibration")
    if "coverage_90" in measures and math.isfinite(measures["coverage_90"].value):
        m = measures["coverage_90"]
        words = (
            f"The 90 % prediction intervals contain {100 * m.value:.1f} % of the values of {m.counted('test samples')}."
        )
        return Line(Verdict(what, "not tried", words, abs(m.value - 0.9), bound="interval_coverage"), "measures")
    return Line(Verdict(what, "not tried", "This run predicts no probabilities, or they were not evaluated."))
