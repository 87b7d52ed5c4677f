"""What is evaluated and what comes of it: the same for the parts of a run, for ``evaluate``, and for other data.

A network's answers are computed in batches that depend on the samples and their shape alone, so that the same samples get
the same answers, to the last bit, whenever and from wherever they are evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import tee
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Store
from neocog.data.preprocessing import Preprocessing
from neocog.data.scale import Watch
from neocog.predictor import Predictor
from neocog.records import Measure, Section

Advance = Callable[[int], None]
AT_ONCE, MOST = 1 << 20, 256  # input positions, and samples, that go through a network together: 20 images of 224 × 224
SEQUENCES = 128  # their activations fit the cache, which is twice as fast as 1,024


@dataclass(frozen=True)
class Samples:
    """Labelled samples that are evaluated: a ``part`` of a run, or other data (as "test").

    ``positions`` (n,) in the data set; ``store``: their fitted pixels, which training holds in memory and ``evaluate`` reads,
    the same numbers. ``trained``: positions of the training part where it is of the same data; ``unseen``: samples of the
    classes that were set aside.
    """

    dataset: Dataset
    positions: NDArray[np.int64]
    store: Store
    seed: int  # of what is drawn where something is evaluated: turns, latent vectors, the bootstrap
    part: str = "test"
    trained: NDArray[np.int64] | None = None
    unseen: Dataset | None = None
    within: bool = False  # whether what is measured speaks of these very groups: then samples repeat, and not groups

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def groups(self) -> Array | None:
        """(n,) what repeats independently; None: each sample."""
        return None if self.dataset.groups is None or self.within else self.dataset.groups[self.positions]

    def batches(
        self, preprocessing: Preprocessing, positions: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """(positions (B,), fitted pixels (B, C, …)) of all samples, or of those at ``positions``, in their order."""
        chosen, size = self.positions if positions is None else positions, at_once(preprocessing)
        wanted = [chosen[start : start + size] for start in range(0, len(chosen), size)]
        for where, pixels in zip(wanted, self.store.stream(iter(wanted)), strict=True):
            yield where, torch.as_tensor(pixels)


@dataclass(frozen=True)
class Watched:
    """A store whose pixels are held against those of the training before they are passed on.

    Raises BadImage for an image of another scale, where that is to be refused.
    """

    store: Store
    dataset: Dataset
    watch: Watch

    def stream(self, wanted: Iterable[NDArray[np.int64]]) -> Iterator[Array | Tensor]:
        first, second = tee(wanted)
        for where, pixels in zip(first, self.store.stream(second), strict=True):
            for index, one in zip(where.tolist(), np.asarray(pixels), strict=True):
                self.watch.look(one, str(self.dataset.names[index]), self.dataset.images.header(index))
            yield pixels


def at_once(preprocessing: Preprocessing) -> int:
    """Samples that go through a network together where it is evaluated: while it learns, at its end, later, and in ``predict``.

    A function of their shape alone, never of what memory is free, so that the numbers are the same wherever they are computed.
    """
    if preprocessing.encoding == "nucleotides":
        return SEQUENCES
    return max(1, min(MOST, AT_ONCE // math.prod(preprocessing.size)))


def outputs_of(predictor: Predictor, samples: Samples, width: int, advance: Advance) -> NDArray[np.float32]:
    """(n, width) what the network gives for every sample."""
    found = [np.empty((0, width), np.float32)]
    for where, pixels in samples.batches(predictor.preprocessing):
        found.append(predictor.of_pixels(pixels))
        advance(len(where))
    return np.concatenate(found)


@dataclass(frozen=True)
class Evaluation:
    """What answers are worth: the first measure is the one that is said first; ``more`` goes beside the measures."""

    measures: Mapping[str, Measure]
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a run keeps of its test part beside the measures."""

    predictions: str  # predictions.csv: one row a test sample
    sections: Sequence[Section]  # of the report, the results; data, network, training and environment are added
    result: Mapping[str, Any] = field(default_factory=dict)  # more for result.json


def measures_of(evaluated: Mapping[str, Evaluation]) -> tuple[dict[str, Mapping[str, Measure]], Mapping[str, Any]]:
    """Each part's measures, the test part's first, and what is said of each class there."""
    each: Mapping[str, Any] = evaluated["test"].more.get("per_class", {})
    return {part: evaluated[part].measures for part in ("test", "validation") if part in evaluated}, each
