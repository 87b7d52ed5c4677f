"""What a Python program holds → ``Dataset``: arrays, tensors, frames, lists of images, torch's and Hugging Face's data sets.

Each is told by what it is; no library is imported to find out. The settings of a run name such data ``MEMORY``, and only
while ``given`` holds them can they be opened.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neocog.data.dataset import Array, Dataset, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.names import Names
from neocog.data.readers.array_labels import indexed, labels_of, values_of
from neocog.data.readers.arrays import array_dataset, load_images
from neocog.data.readers.frames import image_column, is_frame, read_frame
from neocog.data.readers.held import Held, ImageList, as_array
from neocog.data.readers.image_pairs import paired
from neocog.data.readers.mask_arrays import with_masks
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, listed, raise_all

MEMORY = "<memory>"  # no file of a careful user is called so, and no shell passes it on
KNOWN = (
    "give (images, labels), (images, labels, groups), (images, masks), a frame with the columns image and label, "
    "a torch Dataset of (image, label), or a Hugging Face Dataset with the columns image and label"
)
IMAGES, LABELS = ("image", "img", "images"), ("label", "labels", "fine_label", "target")
_GIVEN: ContextVar[Any] = ContextVar("given", default=None)


def is_path(source: object) -> bool:
    """Whether data are named, and not given as they are."""
    return isinstance(source, str | os.PathLike)


@contextmanager
def given(source: Any) -> Iterator[Any]:
    """While the block runs, ``MEMORY`` names ``source``. Yields the name; paths, and None, are names themselves."""
    if source is None or is_path(source):
        yield source
        return
    token = _GIVEN.set(source)
    try:
        yield MEMORY
    finally:
        _GIVEN.reset(token)


def images_of(source: Any) -> Any:
    """The images of a frame, as paths, or of a data set, as its items have them; of a series, an iterator or an array of names a
    list; all else as it is. Raises UserError."""
    if is_frame(source):
        return image_column(source)
    if _is_hugging_face(source):
        name = next((name for name in IMAGES if name in source.column_names), None)
        if name is None:
            what = f"no column image among {listed(source.column_names)}"
            raise UserError(what, MEMORY, "rename_column(…) names it so")
        return list(_Column(source, name))
    if _is_torch(source):
        items = (source[i] for i in range(len(source)))
        return [item[0] if isinstance(item, tuple | list) else item for item in items]
    if isinstance(source, Iterator) or hasattr(source, "to_list"):  # pandas' and polars' series have that
        return list(source)
    return source.tolist() if isinstance(source, np.ndarray) and source.dtype.kind in "OU" else source


def open_given(decoding: Decoding, reading: Reading) -> Dataset:
    """The samples that ``given`` holds. Raises UserError, also where it holds none."""
    source = _GIVEN.get()
    if source is None:
        fix = "give them again: neocog.resume(run, data=(x, y)), neocog.evaluate(run, (x, y)), neocog.stress(run, on=(x, y))"
        raise UserError("the data of this run came from memory, not from a file", MEMORY, fix)
    if is_frame(source):
        return read_frame(source, decoding, reading)
    if _is_hugging_face(source):
        return _hugging_face(source, decoding, reading)
    if isinstance(source, dict):  # a DatasetDict is one
        what = f"a {type(source).__name__} of {listed(map(str, source))} is several things"
        raise UserError(what, MEMORY, "give one of them, such as data['train']")
    if _is_torch(source):
        return _torch(source, decoding, reading)
    if isinstance(source, list) and source and all(isinstance(item, tuple) and len(item) == 2 for item in source):
        images, labels = map(list, zip(*source, strict=True))
        return _labelled(images, labels, decoding, reading, "a list of (image, label)")
    if isinstance(source, tuple) and len(source) in (2, 3):
        data = _labelled(source[0], source[1], decoding, reading)
        return _grouped(data, source[2], reading) if len(source) == 3 else data
    if hasattr(source, "shape") or isinstance(source, list):
        return _labelled(source, None, decoding, reading)
    raise UserError(f"a {type(source).__name__} is not a data set that neocog takes", MEMORY, KNOWN)


def _is_torch(source: object) -> bool:
    data = sys.modules.get("torch.utils.data")
    return data is not None and isinstance(source, data.Dataset)


def _is_hugging_face(source: object) -> bool:
    datasets = sys.modules.get("datasets")
    return datasets is not None and isinstance(source, datasets.Dataset)


def _labelled(images: Any, labels: Any, decoding: Decoding, reading: Reading, kind: str = "") -> Dataset:
    """``images``: (N, …) or a list; ``labels``: (N,), (N, V), (N, H, W), images that are wanted, or a list; None: without."""
    raise_all(_countable(images, "images") + _countable(labels, "labels"))
    images, count = images_of(images), len(images)
    if not count:
        raise UserError("no images", MEMORY, KNOWN)
    if labels is not None and len(labels) != count:
        what = f"{count:,} images but {len(labels):,} labels"
        raise UserError(what, MEMORY, "give one label for each image")
    data = replace(_images(images, decoding, reading), kind=kind or f"{_what(images)} in memory")
    if reading.labels == "pairs":
        wanted = None if labels is None else _images(labels, decoding, reading).images
        return paired(data, wanted, reading, MEMORY)
    if labels is None:
        if reading.labels not in ("none", "any"):
            raise UserError("images without labels", MEMORY, f'{KNOWN}; or a task that needs none, such as task="vae"')
        return data
    known = as_array(labels, "labels")
    if known.ndim >= 3 or reading.labels == "masks":
        return with_masks(data, known, reading, MEMORY)
    return _with_targets(data, known, reading)


def _grouped(data: Dataset, groups: Any, reading: Reading) -> Dataset:
    """``data`` with the group of each sample (N,), such as its patient, as numbers or text."""
    raise_all(_countable(groups, "groups"))
    if len(groups) != len(data):
        raise UserError(f"{len(data):,} images but {len(groups):,} groups", MEMORY, "give one group for each image")
    if reading.groups:
        raise UserError(
            f"--groups {reading.groups}, and groups are given with the images", MEMORY, "give one of the two"
        )
    known = as_array(groups, "groups")
    if known.ndim != 1:
        raise UserError(f"groups of shape {known.shape}", "groups", "give one for each image, (N,)")
    names = np.array([str(name) for name in labels_of(known, "groups", reading)])
    taken = Taken("groups", "group", f"{len(np.unique(names)):,} different, as given")
    return replace(data, groups=names, taken=(*data.taken, taken))


def _countable(several: Any, name: str) -> list[UserError]:
    """What is wrong with images or labels that nobody can count, such as a generator, a number or one text."""
    if several is None or (
        isinstance(several, Sized) and not isinstance(several, str) and bool(getattr(several, "ndim", 1))
    ):
        return []
    return [UserError(f"{type(several).__name__}: not one for each sample", name, "give an array or a list")]


def _images(images: Any, decoding: Decoding, reading: Reading) -> Dataset:
    """The samples without labels."""
    none = np.zeros(len(images), np.int64)
    if hasattr(images, "shape"):
        held = Held.of(as_array(images, "images"), "images")
        array, notes = load_images([held], reading.kind, reading.max_pixels)
        return array_dataset("", None, array, [("", len(array))], none, (), notes)
    names = Names(f"images[{i}]" for i in range(len(images)))
    return Dataset("", None, names, none, (), ImageList(images, names, decoding))


def _what(images: Any) -> str:
    """ "numpy array", "list of Image": what was given, for people."""
    if hasattr(images, "shape"):
        return f"{type(images).__module__.partition('.')[0]} array"
    return f"{type(images).__name__} of {type(images[0]).__name__}"


def _with_targets(data: Dataset, labels: Array, reading: Reading) -> Dataset:
    """``data`` with classes, or with values, as an NPZ file's arrays are read."""
    if labels.ndim > 2:
        raise UserError(f"labels of shape {labels.shape}", "labels", "give (N,), one-hot (N, K) or values (N, V)")
    where = ["labels"]
    if found := values_of([labels], where, "labels", reading):
        values, evidence = found
        width = values.shape[1]
        target_names = ("value",) if width == 1 else tuple(f"value {i}" for i in range(width))
        taken = (Taken("labels", "target", evidence, "--task classification"),)
        return replace(data, values=values, target_names=target_names, taken=taken)
    indices, classes = indexed([labels_of(labels, "labels", reading)], Path("labels"))
    every = map(str, range(labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else 0))
    return _without_samples(replace(data, labels=indices, classes=classes), every)


