"""Letters of DNA as sets of bases: A = 1, C = 2, G = 4, T = 8, so that R (A or G) is 5 and N is 15; 0 is padding.

IUPAC-IUB 1984, "Nomenclature for incompletely specified bases in nucleic acid sequences".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LETTERS = {
    "A": 1, "C": 2, "G": 4, "T": 8, "U": 8, "R": 5, "Y": 10, "K": 12, "M": 3, "S": 6, "W": 9,
    "B": 14, "D": 13, "H": 11, "V": 7, "N": 15,
}  # fmt: skip
GAP, BLANK, BAD = 16, 17, 18  # "-" and "."; blanks; everything else


def _codes() -> NDArray[np.uint8]:
    table = np.full(256, BAD, np.uint8)
    for letter, code in LETTERS.items():
        table[ord(letter)] = table[ord(letter.lower())] = code
    for letter in "-.":
        table[ord(letter)] = GAP
    for letter in " \t\n":
        table[ord(letter)] = BLANK
    return table


CODES = _codes()  # (256,) byte of a letter → code
TEXT = np.frombuffer(b" ACMGRSVTWYHKDBN", np.uint8)  # (16,) code → letter


def shares() -> NDArray[np.float32]:
    """(16, 4) each code's share of A, C, G, T: 1 / k for each of its k bases, nothing for padding."""
    bits = (np.arange(16)[:, None] >> np.arange(4)) & 1
    found: NDArray[np.float32] = (bits / np.maximum(bits.sum(axis=1, keepdims=True), 1)).astype(np.float32)
    return found


def complement() -> NDArray[np.uint8]:
    """(16,) each code's partner on the other strand: A ↔ T, C ↔ G."""
    codes = np.arange(16)
    return (((codes & 1) << 3) | ((codes & 2) << 1) | ((codes & 4) >> 1) | ((codes & 8) >> 3)).astype(np.uint8)


def text(codes: NDArray[np.uint8]) -> str:
    """(L,) codes as letters, without the padding at the end."""
    return TEXT[codes].tobytes().decode("ascii").rstrip()
