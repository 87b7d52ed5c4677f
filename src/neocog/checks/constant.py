"""Images in which every pixel is the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import count
from neocog.records import Finding


def constant_images(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Black frames, blank scans: nothing to see in them."""
    low, high = records.extremes.T
    names = tuple(dataset.names[i] for i in np.flatnonzero(records.good & (low == high)).tolist())
    if names:
        yield Finding(
            "note", f"{count(names, 'image')} of one constant value", names, "see whether they belong in the data"
        )
