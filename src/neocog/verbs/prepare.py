"""From settings to everything that training needs: ``read`` the data and check them, then ``arrange`` split and task."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.augment.mixing import Mixing
from neocog.checks import findings
from neocog.checks.near import torn_copies
from neocog.checks.ranges import other_ranges
from neocog.config import IMAGENET, INCEPTION, Config
from neocog.data.batches import Batches
from neocog.data.copies import near_copies
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.digests import Digests
from neocog.data.draft import with_draft
from neocog.data.loader import Loader, Resident, Store, Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.named import NAMES
from neocog.data.resize import finish
from neocog.data.shared import Zeros
from neocog.data.split import Manifest, notes, read_splits
from neocog.data.subset import set_aside
from neocog.data.taken import loss_line, losses
from neocog.data.unchanged import held_to
from neocog.engine.groups import Groups
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, raise_all
from neocog.interop.engine import on_processor
from neocog.limits import cores, memory_limits
from neocog.pretrained import Source, source_of
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks import task_for
from neocog.tasks.evaluation import at_once
from neocog.tasks.task import Data, Session, Task
from neocog.traits import needs
from neocog.verbs.ahead import suits
from neocog.verbs.changes import Asked, decide
from neocog.verbs.one_copy import Node
from neocog.verbs.parted import few_test, few_train, kept_together, parted, untaught
from neocog.verbs.session import (
    ScannedDataset,
    open_data,
    scan_dataset,
    still_there,
    usable,
    with_scanned_range,
    without_unreadable,
)
from neocog.verbs.transfer import check_probe_views, fitted_to, only_the_head, planned_shape, tuned_how

ALONE = Ranks()
TUNING = 8  # epochs at most of a pretrained network, unless they are given: each costs about six ways forward
LEARNING = 1 << 30  # bytes that are left to networks, gradients, threads and the report beside the pixels


def read(
    config: Config, progress: Progress, ranks: Ranks = ALONE, resumed: bool = False, source: Source | None = None
) -> Data:
    """Open the data, decode every image once, and check them. Raises UserError with every fault that was found.

    Of several processes on a node one decodes; the others look at what it has found. ``source``: the pretrained weights that
    a run which goes on has recorded; else they are looked for.
    """
    with ranks.all_or_none():
        dataset, unseen, chosen, plan, source = _opened(config, progress, resumed, source)
    node = Node.of(ranks, dataset)

    def decoded(zeros: Zeros) -> ScannedDataset:
        many = len(dataset) * (1 if dataset.pairs is None else 1 + dataset.scale**2)
        keep = fits_in_memory(many, plan, config.training.memory, len(node))
        return scan_dataset(dataset, progress, plan, keep, cores(len(node)), zeros)

    scanned = node.once(decoded)
    with ranks.all_or_none():
        kept = usable(dataset, scanned.errors, config.data)
        dataset = with_scanned_range(without_unreadable(dataset, scanned.errors, progress), scanned, progress)
        dataset = held_to(
            dataset, scanned.records.digests, scanned.masks.digests if scanned.masks else None,
            scanned.pairs.records.digests if scanned.pairs else None,
        )  # fmt: skip
        records = scanned.usable_records
        if not resumed and plan.scaling != "image":
            raise_all(other_ranges(dataset, records))
    copies = node.once(lambda _: near_copies(records, dataset.form))
    found = findings(dataset, records, masks=scanned.masks, copies=copies)
    reported = {loss_line(loss) for loss in losses(dataset)}
    for finding in found:
        if finding.severity != "note" and finding.what not in reported:
            progress.say(f"  warning: {finding.what}", "red" if finding.severity == "error" else "yellow")  # it goes on
    together = config.data.together
    return Data(
        dataset, chosen, records, scanned.pixels, plan, kept, copies, found, unseen, scanned.masks, together, source,
        scanned.pairs,
    )  # fmt: skip


def _opened(
    config: Config, progress: Progress, resumed: bool, source: Source | None
) -> tuple[Dataset, Dataset | None, Task, Preprocessing, Source | None]:
    """The samples, those that are set aside, their task, how they will be read, by their headers alone, and the pretrained
    weights."""
    least = 2 if config.data.task == "auto" or needs(config.data.task) == "classes" else 1
    if resumed:
        still_there(config.data.data, "put them back there: a run goes on with the data with which it was begun")
    dataset = open_data(config.data, progress, least)
    chosen = task_for(config.data.task, dataset, config.data.task_options)
    chosen.check(config, dataset)
    dataset, unseen = set_aside(dataset, config.data.unseen)
    source = source or source_of(config, chosen.purpose, progress)
    plan, changed = planned_shape(config, dataset, source)
    dataset, unseen = with_draft(dataset, plan), None if unseen is None else with_draft(unseen, plan)
    advice = [] if resumed else suits(config if source is None else source.configured(config), dataset, chosen, plan)
    for note in (*dataset.notes, *changed, *advice):
        progress.say(f"  note: {note}")
    if source is not None and source.taken is None:
        source = fitted_to(source, config, dataset, chosen, plan, progress)
    return dataset, unseen, chosen, plan, source


def as_recorded(data: Data, run: Run) -> Data:
    """``data`` with the families of near copies that a run recorded: what is found today may be more than it knew of."""
    splits = next((each for each in (run.splits_csv, Run(run.folder / "fold-1").splits_csv) if each.is_file()), None)
    recorded = None if splits is None else read_splits(splits)
    if recorded is None or not recorded.families or data.together != "near":
        return data
    known = dict(zip(recorded.names, recorded.families, strict=True))
    families = Digests.of([known.get(name, "") for name in data.dataset.names], 8)
    return replace(data, copies=replace(data.copies, families=families))


def arrange(
    config: Config,
    data: Data,
    ranks: Ranks,
    progress: Progress,
    fold: int | None = None,
    recorded: Manifest | None = None,
) -> Session:
    """Split the data, or take the ``recorded`` split, and decide everything that training needs. Raises UserError."""
    dataset = data.dataset
    parts = np.where(data.kept, recorded.parts_of(dataset), "") if recorded else parted(data, config, fold)
    raise_all(untaught(data, parts, fold) if recorded is None else ())
    torn = list(torn_copies(dataset, data.copies, parts))
    data = replace(data, findings=[*torn, *data.findings])
    for note in notes(dataset, parts, kept_together(data)) if fold is None and recorded is None else ():
        progress.say(f"  {note}")
    for note in (*few_test(data, parts), *few_train(data, config, parts)) if fold is None and recorded is None else ():
        progress.say(f"  note: {note}")
    for finding in torn:
        progress.say(f"  {finding.severity}: {finding.what}", "yellow")
    if config.training.patience and not (parts == "validation").any():
        what = "--patience waits for a better validation measure, and no sample validates"
        raise UserError(what, fix="give a validation share, as in --split 0.8 0.1 0.1, or leave --patience out")
    train = np.flatnonzero(parts == "train")
    preprocessing = data.task.scaled(finish(data.plan, (data.pairs or data).records, train.tolist()))
    if data.source is not None:
        preprocessing = data.source.needs.normalised(preprocessing)
        config = data.source.configured(config) if config.transfer.pretrained else config
    if config.training.engine != "torch":
        config = replace(config, training=on_processor(config.training, ranks.world))
    config = tuned_how(config, data)
    sized = replace(config, data=replace(config.data, size=preprocessing.size, fit=preprocessing.fit))
    config = resolved(data.task.resolved(sized, dataset), preprocessing, len(train), data.task)
    device = torch.device(config.training.device)
    store = store_of(data, preprocessing, config, device)
    targets = data.task.targets(data, config)
    asked = Asked(dataset, train, store, targets)
    (changes, always), decisions = decide(config, data.task, asked, preprocessing, progress)
    check_probe_views(config, data, changes)
    loader = Loader(
        store=store,
        targets=targets,
        weights=_weights(dataset, train, config),
        parts={part: np.flatnonzero(parts == part) for part in SPLITS},
        batches=Batches(len(train), config.training.batch, config.training.seed),
        preprocessing=preprocessing,
        changes=changes,
        always=always,
        mixing=mixing_of(config, train),
        device=device,
        at_most=data.task.at_most(math.prod(config.training.patch or preprocessing.plane)),
        at_once=at_once(preprocessing),
        rank=ranks.rank,
        world=ranks.world,
    )
    objective = data.task.objective(config, dataset, preprocessing, train)
    return Session(config, data, parts, preprocessing, loader, objective, decisions)


def store_of(data: Data, preprocessing: Preprocessing, config: Config, device: torch.device) -> Store:
    """Where pixels come from: memory, the GPU's where there is one, or the disk."""
    if data.pixels is None:
        return Streamed(data.dataset.images, preprocessing, config.training.workers)
    return Resident(torch.tensor(data.pixels, device=device).contiguous() if device.type == "cuda" else data.pixels)


