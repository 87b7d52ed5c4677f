"""leaderboard.html and leaderboard.csv: the standings, and what the held-out samples say of the entries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.atomic import write_atomically
from neocog.competition.contained import how
from neocog.competition.rules import Rules
from neocog.competition.sealed import Answers
from neocog.competition.standings import SURE, Standing, Test
from neocog.data.cells import csv_of
from neocog.metrics.counts import confusion
from neocog.pages.axis import percent
from neocog.pages.page import Head, Remark, duration, page
from neocog.records import Curves, Item, Matrix, Measure, Picture, Pictures, Section, Series, Table, Text, Whiskers

HTML, CSV = "leaderboard.html", "leaderboard.csv"
COLUMNS = (
    "rank", "name", "attempt", "attempts", "accuracy", "low", "high", "n", "seconds", "parameters", "multiplications", "status",
    "reason",
)  # fmt: skip
MOST_PICTURES, MOST_CURVES, MOST_ENTRIES = 24, 8, 20
Picturing = Callable[[Sequence[int]], list[str]]  # positions among the held-out samples → base64 PNGs


@dataclass(frozen=True)
class Board:
    """What a board is made of. ``final``: all that the held-out samples say; else the public score alone."""

    rules: Rules
    standings: Sequence[Standing]
    tests: Sequence[Test]
    answers: Answers
    final: bool


def write_board(contest: Path, board: Board, pictures: Picturing) -> Path:
    """Write both files; gives the page's path."""
    write_atomically(contest / CSV, csv_of(COLUMNS, map(_row, board.standings)))
    write_atomically(contest / HTML, page(_head(board), _sections(board, pictures)))
    return contest / HTML


def _row(one: Standing) -> tuple[object, ...]:
    at, entry, result = one.measure, one.entry, one.result
    bounds = ("", "", "") if at is None else (f"{at.low:.6g}", f"{at.high:.6g}", at.n)
    score = "" if math.isnan(one.shown) else f"{one.shown:.6g}"
    return (
        one.rank or "", entry.name, entry.attempt, one.attempts, score, *bounds, f"{result.seconds:.1f}", entry.parameters,
        entry.multiplications, result.status, result.reason,
    )  # fmt: skip


def _head(board: Board) -> Head:
    rules, scored = board.rules, [one for one in board.standings if one.rank is not None]
    n = int((board.answers.parts == ("final" if board.final else "board")).sum())
    facts = [
        ("data", rules.data.name), ("held out", rules.data.hold_out), ("public samples", f"{rules.data.samples:,}"),
        ("time limit", duration(rules.limits.seconds)), ("cores", str(rules.limits.cores)), ("entries", str(len(board.standings))),
    ]  # fmt: skip
    eyebrow = f"competition · {'final score' if board.final else 'public board'}"
    if not scored:
        return Head("leaderboard · neocog", eyebrow, label="no entry has a score", facts=facts)
    first = [one for one in scored if one.rank == 1]
    names = ", ".join(one.entry.name for one in first)
    best = first[0].measure or Measure(first[0].shown, math.nan, math.nan, n)
    shared = (
        f"{names} share first place: no difference between them is significant" if len(first) > 1 else f"{names} wins"
    )
    sentence = f"{shared}, on {best.counted('held-out samples')} that no entry has seen."
    if not board.final:
        sentence = f"{names} leads on {n:,} held-out samples; the final score is on others."
    remarks = [Remark("caution", _identical(rules))] if rules.data.identical else []
    return Head(
        "leaderboard · neocog",
        eyebrow,
        percent(best.value, best.n),
        "accuracy",
        sentence,
        remarks=remarks,
        facts=facts,
    )


def _identical(rules: Rules) -> str:
    return f"{rules.data.identical:,} held-out samples are in the public part, too: memorisation counts as skill."


def _sections(board: Board, pictures: Picturing) -> list[Section]:
    found = [Section("Standings", tuple(_standings(board)), "standings")]
    scored = [one for one in board.standings if one.correct is not None]
    failed = tuple((one.entry.name, one.entry.attempt, one.result.status, one.result.reason) for one in board.standings
                   if one.correct is None)  # fmt: skip
    if failed:
        table = Table(("name", "attempt", "what", "why"), failed)
        found.append(Section("Entries without a score", (table,), "without-a-score"))
    if board.final and scored:
        found += [
            Section("Paired tests", tuple(_tests(board)), "differences"),
            Section("Results by class", tuple(_classes(board, scored)), "classes"),
            Section("Misclassified by all entries", tuple(_nobody(board, scored, pictures)), "nobody"),
        ]
    if curves := _curves(scored):
        found.append(Section("Training", tuple(curves), "training"))
    return [*found, Section("Scoring", (Text(_method(board)),), "method")]


