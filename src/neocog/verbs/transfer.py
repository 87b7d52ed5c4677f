"""Pretrained weights in a training: what they make of the images, which of them fit, how they get in and are learned further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.dataset import Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.angles import period_of
from neocog.data.readers.sequences import sequence_plan
from neocog.data.resize import plan_notes, shape_plan
from neocog.engine.counters import Counters
from neocog.engine.interrupt import Guard
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.probe import features_of, solve
from neocog.engine.ridge import solve_values
from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.head import set_head
from neocog.pretrained import Needs, Source, load_into, matched
from neocog.pretrained.tensors import sha256
from neocog.progress import Progress
from neocog.tasks.task import Data, Session, Task
from neocog.verbs.session import decoding_of, headers
from neocog.verbs.watch import write_metrics


def planned_shape(config: Config, dataset: Dataset, source: Source | None) -> tuple[Preprocessing, Sequence[str]]:
    """(what all samples become, what is to be said of it): as the settings say, else as pretrained weights need, else as the
    data are."""
    data, needs = config.data, source.needs if source else Needs()
    if needs.form not in ("", dataset.form):
        what = f"weights for {needs.form} do not see {dataset.form}"
        raise UserError(what, needs.record, f"give weights of a run on {dataset.form}, or leave --from out")
    if dataset.form == "sequences":
        return sequence_plan(dataset.images, data.size or needs.size), ()
    known = headers(dataset)
    fit = data.fit if data.fit != "auto" else needs.fit
    plan = shape_plan(known, data.channels or None, data.size or needs.size or None, fit, decoding_of(data))
    plan = needs.shaped(plan, data.scaling)
    return plan, plan_notes(known, plan)


def fitted_to(
    source: Source, config: Config, dataset: Dataset, task: Task, plan: Preprocessing, progress: Progress
) -> Source:
    """``source`` with what of it fits the network, which is told before an image is decoded. Raises UserError."""
    model = task.resolved(source.configured(config), dataset).model
    outputs = max(2, len(dataset.classes))
    with torch.random.fork_rng(devices=[]):
        network = build(model.model, plan.inputs, plan.size, outputs, masks=task.purpose == "masks", **model.options)
    taken = matched(network, source)
    for line in (
        source.note,
        f"weights of {source.name}: {taken.line()}",
        f"their preprocessing: {source.needs.description()}",
    ):
        if line:
            progress.say(f"  {line}")
    return replace(source, taken=taken)


def start_from(session: Session, fresh: Learner) -> None:
    """Put pretrained weights into fresh networks, and into their running means. Raises UserError where the file has changed."""
    source = session.data.source
    if source is None or not session.config.transfer.pretrained:
        return
    if not source.file.is_file() or sha256(source.file) != source.digest:
        what = "the pretrained weights are not there any more" if not source.file.is_file() else "they have changed"
        raise UserError(f"{what}: the run began with SHA-256 {source.digest[:12]}…", str(source.file), "put them back")
    for nets in (fresh.nets, fresh.ema):
        if nets:
            load_into(nets[session.task.network], source)


def tuned_how(config: Config, data: Data) -> Config:
    """``config`` with what ``--tune auto`` comes to where no head can be solved for: ``all``.

    Raises UserError where only a head is to be learned, and the task has none of that kind.
    """
    tune = config.transfer.tune
    if not config.transfer.pretrained or tune not in ("auto", "head") or solvable(config, data):
        return config
    if tune == "head":
        what = "--tune head solves for classes, or for values (no angles) by --loss mse: for nothing of what is learned here"
        raise UserError(what, fix="give --tune all, or leave it out")
    return replace(config, transfer=replace(config.transfer, tune="all"))


def only_the_head(config: Config) -> bool:
    """Whether nothing is learned in steps."""
    return bool(config.transfer.pretrained) and config.transfer.tune == "head"


def solvable(config: Config, data: Data) -> bool:
    """Whether the last layer alone can be solved for: for classes, and for values whose squared error is least. Not for angles,
    which close over."""
    if data.task.probe == "values":
        return config.training.loss in ("auto", "mse") and not any(map(period_of, data.dataset.target_names))
    return data.task.probe == "classes"


def compares(config: Config, data: Data) -> bool:
    """Whether tuning is kept only if its end is better than the probe: one comparison, no best of many epochs."""
    auto = bool(config.transfer.pretrained) and config.transfer.tune == "auto"
    return auto and solvable(config, data) and not config.training.patience


def probe(session: Session, loop: Loop, fresh: Learner, progress: Progress) -> None:
    """Solve for the head of a pretrained network, before the first step: epoch 0. Not every task has one."""
    task, data, count = session.task, session.data, len(loop.loader.parts["train"])
    if not session.config.transfer.pretrained or not solvable(session.config, data):
        return
    net = fresh.nets[task.network]
    with progress.bar("features", count) as advance:
        features, targets, samples = features_of(net, loop.loader, "train", loop.precision, advance)
    weights = np.ones(count) if loop.loader.weights is None else loop.loader.weights[samples].astype(np.float64)
    if task.probe == "classes":
        of_classes = getattr(session.objective, "class_weights", ())
        weights *= np.array(of_classes)[targets] if of_classes else 1.0
        how = len(data.dataset.classes), weights, units(data, samples), session.config.training.seed
        found = solve(features, targets, *how)
    else:
        facts = task.facts(session)
        values = (targets.astype(np.float64) - facts["mean"]) / facts["std"]
        found = solve_values(features, values, weights, units(data, samples), session.config.training.seed)
    set_head(net, torch.from_numpy(found.weight), torch.from_numpy(found.bias))
    loop.ranks.broadcast(net)  # nodes may round otherwise
    if fresh.ema:
        fresh.ema[task.network].load_state_dict(net.state_dict())
    counters = fresh.counters
    counters.inverse_penalty, counters.loss, counters.seen = found.inverse_penalty, found.loss * count, count
    loop.end_epoch(fresh, Guard())
    row = counters.rows[0]
    shown = ", ".join(
        f"{name.replace('_', ' ')} {row[name]:.4f}" for name in row if name.startswith(("train", "valid"))
    )
    progress.say(f"linear probe on {features.shape[1]:,} features (C = {found.inverse_penalty:.3g}): {shown}")
    if loop.ranks.is_writer:
        write_metrics(loop.run, counters.rows)


def units(data: Data, samples: NDArray[np.int64]) -> list[str]:
    """(n,) what stays in one fold: a sample's group, else its family of near copies, else itself."""
    groups, families = data.dataset.groups, data.families
    found = []
    for sample in samples.tolist():
        group = "" if groups is None else str(groups[sample])
        family = str(families[sample]) if len(families) else ""
        found.append(f"group {group}" if group else f"family {family}" if family else f"sample {sample}")
    return found


def probe_lines(counters: Counters, task: Task) -> Iterator[str]:
    """What the report says of a probe."""
    if not counters.inverse_penalty:
        return
    way = "logistic" if task.probe == "classes" else "ridge"
    yield (
        f"Epoch 0 is a linear probe: only the last layer, solved for as {way} regression on the features of the unchanged "
        f"training samples, with C = {counters.inverse_penalty:.3g} by folds of these."
    )
    if counters.best_epoch == 0:
        more = " Tuning more layers was no better on the validation part." if counters.epochs else ""
        yield f"Its weights are kept.{more}"
