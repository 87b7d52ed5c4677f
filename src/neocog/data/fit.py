"""Images of a data set brought to one shape: the plan by written rules, and the fitting of each image.

Letters: H × W pixels, C channels, N images. The pixel type stays: nothing is scaled or clipped here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import fsum
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.decoding import DEFAULT, Decoding
from neocog.data.preprocessing import Fit, Preprocessing
from neocog.errors import UserError, raise_all

if TYPE_CHECKING:
    from neocog.data.survey import Record

LARGEST_SIDE = 224  # of the target where sizes differ; ImageNet's habit. --size overrides it
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601
_TABLE_ROWS = 10


def shape_plan(
    headers: Sequence[Header | None],
    channels: int | None = None,
    size: tuple[int, int] | None = None,
    fit: Fit = "resize",
    decoding: Decoding = DEFAULT,
) -> Preprocessing:
    """What all images become; ``headers`` are None where a file is unreadable. Mean and std are 0 and 1 until ``finish``.

    Channels: 1 if all are grey, 3 if some are colour, else their common number. Size (H, W): the common one, else the
    median height and width, shrunk so that no side exceeds ``LARGEST_SIDE``. Raises UserError with a table of the
    shapes where pixel types, or channels other than grey and colour, are mixed.
    """
    known = [header for header in headers if header is not None]
    if not known:
        raise UserError("no image can be read", f"{len(headers)} files", "see the errors of the files")
    if size is not None and min(size) < 1:
        raise UserError(f"--size {size[0]} {size[1]}: a side is at least 1 pixel", fix="give height and width")
    table, errors = _table(known), []
    found = {header.channels for header in known}
    chosen = channels or (3 if found == {1, 3} else max(found))
    if any(not _convertible(count, chosen) for count in found):
        fix = "keep images of one kind, or give --channels 1 or 3 where all are grey or colour"
        what = f"images of {_either(found)} channels cannot all become {chosen}"
        errors.append(UserError(what, table, fix))
    dtypes = {header.dtype for header in known}
    if len(dtypes) > 1:
        fix = "convert them to one depth; neocog does not guess how their values compare"
        errors.append(UserError(f"pixels of {_either(dtypes)} are mixed", table, fix))
    raise_all(errors)
    return Preprocessing(
        channels=chosen,
        size=size or _size(known),
        dtype=known[0].dtype,
        mean=(0.0,) * chosen,
        std=(1.0,) * chosen,
        fit=fit,
        background=decoding.background,
        frames=decoding.frames,
        axes=decoding.axes,
        max_pixels=decoding.max_pixels,
    )


def plan_notes(headers: Sequence[Header | None], preprocessing: Preprocessing) -> tuple[str, ...]:
    """What the plan changes: how many images are resized or change their channels."""
    known = [header for header in headers if header is not None]
    height, width = preprocessing.size
    notes = []
    other = sum((header.height, header.width) != preprocessing.size for header in known)
    if other:
        sizes = len({(header.height, header.width) for header in known})
        verb = {"resize": "resized", "pad": "resized and padded", "crop": "resized and cropped"}[preprocessing.fit]
        many = f"{sizes} size{'s' * (sizes > 1)}"
        notes.append(f"{other:,} of {len(known):,} images ({many}) are {verb} to {height} × {width}; see --size")
    converted = sum(header.channels != preprocessing.channels for header in known)
    if converted:
        kind = "colour: their channel is repeated" if preprocessing.channels == 3 else "grey"
        notes.append(f"{converted:,} of {len(known):,} images are made {kind}")
    return tuple(notes)


def fit(image: Array, preprocessing: Preprocessing, name: str = "") -> Array:
    """(H, W, C) pixels as read → (C, H, W) of the recorded shape and type, contiguous.

    resize: stretched to the size; pad: as large as fits, its edge pixels repeated; crop: as small as covers, its middle.
    Antialiased bilinear, which stays within the image's own values. Raises BadImage where type or channels do not fit.
    """
    if str(image.dtype) != preprocessing.dtype:
        what = f"{image.dtype} pixels, where the others have {preprocessing.dtype}"
        raise BadImage(what, name, f"convert it to {preprocessing.dtype}")
    image = _with_channels(image, preprocessing.channels, name)
    height, width = image.shape[:2]
    target_height, target_width = preprocessing.size
    box, pad = (0.0, 0.0, float(width), float(height)), (0, 0)
    if preprocessing.fit == "crop":
        scale = max(target_height / height, target_width / width)
        across, down = target_width / scale, target_height / scale  # of the stored image, seen in the end
        left, top = (width - across) / 2, (height - down) / 2
        box = (max(left, 0.0), max(top, 0.0), min(left + across, float(width)), min(top + down, float(height)))
    elif preprocessing.fit == "pad":
        scale = min(target_height / height, target_width / width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        pad = target_height - inner[0], target_width - inner[1]
    shape = (target_height - pad[0], target_width - pad[1])
    if (height, width) != shape or box != (0.0, 0.0, width, height):
        image = _resized(image, shape, box)
    if pad != (0, 0):
        before = pad[0] // 2, pad[1] // 2
        around = ((before[0], pad[0] - before[0]), (before[1], pad[1] - before[1]), (0, 0))
        image = np.pad(image, around, mode="edge")
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def finish(preprocessing: Preprocessing, records: Sequence[Record], indices: Sequence[int]) -> Preprocessing:
    """Mean and std (C,) of the training images' pixels, and for uint16 and floats their lowest and highest value.

    ``records`` hold the statistics of the fitted pixels. A channel without variation keeps std 1, and so becomes 0.
    """
    used = [records[index] for index in indices if records[index].error is None]
    count = sum(record.pixels for record in used)
    if not count:
        raise UserError("no training image can be read", fix="see the errors of the files")
    mean, std = [], []
    for channel in range(preprocessing.channels):
        average = fsum(record.channel_sum[channel] for record in used) / count
        spread = max(fsum(record.channel_square[channel] for record in used) / count - average**2, 0.0) ** 0.5
        mean.append(average)
        std.append(spread if spread > 1e-6 * max(abs(average), 1e-30) else 1.0)
    low, high = 0.0, 255.0
    if preprocessing.dtype != "uint8":
        low, high = min(record.low for record in used), max(record.high for record in used)
        high = high if high > low else low + 1.0
    return replace(preprocessing, mean=tuple(mean), std=tuple(std), low=low, high=high)


def _convertible(stored: int, wanted: int) -> bool:
    return stored == wanted or {stored, wanted} == {1, 3}


def _size(headers: Sequence[Header]) -> tuple[int, int]:
    height, width = (median(sides) for sides in zip(*((h.height, h.width) for h in headers), strict=True))
    if len({(header.height, header.width) for header in headers}) > 1:
        shrink = min(1.0, LARGEST_SIDE / max(height, width))
        height, width = height * shrink, width * shrink
    return max(1, round(height)), max(1, round(width))


def _either(values: set[int] | set[str]) -> str:
    return " and ".join(map(str, sorted(values)))


def _table(headers: Sequence[Header]) -> str:
    """The shapes with their counts, the commonest first."""
    counts = Counter((h.height, h.width, h.channels, h.dtype) for h in headers).most_common()
    rows = [f"{n:,} × ({h} × {w}, {c} channel{'s' * (c > 1)}, {dtype})" for (h, w, c, dtype), n in counts]
    return "; ".join(rows[:_TABLE_ROWS]) + (f"; {len(rows) - _TABLE_ROWS} more" if len(rows) > _TABLE_ROWS else "")


def _with_channels(image: Array, channels: int, name: str) -> Array:
    stored = image.shape[2]
    if stored == channels:
        return image
    if not _convertible(stored, channels):
        what = f"{stored} channels, where {channels} are expected"
        raise BadImage(what, name, "keep images of one kind")
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return _rounded(image.astype(np.float64) @ np.array(_LUMA), image.dtype)[..., None]


def _resized(image: Array, shape: tuple[int, int], box: tuple[float, float, float, float]) -> Array:
    """(H, W, C) to ``shape``. 8-bit colour at once; else each channel alone, deeper ones as 32-bit floats."""
    size = (shape[1], shape[0])
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box))
    kind = np.uint8 if image.dtype == np.uint8 else np.float32
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane, dtype=kind)).resize(size, Image.Resampling.BILINEAR, box)
        )
        for plane in image.transpose(2, 0, 1)
    ]
    return _rounded(np.stack(planes, axis=-1), image.dtype)


def _rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "u" and values.dtype.kind == "f":
        values = np.rint(values).clip(0, np.iinfo(dtype).max)
    return values.astype(dtype, copy=False)
