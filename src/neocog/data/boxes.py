"""Boxes around objects: what is known of each image.

Letters: N images, B boxes of all images, b of one, K classes. Corners are edges in pixels of the upright image: pixel i covers
i … i + 1, so that x1 − x0 is the width, and an image of W pixels ends at W.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.errors import UserError

AT_BORDER = 0.01  # of the image's side: what ends so near to its border is cut by it


@dataclass(frozen=True)
class Boxes:
    """All boxes, those of an image together and in its order. ``faults``: boxes that cannot be used, which are not among them."""

    first: NDArray[np.int64]  # (N + 1,) where each image's boxes begin; the last one: B
    corners: NDArray[np.float64]  # (B, 4) x0, y0, x1, y1
    labels: NDArray[np.int64]  # (B,) index into classes
    ignored: NDArray[np.bool_]  # (B,) crowds and what is hard to see: found or not, they count neither way
    sizes: NDArray[np.int64]  # (N, 2) height and width of each image
    faults: tuple[UserError, ...] = ()
    open_border: bool = False  # objects at the images' borders may have no box: what is there counts neither way

    def __len__(self) -> int:
        return len(self.first) - 1

    def of(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Corners (b, 4), labels (b,) and ignored (b,) of one image."""
        here = slice(int(self.first[index]), int(self.first[index + 1]))
        return self.corners[here], self.labels[here], self.ignored[here]

    @property
    def images(self) -> NDArray[np.int64]:
        """(B,) the image of each box."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    @property
    def sides(self) -> NDArray[np.float64]:
        """(B, 2) height and width of each box."""
        return self.corners[:, [3, 2]] - self.corners[:, [1, 0]]

    def with_open_border(self) -> Boxes:
        """What is cut by its image's border is ignored (``--border-ignore``)."""
        return replace(self, ignored=self.ignored | cut_by(self.frames[self.images], self.corners), open_border=True)

    @property
    def frames(self) -> NDArray[np.float64]:
        """(N, 4) each image as a box."""
        return np.concatenate([np.zeros((len(self), 2)), self.sizes[:, ::-1]], axis=1)

    def target_text(self, index: int, classes: Sequence[str]) -> str:
        """ "3 cell, 1 platelet": what is in an image, in the order of the classes; "" where nothing is."""
        counts = Counter(self.of(index)[1].tolist())
        return ", ".join(f"{counts[label]} {classes[label]}" for label in sorted(counts))

    def digests(self, classes: Sequence[str]) -> list[str]:
        """(N,) SHA-256 of each image's boxes with the names of their classes, whatever their order."""
        return [self._digest(index, classes) for index in range(len(self))]

    def _digest(self, index: int, classes: Sequence[str]) -> str:
        corners, labels, ignored = self.of(index)
        rows = sorted(zip(map(classes.__getitem__, labels.tolist()), corners.tolist(), ignored.tolist(), strict=True))
        return hashlib.sha256(repr(rows).encode()).hexdigest()


def cut_by(frame: Any, corners: Any) -> Any:
    """(…) whether boxes (…, 4) end at the border of their image, whose ``frame`` (…, 4) is x0, y0, x1, y1; arrays or tensors."""
    near = AT_BORDER * (frame[..., 2:] - frame[..., :2])
    return ((corners[..., :2] <= frame[..., :2] + near) | (corners[..., 2:] >= frame[..., 2:] - near)).any(-1)
