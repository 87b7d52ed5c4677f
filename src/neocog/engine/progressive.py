"""Progressive resizing: training images are smaller at first, when there is most to learn and least that needs detail.

Howard 2018 (DAWNBench); Tan and Le 2021 (EfficientNetV2), in four stages of equal length. B images of C channels, H × W pixels.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

STAGES = 4


def sides(size: tuple[int, ...], start: float, progress: float) -> tuple[int, ...]:
    """The sides of training images when the share ``progress`` of the steps is over. ``start``: share of each side at first.

    >>> [sides((32, 32), 0.5, progress) for progress in (0, 0.25, 0.5, 0.75, 1)]
    [(16, 16), (21, 21), (27, 27), (32, 32), (32, 32)]
    """
    stage = min(STAGES - 1, int(STAGES * progress))
    share = start + (1 - start) * stage / (STAGES - 1)
    return tuple(max(1, round(share * side)) for side in size)


def shown(inputs: Tensor, start: float, progress: float) -> Tensor:
    """Normalised images (B, C, H, W) as training sees them now: averaged down to ``sides``. ``start`` 0: as they are."""
    size = tuple(inputs.shape[2:])
    wanted = sides(size, start, progress) if start else size
    return inputs if wanted == size else F.interpolate(inputs, wanted, mode="bilinear", antialias=True)
