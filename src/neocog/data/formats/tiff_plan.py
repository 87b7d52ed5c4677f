"""What a TIFF's tags promise, read and checked before a pixel is decoded; what they leave open is asked, not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from neocog.data.dataset import BadImage, Header
from neocog.data.formats.decoding import Decoding, check_size, frames_used

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6  # PhotometricInterpretation
ASSOCIATED, UNASSOCIATED = 1, 2  # ExtraSamples: alpha premultiplied, or not
_ORIENTATION = 274
_BYTES_PER_PIXEL = 8  # decoded bytes allowed per pixel of Decoding.max_pixels


@dataclass(frozen=True)
class Plan:
    """How the stored array becomes (H, W, C), or (D, H, W, C) of a volume."""

    series: Any
    page: Any  # the first one, whose tags hold for all
    axes: str  # one letter a dimension of the stored array: Y, X, C and S (channels), anything else (frames)
    frames: int  # those that are used
    header: Header
    orientation: int
    alpha: bool


def plan(tiff: Any, decoding: Decoding, name: str) -> Plan:
    """The plan for a tifffile.TiffFile. Raises BadImage where the tags are ambiguous, unsupported or too large."""
    series = _series(tiff, decoding, name)
    page, shape = series.keyframe, series.shape
    bits, photometric = page.bitspersample, int(page.photometric)
    inks = page.samplesperpixel != {CMYK: 4, YCBCR: 3}.get(photometric, page.samplesperpixel)
    if photometric > YCBCR or photometric == 4 or inks or (photometric in (CMYK, YCBCR) and bits != 8):
        raise BadImage(f"{bits}-bit {page.photometric.name} pixels are not supported", name, "save it as RGB")
    if series.dtype is None or series.dtype.kind not in "biuf":
        raise BadImage(f"pixels of type {series.dtype} are not supported", name, "save it as 8-bit, 16-bit or float")
    axes = _axes(series, decoding, name)
    size = dict(zip(axes, shape, strict=True))
    height, width = size["Y"], size["X"]
    channels = lengths(axes, shape, "CS")
    pages = prod(shape) // (height * width * channels)
    frames = frames_used(pages, "a TIFF", decoding, name)
    check_size(width, height, frames, decoding, name)
    _check_bytes(prod(shape) * series.dtype.itemsize, shape, decoding, name)
    dtype = {"b1": "uint8", "u1": "uint8", "u2": "uint16"}.get(series.dtype.str[1:], "float32")
    mode = f"{channels} × {series.dtype}"
    alpha = _has_alpha(page, size.get("S", 1))
    if alpha:
        channels = channels // size["S"] * (size["S"] - 1)
    elif photometric in (PALETTE, CMYK, YCBCR):
        channels = 3 * (channels if photometric == PALETTE else channels // size.get("S", 1))
    orientation = _orientation(page)
    if orientation >= 5:
        height, width = width, height
    notes = tuple(_notes(page, series, dtype, alpha, orientation, decoding))
    if frames < max(pages, len(tiff.series)):
        notes += (f"the first of {max(pages, len(tiff.series))} frames",)
    if decoding.volumes:
        head = Header(height, width, channels, dtype, mode, notes, frames)
    else:
        head = Header(height, width, channels * frames, dtype, mode, notes)
    return Plan(series, page, axes, frames, head, orientation, alpha)


def _series(tiff: Any, decoding: Decoding, name: str) -> Any:
    """The one image of the file; page sizes that differ, or several images, count as frames."""
    several = tiff.series
    if not several:
        raise BadImage("a TIFF without an image", name, "remove it")
    if len(several) > 1 and frames_used(len(several), "a TIFF", decoding, name) > 1:
        shapes = ", ".join("×".join(map(str, series.shape)) for series in several[:4])
        raise BadImage(f"{len(several)} pages of different kinds ({shapes}) cannot be stacked", name, "--frames first")
    if several[0].dataoffset is None and any(page is None for page in several[0].pages):
        raise BadImage("some of its planes lie in other files", name, "save each image as one file")
    return several[0]


def _axes(series: Any, decoding: Decoding, name: str) -> str:
    axes: str = series.axes
    unknown = "Q" in axes or "I" in axes
    if unknown and decoding.axes:
        wide = [length > 1 for length in series.shape]
        if len(decoding.axes) == len(axes):
            axes = decoding.axes
        elif len(decoding.axes) == sum(wide):
            letters = iter(decoding.axes)
            axes = "".join(next(letters) if w else old for w, old in zip(wide, axes, strict=True))
        else:
            raise BadImage(f"--axes {decoding.axes} does not fit an array of shape {series.shape}", name, "mend --axes")
    elif (
        "Q" in axes
        and prod(series.shape) > lengths(axes, series.shape, "YXS")
        and decoding.frames == "error"
        and not decoding.volumes
    ):
        fix = "say what they are with --axes, as CYX (channels first) or YXC (channels last)"
        raise BadImage(f"ambiguous axes of shape {series.shape}", name, fix)
    if axes.count("Y") != 1 or axes.count("X") != 1 or len(set(axes)) != len(axes):
        raise BadImage(
            f"axes {axes} of shape {series.shape} do not make an image", name, "--axes needs one Y and one X"
        )
    return axes


def lengths(axes: str, shape: tuple[int, ...], letters: str) -> int:
    """The product of the lengths of those axes."""
    return prod(length for letter, length in zip(axes, shape, strict=True) if letter in letters)


def _has_alpha(page: Any, samples: int) -> bool:
    colours = {MIN_IS_BLACK: 1, RGB: 3}.get(int(page.photometric))
    kinds = tuple(int(kind) for kind in page.extrasamples)
    unsigned = page.dtype is not None and page.dtype.str[1:] in ("u1", "u2")
    return unsigned and samples - 1 == colours and kinds in ((ASSOCIATED,), (UNASSOCIATED,))


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    value = int(tag.value) if tag is not None else 1
    return value if 1 <= value <= 8 else 1


def _notes(page: Any, series: Any, dtype: str, alpha: bool, up: int, decoding: Decoding) -> Iterator[str]:
    photometric = int(page.photometric)
    if page.bitspersample == 1:
        yield "1 bit as 0 and 255"
    if photometric == MIN_IS_WHITE:
        yield "white is stored as zero"
    if photometric in (CMYK, YCBCR):
        yield f"{'CMYK' if photometric == CMYK else 'YCbCr'} as RGB, no colour profile applied"
    if alpha:
        yield f"transparency over background {decoding.background}"
    if str(series.dtype) not in ("bool", dtype):
        yield f"{series.dtype} as {dtype}"
    if up > 1:
        yield "turned upright as its orientation tag says"


def _check_bytes(count: int, shape: tuple[int, ...], decoding: Decoding, name: str) -> None:
    most = decoding.max_pixels * _BYTES_PER_PIXEL
    if count > most:
        text = " × ".join(map(str, shape))
        fix = f"cut it into tiles, or allow it with --max-pixels {-(-count // _BYTES_PER_PIXEL)}"
        raise BadImage(f"{text} values = {count:,} bytes decoded, the most is {most:,}", name, fix)


def check_complete(plan: Plan, length: int, name: str) -> None:
    """Every strip or tile must lie inside the file: tifffile would fill what is missing with zeros."""
    series, page = plan.series, plan.page
    if series.dataoffset is not None:
        missing = series.dataoffset + series.nbytes - length
        if missing > 0:
            raise BadImage(f"cut short: {missing:,} bytes are missing", name, "copy the file again")
        return
    expected = prod(page.chunked)
    for page in series.pages:
        offsets, counts = page.dataoffsets, page.databytecounts
        absent = expected - sum(count > 0 < start for start, count in zip(offsets, counts, strict=False))
        if absent > 0:
            raise BadImage(f"damaged: {absent} of {expected} strips or tiles are missing", name, "copy the file again")
        end = max(start + count for start, count in zip(offsets, counts, strict=False))
        if end > length:
            raise BadImage(f"cut short: {end - length:,} bytes are missing", name, "copy the file again")
