"""Near copies: one picture saved again, resized, brightened, cut at its edge, mirrored or turned by quarters.

Three steps, none of which compares all pairs: each image's nearest ones by numbers that mirroring and turns leave as they are
(a k-d tree); their thumbnails in all eight ways; and a pair counts where it is either nearly the same, or far nearer than
the images around it are, since digits on a plain ground are near to many and copies of none.

Letters: N images, n of them distinct, K neighbours, P pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from neocog.data.dataset import Form
from neocog.data.survey import Record
from neocog.data.thumbnails import Floats, features, turns, unpacked

Ints = NDArray[np.int64]

NEIGHBOURS = 16  # that each image is compared with
SAME = 0.08  # distance of thumbnails: nearer ones are copies
NEAR = 0.5  # … and farther ones are not
APART = 1 / 3  # in between: of the median distance to the neighbours, for both of a pair
LIGHT = 0.15  # largest difference of brightness and of contrast, as a share
LARGEST = 16  # images of one family, or 1 % of all: what is larger is a film or a drawing, not one picture
_NONE: Ints = np.empty((0, 2), np.int64)
_LOT = 512  # images at once


@dataclass(frozen=True)
class Copies:
    """The near copies among N images. Identical ones, of which each set stands here by one index, are bound by their digest."""

    pairs: Ints  # (P, 2) indices, the smaller first; the nearest pairs first
    families: list[str]  # (N,) one name for all of a family, identical ones too; "" where an image has no copy
    apart: Ints  # (A, 2) the pairs that stand in two families, since one would have grown too large

    @property
    def count(self) -> int:
        """Families."""
        return len(set(self.families) - {""})

    def torn(self, parts: NDArray[np.str_]) -> Ints:
        """(T, 2) the pairs that stand on two sides of a split; ``parts`` (N,) are "" for what is in none."""
        one, other = parts[self.pairs].T
        torn: Ints = self.pairs[(one != other) & (one != "") & (other != "")]
        return torn


def near_copies(records: Sequence[Record], form: Form = "images") -> Copies:
    """Pairs and families: a function of the pixels alone, whatever the images' order and names.

    Volumes are compared as they lie, by their projections; images in all eight ways of mirroring and turning; sequences are
    copies where one is the other's reverse complement.
    """
    first: dict[str, int] = {}
    for index, record in enumerate(records):
        if record.error is None and record.thumbnail:
            first.setdefault(record.pixel_digest, index)
    indices = np.array([first[digest] for digest in sorted(first)], np.int64)  # in the order of content
    if len(indices) < 2:
        return Copies(_NONE, _named(records, {}), _NONE)
    pairs = _pairs([records[i].thumbnail for i in indices.tolist()], form)
    of, apart = _families(pairs, len(indices), max(LARGEST, len(indices) // 100))
    digests = [records[i].pixel_digest for i in indices.tolist()]
    shared = np.flatnonzero(np.bincount(of, minlength=len(of))[of] > 1).tolist()
    families = _named(records, {digests[i]: digests[of[i]] for i in shared})
    return Copies(np.sort(indices[pairs], axis=1), families, np.sort(indices[apart], axis=1))


def copied_from(known: Mapping[str, bytes], new: Mapping[str, bytes], form: Form = "images") -> dict[str, str]:
    """{digest: the nearest digest of ``known``} of what is new and a near copy; both map digests to thumbnails."""
    kept = {**new, **known}
    digests = sorted(kept)
    if not known or len(digests) < 2:
        return {}
    found: dict[str, str] = {}
    for pair in _pairs([kept[digest] for digest in digests], form).tolist():
        one, other = (digests[i] for i in pair)
        if (one in known) != (other in known):
            found.setdefault(*((other, one) if one in known else (one, other)))
    return found


def _named(records: Sequence[Record], joined: Mapping[str, str]) -> list[str]:
    """(N,) the name of each one's family: ``joined`` by its digest, or its digest alone where several have it."""
    times = Counter(record.pixel_digest for record in records if record.error is None)
    return [
        "" if record.error is not None or (times[record.pixel_digest] < 2 and record.pixel_digest not in joined)
        else joined.get(record.pixel_digest, record.pixel_digest)[:16]
        for record in records
    ]  # fmt: skip


