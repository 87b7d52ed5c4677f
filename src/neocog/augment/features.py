"""Fixed features of small copies of samples, by which a change is rated before anything is trained.

Each block of features sees something else: where things are (pixels), which edges stand where (Dalal & Triggs 2005), and which
edges stand how to each other, wherever they are (Kobayashi & Otsu 2008) and however the sample is turned. Letters: N samples,
C channels, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import pi
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, avg_pool2d, one_hot

SIDE, DEPTH = 32, 16  # pixels of a small copy, voxels of one
BINS = 8  # directions of an edge, signed
REACH = (2, 4, 7)  # pixels between two edges that are seen together
WORD = 5  # letters


def small(pixels: Tensor) -> Tensor:
    """Images (N, C, H, W) or volumes (N, C, D, H, W) of any type → float32, no side longer than ``SIDE`` or ``DEPTH``."""
    longest = max(pixels.shape[2:])
    most = SIDE if pixels.ndim == 4 else DEPTH
    return pooled(pixels.float(), [max(1, round(side * min(1.0, most / longest))) for side in pixels.shape[2:]])


def pooled(pixels: Tensor, size: Sequence[int]) -> Tensor:
    """(N, C, …) → (N, C, *size), means of boxes."""
    pool: Any = adaptive_avg_pool2d if pixels.ndim == 4 else adaptive_avg_pool3d
    means: Tensor = pool(pixels, list(size))
    return means


def blocks(pixels: Tensor, form: str) -> dict[str, Tensor]:
    """Small copies, or codes of sequences (N, 1, 1, L) → name → (N, F)."""
    if form == "sequences":
        return of_sequences(pixels[:, 0, 0])
    return of_images(pixels) if form == "images" else of_volumes(pixels)


def of_images(pixels: Tensor) -> dict[str, Tensor]:
    """Small copies (N, C, H, W)."""
    grey = pixels.mean(1)
    edges = directions(grey)  # (N, bins, H, W)
    placed = adaptive_avg_pool2d(edges, 4).flatten(1)
    together, relative = pairs(edges)
    return {
        "light and colours": light(pixels),
        "pixels": pooled(pixels, [min(12, side) for side in pixels.shape[2:]]).flatten(1),
        "edges": rooted(placed),
        "pairs of edges": rooted(together),
        "turned pairs": rooted(relative),
    }


def light(pixels: Tensor) -> Tensor:
    """(N, C, H, W) → (N, 10 C · 7): means, deviations, and eighths of the values' order, channel by channel.

    Each also by its nearness to six levels, as a class of medium brightness lies between two others.
    """
    flat = pixels.flatten(2)
    order = flat.sort(2).values
    plain = torch.cat([flat.mean(2), flat.std(2), adaptive_avg_pool1d(order, 8).flatten(1)], 1)
    low, high = plain.amin(0), plain.amax(0)
    places = 5 * (plain - low) / (high - low).clamp(min=1e-6)  # 0 … 5
    near = (1 - (places[:, :, None] - torch.arange(6)).abs()).clamp(min=0)
    return torch.cat([plain, near.flatten(1)], 1)


def directions(grey: Tensor) -> Tensor:
    """(N, H, W) → (N, bins, H, W) how strong an edge of each direction is, as a share of the image's strongest."""
    padded = torch.nn.functional.pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = (across**2 + down**2).sqrt()
    place = (torch.atan2(down, across) / (2 * pi) * BINS).remainder(BINS)
    low = place.floor()
    share = (place - low)[:, None]
    first, second = (one_hot((low.long() + k) % BINS, BINS).movedim(-1, 1) for k in (0, 1))
    strongest = strength.flatten(1).amax(1).clamp(min=1e-6)[:, None, None]
    noise = strength.flatten(1).median(1).values[:, None, None]
    kept = ((strength - noise) / strongest).clamp(min=0)[:, None]
    return kept * (first * (1 - share) + second * share)