def _torch(source: Any, decoding: Decoding, reading: Reading) -> Dataset:
    """A map-style data set of (image, label); ``targets`` and ``classes`` as torchvision's have them."""
    if not hasattr(source, "__len__"):
        raise UserError("a torch data set without a length", MEMORY, "give a map-style Dataset, with __len__")
    first = source[0] if len(source) else None
    if not isinstance(first, tuple | list) or len(first) != 2:
        raise UserError("a torch data set whose items are not (image, label)", MEMORY, KNOWN)
    labels = getattr(source, "targets", None)
    if labels is None or len(labels) != len(source):
        labels = [source[i][1] for i in range(len(source))]
    data = _labelled(_Column(source, 0), labels, decoding, reading, f"a torch {type(source).__name__}")
    return _named(data, _class_names(source))


def _class_names(source: Any) -> tuple[str, ...] | None:
    """torchvision's ``classes``: those of a data set, or of what it is a part or a chain of. Raises UserError where they differ."""
    if (names := getattr(source, "classes", None)) is not None:
        return tuple(names)
    parts = getattr(source, "datasets", None) or [
        part for part in [getattr(source, "dataset", None)] if _is_torch(part)
    ]
    found = {names for part in parts if (names := _class_names(part)) is not None}
    if len(found) > 1:
        what = f"data sets with different classes in one: {' and '.join(listed(names) for names in sorted(found))}"
        raise UserError(what, MEMORY, "give them the same classes, in one order")
    return found.pop() if found else None


