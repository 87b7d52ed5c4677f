"""Eighteen classifiers of ImageNet's 1000 classes as a table, and how a network's depth and parameters are counted.

The figures are those that are published for MATLAB's pretrained networks; "depth" is there the most convolutions and fully
connected layers one after the other on a path from input to output. ``model`` is what builds the same network here:
torchvision's, timm's, or one of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

CLASSES = 1000
Counted = Literal["statistics", "biases", ""]
COUNTED = {
    "statistics": "{:.1f} M with the running means and variances of batch norm, which are counted there",
    "biases": "{:.1f} M with a bias in each convolution before batch norm, as there",
}


@dataclass(frozen=True)
class Known:
    """A row of the table, and why our counts are not its own where they are not."""

    name: str
    model: str
    depth: int | None  # None: told of none that is not a chain of blocks
    parameters: float  # millions
    decimals: int  # to which they are told
    side: int  # of the square input, pixels
    megabytes: float | None = None  # of the stored network, where it is known
    time: float | None = None  # relative to squeezenet, where it is known
    counted: Counted = ""  # what else is counted there: with it, our parameters agree
    why: str = ""
    why_depth: str = ""

    def agrees(self, parameters: int) -> bool:
        """Whether a count is the table's within its rounding."""
        rounding: float = 0.5 * 10**-self.decimals
        return abs(parameters / 1e6 - self.parameters) <= rounding + 1e-9


TABLE = (
    Known("squeezenet", "torchvision:squeezenet1_1", 18, 1.24, 2, 227, 4.6, 1.0),
    Known(
        "googlenet", "torchvision:googlenet", 22, 7.0, 1, 224,
        why="torchvision's branches of 5 × 5 are 3 × 3, with batch norm",
    ),
    Known("inceptionv3", "torchvision:inception_v3", 48, 23.9, 1, 299, counted="statistics"),
    Known("densenet201", "torchvision:densenet201", 201, 20.0, 1, 224),
    Known("mobilenetv2", "torchvision:mobilenet_v2", 53, 3.5, 1, 224),
    Known("resnet18", "torchvision:resnet18", 18, 11.7, 1, 224),
    Known("resnet50", "torchvision:resnet50", 50, 25.6, 1, 224, 96, 3.5),
    Known("resnet101", "torchvision:resnet101", 101, 44.6, 1, 224, counted="biases"),
    Known("xception", "timm:legacy_xception", 71, 22.9, 1, 299),
    Known(
        "inceptionresnetv2", "timm:inception_resnet_v2", 164, 55.9, 1, 299, counted="statistics",
        why_depth="longest path: 5 in the stem, 3, 10 × 4, 3, 20 × 4, 3, 10 × 4, 2",
    ),
    Known("shufflenet", "shufflenet", 50, 1.4, 1, 224),
    Known("nasnetmobile", "nasnetmobile", None, 5.3, 1, 224),
    Known("nasnetlarge", "timm:nasnetalarge", None, 88.9, 1, 331, counted="statistics"),
    Known("darknet19", "darknet19", 19, 20.8, 1, 256),
    Known("darknet53", "timm:darknet53", 53, 41.6, 1, 256),
    Known(
        "alexnet", "torchvision:alexnet", 8, 61.0, 1, 227,
        why="torchvision's is the one of 2014, with other widths and no groups",
    ),
    Known("vgg16", "torchvision:vgg16", 16, 138, 0, 224, 515, 6.5),
    Known("vgg19", "torchvision:vgg19", 19, 144, 0, 224),
)  # fmt: skip


# One image forward, as long as squeezenet's: on one thread of an AMD EPYC,
# by `OMP_NUM_THREADS=1 neocog models --lecture --time`
TIMES = {
    "squeezenet": 1.0, "googlenet": 3.22, "inceptionv3": 7.43, "densenet201": 5.24, "mobilenetv2": 0.62, "resnet18": 1.39,
    "resnet50": 3.91, "resnet101": 6.81, "xception": 11.91, "inceptionresnetv2": 11.59, "shufflenet": 0.51,
    "nasnetmobile": 1.38, "nasnetlarge": 31.2, "darknet19": 3.23, "darknet53": 7.58, "alexnet": 1.06, "vgg16": 11.69,
    "vgg19": 14.28,
}  # fmt: skip


def sketch(known: Known) -> Any:
    """The network without numbers, on torch's meta device: shapes alone, no weights, no downloads."""
    from neocog.networks import build
    from neocog.networks.shapes import shapes_only

    with shapes_only():
        return build(known.model, 3, (known.side, known.side), CLASSES).eval()


def parameters(model: Any, counted: Counted = "") -> int:
    """Learned numbers, and what else is counted: batch norm's running means and variances, or a bias for each of its
    channels in the convolution before it."""
    own = sum(parameter.numel() for parameter in model.parameters())
    kept = [buffer.numel() for name, buffer in model.named_buffers() if name.endswith(("running_mean", "running_var"))]
    more: int = {"": 0, "biases": sum(kept) // 2, "statistics": sum(kept)}[counted]
    return int(own) + more


def reason(known: Known, model: Any) -> str:
    """Why the parameters are not the table's; "" where they are."""
    if known.agrees(parameters(model)):
        return ""
    return COUNTED[known.counted].format(parameters(model, known.counted) / 1e6) if known.counted else known.why


def depth(model: Any, channels: int, side: int) -> int:
    """The most convolutions and linear layers one after the other on a path from the input to the output.

    Found in the graph that autograd keeps of one forward pass, which holds whatever the network's code does.
    """
    import torch

    device = next(model.parameters()).device
    output = model(torch.zeros(1, channels, side, side, device=device, requires_grad=True))
    longest: dict[Any, int] = {}
    waiting = [output.grad_fn]
    while waiting:  # depth first without recursion: a node is told once all that it comes from are
        node = waiting[-1]
        earlier = [before for before, _ in node.next_functions if before is not None]
        unknown = [before for before in earlier if before not in longest]
        if unknown:
            waiting += unknown
            continue
        own = node.name().startswith(("ConvolutionBackward", "AddmmBackward", "MmBackward"))
        longest[node] = max((longest[before] for before in earlier), default=0) + own
        waiting.pop()
    return longest[output.grad_fn]
