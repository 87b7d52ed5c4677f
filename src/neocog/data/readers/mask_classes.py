"""The files beside masks that name their classes: lists of names, nnU-Net's dataset.json, colour maps."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from neocog.data.formats.mask_values import COLOUR
from neocog.errors import UserError, printable

CLASS_FILES = ("classes.txt", "class_names.txt", "labels.txt", "label_names.txt", "codes.txt")
COLOUR_FILES = ("labelmap.txt", "class_dict.csv", "label_colors.txt", "colors.txt", "colours.txt")
# name:r,g,b (CVAT) or name,r,g,b; and r g b name (CamVid)
_NAME_FIRST = re.compile(r"(?P<name>[^:,;#]+?)\s*[:,;\s]\s*(?P<r>\d+)[,\s]+(?P<g>\d+)[,\s]+(?P<b>\d+)\W*$")
_COLOUR_FIRST = re.compile(r"(?P<r>\d+)[,\s]+(?P<g>\d+)[,\s]+(?P<b>\d+)[,\s]+(?P<name>.+)$")


def given_names(folders: Sequence[Path]) -> tuple[tuple[str, ...], int | None]:
    """(class names, ignored value) of the first list of classes in one of the folders; a dataset.json may ignore one."""
    for folder in folders:
        for name in CLASS_FILES:
            if (folder / name).is_file():
                return read_names(folder / name), None
        if (folder / "dataset.json").is_file():
            return _nnunet(folder / "dataset.json")
    return (), None


def read_names(file: Path) -> tuple[str, ...]:
    """One class a line; labelme's ``__ignore__`` is none."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines())
    return tuple(line for line in lines if line and line != "__ignore__")


def given_colours(folders: Sequence[Path]) -> dict[int, str]:
    """{key: class} of the first colour map in one of the folders; {} where there is none."""
    for file in (folder / name for folder in folders for name in COLOUR_FILES):
        if file.is_file() and (found := _colours(file)):
            return found
    return {}


def _colours(file: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        match = _NAME_FIRST.match(line.strip()) or _COLOUR_FIRST.match(line.strip())
        if match and all(int(match[part]) < 256 for part in "rgb"):
            found[COLOUR | int(match["r"]) << 16 | int(match["g"]) << 8 | int(match["b"])] = match["name"].strip()
    return found


def _nnunet(file: Path) -> tuple[tuple[str, ...], int | None]:
    """nnU-Net's labels, {"background": 0, …} or, of version 1, {"0": "background", …}."""
    try:
        labels = json.loads(file.read_text(encoding="utf-8-sig"))["labels"]
        pairs = {int(k): str(v) for k, v in labels.items()} if "0" in labels else {int(v): k for k, v in labels.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        what = "labels that are no object of names and numbers"
        raise UserError(what, printable(str(file)), 'write {"labels": {"background": 0, "tumour": 1}}') from error
    ignored = next((value for value, name in pairs.items() if name == "ignore"), None)
    names = {value: name for value, name in pairs.items() if name != "ignore"}
    if sorted(names) != list(range(len(names))):
        raise UserError(f"labels {sorted(names)}, expected 0 … {len(names) - 1}", printable(str(file)))
    return tuple(names[value] for value in sorted(names)), ignored
