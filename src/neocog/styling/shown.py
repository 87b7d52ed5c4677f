"""Pictures as arrays, as images, and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

GAP = 4  # pixels between pictures


def as_array(image: Tensor) -> NDArray[np.float64]:
    """(1, 1 or 3, H, W) → (H, W, 3)."""
    found: NDArray[np.float64] = image[0].expand(3, -1, -1).permute(1, 2, 0).double().cpu().numpy()
    return found


def as_bytes(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Shares of the range from black to white as 8 bits; what is beyond is cut off."""
    found: NDArray[np.uint8] = np.rint(shares.clip(0, 1) * 255).astype(np.uint8)
    return found


def side_by_side(pictures: Sequence[Image.Image], high: int) -> Image.Image:
    """All in a row, each ``high`` pixels high in its own proportions."""
    scaled = [each.resize((max(1, round(each.width * high / each.height)), high)) for each in pictures]
    sheet = Image.new("RGB", (sum(each.width for each in scaled) + GAP * (len(scaled) - 1), high), "white")
    left = 0
    for each in scaled:
        sheet.paste(each, (left, 0))
        left += each.width + GAP
    return sheet
