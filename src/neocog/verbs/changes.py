"""Which changes of its samples a training makes: the usual ones and the user's, less those that change the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.augment.keeps import ASKED, Decision, Known, chosen, decided, edited, is_on, verdicts
from neocog.augment.names import letters
from neocog.config import Config
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.loader import Store, Transform
from neocog.data.masks import fit_mask
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.progress import Progress
from neocog.tasks.task import Task
from neocog.traits import LABELS

Pair = tuple[Transform | None, Transform | None]


@dataclass(frozen=True)
class Asked:
    """The samples that are asked: training samples of ``dataset``, at positions ``train``; where their pixels and targets are."""

    dataset: Dataset
    train: NDArray[np.int64]
    pixels: Store
    targets: Store


def decide(
    config: Config, task: Task, given: Asked, preprocessing: Preprocessing, progress: Progress
) -> tuple[Pair, tuple[Decision, ...]]:
    """What happens to training batches and what happens always, and why. A few hundred samples are asked."""
    dataset, edits, seed = given.dataset, config.training.augment, config.data.split_seed
    usual = task.changes(config, dataset, preprocessing)
    policy = getattr(usual[0], "policy", None)
    asked = tuple(change for change in ASKED[dataset.form] if worth_asking(change, policy, task))
    if policy is None or not asked or dataset.boxes is not None:  # of single objects in an image nothing is asked
        return usual, ()
    samples = chosen(given.train, dataset.labels, dataset.classes, seed)
    pixels = torch.as_tensor(next(iter(given.pixels.stream([samples])))).cpu()
    known = of(given, task, samples)
    found = verdicts(pixels, known, dataset.form, asked, seed, preprocessing.colours)
    if letters(dataset.classes) and any(each.change == "flip" and each.keeps for each in found):
        dataset = replace(dataset, mirror=True)  # the data know better than names of one letter
        policy = getattr(task.changes(config, dataset, preprocessing)[0], "policy", None)
    decisions = tuple(decided(policy, edits, found))
    for each in decisions:
        if each.against:
            progress.say(f"  warning: {each}", "yellow")
        elif each.on or (not each.asked_for and (each.change == "flip" or is_on(policy, each.change))):
            progress.say(f"  {each}")
    training = replace(config.training, augment=edited(edits, decisions))
    return task.changes(replace(config, training=training), dataset, preprocessing), decisions


def worth_asking(change: str, policy: object, task: Task) -> bool:
    """Mirror images and other strands always, as a user may want them; else what is on.

    A task that needs no answers (what is drawn anew, or turned by an angle that is learned) mirrors on demand alone.
    """
    mirrors = change.startswith(("flip", "reverse"))
    return is_on(policy, change) if not (mirrors and task.labels in LABELS) else True


def of(given: Asked, task: Task, samples: NDArray[np.int64]) -> Known:
    """What is known of the samples, as far as a change can falsify it."""
    dataset, groups = given.dataset, given.dataset.groups
    if groups is not None:  # a blank name is no group
        groups = np.where(groups[samples] == "", np.array([f"\0{at}" for at in samples]), groups[samples])
    if task.labels not in LABELS:
        return Known(groups=groups)
    if dataset.values is not None:
        return Known(dataset.target_names, values=dataset.values[samples].astype(np.float64), groups=groups)
    if dataset.masks is not None:
        masks = torch.as_tensor(next(iter(given.targets.stream([samples])))).cpu().numpy()
        return Known(dataset.classes, masks=masks, groups=groups)
    return Known(dataset.classes, labels=dataset.labels[samples], groups=groups)


@dataclass(frozen=True)
class Few:
    """Fitted pixels, or masks, of a few samples, by their positions."""

    found: Mapping[int, Array]

    def stream(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Array]:
        for indices in wanted:
            yield np.stack([self.found[index] for index in indices.tolist()])


def few(dataset: Dataset, plan: Preprocessing, seed: int) -> Asked:
    """Where nothing is in memory: a few hundred samples of the given training part, or of all, read for this; no broken ones."""
    train = np.flatnonzero(dataset.splits == "train") if dataset.splits is not None else np.arange(len(dataset))
    pixels, masks = dict[int, Array](), dict[int, Array]()
    for index in chosen(train, dataset.labels, dataset.classes, seed).tolist():
        try:
            read = fit(dataset.images.read(index), plan)
            if dataset.masks is not None:
                masks[index] = fit_mask(dataset.masks.read(index), plan.size, plan.fit)
            pixels[index] = read
        except BadImage:  # told when it is written, with all others
            continue
    return Asked(dataset, np.array(sorted(pixels), dtype=np.int64), Few(pixels), Few(masks))
