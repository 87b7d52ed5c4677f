"""The change that an attack may make: a ball round each image, within the range of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from neocog.augment.counter import bits, pixel_normal, pixel_uniform

Norm = Literal["linf", "l2"]
TINY = 1e-12
ROUNDING = 2.0**-22  # of pixels up to 1
STREAM = 2000  # of random numbers, beside those of augmentation


@dataclass(frozen=True)
class Ball:
    """Changes of an image (C, …) in [0, 1] whose norm is at most ``radius``: of its largest change, or Euclidean."""

    norm: Norm
    radius: float | Tensor  # one, or (B,) one for each image

    def of(self, which: Tensor) -> Ball:
        """The same for some of the images."""
        return replace(self, radius=self.radius[which]) if isinstance(self.radius, Tensor) else self

    def reach(self, like: Tensor) -> float | Tensor:
        """The radius, to be multiplied with images ``like`` these (B, …)."""
        return per_sample(self.radius, like) if isinstance(self.radius, Tensor) else self.radius

    def size(self, change: Tensor) -> Tensor:
        """(B,) norms of changes (B, …)."""
        flat = change.flatten(1)
        return flat.abs().amax(1) if self.norm == "linf" else flat.norm(dim=1)

    def dual(self, gradient: Tensor) -> Tensor:
        """(B,) how much a change of norm 1 can add to what has this gradient (B, …)."""
        flat = gradient.flatten(1)
        return flat.abs().sum(1) if self.norm == "linf" else flat.norm(dim=1)

    def holds(self, change: Tensor) -> Tensor:
        """(B,) whether changes lie within, but for the rounding of single precision, which small radii would not forgive."""
        rounding = ROUNDING * (1 if self.norm == "linf" else change[0].numel() ** 0.5)
        return self.size(change) <= self.radius + rounding

    def direction(self, gradient: Tensor) -> Tensor:
        """The step of norm 1 along which the loss rises steepest."""
        if self.norm == "linf":
            return gradient.sign()
        return gradient / per_sample(self.size(gradient) + TINY, gradient)

    def project(self, images: Tensor, clean: Tensor) -> Tensor:
        """The nearest images within the ball round ``clean``, and within the range of pixels."""
        if self.norm == "linf":
            reach = self.reach(clean)
            return torch.minimum(torch.maximum(images, clean - reach), clean + reach).clamp(0, 1)
        return (clean + self.within(images - clean)).clamp(0, 1)

    def within(self, change: Tensor) -> Tensor:
        """The nearest changes (B, …) whose norm is at most the radius."""
        if self.norm == "linf":
            return change.sign() * change.abs().clamp(max=self.reach(change))
        shrink = (self.radius / (self.size(change) + TINY)).clamp(max=1)
        return change * per_sample(shrink, change)

    def anywhere(self, clean: Tensor, seed: int, samples: Sequence[int], epoch: int = 0) -> Tensor:
        """A random image, all pixels of which are changed by at most the radius, for each of the ``samples`` by its number."""
        return (clean + self.reach(clean) * drawn(clean, seed, samples, epoch)).clamp(0, 1)

    def start(self, clean: Tensor, seed: int, samples: Sequence[int]) -> Tensor:
        """A random image on the ball's surface, for each of the ``samples`` by its number."""
        noise = drawn(clean, seed, samples, normal=self.norm == "l2")
        return (clean + self.reach(clean) * noise / per_sample(self.size(noise) + TINY, noise)).clamp(0, 1)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(B,) → (B, 1, …), to be multiplied with ``like``."""
    return values.view(-1, *(1,) * (like.ndim - 1))


def drawn(like: Tensor, seed: int, samples: Sequence[int], epoch: int = 0, normal: bool = False) -> Tensor:
    """Numbers of the shape of ``like``, normal or uniform in [−1, 1), each sample's from (seed, epoch, its number) alone."""
    state = bits(seed, epoch, STREAM, torch.tensor(list(samples), device=like.device))
    count = like[0].numel()
    found = pixel_normal(state, count) if normal else 2 * pixel_uniform(state, count) - 1
    return found.view_as(like).to(like.dtype)
