"""Masks (N, H, W) in memory: their values are classes as those of mask files are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neocog.data.dataset import Array, Dataset
from neocog.data.formats.mask_values import keys_of
from neocog.data.masks import Coding, fit_mask
from neocog.data.preprocessing import Fit
from neocog.data.readers.mask_coding import decide
from neocog.data.readers.mask_decided import Given
from neocog.data.readers.mask_look import look
from neocog.data.readers.mask_looks import Looks
from neocog.data.readers.reading import Reading
from neocog.errors import UserError


@dataclass(frozen=True)
class MaskArray:
    """Masks in one array (N, H, W) of the numbers that ``coding`` knows."""

    array: Array
    names: Sequence[str]
    coding: Coding

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int) -> Array:
        return self.coding.encode(keys_of(self.array[index][..., None], self.names[index]), self.names[index])

    def fitted(self, index: int, size: tuple[int, ...], fit: Fit, mask: Array | None = None) -> Array:
        return fit_mask(self.read(index) if mask is None else mask, size, fit)

    def header(self, index: int) -> tuple[int, int]:
        height, width = self.array.shape[1:]
        return height, width

    def path(self, index: int) -> Path | None:
        return None


def with_masks(data: Dataset, masks: Array, reading: Reading, where: str) -> Dataset:
    """``data`` with (N, H, W) or (N, H, W, 1) masks. Raises UserError."""
    masks = masks[..., 0] if masks.ndim == 4 and masks.shape[-1] == 1 else masks
    if masks.ndim != 3 or masks.dtype.kind not in "biuf":
        raise UserError(f"masks of shape {masks.shape} and type {masks.dtype}", where, "give whole numbers (N, H, W)")
    if reading.instances:
        raise UserError("--instances reads numbered masks from files", where, "save the masks as files")
    names = [f"masks[{i}]" for i in range(len(masks))]
    other = next((i for i in range(len(masks)) if data.images.header(i).size != masks.shape[1:]), None)
    if other is not None:
        sizes = f"its image {data.images.header(other).size}, the mask {masks.shape[1:]} (height × width)"
        raise UserError("a mask of another size than its image", f"{names[other]}: {sizes}", "give equal sizes")
    looks = (look(keys_of(mask[..., None], name), "array") for mask, name in zip(masks, names, strict=True))
    given = Given((), {}, reading.ignore, reading.remap, where, reading.mask_values, reading.background)
    decided = decide(Looks.of(looks, names), given)
    return replace(
        data,
        classes=decided.classes,
        masks=MaskArray(masks, names, decided.coding),
        notes=(*data.notes, *decided.notes),
        taken=decided.taken,
    )
