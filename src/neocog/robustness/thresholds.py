"""Which number passes: the thresholds of all verdicts, from one file, which others can stand for (``--thresholds``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from neocog.documents import parse_toml, read_text
from neocog.errors import UserError, did_you_mean, raise_all
from neocog.metrics.names import METRICS
from neocog.robustness.outcome import GRADES, Grade, Verdict
from neocog.run import Run

USUAL = Path(__file__).with_name("thresholds.toml")
OWN = "measure."  # what the run's own measure has to reach: a user's, by the measure's name
FIELDS = ("passed", "doubtful")
COUNTS = ("independent_samples", "relative_half_width")  # all others are shares of one


@dataclass(frozen=True)
class Bound:
    """More is better where ``passed`` is above ``doubtful``, else less.

    >>> Bound(0.9, 0.75).grade(0.8), Bound(0.9, 0.75).grade(0.9), Bound(0.01, 0.05).grade(0.06)
    ('doubtful', 'passed', 'failed')
    """

    passed: float
    doubtful: float

    def grade(self, number: float) -> Grade:
        if math.isnan(number):
            return "not tried"
        sign = 1 if self.passed > self.doubtful else -1
        if sign * number >= sign * self.passed:
            return "passed"
        return "doubtful" if sign * number >= sign * self.doubtful else "failed"


Thresholds = Mapping[str, Bound]


@cache
def usual() -> Thresholds:
    """Those of the package."""
    return {name: Bound(**each) for name, each in parse_toml(USUAL.read_text(encoding="utf-8"), USUAL).items()}


def read_thresholds(given: str | Path | Mapping[str, Any]) -> Thresholds:
    """The usual ones with those of a file, or of a mapping {name: {"passed": …, "doubtful": …}}, in their place.

    Raises UserError, of all that is wrong at once.
    """
    where = "thresholds" if isinstance(given, Mapping) else str(given)
    found = given if isinstance(given, Mapping) else parse_toml(read_text(Path(given), "give a TOML file"), given)
    flat = {
        (f"{OWN}{measure}" if name == OWN[:-1] else name): each
        for name, table in found.items()
        for measure, each in (table.items() if name == OWN[:-1] and isinstance(table, Mapping) else [("", table)])
    }
    raise_all(fault for name, each in flat.items() for fault in _faults(str(name), each, where))
    return {
        **usual(),
        **{name: Bound(**{field: float(each[field]) for field in FIELDS}) for name, each in flat.items()},
    }


def _faults(name: str, given: Any, where: str) -> Iterator[UserError]:
    if name not in usual() and name.removeprefix(OWN) not in (METRICS if name.startswith(OWN) else ()):
        known = [*usual(), *(f"{OWN}{measure}" for measure in METRICS)]
        yield UserError(f"no threshold '{name}'", where, did_you_mean(name, known) or f"known: {', '.join(usual())}")
        return
    numbers = given if isinstance(given, Mapping) else {}
    wrong = [each for each in numbers.values() if isinstance(each, bool) or not isinstance(each, int | float)]
    if set(numbers) != set(FIELDS) or wrong or not all(map(math.isfinite, numbers.values())):
        fix = f"such as passed = {usual()['new_place'].passed:g} and doubtful = {usual()['new_place'].doubtful:g}"
        yield UserError(f"the threshold '{name}' is not two numbers, passed and doubtful", where, fix)
    elif numbers["passed"] == numbers["doubtful"]:
        what = f"the threshold '{name}' has passed and doubtful alike: whether more or less is better is not known"
        yield UserError(what, where, "let them differ, by as little as you like")
    elif (numbers["passed"] > numbers["doubtful"]) != _more_is_better(name):
        way = "more" if _more_is_better(name) else "less"
        what = f"the threshold '{name}' passes at {numbers['passed']:g} and is doubtful up to {numbers['doubtful']:g}"
        yield UserError(what, where, f"exchange them: {way} is better")
    elif name in usual() and name not in COUNTS and max(numbers.values()) > 1:
        what = f"the threshold '{name}' is a share from 0 to 1, not {max(numbers.values()):g}"
        yield UserError(what, where, "write 90 % as 0.9")


def _more_is_better(name: str) -> bool:
    if name.startswith(OWN):
        return not METRICS[name.removeprefix(OWN)].lower
    return usual()[name].passed > usual()[name].doubtful


def to_toml(thresholds: Thresholds) -> str:
    """As ``read_thresholds`` takes it, every digit.

    >>> print(to_toml({"corruption": Bound(0.9, 0.75)}))
    [corruption]
    passed = 0.9
    doubtful = 0.75
    <BLANKLINE>
    """
    tables = (
        f"[{name}]\npassed = {each.passed!r}\ndoubtful = {each.doubtful!r}\n" for name, each in thresholds.items()
    )
    return "\n".join(tables)


def place(run: Run) -> Path:
    """Where a run keeps those that were given for it."""
    return run.folder / "stress" / USUAL.name


def in_force(run: Run) -> Thresholds:
    """Those that were given for a run, else the usual ones. Raises UserError for a damaged file."""
    return read_thresholds(place(run)) if place(run).exists() else usual()


def graded(
    what: str, bound: str, number: float, sentence: str, best: Grade = "passed", worst: Grade = "failed"
) -> Verdict:
    """A verdict by the threshold ``bound``; the evidence may allow none better than ``best``, and none worse than ``worst``."""
    return regraded(Verdict(what, "not tried", sentence, number, bound=bound, best=best, worst=worst), usual())


def regraded(verdict: Verdict, thresholds: Thresholds) -> Verdict:
    """The same by other thresholds; one that was graded by none stays as it is."""
    if verdict.bound not in thresholds:
        return verdict
    bound = thresholds[verdict.bound]
    grade = bound.grade(verdict.number)
    if grade != "not tried":
        low, high = GRADES.index(verdict.best), GRADES.index(verdict.worst)
        grade = GRADES[min(max(GRADES.index(grade), low), high)]
    return replace(verdict, grade=grade, threshold=bound.passed)
