"""Who is where: the score of each name, and ranks with ties where a paired test finds no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.competition.entries import Entry
from neocog.competition.ladder import Ladder
from neocog.competition.running import Result
from neocog.competition.sealed import Answers
from neocog.metrics.intervals import Units, share_measure
from neocog.metrics.paired import holm, mcnemar, paired
from neocog.records import Measure

SURE = 0.05


@dataclass(frozen=True)
class Standing:
    """A name's place. ``correct`` (n,): of the samples that count, those that it got right; None without a score."""

    rank: int | None
    entry: Entry
    result: Result
    attempts: int
    correct: NDArray[np.bool_] | None
    measure: Measure | None
    shown: float  # the score: the accuracy, or on the public board what the Ladder shows; NaN without one


@dataclass(frozen=True)
class Test:
    """Whether two names differ: accuracy of the first less that of the second, and p after Holm's correction.

    p is NaN where there are too few groups."""

    first: str
    second: str
    difference: float
    p: float


def public_standings(attempts: Sequence[tuple[Entry, Result]], answers: Answers) -> list[Standing]:
    """The public board: for each name what the Ladder shows after all its attempts, on the samples of the board alone."""
    found = []
    for own in _by_name(attempts).values():
        (entry, result), ladder = _chosen(own, answers)
        correct = _correct(result, answers, "board")
        shown = ladder.shown if ladder.steps else math.nan
        found.append(Standing(None, entry, result, len(own), correct, None, shown))
    found.sort(key=lambda one: (math.inf if math.isnan(one.shown) else -one.shown, one.entry.name.casefold()))
    return [
        one if math.isnan(one.shown) else replace(one, rank=1 + sum(other.shown > one.shown for other in found))
        for one in found
    ]


def final_standings(attempts: Sequence[tuple[Entry, Result]], answers: Answers) -> tuple[list[Standing], list[Test]]:
    """The final score, of each name's best attempt on the board (or its only one), on the samples that no board has counted.

    A rank is one more than the number of names that are better beyond chance, so that several may share it.
    """
    counts = answers.parts == "final"
    groups = answers.groups[counts] if answers.grouped else None
    scored, without = [], []
    for own in _by_name(attempts).values():
        (entry, result), _ = _chosen(own, answers)
        correct = _correct(result, answers, "final")
        if correct is None:
            without.append(Standing(None, entry, result, len(own), None, None, math.nan))
        else:
            measure = share_measure(correct, groups)
            scored.append(Standing(None, entry, result, len(own), correct, measure, measure.value))
    scored.sort(key=lambda one: (-one.shown, one.entry.name.casefold()))
    tests = paired_tests(scored, groups)
    worse = {one.entry.name: 0 for one in scored}
    for test in tests:
        if test.p < SURE:
            worse[test.second if test.difference > 0 else test.first] += 1
    ranked = [replace(one, rank=1 + worse[one.entry.name]) for one in scored]
    ranked.sort(key=lambda one: (one.rank or 0, -one.shown, one.entry.name.casefold()))
    return [*ranked, *without], tests


def paired_tests(scored: Sequence[Standing], groups: NDArray[np.str_] | None) -> list[Test]:
    """All pairs: McNemar's exact test, of grouped samples the sign-flip test over groups; corrected together (Holm)."""
    pairs = [(a, b) for i, a in enumerate(scored) for b in scored[i + 1 :]]
    raw = [_p(a.correct, b.correct, groups) for a, b in pairs if a.correct is not None and b.correct is not None]
    return [Test(a.entry.name, b.entry.name, a.shown - b.shown, p) for (a, b), p in zip(pairs, holm(raw), strict=True)]


def _p(first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.str_] | None) -> float:
    if groups is None:
        return mcnemar(first, second)
    units = Units.of(groups, len(first))
    sums = [units.sums(np.stack([each, np.ones(len(each))], axis=1)) for each in (first, second)]
    return paired(sums[0], sums[1], lambda totals: totals[..., :1] / totals[..., 1:], units)[0].p


def _by_name(attempts: Sequence[tuple[Entry, Result]]) -> dict[str, list[tuple[Entry, Result]]]:
    found: dict[str, list[tuple[Entry, Result]]] = {}
    for entry, result in attempts:
        found.setdefault(entry.name, []).append((entry, result))
    return found


def _chosen(own: Sequence[tuple[Entry, Result]], answers: Answers) -> tuple[tuple[Entry, Result], Ladder]:
    """The attempt that a name is judged by: the last that moved the Ladder; with one attempt that one; without a score the last."""
    ladder, best = Ladder(), own[-1]
    counts = "board" if answers.on_board else "final"
    for entry, result in own:
        correct = _correct(result, answers, counts)
        if correct is not None:
            ladder.score(correct)
            best = (entry, result) if ladder.steps[-1] else best
    return best, ladder


def _correct(result: Result, answers: Answers, part: str) -> NDArray[np.bool_] | None:
    if result.status != "scored":
        return None
    return np.asarray((np.array(result.answers) == answers.labels)[answers.parts == part])