def _hugging_face(source: Any, decoding: Decoding, reading: Reading) -> Dataset:
    """Columns image and label; the classes' names where the feature has them."""
    columns = list(source.column_names)
    image = next((name for name in IMAGES if name in columns), None)
    label = next((name for name in LABELS if name in columns), None)
    missing = [role for role, name in (("image", image), ("label", label)) if name is None]
    if missing:
        raise UserError(f"no column {listed(missing)} among {listed(columns)}", MEMORY, "rename_column(…) names it so")
    data = _labelled(_Column(source, image), source[label][:], decoding, reading, "a Hugging Face Dataset")
    return _named(data, getattr(source.features[label], "names", None))


def _named(data: Dataset, names: Sequence[str] | None) -> Dataset:
    """``data`` whose classes 0, 1, … are called ``names``."""
    if not names or not data.has_classes or not all(each.isdigit() and int(each) < len(names) for each in data.classes):
        return data
    named = replace(data, classes=tuple(str(names[int(each)]) for each in data.classes))
    return _without_samples(named, map(str, names))


def _without_samples(data: Dataset, every: Iterable[str]) -> Dataset:
    """``data`` with a note on those of all classes that no sample has: a network cannot answer them."""
    lacking = [name for name in every if name not in data.classes]
    note = f"classes without a sample, which are left out: {listed(lacking)}"
    return replace(data, notes=(*data.notes, note)) if lacking else data


class _Column(Sequence[Any]):
    """One part of each item of a data set, had when it is asked for."""

    def __init__(self, source: Any, key: Any) -> None:
        self._source, self._key = source, key

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        return self._source[index][self._key]
