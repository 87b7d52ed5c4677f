"""One attempt at a competition: trained by ``neocog train`` and asked for its answers, both contained and under one clock."""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.competition.contained import Ended, contained
from neocog.competition.entries import FILE, SETTINGS, Entry, folder_of
from neocog.competition.result import Failed, Result
from neocog.competition.rules import Rules
from neocog.competition.sealed import Answers
from neocog.config import Config
from neocog.documents import WRONG, parse_json, read_bytes
from neocog.errors import UserError, printable, raise_all
from neocog.run import Run, to_json

LEARNING, STARTS = 0.8, 2.5  # share of the time, less so many starts of Python and torch, that --minutes gets
OUT_OF_MEMORY = ("can't allocate memory", "MemoryError", "bad_alloc", "Cannot allocate memory", "not enough memory")
LONGEST = 300  # letters of a reason
FACTS = ("what", "where", "fix")


@dataclass(frozen=True)
class Court:
    """Where entries run: the competition's folder, its rules, the held-out samples, what is known of them, and what no entry
    may see."""

    contest: Path
    rules: Rules
    public: Path  # as ``train`` reads it
    samples: Path  # without what is known of them
    answers: Answers
    hidden: tuple[Path, ...]


def trial(
    rules: Rules, file: Path, network: str, config: Config, hidden: Sequence[Path] = ()
) -> tuple[dict[str, Any], float]:
    """Build and try a network, contained: what ``trying`` says of it, and the seconds it took. Raises UserError, Failed."""
    data, kind = rules.data, rules.data.kind
    channels = 4 if data.form == "sequences" else config.data.channels or data.channels
    size = _size(config.data.size, data.size)
    job = {
        "file": str(file), "network": network, "channels": channels, "size": size, "outputs": kind.outputs(config),
        "masks": kind.masks, "options": dict(config.model.options),
    }  # fmt: skip
    limits = rules.contained()
    with tempfile.TemporaryDirectory(prefix="neocog-try-") as folder:
        work = Path(folder)
        (work / "job.json").write_text(to_json(job), encoding="utf-8")
        command = ["-m", "neocog.competition.trying", str(work / "job.json"), str(work / "result.json")]
        ended = contained(command, [file], work, limits, time.monotonic() + limits.seconds, hidden)
        _raise_failed(ended, "while the network was tried", rules)
        found = parse_json(_bytes(work, "result.json").decode(errors="replace"), "result.json")
    try:
        faults = [UserError(*(printable(str(fault[name])) for name in FACTS)) for fault in found.get("faults", ())]
        complete = all(isinstance(found.get(name), int) for name in ("parameters", "multiplications"))
    except WRONG:
        raise Failed("answers", "its trial gave no numbers") from None
    raise_all(faults)
    if not complete:
        raise Failed("answers", "its trial gave no numbers")
    return found, ended.seconds


def _size(asked: tuple[int, ...], usual: tuple[int, ...]) -> tuple[int, ...]:
    """Sides as ``train --size`` takes them: one number stands for all."""
    if len(asked) == 1:
        return (1, *asked) if usual[0] == 1 and len(usual) == 2 else asked * len(usual)
    return asked or usual


def attempt(court: Court, entry: Entry, config: Config) -> Result:
    """Train an entry and take its answers. Whatever goes wrong with it is in the result."""
    result = Result(entry.name, entry.attempt, entry.sha256, "scored", "", 0.0, (), (), ())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="neocog-entry-") as folder:
        work = Path(folder)
        try:
            home = folder_of(court.contest, entry).resolve()
            _, start = trial(court.rules, home / FILE, entry.network, config, court.hidden)
            began = time.monotonic()
            end = began + court.rules.limits.seconds
            _train(court, home, entry.network, config, work, _minutes(court.rules, start), end)
            _predict(court, home / FILE, work, end)
            result = replace(result, seconds=time.monotonic() - began)
            result = replace(result, answers=_answers(court.answers, work))
        except Failed as failed:
            result = replace(result, status=failed.status, reason=failed.reason, seconds=time.monotonic() - began)
        except UserError as error:
            result = replace(result, status="refused", reason=str(error)[:LONGEST])
        losses, accuracies = _curves(work, court.rules.data.kind.progress)
    return replace(result, losses=losses, accuracies=accuracies)


