"""A classifier whose features and classes judge what a task draws: a run of its own, in ``extractor/`` below the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neocog.config import ModelConfig, TrainConfig
from neocog.data.split import Manifest
from neocog.engine.ranks import Ranks
from neocog.run import Run
from neocog.studies import study_of
from neocog.studies.job import Job
from neocog.verbs.job import arrange
from neocog.verbs.screen import Screen

SEEN = 192_000  # images at most, those of each epoch counted: enough for 99 % on MNIST
NETWORK = ModelConfig("cnn", {"widths": (16, 32, 64), "hidden": 64})


def train_extractor(job: Job, run: Run, ranks: Ranks, screen: Screen, command: Sequence[str], fold: int | None) -> None:
    """Train it first, on the same split, unless that is done, another is given, or the data have no classes to learn."""
    from neocog.verbs.train import is_complete, learn, make, ready

    if job.config.training.extractor or not job.dataset.has_classes or len(job.dataset.classes) < 2:
        return
    own = Run(run.folder / "extractor")
    if ranks.told("complete" if ranks.is_writer and is_complete(own) else "") == "complete":
        return
    screen.say(f"a classifier first, whose features will judge: {NETWORK.model} on the same data", "bold")
    if ranks.is_writer:
        make(own.folder)
    given = job.config.training
    training = TrainConfig(
        epochs=min(20, max(1, round(SEEN / job.feed.batches.count))),
        augment=("off",),
        precision=given.precision,
        device=given.device,
        threads=given.threads,
        workers=given.workers,
        memory=given.memory,
        seed=given.seed,
    )
    config = replace(job.config, data=replace(job.config.data, task="classification"), model=NETWORK, training=training)
    data = replace(job.data, study=study_of("classification"))
    recorded = Manifest.of(job.dataset, job.parts)
    plain = arrange(config, data, ranks, Screen(quiet=True), fold, recorded)
    learn(plain, ready(plain, ranks), own, ranks, Screen(quiet=True), command, fold)
