"""Image files as pixels: one decoder for the audit, training and prediction, so that all three see the same.

Nothing is clipped, cut to a first frame or turned black in silence: what cannot be had exactly is a BadImage or a note.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, BadImage, Form, Header, Images
from neocog.data.formats import nifti, pillow, tiff
from neocog.data.formats.decoding import DEFAULT, Picture, as_array, draft_scale
from neocog.data.formats.decoding import Decoding as Decoding
from neocog.data.formats.files import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from neocog.data.formats.files import is_junk as is_junk
from neocog.data.formats.files import misnamed, open_regular, read_bytes, sniff
from neocog.data.unchanged import unchanged


def decode(path: Path, decoding: Decoding = DEFAULT, name: str = "") -> Array:
    """(H, W, C) uint8, uint16 or float32 pixels of a file, EXIF turned, palette and alpha resolved. Raises BadImage.

    (D, H, W, C) of NIfTI files, and of TIFF stacks where ``decoding.volumes`` says so.
    """
    name = name or str(path)
    return decode_bytes(read_bytes(path, name), decoding, name)[0]


def decode_bytes(data: bytes, decoding: Decoding, name: str) -> tuple[Array, Header]:
    """Pixels and header of a file that is already in memory. Raises BadImage."""
    picture, head = decode_picture(data, decoding, name)
    return as_array(picture), head


def decode_picture(data: bytes, decoding: Decoding, name: str) -> tuple[Picture, Header]:
    """The same, for what is only to be resized: ``resize.fit`` takes what has not become an array. Raises BadImage."""
    if nifti.is_nifti(name):
        with pillow.decoder_errors(name):
            return nifti.decode(data, decoding, name)
    kind = _checked(sniff(data[:512], name), decoding, name)
    picture, head = tiff.decode(data, decoding, name) if kind == "TIFF" else pillow.decode(data, kind, decoding, name)
    if _form(picture) != ((*_sides(head, kind, decoding), head.channels), head.dtype):
        raise BadImage(f"damaged: {_form(picture)} where its header says {head}", name, "copy the file again")
    return picture, replace(head, notes=misnamed(kind, name) + head.notes)


def header(path: Path, decoding: Decoding = DEFAULT, name: str = "") -> Header:
    """Size, channels and type of the pixels that ``decode`` would give, without decoding them. Raises BadImage."""
    name = name or str(path)
    with open_regular(path, name) as file:
        if nifti.is_nifti(name):
            with pillow.decoder_errors(name):
                return nifti.header(file.read(nifti.HEAD), decoding, name)
        kind = _checked(sniff(file.read(512), name), decoding, name)
        file.seek(0)
        head = tiff.header(file, decoding, name) if kind == "TIFF" else pillow.header(file, kind, decoding, name)
    return replace(head, notes=misnamed(kind, name) + head.notes)


def _sides(head: Header, kind: str, decoding: Decoding) -> tuple[int, ...]:
    """(H, W) or (D, H, W) that an image is decoded to, by its header."""
    scale = draft_scale(head.size, decoding.draft) if decoding.draft and kind == "JPEG" else 1
    return tuple(-(-side // scale) for side in head.size)


def _form(picture: Picture) -> tuple[tuple[int, ...], str]:
    """Shape (H, W, C) or (D, H, W, C), and type."""
    if isinstance(picture, np.ndarray):
        return picture.shape, str(picture.dtype)
    return (picture.height, picture.width, len(picture.getbands())), "uint8"


def form_of(names: Sequence[str], decoding: Decoding) -> Form:
    """What such files hold: NIfTI are always volumes, TIFF where ``decoding.volumes`` says so."""
    return "volumes" if decoding.volumes or any(map(nifti.is_nifti, names)) else "images"


def _checked(kind: str, decoding: Decoding, name: str) -> str:
    """Only a TIFF can be a stack."""
    if decoding.volumes and kind != "TIFF":
        raise BadImage(
            f"a {kind} where volumes are expected", name, "save it as a TIFF stack, or leave out --kind volumes"
        )
    return kind


@dataclass(frozen=True)
class FileImages:
    """Images as files below one folder; ``files`` are relative paths. A link that leads out of it is refused."""

    root: Path
    files: Sequence[str]
    decoding: Decoding = DEFAULT
    recorded: Sequence[str] | None = None  # (N,) SHA-256 of the bytes that alone are read; see ``unchanged``

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Array:
        return decode_bytes(self.stored(index), self.decoding, self.files[index])[0]

    def header(self, index: int) -> Header:
        return header(self._inside(index), self.decoding, self.files[index])

    def digest(self, index: int) -> str:
        return hashlib.sha256(self.stored(index)).hexdigest()

    def path(self, index: int) -> Path | None:
        return self.root / self.files[index]

    def stored(self, index: int) -> bytes:
        """The file's bytes. Raises BadImage, and UserError where they are not the recorded ones."""
        content = read_bytes(self._inside(index), self.files[index])
        if self.recorded is not None:
            unchanged(hashlib.sha256(content).hexdigest(), self.recorded, index, self.files[index])
        return content

    def _inside(self, index: int) -> Path:
        path = self.root / self.files[index]
        real = os.path.realpath(path)
        if not Path(real).is_relative_to(os.path.realpath(self.root)):
            raise BadImage("leads out of the data folder", self.files[index], "copy the file into the folder")
        return path


def picture_of(images: Images, index: int) -> Picture:
    """What ``images.read`` gives, for what is only to be resized. Raises BadImage."""
    if isinstance(images, FileImages):
        return decode_picture(images.stored(index), images.decoding, images.files[index])[0]
    return images.read(index)
