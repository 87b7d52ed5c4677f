"""Task: what is learned. The only abstract class of neocog; six methods, with no device, rank, file or precision in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import Module


@dataclass(frozen=True)
class Batch:
    """What one step sees: ``inputs`` (B, C, H, W) normalised float; ``targets`` (B,); ``weights`` (B,) or None."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.inputs)


class Task(ABC):
    """The interface between what is learned (tasks/) and how it is learned (engine/)."""

    @abstractmethod
    def networks(self) -> dict[str, Module]:
        """{"model": …} or {"generator": …, "discriminator": …}, freshly initialised from the current seed."""

    @abstractmethod
    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Yield (name of the network to update, its loss): a generator, since a GAN yields twice, everything else once.

        The loss is a sum over the batch's samples divided by the total of their weights (``len(batch)`` without weights).
        """

    @abstractmethod
    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """What the user wants: probabilities (B, K), values, a mask, samples."""

    @abstractmethod
    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        """Additive sums: exact under any batch size and number of ranks."""

    @abstractmethod
    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """Ratios of the sums, taken once, at the end. The first one chooses "best" (``higher_is_better``)."""

    @abstractmethod
    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[object]:
        """Tables, curves and grids of the report (records of run.py)."""
