"""Which mask is of which image: files below pairs of folders whose paths are the same but for suffixes. As columns, since there
may be millions: a name is a piece of one text, what it is matched by is a row of an array that is sorted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.digests import distinct
from neocog.data.names import Keys, Names
from neocog.data.readers.folders import entries, is_image
from neocog.errors import UserError, listed, printable, raise_all

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """N images and the mask of each, relative to the root."""

    images: Names
    masks: Names
    splits: NDArray[np.str_]  # (N,) "train", "validation", "test" or ""

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def together(cls, parts: Sequence[Pairs]) -> Pairs:
        """Those of several folders, one after the other."""
        if len(parts) == 1:
            return parts[0]
        images, masks = (Names(chain.from_iterable(getattr(part, of) for part in parts)) for of in ("images", "masks"))
        return cls(images, masks, np.concatenate([part.splits for part in parts]) if parts else np.empty(0, "U1"))


def images_below(root: Path, folder: str) -> Names:
    """The image files below a folder, in one order on every machine. Raises UserError where a folder is closed."""
    problems: list[UserError] = []
    found = Names(path for path, entry in entries(root, folder, problems) if is_image(entry.name))
    raise_all(problems)
    return found


def refuse_twins(names: Sequence[str], keys: Keys, what: str) -> None:
    """Raises UserError where two names have one key: a.jpg and a.png."""
    first, which = distinct(keys)
    twins = np.flatnonzero(first[which] != np.arange(len(which))).tolist()
    if twins:
        pairs = [f"{names[first[which[i]]]} and {names[i]}" for i in twins]
        raise UserError(f"{len(pairs)} {what} of one name", listed(map(printable, pairs), 5), "keep one of them")


def places(wanted: Keys, keys: Keys) -> Ints:
    """(W,) where each of the ``wanted`` stands among different ``keys``; −1: nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys)
    at = order[np.searchsorted(keys, wanted, sorter=order).clip(max=len(keys) - 1)]
    found: Ints = np.where(keys[at] == wanted, at, -1)
    return found


def paired(images: Names, masks: Names, of: Ints, split: str = "") -> tuple[Pairs, list[str], list[str]]:
    """(pairs, images without a mask, masks without an image). ``of`` (I,): each image's mask, −1 where it has none."""
    held = np.flatnonzero(of >= 0)
    unpaired = np.ones(len(masks), bool)
    unpaired[of[held]] = False
    pairs = Pairs(images.take(held), masks.take(of[held]), np.full(len(held), split))
    without = [images[i] for i in np.flatnonzero(of < 0).tolist()]
    return pairs, without, [masks[i] for i in np.flatnonzero(unpaired).tolist()]
