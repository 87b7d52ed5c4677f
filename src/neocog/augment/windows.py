"""Windows of images and of the images wanted of them, from one draw: where they lie, how they are turned, what makes them worse.

Each image gives several windows, a function of (seed, epoch, sample); where a network is judged while it learns they are always the
same ones, not turned. Letters: B images, C channels, R windows of h × w input pixels, s the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.augment.counter import mix_integer
from neocog.data.degrade import Degradation, white_of
from neocog.data.hidden import Along, By, hidden
from neocog.data.preprocessing import Preprocessing

TURNS = 8  # four quarter turns, and their mirror images


@dataclass(frozen=True)
class Windows:
    """Pixels (B, C, H, W) and targets (B, C, sH, sW) → (B, C, R, h, w) and (B, C, R, sh, sw) float32 in stored units.

    ``sizes`` (N, 2): height and width of each image of the data set, of which what is farther to the right or below is padding.
    ``how``: noise that is drawn anew for each window, where there is some. ``fixed``: always the same windows.
    ``supervision``: "clean"; "noise2noise": what is wanted is noisy too, by ``how``, or one of two takes that change places at
    random; "noise2void": what is wanted are the values of the input that are hidden in it, all others NaN, ``along`` says where
    noise runs, and ``by`` what stands for them.
    """

    patch: tuple[int, int]
    count: int
    scale: int
    sizes: NDArray[np.int64]
    how: Degradation | None = None
    turned: bool = True
    fixed: bool = False
    supervision: str = "clean"
    along: Along = "none"
    by: By = "near"

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        found = [
            self._of_one(inputs, wanted, sample, (0, 0) if self.fixed else (seed, epoch + 1))
            for inputs, wanted, sample in zip(pixels, targets, samples.tolist(), strict=True)
        ]
        first, second = (torch.stack(each) for each in zip(*found, strict=True))
        return first.to(pixels.device), second.to(pixels.device)

    def _of_one(self, pixels: Tensor, targets: Tensor, sample: int, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        rng = np.random.Generator(np.random.Philox(key=[mix_integer(mix_integer(key[0]) ^ key[1]), sample]))
        height, width = self.patch
        high, wide = self.sizes[sample].tolist()
        tops, lefts = rng.integers(0, high - height + 1, self.count), rng.integers(0, wide - width + 1, self.count)
        turns = rng.integers(0, TURNS, self.count) if self.turned and not self.fixed else np.zeros(self.count, np.int64)
        places = list(zip(tops.tolist(), lefts.tolist(), strict=True))
        wanted = [self._cut(targets, top, left, self.scale) for top, left in places]
        if self.how is None or self.fixed:
            inputs = [self._cut(pixels, top, left, 1) for top, left in places]
        else:
            inputs = list(self._worse(wanted, targets, rng))
        inputs, wanted = self._supervised(inputs, wanted, targets, rng)
        both = [(turned(a, turn), turned(b, turn)) for a, b, turn in zip(inputs, wanted, turns.tolist(), strict=True)]
        first, second = (torch.stack(each, 1).float() for each in zip(*both, strict=True))
        return first, second

    def _supervised(
        self, inputs: list[Tensor], wanted: list[Tensor], whole: Tensor, rng: np.random.Generator
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Each window (C, h, w) and what is wanted of it."""
        if self.supervision == "noise2void":
            both = [_hidden(window, rng, self.along, self.by) for window in inputs]
            return [first for first, _ in both], [second for _, second in both]
        if self.supervision == "noise2noise" and self.how is not None:
            return inputs, list(self._worse(wanted, whole, rng))
        if self.supervision == "noise2noise" and not self.fixed:
            swapped = rng.integers(0, 2, self.count).tolist()
            both = [(b, a) if swap else (a, b) for a, b, swap in zip(inputs, wanted, swapped, strict=True)]
            return [first for first, _ in both], [second for _, second in both]
        return inputs, wanted

    def _cut(self, image: Tensor, top: int, left: int, scale: int) -> Tensor:
        height, width = self.patch
        return image[:, scale * top : scale * (top + height), scale * left : scale * (left + width)]

    def _worse(self, wanted: list[Tensor], whole: Tensor, rng: np.random.Generator) -> Tensor:
        """(R, C, h, w) the windows with noise: all at once, one below the other."""
        assert self.how is not None
        clean = torch.stack(wanted).permute(0, 2, 3, 1).cpu().numpy()
        column = self.how(clean.reshape(-1, *clean.shape[2:]), rng, white_of(whole.cpu().numpy()))
        return torch.from_numpy(column.reshape(clean.shape)).permute(0, 3, 1, 2)


def _hidden(window: Tensor, rng: np.random.Generator, along: Along, by: By) -> tuple[Tensor, Tensor]:
    """(C, h, w) with some values replaced; their own values, NaN elsewhere."""
    stored = window.permute(1, 2, 0).cpu().numpy()
    found, which = hidden(stored, rng, along, by)
    wanted = np.where(which, stored, np.nan).astype(np.float32)
    return torch.from_numpy(found).permute(2, 0, 1), torch.from_numpy(wanted).permute(2, 0, 1)


def turned(image: Tensor, turn: int) -> Tensor:
    """(C, h, h) by quarters, from 4 on mirrored too; not square: by half turns."""
    if turn >= TURNS // 2:
        image = image.flip(-1)
    quarters = turn % 4
    if image.shape[-1] != image.shape[-2]:
        quarters -= quarters % 2
    return torch.rot90(image, quarters, (-2, -1)) if quarters else image
