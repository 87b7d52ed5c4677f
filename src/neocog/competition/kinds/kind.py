"""The interface of a kind of label.

Letters: n held-out samples, K classes, T values, w numbers that are kept of an answer.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.dataset import Array, Dataset
from neocog.metrics.intervals import Units
from neocog.metrics.names import PERCENT, lower_is_better, title
from neocog.metrics.paired import paired
from neocog.pages.axis import percent, short
from neocog.predictor import Predictor
from neocog.records import Measure, Section
from neocog.traits import task_of

Points = NDArray[np.float64]
Given = Sequence[tuple[str, Array]]  # (name of an entry, what is kept of its answers (n, w)) in the order of the ranks


@dataclass(frozen=True)
class Kind(ABC):
    """What is known of a sample. ``names``: of the classes, or of the values with their units; ``spread`` (T,): standard
    deviations of the public values."""

    learned: ClassVar[Literal["classes", "values", "masks"]]
    measure: ClassVar[str]  # that decides, by its name in ``metrics.names``
    progress: ClassVar[str]  # of the entry's own validation part, in metrics.csv
    masks: ClassVar[bool] = False  # whether a network gives (B, K, H, W), and not (B, outputs)
    reading: ClassVar[tuple[str, ...]] = ()  # settings with which the stored samples are read, "decimal=point"
    hard: ClassVar[str] = "Hardest samples"

    names: tuple[str, ...]
    spread: tuple[float, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, public: NDArray[np.int64]) -> Kind:
        """Of the samples at ``public``. Raises UserError for those that cannot be scored."""
        return cls(dataset.classes)

    @property
    def task(self) -> str:
        return task_of(self.learned)

    @property
    def title(self) -> str:
        """The measure for people, with its unit."""
        return title(self.measure)

    @property
    def sign(self) -> int:
        """1, or −1 where less of the measure is better: the measure is ``sign`` times the mean of the points."""
        return -1 if lower_is_better(self.measure) else 1

    @property
    def unit(self) -> float:
        """In what points are counted: the Ladder shows a score in n-ths of it."""
        return 1.0

    def shown(self, value: float, n: int) -> str:
        return percent(value, n) if self.measure in PERCENT else short(value)

    # what is written

    @classmethod
    def present(cls, dataset: Dataset, positions: NDArray[np.int64]) -> set[str]:
        """Names of the classes that samples have."""
        return set()

    @classmethod
    @abstractmethod
    def known(cls, dataset: Dataset, positions: NDArray[np.int64], folder: Path) -> dict[str, list[str]]:
        """What is known of the samples, as columns of a table; files that these name are written into ``folder``."""

    @classmethod
    def texts(cls, dataset: Dataset, positions: NDArray[np.int64]) -> list[str]:
        """What is known of each sample, as text: equal where it is the same."""
        return [dataset.target_text(i) for i in positions.tolist()]

    @abstractmethod
    def truth(self, columns: Sequence[Sequence[str]], read: Callable[[str], bytes]) -> NDArray[Any]:
        """(n, …) of the cells of ``known``; ``read`` gives a file that a cell names."""

    # what an entry answers

    def outputs(self, config: Config) -> int:
        """Outputs of an entry's network with these settings."""
        return len(self.names)

    @classmethod
    @abstractmethod
    def answers(cls, predictor: Predictor, dataset: Dataset) -> tuple[Sequence[str], Array]:
        """What a trained entry says of all samples, in its own process: the names it answers with, and numbers."""

    @abstractmethod
    def rows(self, names: Sequence[str], given: Array, truth: NDArray[Any]) -> Array:
        """(n, w) what is kept of these answers. Raises Failed for those that are none."""

    # what it is worth; ``rows`` and ``truth`` of the samples that count

    @abstractmethod
    def points(self, rows: Array, truth: NDArray[Any]) -> Points:
        """(n,) how good each answer is: more is better, NaN where that is not defined."""

    @abstractmethod
    def measured(self, rows: Array, truth: NDArray[Any], groups: Array | None) -> Measure:
        """The measure with its interval, from the function that measures everywhere."""

    def p(self, first: Points, second: Points, groups: Array | None, draws: int) -> float:
        """The chance of a difference this large between the points of two entries if there is none."""
        units = Units.of(groups, len(first))
        sums = [
            units.sums(np.stack([np.nan_to_num(each), ~np.isnan(each)], axis=1).astype(float))
            for each in (first, second)
        ]
        return paired(sums[0], sums[1], _mean, units, draws=draws)[0].p

    def test(self, grouped: bool) -> str:
        """What p comes from, in words."""
        return f"the sign-flip test over {'groups' if grouped else 'samples'}"

    # what the board shows of it

    @abstractmethod
    def sections(self, given: Given, truth: NDArray[Any]) -> list[Section]:
        """The entries' answers in detail."""

    def hardest(self, best: Points, most: int) -> tuple[NDArray[np.int64], str]:
        """Positions of the samples to show, and what they are. ``best`` (n,): the most points that any entry has."""
        defined = np.flatnonzero(~np.isnan(best))
        order = defined[np.argsort(best[defined], kind="stable")][: min(most, -(-len(best) // 4))]
        return order, f"The {len(order)} of {len(best):,} samples whose best answer is worst."

    @abstractmethod
    def caption(self, place: int, given: Given, truth: NDArray[Any]) -> str:
        """What is written under a sample."""


def _mean(totals: Array) -> Array:
    """(…, [sum, count]) → (…, 1)"""
    above, below = totals[..., :1], totals[..., 1:]
    return np.divide(above, below, out=np.full_like(above, math.nan), where=below > 0.5)
