"""What happens to images, volumes and sequences between a data set and the world: fifteen corruptions of ImageNet-C, and those
of scientists' instruments, each at five severities, as a function of (seed, sample), for any size, depth and channels."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.data.preprocessing import Preprocessing
from neocog.robustness.corruptions.blur import BLUR
from neocog.robustness.corruptions.corruption import SEVERITIES, Corruption
from neocog.robustness.corruptions.digital import DIGITAL
from neocog.robustness.corruptions.instrument import INSTRUMENT
from neocog.robustness.corruptions.lot import Lot
from neocog.robustness.corruptions.noise import NOISE
from neocog.robustness.corruptions.place import PICTURE, PLACE
from neocog.robustness.corruptions.sequence import SEQUENCE
from neocog.robustness.corruptions.volume import VOLUME
from neocog.robustness.corruptions.weather import WEATHER

__all__ = ["CORRUPTIONS", "IMAGENET_C", "SEVERITIES", "Corruption", "corrupted"]

CORRUPTIONS: dict[str, Corruption] = {
    **NOISE, **BLUR, **WEATHER, **DIGITAL, **INSTRUMENT, **PLACE, **VOLUME, **SEQUENCE,
}  # fmt: skip
IMAGENET_C = (
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow", "frost",
    "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
RANGES = {"uint8": (0, 255), "uint16": (0, 65535)}


def corrupted(
    pixels: Tensor,
    samples: Tensor,
    name: str,
    severity: int,
    preprocessing: Preprocessing,
    seed: int,
    scaled: bool = True,
) -> Tensor:
    """Stored pixels (B, C, …) of the samples (B,) int64, changed, and still of their kind: rounded, and cut to what 8 or 16 bits
    hold.

    ``scaled``: lengths that the levels state for 224 × 224 pixels are those of the pictures at hand, in proportion.
    """
    corruption, lot = CORRUPTIONS[name], Lot(seed, samples)
    level = corruption.levels[severity - 1]
    if preprocessing.encoding == "nucleotides":
        return corruption.change(pixels, level, lot, 1.0)
    scale = min(preprocessing.plane) / PICTURE if scaled else 1.0
    low, high = preprocessing.low, preprocessing.high
    colours = pixels[:, : preprocessing.colours]
    found = corruption.change((colours.float() - low) / (high - low), level, lot, scale) * (high - low) + low
    if not pixels.is_floating_point():
        least, most = RANGES[preprocessing.dtype]
        found = found.round_().clamp_(least, most).to(pixels.dtype)
    return torch.cat([found, pixels[:, preprocessing.colours :]], 1)  # an alpha channel stays as it is