def _standings(board: Board) -> list[Item]:
    rows = tuple(
        (one.rank, one.entry.name, one.attempts, None if math.isnan(one.shown) else round(one.shown, 4),
         one.measure.interval if one.measure else "—", f"{one.result.seconds:.0f} s", one.entry.parameters,
         one.entry.multiplications)
        for one in board.standings
    )  # fmt: skip
    columns = ("rank", "name", "attempts", "accuracy", "95 % interval", "time", "parameters", "multiplications")
    note = (
        f"Rank: one more than the number of entries that are significantly better (p < {SURE:g}, Holm's correction)."
        if board.final
        else ""
    )
    items: list[Item] = [Table(columns, rows, note)]
    measured = [one for one in board.standings if one.measure is not None][:MOST_ENTRIES]
    if measured:
        measures = tuple(one.measure for one in measured if one.measure)
        items.append(Whiskers(tuple(one.entry.name for one in measured), measures, "accuracy"))
    return items


def _tests(board: Board) -> list[Item]:
    if not board.tests:
        return [Text("Only one entry has a score.")]
    rows = tuple(
        (test.first, test.second, f"{test.difference:+.4f}".replace("-", "−"), "—" if math.isnan(test.p) else round(test.p, 4),
         "too few groups" if math.isnan(test.p) else "yes" if test.p < SURE else "no")
        for test in board.tests
    )  # fmt: skip
    test = "the sign-flip test over groups" if board.answers.grouped else "McNemar's exact test"
    note = f"p from {test}; Holm's correction for {len(rows)} comparison{'s' * (len(rows) != 1)}."
    return [Table(("first", "second", "difference", "p, corrected", "significant"), rows, note)]


def _classes(board: Board, scored: Sequence[Standing]) -> list[Item]:
    """How much of each class each entry got right."""
    counts = board.answers.parts == "final"
    labels, shown = board.answers.labels[counts], scored[:MOST_ENTRIES]
    rows = []
    for k in np.unique(labels).tolist():
        own = labels == k
        rights = [float(one.correct[own].mean()) for one in shown if one.correct is not None]
        rows.append((board.rules.data.classes[k], int(own.sum()), *rights))
    note = "Recall: share of a class that an entry classified correctly."
    return [
        Table(("class", "samples", *(one.entry.name for one in shown)), tuple(rows), note),
        *_confused(board, scored[0]),
    ]


def _confused(board: Board, best: Standing) -> list[Item]:
    counts, names = board.answers.parts == "final", board.rules.data.classes
    if len(names) > 30:
        return []
    table = confusion(board.answers.labels[counts], np.array(best.result.answers)[counts], len(names))
    rows = tuple(map(tuple, table.astype(float).tolist()))
    return [Matrix(names, names, rows, note=f"Confusion matrix of {best.entry.name}.")]


def nobody(board: Board, scored: Sequence[Standing]) -> NDArray[np.int64]:
    """Positions among the held-out samples of those that no entry got right."""
    right = np.stack([one.correct for one in scored if one.correct is not None]).any(axis=0)
    places: NDArray[np.int64] = np.flatnonzero(board.answers.parts == "final")[~right]
    return places


def _nobody(board: Board, scored: Sequence[Standing], pictures: Picturing) -> list[Item]:
    places = nobody(board, scored).tolist()
    if not places:
        return [Text("Every sample was classified correctly by at least one entry.")]
    names, shown = board.rules.data.classes, places[:MOST_PICTURES]
    captions = []
    for place in shown:
        answer, votes = Counter(one.result.answers[place] for one in scored).most_common(1)[0]
        captions.append(
            f"{names[board.answers.labels[place]]}, predicted as {names[answer]} by {votes} of {len(scored)}"
        )
    text = f"{len(places):,} of {int((board.answers.parts == 'final').sum()):,} samples"
    drawn = pictures(shown)
    if not drawn:
        return [Table(("sample",), tuple((caption,) for caption in captions), f"{text}.")]
    cut = f", of which {len(shown)} are shown" if len(places) > len(shown) else ""
    return [
        Pictures(
            tuple(Picture(png, caption, "bad") for png, caption in zip(drawn, captions, strict=True)), f"{text}{cut}."
        )
    ]


def _curves(scored: Sequence[Standing]) -> list[Item]:
    found: list[Item] = []
    for label, of in (("loss", "losses"), ("accuracy on the entry's own validation part", "accuracies")):
        lines = [(one.entry.name, getattr(one.result, of)) for one in scored[:MOST_CURVES]]
        series = tuple(Series(name, tuple(map(float, range(1, len(y) + 1))), y) for name, y in lines if y)
        found += [Curves("epoch", label, series)] if series else []
    return found


def _method(board: Board) -> str:
    limits = board.rules.limits
    many = f"{limits.cores} core{'s' * (limits.cores != 1)}"
    lines = [
        f"Each entry had {duration(limits.seconds)} on {many} with {limits.memory_gb:g} GB of memory, "
        "from its first import to its last prediction.",
        how(),
        "Parameters and multiplications were counted in a trial run of each entry.",
    ]
    if not board.final:
        lines.append("The score changes only if an attempt is significantly better (the Ladder, Blum & Hardt 2015).")
    elif board.answers.on_board:
        lines.append(
            "Of several attempts, the last that changed the public board counts; the board's samples are not used here."
        )
    return " ".join(lines)
