"""Sizes and shapes that do not go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import count
from neocog.records import Finding

ELONGATED = 2.0  # times the median's ratio of width to height
SMALL = 4.0  # times smaller than the median


def mixed_sizes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """More than one size: all will be brought to one."""
    sizes = Counter[tuple[int, int]]()
    for header, times in records.headers.take(records.described).times().items():
        sizes[header.height, header.width] += times
    if len(sizes) > 1:
        by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
        (least_h, least_w), (most_h, most_w) = by_area[0], by_area[-1]
        (common, times), *_ = sizes.most_common(1)
        what = f"{count(len(sizes), 'image size')} (height × width): {least_h} × {least_w} to {most_h} × {most_w}"
        what += f", most often {common[0]} × {common[1]} ({times:,})"
        one = "all are brought to one size; choose it with --size, and how with --fit"
        yield Finding("note", what, advice="each keeps its own" if dataset.learned == "pairs" else one)


def elongated(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Images of quite another shape than the rest: strips, panoramas, turned scans."""
    shapes, where = _shapes(records)
    ratio = np.log2(shapes[:, 1] / shapes[:, 0])
    odd = where[np.abs(ratio - np.median(ratio)) > np.log2(ELONGATED)] if len(where) else where
    if len(odd):
        middle = 2 ** np.median(ratio)
        what = f"{count(odd, 'image')} of an unusual shape: width : height more than {ELONGATED:g} times "
        what += f"above or below the usual {middle:.2f}"
        advice = "see whether they are cut or scanned otherwise; --fit pad keeps their proportions"
        yield Finding("warning", what, tuple(dataset.names[i] for i in odd.tolist()), advice)


def small(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Images much smaller than the rest: thumbnails among photographs."""
    shapes, where = _shapes(records)
    side = np.sqrt(shapes.prod(axis=1))
    odd = where[side * SMALL < np.median(side)] if len(where) else where
    if len(odd):
        what = (
            f"{count(odd, 'image')} more than {SMALL:g} times smaller than usual ({np.median(side):.0f} pixels a side)"
        )
        advice = "they will be enlarged and blurred: see whether they are thumbnails"
        yield Finding("warning", what, tuple(dataset.names[i] for i in odd.tolist()), advice)


def _shapes(records: Records) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Height and width (n, 2) of the readable images, and their indices (n,)."""
    where = np.flatnonzero(records.described)
    return records.headers.sizes[where, 1:].astype(np.float64), where
