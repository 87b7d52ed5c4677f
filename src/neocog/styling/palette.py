"""The colours of one picture given to another: their mean and covariance (Reinhard et al. 2001; Gatys et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor


def in_colours_of(photo: Tensor, painting: Tensor) -> Tensor:
    """``photo`` (1, C, H, W) in 0 … 1, moved and turned in the space of colours until mean and covariance are the painting's."""
    ours, theirs = photo.flatten(2)[0].double(), painting.flatten(2)[0].double()  # (C, pixels)
    turn = root(covariance(theirs)) @ torch.linalg.inv(root(covariance(ours)))
    moved = turn @ (ours - ours.mean(1, keepdim=True)) + theirs.mean(1, keepdim=True)
    painted: Tensor = moved.reshape(photo.shape[1:])[None].to(photo.dtype).clamp(0, 1)
    return painted


def covariance(colours: Tensor) -> Tensor:
    """(C, pixels) → (C, C); a little is added, so that greys and single colours have an inverse."""
    centred = colours - colours.mean(1, keepdim=True)
    return centred @ centred.T / colours.shape[1] + 1e-5 * torch.eye(len(colours), dtype=colours.dtype)


def root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    found: Tensor = vectors @ values.sqrt().diag() @ vectors.T
    return found
