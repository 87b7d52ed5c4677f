"""Array files → one (N, H, W, C) or (N, D, H, W, C) array of uint8, uint16 or float32 and the ``Dataset`` around it.

Memory stays at the result plus one block: each part is decoded straight into its place.
Letters: N samples, D slices, H × W pixels, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, ArrayImages, Dataset
from neocog.data.formats.decoding import DEFAULT, check_pixels
from neocog.data.formats.stored import Stored, allocate
from neocog.data.names import Names
from neocog.data.readers.classes import look_alikes
from neocog.data.readers.held import CHANNELS, Held
from neocog.errors import UserError


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
    names = Names(f"{split or 'images'}[{i}]" for split, count in parts for i in range(count))
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
        form="volumes" if array.ndim == 5 else "images",
    )


def load_images(
    parts: Sequence[Stored], kind: str = "auto", most: int = DEFAULT.max_pixels
) -> tuple[Array, tuple[str, ...]]:
    """The parts one after the other as (N, H, W, C) or (N, D, H, W, C), and notes on what was converted.

    ``kind``: "images" or "volumes" where the user says so; ``most``: --max-pixels. Raises UserError before anything is unpacked.
    """
    layouts = {part.where: _axes(part, kind) for part in parts}
    axes = set(layouts.values())
    shapes = {part.where: _arranged_shape(part.shape[1:], layouts[part.where]) for part in parts}
    if len(axes) > 1 or len(set(shapes.values())) > 1:
        found = ", ".join(f"{part.where} {part.shape}" for part in parts)
        raise UserError("the parts hold images of different shapes", found, "store all parts in one size and layout")
    for part in parts:
        check_array(part, (len(part), *shapes[part.where][:-1]), most)
    dtype, scale, notes = _pixel_type(parts)
    if len(parts) == 1 and isinstance(parts[0], Held) and scale == 1 and parts[0].dtype == dtype:
        array = _arrange(parts[0].array, layouts[parts[0].where])  # a view
        return array, (*_taken_for(parts[0], layouts[parts[0].where], kind), *notes)
    array = allocate((sum(map(len, parts)), *shapes[parts[0].where]), dtype, parts[0].where)
    first = 0
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which reading reports with its place
        for part in parts:
            for start, block in part.blocks():
                target = array[first + start : first + start + len(block)]
                target[...] = _arrange(block, layouts[part.where])
                if scale != 1:
                    target *= scale
            first += len(part)
    return array, (*_taken_for(parts[0], layouts[parts[0].where], kind), *notes)


def check_array(part: Stored, shape: tuple[int, ...], most: int) -> None:
    """The limit on pixels, for one sample of ``shape`` (N, …) without channels and, where it is packed, for all of them."""
    one, each = math.prod(shape[1:]), " × ".join(map(str, shape[1:]))
    check_pixels(one, each, most, part.where)
    if part.packed is not None:
        check_pixels(len(part) * one, " × ".join(map(str, shape)), most, part.where, part.packed)


def _axes(part: Stored, kind: str) -> str:
    """The layout of a part, one letter an axis: "NHW", "NHWC", "NCHW", "NDHW", "NDHWC" or "NCDHW".

    A first or last axis of 1, 3 or 4 counts channels; four axes without one are volumes, as are five. Where ``kind`` says
    images, one of at most half as many as rows and as columns counts channels too.
    """
    shape, where = part.shape, part.where
    size = " × ".join(map(str, shape))
    if len(shape) > 1 and 0 in shape:
        raise UserError(f"no images: shape {size}", where)
    if len(shape) == 3 and kind != "volumes":
        return "NHW"
    if len(shape) not in (4, 5):
        what = "volumes" if kind == "volumes" else "images"
        fix = {"volumes": "store (N, D, H, W)", "images": "store (N, H, W), (N, H, W, C) or (N, C, H, W)"}[what]
        raise UserError(f"an array of {len(shape)} axes ({size}) holds no {what}", where, fix)
    if len(shape) == 4 and kind == "volumes":
        return "NDHW"
    if len(shape) == 5 and kind == "images":
        raise UserError(f"shape {size}: five axes are volumes, not images", where, "--kind volumes")
    first, last = shape[1] in CHANNELS, shape[-1] in CHANNELS
    if first and last:
        fix = f"say --kind volumes, or move the channels: {shape[1]} or {shape[-1]}, where the other axis is not 1, 3 or 4"
        raise UserError(f"shape {size}: the channels could be axis 1 or axis {len(shape) - 1}", where, fix)
    if not first and not last:
        if len(shape) == 4 and kind == "auto":
            return "NDHW"
        if len(shape) == 4 and 2 * shape[1] <= min(shape[2:]):
            return "NCHW"
        if len(shape) == 4 and 2 * shape[3] <= min(shape[1:3]):
            return "NHWC"
        fix = "store channels of 1, 3 or 4 first or last, or give --kind volumes to (N, D, H, W)"
        raise UserError(f"shape {size}: neither axis 1 nor axis {len(shape) - 1} has 1, 3 or 4 channels", where, fix)
    inner = "HW" if len(shape) == 4 else "DHW"
    return f"NC{inner}" if first else f"N{inner}C"


def _taken_for(part: Stored, axes: str, kind: str) -> tuple[str, ...]:
    """A note where four axes could have been meant otherwise."""
    if len(axes) != 4 or kind == "volumes" or (kind == "images" and part.shape[axes.index("C")] in CHANNELS):
        return ()
    size = " × ".join(map(str, part.shape))
    if axes == "NDHW":
        return (f"arrays of shape {size} taken for volumes of {' × '.join(map(str, part.shape[1:]))}; see --kind",)
    return (f"arrays of shape {size} taken for images with {part.shape[axes.index('C')]} channels; see --kind",)


def _arrange(block: Array, axes: str) -> Array:
    """A view with the channels last."""
    if "C" not in axes:
        return block[..., None]
    return np.moveaxis(block, axes.index("C"), -1)


def _arranged_shape(shape: tuple[int, ...], axes: str) -> tuple[int, ...]:
    if "C" not in axes:
        return (*shape, 1)
    return (*shape[1:], shape[0]) if axes[1] == "C" else shape


def _pixel_type(parts: Sequence[Stored]) -> tuple[np.dtype[np.generic], int, tuple[str, ...]]:
    """The type that keeps every stored value, the factor (255 for logical images), and notes."""
    dtypes = {part.dtype.newbyteorder("=") for part in parts}
    types = "/".join(sorted(map(str, dtypes)))
    kinds = {"i" if dtype.kind in "iu" else dtype.kind for dtype in dtypes}
    if len(kinds) > 1 or not kinds <= set("bif"):
        fix = "store all images as bool, integers or floats"
        raise UserError(f"pixels of type {types}", ", ".join(part.where for part in parts), fix)
    if kinds == {"b"}:
        return np.dtype(np.uint8), 255, ("logical images: false and true became 0 and 255",)
    if kinds == {"f"}:
        wide = any(dtype.itemsize > 4 for dtype in dtypes)
        return np.dtype(np.float32), 1, (f"{types} images rounded to float32",) if wide else ()
    if dtypes <= {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return max(dtypes, key=lambda dtype: dtype.itemsize), 1, ()
    low, high = _value_range(parts)
    for dtype, least, most in (np.uint8, 0, 255), (np.uint16, 0, 65535), (np.float32, -(2**24), 2**24):
        if least <= low and high <= most:
            name = np.dtype(dtype).name
            return np.dtype(dtype), 1, (f"{types} images of values {low} to {high} kept exactly as {name}",)
    fix = "scale the images to 16 bits or store them as float32"
    raise UserError(f"{types} values {low} to {high} do not fit float32 exactly", parts[0].where, fix)


def _value_range(parts: Sequence[Stored]) -> tuple[int, int]:
    ends = [(int(block.min()), int(block.max())) for part in parts for _, block in part.blocks()]
    return min(low for low, _ in ends), max(high for _, high in ends)
