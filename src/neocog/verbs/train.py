"""``train`` and ``resume``: from data to a run folder with a report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neocog.config import Config, changed, from_tables
from neocog.data.split import read_splits
from neocog.engine.interrupt import leaving
from neocog.engine.lock import NAME
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, listed, raise_all
from neocog.pretrained import recorded_source
from neocog.progress import Screen
from neocog.run import Run
from neocog.tasks.task import Data
from neocog.verbs.ahead import planned
from neocog.verbs.crossvalidate import crossvalidate, describe_folds, fold_runs, summarise_if_last, train_fold
from neocog.verbs.fit import ready, record_split
from neocog.verbs.folder import (
    begun,
    complete_for_all,
    held,
    is_complete,
    left_behind,
    make,
    new_folder,
    outside,
    unused,
)
from neocog.verbs.nodes import OWN, same_job, same_start, together, with_own
from neocog.verbs.plan import CHANGEABLE, AfterEpoch, Launch, Plan, differing, read_plan, recorded, told
from neocog.verbs.prepare import anywhere, arrange, as_recorded, parted, read, untaught
from neocog.verbs.session import data_name
from neocog.verbs.stages import train_stages
from neocog.verbs.surroundings import differs, read_facts

BRIEFLY = 60.0  # s to wait for another job of the same folds, which holds their folder only to describe or to sum up


def train(
    data: str | Path,
    out: str | Path | None = None,
    quiet: bool = False,
    go_on: bool = False,
    fold: int | None = None,
    after_epoch: AfterEpoch | None = None,
    **settings: Any,
) -> Run:
    """Train on ``data`` and return the run: ``train("digits", model="lenet5", epochs=5)``.

    ``settings`` are the fields of ``neocog.config``; unknown ones are the model's options. ``go_on``: where ``out`` holds
    this very run already, go on with it, or leave it where it is complete. ``fold``: of ``folds``, train this one alone
    (from 1). ``after_epoch`` gets each epoch's row of metrics.csv and may raise ``neocog.Stop``, which saves the run and
    raises Interrupted. Raises UserError.
    """
    folder = None if out is None else Path(out)
    asked, own = {"data": data_name(data), **settings}, None if go_on or fold is not None else folder
    with together() as ranks:
        with ranks.all_or_none():
            config = planned(Config(), asked, own)
        return start(config, folder, quiet, ["neocog", "train", str(data)], go_on, fold, after_epoch)


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
            return _resumed(own, quiet, False, {}, after_epoch, asked)
        screen = Screen(quiet or not ranks.is_writer)
        data = read(config, screen, ranks)
        with ranks.all_or_none():
            raise_all(fault for k in range(config.data.folds) for fault in untaught(data, parted(data, config, k), k))
            session = arrange(config, data, ranks, screen, 0 if config.data.folds else None)
            fresh = ready(session, ranks)  # what is wrong with the network is told before anything is written
        same_job(session, ranks)
        run = _taken(out or session.config, ranks)
        guard.saved = lambda: run.folder if begun(run) else None
        launch = Launch(ranks, screen, command, after_epoch=after_epoch)
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
            summarise_if_last(run, launch)
    return run


def _own(config: Config, out: Path | None, go_on: bool, fold: int | None) -> Run | None:
    """The run that the command is about, if it may have begun already. Raises UserError for what contradicts itself."""
    if fold is not None and not 1 <= fold <= config.data.folds:
        count = config.data.folds
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
    return Run(Path(ranks.told(str(folder))))


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
        yield UserError(f"this run was begun with other settings: {told(differs)}", str(out), fix)


def resume(
    folder: Path | str,
    quiet: bool = False,
    allow_changed: bool = False,
    change: Mapping[str, Any] | None = None,
    after_epoch: AfterEpoch | None = None,
) -> Run:
    """Go on exactly where a run stopped; a run that is complete is left as it is. Raises UserError.

    ``allow_changed``: also on data that have changed since. Images keep the part that splits.csv gives them; new ones are
    left out. ``change``: settings of the training that are other from now on, which the run's history and its report say.
    """
    return _resumed(Run(Path(folder)), quiet, allow_changed, change or {}, after_epoch)


def _resumed(
    run: Run,
    quiet: bool,
    allow_changed: bool,
    change: Mapping[str, Any],
    after_epoch: AfterEpoch | None,
    asked: Config | None = None,
) -> Run:
    """``resume``. ``asked``: by a command that says once more where this node's data lie, and how many threads it has."""
    with leaving() as guard, together() as ranks:
        screen = Screen(quiet or not ranks.is_writer)
        with ranks.all_or_none():
            plan, config, facts = _opened(run, change)
            if asked is not None and not ranks.is_writer:
                config = with_own(config, asked)
        same_start(config, True, ranks)
        if complete_for_all(run, ranks):
            return _complete(run, screen, change)
        guard.saved = lambda: run.folder
        with held(run, ranks):
            with ranks.all_or_none():
                if ranks.is_writer and read_plan(run) != plan:
                    raise UserError("another process has changed this run just now", str(run.folder), "try again")
            if complete_for_all(run, ranks):
                return _complete(run, screen, change)
            surroundings = list(differs(facts, ranks))
            for what in surroundings:
                screen.say(f"  will not be bit-identical to an uninterrupted run: {what}", "yellow")
            fold = plan.fold if plan else facts.get("fold")
            command = plan.command if plan else facts.get("command", [])
            may_change = {*change, *(plan.changed if plan else ())}
            launch = Launch(ranks, screen, command, fold, may_change, surroundings, after_epoch)
            _go_on(run, config, launch, plan, allow_changed)
        if fold is not None:
            summarise_if_last(Run(run.folder.parent), launch)
    return run


