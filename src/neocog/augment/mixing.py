"""Images mixed in pairs, and their losses with them: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019).

Partner, share and place are functions of (seed, epoch, sample), as every other change is. B samples, C channels, H × W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv
from torch import Tensor

from neocog.augment.pixel import filled, per_sample
from neocog.augment.random_streams import RandomStreams

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Mixing:
    """``mixup`` and ``cutmix``: the α of the beta distribution from which shares are drawn, 0: off. Where both are on, each sample
    is mixed in one of the two ways, as often in the one as in the other. ``among``: positions of the training samples."""

    mixup: float
    cutmix: float
    among: Indices

    def partners(self, samples: Indices, seed: int, epoch: int) -> Indices:
        """(B,) the training sample that each of ``samples`` is mixed with, every one as likely."""
        chances = streams(samples, seed, epoch).chances("mixing partner").numpy()
        found: Indices = self.among[(chances * len(self.among)).astype(np.int64)]
        return found

    def __call__(
        self, inputs: Tensor, others: Tensor, samples: Indices, seed: int, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """``inputs`` and ``others`` (B, C, H, W) → (B, C, H, W), and of each how much of it is still of ``inputs`` (B,)."""
        drawn = streams(samples, seed, epoch)
        cut = drawn.chances("mixing way") < (0.5 if self.mixup and self.cutmix else float(bool(self.cutmix)))
        even = drawn.chances("mixing share").numpy()
        shares = torch.from_numpy(
            np.where(cut.numpy(), _beta(self.cutmix, even), _beta(self.mixup, even))
        )  # (B,) float64
        inside, left = boxes(shares, drawn, inputs)
        kept = torch.where(per_sample(cut), (~inside).double(), per_sample(shares))  # (B, 1, H, W)
        kept = kept.to(inputs.device, inputs.dtype)
        return inputs * kept + others * (1 - kept), torch.where(cut, left, shares).to(inputs.device, torch.float32)


def streams(samples: Indices, seed: int, epoch: int) -> RandomStreams:
    return RandomStreams(seed, epoch, torch.from_numpy(samples))


def boxes(shares: Tensor, drawn: RandomStreams, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, H, W) bool, whether a pixel of ``inputs`` lies in the box of 1 − ``shares`` of the area, whose middle is anywhere; and
    (B,) the share of pixels outside, which is larger where an edge cuts the box off."""
    sides = torch.tensor(inputs.shape[-2:], dtype=torch.float64)
    middle = torch.stack([drawn.chances("mixing row"), drawn.chances("mixing column")], 1) * sides
    half = (1 - shares).sqrt()[:, None] * sides / 2
    inside = filled(torch.cat([(middle - half).round(), (middle + half).round()], 1), inputs)
    return inside, 1 - inside.double().mean((1, 2, 3))


def _beta(alpha: float, even: NDArray[np.float64]) -> NDArray[np.float64]:
    """Beta(α, α) of ``even`` numbers in [0, 1), by its quantiles; 1 where α is 0: nothing is mixed."""
    found: NDArray[np.float64] = betaincinv(alpha, alpha, even) if alpha else np.ones_like(even)
    return found
