"""Errors of sequencing. Codes (B, 1, 1, L) uint8: A 1, C 2, G 4, T 8, sets of them their sums, 0 padding at the end."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot

ANY_BASE = 15  # N


def substituted(codes: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """So many letters became another base."""
    shape = tuple(codes.shape[1:])
    hit, turn = lot.uniform("substitution", shape) < share, (lot.uniform("other base", shape) * 3).int() + 1
    position = codes.float().clamp(min=1).log2().int()  # of the lowest set in A, C, G, T, and of sets the highest
    other = (1 << ((position + turn) % 4)).to(codes.dtype)
    return torch.where(hit & (codes > 0), other, codes)


def unread(codes: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """So many letters could not be read: N."""
    hit = lot.uniform("unread", tuple(codes.shape[1:])) < share
    return codes.masked_fill(hit & (codes > 0), ANY_BASE)


def gap(codes: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """A stretch of this share of the sequence was not read: so many letters N in a row."""
    lengths = (codes[:, 0, 0] > 0).sum(1)
    begin = lot.between("gap", 0, 1) * (1 - share) * lengths
    place = torch.arange(codes.shape[3])
    hit = (place >= begin[:, None]) & (place < (begin + share * lengths)[:, None])  # (B, L)
    return codes.masked_fill(hit[:, None, None] & (codes > 0), ANY_BASE)


def lost(codes: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """So many letters were skipped: what follows moves up."""
    kept = lot.uniform("lost", (codes.shape[3],)) >= share  # (B, L)
    order = torch.sort((~kept).to(torch.int8), dim=1, stable=True).indices
    moved = codes[:, 0, 0].gather(1, order) * kept.gather(1, order)
    return moved[:, None, None]


RATES = (0.005, 0.01, 0.02, 0.05, 0.1)
SEQUENCE = {
    "substitutions": Corruption("sequencing", RATES, substituted, ("sequences",)),
    "unread_letters": Corruption("sequencing", RATES, unread, ("sequences",)),
    "deletions": Corruption("sequencing", RATES, lost, ("sequences",)),
    "gap": Corruption("sequencing", (0.05, 0.1, 0.2, 0.3, 0.5), gap, ("sequences",)),
}
