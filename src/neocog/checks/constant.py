"""Images in which every pixel is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neocog.checks.words import count
from neocog.data.dataset import Dataset
from neocog.data.survey import Record
from neocog.run import Finding


def constant_images(dataset: Dataset, records: Sequence[Record]) -> Iterator[Finding]:
    """Black frames, blank scans: nothing to see in them."""
    names = tuple(
        name
        for name, record in zip(dataset.names, records, strict=True)
        if record.error is None and record.low == record.high
    )
    if names:
        yield Finding(
            "note", f"{count(names, 'image')} of one constant value", names, "see whether they belong in the data"
        )
