"""Who is where: the score of each name, and ranks with ties where a paired test finds no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.competition.entries import Entry
from neocog.competition.kinds import Kind
from neocog.competition.ladder import Ladder
from neocog.competition.result import Result
from neocog.competition.sealed import Answers
from neocog.metrics.paired import DRAWN, holm
from neocog.records import Measure

SURE = 0.05
DRAWS = 25  # swaps a pair of names, so that the smallest p stays below 0.05 when it is corrected for all pairs


@dataclass(frozen=True)
class Standing:
    """A name's place. ``points`` (n,): how good its answers are to the samples that count; None without a score."""

    rank: int | None
    entry: Entry
    result: Result
    attempts: int
    points: NDArray[np.float64] | None
    measure: Measure | None
    shown: float  # the score: the measure, or on the public board what the Ladder shows; NaN without one


@dataclass(frozen=True)
class Test:
    """Whether two names differ: measure of the first less that of the second, and p after Holm's correction.

    p is NaN where there are too few groups."""

    first: str
    second: str
    difference: float
    p: float


def public_standings(attempts: Sequence[tuple[Entry, Result]], answers: Answers) -> list[Standing]:
    """The public board: for each name what the Ladder shows after all its attempts, on the samples of the board alone."""
    found, sign = [], answers.kind.sign
    for own in _by_name(attempts).values():
        (entry, result), ladder = _chosen(own, answers)
        shown = sign * ladder.shown if math.isfinite(ladder.shown) else math.nan
        found.append(Standing(None, entry, result, len(own), _points(result, answers, "board"), None, shown))
    found.sort(key=lambda one: (_behind(one, sign), one.entry.name.casefold()))
    return [
        one
        if math.isnan(one.shown)
        else replace(one, rank=1 + sum(_behind(other, sign) < _behind(one, sign) for other in found))
        for one in found
    ]


def final_standings(attempts: Sequence[tuple[Entry, Result]], answers: Answers) -> tuple[list[Standing], list[Test]]:
    """The final score, of each name's best attempt on the board (or its only one), on the samples that no board has counted.

    A rank is one more than the number of names that are better beyond chance, so that several may share it.
    """
    counts, kind = answers.parts == "final", answers.kind
    groups = answers.groups[counts] if answers.grouped else None
    scored, without = [], []
    for own in _by_name(attempts).values():
        (entry, result), _ = _chosen(own, answers)
        points = _points(result, answers, "final")
        if points is None:
            without.append(Standing(None, entry, result, len(own), None, None, math.nan))
        else:
            measure = kind.measured(result.rows(len(counts))[counts], answers.truth[counts], groups)
            scored.append(Standing(None, entry, result, len(own), points, measure, measure.value))
    scored.sort(key=lambda one: (_behind(one, kind.sign), one.entry.name.casefold()))
    tests = paired_tests(scored, kind, groups)
    worse = {one.entry.name: 0 for one in scored}
    for test in tests:
        if test.p < SURE:
            worse[test.second if kind.sign * test.difference > 0 else test.first] += 1
    ranked = [replace(one, rank=1 + worse[one.entry.name]) for one in scored]
    ranked.sort(key=lambda one: (one.rank or 0, _behind(one, kind.sign), one.entry.name.casefold()))
    return [*ranked, *without], tests


def _behind(one: Standing, sign: int) -> float:
    """By which standings are sorted: less is better."""
    return math.inf if math.isnan(one.shown) else -sign * one.shown


def paired_tests(scored: Sequence[Standing], kind: Kind, groups: NDArray[np.str_] | None) -> list[Test]:
    """All pairs by the kind's test, corrected together (Holm)."""
    pairs = [(a, b) for i, a in enumerate(scored) for b in scored[i + 1 :]]
    draws = max(DRAWN, DRAWS * len(pairs))
    raw = [kind.p(a.points, b.points, groups, draws) for a, b in pairs if a.points is not None and b.points is not None]
    return [Test(a.entry.name, b.entry.name, a.shown - b.shown, p) for (a, b), p in zip(pairs, holm(raw), strict=True)]


def _by_name(attempts: Sequence[tuple[Entry, Result]]) -> dict[str, list[tuple[Entry, Result]]]:
    found: dict[str, list[tuple[Entry, Result]]] = {}
    for entry, result in attempts:
        found.setdefault(entry.name, []).append((entry, result))
    return found


def _chosen(own: Sequence[tuple[Entry, Result]], answers: Answers) -> tuple[tuple[Entry, Result], Ladder]:
    """The attempt that a name is judged by: the last that moved the Ladder; with one attempt that one; without a score the last."""
    ladder, best = Ladder(answers.kind.unit), own[-1]
    counts = "board" if answers.on_board else "final"
    for entry, result in own:
        points = _points(result, answers, counts)
        if points is not None:
            ladder.score(points)
            best = (entry, result) if ladder.steps[-1] else best
    return best, ladder


def _points(result: Result, answers: Answers, part: str) -> NDArray[np.float64] | None:
    if result.status != "scored":
        return None
    counts = answers.parts == part
    return answers.kind.points(result.rows(len(counts))[counts], answers.truth[counts])
