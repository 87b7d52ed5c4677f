"""The one thing that EXIF says about pixels: which way is up."""

from __future__ import annotations

import struct

_ORIENTATION, _SHORT = 0x0112, 3


def orientation(exif: bytes) -> int | None:
    """Orientation 1–8 (1: upright, also where none is stated), or None where the block is broken.

    A reader of our own, since a stray byte elsewhere in the block must not cost the image. EXIF 2.32 § 4.6, TIFF 6.0.
    """
    block = exif.removeprefix(b"Exif\0\0")
    try:
        order = {b"II": "<", b"MM": ">"}[block[:2]]
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, directory)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", block, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                # 0 is what many cameras write for "unknown".
                return (value or 1) if kind == _SHORT and value <= 8 else None
    except (KeyError, struct.error):
        return None
    return 1
