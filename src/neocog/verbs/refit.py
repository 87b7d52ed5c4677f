"""``train --folds K --refit``: after the folds, the network that is kept learns from all samples. What it is worth, the folds say.

It lies in the run's own folder, where ``predict`` and all other verbs find it. Nothing is left to choose or to measure it by: it
learns for as many epochs as were best in the folds (their median), and what else is learned of samples that a network has not seen,
such as a temperature, is learned of the folds' answers on their test parts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median_low
from typing import Any

import numpy as np

from neocog.config import Config
from neocog.data.split import Manifest
from neocog.documents import read_json
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.errors import count
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Data, Session
from neocog.verbs.finish import kept, parts_of
from neocog.verbs.fit import fit, ready, record_split
from neocog.verbs.fold_summary import summed_up
from neocog.verbs.held_out import held_out
from neocog.verbs.plan import Launch
from neocog.verbs.prepare import arrange


def refit(config: Config, data: Data, run: Run, folds: Sequence[Run], launch: Launch) -> float:
    """Train on all samples in the folder of the whole, once all ``folds`` are complete; its seconds. Goes on where it stopped."""
    ranks, begun = launch.ranks, time.monotonic()
    with ranks.all_or_none():
        median = best_epochs(folds) if ranks.is_writer else 0
    epochs = int(ranks.broadcast_text(str(median)))
    with ranks.all_or_none():
        of_all = Manifest.of(data.dataset, np.where(data.kept, "train", ""))
        length = count(epochs, "epoch") if epochs else "its last layer alone"
        launch.progress.say(f"the network that is kept: {int(data.kept.sum()):,} samples, {length}", "bold")
        session = arrange(as_folds_did(config, epochs), data, ranks, launch.progress, None, of_all)
        fresh = ready(session, ranks)
        if ranks.is_writer and not run.splits_csv.is_file():
            record_split(session, run)

    def finish(session: Session, learner: Learner, loop: Loop, progress: Progress, seconds: float) -> None:
        finish_refit(session, learner, loop, folds, progress)

    fit(session, fresh, run, launch, finish=finish)
    return time.monotonic() - begun


def best_epochs(folds: Sequence[Run]) -> int:
    """The median of the folds' best epochs, of an even number the lower one; 0: the linear probe was kept."""
    return median_low(int(read_json(fold.result)["best_epoch"]) for fold in folds)


def as_folds_did(config: Config, epochs: int) -> Config:
    """The folds' settings for a training in which nothing validates: what these chose is given."""
    tune = config.transfer.tune
    tune = "head" if config.transfer.pretrained and not epochs else "all" if tune == "auto" else tune
    training = replace(config.training, epochs=epochs, minutes=0.0, patience=0, baseline=False, curve=False)
    transfer = replace(config.transfer, tune=tune if config.transfer.pretrained else config.transfer.tune)
    return replace(config, training=training, transfer=transfer)


def finish_refit(session: Session, learner: Learner, loop: Loop, folds: Sequence[Run], progress: Progress) -> None:
    """Write the network, with what was learned of the folds' answers, and whose measures it stands for."""
    saved, task, parts = kept(session, learner, loop), session.task, parts_of(session, loop)
    predictor = saved({})
    with progress.bar("folds' answers", len(folds) * len(parts["train"])) as advance:
        learned = task.learned(predictor, held_out(folds, session, advance), session, parts, advance)
    saved({**learned, "refit": stated(session, learner, folds)})


def stated(session: Session, learner: Learner, folds: Sequence[Run]) -> dict[str, Any]:
    """What model.json says of its measures: whose they are."""
    data, results = session.config.data, [read_json(fold.result) for fold in folds]
    measure, found = next(iter(summed_up(results, folds, data).items()))
    sure = {name: found[name] for name in ("value", "low", "high") if found[name] is not None}
    return {
        "folds": data.folds, "repeats": data.repeats, "samples": session.counts()["train"],
        "epochs": learner.counters.epochs, "measure": measure, "n": found["n"],
        **{name: value for name, value in sure.items() if math.isfinite(value)},
    }  # fmt: skip
