"""The second half of preprocessing, on the device: (x − mean) / std per channel, of the training data or of each image."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.data.nucleotides import shares
from neocog.data.preprocessing import Preprocessing

PLAIN = 1e-30  # variance below which nothing is seen
SPREAD = 2.5  # deviations from the mean to black and to white, where an image is scaled by itself and then looked at


def normalise(pixels: Tensor, preprocessing: Preprocessing, stored: Tensor | None = None) -> Tensor:
    """(B, C, …) uint8, uint16 or float in stored units → float32 of about mean 0 and standard deviation 1.

    Differentiable by pixels that are float; those that are given stay as they are. ``stored`` (B, C, …): the images before
    they were changed or cut, whose mean and deviation count where each image has its own; those of a changed one would
    undo the change of its light.
    """
    shape = (-1, *(1,) * (pixels.ndim - 2))
    if preprocessing.encoding == "nucleotides":
        return fractions(pixels[:, 0])
    if preprocessing.scaling == "image":
        return standardised(as_float(pixels), None if stored is None else as_float(stored))
    mean = torch.tensor(preprocessing.mean, device=pixels.device).view(shape)
    std = torch.tensor(preprocessing.std, device=pixels.device).view(shape)
    return as_float(pixels).sub(mean).div_(std)


def as_float(pixels: Tensor) -> Tensor:
    """float32, or the double precision in which derivatives are checked."""
    return pixels if pixels.dtype == torch.float64 else pixels.float()


def in_unit_range(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Stored pixels as shares of the range from black to white: those of pictures lie in 0 … 1."""
    return (as_float(pixels) - preprocessing.low) / (preprocessing.high - preprocessing.low)


def from_unit_range(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The way back."""
    return preprocessing.low + images * (preprocessing.high - preprocessing.low)


def as_saved(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Images in 0 … 1 as a file would hold them: rounded to whole numbers where they are stored as such."""
    if preprocessing.dtype == "float32":
        return images
    return in_unit_range(from_unit_range(images, preprocessing).round(), preprocessing)


def in_stored_units(inputs: Tensor, preprocessing: Preprocessing) -> Tensor:
    """The way back, to look at: (B, C, …) as the network gets it → stored units.

    Where each image has its own mean and deviation these are gone: ``SPREAD`` deviations on both sides fill the range.
    """
    if preprocessing.scaling == "image":
        low, high = preprocessing.low, preprocessing.high
        return low + (inputs / (2 * SPREAD) + 0.5) * (high - low)
    shape = (-1, *(1,) * (inputs.ndim - 2))
    mean, std = (torch.tensor(each, device=inputs.device) for each in (preprocessing.mean, preprocessing.std))
    return inputs * std.view(shape) + mean.view(shape)


def standardised(pixels: Tensor, stored: Tensor | None = None) -> Tensor:
    """(B, C, …) float, each channel of each image less its own mean, over its own standard deviation; a plain one is 0.

    Mean and deviation are those of ``stored`` where it is given.
    """
    spatial = tuple(range(2, pixels.ndim))
    known = pixels if stored is None else stored
    mean = known.mean(spatial, keepdim=True)
    variance = (known - mean).square_().mean(spatial, keepdim=True)
    std = variance.clamp(min=PLAIN).sqrt()  # whose derivative at 0 would be infinite
    return (pixels - mean).div_(std.clamp(min=1e-6 * float(known.detach().abs().amax().clamp(min=1))))


def fractions(codes: Tensor) -> Tensor:
    """Codes (B, 1, L) uint8 → (B, 4, 1, L) float32 shares of A, C, G, T.

    Nearly all letters are one base: four comparisons are several times as fast as a table, which the few others get.
    """
    found = torch.empty(len(codes), 4, *codes.shape[1:], device=codes.device)
    for base in range(4):
        found[:, base] = codes == 1 << base
    several = (codes & (codes - 1)).nonzero(as_tuple=True)  # more than one base
    if len(several[0]):
        table = torch.from_numpy(shares()).to(codes.device)  # (16, 4)
        found[several[0], :, several[1], several[2]] = table[codes[several].long()]
    return found
