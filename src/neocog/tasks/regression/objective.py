"""Regression: numbers for each sample, learned in units of their own spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F

from neocog.data.loader import Batch
from neocog.records import Section
from neocog.tasks.objective import Objective

LEAST, MOST = -10.0, 10.0  # of the predicted log-variance: e^±5 standard deviations of the target


@final
@dataclass(frozen=True)
class Regression(Objective):
    """Targets (B, V) float in their own units. ``mean`` and ``std`` (V,) are the training part's.

    ``gaussian``: the network has 2 V outputs, V values and V log-variances (Nix & Weigend 1994), so that it says of each
    sample how far off it may be. ``periods`` (V,): of an angle in degrees 360, in radians 2π, which its errors close over; else 0.
    """

    network: Callable[[], Module]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    loss: Literal["mse", "mae", "huber", "gaussian"] = "mse"
    periods: tuple[float, ...] = ()

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        losses = self._losses(nets["model"](batch.inputs).float(), batch.targets)
        yield "model", batch.mean(losses)

    def _losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(B,) losses, each the mean over the values of the errors in standard deviations of the target."""
        values, spread = self.read(outputs)
        error = self.error(values, targets) / targets.new_tensor(self.std)
        if self.loss == "gaussian":
            scale = spread / targets.new_tensor(self.std)
            return (scale.log() + 0.5 * (error / scale).square()).mean(1)
        if self.loss == "mse":
            return error.square().mean(1)
        if self.loss == "mae":
            return error.abs().mean(1)
        return F.huber_loss(error, torch.zeros_like(error), reduction="none").mean(1)

    def read(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Network outputs → values (B, V) and their standard deviations (B, V) in the targets' units.

        Without the gaussian loss the network says nothing of its spread: that is 1 everywhere.
        """
        count = len(self.mean)
        mean, std = outputs.new_tensor(self.mean), outputs.new_tensor(self.std)
        values = outputs[:, :count] * std + mean
        if self.loss != "gaussian":
            return values, torch.ones_like(values)
        return values, (0.5 * outputs[:, count:].clamp(LEAST, MOST)).exp() * std

    def error(self, values: Tensor, targets: Tensor) -> Tensor:
        """(B, V) prediction minus truth; of angles the shorter way round."""
        error = values - targets
        if not any(self.periods):
            return error
        period = error.new_tensor(self.periods)
        whole = torch.where(period > 0, period, 1.0)
        return torch.where(period > 0, (error + whole / 2).remainder(whole) - whole / 2, error)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """(B, 2 V): values, then their standard deviations, in the targets' units."""
        return torch.cat(self.read(nets["model"](inputs).float()), 1)

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        outputs = nets["model"](batch.inputs).float()
        error = self.error(self.read(outputs)[0], batch.targets).double()
        return {
            "square": error.square().sum(0),
            "absolute": error.abs().sum(0),
            "loss": self._losses(outputs, batch.targets).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=error.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """The share of the training part's variance that is explained, a mean over the values, comes first: higher is better."""
        n = float(totals["n"])
        variance = torch.tensor(self.std, dtype=torch.float64) ** 2
        explained = 1 - (totals["square"].cpu() / n / variance).mean()
        return {
            "explained": float(explained),
            "mae": float(totals["absolute"].mean()) / n,
            "loss": float(totals["loss"]) / n,
        }

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []
