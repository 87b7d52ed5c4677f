"""The one pass over all images: every file decoded whole and once, its hash, statistics and faults kept as one record.

Letters: N images, H × W pixels (of volumes D × H × W), C channels.
Memory: a record an image, and the fitted pixels where they are wanted.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import prod

import numpy as np

from neocog.data.dataset import Array, ArrayImages, BadImage, Header, Images, pixel_digest
from neocog.data.fit import fit
from neocog.data.images import FileImages, decode_bytes
from neocog.data.preprocessing import Preprocessing
from neocog.data.signatures import signatures

_CHUNK = 8  # images a job of a thread
_ARRAY_BYTES = 1 << 24  # of an array's images taken at once


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one image. Sums, squares, low and high are of the fitted pixels where a preprocessing is given."""

    header: Header | None  # None where the file cannot be decoded
    digest: str  # SHA-256 (hex) of the stored bytes; "" where they cannot be read
    pixel_digest: str  # SHA-256 (hex) of the decoded pixels: the same however they are stored
    thumbnail: bytes  # b"" of a plain image; see ``signatures``
    channel_sum: tuple[float, ...]  # (C,) over the pixels
    channel_square: tuple[float, ...]  # (C,) of the squares
    pixels: int  # H × W (× D) behind the sums
    low: float
    high: float
    error: BadImage | None = None


@dataclass(frozen=True)
class Survey:
    """One record an image, and the fitted pixels (N, C, H, W), to be read only: zeros where an image has an error.

    Where nothing is to be fitted they are a view of the images' own array, in whatever order this has its axes.
    """

    records: list[Record]
    pixels: Array | None


def survey(
    images: Images,
    preprocessing: Preprocessing | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
    keep: bool = True,
) -> Survey:
    """Decode all images, in ``workers`` threads (default: one a core), collecting every error.

    ``progress`` is called with the count of images just done. With a ``preprocessing`` and ``keep`` the fitted pixels
    are returned, so that nothing need be decoded twice; without, memory grows by a record an image only.
    """
    advance = progress or (lambda _count: None)
    if isinstance(images, ArrayImages) and _same_shape(images.array, preprocessing):
        return _survey_array(images, preprocessing, advance, keep)
    pixels = None
    if preprocessing is not None and keep:
        pixels = np.zeros((len(images), preprocessing.channels, *preprocessing.size), dtype=preprocessing.dtype)

    def examine_chunk(start: int) -> list[Record]:
        stop = min(start + _CHUNK, len(images))
        return [_examine(images, index, preprocessing, pixels) for index in range(start, stop)]

    records: list[Record] = []
    starts = iter(range(0, len(images), _CHUNK))
    threads = workers or _cores()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="survey")
    try:
        # Few chunks are under way at any time, so that results cannot pile up.
        for done in _in_order(pool, examine_chunk, starts, 2 * threads):
            records += done
            advance(len(done))
    finally:  # on Ctrl-C too: what has not begun is dropped
        pool.shutdown(wait=True, cancel_futures=True)
    return Survey(records, pixels)


def _examine(images: Images, index: int, preprocessing: Preprocessing | None, pixels: Array | None) -> Record:
    """One image's record; its fitted pixels go to ``pixels[index]``."""
    header, digest = None, ""
    try:
        if isinstance(images, FileImages):
            data = images.stored(index)  # read once: the hash is of the bytes that are decoded
            digest = hashlib.sha256(data).hexdigest()
            image, header = decode_bytes(data, images.decoding, images.files[index])
            name = images.files[index]
        else:
            digest, header = images.digest(index), images.header(index)
            image = images.read(index)
            name = images.names[index] if isinstance(images, ArrayImages) else str(index)
        planes = fit(image, preprocessing, name) if preprocessing else np.ascontiguousarray(np.moveaxis(image, -1, 0))
    except BadImage as error:
        return Record(header, digest, "", b"", (), (), 0, 0.0, 0.0, _bare(error))
    if pixels is not None:
        pixels[index] = planes
    sums, squares, lows, highs = _statistics(planes[None])
    small = signatures(images, image[None])[0]
    return Record(header, digest, pixel_digest(image), small, sums[0], squares[0], planes[0].size, lows[0], highs[0])


