"""Orientation: by which angle was an upright image turned? Learned as a distribution over the circle.

A regression to one angle fails where two answers are possible (an 8 upside down is an 8): it answers with their mean,
which is neither. So the circle is cut into bins, the truth is spread over its neighbours, and the likeliest direction is
read off between the bins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import Module

from neocog.data.loader import Batch
from neocog.records import Section
from neocog.tasks.objective import Objective

SPREAD = 6.0  # degrees: standard deviation of the truth over the bins
NEAR = 2  # bins to either side that the answer is read from


@final
@dataclass(frozen=True)
class Orientation(Objective):
    """Logits (B, bins) over directions 0, 360 / bins, …; targets are angles (B,) in degrees.

    4 bins are quarter turns: then the truth is one bin, and so is the answer.
    """

    network: Callable[[], Module]
    bins: int = 72

    def networks(self) -> dict[str, Module]:
        return {"model": self.network()}

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        losses = self._losses(nets["model"](batch.inputs).float(), batch.targets)
        yield "model", batch.mean(losses)

    def _losses(self, logits: Tensor, angles: Tensor) -> Tensor:
        """(B,) cross-entropy with the truth spread over the circle."""
        return -(truth(angles, self.bins) * logits.log_softmax(1)).sum(1)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        """Logits (B, bins); ``directions`` turns them into angles."""
        logits: Tensor = nets["model"](inputs).float()
        return logits

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        logits = self.predict(nets, batch.inputs)
        error = torch.deg2rad(directions(logits)[0] - batch.targets)
        return {
            "cosine": error.cos().double().sum(),
            "loss": self._losses(logits, batch.targets).double().sum(),
            "n": torch.tensor(len(batch), dtype=torch.float64, device=logits.device),
        }

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean cosine of the error is 1 where every angle is right, 0 for guesses."""
        n = float(totals["n"])
        return {"mean_cosine": float(totals["cosine"]) / n, "loss": float(totals["loss"]) / n}

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return []


def truth(angles: Tensor, bins: int) -> Tensor:
    """Angles (B,) in degrees → (B, bins) shares that sum to 1: a wrapped normal about the angle, or one bin of 4."""
    centres = torch.arange(bins, device=angles.device) * (360 / bins)
    distance = (angles[:, None] - centres + 180).remainder(360) - 180
    if bins == 4:
        return (distance.abs() <= 45).float()
    return torch.softmax(-0.5 * (distance / SPREAD) ** 2, dim=1)


def directions(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(B, bins) → angles (B,) in degrees, −180 … 180, and the probability (B,) of the part of the circle around them."""
    bins = logits.shape[1]
    shares = logits.softmax(1)
    peak = shares.argmax(1, keepdim=True)
    reach = 0 if bins == 4 else NEAR
    steps = torch.arange(-reach, reach + 1, device=logits.device)
    near = shares.gather(1, (peak + steps).remainder(bins))  # (B, 2 · NEAR + 1)
    sure = near.sum(1)
    place = peak[:, 0] + (near * steps).sum(1) / sure  # the mean of the neighbours, weighted by their shares
    return (place * (360 / bins) + 180).remainder(360) - 180, sure
