"""The image that an annotation is about: found by its name below the data folder, and held against what the file says of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from neocog.data.dataset import Header
from neocog.data.formats.labelme import inside
from neocog.data.readers.box_marks import Drawn, Marked
from neocog.errors import UserError, listed, printable

FOLDERS = ("", "images", "JPEGImages", "img")  # below the annotation's folder or the root
TURNED = "turned upright"  # what a header notes of EXIF
OUT = 2.0  # pixels that a box may reach out of its image, as hands and roundings do; it is cut there


class BoxImages:
    """The image files below a folder, by their paths, names and names without suffix."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = tuple(files)
        self._there = set(self.files)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for file in self.files:
            path = PurePosixPath(file)
            for name in {path.name, path.stem}:
                self._by_name[name].append(file)

    def find(self, marked: Marked) -> tuple[str, str]:
        """(the image, a note or ""). Raises UserError where there is none, or more than one that could be meant."""
        own = self._named(marked.stem, marked.where) if marked.stem else []
        stated = self._named(marked.image, marked.where)
        if len(stated) == 1 and own and stated[0] not in own:
            what = f"names the image {printable(marked.image)[:80]}, and {listed(own, 3)} is called as the file"
            raise UserError(what, marked.where, "correct the name of the image in it")
        if len(stated) == 1:
            return stated[0], "" if _is_named(stated[0], marked.image) else _instead(marked, stated[0])
        if not stated and len(own) == 1:
            return own[0], _instead(marked, own[0])
        if stated:
            raise UserError(
                f"'{printable(marked.image)[:80]}' lies in several places", listed(stated, 3), "keep one of them"
            )
        shown = printable(marked.image)[:80] or "(no name)"
        raise UserError(f"no image '{shown}'", marked.where, "put the image into the folder, or remove its annotation")

    def _named(self, wanted: str, where: str) -> list[str]:
        """The files that a name can mean: where it says so, else by its last part, with or without suffix."""
        text = wanted.replace("\\", "/")
        if not text.strip("./ "):
            return []
        here = PurePosixPath(where.partition(":")[0]).parent
        for folder in (here, PurePosixPath()) if inside(text) else ():
            for inner in FOLDERS:
                if (path := str(folder / inner / text)) in self._there:
                    return [path]
        parts = PurePosixPath(text).parts
        found = self._by_name.get(parts[-1], []) or self._by_name.get(PurePosixPath(text).stem, [])
        for depth in range(len(parts), 1, -1):  # the longest end of the path that is there
            ends = [file for file in found if PurePosixPath(file).parent.parts[1 - depth :] == parts[-depth:-1]]
            if len(ends) == 1:
                return ends
        return found


def _is_named(file: str, stated: str) -> bool:
    """Whether a file has the name that an annotation states, with its suffix or without any."""
    name, path = PurePosixPath(stated.replace("\\", "/")).name.lower(), PurePosixPath(file.lower())
    return name in (path.name, path.stem)


def _instead(marked: Marked, file: str) -> str:
    return f"{marked.where}: no '{printable(marked.image)[:80]}', {file} is taken"


def insist_on_size(marked: Marked, head: Header, corners: Iterable[tuple[float, ...]]) -> str:
    """A note or "". Raises UserError where the annotation is of an image of another size, or of one that is turned.

    ``corners``: of its boxes, in pixels.
    """
    size, stated = (head.height, head.width), marked.size
    tips = [(right, bottom) for _, _, right, bottom in corners]
    fits = all(x <= head.width + OUT and y <= head.height + OUT for x, y in tips)
    turned = any(note.startswith(TURNED) for note in head.notes)
    across = stated == (head.width, head.height) and stated != size
    if turned and (across or (not fits and all(x <= head.height + OUT and y <= head.width + OUT for x, y in tips))):
        fix = "turn the files themselves (exiftran -ai, mogrify -auto-orient) and the boxes with them"
        raise UserError("the boxes are of the image before its EXIF orientation turns it", marked.where, fix)
    if across and fits:
        return f"{marked.where}: height and width are swapped in it"
    if stated is None or stated == size:
        return ""
    what = f"annotated at {stated[0]} × {stated[1]}, the image has {size[0]} × {size[1]} (height × width)"
    raise UserError(what, marked.where, "annotate the image as it is, or give the one that was annotated")


def fault_of(box: Drawn, corners: tuple[float, ...], size: tuple[int, int]) -> UserError | None:
    """What is wrong with a box of an image of ``size`` (H, W)."""
    x0, y0, x1, y1 = corners
    shown = f"'{printable(box.label)[:40]}' {x0:g}, {y0:g}, {x1:g}, {y1:g}"
    if x1 < x0 or y1 < y0:
        return UserError(f"{shown}: inside out, its end lies before its beginning", box.where, "draw it again")
    if x1 == x0 or y1 == y0:
        return UserError(f"{shown}: a box without an area", box.where, "draw it again, or remove it")
    out = max(-x0, -y0, x1 - size[1], y1 - size[0])
    if out > OUT:
        what = f"{shown}: reaches {out:g} pixels out of the image ({size[0]} × {size[1]})"
        return UserError(what, box.where, "draw it again; is it of this image, and at this size?")
    return None
