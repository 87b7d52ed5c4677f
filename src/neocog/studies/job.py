"""What one training works on, as plain records: the data as read and checked, and the job made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.augment.keeps import Decision
from neocog.data.copies import Copies
from neocog.data.dataset import SPLITS, Array, Dataset
from neocog.data.feed import Feed
from neocog.data.masks import MaskSurvey, told
from neocog.data.preprocessing import Preprocessing
from neocog.data.survey import Record
from neocog.run import Finding
from neocog.tasks.task import Task

if TYPE_CHECKING:
    from neocog.studies.study import Study


@dataclass(frozen=True)
class Data:
    """A data set, read and checked: the same for every fold."""

    dataset: Dataset
    study: Study
    records: list[Record]
    pixels: Array | None  # (N, C, …) fitted, or None where they are streamed
    plan: Preprocessing  # without mean and std, which are the training part's
    kept: NDArray[np.bool_]
    copies: Copies
    findings: list[Finding]
    unseen: Dataset | None = None  # samples of classes that are set aside, on which "none of these" is judged
    masks: MaskSurvey | None = None  # fitted too, where they fit in memory
    together: str = "near"  # see ``DataConfig.together``

    @property
    def digests(self) -> list[str]:
        """(N,) of the stored files."""
        return [record.digest for record in self.records]

    @property
    def pixel_digests(self) -> list[str]:
        """(N,) of what the files show."""
        return [record.pixel_digest for record in self.records]

    @property
    def contents(self) -> list[str]:
        """(N,) equal where two samples are the same to the split."""
        return self.digests if self.together == "files" else self.pixel_digests

    @property
    def families(self) -> list[str]:
        """(N,) names of near copies that the split keeps together, "" where a sample has none; [] where it heeds none."""
        return self.copies.families if self.together == "near" else []

    @property
    def told(self) -> list[str]:
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

    def counts(self) -> dict[str, int]:
        return {part: int((self.parts == part).sum()) for part in SPLITS}
