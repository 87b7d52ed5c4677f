"""Files that are no longer what they were when a run recorded them. Not one of ``CHECKS``: it takes a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neocog.data.dataset import Dataset
from neocog.data.split import Manifest, differences
from neocog.errors import count
from neocog.records import Finding

# Other bytes or labels under an old name are errors; files that came or went are good to know.
KINDS = {
    "altered": ("error", "changed since it was recorded", "changed since they were recorded"),
    "relabelled": ("error", "has another label than recorded", "have other labels than recorded"),
    "missing": ("error", "that was recorded is missing", "that were recorded are missing"),
    "added": ("note", "is not in the record", "are not in the record"),
}


def verify(
    dataset: Dataset, digests: Sequence[str], recorded: Manifest, target_texts: Sequence[str]
) -> Iterator[Finding]:
    """What differs from a splits.csv; ``digests`` (N,) and ``target_texts`` (N,) of the data as they are now."""
    for kind, names in differences(recorded, dataset, digests, target_texts).items():
        severity, one, several = KINDS[kind]
        advice = "put back the files as they were, or train again" if severity == "error" else ""
        what = f"{count(names, dataset.form[:-1])} {one if len(names) == 1 else several}"
        yield Finding("error" if severity == "error" else "note", what, tuple(names), advice)
