"""Which changes of its samples a training makes: the usual ones and the user's, less those that change the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.augment import Changes
from neocog.data.augment.keeps import ASKED, Decision, Known, chosen, decided, edited, is_on, verdicts
from neocog.data.augment.names import letters
from neocog.data.feed import Store
from neocog.data.preprocessing import Preprocessing
from neocog.studies.job import Data
from neocog.studies.study import Study
from neocog.verbs.screen import Screen

Pair = tuple[Changes | None, Changes | None]


def decide(
    config: Config, data: Data, train: NDArray[np.int64], store: Store, preprocessing: Preprocessing, screen: Screen
) -> tuple[Pair, tuple[Decision, ...]]:
    """What happens to training batches and what happens always, and why.

    The data are asked through a few hundred of the training samples (positions ``train``), whose pixels ``store`` has.
    """
    dataset, study, edits = data.dataset, data.study, config.training.augment
    usual = study.changes(config, dataset, preprocessing)
    if usual[0] is None:
        return usual, ()
    policy, asked = getattr(usual[0], "policy", None), ASKED[dataset.form]
    if not study.needs:  # what is drawn again, or turned by an angle that is asked for, is mirrored on demand alone
        asked = tuple(change for change in asked if change.startswith("flip") and is_on(policy, change))
    else:
        asked = tuple(change for change in asked if change in ASKED_ALWAYS or is_on(policy, change))
    if not asked:
        return usual, ()
    samples = chosen(train, dataset.labels, dataset.classes, config.data.split_seed)
    pixels = torch.as_tensor(next(iter(store.stream([samples])))).cpu()
    known = of(data, config, samples, study)
    found = verdicts(pixels, known, dataset.form, asked, config.data.split_seed, preprocessing.colours)
    if letters(dataset.classes) and any(each.change == "flip" and each.keeps for each in found):
        dataset = replace(dataset, mirror=True)  # the data know better than names of one letter
        policy = getattr(study.changes(config, dataset, preprocessing)[0], "policy", None)
    decisions = tuple(decided(policy, edits, found))
    for each in decisions:
        if each.against:
            screen.say(f"  warning: {each}", "yellow")
        elif each.on or (is_on(policy, each.change) and not each.asked_for):
            screen.say(f"  {each}")
    training = replace(config.training, augment=edited(edits, decisions))
    return study.changes(replace(config, training=training), dataset, preprocessing), decisions


ASKED_ALWAYS = ("flip", "flip_vertical", "flip_d", "flip_h", "flip_w", "reverse")  # others only where they are on


def of(data: Data, config: Config, samples: NDArray[np.int64], study: Study) -> Known:
    """What is known of the samples, as far as a change can falsify it."""
    dataset = data.dataset
    groups = dataset.groups
    if groups is not None:  # a blank name is no group
        groups = np.where(groups[samples] == "", np.array([f"\0{at}" for at in samples]), groups[samples])
    if not study.needs:
        return Known(groups=groups)
    if dataset.values is not None:
        return Known(dataset.quantities, values=dataset.values[samples].astype(np.float64), groups=groups)
    if dataset.masks is not None:
        masks = torch.as_tensor(next(iter(study.targets(data, config).stream([samples])))).cpu().numpy()
        return Known(dataset.classes, masks=masks, groups=groups)
    return Known(dataset.classes, labels=dataset.labels[samples], groups=groups)
