"""The one pass over all images: every file decoded whole and once, its hash, statistics and faults kept as one record.

Letters: N images, H × W pixels (of volumes D × H × W), C channels.
Memory: the columns of ``Records``, and the fitted pixels where they are wanted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from neocog.data.dataset import Array, ArrayImages, BadImage, Images, not_finite, pixel_digest, reading
from neocog.data.formats.decoding import as_array
from neocog.data.images import FileImages, decode_picture
from neocog.data.in_turn import in_turn
from neocog.data.preprocessing import Preprocessing
from neocog.data.records import Record, Records
from neocog.data.resize import fit
from neocog.data.shared import Zeros
from neocog.data.signatures import signatures, width
from neocog.limits import cores

_CHUNK = 8  # images a job of a thread
_ARRAY_BYTES = 1 << 24  # of an array's images taken at once


@dataclass(frozen=True)
class ScannedImages:
    """One record an image, and the fitted pixels (N, C, H, W), to be read only: zeros where an image has an error.

    Where nothing is to be fitted they are a view of the images' own array, in whatever order this has its axes.
    """

    records: Records
    pixels: Array | None


def scan_images(
    images: Images,
    preprocessing: Preprocessing | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    keep: bool = True,
    zeros: Zeros = np.zeros,
) -> ScannedImages:
    """Decode all images, in ``workers`` threads (default: one a core), collecting every error.

    ``progress`` is called with the count of images just done. With a ``preprocessing`` and ``keep`` the fitted pixels
    are returned, in an array that ``zeros`` makes, so that nothing need be decoded twice; without, memory grows by a record an
    image only.
    """
    advance = progress or (lambda _count: None)
    if isinstance(images, ArrayImages) and _same_shape(images.array, preprocessing):
        return _scan_array(images, preprocessing, advance, keep)
    shape = () if preprocessing is None else (preprocessing.channels, *preprocessing.size)
    pixels = None
    if preprocessing is not None and keep:
        pixels = zeros((len(images), *shape), preprocessing.dtype)

    def examine(index: int) -> Record:
        with reading(images, index):
            return _examine(images, index, preprocessing, pixels)

    def examine_chunk(start: int) -> list[Record]:
        stop = min(start + _CHUNK, len(images))
        return [examine(index) for index in range(start, stop)]

    records, count = Records.empty(len(images), width(images), shape), 0
    threads = workers or cores()
    with closing(in_turn(examine_chunk, range(0, len(images), _CHUNK), threads, 2 * threads, "scan")) as examined:
        for done in examined:
            for index, record in enumerate(done, count):
                records[index] = record
            count += len(done)
            advance(len(done))
    return ScannedImages(records, pixels)


def _examine(images: Images, index: int, preprocessing: Preprocessing | None, pixels: Array | None) -> Record:
    """One image's record; its fitted pixels go to ``pixels[index]``."""
    header, digest = None, ""
    try:
        if isinstance(images, FileImages):
            data = images.stored(index)  # read once: the hash is of the bytes that are decoded
            digest = hashlib.sha256(data).hexdigest()
            picture, header = decode_picture(data, images.decoding, images.files[index])
            name = images.files[index]
        else:
            digest, header = images.digest(index), images.header(index)
            picture = images.read(index)
            name = str(getattr(images, "names", {index: index})[index])
        image = as_array(picture)
        planes = fit(picture, preprocessing, name) if preprocessing else np.ascontiguousarray(np.moveaxis(image, -1, 0))
    except BadImage as error:
        bare = BadImage(error.what, error.where, error.fix)  # its traceback would keep the image's bytes alive
        return Record(header, digest, "", b"", (), (), 0, 0.0, 0.0, bare)
    if pixels is not None:
        pixels[index] = planes
    sums, squares, (low, high) = (each[0].tolist() for each in _statistics(planes[None]))
    small = signatures(images, image[None])[0]
    return Record(header, digest, pixel_digest(image), small, tuple(sums), tuple(squares), planes[0].size, low, high)


