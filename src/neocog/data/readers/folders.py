"""Class folders: one folder a class, with or without train/, val/ and test/ above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS, Array, Dataset, LeftOut, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import IMAGE_SUFFIXES, VOLUME_SUFFIXES, is_junk, suffix_of
from neocog.data.formats.unread import DICOM, Format, format_of, is_dicom, refuse
from neocog.data.images import FileImages, form_of
from neocog.data.names import Names
from neocog.data.readers.classes import index_classes, look_alikes
from neocog.data.readers.labels import missing, refuse_missing
from neocog.data.readers.levels import SPLIT_NAMES as SPLIT_NAMES
from neocog.data.readers.levels import Levels, find_levels, given_levels
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, listed, printable, raise_all

LAYOUT = "class folders (cat/… dog/…), with or without train/ val/ test/ above them"
TEXTS = frozenset([".txt", ".json", ".xml", ".csv", ".tsv", ".md", ".yaml", ".yml", ".html", ".py"])


def is_image(name: str) -> bool:
    """Whether a file's name promises an image; what it holds is seen when it is read."""
    known = suffix_of(name) in IMAGE_SUFFIXES or name.lower().endswith(VOLUME_SUFFIXES)
    return known and not is_junk(name)


def entries(
    root: Path, below: str = "", problems: list[UserError] | None = None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below ``root/below`` as (path relative to the root, entry), in one order on every machine.

    Not entered: junk; links to folders (they may lead outside, or round in a circle); folders named like an image.
    """
    pending = [below]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as scan:
                found = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            if problems is not None:
                problems.append(UserError(f"cannot be read: {error.strerror}", printable(str(root / folder))))
            continue
        inner = []
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            yield path, entry
            if entry.is_dir(follow_symlinks=False) and not is_junk(entry.name) and not is_image(entry.name):
                inner.append(path)
        pending += reversed(inner)


@dataclass
class Found:
    """What lies below some folders beside images: counted, everything that was left out."""

    junk: int = 0
    others: Counter[str] = field(default_factory=Counter)  # suffix → files that are no images
    unread: list[tuple[str, Format]] = field(default_factory=list)  # pictures of formats that are not read
    containers: list[tuple[str, Format]] = field(
        default_factory=list
    )  # files of many samples, which are not read either
    links: list[str] = field(default_factory=list)  # to folders
    problems: list[UserError] = field(default_factory=list)

    def images(self, root: Path, below: str) -> Iterator[str]:
        """The image files of one folder; takes in what else lies there. Reading tells a folder or pipe that is named like one."""
        for path, entry in entries(root, below, self.problems):
            if is_junk(entry.name):
                self.junk += 1
            elif is_image(entry.name):
                yield path
            elif entry.is_symlink() and entry.is_dir():
                self.links.append(path)
            elif not entry.is_dir():
                self._add_other(root, path)

    def _add_other(self, root: Path, path: str) -> None:
        suffix = suffix_of(path)
        kind = format_of(path) or (DICOM if suffix not in TEXTS and is_dicom(root / path) else None)
        if kind:
            (self.unread if kind.picture else self.containers).append((path, kind))
        else:
            self.others[suffix or "no suffix"] += 1

    def left_out(self, label: Callable[[str], str]) -> tuple[LeftOut, ...]:
        """The pictures that are not read, each with its class."""
        return tuple(LeftOut(path, label(path), f"{kind.what}: not read") for path, kind in self.unread)


def split_folders(root: Path) -> dict[str, str]:
    """The folders that are parts of a given split, as {folder: "train" | "validation" | "test"}; or nothing.

    ``train/`` counts where it holds folders with images (a class may be called "train"); without it, every folder
    beside must be named after a part.
    """
    names = subfolders(root)
    inner = {name: subfolders(root / name) for name in names if name.lower() in SPLIT_NAMES}
    filled = {name for name, classes in inner.items() if any(_has_images(root / name / c) for c in classes)}
    if not any(SPLIT_NAMES[name.lower()] == "train" for name in filled) and len(filled) < len(names):
        return {}
    parts = {name: SPLIT_NAMES[name.lower()] for name, classes in inner.items() if classes}
    return dict(sorted(parts.items(), key=lambda item: (SPLITS.index(item[1]), item[0])))


def class_folders(root: Path) -> bool:
    """Whether some folder below ``root`` holds images."""
    return any(_has_images(root / name) for name in subfolders(root))


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, junk left out, links included, sorted; none where it cannot be read."""
    try:
        with os.scandir(folder) as scan:
            return sorted(entry.name for entry in scan if entry.is_dir() and not is_junk(entry.name))
    except OSError:
        return []


def _has_images(folder: Path) -> bool:
    return any(is_image(entry.name) for _, entry in entries(folder))


def read_folders(root: Path, decoding: Decoding, reading: Reading) -> Dataset:
    """The images below the class folders of ``root``. Class indices are the same in every part of a split.

    Raises UserError, all at once: empty class folders, linked folders, folders that cannot be read.
    """
    parts = {"": ""} if reading.levels else split_folders(root) or {"": ""}
    found, empty = Found(), list[str]()
    files = Names(_look(root, parts, found, empty))
    given, shown = parts != {"": ""}, printable(str(root))
    skipped = int(given)  # levels at the top that are parts of a split
    tops = {folder.split("/")[skipped] for folder in files.folders}
    raise_all([*found.problems, *_problems(root, parts, tops, empty, found)])
    folders = [tuple(folder.split("/")[skipped:-1]) for folder in files.folders]  # above the images, each once
    levels = _levels(folders, files.where, reading, shown)
    played = [levels.of(names) for names in folders]
    unknown = _unlabelled(played, files.where, reading, shown)
    raise_all(_unknown_parts(played, shown))
    used = np.array(["class" in roles for roles in played], bool) & ~unknown
    classes = np.full(len(folders), -1)
    classes[used], names = index_classes([roles["class"] for roles, one in zip(played, used, strict=True) if one])
    splits = np.array([
        SPLIT_NAMES[roles["split"].lower()] if "split" in roles else parts[folder.split("/")[0] if given else ""]
        for roles, folder in zip(played, files.folders, strict=True)
    ])  # fmt: skip
    groups = np.array([roles.get("group", "") for roles in played])
    left = [
        LeftOut(files[i], "", "not labelled" if unknown[files.where[i]] else "lies in no class folder")
        for i in np.flatnonzero(~used[files.where]).tolist()
    ]
    where = files.where[used[files.where]]
    files = files.take(np.flatnonzero(used[files.where]))
    return Dataset(
        kind=f"class folders with {' and '.join(f'{name}/' for name in parts)}" if given else "class folders",
        root=root,
        names=files,
        labels=classes[where],
        classes=names,
        images=FileImages(root, files, decoding),
        form=form_of(files, decoding),
        splits=splits[where] if (splits[used] != "").any() else None,
        groups=groups[where] if (groups[used] != "").any() else None,
        notes=(*_notes(root, parts, found), *look_alikes(names)),
        taken=(*_parts_taken(parts), *levels.taken),
        left_out=(
            *left,
            *found.left_out(lambda path: levels.of(tuple(path.split("/")[skipped:-1])).get("class", "")),
        ),
    )


def opened(path: Path, decoding: Decoding, reading: Reading) -> Dataset | None:
    """Class folders; None where no folder holds images, or what is wanted are values."""
    known = path.is_dir() and not reading.marks and reading.labels != "values" and class_folders(path)
    return read_folders(path, decoding, reading) if known else None


def _levels(folders: Sequence[tuple[str, ...]], where: Array, reading: Reading, shown: str) -> Levels:
    """The roles of the levels, as told or found. ``where`` (N,): which of the ``folders`` each image lies in."""
    if not reading.levels:
        images = Counter[tuple[str, ...]]()  # of train/cat and of test/cat as one
        for names, count in zip(folders, np.bincount(where, minlength=len(folders)).tolist(), strict=True):
            images[names] += count
        return find_levels(images, shown)
    levels = given_levels(reading.levels, shown)
    if len(levels.roles) > (depth := max(map(len, folders), default=0)):
        what = f"--levels {reading.levels} names {len(levels.roles)} levels, and the folders have {depth}"
        raise UserError(what, shown, "name a level for each")
    return levels


def _parts_taken(parts: dict[str, str]) -> Iterator[Taken]:
    if parts != {"": ""}:
        yield Taken("folder level 1", "given split", f"named so: {listed(parts)}", "--levels")


def _unlabelled(played: Sequence[dict[str, str]], where: Array, reading: Reading, shown: str) -> NDArray[np.bool_]:
    """Which folders are called nan and the like, where these are to be left out; else such folders are an error."""
    texts = [roles.get("class", "(none)") for roles in played]
    labels = np.array(texts, object)[where].tolist()  # of each image
    found = np.zeros(len(texts), np.bool_)
    if reading.unlabelled == "skip":
        found[where[sorted(missing(labels, reading)[0])]] = True
    else:
        refuse_missing(labels, reading, shown)
    return found


def _unknown_parts(played: Sequence[dict[str, str]], shown: str) -> Iterator[UserError]:
    names = {roles["split"] for roles in played if "split" in roles}
    if unknown := sorted(name for name in names if name.lower() not in SPLIT_NAMES):
        yield UserError(
            f"folders that are no part of a split: {listed(unknown)}", shown, "call them train, val and test"
        )


def _look(root: Path, parts: dict[str, str], found: Found, empty: list[str]) -> Iterator[str]:
    """The images below the class folders; ``found`` and ``empty`` hear of what else is there, and of folders without images."""
    for folder in {"", *parts}:
        found.junk += sum(is_junk(name) for name in os.listdir(root / folder))  # noqa: PTH208 (names only)
    for folder in parts:
        if (root / folder).is_symlink() and folder:
            found.links.append(folder)
            continue
        for name in subfolders(root / folder):
            path = f"{folder}/{name}" if folder else name
            if (root / path).is_symlink():
                found.links.append(path)
                continue
            images = found.images(root, path)
            if (first := next(images, None)) is None:
                empty.append(path)
            else:
                yield first
                yield from images


def _problems(
    root: Path, parts: dict[str, str], classes: set[str], empty: Sequence[str], found: Found
) -> Iterable[UserError]:
    shown, links = printable(str(root)), found.links
    like_parts = sorted(name for name in classes if name.lower() in SPLIT_NAMES)
    if len({SPLIT_NAMES[name.lower()] for name in like_parts}) > 1:
        what = f"{' and '.join(f'{name}/' for name in like_parts)} hold images, not class folders"
        yield UserError(what, shown, "put a folder for each class into them, or give a CSV")
    twice = [split for split, count in Counter(parts.values()).items() if count > 1]
    if twice:
        same = [f"{name}/" for name, split in parts.items() if split in twice]
        yield UserError(f"several folders for one part: {listed(same)}", shown, "keep one of them, or merge them")
    unread = [(path, kind) for path, kind in found.unread if any(path.startswith(f"{folder}/") for folder in empty)]
    if unread:
        yield refuse(unread, shown)
    empty = [folder for folder in empty if not any(path.startswith(f"{folder}/") for path, _ in unread)]
    if empty:
        what = f"{count(empty, 'class folder')} without images: {listed(f'{name}/' for name in empty)}"
        yield UserError(what, shown, "put images in or remove the folders")
    if links:
        what = f"{count(links, 'link')} to folders: {listed(links)}"
        yield UserError(what, shown, "links to folders are not followed: put the folders themselves here")


def _notes(root: Path, parts: dict[str, str], found: Found) -> Iterable[str]:
    if found.junk:
        yield f"{found.junk} hidden or system files and folders ignored"
    if found.unread:
        kinds = [f"{n} {what}" for what, n in Counter(kind.what for _, kind in found.unread).most_common()]
        yield f"{count(found.unread, 'picture')} of formats that are not read: {listed(kinds)}"
    if found.others:
        kinds = [f"{count} {suffix}" for suffix, count in found.others.most_common()]
        yield f"{count(found.others.total(), 'file')} of other kinds ignored: {listed(kinds)}"
    beside = [name for name in subfolders(root) if name not in parts] if parts != {"": ""} else []
    if beside:
        yield f"ignored beside {' and '.join(f'{name}/' for name in parts)}: {listed(f'{name}/' for name in beside)}"
    for folder in parts:
        stray = sorted(file.name for file in (root / folder).iterdir() if is_image(file.name) and file.is_file())
        if stray:
            yield f"{count(stray, 'image')} in no class folder ignored: {listed(stray, 3)}"
