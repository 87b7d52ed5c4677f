"""The network as other programs get it: an image of any size in stored units, before it is rounded and cut to its type."""

from __future__ import annotations

from torch import Tensor, nn

from neocog.interop.onnx import Answer
from neocog.predictor import Predictor

SIDE = 32  # pixels of the images on which it is compared


class Stored(nn.Module):
    """Shares of the range from black to white → stored units."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, shares: Tensor) -> Tensor:
        return self.low + shares * (self.high - self.low)


def pixels_of(predictor: Predictor, name: str, scale: int = 1) -> Answer:
    """What is called ``name``: images ``scale`` times as high and wide."""
    plan, times = predictor.preprocessing, f"{scale} · " if scale > 1 else ""
    how = (
        f"{name} (B, C, {times}H, {times}W) as float32 in stored units: round it, and cut it to the range of its type."
    )
    within = 1e-4 * (plan.high - plan.low)
    return Answer(Stored(plan.low, plan.high), (name,), (within,), SIDE, {"scale": scale, "answers": how})
