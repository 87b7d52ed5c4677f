"""Groups (patients, plates, videos) on two sides of a given split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from neocog.checks.duplicates import across
from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import count, listed
from neocog.records import Finding


def groups_across_parts(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Measures on a group that was trained on say nothing about new groups."""
    if dataset.splits is None or dataset.groups is None:
        return
    members: defaultdict[str, list[int]] = defaultdict(list)
    groups = dataset.groups.tolist()
    for i, group in enumerate(groups):
        if group:
            members[group].append(i)
    for sides, sets in across(dataset.splits.tolist(), list(members.values())).items():
        what = f"the given split leaks: {count(sets, 'group')} in {' and '.join(sides)}: {listed(groups[m[0]] for m in sets)}"
        names = tuple(dataset.names[i] for members in sets for i in members)
        yield Finding("warning", what, names, "keep each group in one part, or leave the split to neocog")
