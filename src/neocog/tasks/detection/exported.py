"""The network as other programs get it: a score and a box for each cell, without the choice among them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neocog.interop.onnx import Answer
from neocog.predictor import Predictor
from neocog.tasks.detection.decode import TWICE, corners_of
from neocog.tasks.detection.targets import stride_of

HOW = (
    "scores (B, K, h, w) of the classes and boxes (B, 4, h, w) as x0, y0, x1, y1 in pixels of the input, one of each cell. An "
    "object of class k is where its score is the highest of 3 × 3 cells and reaches thresholds[k]; of two boxes of one class that "
    f"overlap by more than {TWICE} the surer one counts."
)


class ScoresAndBoxes(nn.Module):
    """A map (B, K + 4, h, w) → scores (B, K, h, w) and corners (B, 4, h, w) that end where the image does."""

    limits: Tensor

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("limits", torch.tensor([size[1], size[0]] * 2, dtype=torch.float32).view(1, 4, 1, 1))

    def forward(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        cells = int(outputs.shape[-2]), int(outputs.shape[-1])
        corners = corners_of(outputs, stride_of(self.size, cells)).clamp(min=0)
        return outputs[:, :-4].sigmoid(), torch.minimum(corners, self.limits)


def answer_of(predictor: Predictor) -> Answer:
    size = predictor.preprocessing.plane
    facts = {"thresholds": list(predictor.facts["thresholds"]), "answers": HOW}
    return Answer(ScoresAndBoxes(size), ("scores", "boxes"), (1e-4, 1e-4 * max(size)), facts=facts)
