"""``compete``: a competition of the classroom. ``new`` writes it, ``enter`` takes an entry, ``judge`` trains and scores them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from neocog.checked import checked as checked_call
from neocog.competition.board import HTML, Board, write_board
from neocog.competition.contained import has_room, how
from neocog.competition.entries import (
    FILE,
    FOLDER,
    RECORD,
    SETTINGS,
    Entry,
    all_entries,
    checked,
    entry_hash,
    folder_of,
    next_attempt,
)
from neocog.competition.entry_check import network_in
from neocog.competition.entry_settings import settings_of
from neocog.competition.kinds import Kind
from neocog.competition.result import Failed, Result
from neocog.competition.rules import (
    PUBLIC,
    Rules,
    raise_if_changed,
    read_rules,
)
from neocog.competition.running import Court, attempt, trial
from neocog.competition.sealed import SAMPLES, Answers, unseal
from neocog.competition.standings import Standing, final_standings, public_standings
from neocog.competition.store import stored
from neocog.config import HINTS
from neocog.documents import read_json
from neocog.engine.lock import lock
from neocog.errors import UserError, printable
from neocog.limits import cores as usable_cores
from neocog.progress import Progress
from neocog.run import to_json, write_atomically
from neocog.tasks.report.pictures import thumbnail
from neocog.traits import task_of
from neocog.typed import typed
from neocog.verbs.compete_new import new, opened, sealed_beside
from neocog.verbs.outputs import new_folder

RESULTS, CLOSED = "results", "final.json"


def compete(what: Literal["new", "enter", "judge"], /, *given: Any, **settings: Any) -> Any:
    """A competition of networks: ``compete("new", "digits", out="contest")``, then ``compete("enter", "contest", "net.py",
    name="ada")`` for each entry, then ``compete("judge", "contest")``.

    The arguments are those of ``verbs.compete_new.new``, ``verbs.compete.enter`` and ``score``. Raises UserError.
    """
    parts: dict[str, Callable[..., Any]] = {"new": new, "enter": enter, "judge": score}
    return checked_call(parts[what], HINTS)(*given, **settings)


def enter(
    contest: str | Path, file: str | Path, name: str, settings: str | Path | None = None, quiet: bool = False
) -> Entry:
    """Check a network of one's own, try it contained, and keep it as ``name``'s next attempt.

    ``file``: my_net.py, or my_net.py:Class where it has several networks; ``settings``: TOML of training settings. Raises
    UserError, with the line of the file.
    """
    contest, progress = Path(contest), Progress(quiet)
    rules = read_rules(contest)
    if _is_closed(contest):
        raise UserError(
            "this competition is over: its final score was given", str(contest), "neocog compete new makes another"
        )
    number = next_attempt(contest, name, rules)
    path, inner = _file_and_class(str(file))
    network = network_in(path, rules.entries.imports, inner)
    config, text = settings_of(None if settings is None else Path(settings))
    content = path.read_bytes()
    try:
        found, _ = trial(rules, path.resolve(), network, config)
    except Failed as failed:
        raise UserError(failed.reason, str(path), "the fault is in this file") from None
    entry = Entry(name, number, network, entry_hash(content, text), found["parameters"], found["multiplications"])
    with new_folder(folder_of(contest, entry)) as made:
        (made / FILE).write_bytes(content)
        if text:
            (made / SETTINGS).write_text(text, encoding="utf-8")
        (made / RECORD).write_text(to_json(entry), encoding="utf-8")
    progress.say(
        f"{entry.key}: {network}, {entry.parameters:,} parameters, attempt {number} of {rules.entries.attempts}"
    )
    return entry


def _is_closed(contest: Path) -> bool:
    """Whether the final score of several attempts was given."""
    return (contest / RESULTS / CLOSED).is_file()


def _file_and_class(text: str) -> tuple[Path, str]:
    file, sign, inner = text.rpartition(":")
    path, name = (Path(file), inner) if sign and file.endswith(".py") else (Path(text), "")
    if not path.is_file():
        raise UserError("no such file", printable(text), "give my_net.py, or my_net.py:Class")
    return path, name


@dataclass(frozen=True)
class Judged:
    """The board: its page, and who stands where."""

    page: Path
    kind: Kind
    final: bool
    standings: Sequence[Standing]

    def to_json(self) -> dict[str, Any]:
        rows = [
            {"rank": one.rank, "name": one.entry.name, "attempt": one.entry.attempt, self.kind.measure: one.shown,
             "measure": one.measure, "seconds": one.result.seconds, "parameters": one.entry.parameters,
             "multiplications": one.entry.multiplications, "status": one.result.status, "reason": one.result.reason}
            for one in self.standings
        ]  # fmt: skip
        return {"leaderboard": str(self.page), "final": self.final, "entries": rows}


def score(contest: str | Path, sealed: str | Path | None = None, final: bool = False, quiet: bool = False) -> Judged:
    """Train every entry that has no result yet, one after the other, and write leaderboard.html and leaderboard.csv.

    What was judged is kept, so that a call that was stopped goes on. With one attempt a name the score is the final one; with
    several it is the Ladder's on half of the held-out part, until ``final`` scores the other half, once, and closes the
    competition. Raises UserError where rules, public part or sealed part are not as they were written.
    """
    contest = Path(contest)
    rules, progress = read_rules(contest), Progress(quiet)
    entries = all_entries(contest)
    if not entries:
        raise UserError(
            "no entry to judge", str(contest / FOLDER), f"neocog compete enter {contest} my_net.py --name NAME"
        )
    path = sealed_beside(contest) if sealed is None else Path(sealed)
    with tempfile.TemporaryDirectory(prefix="neocog-judge-") as folder:
        answers, text = unseal(path, rules, Path(folder))
        raise_if_changed(rules, contest, text)
        if not has_room():
            progress.say(f"  warning: {how()}", "bold red")
        if usable_cores() < rules.limits.cores:
            progress.say(
                f"  warning: the rules say {rules.limits.cores} cores, and here are {usable_cores()}", "yellow"
            )
        results = contest / RESULTS
        results.mkdir(exist_ok=True)
        samples = stored(Path(folder) / SAMPLES)
        court = Court(contest, rules, stored(contest.resolve() / PUBLIC), samples, answers, (path, results))
        with lock(results):
            attempts = [(entry, _result(court, entry, progress)) for entry in entries]
            closes = final or rules.entries.attempts == 1 or _is_closed(contest)
            board = _board(rules, attempts, answers, closes)
            write_board(contest, board, lambda places: _pictures(samples, rules, places))
            if final:
                write_atomically(results / CLOSED, to_json({"entries": [entry.key for entry in entries]}))
    return Judged(contest / HTML, answers.kind, closes, board.standings)


def _result(court: Court, entry: Entry, progress: Progress) -> Result:
    """What came of an entry: as it is recorded, or as it comes now."""
    path = court.contest / RESULTS / f"{entry.key}.json"
    if path.is_file():
        found: Result = typed(Result, read_json(path), "result")
        if found.sha256 == entry.sha256:
            progress.say(f"  {entry.key}: {_outcome(found)}, as judged before")
            return found
    try:
        config = checked(court.contest, entry, court.rules)
        result = attempt(court, entry, config)
    except UserError as error:
        result = Result(entry.name, entry.attempt, entry.sha256, "refused", str(error), 0.0, (), (), ())
    write_atomically(path, to_json(result))
    progress.say(f"  {entry.key}: {_outcome(result)}")
    return result


def _outcome(result: Result) -> str:
    return f"done in {result.seconds:.0f} s" if result.status == "scored" else f"{result.status}: {result.reason}"


def _board(rules: Rules, attempts: Sequence[tuple[Entry, Result]], answers: Answers, final: bool) -> Board:
    if final:
        standings, tests = final_standings(attempts, answers)
        return Board(rules, standings, tests, answers, True)
    return Board(rules, public_standings(attempts, answers), (), answers, False)


def _pictures(samples: Path, rules: Rules, places: Sequence[int]) -> list[str]:
    """Base64 PNGs of held-out samples; none of sequences."""
    if rules.data.form == "sequences":
        return []
    dataset = opened(samples, rules.data.reading, task_of("classes"))
    found = []
    for place in places:
        pixels = np.moveaxis(dataset.images.read(place), -1, 0)
        low, high = (0.0, 255.0) if pixels.dtype == np.uint8 else (float(pixels.min()), float(pixels.max()))
        found.append(thumbnail(pixels, low, high))
    return found


def show(found: Judged, console: Any) -> None:
    """The standings for people."""
    from rich.table import Table

    table = Table(
        "rank",
        "name",
        found.kind.title,
        "95 % interval",
        "time",
        "why not",
        title=str(found.page),
        title_justify="left",
    )
    for one in found.standings:
        at = one.measure.interval if one.measure else ""
        value = "" if np.isnan(one.shown) else f"{one.shown:.4f}"
        table.add_row(str(one.rank or ""), one.entry.name, value, at, f"{one.result.seconds:.0f} s", one.result.reason)
    console.print(table)
