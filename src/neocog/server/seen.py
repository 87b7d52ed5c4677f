"""A picture, a volume or a sequence as a network gets it, and as the page paints it.

Letters: C channels, H × W pixels, D slices of a volume, L letters of a sequence.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neocog.data.dataset import Array
from neocog.data.nucleotides import BAD, BLANK, CODES, GAP, shares
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError, printable
from neocog.predictor import Predictor
from neocog.server.asked import Form
from neocog.tasks.classification.sequences import COLOURS, PAPER
from neocog.tasks.segmentation.report import grey_levels

WHOLE = 64  # pixels a side at most of what is looked at, of a network that takes images of any size
ROW = 20  # letters of a sequence side by side
MOST_LETTERS = 100_000


def form_of(predictor: Predictor) -> Form:
    """What the network takes."""
    preprocessing = predictor.preprocessing
    if hasattr(predictor.network, "takes"):
        return "codes"
    if preprocessing.encoding == "nucleotides":
        return "sequences"
    return "volumes" if len(preprocessing.size) == 3 else "images"


def for_looking(predictor: Predictor) -> Predictor:
    """The same; a network that takes images of any size gets the middle of them, of one size."""
    preprocessing = predictor.preprocessing
    if preprocessing.fit != "corner":
        return predictor
    size = tuple(min(side, WHOLE) for side in preprocessing.size)
    return replace(predictor, preprocessing=replace(preprocessing, size=size))


def fitted_pixels(predictor: Predictor, stored: Array, name: str, drawn: bool) -> Array:
    """(C, …) of what is stored (…, C), in stored units. Raises BadImage, which is a UserError."""
    preprocessing = predictor.preprocessing
    if preprocessing.fit == "corner":
        stored = stored if drawn else middle(stored, preprocessing.plane)
        preprocessing = replace(preprocessing, fit="crop") if drawn else preprocessing
    return fit(stored, preprocessing, name or "the picture")


def middle(stored: Array, sides: tuple[int, int]) -> Array:
    """At most (*sides, C), from the middle."""
    top, left = (max(0, (length - side) // 2) for length, side in zip(stored.shape[:2], sides, strict=True))
    return stored[top : top + sides[0], left : left + sides[1]]


def slice_at(depth: float, slices: int) -> int:
    """The place of a slice among ``slices``, of a share ``depth`` of the way."""
    return round(depth * (slices - 1))


def painted(pixels: Array, preprocessing: Preprocessing, depth: float = 0.5) -> Array:
    """(H, W, 3) uint8 of fitted pixels (C, …): of a volume one slice, of a sequence its letters as colours, read like a text."""
    if preprocessing.encoding == "nucleotides":
        return letters_painted(pixels.reshape(-1))
    if pixels.ndim == 4:
        pixels = pixels[:, slice_at(depth, pixels.shape[1])]
    return grey_levels(pixels, preprocessing.low, preprocessing.high)


def letters_painted(codes: Array) -> Array:
    """(L,) → (⌈L / ROW⌉, ROW, 3): one colour a base, mixed where a letter stands for several, paper where none stands."""
    known = shares()[codes]  # (L, 4)
    colours = known @ COLOURS + (1 - known.sum(1, keepdims=True)) * PAPER
    page = np.tile(PAPER, (-(-len(codes) // ROW) * ROW, 1))
    page[: len(codes)] = colours
    found: Array = page.round().astype(np.uint8).reshape(-1, ROW, 3)
    return found


def codes_of(letters: str) -> Array:
    """(1, L, 1) uint8 of letters as they were typed or pasted, lines of a FASTA file's names left out. Raises UserError."""
    lines = [line for line in letters[:MOST_LETTERS].splitlines() if not line.startswith((">", ";"))]
    codes = CODES[np.frombuffer("\n".join(lines).encode("latin-1", "replace"), np.uint8)]
    wrong = np.flatnonzero(codes == BAD)
    if len(wrong):
        letter = "\n".join(lines)[int(wrong[0])]
        raise UserError(
            f"'{printable(letter)}' stands for no base",
            f"letter {int(wrong[0]) + 1}",
            "A, C, G, T, or IUPAC's letters for several",
        )
    codes = codes[(codes != BLANK) & (codes != GAP)]
    if not len(codes):
        raise UserError("there are no letters", "the sequence", "type A, C, G and T")
    read: Array = codes.reshape(1, -1, 1)
    return read