def _scan_array(
    images: ArrayImages, preprocessing: Preprocessing | None, advance: Callable[[int], None], keep: bool
) -> ScannedImages:
    """Images that already lie in one array of the right shape: by chunks, without a decoder."""
    array, channels = images.array, images.array.shape[-1]
    shape = (channels if preprocessing is None else preprocessing.channels, *array.shape[1:-1])
    records = Records.empty(len(array), width(images), shape)
    if len(array):
        records.headers[:] = images.header(0)
    chunk = max(1, _ARRAY_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), chunk):
        _scan_part(images, slice(start, min(start + chunk, len(array))), records)
        advance(min(chunk, len(array) - start))
    if preprocessing is None or not keep:
        return ScannedImages(records, None)
    planes = np.moveaxis(array, -1, 1)  # the images' own memory: pixels that are there once need not be there twice
    return ScannedImages(records, planes if shape[0] == channels else np.repeat(planes, shape[0], axis=1))


def _scan_part(images: ArrayImages, where: slice, records: Records) -> None:
    """Fill the ``records`` of the images at ``where``."""
    part = images.array[where]
    planes, grey = np.ascontiguousarray(np.moveaxis(part, -1, 1)), part.shape[-1] == 1
    good = np.ones(len(part), bool)
    if planes.dtype.kind == "f":
        good = np.isfinite(planes).reshape(len(part), -1).all(axis=1)
        planes = planes if good.all() else np.where(good.reshape(-1, *(1,) * (planes.ndim - 1)), planes, 0)
    records.sums[where], records.squares[where], records.extremes[where] = _statistics(planes)  # grey as colour: thrice
    for index, pixels, small in zip(range(where.start, where.stop), part, signatures(images, part), strict=True):
        records.digests[index] = digest = images.digest(index)
        if good[index - where.start]:
            records.pixel_digests[index] = digest if grey else pixel_digest(pixels)
            records.keep_thumbnail(index, small)
        else:
            records.errors[index] = BadImage(not_finite(pixels), images.names[index])


def _same_shape(array: Array, preprocessing: Preprocessing | None) -> bool:
    if preprocessing is None:
        return True
    same = array.shape[1:-1] == preprocessing.size and str(array.dtype) == preprocessing.dtype
    return same and (array.shape[-1] == preprocessing.channels or (array.shape[-1], preprocessing.channels) == (1, 3))


def _statistics(planes: Array) -> tuple[Array, Array, Array]:
    """Of (N, C, H, W): sums and sums of squares per channel, (N, C) each; lowest and highest value, (N, 2).

    Integer sums are exact, so that no order of the images can change mean and std.
    """
    count, channels = planes.shape[:2]
    flat = planes.reshape(count, channels, -1)
    if planes.dtype == np.uint8:
        lines = planes.reshape(count, channels, -1, planes.shape[-1])
        sums = _byte_sums(lines)
        squares = _byte_sums(np.square(lines, dtype=np.uint16))  # 255² fits 16 bits
    elif planes.dtype.kind == "u":
        sums = flat.sum(axis=2, dtype=np.uint64)
        squares = np.square(flat, dtype=np.uint64).sum(axis=2, dtype=np.uint64)
    else:
        values = flat.astype(np.float64)
        sums, squares = values.sum(axis=2), np.einsum("ncp,ncp->nc", values, values)
    extremes = np.stack([flat.min(axis=(1, 2)), flat.max(axis=(1, 2))], axis=1)
    return sums.astype(np.float64), squares.astype(np.float64), extremes.astype(np.float64)


def _byte_sums(lines: Array) -> Array:
    """(N, C, L, W) of at most 255² → exact sums (N, C): along a line 32 bits hold them, which is twice as fast as 64."""
    narrow = np.uint32 if lines.shape[-1] < 2**32 // 255**2 else np.uint64
    sums: Array = lines.sum(axis=3, dtype=narrow).sum(axis=2, dtype=np.uint64)
    return sums
