"""A path or a name → ``Dataset``. The layout is told from what is there; ``Dataset.kind`` says what it was taken for.

A reader is a function ``opened(path, decoding, reading)`` of a file or folder. It gives the ``Dataset`` of what it knows; None of
anything else; and of what looks like its own and is not, the evidence for that (``Taken``), which then stands in the data's
table. It reads from ``reading`` whether the user wants what it gives. ``LAYOUT`` of its module is what messages call it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from neocog.data.dataset import Dataset, Taken
from neocog.data.formats.decoding import DEFAULT, Decoding
from neocog.data.images import FileImages
from neocog.data.readers.classes import require_classes
from neocog.data.readers.memory import MEMORY, open_given
from neocog.data.readers.name_groups import bound
from neocog.data.readers.named import NAMES, open_named
from neocog.data.readers.reading import Reading
from neocog.data.readers.unknown import absent, unknown
from neocog.data.readers.values import values_in_names
from neocog.errors import UserError, count, printable, raise_all
from neocog.plugins import Registry, package_code

# Asked in this order; the first that knows a path reads it
READERS = Registry("neocog.readers", "reader", {
    "pairs": "neocog.data.readers.image_pairs:opened",  # only where they are asked for
    "masks": "neocog.data.readers.mask_open:opened",  # before class folders, since train/ trainannot/ look so
    "cifar": "neocog.data.readers.cifar:opened",
    "idx": "neocog.data.readers.idx:opened",
    "unlabelled": "neocog.data.readers.unlabelled:opened",
    "boxes": "neocog.data.readers.box_open:opened",
    "npz": "neocog.data.readers.npz:opened",
    "fasta": "neocog.data.readers.sequences:opened",
    "csv": "neocog.data.readers.table_open:opened",
    "folders": "neocog.data.readers.folders:opened",
})  # fmt: skip


def open_dataset(source: str | Path, decoding: Decoding = DEFAULT, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """The labelled samples of a path, or of a data set known by name (``neocog.data.readers.named.NAMES``).

    A text that is such a name means the name, even where a file is called so (``./digits`` means the file); a ``Path``
    is always a path. ``reading``: what the user says of it. Fewer classes than it wants are an error. Raises UserError.
    """
    if source == MEMORY:
        data = open_given(decoding, reading)
    elif isinstance(source, str) and source in NAMES:
        data = open_named(source)
        if os.path.lexists(source):
            note = f"the '{source}' in this folder was not looked at: write ./{source} to mean that"
            data = replace(data, notes=(*data.notes, note))
    else:
        data = _open_path(source, decoding, reading)
    if (
        isinstance(data.images, FileImages)
        and data.classes
        and all(len(name) == 1 and name.isalnum() for name in data.classes)
    ):
        data = replace(data, mirror=False)  # unless the data themselves show that a mirrored one keeps its class
    if data.has_classes:
        require_classes(data, reading.least_classes, str(source))
    raise_all(_without_effect(data, reading))
    data = _border_ignored(data) if reading.border_ignore else data
    return bound(data, reading)


def _border_ignored(data: Dataset) -> Dataset:
    """What the images' borders cut is ignored, and the table tells how much that is."""
    assert data.boxes is not None
    boxes = data.boxes.with_open_border()
    cut = int(boxes.ignored.sum() - data.boxes.ignored.sum())
    what = f"{count(cut, 'box')} at the border of their image"
    row = Taken(what, "ignored", "objects there may have no box", "--border-ignore")
    return replace(data, boxes=boxes, taken=(*data.taken, row))


def _without_effect(data: Dataset, reading: Reading) -> Iterator[UserError]:
    """Settings for other kinds of data than these."""
    for flag, given, kind in (("columns", reading.columns, "CSV"), ("levels", reading.levels, "class folders")):
        if given and not data.kind.startswith(kind):
            yield UserError(f"--{flag} has no effect on {data.kind}", str(data.root or ""), "leave it out")
    of_boxes = {"boxes-from": reading.boxes_from != "auto", "without-boxes": reading.without_boxes != "negative"}
    of_boxes["border-ignore"] = reading.border_ignore
    for flag, is_asked in of_boxes.items() if data.boxes is None else ():
        if is_asked:
            yield UserError(f"--{flag} is for boxes, not for {data.kind}", str(data.root or ""), "leave it out")
    if reading.first_pixel != "auto" and data.kind != "Pascal VOC":
        what = f"--first-pixel is for boxes of Pascal VOC, not for {data.kind}"
        yield UserError(what, str(data.root or ""), "leave it out")
    of_masks = {"instances": reading.instances, "background": reading.background, "remap": reading.remap}
    of_masks["mask-values"] = reading.mask_values != "auto"
    for flag, asked in of_masks.items() if data.masks is None and reading.boxes_from != "masks" else ():
        if asked:
            yield UserError(f"--{flag} is for masks, not for {data.kind}", str(data.root or ""), "leave it out")


def _open_path(source: str | Path, decoding: Decoding, reading: Reading) -> Dataset:
    path, shown = Path(source), printable(str(source))
    if "://" in str(source):
        raise UserError("an address is not a data set", shown, "download the files, and give the path of their folder")
    if reading.kind == "volumes":
        decoding = replace(decoding, volumes=True)
    try:
        if not (path.is_dir() or path.is_file()):
            raise absent(path, NAMES)
        for ask in (_by_ours, _by_packages, values_in_names):
            if (found := ask(path, decoding, reading)) is not None:
                return found
        raise unknown(path, reading, READERS, NAMES)
    except OSError as error:
        where = printable(os.fsdecode(error.filename)) if error.filename else shown
        raise UserError(f"cannot be read: {error.strerror}", where) from error


def _by_ours(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """What the first of our readers that knows the path makes of it."""
    passed: list[Taken] = []
    for name in READERS:
        found: Dataset | Taken | None = READERS.load(name)(path, decoding, reading)
        if isinstance(found, Dataset):
            return replace(found, taken=(*found.taken, *passed))
        passed += [found] if found else []
    return None


def _by_packages(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """What readers of installed packages make of a path that none of ours knows; "read as" names the package.

    One that is broken is no matter where another knows the path. Raises UserError where two do, or where none does and one
    is broken.
    """
    found, faults = dict[str, Dataset](), list[UserError]()
    for name in READERS.installed():
        who = f"'{name}' of the package {READERS.package(name)}"
        try:
            with package_code("reader", name, READERS.package(name)):
                data = READERS.load(name)(path, decoding, reading)
                if data is not None and not isinstance(data, Dataset):
                    raise TypeError(f"it gave a {type(data).__name__}, not a Dataset or None")
        except UserError as error:
            faults.append(error)
            continue
        if data is not None:
            by = Taken("the layout", f"read by {who}", "no reader of our own knows it")
            found[who] = replace(data, taken=(*data.taken, by))
    if len(found) > 1:
        raise UserError(
            f"two readers know this: {', '.join(found)}", printable(str(path)), "uninstall one of the packages"
        )
    raise_all(() if found else faults)
    return next(iter(found.values()), None)
