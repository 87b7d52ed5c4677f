"""What is explained of a restored image: its sharpest place, and so the pixels of the input that this place rests on (Gu & Dong
2021, "Interpreting super-resolution networks with local attribution maps")."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

SIDE = 16  # pixels of the place


def sharpest(outputs: Tensor) -> tuple[Tensor, list[str]]:
    """Of (B, C, H, W) the mean step between neighbours (B,) in the place of ``SIDE`` × ``SIDE`` where it is largest, and where that
    is."""
    down, right = outputs.diff(dim=2)[..., :-1].abs(), outputs.diff(dim=3)[..., :-1, :].abs()
    steps = (down + right).mean(1, keepdim=True)
    height, width = (min(SIDE, side) for side in steps.shape[-2:])
    means = F.avg_pool2d(steps, (height, width), 1)[:, 0]  # (B, H', W')
    scores, places = means.flatten(1).max(1)
    tops, lefts = (places // means.shape[-1]).tolist(), (places % means.shape[-1]).tolist()
    texts = [
        f"the sharpest region of the restored image: rows {top} to {top + height}, columns {left} to {left + width}"
        for top, left in zip(tops, lefts, strict=True)
    ]
    return scores, texts
