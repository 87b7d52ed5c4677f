"""``--tune auto`` of few samples: whether tuning pays is tried on two halves of the training part, each answering for the other.

A tenth of few samples is too few to choose by, and is missed where the network learns. So none validates: the probe and the tuned
network learn from one half, each in a folder of its own, and answer for the other. Every training sample is answered once by both,
neither of which had seen it. Then the network itself learns from all of them, as it was decided.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import Config, DataConfig
from neocog.data.nested import halved
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.threads import timed
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.run import Run, write_atomically
from neocog.tasks.task import Data, Session
from neocog.verbs.fit import ready
from neocog.verbs.folder import begun
from neocog.verbs.held_out import held_out, tested
from neocog.verbs.parted import parted
from neocog.verbs.plan import Launch
from neocog.verbs.probe import units
from neocog.verbs.stage import Stage, arranged, train_stage
from neocog.verbs.transfer import compares, start_from
from neocog.verbs.trial import Trial, parse_trial, stage_name, trial_file, tried

ENOUGH = 100  # validation samples that can tell: of fewer, a tenth answered otherwise is within chance
LEAST = 20  # training samples of which halves tell anything
BUDGET = 600.0  # s that trial and tuning may take, in all folds, where neither --epochs nor --minutes are given


def without_validation(config: Config, data: Data, progress: Progress) -> Config:
    """The settings of a run that begins: where ``--split`` is the usual one, and too few samples would validate to choose by, none
    does, and a trial chooses."""
    usual, given = DataConfig().split, data.dataset.splits
    chooses = compares(config, data) and config.data.split == usual and not config.data.unseen
    if not chooses or (given is not None and (given == "validation").any()):
        return config
    few = int((parted(data, config, 0 if config.data.folds else None) == "validation").sum())
    if few >= ENOUGH:
        return config
    progress.say(
        f"  {few} validation {data.dataset.form} would be too few to choose by: they are used for training, and a trial on "
        "two halves of the training part decides whether every layer is tuned"
    )
    return replace(config, data=replace(config.data, split=(usual[0] + usual[1], 0.0, usual[2])))


def is_open(session: Session) -> bool:
    """Whether a trial decides what is tuned: nothing validates."""
    return compares(session.config, session.data) and not (session.parts == "validation").any()


def trial_stages(session: Session, asked: Config) -> list[Stage]:
    """The probe on each half, and then the tuned network on each; none where too few samples would be halved."""
    parts = halves(session) if is_open(session) else []
    return [_stage(session, asked, half, tune, one) for tune in ("head", "all") for half, one in enumerate(parts, 1)]


def halves(session: Session) -> list[NDArray[np.str_]]:
    """(N,) parts of the samples, twice: what trains in one is the test part of the other. Groups and near copies stay whole."""
    data, train = session.data, np.flatnonzero(session.parts == "train")
    by_class, seed = data.task.labels == "classes", session.config.data.split_seed
    try:
        (first,) = halved(data.dataset, data.contents, data.families, train, seed, by_class, 1)
    except UserError:
        return []
    second = np.setdiff1d(train, first)
    one_class = by_class and any(len(np.unique(data.dataset.labels[half])) < 2 for half in (first, second))
    found = []
    for learned, held in ((first, second), (second, first)):
        found.append(np.full(len(session.parts), "", object))
        found[-1][learned], found[-1][held] = "train", "test"
    return [] if one_class or len(train) < LEAST else found


def _stage(session: Session, asked: Config, half: int, tune: str, parts: NDArray[np.str_]) -> Stage:
    given, count = asked.training, int((parts == "train").sum())
    training = replace(given, curve=False, baseline=False, batch=min(given.batch, count))
    training = _shorter(training, tune, 4)
    config = replace(
        asked,
        data=session.config.data,
        model=session.config.model,
        training=training,
        transfer=replace(asked.transfer, tune=tune),
    )
    what = "the last layer alone" if tune == "head" else "every layer"
    says = f"trial {half} of 2: {what} trained on {count:,} training samples, tested on the others"
    return Stage(stage_name(half, tune), says, config, session.data, quiet=tune == "head", parts=parts)


def _shorter(training: Any, tune: str, share: int) -> Any:
    """``training`` in 1/``share`` of the minutes; a head takes no steps."""
    return replace(
        training,
        epochs=0 if tune == "head" else training.epochs,
        minutes=0.0 if tune == "head" else training.minutes / share,
    )


def decided(session: Session, asked: Config, run: Run, launch: Launch) -> tuple[Session, Config]:
    """``session`` and the settings ``asked`` for, with what a trial decides. It is made where it has not been, and recorded."""
    ranks, file = launch.ranks, trial_file(run)
    known = ranks.broadcast_text(file.read_text(encoding="utf-8") if ranks.is_writer and file.is_file() else "")
    trial = parse_trial(known, file) if known else _made(session, asked, run, launch)
    if ranks.is_writer:
        write_atomically(file, trial.to_json())
        for stage in trial_stages(
            session, asked
        ):  # their networks calibrate the next; the way to them is needed no more
            shutil.rmtree(run.folder / stage.name / "checkpoints", ignore_errors=True)
    launch.progress.say(trial.why, "bold")
    return replace(session, config=_after(session.config, trial)), _after(asked, trial)


def _after(config: Config, trial: Trial) -> Config:
    """``config`` of what follows. Half of the minutes went into the trial."""
    return replace(
        config,
        training=_shorter(config.training, trial.tune, 2),
        transfer=replace(config.transfer, tune=trial.tune),
    )


def _made(session: Session, asked: Config, run: Run, launch: Launch) -> Trial:
    """Train what is tried, and compare."""
    stages, count = trial_stages(session, asked), int((session.parts == "train").sum())
    if not stages:
        return Trial("head", f"the probe is kept: {count} training samples are too few for a trial on two halves")
    first, most = stages[2], (60 * asked.training.minutes or BUDGET) / max(1, asked.data.trainings)
    if not asked.training.epochs and not launch.ranks.broadcast_text("begun" * begun(Run(run.folder / first.name))):
        seconds = float(launch.ranks.broadcast_text(str(_seconds(session, arranged(first, session, launch), launch))))
        if seconds > most:
            why = (
                f"the probe is kept: a trial and tuning every layer would take about {math.ceil(seconds / 60)} minutes, more than "
                f"{most / 60:.2g} (--minutes gives more, --tune all tunes without a trial)"
            )
            return Trial("head", why)
    for stage in stages:
        train_stage(stage, session, run, launch)
    found = ""
    with launch.ranks.all_or_none():
        if launch.ranks.is_writer:
            found = _compared(session, run, launch.progress).to_json()
    return parse_trial(launch.ranks.broadcast_text(found), trial_file(run))


def _seconds(session: Session, half: Session, launch: Launch) -> float:
    """What tuning takes, of two halves and the whole, by the time of a few steps: all epochs, or with --minutes one at least."""
    training, ranks = half.config.training, launch.ranks
    fresh, precision = ready(half, ranks), choose(training.device, training.precision)
    with tempfile.TemporaryDirectory(prefix="neocog-trial-") as folder:
        loop = Loop(half.objective, half.loader, training, precision, ranks, Run(Path(folder)), half.dataset)
        start_from(half, fresh)
        (each,) = timed(loop, fresh, [torch.get_num_threads()]).values()
    per_epoch = 2 * half.loader.batches.per_epoch + session.loader.batches.per_epoch
    return each * per_epoch * max(1, training.epochs)


def _compared(session: Session, run: Run, progress: Progress) -> Trial:
    """Both networks' answers on every training sample, paired."""
    with progress.bar("comparing", 2 * int((session.parts == "train").sum())) as advance:
        before, after = (_losses(session, held_out(tried(run, tune), session, advance)) for tune in ("head", "all"))
    gain = before - after
    samples = np.concatenate([tested(one, session) for one in tried(run, "head")])
    tunes = pays(gain, units(session.data, samples))
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    on = f"better on {better:,}, worse on {worse:,} of {len(gain):,} training samples that neither had learned from"
    why = f"every layer is tuned: that was {on}" if tunes else f"the probe is kept: tuning every layer was {on}"
    why += ", which is within chance" * (not tunes and better > worse)
    return Trial("all" if tunes else "head", why, len(gain), better, worse)


def pays(gain: NDArray[np.float64], units: Sequence[str]) -> bool:
    """Whether the sum of ``gain`` (n,) is above a standard error of it, what repeats being ``units`` (n,) such as groups.

    Tuning is the dearer of the two and no safe default, hence the one-standard-error rule (Breiman et al. 1984).
    """
    _, of = np.unique(units, return_inverse=True)
    gains = np.bincount(of, gain)
    return bool(gains.sum() > np.sqrt(np.square(gains).sum()))


def _losses(session: Session, answers: Any) -> NDArray[np.float64]:
    """(n,) 1 where a class is wrong; of values the squared error, in standard deviations of the training part."""
    if session.task.probe == "classes":
        wrong: NDArray[np.float64] = (answers.logits.argmax(axis=1) != answers.labels).astype(np.float64)
        return wrong
    squares: NDArray[np.float64] = np.square(answers.error / session.task.facts(session)["std"]).mean(axis=1)
    return squares
