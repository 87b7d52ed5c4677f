"""The chain of a TIFF's pages, walked before anyone follows it: a chain that leads in a circle would be followed for ever."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from neocog.data.dataset import BadImage

_BIG = 43  # the version of BigTIFF, whose offsets have 64 bits


def check_chain(file: BinaryIO, name: str) -> None:
    """Raise BadImage where a page is followed by one that was there before. Leaves ``file`` at its start.

    TIFF 6.0 § 2: the head holds the first page's offset; a page is a count of tags, the tags, and the next page's offset,
    0 behind the last one.
    """
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = len(head) == 16 and struct.unpack_from(f"{order}H", head, 2)[0] == _BIG
    count, tag, offset, place = ("Q", 20, "Q", 8) if big else ("H", 12, "I", 4)
    seen: set[int] = set()
    try:
        (page,) = struct.unpack_from(order + offset, head, place)
        while page:
            if page in seen:
                raise BadImage("damaged: its pages lead in a circle", name, "copy the file again")
            seen.add(page)
            file.seek(page)
            (tags,) = struct.unpack(order + count, file.read(struct.calcsize(count)))
            file.seek(tags * tag, io.SEEK_CUR)
            (page,) = struct.unpack(order + offset, file.read(struct.calcsize(offset)))
    except (struct.error, OSError, OverflowError, ValueError):
        pass  # the chain ends in nothing, which is told where the pages are read
    file.seek(0)
