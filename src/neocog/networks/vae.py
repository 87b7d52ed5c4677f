"""A variational autoencoder: an image becomes a small normal distribution of codes, and a code becomes an image.

Encoder, per width: convolution 3 × 3, stride 2 (H/2, W/2) → batch norm → ReLU; then flatten → dense → ReLU → μ and log σ²,
two dense layers (B, latent). A code is z = μ + σ · ε with ε from the standard normal distribution. Decoder: dense → ReLU
→ dense → per width backwards transposed convolution 4 × 4, stride 2 (doubles the size) → batch norm → ReLU; the last one
gives (B, C, H, W) as logits (Bernoulli) or means (Gaussian). On (B, 1, 28, 28) with widths 32, 64: (32, 14²), (64, 7²),
hidden, latent and back. Other sizes are padded with their last row and column, and cropped back.

Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from neocog.networks.layers import check_input, check_range, check_widths
from neocog.networks.padding import cropped, padded

Norm = Literal["batch", "none"]
LOG_VARIANCE = (-15.0, 10.0)  # beyond, σ would vanish or overflow in the first steps


class VAE(nn.Module):
    """``latent``: numbers of a code; ``widths``: maps of each halving; ``hidden``: width of the dense layers.

    ``log_scale`` () is the logarithm of the pixels' standard deviation, which --loss gaussian needs: of ``scale``, a share
    of the pixels' range, or learned where that is 0.
    """

    paper: ClassVar[str] = "Kingma & Welling 2014"
    counted: ClassVar = ((1, 28, 28), 1)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int = 1,
        *,
        latent: int = 16,
        widths: tuple[int, ...] = (32, 64),
        hidden: int = 256,
        norm: Norm = "none",
        scale: float = 0.0,
    ) -> None:
        check_widths("latent", (latent,))
        check_widths("widths", widths)
        check_widths("hidden", (hidden,))
        check_range("scale", scale, 0, 1)
        check_input(f"vae with {len(widths)} halvings", channels, size, outputs, minimum=2 ** len(widths))
        super().__init__()
        self.latent, self.size, self.step = latent, (size[-2], size[-1]), 1 << len(widths)
        small = (widths[-1], *(-(-side // self.step) for side in self.size))
        maps = zip((channels, *widths), widths, strict=False)
        self.encoder = nn.Sequential(
            *(block(nn.Conv2d(before, after, 3, 2, 1), after, norm) for before, after in maps),
            nn.Flatten(),
            nn.Linear(math.prod(small), hidden),
            nn.ReLU(inplace=True),
        )
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        back = widths[::-1]
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, math.prod(small)),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, small),
            *(block(nn.ConvTranspose2d(a, b, 4, 2, 1), b, norm) for a, b in pairwise(back)),
            nn.ConvTranspose2d(back[-1], channels, 4, 2, 1),
        )
        initialise(self)
        self.to(memory_format=torch.channels_last)  # convolutions of few channels are up to twice as fast so
        start = torch.tensor(math.log(scale or 0.2))
        self.log_scale = nn.Parameter(start, requires_grad=scale == 0)

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) in 0 … 1 → μ and log σ² of the codes, (B, latent) each."""
        found = self.encoder(padded(inputs, self.step).contiguous(memory_format=torch.channels_last))
        return self.mean(found), self.log_variance(found).clamp(*LOG_VARIANCE)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, latent) → (B, C, H, W) logits or means."""
        found: Tensor = self.decoder(codes)
        return found[..., : self.size[0], : self.size[1]]

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W), out of the middle of each image's codes."""
        return cropped(self.decode(self.encode(inputs)[0]), inputs)


def block(layer: nn.Module, width: int, norm: Norm) -> nn.Sequential:
    """A layer, its norm and ReLU."""
    norms = [nn.BatchNorm2d(width)] if norm == "batch" else []
    return nn.Sequential(layer, *norms, nn.ReLU(inplace=True))


@torch.no_grad()
def initialise(net: VAE) -> None:
    """He et al. 2015, counting for transposed convolutions the quarter of the kernel that meets a pixel.

    PyTorch's own start lets a code all but vanish on its way through the decoder, which then learns to do without.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
        elif isinstance(layer, nn.ConvTranspose2d):
            fan_in = layer.weight.shape[0] * layer.weight[0, 0].numel() // 4
        else:
            continue
        nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_in))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    net.log_variance.weight.mul_(0.1)
    net.mean.weight.mul_(0.7)
