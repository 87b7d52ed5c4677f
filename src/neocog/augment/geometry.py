"""Where each output pixel comes from, and fetching it: exactly for whole-pixel moves and masks, else between four pixels.

Letters: B samples, C channels, H × W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from neocog.augment.draw import Draw

NARROW = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}  # the same bits, more operations


def moves(draw: Draw) -> bool:
    """Whether anything geometric happens."""
    return any(part is not None for part in (draw.flips, draw.shift, draw.matrix, draw.corner))


def bilinear(draw: Draw, images: Tensor) -> Tensor:
    """Images (B, C, H, W) float under the affine draw: bilinear between pixels."""
    height, width = draw.size
    x_across, x_down, y_across, y_down = source(draw)
    grid = torch.empty(len(images), *draw.kept, 2, device=images.device)  # −1 … 1 from edge to edge
    torch.add(x_across * (2 / width), (2 * x_down + 1) / width - 1, out=grid[..., 0])
    torch.add(y_across * (2 / height), (2 * y_down + 1) / height - 1, out=grid[..., 1])
    padding = "border" if draw.fill == "edge" else "reflection"
    return grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def nearest(draw: Draw, images: Tensor) -> Tensor:
    """Images or masks (B, C, H, W) of any type, each pixel an exact copy of one that was there."""
    index = pixels(draw)[:, None].expand(*images.shape[:2], -1)  # (B, C, H·W)
    plain = images.view(NARROW[images.dtype]) if images.dtype in NARROW else images
    return plain.flatten(2).gather(2, index).view(images.dtype).view(*images.shape[:2], *draw.kept)


def pixels(draw: Draw) -> Tensor:
    """(B, H·W) int64: the number of the input pixel that each output pixel (of the window, if there is one) copies."""
    height, width = draw.size
    if draw.matrix is not None:
        x_across, x_down, y_across, y_down = source(draw)
        rows, columns = (y_across + y_down).round().long(), (x_across + x_down).round().long()  # (B, H, W)
    else:
        rows, columns = (side[:, :, None] if axis == 0 else side[:, None, :] for axis, side in enumerate(sides(draw)))
    rows, columns = inside(rows, height, draw.fill), inside(columns, width, draw.fill)
    return (rows * width + columns).flatten(1)


def sides(draw: Draw) -> tuple[Tensor, Tensor]:
    """Input rows (B, H) and columns (B, W) of the window under flips and whole-pixel shifts; they may lie outside."""
    device = next(t.device for t in (draw.flips, draw.shift, draw.corner) if t is not None)
    result = []
    for axis, length in enumerate(draw.size):
        place = torch.arange(draw.kept[axis], device=device)[None]
        if draw.corner is not None:
            place = place + draw.corner[:, axis, None]
        if draw.shift is not None:
            place = place - draw.shift[:, axis, None]
        if draw.flips is not None:
            place = torch.where(draw.flips[:, axis, None], length - 1 - place, place)
        result.append(place)
    return result[0], result[1]


def source(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Input x and y, in pixels, of each output pixel under the whole draw: x = across + down, y = across + down.

    The parts are x across (B, 1, W), x down (B, H, 1), y across, y down, so that only the sums take B·H·W numbers.
    """
    assert draw.matrix is not None
    height, width = draw.size
    row = torch.arange(draw.kept[0], device=draw.matrix.device)[None, :, None] - (height - 1) / 2
    column = torch.arange(draw.kept[1], device=draw.matrix.device)[None, None, :] - (width - 1) / 2
    if draw.corner is not None:
        row, column = row + draw.corner[:, 0, None, None], column + draw.corner[:, 1, None, None]
    if draw.shift is not None:
        row, column = row - draw.shift[:, 0, None, None], column - draw.shift[:, 1, None, None]
    matrix = draw.matrix
    if draw.flips is not None:
        matrix = matrix * (1 - 2 * draw.flips.flip(1)[:, :, None].float())  # x is mirrored by left-right
    ((a, b, c), (d, e, f)) = (line.unbind(1) for line in matrix[:, :, :, None, None].unbind(1))  # (B, 1, 1) each
    return a * column, b * row + c + (width - 1) / 2, d * column, e * row + f + (height - 1) / 2


def inside(place: Tensor, length: int, fill: str) -> Tensor:
    """Positions brought into 0 … length − 1: the edge again and again, or there and back as in a mirror (cba|abc|cba)."""
    if fill == "edge":
        return place.clamp(0, length - 1)
    place = place.remainder(2 * length)
    return torch.minimum(place, 2 * length - 1 - place)
