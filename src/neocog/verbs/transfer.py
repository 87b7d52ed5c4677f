"""Pretrained weights in a training: what they make of the images, which of them fit, how they get in and are learned further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from neocog.config import Config
from neocog.data.dataset import Dataset
from neocog.data.loader import Transform
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.angles import period_of
from neocog.data.readers.sequences import sequence_plan
from neocog.data.resize import plan_notes, shape_plan
from neocog.engine.learner import Learner, learn_from_images
from neocog.engine.tuning import check_depth
from neocog.errors import UserError
from neocog.networks import build
from neocog.pretrained import Needs, Source, load_into, matched
from neocog.pretrained.matching import check_numbers
from neocog.pretrained.tensors import sha256
from neocog.progress import Progress
from neocog.tasks.task import Data, Session, Task
from neocog.verbs.session import decoding_of, headers


def planned_shape(config: Config, dataset: Dataset, source: Source | None) -> tuple[Preprocessing, Sequence[str]]:
    """(what all samples become, what is to be said of it): as the settings say, else as pretrained weights need, else as the
    data are."""
    data, needs = config.data, source.needs if source else Needs()
    if needs.form not in ("", dataset.form):
        what = f"weights for {needs.form} do not see {dataset.form}"
        fix = f"give weights of a run on {dataset.form}, or leave --from out"
        if (needs.form, dataset.form, data.kind) == ("images", "volumes", "auto"):
            fix = f"if these are images of several channels, give --kind images; else {fix}"
        raise UserError(what, needs.record, fix)
    if dataset.form == "sequences":
        return sequence_plan(dataset.images, data.size or needs.size), ()
    known = headers(dataset)
    fit = data.fit if data.fit != "auto" else needs.fit
    size = data.size or needs.size or None
    if dataset.pairs is not None:  # each keeps its scale
        fit, size = "corner", tuple(known.sizes[known.there][:, 1:].max(axis=0).tolist())
    plan = shape_plan(known, data.channels or None, size, fit, decoding_of(data))
    plan = replace(needs.shaped(plan, data.scaling), draft=data.draft)
    return plan, plan_notes(known, plan) if dataset.pairs is None else ()


def fitted_to(
    source: Source, config: Config, dataset: Dataset, task: Task, plan: Preprocessing, progress: Progress
) -> Source:
    """``source`` with what of it fits the network, which is told before an image is decoded. Raises UserError."""
    model = task.resolved(source.configured(config), dataset).model
    outputs = max(2, len(dataset.classes))
    with torch.random.fork_rng(devices=[]):
        network = build(model.model, plan.inputs, plan.size, outputs, masks=task.purpose == "masks", **model.options)
    taken = matched(network, source)
    check_depth(network, config.transfer)
    check_numbers(network, source, taken)
    if only_the_head(config):
        taken.insist_on_all(str(source.file), "--tune head", ", or --tune all")
    for line in (
        source.note,
        f"weights of {source.name}: {taken.line()}",
        f"their preprocessing: {source.needs.description()}",
    ):
        if line:
            progress.say(f"  {line}")
    return replace(source, taken=taken)


def start_from(session: Session, fresh: Learner) -> None:
    """Put pretrained weights into fresh networks, and into their running means; without any, layers that begin with what training
    images have in common are set from these. Raises UserError where the file has changed."""
    source = session.data.source
    if source is None or not session.config.transfer.pretrained:
        learn_from_images(fresh, session.loader)
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


def check_probe_views(config: Config, data: Data, changes: Transform | None) -> None:
    """Raises UserError where ``--probe-views`` would do nothing."""
    views = config.transfer.probe_views
    if views > 1 and not solvable(config, data):
        what = f"--probe-views {views} is about the linear probe, and there is none of what is learned here"
        raise UserError(what, fix="leave it out")
    if views > 1 and changes is None:
        what = f"--probe-views {views}: nothing changes the images at random, so that each view would be the same"
        raise UserError(what, fix="give --augment, such as --augment flip=on, or leave it out")


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
