"""A generator and a discriminator of strided convolutions only, without pooling: DCGAN.

Generator: latent vector → linear to (width · 2ᵏ⁻¹, H/2ᵏ, W/2ᵏ) → batch norm → ReLU, then k times transposed convolution
4 × 4, stride 2 (doubles the size, halves the maps) → batch norm → ReLU; the last one gives (B, C, H, W) → tanh. The
discriminator is its mirror: k times convolution 4 × 4, stride 2 → [batch norm, not in the first] → LeakyReLU 0.2, then
linear → one logit. k halvings leave 4 to 7 pixels: on (1, 28, 28) with width 64 there are two, (128, 7²) and (64, 14²);
on (3, 128, 128) five. Other sizes are padded with their last row and column, and cropped back.

With K classes the generator takes K numbers more, the largest of which says what to draw: random numbers ask for every class
as often. The discriminator then rates an image together with its class, by a projection.

Radford, Metz & Chintala 2016; spectral norm: Miyato et al. 2018; projection: Miyato & Koyama 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from neocog.networks.layers import check_input, check_widths
from neocog.networks.padding import padded

LEAST, START = 8, 4  # smallest side of an image, and of the maps that it is drawn from
ASKED = 3.0  # what a class that is asked for adds to a latent vector, whose numbers are of deviation 1
STD = 0.02  # of all weights at the beginning, as in the paper


class Generator(nn.Module):
    """(B, latent + classes) of the standard normal distribution → (B, C, H, W) in −1 … 1. ``width``: maps before the last layer.

    ``takes`` is the shape of one input. ``classes``: how many can be asked for, by the largest of an input's last numbers.
    """

    paper: ClassVar[str] = "Radford et al. 2016"
    counted: ClassVar = ((3, 64, 64), 1)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int = 1,
        *,
        latent: int = 100,
        width: int = 64,
        classes: int = 0,
    ) -> None:
        check_widths("latent", (latent,))
        check_widths("width", (width,))
        check_input("dcgan", channels, size, outputs, minimum=LEAST)
        super().__init__()
        self.latent, self.classes, self.takes = latent, classes, (latent + classes,)
        self.size = size[-2], size[-1]
        count = halvings(self.size)
        widths = [width << number for number in reversed(range(count))]
        rows, columns = (-(-side // (1 << count)) for side in self.size)
        self.start = nn.Sequential(
            nn.Linear(latent + classes, widths[0] * rows * columns, bias=False),
            nn.Unflatten(1, (widths[0], rows, columns)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        blocks = (
            nn.Sequential(
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
            )
            for before, after in pairwise(widths)
        )
        self.blocks = nn.Sequential(*blocks, nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh())
        initialise(self)

    def forward(self, z: Tensor) -> Tensor:
        if self.classes:
            chances = z[:, self.latent :]
            one = (chances == chances.amax(1, keepdim=True)).to(z.dtype)
            z = torch.cat([z[:, : self.latent], ASKED * one], 1)
        found: Tensor = self.blocks(self.start(z))
        return found[..., : self.size[0], : self.size[1]]


class Discriminator(nn.Module):
    """(B, C, H, W) in −1 … 1 → (B,) logits: above 0 for real. ``spectral``: spectral norm in place of batch norm.

    ``classes``: of images whose class (B,) is given too; without it they are rated as whatever they are most like.
    """

    def __init__(
        self, channels: int, size: tuple[int, ...], *, width: int = 64, spectral: bool = False, classes: int = 0
    ) -> None:
        check_widths("width", (width,))
        check_input("dcgan", channels, size, 1, minimum=LEAST)
        super().__init__()
        count = halvings((size[-2], size[-1]))
        self.step = 1 << count
        widths = [channels, *(width << number for number in range(count))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            normed = not spectral and before != channels
            layers.append(nn.Conv2d(before, after, 4, 2, 1, bias=not normed))
            layers += [nn.BatchNorm2d(after)] * normed + [nn.LeakyReLU(0.2, inplace=True)]
        inputs = widths[-1] * (-(-size[-2] // self.step)) * (-(-size[-1] // self.step))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs, 1))
        self.projection = nn.Linear(inputs, classes, bias=False) if classes else None
        initialise(self)
        if spectral:
            for layer in list(self.modules()):
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def train(self, mode: bool = True) -> Self:
        """Before evaluation, the spectral norms become exact: a running mean of singular vectors is not a singular vector."""
        if not mode:
            normed: list[Any] = [layer for layer in self.modules() if is_parametrized(layer, "weight")]
            for layer in normed:
                norm, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original
                norm._u.copy_(largest_left(weight.detach().flatten(1), norm._u))
                norm._v.copy_(normalize(weight.detach().flatten(1).T @ norm._u, dim=0))
        return super().train(mode)

    def forward(self, images: Tensor, kinds: Tensor | None = None) -> Tensor:
        *features, last = self.layers
        found: Tensor = padded(images, self.step)
        for layer in features:
            found = layer(found)
        logits: Tensor = last(found)[:, 0]
        if self.projection is None:
            return logits
        each: Tensor = self.projection(found)
        return logits + (each.amax(1) if kinds is None else each.gather(1, kinds[:, None])[:, 0])


def largest_left(matrix: Tensor, near: Tensor) -> Tensor:
    """The left singular vector of the largest singular value of (R, C), with the sign that is closer to ``near`` (R,).

    It depends on the matrix alone: asked for twice, it is the same, so that a run may be stopped between two evaluations.
    """
    exact = matrix.double().cpu()
    found: Tensor = torch.linalg.eigh(exact @ exact.T).eigenvectors[:, -1].to(near)
    return found if found @ near >= 0 else -found


def of_classes(z: Tensor, kinds: Tensor, classes: int) -> Tensor:
    """Latent vectors (B, latent + classes) that ask for the classes ``kinds`` (B,): the largest of the last is moved there."""
    chances = z[:, -classes:]
    largest, wanted = chances.argmax(1, keepdim=True), kinds[:, None]
    top, other = chances.gather(1, largest), chances.gather(1, wanted)
    return torch.cat([z[:, :-classes], chances.scatter(1, largest, other).scatter(1, wanted, top)], 1)


def halvings(size: tuple[int, int]) -> int:
    """How often a side is halved until ``START`` to 2 · ``START`` − 1 pixels of the shorter one are left."""
    return (min(size) // START).bit_length() - 1


def initialise(net: nn.Module) -> None:
    """Weights from a normal distribution of ``STD``; factors of batch norm around 1 (Radford et al. 2016)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, STD)


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """What is computed inside gives ``net``'s parameters no gradient, but lets gradients through to its input."""
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
