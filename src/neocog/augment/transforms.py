"""What happens to a batch before the network sees it: one interface for every form of data.

A change is a pure function of (seed, epoch, sample): any batch, order, rank or restart gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from neocog.augment.apply import apply, apply_masks
from neocog.augment.draw import draw
from neocog.augment.policy import Augmentation
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError


@dataclass(frozen=True)
class ImageChanges:
    """Images are changed, their targets stay: a class is the same under every change of the policy."""

    policy: Augmentation

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        return apply(draw(self.policy, seed, epoch, samples, preprocessing), pixels), targets


def square(patch: Sequence[int]) -> tuple[int, ...]:
    """One side as height and width."""
    return tuple(patch) * (2 if len(patch) == 1 else 1)


def window(patch: Sequence[int], plane: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width of --patch; None where it is empty. Raises UserError where images of ``plane`` are smaller."""
    if not patch:
        return None
    sides = square(patch)
    if len(sides) != 2 or not all(0 < side <= most for side, most in zip(sides, plane, strict=True)):
        what = f"--patch {' '.join(map(str, sides))} is not a window size of the images, {plane[0]} × {plane[1]} pixels"
        raise UserError(what, fix="give height and width of a smaller one, or a larger --size")
    return sides[0], sides[1]


@dataclass(frozen=True)
class MaskChanges:
    """Images and masks (B, H, W) from one draw; labels are copied, never mixed. ``patch``: the window that is kept."""

    policy: Augmentation
    patch: tuple[int, int] | None = None

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        drawn = draw(self.policy, seed, epoch, samples, preprocessing, patch=self.patch)
        return apply(drawn, pixels), apply_masks(drawn, targets)
