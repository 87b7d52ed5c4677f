"""The files that a table names: relative to its folder, inside it, whichever way their paths are written."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from neocog.data.names import Names
from neocog.data.readers.faults import Faults
from neocog.data.readers.folders import entries, is_image
from neocog.data.readers.labelme_dataset import DRAWN
from neocog.errors import count, listed

INSIDE = "give paths relative to the CSV's folder, and inside it"


class Folder:
    """The folder of a table, and what is known of the folders and files in it: there are many files and few folders."""

    def __init__(self, root: Path) -> None:
        self.given, self.root = root, os.path.realpath(root)
        self.known: dict[str, bool] = {}
        self.moved: defaultdict[str, int] = defaultdict(int)  # folder → files found there by their name alone
        self.turned = self.absolute = self.blanks = 0

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Image files below the folder by their name, and by their name without suffix; none with annotations drawn in."""
        found = defaultdict(list)
        for path, entry in entries(self.given):
            drawn = DRAWN & {*PurePosixPath(path).parts[:-1]}
            if is_image(entry.name) and not drawn and not entry.is_dir(follow_symlinks=False):
                found[entry.name].append(path)
                found[PurePosixPath(entry.name).stem].append(path)
        return found

    def notes(self) -> Iterator[str]:
        """How paths were written, where it is not the plain way."""
        if self.turned:
            yield f"{count(self.turned, 'path')} written with backslashes"
        if self.absolute:
            yield f"{count(self.absolute, 'absolute path')} in the CSV's folder"
        if self.blanks:
            yield f"{count(self.blanks, 'path')} with blanks around them, which do not count"
        if self.moved:
            places = listed(f"{folder or '.'}/ ({count})" for folder, count in sorted(self.moved.items()))
            yield f"{count(sum(self.moved.values()), 'image')} found by their name alone, in {places}"


def names_of(root: Path, cells: Sequence[str], lines: Sequence[int], faults: Faults) -> tuple[Names, list[str]]:
    """Each image's path in one form (POSIX, no "./"), and notes. What cannot be had is among the ``faults``.

    A name that does not lie where the cell says is looked for below the folder, by its last part, with or without suffix.
    """
    folder = Folder(root)
    names = Names(_found(folder, cell, line, faults) for cell, line in zip(cells, lines, strict=True))
    return names, list(folder.notes())


def _found(folder: Folder, cell: str, line: int, faults: Faults) -> str:
    path = _relative(folder, cell)
    if fault := _outside(path) or _unusable(folder, path):
        found = _elsewhere(folder, path) if fault[0] == "missing image file" else []
        if len(found) == 1 and not _unusable(folder, found[0]):
            path = found[0]
            folder.moved[str(PurePosixPath(path).parent)] += 1
        elif len(found) > 1:
            faults.add("image file that lies in several places", "write its path", line, f"{cell}: {listed(found, 3)}")
        else:
            faults.add(*fault, line, cell)
    return PurePosixPath(path).as_posix()


def _relative(folder: Folder, cell: str) -> str:
    """A cell as a relative path: without blanks around it, with slashes, below the folder where it says so in full."""
    if cell != cell.strip() and not os.path.lexists(folder.given / cell):
        folder.blanks += 1
        cell = cell.strip()
    if "\\" in cell and not os.path.lexists(folder.given / cell):
        folder.turned += 1
        cell = cell.replace("\\", "/")
    for root in (folder.root, os.path.abspath(folder.given)):  # noqa: PTH100 (links stay)
        if cell.startswith(f"{root}/"):
            folder.absolute += 1
            return cell[len(root) + 1 :]
    return cell


def _elsewhere(folder: Folder, path: str) -> list[str]:
    """Files below the folder whose paths end like one that does not exist: the same folders, the name with or without suffix."""
    wanted = PurePosixPath(path)
    found = (PurePosixPath(name) for name in folder.by_name.get(wanted.name, []))
    above = wanted.parts[:-1]
    return [str(name) for name in found if not above or name.parts[:-1][-len(above) :] == above]


def _outside(path: str) -> tuple[str, str] | None:
    """Paths that cannot lie below the CSV's folder, by their text alone."""
    if not path.strip():
        return "blank image", "name a file"
    if re.match(r"[a-z][a-z0-9+.-]*://|data:|file:", path, re.IGNORECASE):
        return "address instead of a path", "download the files, and give their paths"
    if re.match(r"[/\\]|[A-Za-z]:[/\\]", path):
        return "absolute path", INSIDE
    return ("path that leads out of the folder", INSIDE) if ".." in path.split("/") else None


def _unusable(folder: Folder, path: str) -> tuple[str, str] | None:
    """Files that are not there, lead outside through a link, or are no files."""
    root, full, parent = folder.root, os.path.join(folder.root, path), os.path.dirname(path)  # noqa: PTH118, PTH120 (a million)
    if parent not in folder.known:
        folder.known[parent] = _lies_inside(root, os.path.join(root, parent))  # noqa: PTH118
    try:
        status = os.lstat(full)
        if not folder.known[parent] or (stat.S_ISLNK(status.st_mode) and not _lies_inside(root, full)):
            return "link that leads out of the folder", "copy the file into the folder"
        if not stat.S_ISREG(os.stat(full).st_mode):  # noqa: PTH116
            return "image that is not a regular file", "name an image file"
    except FileNotFoundError:
        return "missing image file", "check the path; it is relative to the CSV's folder, and case counts"
    except (OSError, ValueError) as error:
        return f"image file that cannot be read ({getattr(error, 'strerror', None) or error})", "correct or remove it"
    return None


def _lies_inside(root: str, path: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)