def _opened(run: Run, change: Mapping[str, Any]) -> tuple[Plan | None, Config, dict[str, Any]]:
    """What the run is, with which settings it goes on, and with what it was computed so far. Raises UserError."""
    if not begun(run) and (run.folder / NAME).is_file() and all(map(left_behind, run.folder.iterdir())):
        fix = "give the command that was to begin it once more"
        raise UserError("nothing had begun here when it was stopped", str(run.folder), fix)
    plan = read_plan(run)
    config = with_changes(recorded(run, plan, {name.replace("-", "_") for name in change}), change)
    return plan, config, {} if is_complete(run) else read_facts(run)


def _go_on(run: Run, config: Config, launch: Launch, plan: Plan | None, allow_changed: bool) -> None:
    """Read the data again, as the run recorded them, and train what is not done."""
    ranks, whole = launch.ranks, config.data.folds and launch.fold is None
    with ranks.all_or_none():
        source = recorded_source(run)
    data = read(config, launch.screen, ranks, True, source)
    with ranks.all_or_none():
        data = as_recorded(data, run)
        raise_all(_other_classes(plan, data))
        known = read_splits(run.splits_csv) if allow_changed and not whole and run.splits_csv.is_file() else None
        quiet = Screen(quiet=True) if whole else launch.screen
        session = arrange(config, data, ranks, quiet, 0 if whole else launch.fold, known)
        fresh = ready(session, ranks)
    same_job(session, ranks)
    with ranks.all_or_none():
        if whole and ranks.is_writer:
            describe_folds(session, config, run, launch)
        elif known and ranks.is_writer:
            record_split(session, run)
    if whole:
        crossvalidate(config, data, run, launch)
    else:
        train_stages(session, fresh, config, run, launch)


def _complete(run: Run, screen: Screen, change: Mapping[str, Any]) -> Run:
    if change:
        fix = "start a new run with other settings"
        raise UserError("this run is complete: there is nothing left to change", str(run.folder), fix)
    screen.say(f"{run.folder} is already complete: {run.report}")
    return run


def with_changes(config: Config, change: Mapping[str, Any]) -> Config:
    """``config`` with settings that another stretch of the same run may have. Raises UserError for all others."""
    names = [name.replace("-", "_") for name in change]
    makes_another = [name for name in names if name not in CHANGEABLE]
    if makes_another:
        fix = f"can be changed: {', '.join(sorted(CHANGEABLE))}; for others start a new run"
        raise UserError(f"--change: {listed(makes_another)} cannot be changed within a run", fix=fix)
    return changed(config, dict(zip(names, change.values(), strict=True)))


def _other_classes(plan: Plan | None, data: Data) -> Iterator[UserError]:
    """Classes are what the network's outputs mean: none may come, go or be called otherwise."""
    now = data.dataset.classes
    if plan is not None and plan.classes != tuple(now):
        gone, new = (
            listed(c for c in a if c not in b) or "none" for a, b in ((plan.classes, now), (now, plan.classes))
        )
        fix = "give the classes their names back, or start a new run"
        yield UserError(f"the classes have changed since this run began: gone: {gone}; new: {new}", fix=fix)


def command_line() -> list[str]:
    """The command that repeats this run."""
    return ["neocog", *sys.argv[1:]]
