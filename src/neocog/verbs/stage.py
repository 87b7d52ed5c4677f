"""A training before the one that was asked for: a run of its own, in a folder below the run's, on the samples of the same data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.split import Manifest
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Data, Session
from neocog.verbs.fit import describe, fit, ready
from neocog.verbs.folder import complete_for_all, held
from neocog.verbs.plan import Launch
from neocog.verbs.prepare import arrange


@dataclass(frozen=True)
class Stage:
    """What is trained, and what is said of it."""

    name: str  # of its folder
    says: str
    config: Config
    data: Data
    quiet: bool
    parts: NDArray[np.str_] | None = None  # (N,) of the samples, if not those of the network itself


def train_stage(stage: Stage, session: Session, run: Run, launch: Launch) -> None:
    """Train it below the folder of ``run``, whose training is ``session``, unless that is done."""
    ranks, own = launch.ranks, Run(run.folder / stage.name)
    if complete_for_all(own, ranks):
        return
    launch.progress.say(stage.says, "bold")
    one, progress = arranged(stage, session, launch), Progress(quiet=True) if stage.quiet else launch.progress
    below = replace(launch, after_epoch=None, progress=progress)
    learner = ready(one, ranks)
    with held(own, ranks):
        with ranks.all_or_none():
            if ranks.is_writer:
                describe(one, stage.config, ["."], own, below)
        fit(one, learner, own, below)


def arranged(stage: Stage, session: Session, launch: Launch) -> Session:
    """The stage's own session."""
    parts = Manifest.of(session.dataset, session.parts if stage.parts is None else stage.parts)
    return arrange(stage.config, stage.data, launch.ranks, Progress(quiet=True), launch.fold, parts)
