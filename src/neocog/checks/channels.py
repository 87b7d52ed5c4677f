"""Grey among colour, 16 bits among 8: images that one network cannot take as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from neocog.checks.words import count
from neocog.data.dataset import Dataset
from neocog.data.survey import Record
from neocog.run import Finding

NAMES = {"uint8": "8-bit", "uint16": "16-bit", "float32": "floating-point"}


def channels_and_depths(dataset: Dataset, records: Sequence[Record]) -> Iterator[Finding]:
    """Mixed channel counts, mixed pixel types; ``samples`` are all but those of the commonest kind."""
    channels: defaultdict[str, list[str]] = defaultdict(list)
    depths: defaultdict[str, list[str]] = defaultdict(list)
    for name, record in zip(dataset.names, records, strict=True):
        if record.header is not None and record.error is None:
            channels[count(record.header.channels, "channel")].append(name)
            depths[NAMES.get(record.header.dtype, record.header.dtype)].append(name)
    advice = "see whether the odd ones were saved otherwise; all are brought to the same number of channels"
    yield from _mixed(channels, "channels are mixed", advice)
    advice = "save all with one pixel type: the same brightness has other numbers in each"
    yield from _mixed(depths, "pixel types are mixed", advice)


def _mixed(kinds: dict[str, list[str]], what: str, advice: str) -> Iterator[Finding]:
    if len(kinds) < 2:
        return
    (_, _), *odd = ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    table = ", ".join(f"{count(names, 'image')} with {kind}" for kind, names in ordered)
    yield Finding("warning", f"{what}: {table}", tuple(name for _, names in odd for name in names), advice)
