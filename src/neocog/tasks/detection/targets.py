"""True boxes as a network of points learns them: a bell at each middle, and cells from which the edges are measured.

Letters: B images, M boxes of one (rows of class −1 fill up), K classes, h × w cells of a stride of pixels. A box is a row of six:
class, x0, y0, x1, y1 in pixels of the network's input, ignored. After Liu et al. 2020 (TTFNet).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REACH = 0.54  # of a box's half sides: how far its bell reaches, and the cells from which its edges are measured


@dataclass(frozen=True)
class Drawn:
    """What is to be learned of a batch."""

    heat: Tensor  # (B, K, h, w) 0 … 1, 1 in the cell of each middle
    silent: Tensor  # (B, K, h, w) bool: what is said there does not count
    edges: Tensor  # (B, 4, h, w) x0, y0, x1, y1 in pixels of the box that each cell belongs to
    weights: Tensor  # (B, h, w) of each box 1 in all; 0 where a cell belongs to none


def stride_of(inputs: tuple[int, int], cells: tuple[int, int]) -> int:
    """The power of two by which a network of ``inputs`` (H, W) answers in ``cells`` (h, w)."""
    return next(s for s in (1, 2, 4, 8, 16, 32) if all(-(-a // s) == b for a, b in zip(inputs, cells, strict=True)))


def drawn(boxes: Tensor, classes: int, cells: tuple[int, int], stride: int) -> Drawn:
    """``boxes`` (B, M, 6). Where two boxes lie over each other the smaller one has the cells."""
    sides = (boxes[..., 3:5] - boxes[..., 1:3]).clamp(min=0)
    order = sides.prod(-1).argsort(dim=1, descending=True, stable=True)
    boxes = boxes.gather(1, order[..., None].expand_as(boxes))
    label, corners = boxes[..., 0].long(), boxes[..., 1:5] / stride
    there = label >= 0
    live, crowd = there & (boxes[..., 5] == 0), there & (boxes[..., 5] > 0)
    across, down = (_bells(corners[..., axis], corners[..., axis + 2], cells[1 - axis]) for axis in (0, 1))
    within = [_within(corners[..., axis], corners[..., axis + 2], cells[1 - axis]) for axis in (0, 1)]
    count = len(boxes)
    heat = boxes.new_zeros(count, classes, *cells)
    silent = torch.zeros(count, classes, *cells, dtype=torch.bool, device=boxes.device)
    owner = torch.full((count, *cells), -1, device=boxes.device)
    bells = boxes.new_zeros(count, *cells)
    rows = torch.arange(count, device=boxes.device)
    for m in range(boxes.shape[1]):
        kind = label[:, m].clamp(min=0)
        bell = down[:, m, :, None] * across[:, m, None, :] * live[:, m, None, None]
        heat[rows, kind] = torch.maximum(heat[rows, kind], bell)
        owner, bells = torch.where(bell > 0, m, owner), torch.where(bell > 0, bell, bells)
        silent[rows, kind] |= within[1][:, m, :, None] & within[0][:, m, None, :] & crowd[:, m, None, None]
    return Drawn(heat, silent & (heat < 1), *_owned(owner, bells, corners * stride))


def _bells(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """(B, M, cells) a bell about the cell of the middle, 0 beyond its reach."""
    middle = ((low + high) / 2).floor().clamp(0, cells - 1)[..., None]
    reach = (REACH * (high - low) / 2).clamp(min=0)[..., None]
    apart = (torch.arange(cells, device=low.device) - middle).abs()
    sigma = (2 * reach + 1) / 6
    return torch.exp(-0.5 * (apart / sigma) ** 2) * (apart <= reach)


def _within(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """(B, M, cells) whether a cell's middle lies within."""
    place = torch.arange(cells, device=low.device) + 0.5
    return (place >= low[..., None]) & (place <= high[..., None])


def _owned(owner: Tensor, bells: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 4, h, w) the corners of each cell's box, and (B, h, w) its weight: of each box 1 in all."""
    count, height, width = owner.shape
    flat = owner.clamp(min=0).flatten(1)
    edges = corners.gather(1, flat[..., None].expand(-1, -1, 4)).transpose(1, 2).view(count, 4, height, width)
    own = (bells * (owner >= 0)).flatten(1)
    total = torch.zeros(corners.shape[:2], dtype=own.dtype, device=own.device).scatter_add(1, flat, own)
    weights = own / total.gather(1, flat).clamp(min=1e-6)
    return edges, weights.view(count, height, width)
