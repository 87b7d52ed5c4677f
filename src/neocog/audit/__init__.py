"""What is wrong with a data set: checks are functions from (dataset, records) to findings, and ``CHECKS`` lists them all.

A check is silent on clean data. Severities: an error must be mended before training; a warning makes numbers doubtful;
a note is good to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from neocog.audit.balance import class_balance, class_in_every_part, class_sizes, label_shift
from neocog.audit.channels import channels_and_depths
from neocog.audit.constant import constant_images
from neocog.audit.duplicates import contradictions, duplicates, leakage
from neocog.audit.files import odd_files, reader_notes, unreadable
from neocog.audit.groups import groups_across_parts
from neocog.audit.names import look_alike_classes
from neocog.audit.near import near_duplicates
from neocog.audit.sizes import elongated, mixed_sizes, small
from neocog.data.dataset import Dataset
from neocog.data.survey import Record
from neocog.run import Finding

Check = Callable[[Dataset, Sequence[Record]], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    unreadable,
    class_sizes,
    class_balance,
    class_in_every_part,
    label_shift,
    look_alike_classes,
    contradictions,
    leakage,
    groups_across_parts,
    duplicates,
    near_duplicates,
    channels_and_depths,
    mixed_sizes,
    elongated,
    small,
    constant_images,
    odd_files,
    reader_notes,
)

# The same bytes, or the same group, on two sides or in two classes: with ``strict`` an error.
STRICT: tuple[Check, ...] = (contradictions, leakage, groups_across_parts)


def findings(dataset: Dataset, records: Sequence[Record], strict: bool = False) -> list[Finding]:
    """Everything that the checks find, errors first. ``records`` (N,) as from ``survey``."""
    found: list[Finding] = []
    for check in CHECKS:
        raised = strict and check in STRICT
        found += [replace(finding, severity="error") if raised else finding for finding in check(dataset, records)]
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))
