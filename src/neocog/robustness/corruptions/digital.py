"""What files and converters do: of ImageNet-C, and of scientists' data. Pixels (B, C, …), 0 black and 1 white."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from neocog.data.dataset import Form
from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot

LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87,
    80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92,
    95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMINANCE = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, *(99,) * 38,
)  # fmt: skip
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
FROM_YCC = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def flatter(pixels: Tensor, factor: float, lot: Lot, scale: float) -> Tensor:
    """Less contrast, about the mean of each channel."""
    mean = pixels.flatten(2).mean(2).view(*pixels.shape[:2], *(1,) * (pixels.ndim - 2))
    return (pixels - mean) * factor + mean


def pixelated(pixels: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """The means of boxes, ``share`` as many a side, each shown as a square."""
    small = tuple(max(1, int(side * share)) for side in pixels.shape[2:])
    rows, columns = (boxes(side, few).to(pixels) for side, few in zip(pixels.shape[2:], small, strict=True))
    means = rows @ pixels @ columns.T
    return interpolate(means, tuple(pixels.shape[2:]), mode="nearest-exact")


@lru_cache(maxsize=64)
def boxes(length: int, count: int) -> Tensor:
    """(count, length): each row averages its share of a line, as Pillow's BOX filter does: whole pixels, by their centres."""
    edges = torch.arange(count + 1, dtype=torch.float64) * length / count
    centres = torch.arange(length, dtype=torch.float64) + 0.5
    inside = (centres > edges[:-1, None]) & (centres <= edges[1:, None])
    return (inside / inside.sum(1, keepdim=True)).float()


def jpeg(pixels: Tensor, quality: int, lot: Lot, scale: float) -> Tensor:
    """Stored as a baseline JPEG of 8 bits at this quality, and read again (ITU-T T.81); colours at half their resolution.

    Each channel is grey by itself, but red, green and blue.
    """
    levels = (pixels.clamp(0, 1) * 255).round() - 128
    if pixels.shape[1] != 3:
        return (coded(levels, LUMINANCE, quality) + 128).round().clamp(0, 255) / 255
    ycc = torch.einsum("dc,bchw->bdhw", torch.tensor(TO_YCC), levels + 128)
    light = coded(ycc[:, :1].round() - 128, LUMINANCE, quality)
    small = avg_pool2d(ycc[:, 1:], 2, ceil_mode=True, count_include_pad=False).round()
    colours = coded(small, CHROMINANCE, quality)
    large = interpolate(colours, scale_factor=2, mode="bilinear")[..., : pixels.shape[2], : pixels.shape[3]]
    found = torch.einsum("dc,bchw->bdhw", torch.tensor(FROM_YCC), torch.cat([light + 128, large], 1))
    return found.round().clamp(0, 255) / 255


def coded(levels: Tensor, table: tuple[int, ...], quality: int) -> Tensor:
    """(B, C, H, W) levels about 0 through the cosine transform of 8 × 8 blocks, rounded to multiples of the table."""
    height, width = levels.shape[2:]
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality  # libjpeg's
    steps = torch.tensor([min(255, max(1, (entry * factor + 50) // 100)) for entry in table]).view(8, 1, 8).float()
    wide = pad(levels, (0, -width % 8, 0, -height % 8), mode="replicate")
    blocks = wide.view(*wide.shape[:2], -1, 8, wide.shape[3] // 8, 8)  # (B, C, y, 8, x, 8)
    turn = cosines()
    waves = torch.einsum("ki,lj,bcyixj->bcykxl", turn, turn, blocks)
    kept = (waves / steps).round() * steps
    back = torch.einsum("ki,lj,bcykxl->bcyixj", turn, turn, kept)
    return back.flatten(4).flatten(2, 3)[..., :height, :width]


@lru_cache(maxsize=1)
def cosines() -> Tensor:
    """(8, 8): the orthonormal discrete cosine transform, a wave a row."""
    k, i = torch.arange(8, dtype=torch.float64)[:, None], torch.arange(8, dtype=torch.float64)
    waves = torch.cos(math.pi * (2 * i + 1) * k / 16) / 2
    waves[0] /= math.sqrt(2)
    return waves.float()


def coarser(pixels: Tensor, bits: int, lot: Lot, scale: float) -> Tensor:
    """2^bits levels between black and white, and none between or beyond: as 16 bits that were saved as 8."""
    steps = 2**bits - 1
    found: Tensor = (pixels.clamp(0, 1) * steps).round() / steps
    return found


def curved(pixels: Tensor, exponent: float, lot: Lot, scale: float) -> Tensor:
    """Another gamma: dark tones brighter, or for every second sample darker."""
    up = (lot.between("gamma", -1, 1) > 0).view(-1, *(1,) * (pixels.ndim - 1))
    light = pixels.clamp(min=0)
    return torch.where(up, light.pow(exponent), light.pow(1 / exponent))


ANY: tuple[Form, ...] = ("images", "volumes")
DIGITAL = {
    "contrast": Corruption("digital", (0.4, 0.3, 0.2, 0.1, 0.05), flatter, ANY),
    "pixelate": Corruption("digital", (0.6, 0.5, 0.4, 0.3, 0.25), pixelated),
    "jpeg_compression": Corruption("digital", (25, 18, 15, 10, 7), jpeg),
    "gamma": Corruption("instrument", (0.8, 0.67, 0.5, 0.4, 0.3), curved, ANY),
    "fewer_bits": Corruption("instrument", (6, 5, 4, 3, 2), coarser, ANY, depths=("uint8",)),
    "8_bits": Corruption("instrument", (8, 7, 6, 5, 4), coarser, ANY, depths=("uint16", "float32")),
}
