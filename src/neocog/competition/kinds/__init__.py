"""What is known of a sample, and how answers to it are scored: one kind of label a file, and one line here."""

from __future__ import annotations

from neocog.competition.kinds.classes import Classes
from neocog.competition.kinds.kind import Kind
from neocog.competition.kinds.masks import Masks
from neocog.competition.kinds.values import Values
from neocog.data.dataset import Dataset
from neocog.errors import UserError
from neocog.traits import LABELS

__all__ = ["KINDS", "Kind", "kind_in"]

KINDS: dict[str, type[Kind]] = {kind.learned: kind for kind in (Classes, Values, Masks)}
WORKS = "compete takes a class for each sample, values for each sample, or a mask for each image"


def kind_in(dataset: Dataset) -> type[Kind]:
    """The kind of a data set. Raises UserError where what is known of its samples cannot be scored."""
    if dataset.learned == "boxes":
        what = "a network has no one raw output for boxes: each detector decodes a grid, anchors or points of its own"
        fix = f"{WORKS}; of boxes, a table of counts per image (values) works, or masks (neocog convert)"
        raise UserError(f"compete cannot score boxes: {what}", dataset.kind, fix)
    if dataset.learned not in KINDS or (dataset.learned == "classes" and not dataset.has_classes):
        known = LABELS[dataset.learned] if dataset.learned not in KINDS else "no label"
        raise UserError(f"compete cannot score these data: known of each sample is {known}", dataset.kind, WORKS)
    return KINDS[dataset.learned]
