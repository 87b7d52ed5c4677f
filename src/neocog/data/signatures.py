"""By what near copies are known: the thumbnail of a picture, the strand of a sequence. Letters: N samples, L letters."""

from __future__ import annotations

import hashlib

import numpy as np

from neocog.data.dataset import Array, Images
from neocog.data.formats.slices import flat
from neocog.data.nucleotides import complement
from neocog.data.readers.sequences import SequenceImages
from neocog.data.thumbnails import THUMBNAIL, thumbnails

PARTNER = complement()
STRAND = 32  # bytes


def width(images: Images) -> int:
    """Bytes of a signature of ``images``."""
    return STRAND if isinstance(images, SequenceImages) else THUMBNAIL


def signatures(images: Images, batch: Array) -> list[bytes]:
    """Of each of ``batch`` (N, H, W, C), or volumes (N, D, H, W, C), all out of ``images``; b"" where it has none."""
    if isinstance(images, SequenceImages):
        return [strand(codes) for codes in batch.reshape(len(batch), -1)]
    return thumbnails(batch if batch.ndim == 4 else np.stack([flat(volume) for volume in batch]))


def strand(codes: Array) -> bytes:
    """(L,) codes → SHA-256, the same for a sequence and its reverse complement: two ways of reading one molecule."""
    held = np.flatnonzero(codes)
    codes = codes[: held[-1] + 1] if len(held) else codes[:0]
    return hashlib.sha256(min(codes.tobytes(), PARTNER[codes][::-1].tobytes())).digest()
