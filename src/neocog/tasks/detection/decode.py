"""A network's map of points as boxes: peaks of the heat map, the edges that are measured there, one box an object.

Letters: B images, K classes, h × w cells, d boxes of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import batched_nms

from neocog.tasks.detection.targets import stride_of

LEAST = 0.01  # score of a box that is kept at all: average precision asks for the doubtful ones too
TWICE = 0.6  # overlap from which on two boxes of a class are one object
FARTHEST = 8.0  # logarithm of strides: beyond any image

Found = tuple[
    Tensor, Tensor, Tensor
]  # corners (d, 4) in pixels of the input, labels (d,), scores (d,), by falling score


def corners_of(outputs: Tensor, stride: int) -> Tensor:
    """(B, 4, h, w) x0, y0, x1, y1 in pixels, of a map (B, K + 4, h, w)."""
    height, width = outputs.shape[-2:]
    x = (torch.arange(width, device=outputs.device) + 0.5) * stride
    y = ((torch.arange(height, device=outputs.device) + 0.5) * stride)[:, None]
    left, top, right, bottom = (outputs[:, -4:].clamp(-FARTHEST, FARTHEST).exp() * stride).unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], 1)


@torch.no_grad()
def boxes_of(outputs: Tensor, size: tuple[int, int], most: int) -> list[Found]:
    """Of a map (B, K + 4, h, w) for images of ``size`` (H, W), at most ``most`` boxes each, cut where the image ends."""
    height, width = outputs.shape[-2:]
    heat = outputs[:, :-4].sigmoid()
    peaks = torch.where(F.max_pool2d(heat, 3, 1, 1) == heat, heat, 0.0).flatten(1)
    scores, places = peaks.topk(min(most, peaks.shape[1]))
    edges = corners_of(outputs, stride_of(size, (height, width))).flatten(2)  # (B, 4, h · w)
    limits = edges.new_tensor([size[1], size[0]] * 2)
    found = []
    for one, score, place in zip(edges, scores, places, strict=True):
        kept = score >= LEAST
        score, label, cell = score[kept], place[kept] // (height * width), place[kept] % (height * width)
        corners = torch.minimum(one[:, cell].T.clamp(min=0), limits)
        kept = batched_nms(corners, score, label, TWICE)
        found.append((corners[kept], label[kept], score[kept]))
    return found
