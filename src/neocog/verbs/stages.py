"""The trainings of one run in their order: a baseline and a classifier for evaluation in folders of their own, then the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config, ModelConfig, TrainConfig, TransferConfig, from_tables, names_of
from neocog.data.split import Manifest
from neocog.documents import read_json
from neocog.engine.learner import Learner
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks import task_named
from neocog.tasks.task import Data, Session
from neocog.traits import task_of
from neocog.verbs.baseline import BASELINE, MODEL
from neocog.verbs.curve import folder, of_share, subsets
from neocog.verbs.fit import describe, fit, ready
from neocog.verbs.folder import complete_for_all, held
from neocog.verbs.plan import Launch, read_plan
from neocog.verbs.prepare import arrange

EXTRACTOR = "extractor"
SEEN = 192_000  # images at most, those of each epoch counted: enough for 99 % on MNIST
SHORT = 10.0  # minutes, of which it takes a fifth
NETWORK = ModelConfig("cnn", {"widths": (16, 32, 64), "hidden": 64})


@dataclass(frozen=True)
class Stage:
    """A training before the one that was asked for, on the same split: a run of its own below the run's folder."""

    name: str  # of its folder
    says: str
    config: Config
    data: Data
    quiet: bool
    parts: NDArray[np.str_] | None = None  # (N,) of the samples, if not those of the network itself


def train_stages(session: Session, fresh: Learner, asked: Config, run: Run, launch: Launch) -> None:
    """Train what comes first, unless that is done, and then the network itself, from its ``fresh`` weights.

    The run is described before all of it, so that it can go on wherever it was stopped. Raises UserError where the task has
    no baseline.
    """
    ranks = launch.ranks
    with ranks.all_or_none():
        stages = list(stages_of(session, first_asked(asked, run, launch)))
        if ranks.is_writer:
            describe(session, asked, [*(stage.name for stage in stages), "."], run, launch)
    for stage in stages:
        own = Run(run.folder / stage.name)
        if complete_for_all(own, ranks):
            continue
        launch.progress.say(stage.says, "bold")
        quiet = Progress(quiet=True)
        parts = Manifest.of(session.dataset, session.parts if stage.parts is None else stage.parts)
        one = arrange(stage.config, stage.data, ranks, quiet, launch.fold, parts)
        below = replace(launch, after_epoch=None, progress=quiet if stage.quiet else launch.progress)
        learner = ready(one, ranks)
        with held(own, ranks):
            with ranks.all_or_none():
                if ranks.is_writer:
                    describe(one, stage.config, ["."], own, below)
            fit(one, learner, own, below)
    fit(session, fresh, run, launch, float(ranks.broadcast_text(str(spent(run) if ranks.is_writer else 0.0))))


def spent(run: Run) -> float:
    """Seconds of --minutes that the classifier for evaluation took. A baseline has as many minutes of its own."""
    result = Run(run.folder / EXTRACTOR).result
    return float(read_json(result)["seconds"]) if result.is_file() else 0.0


def first_asked(asked: Config, run: Run, launch: Launch) -> Config:
    """The settings as they were given when the run began, before any was resolved, with those that were changed since."""
    whole = run if launch.fold is None else Run(run.folder.parent)  # a fold is told what the first one resolved
    plan = read_plan(whole)
    if plan is None:
        return asked
    now = {name: getattr(asked.training, name) for name in launch.changed if name in names_of(TrainConfig)}
    given = from_tables(plan.asked, str(run.plan))
    return replace(given, training=replace(given.training, **now))


def stages_of(session: Session, asked: Config) -> Iterator[Stage]:
    """What is trained before the network of ``session``. Raises UserError where that makes no sense."""
    if session.config.training.baseline:
        yield _baseline(session)
    known = session.dataset.has_classes and len(session.dataset.classes) > 1
    if session.task.features and known and not session.config.training.extractor:
        yield _extractor(session)
    if session.config.training.curve:
        for share, parts in subsets(session.data, session.parts, session.config.data.split_seed).items():
            count = int((parts == "train").sum())
            says = f"a network of 1/{share} of the training part: {count:,} samples"
            config = of_share(session, asked, share, count)
            yield Stage(folder(share), says, config, session.data, quiet=False, parts=parts)


def _baseline(session: Session) -> Stage:
    """A network that knows no neighbourhood: what the convolution buys is the difference."""
    if session.config.model.model == MODEL:
        raise UserError(f"--baseline: {MODEL} is the baseline itself", fix="leave one of the two out")
    if "baseline" not in session.task.settings:
        raise UserError(f"--baseline: {MODEL} is no network for {session.task.name}", fix="leave it out")
    model = replace(session.config.model, model=MODEL, options={})
    training = replace(session.config.training, baseline=False)
    config = replace(session.config, model=model, transfer=TransferConfig(), training=training)
    return Stage(BASELINE, f"the baseline first: {MODEL} on the same data", config, session.data, quiet=False)


def _extractor(session: Session) -> Stage:
    """A classifier whose features and classes evaluate what a task generates."""
    given = session.config.training
    hurried = 0 < given.minutes <= SHORT  # its share of the minutes: a neighbour may have slowed it down
    training = TrainConfig(
        epochs=0 if hurried else min(20, max(1, round(SEEN / session.loader.batches.count))),
        minutes=given.minutes / 5 if hurried else 0.0,
        augment=("off",),
        precision=given.precision,
        device=given.device,
        threads=given.threads,
        workers=given.workers,
        memory=given.memory,
        seed=given.seed,
    )
    task = task_of("classes")
    config = replace(
        session.config, data=replace(session.config.data, task=task, task_options={}), model=NETWORK, training=training
    )
    says = f"a classifier first, whose features evaluate the images: {NETWORK.model} on the same data"
    return Stage(EXTRACTOR, says, config, replace(session.data, task=task_named(task)), quiet=True)
