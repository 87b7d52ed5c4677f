"""Random numbers of (seed, epoch, sample), each kind of change from a stream of its own. B samples, S streams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from neocog.augment.counter import bits_of, uniform_from


@dataclass(frozen=True)
class RandomStreams:
    """Subclasses name their ``streams``; each form of data counts from a ``first`` of its own.

    The numbers of all streams are computed at once, which for a batch takes hardly longer than those of one.
    """

    seed: int
    epoch: int
    samples: Tensor  # (B,) int64

    streams: ClassVar[tuple[str, ...]]
    first: ClassVar[int] = 0

    @cached_property
    def all_bits(self) -> Tensor:
        """(S, B) int64."""
        numbers = range(self.first, self.first + len(self.streams))
        return bits_of(self.seed, self.epoch, numbers, self.samples)

    @cached_property
    def all_chances(self) -> Tensor:
        """(S, B) float64 in [0, 1)."""
        return uniform_from(self.all_bits)

    def bits(self, stream: str) -> Tensor:
        """(B,) int64."""
        return self.all_bits[self.streams.index(stream)]

    def between(self, stream: str, low: float, high: float) -> Tensor:
        """(B,) float64, even in [low, high)."""
        return low + (high - low) * self.all_chances[self.streams.index(stream)]

    def factor(self, stream: str, most: float) -> Tensor:
        """(B,) float64 in 1 / (1 + most) … 1 + most, even in its logarithm: as often larger as smaller."""
        return (1 + most) ** self.between(stream, -1, 1)
