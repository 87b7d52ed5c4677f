"""Random numbers of (seed, epoch, sample), each kind of change from a stream of its own. B samples, S streams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar
from zlib import crc32

from torch import Tensor

from neocog.augment.counter import bits_of, uniform_from

HASHED = 1 << 32  # above what any list counts to


@dataclass(frozen=True)
class RandomStreams:
    """A stream is asked for by its name. Those that subclasses list in ``streams`` are counted from a ``first`` of their own, and
    computed at once, which for a batch takes hardly longer than one; any other has the number that its name hashes to.
    """

    seed: int
    epoch: int
    samples: Tensor  # (B,) int64

    streams: ClassVar[tuple[str, ...]] = ()
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
        if stream in self.streams:
            return self.all_bits[self.streams.index(stream)]
        return bits_of(self.seed, self.epoch, (HASHED + crc32(stream.encode()),), self.samples)[0]

    def chances(self, stream: str) -> Tensor:
        """(B,) float64 in [0, 1)."""
        listed = stream in self.streams
        return self.all_chances[self.streams.index(stream)] if listed else uniform_from(self.bits(stream))

    def between(self, stream: str, low: float, high: float) -> Tensor:
        """(B,) float64, even in [low, high)."""
        return low + (high - low) * self.chances(stream)

    def factor(self, stream: str, most: float) -> Tensor:
        """(B,) float64 in 1 / (1 + most) … 1 + most, even in its logarithm: as often larger as smaller."""
        return (1 + most) ** self.between(stream, -1, 1)
