"""Array files → one (N, H, W, C) array of uint8, uint16 or float32 and the ``Dataset`` around it.

Memory stays at the result plus one block: each part is decoded straight into its place.
Letters: N samples, H × W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neocog.data.classes import look_alikes
from neocog.data.dataset import Array, ArrayImages, Dataset
from neocog.data.stored import Stored, allocate
from neocog.errors import UserError

CHANNELS = (1, 3, 4)  # grey, RGB, RGBA: what tells a channel axis from rows and columns


def array_dataset(
    kind: str,
    root: Path | None,
    array: Array,
    parts: Sequence[tuple[str, int]],
    labels: Array,
    classes: tuple[str, ...],
    notes: Sequence[str] = (),
    mirror: bool = True,
) -> Dataset:
    """A ``Dataset`` over one array whose ``parts`` follow each other: (split or "", count)."""
    names = tuple(f"{split or 'images'}[{i}]" for split, count in parts for i in range(count))
    splits = np.repeat([split for split, _ in parts], [count for _, count in parts])
    return Dataset(
        kind=kind,
        root=root,
        names=names,
        labels=labels,
        classes=classes,
        images=ArrayImages(array, names),
        splits=splits if any(split for split, _ in parts) else None,
        notes=(*notes, *look_alikes(classes)),
        mirror=mirror,
    )


def load_images(parts: Sequence[Stored]) -> tuple[Array, tuple[str, ...]]:
    """The parts one after the other as (N, H, W, C), and notes on what was converted. Raises UserError."""
    axes = {_axes(part) for part in parts}
    shapes = {part.where: _arranged_shape(part.shape[1:], _axes(part)) for part in parts}
    if len(axes) > 1 or len(set(shapes.values())) > 1:
        told = ", ".join(f"{part.where} {part.shape}" for part in parts)
        raise UserError("the parts hold images of different shapes", told, "store all parts in one size and layout")
    dtype, scale, notes = _pixel_type(parts)
    array = allocate((sum(map(len, parts)), *shapes[parts[0].where]), dtype, parts[0].where)
    first = 0
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which reading reports with its place
        for part in parts:
            for start, block in part.blocks():
                target = array[first + start : first + start + len(block)]
                target[...] = _arrange(block, _axes(part))
                if scale != 1:
                    target *= scale
            first += len(part)
    return array, notes


def _axes(part: Stored) -> str:
    """ "NHW", "NHWC" or "NCHW": the channel axis is the one of 1, 3 or 4, and there must be only one."""
    shape, where = part.shape, part.where
    size = " × ".join(map(str, shape))
    if len(shape) > 1 and 0 in shape:
        raise UserError(f"no images: shape {size}", where)
    if len(shape) == 3:
        return "NHW"
    if len(shape) == 5:
        raise UserError(f"volumes of shape {size} are not supported yet", where, "give slices: (N, H, W)")
    if len(shape) != 4:
        fix = "store images as (N, H, W), (N, H, W, C) or (N, C, H, W)"
        raise UserError(f"an array of {len(shape)} axes ({size}) holds no images", where, fix)
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    if first and last:
        fix = "make the array (N, H, W, C) with H not 1, 3 or 4"
        raise UserError(f"shape {size}: the channels could be axis 1 or axis 3", where, fix)
    if not first and not last:
        what = f"shape {size}: neither axis 1 nor axis 3 has 1, 3 or 4 channels (volumes are not supported yet)"
        raise UserError(what, where, "store images as (N, H, W), (N, H, W, C) or (N, C, H, W)")
    return "NCHW" if first else "NHWC"


def _arrange(block: Array, axes: str) -> Array:
    """A view as (N, H, W, C)."""
    if axes == "NHW":
        return block[..., None]
    return block.transpose(0, 2, 3, 1) if axes == "NCHW" else block


def _arranged_shape(shape: tuple[int, ...], axes: str) -> tuple[int, ...]:
    if axes == "NHW":
        return (*shape, 1)
    return (shape[1], shape[2], shape[0]) if axes == "NCHW" else shape


def _pixel_type(parts: Sequence[Stored]) -> tuple[np.dtype[np.generic], int, tuple[str, ...]]:
    """The type that keeps every stored value, the factor (255 for logical images), and notes."""
    dtypes = {part.dtype.newbyteorder("=") for part in parts}
    told = "/".join(sorted(map(str, dtypes)))
    kinds = {"i" if dtype.kind in "iu" else dtype.kind for dtype in dtypes}
    if len(kinds) > 1 or not kinds <= set("bif"):
        fix = "store all images as bool, integers or floats"
        raise UserError(f"pixels of type {told}", ", ".join(part.where for part in parts), fix)
    if kinds == {"b"}:
        return np.dtype(np.uint8), 255, ("logical images: false and true became 0 and 255",)
    if kinds == {"f"}:
        wide = any(dtype.itemsize > 4 for dtype in dtypes)
        return np.dtype(np.float32), 1, (f"{told} images rounded to float32",) if wide else ()
    if dtypes <= {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return max(dtypes, key=lambda dtype: dtype.itemsize), 1, ()
    low, high = _value_range(parts)
    for dtype, least, most in (np.uint8, 0, 255), (np.uint16, 0, 65535), (np.float32, -(2**24), 2**24):
        if least <= low and high <= most:
            name = np.dtype(dtype).name
            return np.dtype(dtype), 1, (f"{told} images of values {low} to {high} kept exactly as {name}",)
    fix = "scale the images to 16 bits or store them as float32"
    raise UserError(f"{told} values {low} to {high} do not fit float32 exactly", parts[0].where, fix)


def _value_range(parts: Sequence[Stored]) -> tuple[int, int]:
    ends = [(int(block.min()), int(block.max())) for part in parts for _, block in part.blocks()]
    return min(low for low, _ in ends), max(high for _, high in ends)
