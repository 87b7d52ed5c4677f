"""Values that look like none: codes for "not measured" among them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neocog.data.dataset import Dataset
from neocog.data.readers.sentinels import sentinels
from neocog.data.records import Records
from neocog.errors import count
from neocog.records import Finding


def codes_for_unknown(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """−9999 and the like, far outside the rest of a column: they would be learned as measurements."""
    for name, column in zip(dataset.target_names, () if dataset.values is None else dataset.values.T, strict=True):
        for value, often in sentinels(column.astype(np.float64)).items():
            what = f"{name} is {value:.9g} in {count(often, 'sample')}, far outside the rest: it may stand for 'not measured'"
            names = tuple(dataset.names[i] for i in np.flatnonzero(column == np.float32(value)).tolist())
            yield Finding("warning", what, names, "--unlabelled skip leaves these rows out; or correct them")
