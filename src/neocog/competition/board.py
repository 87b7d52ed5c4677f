"""leaderboard.html and leaderboard.csv: the standings, and what the held-out samples say of the entries."""

from __future__ import annotations

import math
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
from neocog.pages.page import Head, Remark, duration, page
from neocog.records import Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text, Whiskers

HTML, CSV = "leaderboard.html", "leaderboard.csv"
COLUMNS = ("rank", "name", "attempt", "attempts")
MORE = ("low", "high", "n", "seconds", "parameters", "multiplications", "status", "reason")  # after the measure
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

    def given(self, scored: Sequence[Standing]) -> list[tuple[str, NDArray[np.float64]]]:
        """Names with what is kept of their answers to all held-out samples."""
        return [(one.entry.name, one.result.rows(len(self.answers.parts))) for one in scored]


def write_board(contest: Path, board: Board, pictures: Picturing) -> Path:
    """Write both files; gives the page's path."""
    write_atomically(contest / CSV, csv_of((*COLUMNS, board.answers.kind.measure, *MORE), map(_row, board.standings)))
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
        board.answers.kind.shown(best.value, best.n),
        board.answers.kind.title,
        sentence,
        remarks=remarks,
        facts=facts,
    )


def _identical(rules: Rules) -> str:
    return f"{rules.data.identical:,} held-out samples are in the public part, too: memorisation counts as skill."


def _sections(board: Board, pictures: Picturing) -> list[Section]:
    found = [Section("Standings", tuple(_standings(board)), "standings")]
    scored = [one for one in board.standings if one.points is not None]
    failed = tuple((one.entry.name, one.entry.attempt, one.result.status, one.result.reason) for one in board.standings
                   if one.points is None)  # fmt: skip
    if failed:
        table = Table(("name", "attempt", "what", "why"), failed)
        found.append(Section("Entries without a score", (table,), "without-a-score"))
    if board.final and scored:
        counts, kind = board.answers.parts == "final", board.answers.kind
        given = [(name, rows[counts]) for name, rows in board.given(scored[:MOST_ENTRIES])]
        found += [
            Section("Paired tests", tuple(_tests(board)), "differences"),
            *kind.sections(given, board.answers.truth[counts]),
            Section(kind.hard, tuple(_hardest(board, scored, pictures)), "nobody"),
        ]
    if curves := _curves(scored, board.answers.kind.progress):
        found.append(Section("Training", tuple(curves), "training"))
    return [*found, Section("Scoring", (Text(_method(board)),), "method")]


def _standings(board: Board) -> list[Item]:
    rows = tuple(
        (one.rank, one.entry.name, one.attempts, None if math.isnan(one.shown) else round(one.shown, 4),
         one.measure.interval if one.measure else "—", f"{one.result.seconds:.0f} s", one.entry.parameters,
         one.entry.multiplications)
        for one in board.standings
    )  # fmt: skip
    title = board.answers.kind.title
    columns = ("rank", "name", "attempts", title, "95 % interval", "time", "parameters", "multiplications")
    note = (
        f"Rank: one more than the number of entries that are significantly better (p < {SURE:g}, Holm's correction)."
        if board.final
        else ""
    )
    items: list[Item] = [Table(columns, rows, note)]
    measured = [one for one in board.standings if one.measure is not None][:MOST_ENTRIES]
    if measured:
        measures = tuple(one.measure for one in measured if one.measure)
        items.append(Whiskers(tuple(one.entry.name for one in measured), measures, title))
    return items


def _tests(board: Board) -> list[Item]:
    if not board.tests:
        return [Text("Only one entry has a score.")]
    rows = tuple(
        (test.first, test.second, f"{test.difference:+.4f}".replace("-", "−"), "—" if math.isnan(test.p) else round(test.p, 4),
         "too few groups" if math.isnan(test.p) else "yes" if test.p < SURE else "no")
        for test in board.tests
    )  # fmt: skip
    test = board.answers.kind.test(board.answers.grouped)
    note = f"p from {test}; Holm's correction for {len(rows)} comparison{'s' * (len(rows) != 1)}."
    return [Table(("first", "second", "difference", "p, corrected", "significant"), rows, note)]


def _hardest(board: Board, scored: Sequence[Standing], pictures: Picturing) -> list[Item]:
    """The samples to which no entry has a good answer."""
    places, note = hardest(board, scored)
    if not len(places):
        return [Text(note)]
    given = board.given(scored)
    captions = [board.answers.kind.caption(place, given, board.answers.truth) for place in places]
    drawn = pictures(places)
    if not drawn:
        return [Table(("sample",), tuple((caption,) for caption in captions), note)]
    return [Pictures(tuple(Picture(png, text, "bad") for png, text in zip(drawn, captions, strict=True)), note)]


def hardest(board: Board, scored: Sequence[Standing]) -> tuple[list[int], str]:
    """Positions among the held-out samples, and what they are."""
    points = np.stack([one.points for one in scored if one.points is not None])
    order, note = board.answers.kind.hardest(np.fmax.reduce(points, axis=0), MOST_PICTURES)
    places: list[int] = np.flatnonzero(board.answers.parts == "final")[order].tolist()
    return places, note


def _curves(scored: Sequence[Standing], progress: str) -> list[Item]:
    found: list[Item] = []
    for label, of in (("loss", "losses"), (f"{progress} on the entry's own validation part", "accuracies")):
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
