"""Which samples of a training learn, choose and test: by the split, or by one of its folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.dataset import SPLITS
from neocog.data.digests import keys
from neocog.data.digests import known as named
from neocog.data.split import TEST, TRAIN, VALIDATION, folds, in_words, split
from neocog.engine.seed import mix
from neocog.errors import UserError, count, listed
from neocog.metrics.intervals import clusters
from neocog.tasks.task import Data

FEW_TRAIN, PHOTOGRAPH = (
    1000,
    64,
)  # training images, and pixels of their shorter side, from which on pretrained weights are named
FEW = 30  # test samples, or groups, below which an interval is wider than most differences


def untaught(data: Data, parts: NDArray[np.str_], fold: int | None) -> Iterator[UserError]:
    """Classes that are evaluated without having been learned. ``parts`` (N,) of the samples; of a fold what it tests on."""
    if data.task.labels != "classes":
        return
    counts = {
        part: np.bincount(data.dataset.labels[parts == part], minlength=len(data.dataset.classes)) for part in SPLITS
    }
    for part in ("test", "validation") if fold is None else ("test",):
        missing = np.flatnonzero((counts[part] > 0) & (counts["train"] == 0))
        if not len(missing):
            continue
        names = listed(f"{data.dataset.classes[k]} ({counts[part][k]:,})" for k in missing)
        if fold is None:
            fix = "move samples of them to train, or leave the classes out"
            yield UserError(f"{count(missing, 'class')} of the {part} part without a training sample", names, fix)
        else:
            fix = "leave these classes out, add samples, or let no fold validate: --split 0.8 0 0.2"
            yield UserError(f"fold {fold + 1} tests {count(missing, 'class')} that it has not learned", names, fix)


def parted(data: Data, config: Config, fold: int | None) -> NDArray[np.str_]:
    """(N,) the part of each sample. Of K folds, fold k tests, the next one validates and the others train; folds K … 2 K − 1 are
    those of the second repeat, drawn anew.

    Where the split's validation share is 0, no fold validates either.
    """
    by_class = data.task.labels == "classes"
    if fold is None:
        first, second, third = config.data.split
        shares, seed = (first, second, third), config.data.split_seed
        return split(data.dataset, data.contents, shares, seed, data.kept, by_class, data.families)
    if config.data.leave_one_group_out:
        return one_group_out(data, config, fold)
    count, (repeat, fold) = config.data.folds, divmod(fold, config.data.folds)
    seed = mix(config.data.split_seed, repeat) if repeat else config.data.split_seed
    held = folds(data.dataset, data.contents, count, seed, data.kept, by_class, data.families)
    validates = (fold + 1) % count if config.data.split[1] else fold
    parts = np.where(held == fold, TEST, np.where(held == validates, VALIDATION, TRAIN))
    return in_words(np.where(held < 0, 0, parts))


def one_group_out(data: Data, config: Config, fold: int) -> NDArray[np.str_]:
    """(N,) the parts of ``fold``, which tests one group: of the others a share validates, each class by its share, so that
    inside stands beside outside. What is the same as a tested sample, or a near copy of one, does not learn.

    Raises UserError where there are other than ``folds`` groups.
    """
    names = group_names(data, config)
    held = data.dataset.groups == names[fold]
    inside = replace(data.dataset, groups=None, splits=np.where(held, "test", "train"))
    first, second, third = config.data.split
    parts = split(
        inside, data.contents, (first, second, third), config.data.split_seed, data.kept, data.task.labels == "classes",
        data.families,
    )  # fmt: skip
    for same in (data.contents, data.families) if len(data.families) else (data.contents,):
        alike = keys(same)
        parts[np.isin(alike, alike[held & named(same)]) & named(same) & ~held] = ""
    return parts


def group_names(data: Data, config: Config) -> list[str]:
    """The groups of what is kept, by name. Raises UserError where they are not one for each of ``folds``."""
    groups = np.array([] if data.dataset.groups is None else data.dataset.groups[data.kept], dtype=str)
    names = sorted(set(groups.tolist()) - {""})
    where = listed(names) if names else data.dataset.kind
    if len(names) < 3:
        what = f"--leave-one-group-out needs 3 groups or more, and these data have {len(names)}"
        raise UserError(what, where, "name them: --levels group,class, --columns group=SITE, or --groups names:REGEX")
    if (groups == "").any():
        what = f"--leave-one-group-out: {int((groups == '').sum()):,} samples have no group"
        raise UserError(what, where, "give each one its group, or leave these samples out")
    if len(names) != config.data.folds:
        what = f"--folds {config.data.folds} --leave-one-group-out: there are {count(names, 'group')}"
        raise UserError(what, where, f"--folds {len(names)}")
    return names


def kept_together(data: Data) -> str:
    """What of the copies never stands on two sides, for the log."""
    form = data.dataset.form
    if data.together == "files":
        return f"{form} of the same bytes stay together"
    if data.together == "pixels":
        return f"identical {form} stay together"
    many = int(named(data.families).sum())
    found = f"{data.copies.count:,} families of {many:,} {form}" if many else "no copies were found"
    copies = "reverse complements" if form == "sequences" else "near copies"
    return f"identical {form} and {copies} stay together ({found})"


def few_train(data: Data, config: Config, parts: NDArray[np.str_]) -> Iterator[str]:
    """What helps where few photographs train a network that has seen none before."""
    count, plan = int((parts == "train").sum()), data.plan
    photographs = data.dataset.form == "images" and min(plan.size) >= PHOTOGRAPH and bool(data.task.probe)
    if photographs and 0 < count < FEW_TRAIN and config.model.model == "auto" and not config.transfer.pretrained:
        yield f"only {count} training images for a network from scratch: --from imagenet starts with one pretrained on photographs"


def few_test(data: Data, parts: NDArray[np.str_]) -> Iterator[str]:
    """What to do where a split leaves so few samples to test on, or groups, that they say little; a given part stays as it is."""
    dataset, where = data.dataset, parts == "test"
    _, units = clusters(None if dataset.groups is None else dataset.groups[where], int(where.sum()))
    given = dataset.splits is not None and (dataset.splits == "test").any()
    if units < FEW and not given and data.task.labels != "any" and (parts == "train").any():
        of = dataset.form if dataset.groups is None else "groups"
        yield (
            f"only {units} test {of}, which says little: --folds 5 --repeats 3 tests on all {int((parts != '').sum()):,} "
            f"{dataset.form}; with --refit one network is then trained on all of them"
        )
