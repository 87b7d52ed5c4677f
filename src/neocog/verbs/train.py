"""``train`` and ``resume``: from data to a run folder with a report."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from neocog.config import Config, from_run
from neocog.data.learned import THUMBNAILS, write_thumbnails
from neocog.data.split import changes, read_splits, write_splits
from neocog.engine import checkpoint
from neocog.engine.batchnorm import synchronise_batchnorm
from neocog.engine.interrupt import Interrupted, guarded
from neocog.engine.lock import lock
from neocog.engine.loop import Learner, Loop, learner, restore
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.engine.repeatable import repeatable
from neocog.environment import environment
from neocog.errors import UserError, raise_all
from neocog.interop.by_hand import HandOptimizer
from neocog.networks.memory_format import reorder
from neocog.run import Run, to_json, write_atomically
from neocog.studies.job import Job
from neocog.verbs.ahead import planned, unused
from neocog.verbs.baseline import train_baseline
from neocog.verbs.crossvalidate import crossvalidate
from neocog.verbs.extractor import train_extractor
from neocog.verbs.finish import finish_run
from neocog.verbs.job import arrange, as_recorded, parted, read, untaught
from neocog.verbs.screen import Screen
from neocog.verbs.session import data_name
from neocog.verbs.watch import watcher


def train(data: str | Path, out: str | Path | None = None, quiet: bool = False, **settings: Any) -> Run:
    """Train on ``data`` and return the run: ``train("digits", model="lenet5", epochs=5)``.

    ``settings`` are the fields of ``neocog.config``; unknown ones are the model's options. Raises UserError.
    """
    folder = None if out is None else Path(out)
    return start(
        planned(Config(), {"data": data_name(data), **settings}, folder),
        folder,
        quiet,
        command=["neocog", "train", str(data)],
    )


def start(config: Config, out: Path | None, quiet: bool, command: Sequence[str]) -> Run:
    """Begin a run in a new folder (``out``, or runs/TASK/DATA-MODEL, numbered).

    Nothing is written before data and settings have been found good.
    """
    with together(config) as ranks:
        screen = Screen(quiet or not ranks.is_writer)
        if out is not None:
            unused(out)
        data = read(config, screen)
        fold = 0 if config.data.folds else None
        raise_all(fault for k in range(config.data.folds) for fault in untaught(data, parted(data, config, k), k))
        job = arrange(config, data, ranks, screen, fold)
        fresh = ready(job, ranks)
        folder = out or new_folder(job.config)
        run = Run(Path(ranks.told(str(folder))))
        if ranks.is_writer:
            make(run.folder)
        with held(run, ranks):
            if config.data.folds:
                crossvalidate(job.config, data, run, ranks, screen, command)
            else:
                learn(job, fresh, run, ranks, screen, command, fold)
    return run


def resume(folder: Path | str, quiet: bool = False, allow_changed: bool = False) -> Run:
    """Go on exactly where a run stopped; a run that is complete is left as it is. Raises UserError.

    ``allow_changed``: also on data that have changed since. Images keep the part that splits.csv gives them; new ones are
    left out.
    """
    run = Run(Path(folder))
    config = from_run(run.config)
    if is_complete(run):
        Screen(quiet).say(f"{folder} is already complete: {run.report}")
        return run
    facts = json.loads(run.environment.read_text(encoding="utf-8")) if run.environment.is_file() else {}
    command, fold = facts.get("command", []), facts.get("fold")
    with together(config) as ranks, held(run, ranks):
        screen = Screen(quiet or not ranks.is_writer)
        for what in differs(facts, ranks):
            screen.say(f"  will not be bit-identical to an uninterrupted run: {what}", "yellow")
        data = as_recorded(read(config, screen, resumed=True), run)
        if config.data.folds and fold is None:
            crossvalidate(config, data, run, ranks, screen, command)
        else:
            recorded = read_splits(run.splits) if allow_changed and run.splits.is_file() else None
            job = arrange(config, data, ranks, screen, fold, recorded)
            if recorded and ranks.is_writer:
                record_split(job, run)
            learn(job, ready(job, ranks), run, ranks, screen, command, fold)
    return run


def is_complete(run: Run) -> bool:
    """Whether nothing is left to do: the report is the last file that a run writes."""
    return run.result.is_file() and run.report.is_file()


@contextmanager
def together(config: Config) -> Iterator[Ranks]:
    """All the processes that torchrun started, or this one alone."""
    ranks = Ranks.from_environment()
    wanted = config.training.device
    ranks.start("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    try:
        yield ranks
    finally:
        ranks.stop()


@contextmanager
def held(run: Run, ranks: Ranks) -> Iterator[None]:
    """The run folder's lock, held by the process that writes it. A Ctrl-C that no step of the training hears leaves a run
    that can go on, or none."""
    try:
        with lock(run.folder) if ranks.is_writer else nullcontext():
            yield
    except KeyboardInterrupt:
        if run.config.is_file():
            raise Interrupted(signal.SIGINT, run.folder) from None
        if ranks.is_writer:
            shutil.rmtree(run.folder, ignore_errors=True)  # without its settings it could not go on
        raise


def ready(job: Job, ranks: Ranks) -> Learner:
    """Fresh networks and optimizers on their device, computing the same at every run on the same machine."""
    config = job.config.training
    repeatable(config.threads)
    fresh = learner(job.task, config, job.feed.device)
    if config.engine == "numpy":
        fresh.optimizers = {name: HandOptimizer.like(optimizer) for name, optimizer in fresh.optimizers.items()}
    for net in (*fresh.nets.values(), *fresh.means.values()):
        synchronise_batchnorm(net, ranks)
        if config.engine == "torch":
            reorder(net)
    return fresh


def learn(
    job: Job, fresh: Learner, run: Run, ranks: Ranks, screen: Screen, command: Sequence[str], fold: int | None
) -> None:
    """Learn and finish: the same for a new run and for one that goes on."""
    if job.config.training.baseline:
        train_baseline(job, run, ranks, screen, command, fold)
    if job.study.features:
        train_extractor(job, run, ranks, screen, command, fold)
    precision = choose(job.config.training.device, job.config.training.precision)
    if job.config.training.engine != "torch":
        precision = replace(precision, why=f"as --engine {job.config.training.engine} computes")
    parameters = sum(p.numel() for net in fresh.nets.values() for p in net.parameters())
    screen.say(f"{job.config.model.model}: {parameters:,} parameters, in {precision.name} ({precision.why})")
    if ranks.is_writer:
        describe(job, run, ranks, command, fold)
        checkpoint.writable(run.checkpoints, 16 * parameters)
    started = time.monotonic()
    loop = Loop(job.task, job.feed, job.config.training, precision, ranks, run, job.dataset)
    begin(loop, fresh, screen)
    with screen.bar("training", fresh.counters.steps) as advance, guarded() as guard:
        advance(fresh.counters.step)
        loop.train(fresh, guard, watcher(loop, screen, advance, lambda: job.study.after_epoch(job, fresh, run)))
    if ranks.is_writer:
        finish_run(job, fresh, loop, screen, time.monotonic() - started)


def begin(loop: Loop, fresh: Learner, screen: Screen) -> None:
    """Put the newest sound checkpoint into the learner, or plan a new run."""
    saved = checkpoint.latest(loop.run.checkpoints) if loop.run.checkpoints.is_dir() else None
    if saved is None:
        per_epoch, config = loop.feed.batches.per_epoch, loop.config
        steps = config.epochs * per_epoch if config.epochs else affordable(loop, fresh)
        fresh.counters.steps = int(loop.ranks.told(str(steps)))
        return
    for reason in saved.skipped:
        screen.say(f"  damaged checkpoint passed over: {reason}", "yellow")
    restore(fresh, saved)
    screen.say(f"going on from step {saved.step:,} of {fresh.counters.steps:,}")


def affordable(loop: Loop, fresh: Learner) -> int:
    """How many steps fit in --minutes: a copy of the networks takes a few, timed, and validation gets its share."""
    budget = loop.config.minutes * 60
    trial = copy.deepcopy(fresh)
    trial.counters.steps = 10**6
    times: list[float] = []
    started = before = time.monotonic()
    for step, pieces in loop.feed.training(0, 10**6):
        loop.step(trial, step, pieces)
        times.append(time.monotonic() - before)
        before = time.monotonic()
        enough = before - started > min(5.0, 0.05 * budget) or len(times) >= 50
        if len(times) >= 3 and loop.ranks.any(enough):  # clocks differ, and no rank may go on alone
            break
    typical = sorted(times[1:])[len(times[1:]) // 2]
    parts = loop.feed.parts
    validation = len(parts["validation"]) / max(1, len(parts["train"])) / 2.5
    return max(1, int(0.93 * (budget - (before - started)) / (typical * (1 + validation))))


def describe(job: Job, run: Run, ranks: Ranks, command: Sequence[str], fold: int | None) -> None:
    """Write what a run is before it starts; a run that goes on is held against it instead."""
    if run.splits.is_file():
        differing = changes(read_splits(run.splits), job.dataset, job.parts, job.data.digests, job.data.told)
        if differing:
            raise UserError(
                "the data have changed since this run began",
                differing,
                "restore them, start a new run, or add --allow-changed",
            )
        return
    write_environment(run, ranks, command, fold)
    write_atomically(run.config, job.config.to_toml())
    record_split(job, run)  # the last: it says that the others are there


def record_split(job: Job, run: Run) -> None:
    """splits.csv: which sample stands where, and what it is by its content."""
    data = job.data
    write_thumbnails(run.folder / THUMBNAILS, [record.thumbnail for record in data.records], job.parts)
    write_splits(run.splits, data.dataset, job.parts, data.digests, data.told, data.pixel_digests, data.families)


def write_environment(run: Run, ranks: Ranks, command: Sequence[str], fold: int | None) -> None:
    """environment.json: with what, and by which command, the run is computed."""
    facts = {**environment(), "command": list(command), "fold": fold, "processes": ranks.world}
    write_atomically(run.environment, to_json(facts))


def differs(written: dict[str, Any], ranks: Ranks) -> Iterator[str]:
    """What of the surroundings has changed since the run began and changes the last digits of the numbers."""
    now = environment()
    pairs = {
        "torch": (written.get("versions", {}).get("torch"), now["versions"]["torch"]),
        "the processor": (written.get("cpu", {}).get("name"), now["cpu"]["name"]),
        "the number of processes": (written.get("processes"), ranks.world),
    }
    for name, (before, after) in pairs.items():
        if before is not None and before != after:
            yield f"{name} was {before}, is {after}"


def new_folder(config: Config) -> Path:
    """Where a new run goes by itself; an existing one is never written over."""
    stem = Path(config.data.data).name.split(".")[0] or "data"
    base = Path("runs") / config.data.task / f"{stem}-{Path(config.model.model).name.replace(':', '-')}"
    out, number = base, 2
    while out.exists():
        out, number = base.with_name(f"{base.name}-{number}"), number + 1
    return out


def make(folder: Path) -> None:
    """Make the run folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the run folder: {error.strerror}", str(folder), "give another --out") from None


def command_line() -> list[str]:
    """The command that repeats this run."""
    return ["neocog", *sys.argv[1:]]
