"""Grey among colour, 16 bits among 8: images that one network cannot take as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import count
from neocog.records import Finding

NAMES = {"uint8": "8-bit", "uint16": "16-bit", "float32": "floating-point"}


def channels_and_depths(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Mixed channel counts, mixed pixel types; ``samples`` are all but those of the commonest kind."""
    heads = records.headers.known
    channels = [count(header.channels, "channel") for header in heads]
    advice = "check whether the odd ones were saved differently; all are converted to the same number of channels"
    yield from _mixed(dataset, records, channels, "channels are mixed", advice)
    depths = [NAMES.get(header.dtype, header.dtype) for header in heads]
    advice = "save all with one pixel type: the same brightness has other numbers in each"
    yield from _mixed(dataset, records, depths, "pixel types are mixed", advice)


def _mixed(dataset: Dataset, records: Records, descriptions: list[str], what: str, advice: str) -> Iterator[Finding]:
    """``said``: of each header that is known."""
    where = np.flatnonzero(records.described)
    heads = records.headers.kinds[where]
    if len({descriptions[head] for head in np.unique(heads).tolist()}) < 2:
        return
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for index, head in zip(where.tolist(), heads.tolist(), strict=True):
        kinds[descriptions[head]].append(dataset.names[index])
    (_, _), *odd = ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    table = ", ".join(f"{count(names, 'image')} with {kind}" for kind, names in ordered)
    yield Finding("warning", f"{what}: {table}", tuple(name for _, names in odd for name in names), advice)
