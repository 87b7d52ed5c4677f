"""What part ``labels`` says of boxes and masks: one ranking of doubts, the images to look at first, and its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from neocog.data.dataset import Array
from neocog.errors import count
from neocog.metrics.label_quality import DOUBTS
from neocog.records import Item, Picture, Pictures, Section, Table, Text
from neocog.robustness.outcome import Verdict
from neocog.tasks.report.pictures import thumbnail

SHOWN, SIDE = 24, 240  # pictures, and pixels of one
ROWS, IMAGES = 40, 12  # of the ranking, and of images, that the report has
PLACE = ("x0", "y0", "x1", "y1")
HEADS = (
    "rank", "sample", "part", "kind", "label", "seen", "quality", "overlap", *PLACE, *(f"seen_{each}" for each in PLACE),
)  # fmt: skip
TEXT = (
    "The labels are compared with what a network sees. {source} Look at them: errors of the network rank beside those of the "
    "labels."
)
KINDS = (
    "Missed: an object is seen where there is no label; invented: there is a label where nothing is seen; badly drawn: they "
    "overlap, but with an IoU below 0.6; wrong class: an object of another class is seen. All stand in one ranking by their "
    "quality, from 0 (the network contradicts the label) to 1 (it draws the same): {scale}"
)
SCALES = {
    "boxes": "of a labelled box the probability of what is seen there times their IoU, of a missing one 1 − the probability that "
    "one belongs there (after ObjectLab: Tkachenko, Thyagarajan and Mueller 2023; probabilities are calibrated on these boxes).",
    "regions": "the mean probability of the given labels over the region's pixels (after Lad and Mueller 2023).",
}
FOLDS = "Each image is judged by the network of the fold that tested it."
ONE = (
    "The validation and test parts are judged by this run's network, and so is the training part, but the network has learned "
    "the labels of that part and may have memorised wrong ones: there, some are overlooked. With train --folds, each image is "
    "judged by a network that never saw it."
)
AMOUNT = (
    "How many labels are wrong is not known: what a network overlooks or imagines looks the same as a wrong label. What "
    "annotators and network get wrong alike is not in the ranking."
)


@dataclass(frozen=True)
class Doubtful:
    """A doubt as the ranking has it; ``corners`` x0, y0, x1, y1 of the label and of what is seen, in pixels of the image as
    stored, None where there is none. ``numbers``: by which both are found again in the image."""

    position: int
    name: str
    kind: str
    quality: float
    label: str
    seen: str
    overlap: float | None
    corners: Sequence[float] | None
    seen_corners: Sequence[float] | None
    numbers: Sequence[int] = (0, 0)
    part: str = ""

    @property
    def around(self) -> Sequence[float]:
        """The box around the label and what is seen."""
        both = [each for each in (self.corners, self.seen_corners) if each is not None]
        low = [min(each[axis] for each in both) for axis in (0, 1)]
        return [*low, *(max(each[axis] for each in both) for axis in (2, 3))]


@dataclass(frozen=True)
class Image:
    """Of an image its ``quality`` (the soft minimum of its labels' qualities; None without any) and its count of ``labels``."""

    position: int
    name: str
    quality: float | None
    labels: int
    part: str = ""


@dataclass(frozen=True)
class DrawnLabels:
    """``what`` is labelled, "boxes" or "regions"; doubts by rising quality."""

    what: str
    doubts: Sequence[Doubtful]
    images: Sequence[Image]
    folds: bool

    @property
    def honest(self) -> tuple[list[Doubtful], list[Image]]:
        """Those whose labels no network has learned that judges them."""
        doubts = [each for each in self.doubts if each.part != "train"]
        return doubts, [each for each in self.images if each.part != "train"]


def tables(found: DrawnLabels) -> dict[str, Table]:
    """``labels``: the ranking; ``labels_images``: whole images; ``labels_kinds``: how many there are of each kind and part."""
    rows = tuple(
        (
            rank, d.name, d.part, d.kind, d.label, d.seen, d.quality, d.overlap,
            *(d.corners or (None,) * 4), *(d.seen_corners or (None,) * 4),
        )
        for rank, d in enumerate(found.doubts, 1)
    )  # fmt: skip
    doubts = Counter(each.position for each in found.doubts)
    ordered = sorted(found.images, key=lambda each: (1.0 if each.quality is None else each.quality, each.name))
    images = tuple((rank, i.name, i.part, i.quality, i.labels, doubts[i.position]) for rank, i in enumerate(ordered, 1))
    return {
        "labels": Table(HEADS, rows),
        "labels_images": Table(("rank", "sample", "part", "quality", "labels", "doubts"), images),
        "labels_kinds": kinds(found),
    }


def kinds(found: DrawnLabels) -> Table:
    """A row of each part and kind."""
    parts = [part for part in ("test", "validation", "train") if any(each.part == part for each in found.images)]
    counts = Counter((each.part, each.kind) for each in found.doubts)
    rows = []
    for part in parts:
        own = [each for each in found.images if each.part == part]
        labels = sum(each.labels for each in own)
        rows += [(part, kind, counts[part, kind], labels, len(own)) for kind in DOUBTS]
    return Table(("part", "kind", "doubts", "labels", "images"), tuple(rows))


def by_part(table: Table) -> Table:
    """``kinds`` with a row a part, for people."""
    parts = dict.fromkeys(row[0] for row in table.rows)
    rows = [[row for row in table.rows if row[0] == part] for part in parts]
    shown = tuple((own[0][0], *(row[2] for row in own), *own[0][3:]) for own in rows)
    return Table(("part", *DOUBTS, "labels", "images"), shown)


def sections(found: DrawnLabels, pictures: Sequence[Array], correcting: Sequence[str]) -> tuple[Section, ...]:
    """``pictures`` (H, W, 3) of the first of the ranking; ``correcting``: how labels are corrected."""
    texts = (
        TEXT.format(source=FOLDS if found.folds else ONE),
        f"{amount(found)} {AMOUNT}",
        KINDS.format(scale=SCALES[found.what]),
    )
    items: list[Item] = [*map(Text, texts), by_part(kinds(found))]
    if pictures:
        shown = tuple(
            Picture(thumbnail(picture.transpose(2, 0, 1), 0, 255, SIDE), caption(each))
            for picture, each in zip(pictures, found.doubts, strict=False)
        )
        note = "The least credible labels. Green: the given label; orange: what the network sees."
        items.append(Pictures(shown, note, large=True))
    heads = ("sample", "part", "kind", "label", "seen", "quality", "where")
    rows = tuple(
        (d.name, d.part, d.kind, d.label, d.seen, f"{d.quality:.2f}", ", ".join(f"{each:.0f}" for each in d.around))
        for d in found.doubts[:ROWS]
    )
    items.append(Table(heads, rows, "The full ranking: stress/labels.csv. Where: x0, y0, x1, y1 in pixels."))
    images = tables(found)["labels_images"]
    whole = tuple((*row[1:3], None if row[3] is None else f"{row[3]:.2f}", *row[4:]) for row in images.rows[:IMAGES])
    items.append(Table(images.columns[1:], whole, "Images, the least credible first: stress/labels_images.csv."))
    return (Section("Stress: labels", (*items, *map(Text, correcting)), "stress-labels"),)


def caption(doubt: Doubtful) -> str:
    """ "missed: RBC, quality 0.08"."""
    classes = " → ".join(dict.fromkeys(filter(None, (doubt.label, doubt.seen))))
    return f"{doubt.kind}: {classes}, quality {doubt.quality:.2f}\n{doubt.name}"


def amount(found: DrawnLabels) -> str:
    """What is in doubt among labels that no judging network has learned."""
    doubts, images = found.honest
    counts = Counter(each.kind for each in doubts)
    each = ", ".join(f"{counts[kind]:,} {kind}" for kind in DOUBTS)
    labels = sum(image.labels for image in images)
    return f"In {count(images, 'image')} that the network has not learned, with {labels:,} labelled {found.what}, in doubt: {each}."


def verdict(found: DrawnLabels) -> tuple[Verdict, ...]:
    """Never more than doubtful, and never failed: the amount of wrong labels is not measured."""
    if not found.honest[1]:
        return (Verdict("Labels", "not tried", "The network has learned the labels of all images that were judged."),)
    return (Verdict("Labels", "doubtful", f"{amount(found)} {AMOUNT}"),)
