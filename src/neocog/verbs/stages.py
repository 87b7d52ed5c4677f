"""The trainings of one run in their order: a trial, a baseline, a classifier for evaluation, a curve, then the network itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neocog.config import Config, ModelConfig, TrainConfig, TransferConfig, from_tables, names_of
from neocog.documents import read_json
from neocog.engine.learner import Learner
from neocog.engine.precision import choose
from neocog.errors import UserError
from neocog.run import Run
from neocog.tasks import task_named
from neocog.tasks.task import Session
from neocog.traits import task_of
from neocog.verbs.baseline import BASELINE, MODEL
from neocog.verbs.curve import folder, of_share, subsets
from neocog.verbs.features import training_features
from neocog.verbs.fit import describe, fit, ready
from neocog.verbs.halves import decided, is_open, trial_stages
from neocog.verbs.plan import Launch, read_plan
from neocog.verbs.stage import Stage, train_stage
from neocog.verbs.transfer import solvable, start_from

EXTRACTOR = "extractor"
SEEN = 192_000  # images at most, those of each epoch counted: enough for 99 % on MNIST
SHORT = 10.0  # minutes, of which it takes a fifth
NETWORK = ModelConfig("cnn", {"widths": (16, 32, 64), "hidden": 64})


def train_stages(session: Session, fresh: Learner, asked: Config, run: Run, launch: Launch) -> None:
    """Train what comes first, unless that is done, and then the network itself, from its ``fresh`` weights.

    The run is described before all of it, so that it can go on wherever it was stopped. Raises UserError where the task has
    no baseline.
    """
    ranks, first = launch.ranks, first_asked(asked, run, launch)
    with ranks.all_or_none():
        names = [stage.name for stage in (*trial_stages(session, first), *stages_of(session, first))]
        if ranks.is_writer:
            describe(session, asked, [*names, "."], run, launch)
    if names and ranks.world == 1 and session.config.transfer.pretrained and solvable(session.config, session.data):
        keep_features(session, fresh, run, launch)
    if is_open(session):
        session, first = decided(session, first, run, launch)
        fresh = ready(session, ranks)
    for stage in stages_of(session, first):
        train_stage(stage, session, run, launch)
    fit(session, fresh, run, launch, float(ranks.broadcast_text(str(spent(run) if ranks.is_writer else 0.0))))


def keep_features(session: Session, fresh: Learner, run: Run, launch: Launch) -> None:
    """Compute once what the stages, which learn from parts of the training part, would each compute of their own."""
    training = session.config.training
    start_from(session, fresh)
    net, precision = fresh.nets[session.task.network], choose(training.device, training.precision)
    training_features(session, net, precision, run, launch.progress)


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
            says = f"a network trained on 1/{share} of the training part: {count:,} samples"
            config = of_share(session, asked, share, count)
            yield Stage(folder(share), says, config, session.data, quiet=False, parts=parts)


def _baseline(session: Session) -> Stage:
    """A network that knows no neighbourhood: what the convolution buys is the difference."""
    if session.config.model.model == MODEL:
        raise UserError(f"--baseline: {MODEL} is the baseline itself", fix="leave one of the two out")
    if "baseline" not in session.task.settings:
        raise UserError(f"--baseline: {MODEL} is not a network for {session.task.name}", fix="leave it out")
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
