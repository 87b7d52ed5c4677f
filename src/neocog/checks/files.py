"""Files that cannot be read or are left out, files that are not what they seem, and what the reader assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.readers.classes import look_alikes
from neocog.data.records import Records
from neocog.data.taken import loss_line, losses
from neocog.errors import count
from neocog.records import Finding


def unreadable(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """One finding a reason, with all samples that it keeps from being used. Those that the user leaves out are no error."""
    skipped = {out.name for out in dataset.left_out}
    reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for index, error in sorted(records.errors.items()):
        if dataset.names[index] not in skipped:
            reasons[error.what, error.fix].append(dataset.names[index])
    for (what, fix), names in reasons.items():
        yield Finding("error", f"{count(names, 'image')} cannot be used: {what}", tuple(names), fix)


def left_out(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """What is not used, by class: a warning where a class, or the whole, loses more than 5 %."""
    for loss in losses(dataset):
        names = tuple(out.name for out in dataset.left_out if out.label == loss.label)
        if loss.is_large:
            advice = "correct or convert them; the images that are left may not be representative"
            yield Finding("warning", loss_line(loss), names, advice)
        else:
            yield Finding("note", loss_line(loss), names)


def odd_files(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Images that are read in a way worth knowing: "PNG named .jpg", "EXIF turned" …"""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    odd = [number for number, header in enumerate(records.headers.known) if header.notes]
    for index in np.flatnonzero(np.isin(records.headers.kinds, odd)).tolist():
        for note in records.headers[index].notes:
            kinds[note].append(dataset.names[index])
    for note, names in kinds.items():
        yield Finding("note", f"{count(names, 'image')}: {note}", tuple(names))


def reader_notes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """What the reader ignored, merged or assumed. Class names that look alike have a check of their own."""
    known = look_alikes(dataset.classes)
    for note in dataset.notes:
        if note not in known:
            yield Finding("note", note)
