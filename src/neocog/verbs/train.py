"""``train``: from data to a run folder with a report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neocog.config import Config, from_file, from_tables
from neocog.data.readers.memory import given
from neocog.engine.interrupt import leaving
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, raise_all
from neocog.progress import Progress
from neocog.results import Results, returned
from neocog.run import Run
from neocog.verbs.ahead import planned
from neocog.verbs.crossvalidate import crossvalidate, describe_folds, fold_runs, train_fold, unfit
from neocog.verbs.fit import ready
from neocog.verbs.folder import (
    begun,
    held,
    is_complete,
    make,
    new_folder,
    outside,
    unused,
)
from neocog.verbs.halves import without_validation
from neocog.verbs.nodes import OWN, same_job, same_start, together
from neocog.verbs.plan import CHANGEABLE, AfterEpoch, Launch, changes_text, differing, read_plan
from neocog.verbs.prepare import anywhere, arrange, read
from neocog.verbs.resume import finish_if_last, resumed
from neocog.verbs.session import data_name
from neocog.verbs.stages import train_stages

BRIEFLY = 60.0  # s to wait for another job of the same folds, which holds their folder only to describe or to sum up


@returned
def train(
    data: str | Path | Any,
    out: str | Path | None = None,
    quiet: bool = False,
    go_on: bool = False,
    fold: int | None = None,
    after_epoch: AfterEpoch | None = None,
    config: str | Path | None = None,
    **settings: Any,
) -> Results:
    """Train on ``data`` and return the run: ``train("digits", model="lenet5", epochs=5)``.

    ``data``: a path, a known name, or what is in memory: (images, labels), (images, masks), a frame of paths and labels, a
    torch or a Hugging Face Dataset. ``settings`` are the fields of ``neocog.config``; unknown ones are the model's options.
    ``go_on``: where ``out`` holds this very run already, go on with it, or leave it where it is complete. ``fold``: of
    ``folds``, train this one alone (from 1). ``after_epoch`` gets each epoch's row of metrics.csv and may raise ``neocog.Stop``,
    which saves the run and raises Interrupted; a notebook's stop button saves it and returns it. ``config``: a TOML file, or the
    name of a recipe ("speed"), which ``settings`` overrule. Raises UserError.
    """
    folder = None if out is None else Path(out)
    own = None if go_on or fold is not None else folder
    with given(data) as name, together() as ranks:
        with ranks.all_or_none():
            base = Config() if config is None else from_file(config)
            asked = planned(base, {"data": data_name(name), **settings}, own)
        command = ["neocog", "train", str(name)]
        return Results(start(asked, folder, quiet, command, go_on, fold, after_epoch).folder)


def start(
    config: Config,
    out: Path | None,
    quiet: bool,
    command: Sequence[str],
    go_on: bool = False,
    fold: int | None = None,
    after_epoch: AfterEpoch | None = None,
) -> Run:
    """Begin a run in a new folder (``out``, or runs/TASK/DATA-MODEL, numbered), or go on with it.

    Nothing is written before data and settings have been found good.
    """
    asked = anywhere(config)
    with leaving() as guard, together() as ranks:
        with ranks.all_or_none():
            own = _own(config, out, go_on, fold)
            goes_on = own is not None and begun(own)
            raise_all(_other(asked, out, ranks) if goes_on and out is not None else ())
            if not goes_on:
                outside(out or Path("runs"), config.data.data)
        same_start(config, goes_on, ranks)
        if own is not None and goes_on:
            there = own.folder
            guard.saved = lambda: there
            return resumed(own, quiet, False, {}, after_epoch, asked)
        progress = Progress(quiet or not ranks.is_writer)
        data = read(config, progress, ranks)
        with ranks.all_or_none():
            config = without_validation(config, data, progress)
            raise_all(unfit(config, data))
            session = arrange(config, data, ranks, progress, 0 if config.data.folds else None)
            fresh = ready(session, ranks)  # what is wrong with the network is told before anything is written
        same_job(session, ranks)
        run = _taken(out or session.config, ranks)
        guard.saved = lambda: run.folder if begun(run) else None
        launch = Launch(ranks, progress, command, after_epoch=after_epoch)
        with held(run, ranks, BRIEFLY if fold else 0):
            with ranks.all_or_none():
                if ranks.is_writer and out is not None:
                    _free(out, fold)  # another process may have been quicker in reading
                if config.data.folds and ranks.is_writer:
                    describe_folds(session, asked, run, launch)
            if config.data.folds and fold is None:
                crossvalidate(session.config, data, run, launch)
            elif fold is None:
                train_stages(session, fresh, asked, run, launch)
        if fold is not None:
            guard.saved = lambda: fold_runs(run, config)[fold - 1].folder
            train_fold(session.config, data, run, replace(launch, fold=fold - 1))
            finish_if_last(run, launch)
    return run


def _own(config: Config, out: Path | None, go_on: bool, fold: int | None) -> Run | None:
    """The run that the command is about, if it may have begun already. Raises UserError for what contradicts itself."""
    if fold is not None and not 1 <= fold <= config.data.trainings:
        count = config.data.trainings
        what = f"--fold {fold}: there are {count} folds" if count else f"--fold {fold} needs --folds, their number"
        raise UserError(what, fix=f"give --fold 1 to {count}" if count else "give --folds 5 and --fold 1 to 5")
    if out is None:
        missing = "--go-on" if go_on else "--fold" if fold is not None else ""
        if missing:
            raise UserError(f"{missing} needs to know the run's folder", fix="add --out FOLDER")
        return None
    if not go_on:
        _free(out, fold)
    if fold is not None:
        return fold_runs(Run(out), config)[fold - 1] if go_on else None
    if go_on and not begun(Run(out)):
        unused(out)
    return Run(out) if go_on else None


def _free(out: Path, fold: int | None) -> None:
    """Raise UserError where ``out`` is not free for this command: jobs of other folds may be there already."""
    if fold is None or not begun(Run(out)):
        unused(out)
    else:
        unused(out / f"fold-{fold}", whole=out)


def _taken(out: Path | Config, ranks: Ranks) -> Run:
    """The run's folder, made by the process that writes it."""
    folder = Path()
    with ranks.all_or_none():
        if ranks.is_writer:
            folder = new_folder(out) if isinstance(out, Config) else out
            make(folder)
    return Run(Path(ranks.broadcast_text(str(folder))))


def _other(asked: Config, out: Path, ranks: Ranks) -> Iterator[UserError]:
    """What was asked for when the run began, and is not now. What nodes may have each their own is recorded of the writer's."""
    plan = read_plan(Run(out))
    if plan is None:
        yield UserError("this run is older than --go-on", str(out), "neocog resume it")
        return
    before = anywhere(from_tables(plan.asked, str(Run(out).plan))).tables()
    own = () if ranks.is_writer else OWN
    differs = {
        n: pair for n, pair in differing(before, asked.tables()).items() if pair[1] != plan.now(n) and n not in own
    }
    if differs:
        fix = "give the settings with which it was begun, or another --out"
        if differs.keys() <= CHANGEABLE and not is_complete(Run(out)):
            edits = " ".join(f"{name}={now}" for name, (_, now) in differs.items())
            fix += f"; to go on with others: neocog resume {shlex.quote(str(out))} --change {edits}"
        yield UserError(f"this run was started with other settings: {changes_text(differs)}", str(out), fix)


def command_line() -> list[str]:
    """The command that repeats this run."""
    return ["neocog", *sys.argv[1:]]
