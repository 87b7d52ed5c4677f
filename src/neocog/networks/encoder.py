"""What a segmenter or an autoencoder sees of an image, as a classifier: ``encoder:unet``, ``encoder:vae``.

The way down of the network, the mean over its deepest maps, and a linear layer. Made to go on from such a network's weights
(``--from RUN``), whose names it keeps below ``base``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neocog.networks.backbones import STEP, Backboned
from neocog.networks.padding import padded
from neocog.networks.segnet import SegNet
from neocog.networks.unet import UNet
from neocog.networks.vae import VAE

BACK = ("up", "enlarge", "output", "decoder", "log_variance", "mean", "log_scale")  # what leads back to an image


class Encoder(nn.Module):
    """(B, C, H, W) → (B, outputs) logits. ``base`` loses what leads back to an image."""

    def __init__(self, base: nn.Module, channels: int, size: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.depth = len(base.down) if isinstance(base, UNet | SegNet) else 0
        if isinstance(base, Backboned):
            base.inner = nn.ModuleDict({"encoder": base.inner.encoder})  # type: ignore[dict-item]
        for name in BACK:
            if hasattr(base, name):
                delattr(base, name)
        self.base = base
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            training = self.training
            features = self.eval().features(torch.zeros(1, channels, *size)).shape[1]
            self.train(training)
        self.head = nn.Linear(features, outputs)

    def features(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, F)."""
        base = self.base
        if isinstance(base, VAE):
            inputs = padded(inputs, base.step).contiguous(memory_format=torch.channels_last)
            found: Tensor = base.encoder(inputs)
            return found
        if isinstance(base, Backboned):
            maps: Tensor = base.inner["encoder"](padded(inputs, STEP))[-1]  # type: ignore[index]
        else:
            maps = padded(inputs, 1 << self.depth)
            for number, down in enumerate(base.down):  # type: ignore[arg-type]
                pooled = base.pool(maps) if number else maps  # type: ignore[operator]
                maps = down(pooled[0] if isinstance(pooled, tuple) else pooled)
        return maps.mean((-2, -1))

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(inputs))
        return logits
