"""In which order the numbers of an image lie: all channels of a pixel together, as every fast convolution here has them."""

from __future__ import annotations

import torch
from torch import nn


def reorder(net: nn.Module) -> None:
    """Channels-last for every network of planes. Volumes have an order of their own."""
    if any(isinstance(layer, nn.Conv2d) for layer in net.modules()):
        net.to(memory_format=torch.channels_last)