def _pairs(thumbnails: Sequence[bytes], form: Form) -> Ints:
    """(P, 2) near copies among n thumbnails, the nearest first; of sequences the two strands of each molecule."""
    if form == "sequences":
        first: dict[bytes, int] = {}
        strands = [(first.setdefault(strand, index), index) for index, strand in enumerate(thumbnails)]
        return np.array([pair for pair in strands if pair[0] != pair[1]], np.int64).reshape(-1, 2)
    ways = turns()[: 8 if form == "images" else 1]
    cells, means, contrasts = unpacked(thumbnails)
    near = _neighbours(features(cells))  # (n, K)
    found = _distances(cells, near, ways)
    around = np.median(found, axis=1)
    copies = found <= np.maximum(SAME, np.minimum(NEAR, APART * np.minimum(around[:, None], around[near])))
    copies &= _as_bright(means, contrasts, near)
    one, at = np.nonzero(copies)
    both = np.sort(np.stack([one, near[one, at]], axis=1), axis=1)[np.argsort(found[one, at], kind="stable")]
    _, where = np.unique(both, axis=0, return_index=True)  # most pairs are found from both sides
    return both[np.sort(where)]


def _neighbours(points: Floats) -> Ints:
    """(n, K) the nearest others of each of n points; not always the very nearest (up to half as far again)."""
    k = min(NEIGHBOURS, len(points) - 1)
    _, found = cKDTree(points).query(points, k=k + 1, eps=0.5)
    own = found == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True  # among so many equal ones that it has not found itself
    others: Ints = found[~own].reshape(len(points), k).astype(np.int64)
    return others


def _distances(cells: Floats, near: Ints, ways: Ints) -> Floats:
    """(n, K) how far the thumbnails of neighbours are apart, in the way of mirroring and turning in which they are nearest."""
    squares = np.einsum("nc,nc->n", cells, cells)
    found = np.empty(near.shape, np.float32)
    for lot in range(0, len(near), _LOT):
        others = near[lot : lot + _LOT]
        turned = cells[lot : lot + _LOT][:, ways]  # (lot, 8, 304)
        products = np.matmul(cells[others], turned.transpose(0, 2, 1)).max(axis=2)
        apart = squares[lot : lot + _LOT, None] + squares[others] - 2 * products
        found[lot : lot + _LOT] = np.sqrt(np.maximum(apart, 0))
    return found


def _as_bright(means: Floats, contrasts: Floats, near: Ints) -> NDArray[np.bool_]:
    """(n, K) whether brightness and contrast agree."""
    mean, contrast = means[:, None], np.maximum(contrasts[:, None], contrasts[near])
    level = np.maximum(np.maximum(np.abs(mean), np.abs(means[near])), contrast)
    alike: NDArray[np.bool_] = np.abs(contrasts[:, None] - contrasts[near]) <= LIGHT * contrast
    alike &= np.abs(mean - means[near]) <= LIGHT * level
    return alike


def _families(pairs: Ints, count: int, most: int) -> tuple[Ints, Ints]:
    """(n,) the lowest member of each one's family, and the pairs (A, 2) left in two.

    The nearest are joined first, and no family grows beyond ``most``.
    """
    of, members = np.arange(count), [[i] for i in range(count)]
    for one, other in pairs.tolist():
        low, high = sorted((int(of[one]), int(of[other])))
        if low == high:
            continue
        if len(members[low]) + len(members[high]) > most:
            continue
        of[members[high]] = low
        members[low] += members[high]
        members[high] = []
    return of, pairs[of[pairs[:, 0]] != of[pairs[:, 1]]]
