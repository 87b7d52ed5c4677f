"""``train --folds K``: K trainings, each tested on another fold, and what they say together; ``--repeats``: all of it anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from neocog.config import Config, from_tables
from neocog.data.split import content_digest
from neocog.engine.lock import lock
from neocog.errors import UserError, faults_of, raise_all
from neocog.pretrained import write_record
from neocog.run import Run
from neocog.tasks.task import Data, Session
from neocog.verbs.curve import subsets
from neocog.verbs.fit import ready
from neocog.verbs.fold_summary import summarise
from neocog.verbs.folder import begun, complete_for_all, held, is_complete
from neocog.verbs.parted import parted, untaught
from neocog.verbs.plan import Launch, changes_text, plan_of, read_plan, write_environment, write_plan
from neocog.verbs.prepare import arrange
from neocog.verbs.refit import refit
from neocog.verbs.stages import train_stages


def crossvalidate(config: Config, data: Data, run: Run, launch: Launch) -> None:
    """Train every fold in a folder of its own below the run folder, then write the summary result.json and report.html.

    Folds that are complete are left as they are, so that ``resume`` of the run folder goes on where it stopped.
    """
    for fold in range(config.data.trainings):
        train_fold(config, data, run, replace(launch, fold=fold))
    parts = fold_runs(run, config)
    with launch.ranks.all_or_none():
        raise_all(misplaced(parts) if launch.ranks.is_writer else ())
    seconds = refit(config, data, run, parts, launch) if config.training.refit else 0.0
    if launch.ranks.is_writer:
        summarise(run, parts, config, launch.progress, seconds)


def unfit(config: Config, data: Data) -> Iterator[UserError]:
    """Folds that cannot be trained: told before the first one is."""
    for fold in range(config.data.trainings):
        parts = parted(data, config, fold)
        yield from untaught(data, parts, fold)
        if config.training.curve:
            yield from faults_of(lambda parts=parts: subsets(data, parts, config.data.split_seed))  # type: ignore[misc]


def misplaced(parts: Sequence[Run]) -> Iterator[UserError]:
    """Folds that are not what their folders' names say: their mean would count one of them twice."""
    for fold, part in enumerate(parts):
        plan = read_plan(part)
        if plan is not None and plan.fold != fold:
            what = f"this is fold {'none' if plan.fold is None else plan.fold + 1}, not fold {fold + 1}"
            yield UserError(what, str(part.folder), "put the right folder in its place, or remove it to train it again")


def train_fold(config: Config, data: Data, run: Run, launch: Launch) -> None:
    """Train the fold of ``launch``, unless that is done."""
    assert launch.fold is not None
    ranks, own = launch.ranks, fold_runs(run, config)[launch.fold]
    launch.progress.say(f"fold {launch.fold + 1} of {config.data.trainings}", "bold")
    with held(own, ranks):
        if not complete_for_all(own, ranks):
            session = arrange(config, data, ranks, launch.progress, launch.fold)
            train_stages(session, ready(session, ranks), config, own, launch)


def fold_runs(run: Run, config: Config) -> list[Run]:
    """The runs of the folds, the first one's folder being fold-1."""
    return [Run(run.folder / f"fold-{fold + 1}") for fold in range(config.data.trainings)]


def describe_folds(session: Session, asked: Config, run: Run, launch: Launch) -> None:
    """Write what the whole is, before any fold. ``session``: of the first fold; each fold resolves its settings anew."""
    stages = [each.folder.name for each in fold_runs(run, session.config)]
    stages += ["."] if session.config.training.refit else []
    content = content_digest(
        session.dataset, np.full(len(session.dataset), ""), session.data.digests, session.data.target_texts
    )
    new, plan = plan_of(session.config, asked, session.dataset.classes, stages, launch, content), read_plan(run)
    if plan is None and not begun(run):
        write_plan(run, new)
    elif plan is not None:
        undeclared = plan.undeclared(new.settings, launch.changed)
        comparable = not launch.changed and plan.version == new.version
        if undeclared or (comparable and plan.identity != new.identity):
            what = changes_text(undeclared) if undeclared else "the data have changed"
            raise UserError(f"these folds were started differently: {what}", str(run.plan), "give another --out")
        write_plan(run, plan.after(new.settings, 0))
    write_environment(run, launch)
    if session.data.source is not None and session.data.source.taken:
        write_record(run, session.data.source)


def waits_for_refit(run: Run) -> bool:
    """Whether every fold is complete, and the training on all samples is not."""
    plan = read_plan(run)
    config = from_tables(plan.settings, str(run.plan)) if plan else Config()
    return config.training.refit and not is_complete(run) and all(map(is_complete, fold_runs(run, config)))


def summarise_if_last(run: Run, launch: Launch) -> None:
    """Sum up where every fold is complete: of several jobs, the last one does. Who holds the whole does it for all."""
    plan = read_plan(run) if launch.ranks.is_writer else None
    config = from_tables(plan.settings, str(run.plan)) if plan else Config()
    parts = fold_runs(run, config)
    if not parts or is_complete(run) or not all(map(is_complete, parts)):
        return
    try:
        raise_all(misplaced(parts))
        with lock(run.folder, patience=60):
            if not is_complete(run):
                summarise(run, parts, config, launch.progress)
    except UserError as error:
        launch.progress.say(f"  the folds are not summed up: {error.what}", "yellow")
