"""What the studio was given: a run, a folder of runs, or data to train on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from neocog.errors import UserError, printable
from neocog.run import Run

MOST_RUNS = 500


@dataclass(frozen=True)
class Found:
    """``folder``: where new runs go; ``data``: what can be trained on, beside what has a name."""

    runs: list[Run]
    folder: Path
    data: list[str] = field(default_factory=list)
    unfinished: list[Run] = field(default_factory=list)


def found(source: Path | None) -> Found:
    """What is there. Raises UserError where it is neither runs nor data."""
    from neocog.data.readers.named import NAMES

    if source is None:
        return Found(newest(Path()), Path("runs"), unfinished=unfinished(Path()))
    if not source.exists() and str(source) in NAMES:
        return Found([], Path("runs"), [str(source)])
    if is_unfinished(Run(source)):
        return Found([], source.resolve().parent, unfinished=[Run(source)])
    if source.is_dir() and not is_trained(Run(source)):
        runs, others = newest(source), unfinished(source)
        if not runs and not others and any(not path.name.startswith(".") for path in source.iterdir()):
            return Found([], Path("runs"), [str(source)])
        if runs or others:
            return Found(runs, source, unfinished=others)
    if source.is_file():
        return Found([], Path("runs"), [str(source)])
    return Found(runs_of(source), source.resolve().parent)


def runs_of(source: Path) -> list[Run]:
    """The run itself, or the finished runs below a folder, the newest first. Raises UserError where there is none."""
    if not source.exists():
        what, fix = "no such run, data or folder", "give what `neocog train` made, or what it is to train on"
        raise UserError(what, printable(str(source)), fix)
    if is_trained(Run(source)):
        return [Run(source)]
    if Run(source).plan.is_file():
        raise UserError(
            "this run has no trained network yet", printable(str(source)), f"`neocog resume {source}` ends it"
        )
    if runs := newest(source):
        return runs
    what = "there is no trained run below this folder"
    raise UserError(what, printable(str(source)), "`neocog train digits` makes one in half a minute")


def is_trained(run: Run) -> bool:
    return run.model_json.is_file()


def is_unfinished(run: Run) -> bool:
    return run.plan.is_file() and not run.report.is_file() and not run.model_json.is_file()


def newest(folder: Path) -> list[Run]:
    runs = sorted(below(folder, is_trained), key=lambda run: run.model_json.stat().st_mtime, reverse=True)
    return runs[:MOST_RUNS]


def unfinished(folder: Path) -> list[Run]:
    return list(islice(below(folder, is_unfinished), MOST_RUNS))


def below(folder: Path, wanted: Callable[[Run], bool], depth: int = 5) -> Iterator[Run]:
    """Runs below a folder, hidden folders and those inside runs left out."""
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.is_symlink() or not path.is_dir():
                continue
            run = Run(path)
            if wanted(run):
                yield run
            elif depth and not is_trained(run) and not run.plan.is_file():
                yield from below(path, wanted, depth - 1)
