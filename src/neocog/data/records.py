"""What the one pass over all images keeps of each: columns, since ten million Python objects would take 24 GB.

Letters: N images, C channels, W bytes of a thumbnail. What only few images have, an error, stands in a dictionary; thumbnails,
which are large and seldom read, in a temporary file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.digests import Digests
from neocog.data.spooled import spooled


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


class Headers(Sequence[Header | None]):
    """N headers: the sizes as an array, everything else once for all images that share it."""

    def __init__(self, count: int) -> None:
        self.sizes = np.zeros((count, 3), np.int32)  # depth (0: an image), height, width
        self.kinds = np.full(count, -1, np.int32)  # index into ``known``; −1: no header
        self.known: list[Header] = []  # without their sizes
        self._index: dict[Header, int] = {}

    @classmethod
    def of(cls, headers: Sequence[Header | None]) -> Headers:
        """``headers`` themselves where they are columns already."""
        if isinstance(headers, Headers):
            return headers
        found = cls(len(headers))
        for index, header in enumerate(headers):
            found[index] = header
        return found

    @property
    def there(self) -> NDArray[np.bool_]:
        """(N,) whether there is a header."""
        return self.kinds >= 0

    @property
    def sides(self) -> NDArray[np.int32]:
        """(N, 2) heights and widths, of volumes (N, 3) with the depths before them."""
        return self.sizes if self.sizes[:, 0].any() else self.sizes[:, 1:]

    def take(self, indices: Array) -> Headers:
        """Those at the ``indices``, or where a mask is true."""
        found = Headers(0)
        found.sizes, found.kinds, found.known = self.sizes[indices], self.kinds[indices], self.known
        return found

    def times(self) -> dict[Header, int]:
        """How often each header occurs, in the order in which they occur first."""
        rows = np.column_stack([self.sizes, self.kinds])[self.there]
        _, first, times = np.unique(rows, axis=0, return_index=True, return_counts=True)
        where = np.flatnonzero(self.there)[first]
        return {self[where[i]]: int(times[i]) for i in np.argsort(first).tolist()}

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if self.kinds[index] < 0:
            return None
        depth, height, width = self.sizes[index].tolist()
        return replace(self.known[self.kinds[index]], depth=depth, height=height, width=width)

    def __setitem__(self, index: int | slice, header: Header | None) -> None:
        if header is None:
            self.kinds[index] = -1
            return
        kind = replace(header, depth=0, height=0, width=0)
        if kind not in self._index:
            self._index[kind] = len(self.known)
            self.known.append(kind)
        self.kinds[index] = self._index[kind]
        self.sizes[index] = header.depth, header.height, header.width


@dataclass(eq=False)
class Records(Sequence[Record]):
    """N records as columns; an item is made when it is asked for, so look at columns where all images are looked at."""

    headers: Headers
    digests: Digests
    pixel_digests: Digests
    thumbnails: Array  # (N, W) uint8
    has_thumbnail: NDArray[np.bool_]  # (N,)
    sums: NDArray[np.float64]  # (N, C) of the channels; C is the most that an image has
    squares: NDArray[np.float64]  # (N, C)
    extremes: NDArray[np.float32]  # (N, 2) lowest and highest value
    errors: dict[int, BadImage]  # of the few that have one
    fitted: tuple[int, ...] = ()  # (C, H, W) of the pixels behind the sums; () where each image has its own

    @classmethod
    def empty(cls, count: int, width: int, fitted: tuple[int, ...] = ()) -> Records:
        """Room for ``count`` records with thumbnails of ``width`` bytes."""
        channels = fitted[0] if fitted else 1
        return cls(
            headers=Headers(count),
            digests=Digests.empty(count),
            pixel_digests=Digests.empty(count),
            thumbnails=spooled((count, width), np.uint8),
            has_thumbnail=np.zeros(count, np.bool_),
            sums=np.zeros((count, channels)),
            squares=np.zeros((count, channels)),
            extremes=np.zeros((count, 2), np.float32),
            errors={},
            fitted=fitted,
        )

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """``records`` themselves where they are columns already."""
        if isinstance(records, Records):
            return records
        found = cls.empty(len(records), max((len(record.thumbnail) for record in records), default=0))
        for index, record in enumerate(records):
            found[index] = record
        return found

    @property
    def good(self) -> NDArray[np.bool_]:
        """(N,) False where an image has an error."""
        good = np.ones(len(self), np.bool_)
        good[list(self.errors)] = False
        return good

    @property
    def described(self) -> NDArray[np.bool_]:
        """(N,) whether an image has a header and no error."""
        return self.good & self.headers.there

    def with_errors(self, errors: dict[int, BadImage]) -> Records:
        """The same columns with other errors."""
        return replace(self, errors=errors)

    def keep_thumbnail(self, index: int, thumbnail: bytes) -> None:
        """b"": there is none."""
        self.has_thumbnail[index] = bool(thumbnail)
        if thumbnail:
            self.thumbnails[index] = np.frombuffer(thumbnail, np.uint8)

    def widen(self, channels: int) -> None:
        """Room for the sums of so many channels."""
        more = channels - self.sums.shape[1]
        if more > 0:
            self.sums, self.squares = (np.pad(each, ((0, 0), (0, more))) for each in (self.sums, self.squares))

    def __len__(self) -> int:
        return len(self.digests)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        header, error = self.headers[index], self.errors.get(index)
        shape = (
            () if header is None or not self.pixel_digests[index] else self.fitted or (header.channels, *header.size)
        )
        channels = shape[0] if shape else 0
        low, high = self.extremes[index].tolist()
        return Record(
            header,
            self.digests[index],
            self.pixel_digests[index],
            self.thumbnails[index].tobytes() if self.has_thumbnail[index] else b"",
            tuple(self.sums[index, :channels].tolist()),
            tuple(self.squares[index, :channels].tolist()),
            prod(shape[1:]) if shape else 0,
            low,
            high,
            error,
        )

    def __setitem__(self, index: int, record: Record) -> None:
        self.widen(channels := len(record.channel_sum))
        self.headers[index] = record.header
        self.digests[index], self.pixel_digests[index] = record.digest, record.pixel_digest
        self.keep_thumbnail(index, record.thumbnail)
        self.sums[index, :channels], self.squares[index, :channels] = record.channel_sum, record.channel_square
        self.extremes[index] = record.low, record.high
        if record.error is not None:
            self.errors[index] = record.error

    def __iter__(self) -> Iterator[Record]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(Record.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # it can be changed