def pairs(edges: Tensor) -> tuple[Tensor, Tensor]:
    """Edges (N, bins, H, W) → how often two directions stand at each distance and in each direction from one another.

    (N, reaches · bins³) as they lie; (N, reaches · bins²) counted from the direction of the first one, which no turn changes.
    """
    count, _, height, width = edges.shape
    absolute, relative = [], []
    steps = torch.arange(BINS)
    for reach in REACH:
        found = []
        for k in range(BINS // 2):  # the other way round, first and second change places
            right, down = (round(reach * f(torch.tensor(2 * pi * k / BINS)).item()) for f in (torch.cos, torch.sin))
            if abs(right) >= width or abs(down) >= height:
                found.append(edges.new_zeros(count, BINS, BINS))
                continue
            rows, columns = overlap(down, height), overlap(right, width)
            here, there = (edges[:, :, rows[at], columns[at]].flatten(2) for at in (0, 1))
            found.append(here @ there.mT)
        all_ = torch.stack([*found, *(each.mT for each in found)], 1)  # (N, way to the second, first, second)
        absolute.append(all_.flatten(1))
        first = steps[:, None, None]
        way, other = (steps[None, :, None] + first) % BINS, (steps[None, None, :] + first) % BINS
        relative.append(all_[:, way, first.expand_as(way + other), other].sum(1).flatten(1))
    return torch.cat(absolute, 1), torch.cat(relative, 1)


def overlap(step: int, side: int) -> tuple[slice, slice]:
    """Where along an axis something stands that has a partner ``step`` further on, and where the partners stand."""
    return slice(max(0, -step), side - max(0, step)), slice(max(0, step), side + min(0, step))


def of_volumes(pixels: Tensor) -> dict[str, Tensor]:
    """Small copies (N, C, D, H, W): voxels, and how the surfaces at two places stand to each other."""
    grey = pixels.mean(1)
    gradients = torch.stack(torch.gradient(grey, dim=(1, 2, 3)), 1)  # (N, 3, D, H, W)
    strength = gradients.square().sum(1, keepdim=True).sqrt()
    gradients = gradients / strength.flatten(1).amax(1).clamp(min=1e-6)[:, None, None, None, None].sqrt()
    rows, columns = torch.triu_indices(3, 3)
    surfaces = (
        gradients[:, rows] * gradients[:, columns] / strength.clamp(min=1e-6).sqrt()
    )  # whichever side is brighter
    found = []
    ways = [way for way in product((-1, 0, 1), repeat=3) if way > (0, 0, 0)]
    for reach, way in product((2, 4), ways):
        cuts = [overlap(step * reach, side) for step, side in zip(way, grey.shape[1:], strict=True)]
        (d0, d1), (h0, h1), (w0, w1) = cuts
        here, there = surfaces[..., d0, h0, w0].flatten(2), surfaces[..., d1, h1, w1].flatten(2)
        found.append((here @ there.mT).flatten(1))
    return {
        "voxels": pooled(pixels, [min(8, side) for side in pixels.shape[2:]]).flatten(1),
        "surfaces": rooted(torch.cat(found, 1)),
    }


def of_sequences(codes: Tensor) -> dict[str, Tensor]:
    """Codes (N, L) → letters by place, and words of ``WORD`` letters, wherever they stand."""
    letters = torch.stack([(codes.int() >> k) & 1 for k in range(4)], 1).float()  # (N, 4, L)
    sure = letters.sum(1) == 1
    number = letters.argmax(1)
    words = sum(number[:, k : number.shape[1] - WORD + 1 + k] * 4 ** (WORD - 1 - k) for k in range(WORD))
    whole = torch.stack([sure[:, k : sure.shape[1] - WORD + 1 + k] for k in range(WORD)]).all(0)
    counts = torch.zeros(len(codes), 4**WORD).scatter_add_(1, words, whole.float())
    places = avg_pool2d(letters, (1, max(1, codes.shape[1] // 64)))
    return {"letters by place": places.flatten(1), "words": rooted(counts)}


def rooted(features: Tensor) -> Tensor:
    """Signed square roots of shares of the sample's sum: a histogram's bins, of about the same spread each."""
    shares = features / features.abs().sum(1, keepdim=True).clamp(min=1e-9)
    return shares.sign() * shares.abs().sqrt()
