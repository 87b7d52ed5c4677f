"""``open_masks``: a path with images and masks → ``Dataset``, every mask looked at once, every fault told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, BadImage, Dataset, LeftOut, Taken, reading
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import files_with
from neocog.data.formats.mask_values import stored_values
from neocog.data.images import FileImages
from neocog.data.masks import MaskFiles, in_threads
from neocog.data.objects import ObjectMasks
from neocog.data.readers.labelme_dataset import open_labelme
from neocog.data.readers.mask_classes import given_colours, given_names
from neocog.data.readers.mask_coding import decide, decide_boxed, decide_objects
from neocog.data.readers.mask_decided import Given
from neocog.data.readers.mask_folders import Layout, find_layout
from neocog.data.readers.mask_look import Look, look
from neocog.data.readers.mask_looks import Looks
from neocog.data.readers.mask_table import masks_in_table
from neocog.data.readers.reading import Reading
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.errors import UserError, count, listed, printable, raise_all

MOST_TOLD = 20  # faults of single masks


def open_masks(path: Path, decoding: Decoding, reading: Reading, boxed: bool = False) -> Dataset | None:
    """Images with masks, or None where the path holds no such layout. Raises UserError with all faults of all masks.

    ``boxed``: boxes are to be made of them, so that objects are told apart wherever values number them.

    Read are: images/ with masks/ (labels/, annotations/), also below train/ val/ test/; masks beside their images as
    x_mask.png; SegNet's train/ trainannot/ …; images_prepped_train/ annotations_prepped_train/ …; Pascal VOC; nnU-Net's
    two-dimensional layout; a CSV with the columns image and mask; labelme's JSON files.
    """
    if path.is_file():
        table = masks_in_table(path) if path.suffix.lower() in CSV_SUFFIXES else None
        return _dataset(path.parent, table.layout, decoding, reading, table.groups, boxed) if table else None
    tables = files_with(path, *CSV_SUFFIXES)
    for file in tables if len(tables) == 1 else []:
        if table := masks_in_table(file):
            return _dataset(path, table.layout, decoding, reading, table.groups, boxed)
    layout = find_layout(path, certain=reading.labels == "masks")
    if layout is not None:
        return _dataset(path, layout, decoding, reading, None, boxed)
    found = open_labelme(path, decoding, reading.on_bad, reading.unlabelled, reading.labels == "masks")
    if found and reading.instances:
        what = "--instances reads numbered masks from files, not yet labelme's shapes"
        raise UserError(
            what, printable(str(path)), "neocog convert labelme writes masks, whose pieces are objects then"
        )
    return found


def _dataset(
    root: Path, layout: Layout, decoding: Decoding, reading: Reading, groups: Array | None, boxed: bool
) -> Dataset:
    images, masks, splits = layout.pairs.images, layout.pairs.masks, layout.pairs.splits
    folders = [root / folder for folder in layout.listed]
    names, ignored = given_names(folders)
    names, colours = names or layout.names, given_colours(folders)
    closely = reading.instances or not (names or colours)
    looks, faults = _look(FileImages(root, images, decoding), FileImages(root, masks, decoding), closely)
    problems: list[UserError] = list(_partners(root, layout) if reading.unlabelled == "stop" else ())
    problems += faults[:MOST_TOLD]
    if len(faults) > MOST_TOLD:
        problems.append(UserError(f"{count(faults, 'mask')} cannot be used", f"the first {MOST_TOLD} are listed above"))
    ignore = reading.ignore if reading.ignore is not None else ignored if ignored is not None else layout.ignore
    given = Given(
        names, colours, ignore, reading.remap, printable(str(root)), reading.mask_values, reading.background
    )  # fmt: skip
    decided, chosen = None, decide_objects if reading.instances else decide_boxed if boxed else decide
    try:
        decided = chosen(looks, given) if len(looks) else None
    except UserError as error:
        problems.append(error)
    raise_all(problems)
    assert decided is not None  # without values there was a fault
    taken = [
        Taken(layout.kind, "images with their masks", f"{count(masks, 'pair')} of equal names", "--task classification")
    ]
    notes = [*layout.notes, *decided.notes]
    left = [LeftOut(name, "", "no mask") for name in layout.images] + [
        LeftOut(name, "", "a mask without an image") for name in layout.masks
    ]
    if left:
        notes.append(f"{len(left)} images or masks without partner left out")
    return Dataset(
        kind=layout.kind,
        root=root,
        names=images,
        labels=np.zeros(len(images), np.int64),
        classes=decided.classes,
        images=FileImages(root, images, decoding),
        splits=splits if (splits != "").any() else None,
        groups=groups,
        notes=tuple(notes),
        taken=(*taken, *decided.taken),
        left_out=tuple(left),
        masks=ObjectMasks(root, masks, decided.coding, decided.by, decoding)
        if decided.by
        else MaskFiles(root, masks, decided.coding, decoding),
    )


def _look(images: FileImages, masks: FileImages, pieces: bool) -> tuple[Looks, list[BadImage]]:
    """What the masks show; and the faults of those that cannot be read, or are not of their image's size."""

    def one(index: int) -> Look | BadImage:
        name = masks.files[index]
        try:
            with reading(masks, index):
                keys, kind = stored_values(masks.stored(index), masks.decoding, name)
        except BadImage as error:
            return BadImage(error.what, error.where, error.fix)
        if keys.shape != (size := _size(images, index) or keys.shape):
            shapes = f"{keys.shape[0]} × {keys.shape[1]}, its image {size[0]} × {size[1]} (height × width)"
            return BadImage(f"the mask has {shapes}", name, f"save it at the size of {images.files[index]}")
        return look(keys, kind, pieces)

    faults: dict[int, BadImage] = {}

    def sound() -> Iterator[Look]:
        for index, found in enumerate(in_threads(one, len(masks))):
            if isinstance(found, BadImage):
                faults[index] = found
            else:
                yield found

    looks = Looks.of(sound(), masks.files)
    if faults:  # the others are still checked, so that all that is wrong is told at once
        looks = replace(looks, names=[name for index, name in enumerate(masks.files) if index not in faults])
    return looks, list(faults.values())


def _size(images: FileImages, index: int) -> tuple[int, ...] | None:
    """Of the upright image; None where it cannot be read, which is told when its pixels are."""
    try:
        return images.header(index).size
    except BadImage:
        return None


def _partners(root: Path, layout: Layout) -> Iterator[UserError]:
    for noun, lack, names in (("image", "a mask", layout.images), ("mask", "an image", layout.masks)):
        if names:
            where = f"{printable(str(root))}: {_names(names)}"
            yield UserError(
                f"{count(names, noun)} without {lack}", where, "add the missing files, or --unlabelled skip"
            )


def _names(names: Sequence[str]) -> str:
    return listed(map(printable, names), 50)
