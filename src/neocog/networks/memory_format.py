"""In which order the numbers of an image lie: all channels of a pixel together, as every fast convolution here has them."""

from __future__ import annotations

import torch
from torch import nn


def reorder(net: nn.Module) -> None:
    """Channels-last for every network of planes. Volumes have an order of their own.

    Forward this is 1.0 to 3 times as fast on processors. Only the direct weight gradients of wide layers are slower so, and
    training has other means for these: bf16 units, or Winograd's algorithm.
    """
    if any(isinstance(layer, nn.Conv2d) for layer in net.modules()):
        net.to(memory_format=torch.channels_last)
