"""A path or a name → ``Dataset``. The layout is told from what is there; ``Dataset.kind`` says what it was taken for."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from neocog.data.dataset import Dataset, Taken
from neocog.data.formats.decoding import DEFAULT, Decoding
from neocog.data.formats.files import is_junk
from neocog.data.formats.unread import DICOM, Format, format_of, is_dicom, refuse
from neocog.data.images import FileImages
from neocog.data.readers.box_open import BOX_LAYOUTS, boxes_of
from neocog.data.readers.cifar import find_cifar
from neocog.data.readers.classes import require_classes
from neocog.data.readers.folders import Found, class_folders, entries, is_image, read_folders
from neocog.data.readers.foreign import annotated
from neocog.data.readers.idx import find_idx
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.memory import MEMORY, open_given
from neocog.data.readers.name_groups import bound
from neocog.data.readers.named import NAMES, open_named
from neocog.data.readers.npz import read_npz
from neocog.data.readers.photographs import photographs_beside
from neocog.data.readers.reading import Reading
from neocog.data.readers.sequence_table import describes_sequences, read_sequence_table
from neocog.data.readers.table import CSV_SUFFIXES, describes_images, read_listing, read_table
from neocog.data.readers.unlabelled import read_unlabelled
from neocog.data.readers.values import read_values, values_in_names
from neocog.errors import UserError, did_you_mean, listed, printable, raise_all
from neocog.plugins import Registry, package_code

LAYOUTS = (
    "class folders (cat/… dog/…), with or without train/ val/ test/ above them; a CSV with the columns image and label, "
    "image and values, or sequence and label; FASTA; "
    "images with masks (images/ masks/) or boxes (VOC, COCO, YOLO and others); "
    f"MNIST IDX files; CIFAR-10/100 files; an NPZ of images or volumes with labels; or a name: {', '.join(NAMES)}"
)
MASK_LAYOUTS = (
    "images/ with masks/, labels/ or annotations/ of equal names; x_mask.png beside x.png; train/ with trainannot/; "
    "Pascal VOC; nnU-Net; a CSV with the columns image and mask; labelme JSON beside images"
)
# Where archives and other programs put the files below the folder that one names.
INNER = (
    "cifar-10-batches-bin",
    "cifar-10-batches-py",
    "cifar-100-binary",
    "cifar-100-python",
    "raw",
    "MNIST/raw",
    "FashionMNIST/raw",
)
# Asked in this order: each is (path, decoding, reading) → Dataset, or None for what it does not know
READERS = Registry("neocog.readers", "reader", {
    "npz": "neocog.data.readers.npz:opened",
    "fasta": "neocog.data.readers.sequences:opened",
    "csv": "neocog.data.readers.detect:open_csv",
    "idx": "neocog.data.readers.idx:opened",
    "cifar": "neocog.data.readers.cifar:opened",
})  # fmt: skip
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
MOST_COUNTED = 100_000  # files looked at to say what an unknown folder holds


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
    return bound(data, reading)


def _without_effect(data: Dataset, reading: Reading) -> Iterator[UserError]:
    """Settings for other kinds of data than these."""
    for flag, given, kind in (("columns", reading.columns, "CSV"), ("levels", reading.levels, "class folders")):
        if given and not data.kind.startswith(kind):
            yield UserError(f"--{flag} has no effect on {data.kind}", str(data.root or ""), "leave it out")
    of_boxes = {"boxes-from": reading.boxes_from != "auto", "without-boxes": reading.without_boxes != "negative"}
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
        raise UserError("an address is no data set", shown, "download the files, and give the path of their folder")
    try:
        if path.is_dir() and reading.labels == "none" and not (find_idx(path) or find_cifar(path)):
            return read_unlabelled(path, decoding)
        if path.is_dir() and reading.labels == "any" and not _has_layout(path):
            return read_unlabelled(path, decoding)
        if reading.kind == "volumes":
            decoding = replace(decoding, volumes=True)
        if reading.labels in ("auto", "masks") and (masked := _open_masks(path, decoding, reading)):
            return masked
        if reading.labels == "boxes" and (path.is_dir() or path.is_file()):
            return _open_boxes(path, decoding, reading)
        if path.is_dir():
            return _open_folder(path, decoding, reading)
        if path.is_file():
            return _open_file(path, decoding, reading)
    except OSError as error:
        where = printable(os.fsdecode(error.filename)) if error.filename else shown
        raise UserError(f"cannot be read: {error.strerror}", where) from error
    if os.path.lexists(path):
        raise UserError("not a regular file or folder, or a broken link", shown, f"neocog reads {LAYOUTS}")
    raise UserError("no such file, folder or name", shown, f"{did_you_mean(shown, NAMES)}names: {', '.join(NAMES)}")


def _open_masks(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """Images with masks, where the path has them; asked for before class folders, since train/ trainannot/ look so."""
    known = path.is_dir() and (find_idx(path) or find_cifar(path))
    if known or reading.kind == "volumes" or not (path.is_dir() or path.is_file()):
        return None
    if path.is_dir() and reading.labels == "auto" and (count := photographs_beside(path, decoding)):
        data = _open_folder(path, decoding, reading)
        evidence = f"{count:,} files with many colours, hardly two neighbours alike: photographs, no masks"
        return replace(
            data, taken=(*data.taken, Taken("_mask in file names", "not used", evidence, "--task segmentation"))
        )
    found = open_masks(path, decoding, reading)
    if found is None and reading.labels == "masks":
        raise_all([*filter(None, [annotated(path) if path.is_dir() else None])])
        raise UserError("no masks found", printable(str(path)), f"neocog reads {MASK_LAYOUTS}")
    return found


def _open_boxes(path: Path, decoding: Decoding, reading: Reading) -> Dataset:
    """Images with boxes, which are asked for."""
    for asked in (boxes_of, _by_packages):
        if (found := asked(path, decoding, reading)) is not None:
            return found
    raise UserError("no boxes found", printable(str(path)), f"neocog reads {BOX_LAYOUTS}")


def _open_file(path: Path, decoding: Decoding, reading: Reading) -> Dataset:
    suffix, shown = path.suffix.lower(), printable(str(path))
    for asked in (boxes_of, _by_ours, _by_packages):
        if (found := asked(path, decoding, reading)) is not None:
            return found
    if suffix in ARCHIVES:
        raise UserError("an archive: these are not unpacked", shown, "unpack it yourself, and give the folder")
    if kind := format_of(path.name) or (DICOM if is_dicom(path) else None):
        raise refuse([(path.name, kind)], str(path))
    what = "one image is no data set" if is_image(path.name) else f"a file of no known layout ({suffix or 'no suffix'})"
    raise UserError(what, shown, f"neocog reads {LAYOUTS}")


def _open_folder(path: Path, decoding: Decoding, reading: Reading) -> Dataset:
    for folder in (path, *(path / inner for inner in INNER)):
        if folder.is_dir() and (found := _by_ours(folder, decoding, reading)) is not None:
            return found
    if (boxed := boxes_of(path, decoding, reading)) is not None:
        return boxed
    tables, archives = _files(path, *CSV_SUFFIXES), _files(path, ".npz")
    folders = class_folders(path)
    if len(tables) == 1 and (not folders or reading.labels == "values" or _describes_images(tables[0])):
        return _read_csv(tables[0], decoding, reading)
    if reading.labels == "values":
        if (found := _by_packages(path, decoding, reading)) is not None:
            return found
        return values_in_names(path, decoding)
    if folders:
        return read_folders(path, decoding, reading)
    if len(archives) == 1 and not tables:
        return read_npz(archives[0], reading)
    if (found := _by_packages(path, decoding, reading)) is not None:
        return found
    if tables or archives:
        what = f"{len(tables)} CSV and {len(archives)} NPZ files, and no class folders"
        names = listed(file.name for file in (*tables, *archives))
        raise UserError(what, f"{printable(str(path))}: {names}", "name the one to read")
    if unread := _unread(path):
        raise refuse(unread, str(path))
    raise UserError(f"no known layout: {_seen(path)}", printable(str(path)), f"neocog reads {LAYOUTS}")


def _by_ours(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """The first of our readers that knows the path."""
    for name in READERS:
        found: Dataset | None = READERS.load(name)(path, decoding, reading)
        if found is not None:
            return found
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


def open_csv(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """A table; None for what is none by its name, unless sequences are asked for."""
    table = path.is_file() and (path.suffix.lower() in CSV_SUFFIXES or reading.kind == "sequences")
    return _read_csv(path, decoding, reading) if table else None


def _has_layout(path: Path) -> bool:
    """Whether a folder says of its images what they show."""
    known = any(find_idx(folder) or find_cifar(folder) for folder in (path, *(path / inner for inner in INNER)))
    return known or bool(class_folders(path) or _files(path, *CSV_SUFFIXES, ".npz"))


def _read_csv(table: Path, decoding: Decoding, reading: Reading) -> Dataset:
    """Sequences, or images with labels or values."""
    if reading.kind == "sequences" or (reading.kind == "auto" and describes_sequences(table)):
        return read_sequence_table(table, reading)
    listing = read_listing(table, reading)
    return read_values(listing, decoding) if listing.columns.values else read_table(listing, decoding)


def _describes_images(table: Path) -> bool:
    try:
        return describes_images(table)
    except UserError:  # some other file that happens to end in .csv: the class folders beside it are the data
        return False


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not is_junk(file.name) and file.is_file()
    )


def _unread(folder: Path) -> list[tuple[str, Format]]:
    """Files below a folder whose format is known and not read."""
    found = Found()
    deque(found.images(folder, ""), 0)
    return [*found.unread, *found.containers]


def _seen(folder: Path) -> str:
    """ "3 folders, 12 image files (none in a folder of its class), 2 .txt": what an unknown folder holds."""
    counts: Counter[str] = Counter()
    for _, entry in islice(entries(folder), MOST_COUNTED):
        kind = "folders" if entry.is_dir() else Path(entry.name).suffix.lower() or "other files"
        counts["image files" if is_image(entry.name) else kind] += 1
    direct = sum(is_image(file.name) for file in folder.iterdir())
    seen = ", ".join(f"{count} {kind}" for kind, count in counts.most_common(8) if count)
    return (seen or "the folder is empty") + (f"; {direct} images lie in no class folder" if direct else "")