def mixing_of(config: Config, train: NDArray[np.int64]) -> Mixing | None:
    """How training images are mixed in pairs, if they are."""
    mixup, cutmix = config.training.mixup, config.training.cutmix
    return Mixing(mixup, cutmix, train) if mixup or cutmix else None


def resolved(config: Config, preprocessing: Preprocessing, train: int, task: Task) -> Config:
    """Settings without "auto": what ``resume`` must find as it was."""
    training = config.training
    if training.batch > train and training.optimizer != "gd":
        raise UserError(
            f"--batch {training.batch} exceeds the {train} training samples", fix=f"give --batch {train} or less"
        )
    batch = training.batch or min(task.most_batch, max(8, train // 10), train)
    if training.optimizer == "gd":
        batch = train
    per_epoch = Batches(train, batch, training.seed).per_epoch
    most = TUNING if config.transfer.pretrained else task.most_epochs
    epochs = training.epochs or (0 if training.minutes else min(most, max(5, round(task.steps / per_epoch))))
    epochs = 0 if only_the_head(config) else epochs
    device = training.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "--device cuda: this machine has no GPU that torch can use",
            fix="use --device cpu; `neocog device` says what there is",
        )
    threads = training.threads  # 0: as many as pay, which the first steps tell
    if device == "cuda" or training.engine != "torch":  # the step is computed elsewhere, or by threads that do not spin
        threads = threads or cores()
    config = anywhere(config)
    data = replace(
        config.data,
        size=preprocessing.size,
        channels=preprocessing.channels,
        fit=preprocessing.fit,
        scaling=preprocessing.scaling,
        task=task.name,
    )
    return replace(
        config, data=data, training=replace(training, batch=batch, epochs=epochs, device=device, threads=threads)
    )


def fits_in_memory(count: int, plan: Preprocessing, share: float, processes: int = 1) -> bool:
    """Whether the fitted pixels, which so many ``processes`` of a node hold once, take at most ``share`` of the memory that these
    may use, beside what learning takes in each."""
    needed = count * plan.channels * math.prod(plan.size) * np.dtype(plan.dtype).itemsize
    return all(
        needed <= share * max(free.amount - LEARNING * free.processes, free.amount / 16)
        for free in memory_limits(processes)
    )


def _weights(dataset: Dataset, train: NDArray[np.int64], config: Config) -> NDArray[np.float32] | None:
    """(N,) of mean 1 over the training part; None where all count alike. Raises UserError where groups lack."""
    groups = Groups.of(dataset, train) if config.training.group_weights != "none" else None
    balanced = groups is not None and config.training.group_weights == "balanced"
    if dataset.weights is None and not balanced:
        return None
    weights = np.ones(len(dataset)) if dataset.weights is None else dataset.weights
    weights = groups.balanced(weights, train) if groups is not None and balanced else weights
    found: NDArray[np.float32] = (weights / weights[train].mean()).astype(np.float32)
    return found


def anywhere(config: Config) -> Config:
    """``config`` with the paths in it made absolute, so that a run goes on and predicts from any folder: of the data, of a
    network in the user's own file, of pretrained weights, and of the run that evaluates. What are names, as those of known
    data sets, stay.
    """
    file, _, inner = config.model.model.rpartition(":")
    model = f"{absolute(file)}:{inner}" if file.endswith(".py") else config.model.model
    extractor, pretrained = config.training.extractor, config.transfer.pretrained
    return replace(
        config,
        data=replace(
            config.data,
            data=absolute(config.data.data),
            corrections=absolute(config.data.corrections) if config.data.corrections else "",
        ),
        model=replace(config.model, model=model),
        training=replace(config.training, extractor=absolute(extractor) if extractor else ""),
        transfer=replace(config.transfer, pretrained=absolute(pretrained) if pretrained else ""),
    )


def absolute(source: str) -> str:
    known = source in (*NAMES, INCEPTION, IMAGENET) or not Path(source).exists()
    return source if known else str(Path(source).resolve())
