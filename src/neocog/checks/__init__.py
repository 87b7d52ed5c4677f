"""What is wrong with a data set: checks are functions from (dataset, records) to findings, and ``CHECKS`` lists them all.

A check is silent on clean data. Severities: an error must be mended before training; a warning makes numbers doubtful;
a note is good to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from neocog.checks.balance import class_balance, class_in_every_part, class_sizes, label_shift
from neocog.checks.boxes import border_boxes, empty_images, repeated_boxes, small_boxes, unusable_boxes
from neocog.checks.channels import channels_and_depths
from neocog.checks.constant import constant_images
from neocog.checks.duplicates import contradictions, duplicates, leakage
from neocog.checks.files import left_out, odd_files, reader_notes, unreadable
from neocog.checks.films import films
from neocog.checks.groups import groups_across_parts
from neocog.checks.masks import mask_contents
from neocog.checks.names import look_alike_classes
from neocog.checks.near import near_duplicates, unbound
from neocog.checks.noise import shared_noise
from neocog.checks.pairs import doubtful_pairs, repeated_takes
from neocog.checks.ranges import ranges_of_parts
from neocog.checks.sizes import elongated, mixed_sizes, small
from neocog.checks.values import codes_for_unknown
from neocog.data.copies import Copies, near_copies
from neocog.data.dataset import Dataset
from neocog.data.masks import ScannedMasks
from neocog.data.records import Records
from neocog.records import Finding

Check = Callable[[Dataset, Records], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    unreadable,
    left_out,
    class_sizes,
    class_balance,
    class_in_every_part,
    label_shift,
    look_alike_classes,
    codes_for_unknown,
    contradictions,
    leakage,
    groups_across_parts,
    duplicates,
    ranges_of_parts,
    channels_and_depths,
    mixed_sizes,
    elongated,
    small,
    constant_images,
    odd_files,
    reader_notes,
)

# Of boxes around objects.
OF_BOXES: tuple[Check, ...] = (unusable_boxes, repeated_boxes, small_boxes, border_boxes, empty_images)

# Of samples that have one class each.
OF_CLASSES: tuple[Check, ...] = (class_sizes, class_balance, class_in_every_part, label_shift)

# Of what is seen; letters are not.
OF_PICTURES: tuple[Check, ...] = (ranges_of_parts, channels_and_depths, mixed_sizes, elongated, small, constant_images)

# The same bytes, or the same group, on two sides or in two classes: with ``strict`` an error.
STRICT: tuple[Check, ...] = (contradictions, leakage, groups_across_parts)


def findings(
    dataset: Dataset,
    records: Records,
    strict: bool = False,
    masks: ScannedMasks | None = None,
    copies: Copies | None = None,
) -> list[Finding]:
    """Everything that the checks find, errors first.

    ``records`` (N,) as from ``scan_images``, ``masks`` from ``scan_masks``, ``copies`` from ``near_copies`` where they are known.
    """
    found: list[Finding] = []
    for check in CHECKS:
        if check in OF_CLASSES and not dataset.has_classes:
            continue
        if check in OF_PICTURES and dataset.form == "sequences":
            continue
        raised = strict and check in STRICT
        found += [replace(finding, severity="error") if raised else finding for finding in check(dataset, records)]
    copies = copies or near_copies(records, dataset.form)
    found += [*near_duplicates(dataset, copies), *unbound(dataset, copies), *films(dataset, records, copies)]
    if masks is not None:
        found += mask_contents(dataset, masks)
    if dataset.pairs is not None:
        found += [*doubtful_pairs(dataset, records), *repeated_takes(dataset, records), *shared_noise(dataset, records)]
    for check in OF_BOXES if dataset.boxes is not None else ():
        found += check(dataset, records)
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))
