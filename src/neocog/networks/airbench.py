"""The network of the CIFAR-10 speed record: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024 (airbench94).

Shapes for 3 × 32 × 32 and widths 64, 256, 256; 1,972,792 parameters for 10 classes:

    input (B, 3, 32, 32)
    whitening, convolution 2 × 2, GELU                                              (B,  24, 31, 31)
    3 × [convolution, max pool 2 × 2, batch norm, GELU, convolution, batch norm, GELU]
                                                          (B, 64, 15, 15), (B, 256, 7, 7), (B, 256, 3, 3)
    maximum of each map (B, 256), linear without bias, ÷ 9

With ``depth`` 3 a stage has a third convolution, and what enters the second is added to what leaves the third (airbench96: widths
128, 384, 512).

Convolutions of 3 × 3 have no bias and begin as the identity on their input channels (Zagoruyko and Komodakis 2017). Batch
norm shifts and does not scale.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from neocog.networks.layers import Scale, Widths, check_input, check_range, check_widths

EPSILON = 5e-4  # added to the variances of patches, so that what hardly varies is not blown up


class Airbench(nn.Sequential):
    """``widths``: channels of each stage; ``depth``: its convolutions, 2 or 3; ``scale``: factor of the logits. The first layer
    is set from training images."""

    paper: ClassVar[str] = "Jordan 2024"

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        outputs: int,
        *,
        widths: Widths = (64, 256, 256),
        depth: int = 2,
        scale: float = 1 / 9,
    ) -> None:
        check_widths("widths", widths)
        check_range("scale", scale, 0, 1000)
        check_range("depth", depth, 2, 4)
        check_input("airbench", channels, size, outputs, minimum=2 ** (len(widths) + 1) + 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict(whiten=Whitening(channels), gelu=nn.GELU())
        before = 2 * 4 * channels
        for number, width in enumerate(widths, start=1):
            layers[f"stage{number}"] = stage(before, width, depth)
            before = width
        height, width = ((side - 1) >> len(widths) for side in size)
        # the maximum of smaller maps, too, of the smaller images that --start-size begins with
        layers |= {"pool": nn.MaxPool2d((height, width), ceil_mode=True), "flatten": nn.Flatten()}
        layers |= {"output": nn.Linear(before, outputs, bias=False), "scale": Scale(scale)}
        super().__init__(layers)

    def learn_from(self, inputs: Tensor) -> None:
        """Set the first layer from ``inputs`` (B, C, H, W), images of the training part as the network sees them."""
        self.whiten.learn_from(inputs)  # type: ignore[operator, union-attr]


class Whitening(nn.Conv2d):
    """(B, C, H, W) → (B, 8 C, H − 1, W − 1): patches of 2 × 2 pixels along their principal axes, each divided by its deviation,
    and the same with the other sign. The filters are not learned, their biases are."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2 * 4 * channels, 2)
        self.weight.requires_grad_(False)

    @torch.no_grad()
    def learn_from(self, inputs: Tensor) -> None:
        """From (B, C, H, W) images. Summed up in float64, so that the number of threads changes no digit that counts."""
        patches = nn.functional.unfold(inputs.cpu().double(), 2).transpose(1, 2).flatten(0, 1)  # (B·(H−1)·(W−1), 4 C)
        variances, axes = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (axes / (variances + EPSILON).sqrt()).T.flip(0)  # what varies most first
        filters *= filters.gather(
            1, filters.abs().argmax(1, keepdim=True)
        ).sign()  # eigenvectors have no sign of their own
        self.weight.copy_(torch.cat([filters, -filters]).reshape(self.weight.shape))
        assert self.bias is not None
        self.bias.zero_()


def stage(before: int, width: int, depth: int) -> nn.Sequential:
    """(B, before, H, W) → (B, width, H/2, W/2)."""
    begin = identity(before, width), nn.MaxPool2d(2), shift(width), nn.GELU()
    layers = identity(width, width), shift(width), nn.GELU()
    if depth == 2:
        return nn.Sequential(*begin, *layers)
    return nn.Sequential(*begin, Bypassed(*layers, identity(width, width), shift(width)), nn.GELU())


class Bypassed(nn.Sequential):
    """Its layers' output plus its input (He et al. 2015), both (B, C, H, W)."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return inputs + outputs


def identity(before: int, width: int) -> nn.Conv2d:
    """A convolution whose first ``before`` filters give their input channel as it is."""
    layer = nn.Conv2d(before, width, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight[: min(before, width)])
    return layer


def shift(width: int) -> nn.BatchNorm2d:
    """Batch norm that does not scale; its running mean follows quickly, as there are few steps."""
    norm = nn.BatchNorm2d(width, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm
