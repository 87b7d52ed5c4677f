"""ONE training: fresh networks, the loop, and what is written of it; a run that goes on is held against its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from neocog.config import Config
from neocog.data.learned import THUMBNAILS, write_thumbnails
from neocog.data.split import changes, content_digest, read_splits, write_splits
from neocog.documents import expected
from neocog.engine import checkpoint
from neocog.engine.batchnorm import synchronise_batchnorm
from neocog.engine.groups import Groups
from neocog.engine.interrupt import CALLER, Guard, Stop, guarded
from neocog.engine.learner import Learner, learner, restore
from neocog.engine.loop import Loop
from neocog.engine.minutes import Minutes
from neocog.engine.pace import Pace
from neocog.engine.precision import choose
from neocog.engine.precision_trial import settled
from neocog.engine.ranks import Ranks
from neocog.engine.repeatable import repeatable
from neocog.engine.threads import Threads
from neocog.engine.tuning import tune
from neocog.errors import UserError
from neocog.interop.numpy_module import NumpyOptimizer
from neocog.limits import cores
from neocog.networks.memory_format import reorder
from neocog.pretrained import write_record
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.adversarial import under_attack
from neocog.tasks.task import Session
from neocog.verbs.finish import finish_run, trained
from neocog.verbs.nodes import same_checkpoint, same_run
from neocog.verbs.plan import AfterEpoch, Launch, changes_text, plan_of, read_plan, write_environment, write_plan
from neocog.verbs.probe import probe
from neocog.verbs.transfer import compares, only_the_head, start_from
from neocog.verbs.watch import watcher

Finish = Callable[[Session, Learner, Loop, Progress, float], None]


def fit(
    session: Session, fresh: Learner, run: Run, launch: Launch, spent: float = 0.0, finish: Finish | None = None
) -> None:
    """Learn and finish, in a folder that describes the run: the same for a new one and for one that goes on.

    ``spent``: seconds of --minutes that stages before it took. ``finish``: what is written at its end, if not what
    ``finish_run`` writes.
    """
    ranks, progress = launch.ranks, launch.progress
    precision = choose(session.config.training.device, session.config.training.precision)
    if session.config.training.engine != "torch":
        precision = replace(precision, why=f"as --engine {session.config.training.engine} computes")
    parameters = sum(p.numel() for net in fresh.nets.values() for p in net.parameters())
    progress.say(f"{session.config.model.model}: {parameters:,} parameters, in {precision.name} ({precision.why})")
    with ranks.all_or_none():
        if ranks.is_writer:
            training = session.config.training
            more = min(training.keep_checkpoints, training.epochs or training.keep_checkpoints)
            checkpoint.writable(run.checkpoints, 16 * parameters, more)
        plan = read_plan(run)
    started, known = time.monotonic(), plan.identities if plan else [""]
    same_run(run, known, ranks)
    share = 60 * session.config.training.minutes / max(1, session.config.data.trainings)
    pace = Pace(Minutes(share), Threads(cores()))
    loop = Loop(
        under_attack(session.objective, session.config.training, session.loader),
        session.loader,
        session.config.training,
        precision,
        ranks,
        run,
        session.dataset,
        known[0],
        pace,
        worst_most(session),
        only_the_end=compares(session.config, session.data),
    )
    begin(loop, fresh, progress, known, session)
    if not only_the_head(session.config):
        loop = settled(loop, fresh)
        pace.begin(loop, fresh, spent)
    if loop.precision != precision:
        progress.say(f"steps in {loop.precision.name}: {loop.precision.why} (--precision fixes it)")
    if pace.threads.most > 1 and fresh.counters.threads:
        number = fresh.counters.threads[-1][1]
        progress.say(f"threads: {number}, by a trial (--threads fixes the number, and so the last digits)")
    with progress.bar("training", fresh.counters.steps) as advance, guarded() as guard:
        advance(fresh.counters.step)
        tell = heeding(launch.after_epoch, guard)
        loop.train(
            fresh,
            guard,
            watcher(loop, progress, advance, lambda: session.task.after_epoch(session, trained(fresh), run), tell),
        )
    if ranks.is_writer:
        (finish or finish_run)(session, fresh, loop, progress, time.monotonic() - started)


def heeding(after_epoch: AfterEpoch | None, guard: Guard) -> Callable[[Mapping[str, float]], None]:
    """Tell the caller of each epoch; its Stop counts as a signal does."""

    def tell(row: Mapping[str, float]) -> None:
        try:
            if after_epoch is not None:
                after_epoch(dict(row))
        except Stop:
            guard.signal = guard.signal or CALLER

    return tell


def ready(session: Session, ranks: Ranks) -> Learner:
    """Fresh networks and optimizers on their device, computing the same at every run on the same machine."""
    config = session.config.training
    repeatable(config.threads or 1)  # if they are not given, the first steps say how many
    fresh = learner(session.objective, config, session.loader.device)
    if config.engine == "numpy":
        fresh.optimizers = {name: NumpyOptimizer.like(optimizer) for name, optimizer in fresh.optimizers.items()}
    if session.config.transfer.pretrained:
        tune(fresh, session.task.network, session.config.transfer, config)
    for net in (*fresh.nets.values(), *fresh.ema.values()):
        synchronise_batchnorm(net, ranks)
        if config.engine == "torch":
            reorder(net)
    return fresh


def begin(loop: Loop, fresh: Learner, progress: Progress, known: Collection[str], session: Session) -> None:
    """Put the newest sound checkpoint into the learner, or plan a new run, from pretrained weights if it has some.

    ``known``: this run's identities, now and before.
    """
    with loop.ranks.all_or_none():
        saved = checkpoint.latest(loop.run.checkpoints) if loop.run.checkpoints.is_dir() else None
    same_checkpoint(saved, loop.run, loop.ranks)
    per_epoch, config = loop.loader.batches.per_epoch, loop.config
    if saved is None:
        if loop.ranks.is_writer and loop.run.metrics_csv.is_file():
            progress.say("  no checkpoint of this run is left: it starts again from its first step", "yellow")
        with loop.ranks.all_or_none():
            start_from(session, fresh)
        probe(session, loop, fresh, progress)
        fresh.counters.steps = config.epochs * per_epoch  # 0: as many as fit in --minutes
        fresh.counters.per_epoch = per_epoch
        return
    if any(known) and saved.run not in known:
        fix = "put this run's own checkpoints back, or remove the folder to train again from its beginning"
        raise UserError("the newest checkpoint is another run's, or of an older version", str(saved.folder), fix)
    for reason in saved.skipped:
        progress.say(f"  damaged checkpoint skipped: {reason}", "yellow")
    with expected(saved.folder, "remove this checkpoint: the one before it is taken then"):
        restore(fresh, saved)
        if not 0 <= fresh.counters.step <= fresh.counters.steps:
            raise ValueError(f"step {fresh.counters.step} of {fresh.counters.steps}")
    counters = fresh.counters
    if counters.per_epoch not in (0, per_epoch):  # other data, or another batch: the place in the epoch is kept
        counters.step = counters.step * per_epoch // counters.per_epoch
        counters.steps = counters.steps * per_epoch // counters.per_epoch
        counters.plans = [[each * per_epoch // counters.per_epoch for each in plan] for plan in counters.plans]
    counters.per_epoch = per_epoch
    if config.epochs:
        counters.steps = max(counters.step, config.epochs * per_epoch)
    progress.say(f"going on from step {counters.step:,} of {counters.steps:,}")


def describe(session: Session, asked: Config, stages: Sequence[str], run: Run, launch: Launch) -> None:
    """Write what a run is before it starts; a run that goes on is held against it instead."""
    data, plan = session.data, read_plan(run)
    if plan is None and not run.config.is_file():
        content = content_digest(session.dataset, session.parts, data.digests, data.target_texts)
        plan = plan_of(session.config, asked, session.dataset.classes, stages, launch, content)
    if plan is not None:
        settings = session.config.tables()
        undeclared = plan.undeclared(settings, launch.changed)
        if undeclared:
            raise UserError(
                f"this run was started with other settings: {changes_text(undeclared)}", str(run.plan), "put them back"
            )
        write_plan(run, plan.after(settings, newest_step(run), launch.surroundings))
    write_environment(run, launch)
    source = session.data.source
    if source is not None and source.taken and session.config.transfer.pretrained:
        write_record(run, source)
    if not run.splits_csv.is_file():
        record_split(session, run)
        return
    altered = changes(read_splits(run.splits_csv), session.dataset, session.parts, data.digests, data.target_texts)
    if altered:
        fix = f"restore them (or {run.splits_csv}, if that was edited), start a new run, or add --allow-changed"
        raise UserError("the data have changed since this run began", altered, fix)


def newest_step(run: Run) -> int:
    """The step of the newest checkpoint by its name, sound or not; 0 where there is none."""
    names = [path.name.removeprefix("step-") for path in run.checkpoints.glob("step-*")]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def record_split(session: Session, run: Run) -> None:
    """splits.csv: which sample stands where, and what it is by its content."""
    data = session.data
    write_thumbnails(run.folder / THUMBNAILS, data.records, session.parts)
    write_splits(
        run.splits_csv, data.dataset, session.parts, data.digests, data.target_texts, data.pixel_digests, data.families
    )


def worst_most(session: Session) -> Groups | None:
    """The groups of the training part, where the worst of them counts most."""
    if session.config.training.group_weights != "dro":
        return None
    return Groups.of(session.dataset, session.loader.parts["train"])
