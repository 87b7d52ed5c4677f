"""What of an input an answer rests on: gradients, gradient × input, class-activation maps. Images, sequences and volumes alike.

``score`` takes the network's outputs (B, …) to the one number a sample (B,) that is to be explained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from neocog.attribution.layers import Layer, traced

Score = Callable[[Tensor], Tensor]
LEAST = 4  # positions along a side, below which a map says too little about where


def gradients(network: nn.Module, inputs: Tensor, score: Score) -> Tensor:
    """(B, C, …) derivative of each sample's score by its input, of a network in evaluation mode (samples do not mix)."""
    asked = inputs.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        (found,) = torch.autograd.grad(score(network(asked)).sum(), asked)
    return found


def saliency(network: nn.Module, inputs: Tensor, score: Score) -> Tensor:
    """(B, …) in 0 … 1: the largest |gradient| over the channels, each sample's largest 1.

    Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks".
    """
    return scaled(gradients(network, inputs, score).abs().amax(1))


def gradient_input(network: nn.Module, inputs: Tensor, score: Score) -> Tensor:
    """(B, …) in 0 … 1: |gradient × input| summed over the channels, each sample's largest 1.

    For inputs whose zero means "nothing there", such as letters. Shrikumar et al. 2017, "Learning important features
    through propagating activation differences".
    """
    return scaled((gradients(network, inputs, score) * inputs).sum(1).abs())


def class_activation(network: nn.Module, inputs: Tensor, score: Score) -> tuple[Tensor, str]:
    """((B, …) in 0 … 1 of the input's extent, name of the layer): Grad-CAM.

    The mean gradient of each channel weighs that channel's activation; what is negative speaks for other answers and is
    cut. Selvaraju et al. 2017. A network without a layer of several positions gives zeros and no name.
    """
    with torch.enable_grad():
        layers, outputs = traced(network, inputs.detach().requires_grad_(True))
        layer = deepest(layers, tuple(inputs.shape[2:]))
        if layer is None:
            return torch.zeros_like(inputs[:, 0]), ""
        (gradient,) = torch.autograd.grad(score(outputs).sum(), layer.output)
    spatial = tuple(range(2, gradient.ndim))
    found = (gradient.mean(spatial, keepdim=True) * layer.output.detach()).sum(1, keepdim=True).relu()
    mode = "bilinear" if found.ndim == 4 else "trilinear"
    wide = nn.functional.interpolate(found, tuple(inputs.shape[2:]), mode=mode, align_corners=False)
    return scaled(wide[:, 0]), layer.name


def deepest(layers: Sequence[Layer], extent: tuple[int, ...]) -> Layer | None:
    """The last layer of the fewest positions that still say where: ``LEAST`` along every side that the input has.

    In a network that narrows this is the last map before the vector, in one that widens again its bottleneck.
    """
    spatial = [layer for layer in layers if len(layer.sides) == len(extent) and layer.output.requires_grad]
    fine = [
        layer
        for layer in spatial
        if all(side >= min(LEAST, full) for side, full in zip(layer.sides, extent, strict=True))
    ]
    some = [layer for layer in spatial if layer.output[0, 0].numel() > 1]
    if fine:
        fewest = min(layer.output[0, 0].numel() for layer in fine)
        return [layer for layer in fine if layer.output[0, 0].numel() == fewest][-1]
    return max(some, key=lambda layer: layer.output[0, 0].numel(), default=None)


def scaled(found: Tensor) -> Tensor:
    """Each sample divided by its largest value; zeros stay zeros."""
    return found / found.flatten(1).amax(1).clamp(min=1e-12).reshape(-1, *[1] * (found.ndim - 1))
