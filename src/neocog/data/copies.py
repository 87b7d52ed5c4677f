"""Near copies: one picture saved again, resized, brightened, cut at its edge, mirrored or turned by quarters.

Three steps, none of which compares all pairs: each image's nearest ones by numbers that mirroring and turns leave as they are
(a k-d tree); their thumbnails in all eight ways; and a pair counts where it is either nearly the same, or far nearer than
the images around it are, since digits on a plain ground are near to many and copies of none.

Letters: N images, n of them distinct, K neighbours, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array, Form
from neocog.data.digests import Digests, distinct, keys, known
from neocog.data.records import Record, Records
from neocog.data.spooled import spooled
from neocog.data.thumbnails import CELLS, FEATURES, Floats, features, turns, unpacked

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
    families: Sequence[str]  # (N,) one name for all of a family, identical ones too; "" where an image has no copy
    apart: Ints  # (A, 2) the pairs that stand in two families, since one would have grown too large

    @property
    def count(self) -> int:
        """Families."""
        return len(np.unique(keys(self.families)[known(self.families)]))

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
    records = Records.of(records)
    shown = np.flatnonzero(records.good & records.has_thumbnail)
    indices = shown[distinct(records.pixel_digests.take(shown))[0]]  # in the order of content
    pairs = _pairs(records.thumbnails, indices, form) if len(indices) > 1 else _NONE
    of, apart = _families(pairs, len(indices), max(LARGEST, len(indices) // 100))
    return Copies(np.sort(indices[pairs], axis=1), _named(records, indices, of), np.sort(indices[apart], axis=1))


def copied_from(known: Mapping[str, bytes], new: Mapping[str, bytes], form: Form = "images") -> dict[str, str]:
    """{digest: the nearest digest of ``known``} of what is new and a near copy; both map digests to thumbnails."""
    kept = {**new, **known}
    digests = sorted(kept)
    if not known or len(digests) < 2:
        return {}
    found: dict[str, str] = {}
    signatures = np.frombuffer(b"".join(kept[digest] for digest in digests), np.uint8).reshape(len(digests), -1)
    for pair in _pairs(signatures, np.arange(len(digests)), form).tolist():
        one, other = (digests[i] for i in pair)
        if (one in known) != (other in known):
            found.setdefault(*((other, one) if one in known else (one, other)))
    return found


def _named(records: Records, indices: Ints, of: Ints) -> Digests:
    """(N,) the name of each one's family: the start of its lowest member's digest. ``of`` (n,): that one of each of ``indices``."""
    good = np.flatnonzero(records.good & known(records.pixel_digests))
    first, which = distinct(records.pixel_digests.take(good))
    place, lowest, bound = which[np.searchsorted(good, indices)], np.arange(len(first)), np.bincount(which) > 1
    lowest[place] = place[of]
    bound[place] |= np.bincount(of, minlength=len(of))[of] > 1
    families, named = Digests.empty(len(records), 8), bound[which]
    families.stored[good[named]] = records.pixel_digests.stored[good[first[lowest[which[named]]]], :8]
    return families


def _pairs(signatures: Array, indices: Ints, form: Form) -> Ints:
    """(P, 2) near copies among n of the ``signatures``, the nearest first; of sequences the two strands of each molecule."""
    if form == "sequences":
        first, which = distinct(Digests(signatures[indices]))
        pairs = np.stack([first[which], np.arange(len(indices))], axis=1)
        return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]], np.int64)
    ways = turns()[: 8 if form == "images" else 1]
    cells, points = spooled((len(indices), CELLS), np.float32), spooled((len(indices), FEATURES), np.float64)
    means, contrasts = np.empty((2, len(indices)), np.float32)
    for lot in _lots(len(indices), _LOT):
        cells[lot], means[lot], contrasts[lot] = unpacked(signatures[indices[lot]])
        points[lot] = features(cells[lot])
    near = _neighbours(points)  # (n, K)
    found = _distances(cells, near, ways)
    around = np.concatenate([np.median(found[lot], axis=1) for lot in _lots(len(near), _LOT)])
    near_ones = []
    for lot in _lots(len(near), _LOT):
        least = np.minimum(around[lot, None], around[near[lot]])
        copies = found[lot] <= np.maximum(SAME, np.minimum(NEAR, APART * least))
        one, at = np.nonzero(copies & _as_bright(means, contrasts, lot, near[lot]))
        near_ones.append(lot.start * near.shape[1] + one * near.shape[1] + at)
    one, at = np.divmod(np.concatenate(near_ones), near.shape[1])
    both = np.sort(np.stack([one, near[one, at]], axis=1), axis=1)[np.argsort(found[one, at], kind="stable")]
    _, where = np.unique(both, axis=0, return_index=True)  # most pairs are found from both sides
    return both[np.sort(where)]


def _lots(count: int, size: int) -> Iterator[slice]:
    """0 … ``count`` in chunks."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _neighbours(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """(n, K) the nearest others of each of n points; not always the very nearest (up to half as far again)."""
    from scipy.spatial import cKDTree  # only here: the studio and predict read data without it

    k, tree = min(NEIGHBOURS, len(points) - 1), cKDTree(points)
    others = spooled((len(points), k), np.int32)
    for lot in _lots(len(points), _LOT):
        _, found = tree.query(points[lot], k=k + 1, eps=0.5)
        own = found == np.arange(lot.start, lot.start + len(found))[:, None]
        own[~own.any(axis=1), -1] = True  # among so many equal ones that it has not found itself
        others[lot] = found[~own].reshape(-1, k)
    return others


def _distances(cells: Floats, near: NDArray[np.int32], ways: Ints) -> Floats:
    """(n, K) how far the thumbnails of neighbours are apart, in the way of mirroring and turning in which they are nearest."""
    squares = np.einsum("nc,nc->n", cells, cells)
    found = spooled(near.shape, np.float32)
    for lot in _lots(len(near), _LOT):
        others = near[lot]
        turned = cells[lot][:, ways]  # (lot, 8, 304)
        products = np.matmul(cells[others], turned.transpose(0, 2, 1)).max(axis=2)
        apart = squares[lot, None] + squares[others] - 2 * products
        found[lot] = np.sqrt(np.maximum(apart, 0))
    return found


def _as_bright(means: Floats, contrasts: Floats, lot: slice, near: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(lot, K) whether brightness and contrast of those in the ``lot`` and of their neighbours agree."""
    mean, contrast = means[lot, None], np.maximum(contrasts[lot, None], contrasts[near])
    level = np.maximum(np.maximum(np.abs(mean), np.abs(means[near])), contrast)
    alike: NDArray[np.bool_] = np.abs(contrasts[lot, None] - contrasts[near]) <= LIGHT * contrast
    alike &= np.abs(mean - means[near]) <= LIGHT * level
    return alike


def _families(pairs: Ints, count: int, most: int) -> tuple[Ints, Ints]:
    """(n,) the lowest member of each one's family, and the pairs (A, 2) left in two.

    The nearest are joined first, and no family grows beyond ``most``.
    """
    of, members = np.arange(count), dict[int, list[int]]()
    for one, other in pairs.tolist():
        low, high = sorted((int(of[one]), int(of[other])))
        if low == high:
            continue
        joined = members.get(low, [low]) + members.get(high, [high])
        if len(joined) <= most:
            of[joined], members[low] = low, joined
    return of, pairs[of[pairs[:, 0]] != of[pairs[:, 1]]]
