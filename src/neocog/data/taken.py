"""What a data set was taken for, as a short table; and what of it is left out, counted by class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from neocog.data.dataset import SPLITS, Dataset, LeftOut, Taken
from neocog.data.records import Records
from neocog.errors import count, listed, printable

HEADS = ("part of the data", "read as", "because", "override with")
MOST_LOST = 0.05  # of a class
WIDEST = 60  # characters of a cell


def with_taken(dataset: Dataset) -> tuple[Taken, ...]:
    """The layout, the labels, the split and the groups, in general, where the reader says nothing more exact of them."""
    roles = [taken.role for taken in dataset.taken]

    def known(*words: str) -> bool:
        return any(role.startswith(words) for role in roles)

    general = [Taken("layout", dataset.kind, f"{len(dataset):,} {dataset.form}", "--kind")]
    if not known("class", "target", "mask", "object", "input", "the wanted"):
        general += _labels(dataset)
    rest = [_with_sides(each, dataset) if each.role.startswith("group") else each for each in dataset.taken]
    if not known("split"):
        rest.append(_split(dataset))
    if not known("group"):
        groups = 0 if dataset.groups is None else len(np.unique(dataset.groups[dataset.groups != ""]))
        each = "none: samples are independent", "no column or folder says which belong together"
        given = Taken("groups", count(groups, "group"), "given by the data")
        rest.append(_with_sides(given, dataset) if groups else Taken("groups", *each))
    return (*general, *rest)


def _with_sides(taken: Taken, dataset: Dataset) -> Taken:
    """Whether the groups stand on one side of the split: of a given one they need not."""
    if dataset.groups is None:
        return taken
    splits = [""] * len(dataset) if dataset.splits is None else [part or "train" for part in dataset.splits.tolist()]
    sides = Counter(group for group, _ in set(zip(dataset.groups.tolist(), splits, strict=True)) if group)
    torn = sum(parts > 1 for parts in sides.values())
    sides_text = f"{torn:,} on two sides of the given split" if torn else "each on one side of the split"
    return replace(taken, evidence=f"{taken.evidence}, {sides_text}")


def _labels(dataset: Dataset) -> Iterator[Taken]:
    if dataset.values is not None:
        yield Taken("values", f"targets: {listed(dataset.target_names, 5)}", "numbers for each sample", "--targets")
    elif dataset.boxes is not None:
        yield Taken(
            "boxes", f"objects of {listed(dataset.classes, 5)}", f"{count(dataset.boxes.labels, 'box')}", "--task"
        )
    elif dataset.pairs is not None:
        yield Taken("images", "inputs and their target images", count(dataset, "pair"), "--task")
    elif dataset.masks is not None:
        yield Taken("masks", f"classes of pixels: {listed(dataset.classes, 5)}", "a mask for each image", "--task")
    elif dataset.classes:
        yield Taken("labels", f"classes: {len(dataset.classes):,}", listed(dataset.classes, 5), "--task")


def _split(dataset: Dataset) -> Taken:
    if dataset.splits is None:
        return Taken("split", "none: training makes one", "no column or folder names parts", "--split")
    sizes = [(part, int((dataset.splits == part).sum())) for part in SPLITS]
    return Taken("split", "split: given", ", ".join(f"{size:,} {part}" for part, size in sizes if size))


def with_range(dataset: Dataset, records: Records) -> tuple[Taken, ...]:
    """``taken``, and between which values the pixels of the samples (N records) lie."""
    good = np.flatnonzero(records.described)
    if dataset.form == "sequences" or not len(good):
        return dataset.taken
    low, high = records.extremes[good, 0].min(), records.extremes[good, 1].max()
    kinds = sorted({records.headers.known[kind].dtype for kind in np.unique(records.headers.kinds[good]).tolist()})
    return (*dataset.taken, Taken("pixels", f"brightness: {low:g} to {high:g}", f"stored as {', '.join(kinds)}"))


def taken_lines(taken: tuple[Taken, ...]) -> Iterator[str]:
    """The table in plain text, its columns aligned; a column in which nothing stands is left out."""
    rows = [HEADS, *((t.part, t.role, t.evidence, t.flag) for t in taken)]
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    cells = [[shortened(printable(cell)) for cell in column] for column in columns]
    widths = [max(map(len, column)) for column in cells]
    for row in zip(*cells, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def shortened(text: str) -> str:
    """A cell of the table, cut where it is too wide for one."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


@dataclass(frozen=True)
class Loss:
    """What is left out of one class ("": samples of which no class is known, held against all), and why."""

    label: str
    used: int
    lost: int
    reasons: tuple[tuple[str, int], ...]  # the commonest first

    @property
    def share(self) -> float:
        return self.lost / (self.used + self.lost)

    @property
    def is_large(self) -> bool:
        """Whether so much is lost that what is measured of the class is doubtful."""
        return self.share > MOST_LOST


def losses(dataset: Dataset) -> list[Loss]:
    """``left_out`` counted by class, in the classes' order. A sample that is listed but not used counts as lost."""
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for out in dataset.left_out:
        reasons[out.label][out.reason] += 1
    if not reasons:
        return []
    gone = {out.name for out in dataset.left_out}
    kept = np.array([name not in gone for name in dataset.names], np.bool_)
    sizes = np.bincount(dataset.labels[kept], minlength=len(dataset.classes)).tolist()
    used = dict(zip(dataset.classes, sizes, strict=False)) if dataset.has_classes else {}
    used[""] = int(kept.sum())
    labels = [label for label in dict.fromkeys([*used, *reasons]) if label in reasons]
    counts = (reasons[label] for label in labels)
    return [
        Loss(label, used.get(label, 0), count.total(), tuple(count.most_common()))
        for label, count in zip(labels, counts, strict=True)
    ]


def loss_line(loss: Loss) -> str:
    """ "cat: 12 of 60 left out (20.0 %): 10 not decodable, 2 without a label"."""
    why = ", ".join(f"{times:,} {reason}" for reason, times in loss.reasons[:3])
    more = f" and {len(loss.reasons) - 3} more reasons" if len(loss.reasons) > 3 else ""
    total = loss.used + loss.lost
    return f"{loss.label or 'of no known class'}: {loss.lost:,} of {total:,} left out ({loss.share:.1%}): {why}{more}"


def unusable(dataset: Dataset, reasons: Mapping[str, str]) -> tuple[LeftOut, ...]:
    """Samples that are listed but cannot be used, by name with the reason, as what is left out."""
    places = [index for index, name in enumerate(dataset.names) if name in reasons]
    labels = [dataset.classes[dataset.labels[index]] if dataset.has_classes else "" for index in places]
    names = [dataset.names[index] for index in places]
    return tuple(LeftOut(name, label, reasons[name]) for name, label in zip(names, labels, strict=True))


def taken_json(dataset: Dataset) -> dict[str, Any]:
    """For JSON: {"taken": [{part, role, evidence, flag}, …], "left_out": {"by_class", "samples"}}.

    ``by_class``: {name: {used, lost}}, the name "" for what is of no known class; ``samples``: [{name, label, reason}, …].
    """
    by_class = {loss.label: {"used": loss.used, "lost": loss.lost} for loss in losses(dataset)}
    samples = [asdict(out) for out in dataset.left_out]
    return {
        "taken": [asdict(taken) for taken in dataset.taken],
        "left_out": {"by_class": by_class, "samples": samples},
    }
