"""``resume``: a run goes on exactly where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neocog.config import Config, changed
from neocog.data.readers.memory import given
from neocog.data.split import read_splits
from neocog.engine.interrupt import leaving
from neocog.engine.lock import NAME
from neocog.errors import UserError, listed, raise_all
from neocog.predictor import path_of
from neocog.pretrained import recorded_source
from neocog.progress import Progress
from neocog.results import Results, returned
from neocog.run import Run
from neocog.tasks.task import Data
from neocog.verbs.crossvalidate import crossvalidate, describe_folds, summarise_if_last, waits_for_refit
from neocog.verbs.fit import ready, record_split
from neocog.verbs.folder import (
    begun,
    complete_for_all,
    held,
    is_complete,
    left_behind,
)
from neocog.verbs.nodes import same_job, same_start, together, with_own
from neocog.verbs.plan import CHANGEABLE, AfterEpoch, Launch, Plan, read_plan, recorded
from neocog.verbs.prepare import arrange, as_recorded, read
from neocog.verbs.stages import train_stages
from neocog.verbs.surroundings import differs, read_facts


@returned
def resume(
    folder: Path | str | Run,
    quiet: bool = False,
    allow_changed: bool = False,
    change: Mapping[str, Any] | None = None,
    after_epoch: AfterEpoch | None = None,
    data: Any = None,
) -> Results:
    """Go on exactly where a run stopped; a run that is complete is left as it is. Raises UserError.

    ``allow_changed``: also on data that have changed since. Images keep the part that splits.csv gives them; new ones are
    left out. ``change``: settings of the training that are other from now on, which the run's history and its report say.
    ``data``: those of a run that was given them in memory, once more.
    """
    with given(data):
        return Results(resumed(path_of(folder), quiet, allow_changed, change or {}, after_epoch).folder)


def resumed(
    run: Run,
    quiet: bool,
    allow_changed: bool,
    change: Mapping[str, Any],
    after_epoch: AfterEpoch | None,
    asked: Config | None = None,
) -> Run:
    """``resume``. ``asked``: by a command that says once more where this node's data lie, and how many threads it has."""
    with leaving() as guard, together() as ranks:
        progress = Progress(quiet or not ranks.is_writer)
        with ranks.all_or_none():
            plan, config, facts = _opened(run, change)
            if asked is not None and not ranks.is_writer:
                config = with_own(config, asked)
        same_start(config, True, ranks)
        if complete_for_all(run, ranks):
            return _complete(run, progress, change)
        guard.saved = lambda: run.folder
        with held(run, ranks):
            with ranks.all_or_none():
                if ranks.is_writer and read_plan(run) != plan:
                    raise UserError("another process has changed this run just now", str(run.folder), "try again")
            if complete_for_all(run, ranks):
                return _complete(run, progress, change)
            surroundings = list(differs(facts, ranks))
            for what in surroundings:
                progress.say(f"  will not be bit-identical to an uninterrupted run: {what}", "yellow")
            fold = plan.fold if plan else facts.get("fold")
            command = plan.command if plan else facts.get("command", [])
            may_change = {*change, *(plan.changed if plan else ())}
            launch = Launch(ranks, progress, command, fold, may_change, surroundings, after_epoch)
            _go_on(run, config, launch, plan, allow_changed)
        if fold is not None:
            finish_if_last(Run(run.folder.parent), launch)
    return run


def finish_if_last(run: Run, launch: Launch) -> None:
    """What is left of folds that are jobs of their own, done by the last of them: the training on all samples with --refit, and
    the summary."""
    ranks = launch.ranks
    if ranks.broadcast_text("refit" if ranks.is_writer and waits_for_refit(run) else "") != "refit":
        summarise_if_last(run, launch)
        return
    try:
        resumed(run, launch.progress.quiet, False, {}, launch.after_epoch)
    except UserError as error:
        launch.progress.say(f"  the training on all samples is left to do: {error.what}", "yellow")


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
    data = read(config, launch.progress, ranks, True, source)
    with ranks.all_or_none():
        data = as_recorded(data, run)
        raise_all(_other_classes(plan, data))
        known = read_splits(run.splits_csv) if allow_changed and not whole and run.splits_csv.is_file() else None
        quiet = Progress(quiet=True) if whole else launch.progress
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


def _complete(run: Run, progress: Progress, change: Mapping[str, Any]) -> Run:
    if change:
        fix = "start a new run with other settings"
        raise UserError("this run is complete: there is nothing left to change", str(run.folder), fix)
    progress.say(f"{run.folder} is already complete: {run.report}")
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