def _survey_array(
    images: ArrayImages, preprocessing: Preprocessing | None, advance: Callable[[int], None], keep: bool
) -> Survey:
    """Images that already lie in one array of the right shape: by chunks, without a decoder."""
    array, records = images.array, list[Record]()
    count, area, channels = len(array), prod(array.shape[1:-1]), array.shape[-1]
    fitted = channels if preprocessing is None else preprocessing.channels
    chunk = max(1, _ARRAY_BYTES // max(1, area * channels * array.itemsize))
    header = images.header(0) if count else None
    for start in range(0, count, chunk):
        part = array[start : start + chunk]
        planes = np.ascontiguousarray(np.moveaxis(part, -1, 1))
        good = (
            np.isfinite(planes).reshape(len(part), -1).all(axis=1)
            if planes.dtype.kind == "f"
            else np.ones(len(part), bool)
        )
        statistics = _statistics(
            planes if good.all() else np.where(good.reshape(-1, *(1,) * (planes.ndim - 1)), planes, 0)
        )
        small = signatures(images, part)
        for at, (sums, squares, low, high) in enumerate(zip(*statistics, strict=True)):
            index = start + at
            digest = images.digest(index)
            if good[at]:
                copies = fitted // channels  # grey is repeated as colour
                same = digest if channels == 1 else pixel_digest(part[at])
                record = Record(header, digest, same, small[at], sums * copies, squares * copies, area, low, high)
            else:
                record = Record(header, digest, "", b"", (), (), 0, 0.0, 0.0, _fault(images, index))
            records.append(record)
        advance(len(part))
    if preprocessing is None or not keep:
        return Survey(records, None)
    planes = np.moveaxis(array, -1, 1)  # the images' own memory: pixels that are there once need not be there twice
    return Survey(records, planes if fitted == channels else np.repeat(planes, fitted, axis=1))


def _same_shape(array: Array, preprocessing: Preprocessing | None) -> bool:
    if preprocessing is None:
        return True
    same = array.shape[1:-1] == preprocessing.size and str(array.dtype) == preprocessing.dtype
    return same and (array.shape[-1] == preprocessing.channels or (array.shape[-1], preprocessing.channels) == (1, 3))


def _fault(images: Images, index: int) -> BadImage | None:
    try:
        images.read(index)
    except BadImage as error:
        return _bare(error)
    return None


def _bare(error: BadImage) -> BadImage:
    """Without its traceback, which would keep the image's bytes alive as long as its record."""
    return BadImage(error.what, error.where, error.fix)


def _statistics(
    planes: Array,
) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]], list[float], list[float]]:
    """Of (N, C, H, W): sums and sums of squares per channel, lowest and highest value per image.

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
    lows, highs = flat.min(axis=(1, 2)), flat.max(axis=(1, 2))
    return (
        [tuple(map(float, row)) for row in sums.tolist()],
        [tuple(map(float, row)) for row in squares.tolist()],
        lows.astype(float).tolist(),
        highs.astype(float).tolist(),
    )


def _byte_sums(lines: Array) -> Array:
    """(N, C, L, W) of at most 255² → exact sums (N, C): along a line 32 bits hold them, which is twice as fast as 64."""
    narrow = np.uint32 if lines.shape[-1] < 2**32 // 255**2 else np.uint64
    sums: Array = lines.sum(axis=3, dtype=narrow).sum(axis=2, dtype=np.uint64)
    return sums


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], list[Record]], starts: Iterator[int], most: int
) -> Iterator[list[Record]]:
    """Results in order; at most ``most`` jobs are under way. A worker's exception is raised here."""
    pending: deque[Future[list[Record]]] = deque(pool.submit(work, start) for start in islice(starts, most))
    while pending:
        done = pending.popleft().result()
        pending.extend(pool.submit(work, start) for start in islice(starts, 1))
        yield done


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
