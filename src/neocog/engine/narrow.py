"""3 × 3 convolutions of few channels on large planes, whose weights learn from one matrix product a strip of the plane.

The gradient of the weights, Σ y(i, j, o) · x(i + u − 1, j + v − 1, c) over the pixels, is a product of two matrices with a row for
each pixel: the gradients y of the three rows of outputs that saw it, (3 · O) numbers, and the pixel x with its two neighbours
in the row, (3 · C). What PyTorch's own kernels do from both is bound by memory where the channels are few; strips of rows that
stay in the cache are not. Output and gradient of the inputs are PyTorch's.

Letters: N images, H × W pixels, C channels in and O out. Pixels lie channels-last, (N, H, W, C).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from neocog.engine.crew import spread

LEAST_IN, LEAST_OUT = 32, 16  # channels; below, copying costs more than it saves
LEAST_PIXELS = 2**14  # of all images
CACHE = 2**20  # bytes of both matrices of a strip


def gains(x: Tensor, weight: Tensor) -> bool:
    """Whether a convolution with stride and padding 1 learns sooner in this way. x (N, C, H, W), weight (O, C, 3, 3)."""
    outputs, channels = weight.shape[:2]
    pixels = len(x) * x.shape[2:].numel()
    return channels >= LEAST_IN and outputs >= LEAST_OUT and pixels >= LEAST_PIXELS


class Convolution(torch.autograd.Function):
    """(N, C, H, W), (O, C, 3, 3), (O,) or None → (N, O, H, W)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        return F.conv2d(x, weight, bias, padding=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_inputs = None
        if ctx.needs_input_grad[0]:
            wanted = [True, False, False]
            given = (gradient, x, weight, None, (1, 1), (1, 1), (1, 1), False, (0, 0), 1, wanted)
            of_inputs = torch.ops.aten.convolution_backward(*given)[0]
        pixels, slope = (tensor.permute(0, 2, 3, 1).contiguous() for tensor in (x, gradient))
        of_weights = weight_gradient(pixels, slope) if ctx.needs_input_grad[1] else None
        return of_inputs, of_weights, slope.sum((0, 1, 2)) if ctx.biased else None


def weight_gradient(x: Tensor, slope: Tensor) -> Tensor:
    """(N, H, W, C), the gradient of the outputs (N, H, W, O) → that of the weights (O, C, 3, 3)."""
    channels, outputs = x.shape[3], slope.shape[3]
    height, width = x.shape[1:3]
    most = min(height, max(1, CACHE // (12 * width * (channels + outputs))))

    @torch.no_grad()
    def work(images: Sequence[int]) -> Tensor:
        # (rows, W, 3, …): of each pixel what the three rows of outputs say that see it, and its neighbours, 0 beyond the plane
        said, seen = (x.new_zeros(most, width, 3, depth) for depth in (outputs, channels))
        total = x.new_zeros(3 * outputs, 3 * channels)
        for image in images:
            for top in range(0, height, most):
                rows = min(most, height - top)
                strip, given = x[image, top : top + rows], slope[image]
                seen[:rows, 1:, 0] = strip[:, :-1]
                seen[:rows, :, 1] = strip
                seen[:rows, :-1, 2] = strip[:, 1:]
                for tap in range(3):
                    first = top + 1 - tap  # the row of outputs that sees the strip's first row with this tap
                    inside = slice(max(0, first), min(height, first + rows))
                    said[: inside.start - first, :, tap] = 0
                    said[inside.start - first : inside.stop - first, :, tap] = given[inside]
                    said[inside.stop - first : rows, :, tap] = 0
                total.addmm_(said[:rows].view(-1, 3 * outputs).T, seen[:rows].view(-1, 3 * channels))
        return total

    total, *others = spread(work, range(len(x)))
    for other in others:
        total += other
    return total.view(3, outputs, 3, channels).permute(1, 3, 0, 2)
