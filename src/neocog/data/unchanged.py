"""Files that were seen once and are read again: held against what was recorded, so that nothing else is learned or evaluated.

The bytes are hashed as they are read, which costs a few hundredths of decoding them; a file is never read twice for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array, Dataset
from neocog.errors import Changed

if TYPE_CHECKING:
    from neocog.data.split import Manifest


def unchanged(found: str, recorded: Sequence[str] | None, index: int, name: str) -> None:
    """Raise Changed where sample ``index`` has another hash than the ``recorded`` one ("", or no record: not compared)."""
    if recorded is not None and recorded[index] and recorded[index] != found:
        what = "the file has changed since it was first read: its samples would be learned or evaluated as others"
        raise Changed(what, name, "another run may learn the data as they are; for this one restore the file")


def held_to(
    dataset: Dataset, images: Sequence[str], masks: Sequence[str] | None = None, pairs: Sequence[str] | None = None
) -> Dataset:
    """``dataset`` whose files are read only while they are what was recorded: (N,) SHA-256 of the stored bytes of each image and
    of the image wanted of it, ``mask_digest`` of each mask. What is in memory, which nothing can overwrite, stays as it is."""
    held = {"images": images, "masks": masks, "pairs": pairs}
    return replace(dataset, **{name: _held(getattr(dataset, name), recorded) for name, recorded in held.items()})


def held_to_record(dataset: Dataset, recorded: Manifest) -> Dataset:
    """``dataset`` whose files are read only while they are what a splits.csv has of them; what it does not name is not held."""
    row = {name: index for index, name in enumerate(recorded.names)}
    rows = [row.get(name) for name in dataset.names]
    images, labels = (
        ["" if row is None else column[row] for row in rows] for column in (recorded.digests, recorded.labels)
    )
    return held_to(dataset, images, labels, labels)


def altered(dataset: Dataset, recorded: Manifest, positions: NDArray[np.int64]) -> list[str]:
    """Names of the samples at ``positions`` whose stored bytes are not those that a splits.csv has of them."""
    known = dict(zip(recorded.names, recorded.digests, strict=True))
    names = ((int(index), dataset.names[index]) for index in positions)
    return [name for index, name in names if known.get(name) and known[name] != dataset.images.digest(index)]


def _held(files: Any, recorded: Sequence[str] | None) -> Any:
    """Images or masks whose files, or those they are made of, are held against their hashes."""
    if recorded is None or files is None:
        return files
    if hasattr(files, "source"):
        return replace(files, source=_held(files.source, recorded))
    return replace(files, recorded=recorded) if hasattr(files, "recorded") else files


def mask_digest(mask: Array) -> str:
    """SHA-256 of a mask's size and classes, however the file packs them."""
    return hashlib.sha256(f"{mask.shape} ".encode() + np.ascontiguousarray(mask, np.uint8).tobytes()).hexdigest()
