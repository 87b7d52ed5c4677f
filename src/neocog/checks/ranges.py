"""Given parts of another range of values than the training part: a network that learned 0 … 1 answers 0 … 255 as surely."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neocog.data.dataset import SPLITS, Dataset
from neocog.data.records import Records
from neocog.data.scale import Seen
from neocog.errors import UserError, count, listed
from neocog.records import Finding, Severity

FEW = 0.05  # of a part: single images, as black ones, are no other range
ADVICE = "scale the values of all parts alike"


def ranges_of_parts(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Held-out images that ``Seen.other_scale`` would refuse; an error where they are more than a few of their part."""
    if dataset.splits is None:
        return
    good, (lows, highs) = records.described, records.extremes.astype(np.float64).T
    parts = np.where(dataset.splits == "", "train", dataset.splits)
    train = np.flatnonzero(good & (parts == "train"))
    if not len(train):
        return
    seen = Seen.of(records.extremes[train], records.headers.take(train[:1]))
    for part in SPLITS[1:]:
        held = np.flatnonzero(good & (parts == part)).tolist()
        other = [i for i in held if seen.other_scale(float(lows[i]), float(highs[i]))]
        if other:
            low, high = lows[other].min(), highs[other].max()
            what = f"the {part} part has {count(other, 'image')} of {len(held):,} of another range than the training part: "
            what += f"{low:g} … {high:g}, not {seen.low[0]:g} … {seen.high[2]:g}"
            severity: Severity = "error" if len(other) > FEW * len(held) else "warning"
            yield Finding(severity, what, tuple(dataset.names[i] for i in other), ADVICE)


def other_ranges(dataset: Dataset, records: Records) -> Iterator[UserError]:
    """The errors among ``ranges_of_parts``, for a training that would be evaluated on such images."""
    for finding in ranges_of_parts(dataset, records):
        if finding.severity == "error":
            yield UserError(finding.what, listed(finding.samples), f"{ADVICE}, or each image: --scaling image")
