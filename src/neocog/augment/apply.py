"""A draw done to images, and its geometric part to their masks."""

from __future__ import annotations

from torch import Tensor

from neocog.augment import geometry
from neocog.augment.draw import Draw


def apply(draw: Draw, images: Tensor) -> Tensor:
    """Images (B, C, H, W) uint8, uint16 or float → float32 in stored units, within the draw's low … high.

    What is off costs nothing; with everything off the pixels come back exactly. uint8 images that are only cropped and
    flipped are moved as bytes, without interpolation.
    """
    if geometry.moves(draw) and draw.matrix is None:
        images = geometry.nearest(draw, images)
    images = images.float()
    if draw.matrix is not None:
        images = geometry.bilinear(draw, images)
    for change in draw.changes:
        images = change(images)
    if draw.changes or draw.matrix is not None:
        images = images.clamp_(draw.low, draw.high)  # a tensor of our own by now
    return images


def apply_masks(draw: Draw, masks: Tensor) -> Tensor:
    """Masks (B, H, W) of any type, moved as the images are; labels are copied, never mixed."""
    if not geometry.moves(draw):
        return masks
    return geometry.nearest(draw, masks[:, None])[:, 0]
