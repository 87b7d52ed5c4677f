"""What is learned, as the engine sees it: six methods with no device, rank, file or precision in them.

Of several networks (a GAN's two) each has a loss of its own: the loop finishes all micro-batches of a batch for one network,
updates it, and then turns to the next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from torch import Tensor
from torch.nn import Module

from neocog.data.loader import Batch
from neocog.records import Section


class Objective(ABC):
    """The interface between what is learned (tasks/) and how it is learned (engine/)."""

    chooses: ClassVar[bool] = True  # whether the first measure says which epoch is best; if not, the last one is

    def is_over(self, best: float, measure: float) -> bool:
        """Whether a first measure that has fallen from ``best`` so far ends the training."""
        return False

    @abstractmethod
    def networks(self) -> dict[str, Module]:
        """{"model": …} or {"generator": …, "discriminator": …}, freshly initialised from the current seed."""

    @abstractmethod
    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield (name of the network to update, its loss): a generator, since a GAN yields twice, everything else once.

        A loss is the mean over the batch's samples of (weight ×) the sample's loss, so that micro-batches add up exactly.
        """

    @abstractmethod
    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """What the user wants: probabilities (B, K), values, a mask, samples."""

    @abstractmethod
    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        """Additive sums: exact under any batch size and number of ranks."""

    @abstractmethod
    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """Ratios of the sums, taken once, at the end. The first one chooses "best": the higher, the better."""

    @abstractmethod
    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        """Tables, curves and grids of the report (records of run.py)."""
