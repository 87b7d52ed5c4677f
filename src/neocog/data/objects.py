"""Single objects: numbered in masks, learned as background, interior and border, and found again from these three.

A network that learns "object or not" joins cells that touch. A class of its own for the border keeps them apart (Ronneberger
et al. 2015 weight it; Caicedo et al. 2019 learn it, on BBBC039).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import ndimage

from neocog.data.dataset import Array
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.mask_values import stored_values
from neocog.data.images import FileImages
from neocog.data.masks import IGNORED, Coding, fit_mask
from neocog.data.preprocessing import Fit
from neocog.data.readers.mask_look import pieces
from neocog.data.unchanged import mask_digest, unchanged

CLASSES = ("background", "interior", "border")
BORDER = 2.0  # pixels inside an object's outline, at the size that the network sees
UNKNOWN = -1  # of pixels that do not count
By = Literal["value", "piece of a value", "piece"]


@dataclass(frozen=True)
class ObjectMasks:
    """Masks as files below one folder; ``by``: what one object is of the pixels that ``coding`` makes class 1."""

    root: Path
    files: Sequence[str]
    coding: Coding
    by: By
    decoding: Decoding
    recorded: Sequence[str] | None = None  # (N,) digests of the masks that alone are read; see ``unchanged``

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Array:
        """(H, W) uint8 background, interior and border, 255 where nothing counts."""
        return three_classes(self.objects(index))

    def objects(self, index: int) -> Array:
        """(H, W) int32: 0, objects from 1 on, −1 where nothing counts."""
        keys, _ = stored_values(self._files().stored(index), self.decoding, self.files[index])
        kinds = self.coding.encode(keys, self.files[index])
        numbers = keys if self.by == "value" else pieces(keys if self.by == "piece of a value" else kinds)[0]
        found = np.where(kinds == IGNORED, UNKNOWN, numbered(np.where(kinds == 1, numbers + 1, 0))).astype(np.int32)
        if self.recorded is not None:
            unchanged(mask_digest(three_classes(found)), self.recorded, index, self.files[index])
        return found

    def fitted(self, index: int, size: tuple[int, ...], fit: Fit, mask: Array | None = None) -> Array:
        """As ``read``, at the network's size: objects are fitted first, so that no border is lost by shrinking."""
        if mask is not None and mask.shape == tuple(size[-2:]):
            return mask
        return three_classes(fit_mask(self.objects(index), size, fit, UNKNOWN))

    def header(self, index: int) -> tuple[int, int]:
        head = self._files().header(index)
        return head.height, head.width

    def path(self, index: int) -> Path | None:
        return self.root / self.files[index]

    def _files(self) -> FileImages:
        return FileImages(self.root, self.files, self.decoding)


def numbered(objects: Array) -> Array:
    """(H, W) int32 with the same objects, numbered from 1 without a gap; 0 stays."""
    values, places = np.unique(objects, return_inverse=True)
    if values[0] != 0:
        places = places + 1
    return places.reshape(objects.shape).astype(np.int32)


def three_classes(objects: Array) -> Array:
    """(H, W) objects → uint8 classes: 1 inside, 2 within ``BORDER`` of the outline; of a thin object its middle stays inside."""
    inside = objects > 0
    outline = np.zeros(objects.shape, bool)
    for axis in (0, 1):
        differs = np.diff(objects, axis=axis) != 0
        before, after = [(slice(None),) * axis + (part,) for part in (slice(None, -1), slice(1, None))]
        outline[before] |= differs
        outline[after] |= differs
    outline &= inside
    depth = ndimage.distance_transform_edt(~outline) if outline.any() else np.full(objects.shape, np.inf)
    deepest = np.zeros(int(objects.max(initial=0)) + 1)
    np.maximum.at(deepest, objects[inside], depth[inside])
    border = inside & (depth < np.minimum(BORDER, deepest[np.where(inside, objects, 0)]))
    classes = inside + border.astype(np.uint8)
    return np.where(objects == UNKNOWN, IGNORED, classes).astype(np.uint8)


def separated(classes: Array, smallest: int = 1, core: int = 1) -> Array:
    """(H, W) background, interior and border → int32 objects 0, 1 … n.

    Each piece of interior is a marker, each border pixel goes to the nearest one that it is connected with: the watershed of
    the distance to the markers (Beucher & Lantuéjoul 1979). Markers below ``core`` pixels are none where a larger one is
    connected with them; objects below ``smallest`` pixels are left out.
    """
    inside = (classes == 1) | (classes == 2)
    bodies, count = ndimage.label(inside)
    markers, _ = ndimage.label(classes == 1)
    sizes = np.bincount(markers.reshape(-1))
    sizes[0] = 0
    markers[(sizes < core)[markers]] = 0
    held = np.zeros(count + 1, bool)
    held[bodies[markers > 0]] = True
    alone = inside & ~held[bodies]  # bodies without a marker are objects as a whole
    markers[alone] = bodies[alone] + len(sizes)
    objects = _grown(markers, bodies)
    areas = np.bincount(objects.reshape(-1))
    return numbered(np.where((areas >= smallest)[objects], objects, 0))


def _grown(markers: Array, bodies: Array) -> Array:
    """Markers spread over their bodies: by the nearest one and, where that is of another body, step by step."""
    if not markers.any():
        return markers
    rows, columns = ndimage.distance_transform_edt(markers == 0, return_distances=False, return_indices=True)
    near = np.where(bodies[rows, columns] == bodies, markers[rows, columns], 0)
    found: Array = np.where(bodies > 0, near, 0)
    while (open_ := (bodies > 0) & (found == 0)).any():
        spread = ndimage.grey_dilation(found, footprint=ndimage.generate_binary_structure(2, 1))
        if not (open_ & (spread > 0)).any():
            break
        found = np.where(open_, spread, found)
    return found
