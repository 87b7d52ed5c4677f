"""What one training works on, as plain records: the data as read and checked, and the job made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neocog.augment.keeps import Decision
from neocog.config import Config
from neocog.data.copies import Copies
from neocog.data.dataset import SPLITS, Array, Dataset
from neocog.data.digests import Digests
from neocog.data.loader import Feed
from neocog.data.masks import MaskSurvey, told
from neocog.data.preprocessing import Preprocessing
from neocog.data.records import Records
from neocog.records import Finding
from neocog.tasks.objective import Task

if TYPE_CHECKING:
    from neocog.tasks.task import Study


@dataclass(frozen=True)
class Data:
    """A data set, read and checked: the same for every fold."""

    dataset: Dataset
    study: Study
    records: Records
    pixels: Array | None  # (N, C, …) fitted, or None where they are streamed
    plan: Preprocessing  # without mean and std, which are the training part's
    kept: NDArray[np.bool_]
    copies: Copies
    findings: list[Finding]
    unseen: Dataset | None = None  # samples of classes that are set aside, on which "none of these" is judged
    masks: MaskSurvey | None = None  # fitted too, where they fit in memory
    together: str = "near"  # see ``DataConfig.together``

    @property
    def digests(self) -> Digests:
        """(N,) of the stored files."""
        return self.records.digests

    @property
    def pixel_digests(self) -> Digests:
        """(N,) of what the files show."""
        return self.records.pixel_digests

    @property
    def contents(self) -> Digests:
        """(N,) equal where two samples are the same to the split."""
        return self.digests if self.together == "files" else self.pixel_digests

    @property
    def families(self) -> Sequence[str]:
        """(N,) names of near copies that the split keeps together, "" where a sample has none; [] where it heeds none."""
        return self.copies.families if self.together == "near" else []

    @property
    def told(self) -> Sequence[str]:
        """(N,) what is known of each sample: its class, its values, the digest of its mask."""
        return self.masks.digests if self.masks else told(self.dataset)


@dataclass(frozen=True)
class Job:
    """Data, split and task of one training; every rank computes the same."""

    config: Config  # resolved: no "auto" left in it that resuming could decide otherwise
    data: Data
    parts: NDArray[np.str_]  # (N,) train, validation, test, or "" for a sample that is left out
    preprocessing: Preprocessing
    feed: Feed
    task: Task
    decisions: tuple[Decision, ...] = ()  # which changes of the samples are made, and why

    @property
    def dataset(self) -> Dataset:
        return self.data.dataset

    @property
    def study(self) -> Study:
        return self.data.study

    def stored_sizes(self, part: str) -> Array:
        """(n, 2), of volumes (n, 3): the sides of the samples of a part, as their files have them."""
        headers = self.data.records.headers
        return headers.take((self.parts == part) & headers.there).sides

    def counts(self) -> dict[str, int]:
        return {part: int((self.parts == part).sum()) for part in SPLITS}
