"""The linear probe of a training: epoch 0 of what begins with pretrained weights, and answers of samples that it had not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import Module

from neocog.engine.counters import Counters
from neocog.engine.interrupt import Guard
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.precision import Precision
from neocog.engine.probe import logits_by_folds, solve
from neocog.engine.ridge import solve_values, values_by_folds
from neocog.networks.head import set_head
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Data, Session, Task
from neocog.verbs.features import training_features
from neocog.verbs.transfer import solvable
from neocog.verbs.watch import write_metrics


@dataclass(frozen=True)
class Problem:
    """(V, n, F) ``features`` of V views, (n,) classes or (n, T) values in standard deviations, (n,) ``weights`` and ``units`` of
    the samples."""

    features: NDArray[np.float32]
    targets: NDArray[Any]
    weights: NDArray[np.float64]
    units: list[str]


def problem(session: Session, net: Module, precision: Precision, run: Run, progress: Progress) -> Problem:
    """What is solved for the head of ``net``."""
    task, loader = session.task, session.loader
    features, targets, samples = training_features(session, net, precision, run, progress)
    weights = np.ones(len(samples)) if loader.weights is None else loader.weights[samples].astype(np.float64)
    if task.probe == "classes":
        of_classes = getattr(session.objective, "class_weights", ())
        weights = weights * (np.array(of_classes)[targets] if of_classes else 1.0)
    else:
        facts = task.facts(session)
        targets = (targets.astype(np.float64) - facts["mean"]) / facts["std"]
    return Problem(features, targets, weights, units(session.data, samples))


def probe(session: Session, loop: Loop, fresh: Learner, progress: Progress) -> None:
    """Solve for the head of a pretrained network, before the first step: epoch 0. Not every task has one."""
    task, data = session.task, session.data
    if not session.config.transfer.pretrained or not solvable(session.config, data):
        return
    net, seed = fresh.nets[task.network], session.config.training.seed
    given = problem(session, net, loop.precision, loop.run, progress)
    if task.probe == "classes":
        classes = len(data.dataset.classes)
        found = solve(given.features, given.targets, classes, given.weights, given.units, seed)
    else:
        found = solve_values(given.features, given.targets, given.weights, given.units, seed)
    set_head(net, torch.from_numpy(found.weight), torch.from_numpy(found.bias))
    loop.ranks.broadcast(net)  # nodes may round otherwise
    if fresh.ema:
        fresh.ema[task.network].load_state_dict(net.state_dict())
    counters, (views, count, size) = fresh.counters, given.features.shape
    counters.inverse_penalty, counters.loss, counters.seen = found.inverse_penalty, found.loss * count, count
    loop.end_epoch(fresh, Guard())
    row = counters.rows[0]
    shown = ", ".join(
        f"{name.replace('_', ' ')} {row[name]:.4f}" for name in row if name.startswith(("train", "valid"))
    )
    of_views = f" of {views} views" * (views > 1)
    progress.say(f"linear probe on {size:,} features{of_views} (C = {found.inverse_penalty:.3g}): {shown}")
    if loop.ranks.is_writer:
        write_metrics(loop.run, counters.rows)


def outputs_by_folds(session: Session, loop: Loop, learner: Learner) -> NDArray[np.float32] | None:
    """(n, K) or (n, V) what the network would give for each training sample, had its head been solved for without it; None where
    there can be no folds."""
    net, seed, inverse = (
        learner.nets[session.task.network],
        session.config.training.seed,
        learner.counters.inverse_penalty,
    )
    given = problem(session, net, loop.precision, loop.run, Progress(quiet=True))
    if session.task.probe == "classes":
        classes = len(session.dataset.classes)
        return logits_by_folds(given.features, given.targets, classes, inverse, given.weights, given.units, seed)
    return values_by_folds(given.features, given.targets, inverse, given.weights, given.units, seed)


def units(data: Data, samples: NDArray[np.int64]) -> list[str]:
    """(n,) what stays in one fold: a sample's group, else its family of near copies, else itself."""
    groups, families = data.dataset.groups, data.families
    found = []
    for sample in samples.tolist():
        group = "" if groups is None else str(groups[sample])
        family = str(families[sample]) if len(families) else ""
        found.append(f"group {group}" if group else f"family {family}" if family else f"sample {sample}")
    return found


def probe_lines(counters: Counters, task: Task, views: int) -> Iterator[str]:
    """What the report says of a probe that learned from so many views of each sample."""
    if not counters.inverse_penalty:
        return
    way = "logistic" if task.probe == "classes" else "ridge"
    more = f" and of {views - 1} augmented versions of each" * (views > 1)
    yield (
        f"Epoch 0 is a linear probe: only the last layer, fitted by {way} regression on the features of the unaugmented "
        f"training samples{more}, with C = {counters.inverse_penalty:.3g} chosen by cross-validation."
    )
    validates = any(name.startswith("validation") for name in counters.rows[0])
    if counters.best_epoch == 0:
        more = " Tuning more layers was no better on the validation part." if counters.epochs else ""
        yield f"Its weights are kept.{more}"
    if counters.epochs == 0 and not validates:
        yield "There is no validation part: calibration uses the cross-validated predictions of the probe on the training part."
