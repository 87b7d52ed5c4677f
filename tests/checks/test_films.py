"""The order of files by name, in which films are looked for."""

from __future__ import annotations

import random
import re

from neocog.checks.films import _natural

PIECES = ("0", "1", "9", "10", "00", "a", "b", " ", "é", "\udc80", "٣", "日", "\U0001f600", "-", "/", "f", "²")


def test_names_are_in_the_order_of_their_letters_and_numbers() -> None:
    """As lists of letters and numbers, which take five times the memory."""

    def parts(name: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]

    draw = random.Random(0)
    names = ["".join(draw.choices(PIECES, k=draw.randint(0, 9))) for _ in range(5000)]
    assert sorted(names, key=_natural) == sorted(names, key=parts)
