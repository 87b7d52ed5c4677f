"""Class folders: one folder a class, with or without train/, val/ and test/ above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neocog.data.classes import index_classes, look_alikes
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.decoding import Decoding
from neocog.data.files import IMAGE_SUFFIXES, is_junk
from neocog.data.images import FileImages
from neocog.errors import UserError, listed, printable, raise_all

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


def is_image(name: str) -> bool:
    """Whether a file's name promises an image; what it holds is seen when it is read."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not is_junk(name)


@dataclass
class Walk:
    """What was found below some folders: image files and, counted, everything that was left out."""

    images: list[str] = field(default_factory=list)
    junk: int = 0
    others: Counter[str] = field(default_factory=Counter)  # suffix → files that are no images
    links: list[str] = field(default_factory=list)
    problems: list[UserError] = field(default_factory=list)


def walk(root: Path, below: str, found: Walk) -> None:
    """Add everything below ``root/below`` to ``found``; paths are relative to the root, in one order on every machine.

    Links to folders are not followed (they may lead outside, or round in a circle). A folder named like an image
    counts as an image: reading it says what it is.
    """
    try:
        with os.scandir(root / below) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        found.problems.append(UserError(f"cannot be read: {error.strerror}", printable(str(root / below))))
        return
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        suffix = Path(entry.name).suffix.lower()
        if is_junk(entry.name):
            found.junk += 1
        elif is_image(entry.name):
            found.images.append(path)
        elif entry.is_dir(follow_symlinks=False):
            walk(root, path, found)
        elif entry.is_dir():
            found.links.append(path)
        else:
            found.others[suffix or "no suffix"] += 1


def split_folders(root: Path) -> dict[str, str]:
    """The folders that are parts of a given split, as {folder: "train" | "validation" | "test"}; or nothing.

    ``train/`` counts where it holds folders with images (a class may be called "train"); without it, every folder
    beside must be named after a part.
    """
    names = subfolders(root)
    parts = {
        name: SPLIT_NAMES[name.lower()]
        for name in names
        if name.lower() in SPLIT_NAMES and any(_has_images(root / name / inner) for inner in subfolders(root / name))
    }
    if "train" not in parts.values() and len(parts) < len(names):
        return {}
    return dict(sorted(parts.items(), key=lambda item: (SPLITS.index(item[1]), item[0])))


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, junk left out, links included, sorted; none where it cannot be read."""
    try:
        with os.scandir(folder) as scan:
            return sorted(entry.name for entry in scan if entry.is_dir() and not is_junk(entry.name))
    except OSError:
        return []


def _has_images(folder: Path) -> bool:
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_junk(name)]
        if any(is_image(name) for name in files):
            return True
    return False


def read_folders(root: Path, decoding: Decoding) -> Dataset:
    """The images below the class folders of ``root``. Class indices are the same in every part of a split.

    Raises UserError, all at once: empty class folders, linked folders, folders that cannot be read.
    """
    parts = split_folders(root) or {"": ""}
    found = Walk()
    empty: list[str] = []
    classes: list[str] = []
    splits: list[str] = []
    for folder, split in parts.items():
        for name in subfolders(root / folder):
            path, before = (f"{folder}/{name}" if folder else name), len(found.images)
            if (root / path).is_symlink():
                found.links.append(path)
                continue
            walk(root, path, found)
            classes += [name] * (len(found.images) - before)
            splits += [split] * (len(found.images) - before)
            if len(found.images) == before:
                empty.append(path)
    raise_all([*found.problems, *_problems(root, parts, empty, found.links)])
    labels, names = index_classes(classes)
    given = parts != {"": ""}
    return Dataset(
        kind=f"class folders with {' and '.join(f'{name}/' for name in parts)}" if given else "class folders",
        root=root,
        names=tuple(found.images),
        labels=labels,
        classes=names,
        images=FileImages(root, found.images, decoding),
        splits=np.array(splits) if given else None,
        notes=(*_notes(root, parts, found), *look_alikes(names)),
    )


def _problems(root: Path, parts: dict[str, str], empty: Sequence[str], links: Sequence[str]) -> Iterable[UserError]:
    twice = [split for split, count in Counter(parts.values()).items() if count > 1]
    if twice:
        same = [f"{name}/" for name, split in parts.items() if split in twice]
        yield UserError(f"several folders for one part: {listed(same)}", str(root), "keep one of them, or merge them")
    if empty:
        what = f"{len(empty)} class folders without images: {listed(f'{name}/' for name in empty)}"
        yield UserError(what, printable(str(root)), "put images in or remove the folders")
    if links:
        what = f"{len(links)} links to folders: {listed(links)}"
        yield UserError(
            what, printable(str(root)), "links to folders are not followed: put the folders themselves here"
        )


def _notes(root: Path, parts: dict[str, str], found: Walk) -> Iterable[str]:
    if found.junk:
        yield f"{found.junk} hidden or system files and folders ignored"
    if found.others:
        kinds = [f"{count} {suffix}" for suffix, count in found.others.most_common()]
        yield f"{found.others.total()} files that are no images ignored: {listed(kinds)}"
    beside = [name for name in subfolders(root) if name not in parts] if parts != {"": ""} else []
    if beside:
        yield f"ignored beside {' and '.join(f'{name}/' for name in parts)}: {listed(f'{name}/' for name in beside)}"
    for folder in parts:
        stray = sorted(entry.name for entry in os.scandir(root / folder) if is_image(entry.name) and entry.is_file())
        if stray:
            yield f"{len(stray)} images in no class folder ignored: {listed(stray, 3)}"
