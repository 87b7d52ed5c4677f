"""One binary message: the length of a header (4 bytes, little endian), the header as JSON, then raw numbers.

Everything begins at a multiple of 8 bytes, so that a browser reads the numbers where they lie. The header's ``arrays`` has
{name: {"dtype", "shape", "offset"}}, offsets counted from the first byte after the header and its zeros. As JSON numbers the maps
of one picture were 15 times as many bytes and took a hundred times as long.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from neocog.data.dataset import Array
from neocog.errors import UserError
from neocog.run import to_json

TYPES = ("uint8", "int8", "int32", "float32", "float64")
NAMES = {np.dtype(name): name for name in TYPES}
ALIGNED = 8
MOST_HEADER = 1 << 20  # bytes


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The message of a header and named arrays of ``TYPES``."""
    places, pieces, offset = {}, list[bytes](), 0
    for name, array in arrays.items():
        content = np.asarray(array, order="C")
        places[name] = {"dtype": NAMES[content.dtype], "shape": list(content.shape), "offset": offset}
        pieces.append(_filled(content.tobytes()))
        offset += len(pieces[-1])
    text = compact({**header, "arrays": places})
    text += b" " * (-(4 + len(text)) % ALIGNED)
    return b"".join([len(text).to_bytes(4, "little"), text, *pieces])


def compact(header: Mapping[str, Any]) -> bytes:
    """The header as JSON without blanks, which is made several times as fast; what is not finite becomes null."""
    try:
        return json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return to_json(header).encode()


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays of a message, which share its memory. Raises UserError for one that is none."""
    length = int.from_bytes(message[:4], "little")
    if len(message) < 4 or length > min(len(message) - 4, MOST_HEADER):
        raise _damaged("its header is longer than the message")
    try:
        header = json.loads(message[4 : 4 + length])
        places = header.pop("arrays")
        arrays = {str(name): _array(message, 4 + length, place) for name, place in places.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(f"{type(error).__name__} in its header") from None
    return header, arrays


def _array(message: bytes, start: int, place: Mapping[str, Any]) -> Array:
    shape, offset, kind = [int(n) for n in place["shape"]], int(place["offset"]), str(place["dtype"])
    if kind not in TYPES or min([offset, *shape]) < 0 or len(shape) > ALIGNED:
        raise _damaged("an array of another kind")
    count = math.prod(shape)
    if start + offset + count * np.dtype(kind).itemsize > len(message):
        raise _damaged("an array that ends beyond it")
    return np.frombuffer(message, kind, count, start + offset).reshape(shape)


def _filled(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % ALIGNED)


def _damaged(how: str) -> UserError:
    return UserError(f"this is no message of the studio's page: {how}", fix="load the page again")