def _minutes(rules: Rules, start: float) -> float:
    """Minutes that ``train`` gets, so that the rest is enough for all else: starting twice, evaluating, predicting."""
    seconds = LEARNING * rules.limits.seconds - STARTS * start
    if seconds < 1:
        what = f"to start Python and torch took {start:.0f} s here, of {rules.limits.seconds:g} s for everything"
        raise Failed("time", f"{what}: give more with neocog compete new --seconds, or judge on an idle machine")
    return seconds / 60


def _train(court: Court, home: Path, network: str, config: Config, work: Path, minutes: float, end: float) -> None:
    """``home``: the entry's own folder."""
    command = [
        "-m",
        "neocog",
        "train",
        str(court.public),
        "--model",
        f"{home / FILE}:{network}",
        "--out",
        str(work / "run"),
    ]
    kind = court.rules.data.kind
    command += ["--quiet", "--task", kind.task, *(f"--{each}" for each in (*court.rules.data.reading, *kind.reading))]
    if (home / SETTINGS).is_file():
        command += ["--config", str(home / SETTINGS)]
    if not config.training.epochs and not config.training.minutes:
        command += ["--minutes", f"{minutes:.4f}"]
    ended = contained(command, [court.public.parent, home], work, court.rules.contained(), end, court.hidden)
    _raise_failed(ended, "while it trained", court.rules)


def _predict(court: Court, file: Path, work: Path, end: float) -> None:
    command = ["-m", "neocog.competition.predicting", str(work / "run"), str(court.samples), str(work / "answers.npy")]
    ended = contained(command, [court.samples.parent, file], work, court.rules.contained(), end, court.hidden)
    _raise_failed(ended, "while it predicted", court.rules)


def _answers(answers: Answers, work: Path) -> tuple[float, ...]:
    """What is kept of the answers to the held-out samples."""
    names = _bytes(work, "names.txt").decode(errors="replace").split("\n")
    kept: list[float] = answers.kind.rows(names, _array(work), answers.truth).reshape(-1).tolist()
    return tuple(kept)


def _array(work: Path) -> NDArray[Any]:
    content = _bytes(work, "answers.npy")
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # whatever NumPy makes of hostile bytes: no zip, no end, more than any memory holds, …
        raise Failed("answers", "its answers are no array") from None
    if not isinstance(found, np.ndarray):
        raise Failed("answers", "its answers are no array")
    return found


def _bytes(work: Path, name: str) -> bytes:
    """A file that an entry left, which may be anything: no link is followed, not even of a folder."""
    path = work.resolve() / name
    if path.resolve() != path:
        raise Failed("answers", f"{name} is a link")
    try:
        return read_bytes(path)
    except UserError as error:
        raise Failed("answers", error.what) from None


def _raise_failed(ended: Ended, when: str, rules: Rules) -> None:
    """Raise Failed, with the reason in the entry's own words where it has any."""
    limits = rules.limits
    if ended.stopped == "time":
        raise Failed("time", f"not done after {limits.seconds:g} s: stopped {when}")
    if ended.stopped == "memory":
        raise Failed("memory", f"over {limits.memory_gb:g} GB of memory {when}")
    if ended.stopped == "disk":
        raise Failed("disk", f"over {limits.disk_gb:g} GB of files {when}")
    if ended.code:
        memory = any(each in ended.output for each in OUT_OF_MEMORY)
        reason = (
            f"{when}: {_last(ended.output)}" if ended.output.strip() else f"{when}: exit code {ended.code}, no message"
        )
        raise Failed("memory" if memory else "crashed", reason[:LONGEST])


def _last(output: str) -> str:
    """What an error says: the lines after "error:", or the last one of a traceback."""
    _, sign, message = output.rpartition("error: ")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return printable(" ".join(message.split())) if sign and "Traceback" not in message else printable(lines[-1])


def _curves(work: Path, progress: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of metrics.csv the training's losses and the validation's ``progress``, as far as they are numbers."""
    try:
        rows = list(csv.DictReader(io.StringIO(_bytes(work, str(Run(Path("run")).metrics_csv)).decode())))
        return _column(rows, "loss"), _column(rows, progress)
    except (Failed, csv.Error, *WRONG):
        return (), ()


def _column(rows: Sequence[dict[str, str]], word: str) -> tuple[float, ...]:
    name = next((key for key in (rows[0] if rows else ()) if word in key), None)
    values = [float(row[name]) for row in rows] if name else []
    return tuple(values) if np.isfinite(values).all() else ()
