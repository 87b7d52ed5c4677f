"""Image files on disk: which names count, and how their bytes are had without ever hanging or following a trap."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO

from neocog.data.dataset import BadImage
from neocog.errors import printable

IMAGE_SUFFIXES = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".btf", ".webp", ".bmp", ".dib", ".gif", ".avif", ".jp2",
    ".j2k", ".jpx", ".pgm", ".ppm", ".pbm", ".pnm",
))  # fmt: skip
VOLUME_SUFFIXES = (".nii", ".nii.gz")
MAX_BYTES = 4 << 30  # one file is read whole, so that its hash and its pixels come from the same bytes

_JUNK = frozenset(["thumbs.db", "desktop.ini", "__macosx"])  # what Windows and macOS leave behind

# The first bytes of what is accepted, whatever the file is called, and of what is often found behind a wrong name.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
)
_OTHERS = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop (PSD)"),
    (b"SIMPLE  =", "FITS"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"<svg", "SVG"),
)
_SUFFIX_FORMAT = {
    ".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".tif": "TIFF",
    ".tiff": "TIFF", ".btf": "TIFF", ".webp": "WebP", ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF",
    ".avif": "AVIF", ".jp2": "JPEG 2000", ".j2k": "JPEG 2000", ".jpx": "JPEG 2000", ".pgm": "PNM", ".ppm": "PNM",
    ".pbm": "PNM", ".pnm": "PNM",
}  # fmt: skip


def suffix_of(name: str) -> str:
    """ ".png" of a/B.PNG, "" where there is none. As text: pathlib has Python keep each part of each path that it has seen."""
    stem, _, end = name.rpartition("/")[2].rpartition(".")
    return f".{end.lower()}" if stem and end else ""


def without_suffix(path: str) -> str:
    """ "a/B" of a/B.png: what ``suffix_of`` leaves."""
    folder, slash, name = path.rpartition("/")
    stem, _, end = name.rpartition(".")
    return folder + slash + (stem if stem and end else name)


def is_junk(path: str | PurePath) -> bool:
    """Whether any part of a relative path is what systems and editors leave behind: hidden, Thumbs.db, __MACOSX …"""
    parts = (path.as_posix() if isinstance(path, PurePath) else path).split("/")
    return any((p.startswith(".") and p not in (".", "..")) or p.lower() in _JUNK for p in parts)


def files_with(folder: Path, *suffixes: str) -> list[Path]:
    """The files of a folder that end so (".csv"), in any case, sorted; without what systems leave behind."""
    found = (file for file in folder.iterdir() if file.suffix.lower() in suffixes and not is_junk(file.name))
    return sorted(file for file in found if file.is_file())


@contextmanager
def open_regular(path: Path, name: str) -> Iterator[BinaryIO]:
    """An open regular file. A FIFO, device, folder or broken link is a BadImage and is never waited for."""
    try:
        # Asked before opening, since opening a device can do things; and again after, since the file may have changed.
        _insist_on_regular(path.stat(), name)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _unreadable(error, name) from error
    with os.fdopen(handle, "rb") as file:
        _insist_on_regular(os.fstat(handle), name)
        try:
            yield file
        except OSError as error:
            raise _unreadable(error, name) from error


def read_bytes(path: Path, name: str) -> bytes:
    """All bytes of a regular file. Raises BadImage."""
    with open_regular(path, name) as file:
        return file.read()


def sniff(start: bytes, name: str) -> str:
    """The format by content: PNG, JPEG, TIFF, WebP, BMP, GIF, AVIF, JPEG 2000 or PNM. Else a BadImage that says what it looks like.

    ``start``: the first 64 bytes or more.
    """
    for magic, kind in _IMAGES:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis"):
        return "AVIF"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "PNM"
    raise BadImage(f"not an image: {_looks_like(start)}", name, "remove it, or save it as PNG, JPEG or TIFF")


def misnamed(kind: str, name: str) -> tuple[str, ...]:
    """A note where the suffix promises another format."""
    suffix = suffix_of(name)
    return () if _SUFFIX_FORMAT.get(suffix, kind) == kind else (f"{kind} named {suffix}",)


def _looks_like(start: bytes) -> str:
    if not start:
        return "the file is empty (0 bytes)"
    for magic, kind in _OTHERS:
        if start.lstrip().lower().startswith(magic.lower()):
            return f"it looks like {kind}"
    if start[4:8] == b"ftyp":
        return f"it looks like {printable(start[8:12].decode('latin-1').strip())} (HEIC or video)"
    if not start.strip(b"\0"):
        return "it starts with zeros only"
    if all(byte in b"\t\n\r\f" or byte >= 32 for byte in start) and b"\x7f" not in start:
        return "it looks like text"
    return f"unknown format, first bytes {start[:8].hex(' ')}"


def _insist_on_regular(status: os.stat_result, name: str) -> None:
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        kinds = (
            (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe (FIFO)"), (stat.S_ISSOCK, "a socket"),
            (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
        )  # fmt: skip
        kind = next((text for test, text in kinds if test(mode)), "something else")
        raise BadImage(f"not a regular file but {kind}", name, "remove it from the data folder")
    if status.st_size > MAX_BYTES:
        raise BadImage(f"the file has {status.st_size:,} bytes, the most is {MAX_BYTES:,}", name, "cut it into tiles")


def _unreadable(error: OSError, name: str) -> BadImage:
    code = "" if error.errno is None else f" (errno {error.errno})"
    return BadImage(f"cannot be read: {error.strerror or error}{code}", name, "correct or remove the file")
