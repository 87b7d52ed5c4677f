"""Classes: too few samples, too many of one, missing from a part, or in other proportions there."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS, Dataset
from neocog.data.records import Records
from neocog.errors import count, listed
from neocog.records import Finding

FEW = 10  # a measure from fewer samples than this says next to nothing: 9 of 9 right is 69 % to 100 %
SKEWED = 10.0  # largest class : smallest class
SHIFTED = 0.1  # share of samples that would need another label


def class_sizes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Classes without a sample, with one, with few; or one class only."""
    sizes = _usable(dataset, records)
    if (sizes > 0).sum() < 2:
        present = listed(f"{dataset.classes[k]} ({sizes[k]:,})" for k in np.flatnonzero(sizes))
        yield Finding(
            "error", f"only one class has {dataset.form}: {present}", advice=f"add {dataset.form} of another class"
        )
    empty, one = np.flatnonzero(sizes == 0), np.flatnonzero(sizes == 1)
    few = np.flatnonzero((sizes > 1) & (sizes < FEW))
    if len(empty):
        what = (
            f"{count(empty, 'class')} without a usable {dataset.form[:-1]}: {listed(dataset.classes[k] for k in empty)}"
        )
        yield Finding("error", what, advice=f"add {dataset.form}, or leave the class out")
    if len(one):
        what = f"{count(one, 'class')} with 1 {dataset.form[:-1]}: {listed(dataset.classes[k] for k in one)}"
        advice = f"add {dataset.form}: to train and to test takes at least 2 in each class"
        yield Finding("warning" if _parts(dataset) else "error", what, _of_classes(dataset, one), advice)
    if len(few):
        what = f"{count(few, 'class')} with fewer than {FEW} {dataset.form}: "
        what += listed(f"{dataset.classes[k]} ({sizes[k]})" for k in few)
        yield Finding(
            "warning", what, _of_classes(dataset, few), f"add {dataset.form}: measures of these classes say little"
        )


def class_balance(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """One class so much larger than another that guessing it looks like knowledge."""
    sizes = _usable(dataset, records)
    if (sizes > 0).sum() < 2:
        return
    most, least = int(np.argmax(sizes)), int(np.argmin(np.where(sizes > 0, sizes, sizes.max() + 1)))
    if sizes[most] / sizes[least] >= SKEWED:
        what = (
            f"classes are out of balance, {sizes[most] / sizes[least]:.0f} : 1: "
            f"{listed([dataset.classes[most]])} has {sizes[most]:,} {dataset.form}, "
            f"{listed([dataset.classes[least]])} {sizes[least]:,}"
        )
        always = sizes[most] / sizes.sum()
        advice = f"use balanced accuracy (always predicting the largest class gives an accuracy of {always:.2f})"
        yield Finding("warning", what, advice=f"{advice}; weight the classes")


def class_in_every_part(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Classes that a given part lacks: never learned, or never tested."""
    every = _usable(dataset, records) > 0
    for part, sizes in _parts(dataset).items():
        missing = np.flatnonzero(every & (sizes == 0))
        if not len(missing):
            continue
        what = f"the given {part} part lacks {count(missing, 'class')}: {listed(dataset.classes[k] for k in missing)}"
        if part == "train":
            yield Finding(
                "error", what, advice="what is not in train cannot be learned: move samples, or drop the class"
            )
        else:
            yield Finding("warning", what, advice=f"the {part} part says nothing about these classes")


def label_shift(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Given parts in which classes have other shares than in train, beyond chance (χ², p < 0.001)."""
    parts = _parts(dataset)
    if "train" not in parts:
        return
    train = parts.pop("train")
    for part, sizes in parts.items():
        shares = np.stack([train / train.sum(), sizes / sizes.sum()])  # (2, K)
        distance = np.abs(shares[0] - shares[1]).sum() / 2  # total variation
        if distance <= SHIFTED or _chance(np.stack([train, sizes])) >= 1e-3:
            continue
        most = int(np.argmax(np.abs(shares[0] - shares[1])))
        what = f"class frequencies differ between train and {part}: {distance:.0%} of samples would need another label"
        what += f"; most of all {listed([dataset.classes[most]])}, {shares[0, most]:.0%} of train, {shares[1, most]:.0%} of {part}"
        yield Finding("warning", what, advice=f"measures on {part} depend on that mix: look at those of each class")


def _chance(counts: NDArray[np.int64]) -> float:
    """How often chance alone gives rows of one mix such different counts (2, K): χ², Wilson & Hilferty (1931)."""
    table = counts[:, counts.sum(axis=0) > 0].astype(float)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    freedom, chi2 = max(1, table.shape[1] - 1), float(((table - expected) ** 2 / expected).sum())
    spread = 2 / (9 * freedom)
    z: float = ((chi2 / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return math.erfc(z / math.sqrt(2)) / 2


def _usable(dataset: Dataset, records: Records) -> NDArray[np.int64]:
    """(K,) readable samples of each class."""
    return np.bincount(dataset.labels[records.good], minlength=len(dataset.classes))


def _parts(dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    """{given part: (K,) samples}."""
    if dataset.splits is None:
        return {}
    sizes = {p: np.bincount(dataset.labels[dataset.splits == p], minlength=len(dataset.classes)) for p in SPLITS}
    return {part: counts for part, counts in sizes.items() if counts.any()}


def _of_classes(dataset: Dataset, classes: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for i in np.flatnonzero(np.isin(dataset.labels, classes)).tolist())
