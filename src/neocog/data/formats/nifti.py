"""NIfTI-1 and -2 volumes (.nii, .nii.gz) through nibabel, which comes with the extra ``nifti``.

Letters: D slices, H × W pixels, C channels.
"""

from __future__ import annotations

import io
import zlib
from math import prod
from typing import Any

import numpy as np

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.formats.decoding import Decoding, check_size, finite
from neocog.data.formats.files import VOLUME_SUFFIXES
from neocog.errors import UserError, install

HEAD = 1 << 16  # bytes of the file in which its header is found, packed or not
MOST_EXTENSIONS = 64 << 20  # bytes before the values
_DTYPES = {"u1": "uint8", "u2": "uint16"}


def is_nifti(name: str) -> bool:
    """Whether a file's name promises such a volume."""
    return name.lower().endswith(VOLUME_SUFFIXES)


def header(start: bytes, decoding: Decoding, name: str) -> Header:
    """Size and type of the volume; ``start``: the first ``HEAD`` bytes of the file. Raises BadImage."""
    return _header(_parsed(_unpacked(start, HEAD, name), name), decoding, name)


def decode(data: bytes, decoding: Decoding, name: str) -> tuple[Array, Header]:
    """(D, H, W, 1) and the header: the axes z, y, x, turned to RAS+ where the file says how it lies. Raises BadImage.

    Integers without a scale stay as they are; everything else becomes float32, times slope plus intercept.
    """
    parsed = _parsed(_unpacked(data, HEAD, name), name)
    head = _header(parsed, decoding, name)
    stored, offset = parsed.get_data_dtype(), int(parsed.get_data_offset())
    if not 0 <= offset <= MOST_EXTENSIONS:
        raise BadImage(f"damaged header: the values begin at byte {offset:,}", name, "copy the file again")
    shape = tuple(map(int, parsed.get_data_shape()[:3]))
    needed = offset + prod(shape) * stored.itemsize
    raw = _unpacked(data, needed, name)
    if len(raw) < needed:
        raise BadImage(f"cut short: {needed:,} bytes promised, {len(raw):,} there", name, "copy the file again")
    values = np.frombuffer(raw, stored, prod(shape), offset).reshape(shape, order="F")
    axes, turned = _orientation(parsed)
    values = values[tuple(slice(None, None, -1 if axis in turned else 1) for axis in range(3))]
    values = values.transpose(axes).transpose(2, 1, 0)
    with np.errstate(over="ignore"):  # what overflows float32 is found as infinite
        if _scaled(parsed):
            slope, intercept = parsed.get_slope_inter()
            values = values.astype(np.float64) * (slope or 1.0) + (intercept or 0.0)
        pixels = np.ascontiguousarray(values, dtype=head.dtype)[..., None]
    return finite(pixels, name), head


def _parsed(start: bytes, name: str) -> Any:
    try:
        import nibabel
        from nibabel.spatialimages import HeaderDataError
    except ImportError as error:
        raise UserError("nibabel is not installed", name, install("nifti")) from error
    size = int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")
    kind = nibabel.Nifti1Header if 348 in size else nibabel.Nifti2Header if 540 in size else None
    if kind is None:
        raise BadImage(f"not a NIfTI file, first bytes {start[:8].hex(' ')}", name, "remove it, or copy it again")
    try:
        parsed: Any = kind.from_fileobj(io.BytesIO(start))  # type: ignore[no-untyped-call]
        parsed.get_data_dtype(), parsed.get_data_shape(), parsed.get_data_offset(), parsed.get_slope_inter()
    except (HeaderDataError, nibabel.wrapstruct.WrapStructError, ValueError, OverflowError) as error:
        raise BadImage(f"damaged header: {' '.join(str(error).split())}", name, "copy the file again") from error
    return parsed


def _header(parsed: Any, decoding: Decoding, name: str) -> Header:
    shape, stored = parsed.get_data_shape(), parsed.get_data_dtype()
    size = " × ".join(map(str, shape))
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise BadImage(f"{len(shape)} axes ({size}), where a volume has 3", name, "save each volume as one file")
    if stored.kind not in "iuf" or stored.itemsize > 8:
        raise BadImage(f"values of type {stored} are not supported", name, "save it as integers or floats")
    axes, turned = _orientation(parsed)
    width, height, depth = (int(shape[axis]) for axis in axes)
    if depth < 1:
        raise BadImage(f"shape {size}: the volume is empty", name, "remove it")
    check_size(width, height, depth, decoding, name)
    dtype = "float32" if _scaled(parsed) else _DTYPES.get(stored.str[1:], "float32")
    notes = () if stored.name == dtype else (f"{stored.name} as {dtype}",)
    if turned or axes != (0, 1, 2):
        notes = (*notes, "turned to RAS+")
    zooms = [float(parsed.get_zooms()[axis]) for axis in axes[::-1]]
    unit = {1: 1e3, 2: 1.0, 3: 1e-3}.get(int(parsed["xyzt_units"]) & 7, 0.0)  # metres, millimetres, micrometres
    spacing = tuple(side * unit for side in zooms) if unit and min(zooms) > 0 else ()
    return Header(height, width, 1, dtype, f"1 × {stored.name}", notes, depth, spacing)


def _orientation(parsed: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(stored axes that run most nearly to the right, the front and the top; those of them that run the other way).

    Two scanners that store one head differently give the same volume. A file that does not say (neither sform nor qform),
    or whose matrix is singular, stays as it is.
    """
    from nibabel.orientations import io_orientation

    affine = parsed.get_best_affine()
    if not (parsed["sform_code"] or parsed["qform_code"]) or not np.isfinite(affine).all():
        return (0, 1, 2), ()
    found = io_orientation(affine)  # type: ignore[no-untyped-call]  # (3, 2): for each stored axis the one it becomes, and whether it runs along it
    if np.isnan(found).any():
        return (0, 1, 2), ()
    axes = tuple(int(axis) for axis in np.argsort(found[:, 0]))
    return axes, tuple(axis for axis in range(3) if found[axis, 1] < 0)


def _scaled(parsed: Any) -> bool:
    slope, intercept = parsed.get_slope_inter()
    return (slope, intercept) not in ((None, None), (1.0, 0.0))


def _unpacked(data: bytes, most: int, name: str) -> bytes:
    """At most ``most`` bytes of the file as it was before gzip."""
    if data[:2] != b"\x1f\x8b":
        return data[:most]
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, most)
    except zlib.error as error:
        raise BadImage(f"damaged gzip ({error})", name, "copy the file again") from error
