"""Restoration: an image out of another one.

Letters: B images, C channels, R windows of each, h × w input pixels, s the scale. All values are shares of the range from black to
white.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import Module

from neocog.data.loader import Batch
from neocog.metrics.restoration import LUMA, MOST
from neocog.networks.restorer import BRIGHTNESS, weighted
from neocog.records import Section
from neocog.tasks.objective import Objective

NEAR = 1e-3  # below which Charbonnier's loss is a square


@final
@dataclass(frozen=True)
class Restoration(Objective):
    """Images learned from pairs of windows. ``low`` and ``high``: black and white in stored units; ``luma``: whether brightness
    alone is learned; ``pictures``: whether it is what PSNR is taken of, as published."""

    network: Callable[[], Module]
    low: float
    high: float
    loss: str = "l1"
    luma: bool = False
    pictures: bool = False

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        yield "model", batch.mean(self._losses(*self._apart(nets, batch), len(batch)))

    def _apart(self, nets: Mapping[str, Module], batch: Batch) -> tuple[Tensor, Tensor]:
        """(B · R, C, sh, sw) restored less wanted, and where something is wanted: not NaN."""
        wanted = (single(batch.targets) - self.low) / (self.high - self.low)
        known = ~wanted.isnan()
        return self.predict(nets, single(batch.inputs)) - wanted.nan_to_num(), known

    def _losses(self, apart: Tensor, known: Tensor, count: int) -> Tensor:
        """(B,)"""
        apart = weighted(apart, BRIGHTNESS) if self.luma else apart
        if self.loss == "mse":
            each = apart.square()
        elif self.loss == "charbonnier":
            each = (apart.square() + NEAR**2).sqrt()
        else:
            each = apart.abs()
        return mean_where(each, known[:, : each.shape[1]], count)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """(n, C, sh, sw)."""
        outputs: Tensor = nets["model"](inputs).float()
        return outputs

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        apart, known = self._apart(nets, batch)
        seen = weighted(apart, [weight / 255 for weight in LUMA]) if self.pictures and apart.shape[1] == 3 else apart
        error = mean_where(seen.double().square(), known[:, : seen.shape[1]], len(batch))
        return {
            "psnr": (-10 * error.clamp(min=10 ** (-MOST / 10)).log10()).sum(),
            "loss": self._losses(apart, known, len(batch)).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=apart.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """In the windows that are always the same: mean PSNR over images, of hidden values where only these are wanted."""
        return {name: float(totals[name] / totals["n"].clamp(min=1)) for name in ("psnr", "loss")}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []


def mean_where(values: Tensor, known: Tensor, count: int) -> Tensor:
    """(B · R, …) → (B,) the mean of what is known of each of ``count`` images."""
    sums = (values * known).reshape(count, -1).sum(1)
    return sums / known.reshape(count, -1).sum(1).clamp(min=1)


def single(windows: Tensor) -> Tensor:
    """(B, C, R, h, w) → (B · R, C, h, w)."""
    return windows.transpose(1, 2).flatten(0, 1)
