"""``open_boxes``: a path with images and boxes → ``Dataset``, whichever tool drew them; every fault told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from neocog.data.boxes import Boxes
from neocog.data.dataset import BadImage, Dataset, LeftOut, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.images import FileImages, header
from neocog.data.names import Names
from neocog.data.readers.box_images import TURNED, BoxImages, fault_of, insist_on_size
from neocog.data.readers.box_marks import EVERYWHERE, Drawn, Marked, Marks
from neocog.data.readers.box_masks import boxes_of_masks
from neocog.data.readers.box_numbers import Fits
from neocog.data.readers.box_sources import marks_of
from neocog.data.readers.classes import index_classes, look_alikes, misspelt
from neocog.data.readers.folders import entries, is_image
from neocog.data.readers.labelme_dataset import DRAWN
from neocog.data.readers.levels import SPLIT_NAMES
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, listed, printable, raise_all

MOST_TOLD = 50


@dataclass
class _Gathered:
    """Images that are kept, with their boxes; what is said of the others."""

    fits: Fits
    names: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    boxes: list[list[tuple[Drawn, tuple[float, ...]]]] = field(
        default_factory=list
    )  # corners in pixels, within the image
    marked: list[Marked] = field(default_factory=list)
    faults: list[UserError] = field(default_factory=list)
    bad: list[UserError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    cut: int = 0
    moved: int = 0


def open_boxes(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """Images with boxes, or None where the path holds no such annotations. Raises UserError with all faults of all files.

    Read are Pascal VOC (XML), COCO and Label Studio (JSON), YOLO (text), labelme (JSON), CVAT (XML), a CSV with the columns
    image, label, x0, y0, x1, y1, and with ``boxes_from`` masks whatever masks are read.
    """
    if reading.boxes_from == "masks":
        return boxes_of_masks(path, decoding, reading)
    marks = marks_of(path, reading)
    if marks is None:
        return None
    root = path if path.is_dir() else path.parent
    names = (name for name, entry in entries(root) if is_image(entry.name))
    images = BoxImages(name for name in names if not DRAWN & {*PurePosixPath(name).parts})
    found = _gathered(root, images, marks, decoding, reading)
    found.fits.insist(printable(str(path)))
    unknown = [name for name in images.files if name not in set(found.names) | {out.name for out in found.left_out}]
    if unknown and not marks.complete and reading.unlabelled != "skip":
        fix = "annotate them (an annotation without boxes says that there is nothing), or --unlabelled skip leaves them out"
        what = f"{len(unknown):,} of {len(images.files):,} images have no annotation"
        found.faults.append(UserError(what, f"{printable(str(root))}: {listed(unknown)}", fix))
    faults = [*marks.faults, *found.faults]
    stopped = faults if reading.on_bad == "stop" or not found.names else []
    raise_all([*stopped[:MOST_TOLD], *_more(stopped)])
    found.notes += [f"{fault.where}: left out: {fault.what}" for fault in faults[:MOST_TOLD]]
    found.left_out += [LeftOut(name, "", "no annotation") for name in unknown]
    if not any(found.boxes):
        bad = [*marks.bad, *found.bad]
        raise_all([*bad[:MOST_TOLD], *_more(bad), UserError("no box in any of the annotations", printable(str(path)))])
    return _dataset(root, marks, found, decoding)


def _gathered(root: Path, images: BoxImages, marks: Marks, decoding: Decoding, reading: Reading) -> _Gathered:
    found, where = _Gathered(Fits(marks.meaning, marks.held_in)), dict[str, str]()
    for marked in marks.images:
        try:
            name, note = images.find(marked)
            if name in where:
                raise UserError(f"{name} is annotated twice", f"{where[name]} and {marked.where}", "keep one of them")
            where[name] = marked.where
            head = header(root / name, decoding, name)
            if head.depth:
                raise BadImage("a volume, where images with boxes are expected", name, "give its slices as images")
            scale = (head.width, head.height) * 2 if marks.shares else (1.0,) * 4
            corners = [tuple(c * s for c, s in zip(box.corners, scale, strict=True)) for box in marked.boxes]
            sized = insist_on_size(marked, head, corners)
            found.fits.add(corners, (head.height, head.width))
        except UserError as error:
            found.faults.append(UserError(error.what, error.where, error.fix))
            continue
        found.notes += filter(None, (note, sized))
        if not marked.boxes and reading.without_boxes == "skip":
            found.left_out.append(LeftOut(name, "", "no box in it"))
            continue
        found.moved += any(note.startswith(TURNED) for note in head.notes)
        found.names.append(name)
        found.sizes.append((head.height, head.width))
        found.marked.append(marked)
        found.boxes.append(_sound(marked, corners, (head.height, head.width), found))
    return found


def _sound(
    marked: Marked, corners: Sequence[tuple[float, ...]], size: tuple[int, int], found: _Gathered
) -> list[tuple[Drawn, tuple[float, ...]]]:
    """The boxes that can be used, cut where they reach a little out of the image; the others are among the ``bad``."""
    kept = []
    for box, four in zip(marked.boxes, corners, strict=True):
        if fault := fault_of(box, four, size):
            found.bad.append(fault)
            continue
        limits = (size[1], size[0], size[1], size[0])
        cut = tuple(min(max(value, 0.0), most) for value, most in zip(four, limits, strict=True))
        found.cut += cut != four
        kept.append((box, cut))
    return kept


def _dataset(root: Path, marks: Marks, found: _Gathered, decoding: Decoding) -> Dataset:
    texts = [box.label for boxes in found.boxes for box, _ in boxes if box.label != EVERYWHERE]
    classes = index_classes(texts)[1]
    if marks.classes:
        order = [name for name in dict.fromkeys(marks.classes) if name in set(classes)]
        classes = (*order, *(name for name in classes if name not in set(order)))
    boxes = _boxes(found, classes, (*marks.bad, *found.bad))
    names = Names(found.names)
    splits = _splits(found)
    groups = np.array([marked.group for marked in found.marked])
    counts = {name: texts.count(name) for name in classes}
    listing = listed((f"{name} {count:,}" for name, count in counts.items()), 5)
    taken = [*found.fits.taken(), *marks.taken]
    taken += [Taken(marks.kind, "objects to find", f"{count(len(boxes.labels), 'box')}: {listing}", "--task")]
    if empty := sum(not kept for kept in found.boxes):
        part, why = f"{count(empty, 'image')} without boxes", "taken for images without objects"
        taken.append(Taken(part, "negative", why, "--without-boxes skip"))
    if found.moved:
        taken.append(Taken(f"{count(found.moved, 'image')} turned by EXIF", "upright", "no box reaches out so"))
    unused = [name for name in marks.classes if name not in classes]
    notes = [*found.fits.doubt(), *dict.fromkeys(marks.notes), *found.notes[:MOST_TOLD]]
    notes += [f"cut at the image's border: {count(found.cut, 'box')}, out of it by up to 2 pixels"] if found.cut else []
    notes += [f"classes without any box: {listed(unused)}"] if unused else []
    return Dataset(
        kind=marks.kind,
        root=root,
        names=names,
        labels=np.zeros(len(names), np.int64),
        classes=classes,
        images=FileImages(root, names, decoding),
        splits=splits if (splits != "").any() else None,
        groups=groups if (groups != "").any() else None,
        notes=(*notes, *look_alikes(classes), *misspelt(counts)),
        taken=tuple(taken),
        left_out=tuple(found.left_out),
        boxes=boxes,
    )


def _boxes(found: _Gathered, classes: Sequence[str], faults: tuple[UserError, ...]) -> Boxes:
    """What counts for no class is ignored for each."""
    number = {name: place for place, name in enumerate(classes)}
    rows, first = list[tuple[tuple[float, ...], int, bool]](), [0]
    for kept in found.boxes:
        for box, corners in kept:
            labels = range(len(classes)) if box.label == EVERYWHERE else (number[box.label],)
            rows += [(corners, label, box.ignored) for label in labels]
        first.append(len(rows))
    return Boxes(
        np.array(first, np.int64),
        np.array([row[0] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.bool_),
        np.array(found.sizes, np.int64).reshape(-1, 2),
        faults,
    )


def _splits(found: _Gathered) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """(N,) as the annotations say, else as folders called train, val and test say of all images."""
    splits = [marked.split for marked in found.marked]
    if not any(splits):
        parts = [[SPLIT_NAMES.get(_word(part)) for part in PurePosixPath(name).parts[:-1]] for name in found.names]
        splits = [next(filter(None, each), "") for each in parts]
        if not all(splits):
            splits = [""] * len(splits)
    return np.array(splits, np.str_)


def _word(folder: str) -> str:
    """Of train2017: train."""
    return folder.lower().rstrip("0123456789")


def _more(faults: Sequence[UserError]) -> list[UserError]:
    if len(faults) <= MOST_TOLD:
        return []
    return [UserError(f"{len(faults)} faults in annotations", f"the first {MOST_TOLD} are listed above")]
