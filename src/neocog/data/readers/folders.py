"""Class folders: one folder a class, with or without train/, val/ and test/ above them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neocog.data.dataset import SPLITS, Dataset, LeftOut, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.files import IMAGE_SUFFIXES, VOLUME_SUFFIXES, is_junk, suffix_of
from neocog.data.formats.unread import DICOM, Format, format_of, is_dicom, refuse
from neocog.data.images import FileImages, form_of
from neocog.data.names import Names
from neocog.data.readers.classes import index_classes, look_alikes
from neocog.data.readers.labels import missing, refuse_missing
from neocog.data.readers.levels import SPLIT_NAMES as SPLIT_NAMES
from neocog.data.readers.levels import find_levels, told_levels
from neocog.data.readers.reading import Reading
from neocog.errors import UserError, listed, printable, raise_all

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
    """What lies below some class folders: image files and, counted, everything that was left out."""

    images: list[str] = field(default_factory=list)
    junk: int = 0
    others: Counter[str] = field(default_factory=Counter)  # suffix → files that are no images
    unread: list[tuple[str, Format]] = field(default_factory=list)  # pictures of formats that are not read
    containers: list[tuple[str, Format]] = field(
        default_factory=list
    )  # files of many samples, which are not read either
    links: list[str] = field(default_factory=list)  # to folders
    problems: list[UserError] = field(default_factory=list)

    def add(self, root: Path, below: str) -> int:
        """Take in one class folder; the count of its images. Reading tells a folder or pipe that is named like one."""
        before = len(self.images)
        for path, entry in entries(root, below, self.problems):
            if is_junk(entry.name):
                self.junk += 1
            elif is_image(entry.name):
                self.images.append(path)
            elif entry.is_symlink() and entry.is_dir():
                self.links.append(path)
            elif not entry.is_dir():
                self._add_other(root, path)
        return len(self.images) - before

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
    found, splits, empty = _look(root, parts)
    tops = {name.split("/")[0 if folder == "" else 1] for folder in parts for name in found.images}
    raise_all([*found.problems, *_problems(root, parts, tops, empty, found)])
    skipped = 0 if parts == {"": ""} else 1
    folders = [tuple(name.split("/")[skipped:-1]) for name in found.images]
    shown = printable(str(root))
    levels = told_levels(reading.levels, shown) if reading.levels else find_levels(folders, shown)
    if reading.levels and len(levels.roles) > (depth := max(map(len, folders), default=0)):
        what = f"--levels {reading.levels} names {len(levels.roles)} levels, and the folders have {depth}"
        raise UserError(what, shown, "name a level for each")
    played = [levels.of(names) for names in folders]
    unknown = _unlabelled(played, reading, shown)
    kept = [i for i, roles in enumerate(played) if "class" in roles and i not in unknown]
    raise_all(_unknown_parts(played, shown))
    files = Names(found.images[i] for i in kept)
    labels, names = index_classes([played[i]["class"] for i in kept])
    inner = [SPLIT_NAMES[played[i]["split"].lower()] if "split" in played[i] else splits[i] for i in kept]
    groups = np.array([played[i].get("group", "") for i in kept])
    given = parts != {"": ""}
    why = {i: "not labelled" if i in unknown else "lies in no class folder" for i in range(len(played))}
    shallow = [LeftOut(found.images[i], "", why[i]) for i in sorted(why.keys() - {*kept})]
    return Dataset(
        kind=f"class folders with {' and '.join(f'{name}/' for name in parts)}" if given else "class folders",
        root=root,
        names=files,
        labels=labels,
        classes=names,
        images=FileImages(root, files, decoding),
        form=form_of(files, decoding),
        splits=np.array(inner) if any(inner) else None,
        groups=groups if (groups != "").any() else None,
        notes=(*_notes(root, parts, found), *look_alikes(names)),
        taken=(*_parts_taken(parts), *levels.taken),
        left_out=(
            *shallow,
            *found.left_out(lambda path: levels.of(tuple(path.split("/")[skipped:-1])).get("class", "")),
        ),
    )


def _parts_taken(parts: dict[str, str]) -> Iterator[Taken]:
    if parts != {"": ""}:
        yield Taken("folder level 1", "given split", f"named so: {listed(parts)}", "--levels")


def _unlabelled(played: Sequence[dict[str, str]], reading: Reading, shown: str) -> set[int]:
    """Images in folders called nan and the like, where they are to be left out; else such folders are an error."""
    labels = [roles.get("class", "(none)") for roles in played]
    if reading.unlabelled == "skip":
        return missing(labels, reading)[0]
    refuse_missing(labels, reading, shown)
    return set()


def _unknown_parts(played: Sequence[dict[str, str]], shown: str) -> Iterator[UserError]:
    names = {roles["split"] for roles in played if "split" in roles}
    if unknown := sorted(name for name in names if name.lower() not in SPLIT_NAMES):
        yield UserError(
            f"folders that are no part of a split: {listed(unknown)}", shown, "call them train, val and test"
        )


def _look(root: Path, parts: dict[str, str]) -> tuple[Found, list[str], list[str]]:
    """What lies below the class folders, the part of each image, and the folders without images."""
    found = Found()
    empty: list[str] = []
    splits: list[str] = []
    for folder in {"", *parts}:
        found.junk += sum(is_junk(name) for name in os.listdir(root / folder))  # noqa: PTH208 (names only)
    for folder, split in parts.items():
        if (root / folder).is_symlink() and folder:
            found.links.append(folder)
            continue
        for name in subfolders(root / folder):
            path = f"{folder}/{name}" if folder else name
            if (root / path).is_symlink():
                found.links.append(path)
            elif count := found.add(root, path):
                splits += [split] * count
            else:
                empty.append(path)
    return found, splits, empty


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
        what = f"{len(empty)} class folders without images: {listed(f'{name}/' for name in empty)}"
        yield UserError(what, shown, "put images in or remove the folders")
    if links:
        what = f"{len(links)} links to folders: {listed(links)}"
        yield UserError(what, shown, "links to folders are not followed: put the folders themselves here")


def _notes(root: Path, parts: dict[str, str], found: Found) -> Iterable[str]:
    if found.junk:
        yield f"{found.junk} hidden or system files and folders ignored"
    if found.unread:
        kinds = [f"{n} {what}" for what, n in Counter(kind.what for _, kind in found.unread).most_common()]
        yield f"{len(found.unread)} pictures of formats that are not read: {listed(kinds)}"
    if found.others:
        kinds = [f"{count} {suffix}" for suffix, count in found.others.most_common()]
        yield f"{found.others.total()} files that are no images ignored: {listed(kinds)}"
    beside = [name for name in subfolders(root) if name not in parts] if parts != {"": ""} else []
    if beside:
        yield f"ignored beside {' and '.join(f'{name}/' for name in parts)}: {listed(f'{name}/' for name in beside)}"
    for folder in parts:
        stray = sorted(file.name for file in (root / folder).iterdir() if is_image(file.name) and file.is_file())
        if stray:
            yield f"{len(stray)} images in no class folder ignored: {listed(stray, 3)}"
