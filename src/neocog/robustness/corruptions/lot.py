"""Random numbers of a corruption: functions of (seed, sample) alone, the same at all its severities, so that these differ in
strength and not in luck. B samples."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from neocog.augment.counter import bits, pixel_normal, pixel_uniform, uniform_from


@dataclass(frozen=True)
class Lot:
    """What is drawn is named, each name a stream of its own."""

    seed: int
    samples: Tensor  # (B,) int64

    def state(self, name: str) -> Tensor:
        """(B,) int64."""
        return bits(self.seed, 0, zlib.crc32(name.encode()), self.samples)

    def between(self, name: str, low: float, high: float) -> Tensor:
        """(B,) float32, even in [low, high)."""
        return (low + (high - low) * uniform_from(self.state(name))).float()

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """(B, *shape) float32 in [0, 1)."""
        return pixel_uniform(self.state(name), torch.Size(shape).numel()).reshape(-1, *shape)

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """(B, *shape) float32."""
        return pixel_normal(self.state(name), torch.Size(shape).numel()).reshape(-1, *shape)


def each(values: Tensor, like: Tensor) -> Tensor:
    """(B,) → (B, 1, …) with as many axes as ``like``."""
    return values.view(-1, *(1,) * (like.ndim - 1))
