"""Groups of samples (sites, scanners, patients) in the loss: each as much as another, or the worst most.

``balanced``: samples weigh so that each group counts the same in all. ``dro``: group distributionally robust optimisation
(Sagawa, Koh, Hashimoto & Liang 2020): a step's loss is the mean over groups weighted by q, and q follows exp(η · loss) of each
group, so that what is learned worst counts most. A step is weighted by the q of the steps before it, which makes it the same for
any micro-batches and ranks. q is among the counters, so that a resumed training goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.data.dataset import Dataset
from neocog.data.loader import Batch
from neocog.errors import UserError, listed

RATE = 0.01  # η, as in the paper


@dataclass(frozen=True)
class Groups:
    """``member`` (N,): which of the groups ``names`` a sample is of; -1: of none that is learned from. ``share`` (G,): of the
    training part."""

    names: tuple[str, ...]
    member: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset, train: NDArray[np.int64]) -> Groups:
        """The groups of the training part. Raises UserError where there are fewer than two, or samples without one."""
        groups = np.array([], dtype=str) if dataset.groups is None else dataset.groups[train]
        names, counts = np.unique(groups, return_counts=True)
        fix = "name them (--levels, --columns, --groups), or leave --group-weights out"
        if len(names) < 2:
            what = f"--group-weights needs two groups or more to learn from, and there are {len(names)}"
            raise UserError(what, dataset.kind, fix)
        if "" in names:
            what = f"--group-weights: {int((groups == '').sum()):,} training samples have no group"
            raise UserError(what, listed(dataset.names[index] for index in train[groups == ""]), fix)
        place = {name: index for index, name in enumerate(names.tolist())}
        assert dataset.groups is not None
        member = np.array([place.get(name, -1) for name in dataset.groups.tolist()], np.int64)
        return cls(tuple(map(str, names)), member, counts / counts.sum())

    def balanced(self, weights: NDArray[np.float64], train: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N,) the ``weights`` of the samples, those of each group of the training part multiplied to the same sum."""
        sums = np.bincount(self.member[train], weights[train], len(self.names))
        known = self.member >= 0
        return weights * np.where(known, sums.sum() / (len(sums) * sums[self.member]), 1)

    @property
    def even(self) -> list[float]:
        """q before the first step."""
        return [1 / len(self.names)] * len(self.names)

    def weighted(self, batch: Batch, q: Sequence[float]) -> Batch:
        """The batch whose samples weigh as q says, and which keeps their losses."""
        factors = torch.from_numpy((np.array(q) / self.share)[self.member[batch.samples]]).to(batch.inputs)
        return replace(batch, weights=factors if batch.weights is None else batch.weights * factors, losses=[])

    def sums(self, batches: Sequence[Batch]) -> Tensor:
        """(2, G) float64: the losses of each group's samples in these batches, and how many they are."""
        found = torch.zeros(2, len(self.names), dtype=torch.float64)
        for batch in batches:
            assert batch.losses is not None
            (losses,) = batch.losses
            member = torch.from_numpy(self.member[batch.samples])
            found[0].index_add_(0, member, losses.double().cpu())
            found[1] += torch.bincount(member, minlength=len(self.names))
        return found

    def after(self, q: Sequence[float], sums: Tensor) -> list[float]:
        """q after a step, of the sums of all ranks; a group without samples there keeps its place."""
        losses = (sums[0] / sums[1].clamp(min=1)).numpy()
        raised = np.array(q) * np.exp(RATE * losses)
        found: list[float] = (raised / raised.sum()).tolist()
        return found


def in_words(names: Sequence[str], q: Sequence[float]) -> list[str]:
    """How much each group counted at the end, the most first."""
    order = sorted(range(len(q)), key=lambda index: -q[index])
    shown = listed(f"{names[index]} {q[index]:.3f}" for index in order)
    return [f"group DRO: at the end the groups counted {shown}"] if q else []
