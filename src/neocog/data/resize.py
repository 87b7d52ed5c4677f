"""Images of a data set brought to one shape: the plan by written rules, and the fitting of each image.

Letters: D slices (of volumes), H × W pixels, C channels, N images. The pixel type stays: nothing is scaled or clipped here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, prod
from typing import Any

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.formats.decoding import DEFAULT, Decoding, Picture, as_array
from neocog.data.preprocessing import Fit, Preprocessing
from neocog.data.records import Headers, Records
from neocog.data.resize_volume import fit_volume
from neocog.errors import UserError, count, raise_all

LARGEST_DEPTH = 64  # of a volume's target where sizes differ: memory and time grow with its cube
LARGEST_SIDE = 224  # of the target where sizes differ; ImageNet's habit. --size overrides it
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601
_TABLE_ROWS = 10


def shape_plan(
    headers: Sequence[Header | None],
    channels: int | None = None,
    size: tuple[int, ...] | None = None,
    fit: Fit = "resize",
    decoding: Decoding = DEFAULT,
) -> Preprocessing:
    """What all images become; ``headers`` are None where a file is unreadable. Mean and std are 0 and 1 until ``finish``.

    Channels: 1 if all are grey, 3 if some are colour, else their common number. Size (H, W), of volumes (D, H, W): the
    common one, else the median sides, shrunk so that none exceeds ``LARGEST_SIDE`` (volumes: ``LARGEST_DEPTH``).
    Raises UserError with a table of the shapes where pixel types, channels other than grey and colour, or images and
    volumes are mixed.
    """
    headers = Headers.of(headers)
    known = headers.times()
    if not known:
        raise UserError("no image can be read", count(headers, "file"), "see the errors of the files")
    sides = max(len(header.size) for header in known)
    size = _sides(size, sides)
    table, errors = _table(known), []
    if any(len(header.size) != sides for header in known):
        errors.append(UserError("images and volumes are mixed", table, "keep one of the two"))
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
        size=size or _size(headers.sizes[headers.there][:, 3 - sides :]),
        dtype=next(iter(known)).dtype,
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
    known = Headers.of(headers).times()
    total, notes = sum(known.values()), []
    other = sum(times for header, times in known.items() if header.size != preprocessing.size)
    if other:
        sizes = len({header.size for header in known})
        shown = " × ".join(map(str, preprocessing.size))
        verb = {"resize": "resized", "pad": "resized and padded", "crop": "resized and cropped"}[preprocessing.fit]
        many = f"{sizes} size{'s' * (sizes > 1)}"
        notes.append(f"{other:,} of {total:,} images ({many}) are {verb} to {shown}; see --size")
    converted = sum(times for header, times in known.items() if header.channels != preprocessing.channels)
    if converted:
        kind = "colour: their channel is repeated" if preprocessing.channels == 3 else "grey"
        notes.append(f"{converted:,} of {total:,} images are made {kind}")
    return tuple(notes)


def fit(image: Picture, preprocessing: Preprocessing, name: str = "") -> Array:
    """(H, W, C) pixels as read → (C, H, W) of the recorded shape and type, contiguous; of a volume (C, D, H, W).

    What ``decode_picture`` gave is resized as it is, and becomes the same pixels.

    Sequences (1, L, 1) are cropped, or padded with 0, at their end.

    resize: stretched to the size; pad: as large as fits, its edge pixels repeated; crop: as small as covers, its middle; corner:
    at its own scale, its edge pixels repeated below and to the right.
    Antialiased; bilinear, unless pretrained weights need another; within the image's own values (8 bits: within 0 … 255). Of
    ``crop_share`` below 1, only so much of what would be seen is, its middle. Raises BadImage where type or channels do not fit.
    """
    if isinstance(image, Image.Image):
        wanted = (preprocessing.dtype, preprocessing.channels, len(preprocessing.size))
        if wanted == ("uint8", len(image.getbands()), 2):
            return np.ascontiguousarray(_fit_image(image, preprocessing).transpose(2, 0, 1))
        image = as_array(image)
    if preprocessing.encoding == "nucleotides":
        length = preprocessing.size[-1]
        codes = np.zeros((1, 1, length), np.uint8)
        codes[0, 0, : image.shape[1]] = image[0, :length, 0]
        return codes
    if str(image.dtype) != preprocessing.dtype:
        what = f"{image.dtype} pixels, where the training has {preprocessing.dtype}"
        fix = (
            f"convert it to {preprocessing.dtype} at the training's scale, which nobody can guess (--any-range neither)"
        )
        raise BadImage(what, name, fix)
    image = with_channels(image, preprocessing.channels, name)
    if image.ndim != len(preprocessing.size) + 1:
        sides = " × ".join(map(str, image.shape[:-1]))
        raise BadImage(f"{sides}, where {len(preprocessing.size)} sides are expected", name, "keep images or volumes")
    if image.ndim == 4:
        return np.ascontiguousarray(np.moveaxis(fit_volume(image, preprocessing.size, preprocessing.fit), -1, 0))
    return np.ascontiguousarray(_fit_image(image, preprocessing).transpose(2, 0, 1))


@dataclass(frozen=True)
class Placement:
    """Where an image stands in its target: the part of it that is seen, the size that this gets, and what is around."""

    box: tuple[float, float, float, float]  # left, top, right, bottom in stored pixels
    inner: tuple[int, int]  # (H, W)
    pad: tuple[tuple[int, int], tuple[int, int]]  # rows above and below, columns left and right


def placement(shape: tuple[int, int], target: tuple[int, int], fit: Fit, share: float = 1.0) -> Placement:
    """The geometry of ``fit`` for an image, and for its mask, of ``shape`` (H, W); ``share`` of what it would show is seen."""
    (height, width), (target_height, target_width) = shape, target
    box, pad = (0.0, 0.0, float(width), float(height)), (0, 0)
    if fit == "crop":
        scale = max(target_height / height, target_width / width)
        across, down = share * target_width / scale, share * target_height / scale  # of the stored image, in the end
        left, top = (width - across) / 2, (height - down) / 2
        box = (max(left, 0.0), max(top, 0.0), min(left + across, float(width)), min(top + down, float(height)))
    elif fit == "pad":
        scale = min(target_height / height, target_width / width)
        inner = max(1, round(height * scale)), max(1, round(width * scale))
        pad = target_height - inner[0], target_width - inner[1]
    elif fit == "corner":
        inner = min(height, target_height), min(width, target_width)
        around = ((0, target_height - inner[0]), (0, target_width - inner[1]))
        return Placement((0.0, 0.0, float(inner[1]), float(inner[0])), inner, around)
    elif share < 1:
        left, top = width * (1 - share) / 2, height * (1 - share) / 2
        box = (left, top, width - left, height - top)
    before = pad[0] // 2, pad[1] // 2
    around = ((before[0], pad[0] - before[0]), (before[1], pad[1] - before[1]))
    return Placement(box, (target_height - pad[0], target_width - pad[1]), around)


def _fit_image(image: Picture, preprocessing: Preprocessing) -> Array:
    """(H, W, C) of the recorded size."""
    height, width = (image.height, image.width) if isinstance(image, Image.Image) else image.shape[:2]
    place = placement((height, width), preprocessing.plane, preprocessing.fit, preprocessing.crop_share)
    if (height, width) != place.inner or place.box != (0.0, 0.0, width, height):
        image = _resized(image, place.inner, place.box, Image.Resampling[preprocessing.interpolation.upper()])
    image = as_array(image)
    if place.inner != preprocessing.plane:
        image = np.pad(image, (*place.pad, (0, 0)), mode="edge")
    return image


def finish(preprocessing: Preprocessing, records: Records, indices: Sequence[int]) -> Preprocessing:
    """Mean and std (C,) of the training images' pixels, and of uint16, floats and volumes the lowest and highest value.

    ``records`` hold the statistics of the fitted pixels. A channel without variation keeps std 1, and so becomes 0.
    """
    if preprocessing.encoding == "nucleotides":
        return preprocessing
    used = np.asarray(indices, np.int64)
    used = used[records.good[used]]
    count = len(used) * prod(preprocessing.size)
    if not count:
        raise UserError("no training image can be read", fix="see the errors of the files")
    mean, std = [], []
    for channel in range(preprocessing.channels):
        average = fsum(records.sums[used, channel]) / count
        spread = max(fsum(records.squares[used, channel]) / count - average**2, 0.0) ** 0.5
        mean.append(average)
        std.append(spread if spread > 1e-6 * max(abs(average), 1e-30) else 1.0)
    low, high = 0.0, 255.0
    if preprocessing.dtype != "uint8" or len(preprocessing.size) == 3:  # volumes are often occupied (1) or not (0)
        low, high = float(records.extremes[used, 0].min()), float(records.extremes[used, 1].max())
        high = high if high > low else low + 1.0
    return replace(preprocessing, mean=tuple(mean), std=tuple(std), low=low, high=high)


def _convertible(stored: int, wanted: int) -> bool:
    return stored == wanted or {stored, wanted} == {1, 3}


def _sides(size: tuple[int, ...] | None, count: int) -> tuple[int, ...] | None:
    """The size that the user gives: one number for all sides, or each of them."""
    if size is None:
        return None
    size = size * count if len(size) == 1 else size
    if len(size) != count or min(size) < 1:
        names = "height and width" if count == 2 else "depth, height and width"
        what = f"--size {' '.join(map(str, size))}: {count} sides of at least 1 pixel are needed"
        raise UserError(what, fix=f"give {names}, or one side for all")
    return size


def _size(sizes: Array) -> tuple[int, ...]:
    """The target of images of such ``sizes`` (N, 2 or 3)."""
    sides = np.median(sizes, axis=0).tolist()
    if (sizes != sizes[0]).any():
        largest = LARGEST_SIDE if len(sides) == 2 else LARGEST_DEPTH
        shrink = min(1.0, largest / max(sides))
        sides = [side * shrink for side in sides]
    return tuple(max(1, round(side)) for side in sides)


def _either(values: set[int] | set[str]) -> str:
    return " and ".join(map(str, sorted(values)))


def _table(known: Mapping[Header, int]) -> str:
    """The shapes with their counts, the commonest first."""
    counts = Counter[tuple[str, int, str]]()
    for header, times in known.items():
        counts[" × ".join(map(str, header.size)), header.channels, header.dtype] += times
    rows = [f"{n:,} × ({size}, {c} channel{'s' * (c > 1)}, {dtype})" for (size, c, dtype), n in counts.most_common()]
    return "; ".join(rows[:_TABLE_ROWS]) + (f"; {len(rows) - _TABLE_ROWS} more" if len(rows) > _TABLE_ROWS else "")


def with_channels(image: Array, channels: int, name: str) -> Array:
    """(…, C) with so many: grey repeated, or the luma of colours. Raises BadImage for others."""
    stored = image.shape[-1]
    if stored == channels:
        return image
    if not _convertible(stored, channels):
        what = f"{count(stored, 'channel')}, where {channels} are expected"
        raise BadImage(what, name, "keep images of one kind")
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return _rounded(image.astype(np.float64) @ np.array(_LUMA), image.dtype)[..., None]


def _resized(
    image: Picture, shape: tuple[int, int], box: tuple[float, float, float, float], how: Image.Resampling
) -> Picture:
    """(H, W, C) to ``shape``. 8-bit colour at once; else each channel alone, deeper ones as 32-bit floats."""
    size = (shape[1], shape[0])
    if isinstance(image, Image.Image):
        return image.resize(size, how, box)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return Image.fromarray(image).resize(size, how, box)
    deep = image.dtype != np.uint8  # bicubic goes beyond an edge's values: black and white end it for 8 bits alone
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32 if deep else np.uint8)).resize(size, how, box)
        )
        for plane in image.transpose(2, 0, 1)
    ]
    fitted = _rounded(np.stack(planes, axis=-1), image.dtype)
    return np.clip(fitted, image.min(), image.max()) if deep else fitted


def _rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "u" and values.dtype.kind == "f":
        values = np.rint(values).clip(0, np.iinfo(dtype).max)
    return values.astype(dtype, copy=False)
