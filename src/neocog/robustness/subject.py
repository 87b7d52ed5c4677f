"""What is tried: a run, loaded, and the labelled samples on which it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import tee
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment.counter import mix_integer
from neocog.config import Config
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Store
from neocog.data.preprocessing import Preprocessing
from neocog.predictor import Predictor
from neocog.progress import Progress
from neocog.records import Measure
from neocog.run import Run
from neocog.tasks.evaluation import Evaluation, Samples
from neocog.tasks.task import Task

Change = Callable[
    [Tensor, Tensor], Tensor
]  # fitted pixels (B, C, …) and sample numbers (B,) int64 → pixels of the same shape


@dataclass(frozen=True)
class Subject:
    """``samples`` are the run's test part, or data of others (``own`` False)."""

    run: Run
    config: Config  # how the data are read
    predictor: Predictor
    task: Task
    samples: Samples
    parts: Mapping[
        str, NDArray[np.int64]
    ]  # "train", "validation", "test" → positions in the run's own data; {} in others
    own: bool
    most: int  # samples, where a part computes anew for each; 0: all
    options: Mapping[str, Any]  # of the part
    progress: Progress
    reread: Callable[..., Dataset]  # the data, read with other settings: reread(columns=("group=site",))
    # ((n,) names, (n, K) probabilities) of all samples by the folds that had not seen them; None: no folds, or no classes
    out_of_fold: Callable[[], tuple[Array, Array]] | None = None
    # of each fold its network and what it tests; None: no folds
    folds: Callable[[], list[tuple[Predictor, Samples]]] | None = None

    @property
    def dataset(self) -> Dataset:
        return self.samples.dataset

    @property
    def preprocessing(self) -> Preprocessing:
        return self.predictor.preprocessing

    @property
    def seed(self) -> int:
        return self.samples.seed

    def few(self, most: int | None = None) -> Samples:
        """At most ``most`` (default: ``--samples``) of the samples, drawn by lot, in their order; their pixels are kept in
        memory once they were read."""
        count, most = len(self.samples), self.most if most is None else most
        chosen = self.samples.positions
        if 0 < most < count:
            order = np.random.default_rng(mix_integer(self.seed)).permutation(count)[:most]
            chosen = chosen[np.sort(order)]
        return replace(self.samples, positions=chosen, store=Held.of(self.samples.store, chosen))

    def evaluation(self, samples: Samples, change: Change | None = None) -> Evaluation:
        """What the run is worth on ``samples``, after ``change`` of their stored pixels."""
        if change is not None:
            samples = replace(samples, store=Changed(samples.store, change))
        answers = self.task.answers(self.predictor, samples, lambda _: None)
        # Baselines of the training part are no part of it: their pixels are neither held here nor to be changed
        return self.task.evaluation(self.predictor, answers, replace(samples, trained=None))

    def main(self, samples: Samples, change: Change | None = None) -> tuple[str, Measure]:
        """The task's first measure of ``evaluation``, with its name."""
        return next(iter(self.evaluation(samples, change).measures.items()))


@dataclass(frozen=True)
class Held:
    """A store of some samples in memory. ``place``: where the pixels of a position in the data set stand."""

    pixels: Array  # (n, C, …)
    place: Mapping[int, int]

    @classmethod
    def of(cls, store: Store, positions: NDArray[np.int64]) -> Held:
        """These samples, read from another store."""
        pieces = [positions[start : start + 64] for start in range(0, len(positions), 64)]
        read = [np.asarray(pixels) for pixels in store.stream(iter(pieces))]
        return cls(np.concatenate(read), {int(position): i for i, position in enumerate(positions)})

    def stream(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Array | Tensor]:
        for indices in wanted:
            yield self.pixels[[self.place[int(index)] for index in indices]]


@dataclass(frozen=True)
class Changed:
    """A store whose pixels are changed before they are passed on; stored numbers stay of their kind."""

    store: Store
    change: Change

    def stream(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Array | Tensor]:
        first, second = tee(wanted)
        for where, pixels in zip(first, self.store.stream(second), strict=True):
            yield self.change(torch.as_tensor(pixels), torch.from_numpy(where))
