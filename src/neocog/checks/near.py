"""Nearly identical images: one picture re-saved, resized or slightly denoised, found without comparing all pairs.

Three steps: difference hashes that differ in few bits, at nearly the same mean and contrast; the hashes are searched by
bands (of r + 1 bands, one is equal where at most r bits differ; Manku, Jain & Das Sarma 2007); and every pair that is
left is confirmed on thumbnails, since digits or nuclei on a plain ground have like hashes and are no copies.

Letters: n distinct images, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from neocog.checks.duplicates import across
from neocog.checks.words import count
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.slices import flat
from neocog.data.survey import Record
from neocog.run import Finding

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BITS = 3  # of 64, most that differ: 99 of 100 photographs re-saved at JPEG quality 30 to 90 or at half size stay below
PAIRS = 1  # an image, on average: beyond that a hash does not tell these images apart, and fewer bits may differ
NEIGHBOURS = 50  # images of like hash and mean that each is compared with; a film of like frames stays affordable
MEAN = 1 / 255  # of the range of values, for the image and for each channel
CONTRAST = 0.08  # of the standard deviation
SIDE = 16  # pixels of the thumbnails
RESIDUAL = 0.08  # ‖a − b‖ ÷ the larger of ‖a‖, ‖b‖, their own means taken off


def near_duplicates(dataset: Dataset, records: Sequence[Record]) -> Iterator[Finding]:
    """Pairs that are nearly the same: across a given split, in two classes, or just there. Exact copies are told elsewhere."""
    pairs = near_pairs(dataset, records)
    labels = dataset.labels.tolist()
    splits = [""] * len(dataset) if dataset.splits is None else dataset.splits.tolist()
    for sides, leaks in across(splits, pairs).items():
        what = f"the given split may leak: {count(leaks, 'pair')} of nearly identical {dataset.form} in {' and '.join(sides)}"
        yield Finding(
            "warning", what, _names(dataset, leaks), "look at the pairs; remove one of each that shows the same"
        )
    other = [pair for pair in pairs if labels[pair[0]] != labels[pair[1]]]
    if other:
        what = f"{count(other, 'pair')} of nearly identical {dataset.form} with different labels"
        yield Finding(
            "warning", what, _names(dataset, other), "look at the pairs: at most one label of each can be right"
        )
    rest = [(i, j) for i, j in pairs if labels[i] == labels[j] and splits[i] == splits[j]]
    if rest:
        what = f"{count(rest, 'pair')} of nearly identical {dataset.form} in one class"
        advice = "if they show the same thing, give them one group, so that no split tears them apart"
        yield Finding("note", what, _names(dataset, rest), advice)


def near_pairs(dataset: Dataset, records: Sequence[Record]) -> list[tuple[int, int]]:
    """Pairs of indices, i < j, of images that are nearly but not exactly the same; one index stands for exact copies."""
    first: dict[str, int] = {}
    for i, record in enumerate(records):
        if record.error is None and record.high > record.low:
            first.setdefault(record.digest, i)
    indices = np.array(sorted(first.values()), np.int64)
    if len(indices) < 2:
        return []
    chosen = [records[i] for i in indices.tolist()]
    hashes = np.array([record.dhash for record in chosen], np.uint64)
    return _confirmed(dataset, indices[_candidates(hashes, *_statistics(chosen))])


def _statistics(records: Sequence[Record]) -> tuple[Floats, Floats]:
    """Mean of each channel (n, C), grey repeated, and contrast (n,): standard deviations, in units of the range of values."""
    most = max(len(record.channel_sum) for record in records)
    pixels = np.array([record.pixels for record in records], float)[:, None]
    repeats = [most - len(record.channel_sum) + 1 for record in records]  # of the first channel
    means = (
        np.array([r.channel_sum[:1] * n + r.channel_sum[1:] for r, n in zip(records, repeats, strict=True)]) / pixels
    )
    squares = np.array([r.channel_square[:1] * n + r.channel_square[1:] for r, n in zip(records, repeats, strict=True)])
    variances = np.maximum(squares / pixels - means**2, 0)
    kinds = [record.header.dtype if record.header is not None else "" for record in records]
    ranges = {"uint8": 255.0}
    for kind in set(kinds) - {"uint8"}:
        same = [record for record, other in zip(records, kinds, strict=True) if other == kind]
        ranges[kind] = max(record.high for record in same) - min(record.low for record in same)
    scale = np.array([ranges[kind] for kind in kinds])[:, None]
    return means / scale, np.sqrt(variances.sum(axis=1)) / scale[:, 0]


def _candidates(hashes: NDArray[np.uint64], means: Floats, contrasts: Floats) -> Ints:
    """(P, 2) pairs whose hashes differ in at most ``BITS`` bits, or fewer where that gives too many."""
    bits = (hashes[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)  # (n, 64)
    ones = bits.mean(axis=0)
    telling = np.argsort(-ones * (1 - ones), kind="stable")  # bits dealt out to the bands, the most telling first
    found = np.empty((0, 2), np.int64)
    for most in range(BITS + 1):
        wider = [_in_band(bits[:, telling[k :: most + 1]], hashes, means, contrasts, most) for k in range(most + 1)]
        pairs = np.unique(np.concatenate(wider), axis=0)
        if most and len(pairs) > PAIRS * len(hashes):
            break
        found = pairs
    return found


def _in_band(bits: NDArray[np.uint64], hashes: NDArray[np.uint64], means: Floats, contrasts: Floats, most: int) -> Ints:
    """(P, 2) near pairs among the images that agree in all these ``bits`` (n, b)."""
    band, grey = (bits << np.arange(bits.shape[1], dtype=np.uint64)).sum(axis=1), means.mean(axis=1)
    order = np.lexsort((grey, band))
    band, grey = band[order], grey[order]
    here, found = np.arange(len(order)), [np.empty((0, 2), np.int64)]
    for shift in range(1, NEIGHBOURS + 1):  # each with the next one, the one after … as long as band and mean agree
        here = here[here + shift < len(order)]
        here = here[(band[here] == band[here + shift]) & (grey[here + shift] - grey[here] <= MEAN)]
        one, other = order[here], order[here + shift]
        alike = np.bitwise_count(hashes[one] ^ hashes[other]) <= most
        alike &= np.abs(contrasts[one] - contrasts[other]) <= CONTRAST * contrasts[other]
        alike &= (np.abs(means[one] - means[other]) <= MEAN).all(axis=1)
        found.append(np.stack([one[alike], other[alike]], axis=1))
    return np.sort(np.concatenate(found), axis=1)


def _confirmed(dataset: Dataset, pairs: Ints) -> list[tuple[int, int]]:
    """The pairs whose thumbnails agree too."""
    needed, at = np.unique(pairs, return_inverse=True)
    if not len(needed):
        return []
    with ThreadPoolExecutor() as pool:  # in lots, since a thread for one small image costs more than the image
        lots = np.array_split(needed, 1 + len(needed) // 64)
        drawn = pool.map(lambda lot: np.stack([_thumbnail(dataset, i) for i in lot.tolist()]), lots)
        thumbnails = np.concatenate(list(drawn))  # (images, SIDE²)
    sizes = np.linalg.norm(thumbnails, axis=1)
    good: list[tuple[int, int]] = []
    for start in range(0, len(pairs), 1 << 14):  # so many pairs at once that the differences stay small
        one, other = at.reshape(pairs.shape)[start : start + (1 << 14)].T
        residual = np.linalg.norm(thumbnails[one] - thumbnails[other], axis=1)
        near = residual < RESIDUAL * np.maximum(sizes[one], sizes[other])
        good += [(i, j) for i, j in pairs[start : start + (1 << 14)][near].tolist()]
    return good


def _thumbnail(dataset: Dataset, index: int) -> Array:
    """(SIDE²,) float32 cells of the image in grey, their mean taken off; NaN, near to nothing, if it has become unreadable."""
    try:
        image = flat(dataset.images.read(index))
    except BadImage:
        return np.full(SIDE * SIDE, np.nan, np.float32)
    rows, columns = (np.arange(SIDE + 1) * length // SIDE for length in image.shape[:2])
    bands = np.add.reduceat(image, rows[:-1], axis=0, dtype=np.float32)  # (SIDE, W, C)
    cells = np.add.reduceat(bands, columns[:-1], axis=1).mean(axis=2)  # (SIDE, SIDE)
    cells /= np.maximum(np.outer(np.diff(rows), np.diff(columns)), 1)
    grey: Array = (cells - cells.mean()).ravel()
    return grey


def _names(dataset: Dataset, pairs: Sequence[Sequence[int]]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for pair in pairs for i in pair)
