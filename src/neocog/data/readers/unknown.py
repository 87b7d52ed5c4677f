"""What is said of a path that no reader knows: what was seen there, and what neocog reads."""

from __future__ import annotations

import importlib
import os
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from neocog.data.formats.files import files_with
from neocog.data.formats.unread import DICOM, Format, format_of, is_dicom, refuse
from neocog.data.readers.box_open import BOX_LAYOUTS
from neocog.data.readers.folders import Found, entries, is_image
from neocog.data.readers.foreign import annotated
from neocog.data.readers.mask_open import MASK_LAYOUTS
from neocog.data.readers.reading import Reading
from neocog.data.readers.table import CSV_SUFFIXES
from neocog.errors import UserError, did_you_mean, listed, printable

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
MOST_COUNTED = 100_000  # files looked at to say what an unknown folder holds


def absent(path: Path, names: Iterable[str]) -> UserError:
    """Of what is no file and no folder. ``names``: of data sets that need no path."""
    shown = printable(str(path))
    if os.path.lexists(path):
        return UserError("not a regular file or folder, or a broken link", shown, "give a folder, or a file")
    fix = f"{did_you_mean(shown, list(names))}names: {', '.join(names)}"
    return UserError("no such file, folder or name", shown, fix)


def unknown(path: Path, reading: Reading, readers: Mapping[str, str], names: Iterable[str]) -> UserError:
    """Of a file or folder that none of the ``readers`` {name: "module:function"} knows."""
    shown = printable(str(path))
    if reading.labels == "boxes":
        return UserError("no boxes found", shown, f"neocog reads {BOX_LAYOUTS}")
    if reading.marks:
        found = annotated(path) if path.is_dir() else None
        return found or UserError("no masks found", shown, f"neocog reads {MASK_LAYOUTS}")
    fix = f"neocog reads {layouts(readers)}; or a name: {', '.join(names)}"
    return _folder(path, shown, fix) if path.is_dir() else _file(path, shown, fix)


def layouts(readers: Mapping[str, str]) -> str:
    """What our readers call what they read, the commonest, which is asked last, first."""
    modules = [importlib.import_module(where.partition(":")[0]) for where in readers.values()]
    return "; ".join(text for module in reversed(modules) if (text := getattr(module, "LAYOUT", "")))


def _file(path: Path, shown: str, fix: str) -> UserError:
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        return UserError("an archive: these are not unpacked", shown, "unpack it yourself, and give the folder")
    if kind := format_of(path.name) or (DICOM if is_dicom(path) else None):
        return refuse([(path.name, kind)], str(path))
    what = (
        "one image is not a data set" if is_image(path.name) else f"a file of no known layout ({suffix or 'no suffix'})"
    )
    return UserError(what, shown, fix)


def _folder(path: Path, shown: str, fix: str) -> UserError:
    tables, archives = files_with(path, *CSV_SUFFIXES), files_with(path, ".npz")
    if tables or archives:
        what = f"{len(tables)} CSV and {len(archives)} NPZ files, and no class folders"
        names = listed(file.name for file in (*tables, *archives))
        return UserError(what, f"{shown}: {names}", "name the one to read")
    if unread := _unread(path):
        return refuse(unread, str(path))
    return UserError(f"no known layout: {_seen(path)}", shown, fix)


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
