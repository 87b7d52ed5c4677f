"""Whether other data are what a run learned from: the same samples, near copies of them, or samples of the same groups.

A run records its samples' digests and groups (splits.csv) and thumbnails (thumbnails.npz), so that the data themselves
need not be there any more. Letters: m samples that were learned from, n others.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.copies import copied_from
from neocog.data.dataset import SPLITS, Dataset, pixel_digest, reading
from neocog.data.readers.npz import stored_arrays
from neocog.data.records import Records
from neocog.data.signatures import signatures
from neocog.data.split import Manifest
from neocog.errors import UserError
from neocog.limits import cores
from neocog.run import write_atomically

Ints = NDArray[np.int64]
THUMBNAILS = "thumbnails.npz"  # in the run folder
LEARNED = SPLITS[:2]  # what chose the epoch was learned from too


@dataclass(frozen=True)
class Shared:
    """What the chosen samples share with those that a run learned from: positions, and names of groups."""

    identical: tuple[int, ...] = ()  # the same bytes, or the same pixels
    copies: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    of_groups: tuple[int, ...] = ()  # samples of these groups


def write_thumbnails(path: Path, records: Records, parts: NDArray[np.str_]) -> None:
    """Write the thumbnails of what is learned from, with their rows in splits.csv."""
    rows = np.flatnonzero(np.isin(parts, LEARNED) & records.has_thumbnail)
    table = records.thumbnails[rows] if len(rows) else np.empty((0, 0), np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, rows=rows, thumbnails=table)
    write_atomically(path, content.getvalue())


def read_thumbnails(path: Path, recorded: Manifest) -> dict[str, bytes] | None:
    """{digest of the pixels: signature} of what was learned from; None where the run kept none. Raises UserError."""
    if not path.is_file():
        return None
    try:
        arrays = stored_arrays(path)
        rows, table = arrays["rows"].whole().tolist(), arrays["thumbnails"].whole()
        return {recorded.pixels[row]: kept.tobytes() for row, kept in zip(rows, table, strict=True)}
    except UserError as error:
        raise UserError(f"the thumbnails of the run are damaged: {error.what}", str(path), "restore the file") from None
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError("the thumbnails of the run are damaged", f"{path}: {error}", "restore the file") from None


def shared(recorded: Manifest, known: Mapping[str, bytes] | None, dataset: Dataset, chosen: Ints) -> Shared:
    """What the ``chosen`` samples share with the recorded training and validation parts. Each is read once at most."""
    used = [part in LEARNED for part in recorded.parts]
    files = {digest for digest, learned in zip(recorded.digests, used, strict=True) if learned}
    shown = {digest for digest, learned in zip(recorded.pixels, used, strict=False) if learned} - {""}
    images = dataset.images

    def content(index: int) -> tuple[bool, str, bytes]:
        with reading(images, index):
            if images.digest(index) in files:
                return True, "", b""
            if not shown and not known:
                return False, "", b""
            image = images.read(index)
        digest = pixel_digest(image)
        return digest in shown, digest, signatures(images, image[None])[0] if known else b""

    with ThreadPoolExecutor(cores()) as pool:
        found = list(zip(chosen.tolist(), pool.map(content, chosen.tolist()), strict=True))
    new = {digest: kept for _, (identical, digest, kept) in found if kept and not identical}
    copies = copied_from(known or {}, new, dataset.form)
    groups = np.array([""] * len(dataset)) if dataset.groups is None else dataset.groups
    theirs = {group for group, learned in zip(recorded.groups, used, strict=True) if learned} - {""}
    of_groups = [index for index in chosen.tolist() if groups[index] in theirs]
    return Shared(
        identical=tuple(index for index, (identical, *_) in found if identical),
        copies=tuple(index for index, (identical, digest, _) in found if not identical and digest in copies),
        groups=tuple(sorted({str(groups[index]) for index in of_groups})),
        of_groups=tuple(of_groups),
    )
