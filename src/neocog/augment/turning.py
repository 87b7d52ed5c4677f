"""Upright images turned by an angle that is then what the network is asked for.

Only a disc is shown: the corners of a turned picture tell by how they are filled what its angle is, and a network learns
to look at them instead of at the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neocog.augment.apply import apply
from neocog.augment.draw import ImageStreams, draw
from neocog.augment.policy import Augmentation
from neocog.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class Turning:
    """Images changed by ``policy`` and turned counter-clockwise by any angle, or by quarter turns.

    The targets become the angles (B,) in degrees, −180 … 180. Both are functions of (seed, epoch, sample). ``radius``: of
    the disc, as a share of the shorter side; what a shift or a smaller scale brings in from outside must lie beyond it.
    """

    policy: Augmentation
    quarters: bool = False
    radius: float = 0.5

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        angles = ImageStreams(seed, epoch, samples).between("turn", -180, 180)
        if self.quarters:
            angles = (angles / 90).floor() * 90
        drawn = draw(replace(self.policy, turn=180), seed, epoch, samples, preprocessing, angles)
        return in_disc(apply(drawn, pixels), preprocessing, self.radius), angles.float()


def in_disc(pixels: Tensor, preprocessing: Preprocessing, radius: float = 0.5) -> Tensor:
    """Pixels (B, C, H, W) float; outside a disc about the middle, the mean (which the network sees as 0)."""
    height, width = preprocessing.plane
    row = torch.arange(height, device=pixels.device)[:, None] - (height - 1) / 2
    column = torch.arange(width, device=pixels.device)[None, :] - (width - 1) / 2
    inside = row**2 + column**2 <= (min(height, width) * radius) ** 2
    mean = torch.tensor(preprocessing.mean, device=pixels.device, dtype=torch.float32)[:, None, None]
    return torch.where(inside, pixels.float(), mean)
