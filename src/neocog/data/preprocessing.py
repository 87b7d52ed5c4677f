"""How an image becomes the network's input, recorded in model.json, so that what training saw, predict sees.

Two halves: ``fit`` (NumPy, once per image: channels, size; the pixel type stays) and ``normalise`` (in ``normalise.py``,
on the device, every step: (x − mean) / std).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fit = Literal["resize", "pad", "crop", "corner"]
Scaling = Literal["data", "image", "weights"]
Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]  # as Pillow has them


@dataclass(frozen=True)
class Preprocessing:
    """What is done to pixels before a network, as recorded.

    ``mean`` and ``std`` (C,) are in stored units (0–255, 0–65535, or the floats' own)."""

    channels: int
    size: tuple[int, ...]  # (H, W), of volumes (D, H, W), of sequences (1, L)
    dtype: str  # of the stored pixels: "uint8", "uint16" or "float32"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Fit = "resize"
    background: tuple[int, ...] = (255, 255, 255)  # what shows through transparency
    frames: Literal["error", "first", "stack"] = "error"  # animated or multi-page files
    axes: str | None = None  # of TIFF files whose own tags do not say
    max_pixels: int = 178_956_970  # of one file
    low: float = 0.0  # pixel value of black and white: for pictures, previews and augmentation
    high: float = 255.0
    encoding: Literal["intensity", "nucleotides"] = "intensity"  # what a stored number stands for
    scaling: Scaling = (
        "data"  # whose mean and std: the training data's, each image's own, or those pretrained weights need
    )
    interpolation: Interpolation = "bilinear"  # of images that change their size
    crop_share: float = 1.0  # of the image that is seen (its middle), of each side that the target would cover
    draft: bool = False  # whether JPEG files are decoded at a part of their size: see ``neocog.data.draft``

    @property
    def plane(self) -> tuple[int, int]:
        """(H, W), also of a volume's slices."""
        return self.size[-2], self.size[-1]

    @property
    def pictures(self) -> bool:
        """Whether the pixels are those of pictures (8 bits: grey or colours, with or without alpha), not measurements."""
        return self.dtype == "uint8" and self.channels in (1, 3, 4)

    @property
    def colours(self) -> int:
        """Channels without the alpha of pictures that have one."""
        return 3 if self.pictures and self.channels == 4 else self.channels

    @property
    def inputs(self) -> int:
        """Channels that the network sees."""
        return 4 if self.encoding == "nucleotides" else self.channels
