"""How findings are worded."""

from __future__ import annotations

from collections.abc import Sized


def count(items: Sized | int, noun: str) -> str:
    """A count with its noun.

    >>> count(1, "image"), count(["a", "b"], "image"), count(1200, "class")
    ('1 image', '2 images', '1,200 classes')
    >>> count(2, "family"), count(2, "day"), count(2, "box")
    ('2 families', '2 days', '2 boxes')
    """
    n = items if isinstance(items, int) else len(items)
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        plural = f"{noun[:-1]}ies"
    return f"{n:,} {noun if n == 1 else plural}"
