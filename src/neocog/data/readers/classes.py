"""Labels as written → class indices. Text is kept exactly: "01" is not "1", "NA" is a class like any other."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.errors import UserError, listed, printable

MOST_COMPARED = 200  # classes among which misspelt names are looked for
RARE, LEAST_LETTERS = 0.1, 5  # of the other's samples; letters of a name


def natural(text: str) -> tuple[object, ...]:
    """Sort key that puts "2" before "10": digits by value (of any length), the rest by letter.

    >>> sorted(["cat10", "cat", "cat2", "Cat"], key=natural)
    ['Cat', 'cat', 'cat2', 'cat10']
    """
    tokens = re.split(r"([0-9]+)", text)
    key: list[tuple[object, ...]] = []
    for i, token in enumerate(tokens):
        digits = token.lstrip("0")
        key.append((len(digits), digits) if i % 2 else (token.casefold(),))
    return tuple(key), text


def index_classes(values: Array | Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """(N,) labels, integers or text → (N,) int64 indices, and class names: numbers by value, text in natural order."""
    if isinstance(values, np.ndarray):
        numbers, indices = np.unique(values, return_inverse=True)
        return indices.reshape(-1).astype(np.int64), tuple(str(int(n)) for n in numbers)
    classes = tuple(sorted(set(values), key=natural))
    index = {name: i for i, name in enumerate(classes)}
    return np.fromiter((index[text] for text in values), np.int64, len(values)), classes


def unified(texts: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Texts of one number as its shortest one, 1.0 as 1, and a note for each: pandas writes 1.0 where a number is missing.

    Leading zeros tell texts apart: 01 is a code, not 1.

    >>> unified(["1", "1.0", "2", "01"])
    (['1', '1', '2', '01'], ("'1' and '1.0' are one number, taken for one: '1'",))
    """
    alike: defaultdict[Decimal, set[str]] = defaultdict(set)
    for text in set(texts):
        if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text):
            alike[Decimal(text)].add(text)
    several = [sorted(each, key=lambda text: (len(text), text)) for each in alike.values() if len(each) > 1]
    short = {text: first for first, *more in several for text in more}
    notes = [f"{' and '.join(map(repr, each))} are one number, taken for one: '{each[0]}'" for each in sorted(several)]
    return [short.get(text, text) for text in texts], tuple(notes)


def look_alikes(classes: Iterable[str]) -> tuple[str, ...]:
    """A note for each set of classes that differ only in case, spaces, leading zeros or Unicode form."""
    alike = defaultdict(list)
    for name in classes:
        text = " ".join(unicodedata.normalize("NFKC", name).split()).casefold()
        alike[text.lstrip("0") or "0" if re.fullmatch("[0-9]+", text) else text].append(name)
    return tuple(
        f"class names that look alike, kept apart: {listed(f'{name!a}' for name in names)}"
        for names in alike.values()
        if len(names) > 1
    )


def misspelt(counts: Mapping[str, int]) -> tuple[str, ...]:
    """A note for each rare name that is one letter, or two swapped ones, away from a frequent one; numbers must be equal.

    >>> misspelt({"nucleus": 90, "nucelus": 2, "grade 1": 50, "grade 2": 1})
    ("a class name that may be misspelt: 'nucelus' (2) beside 'nucleus' (90)",)
    """
    if len(counts) > MOST_COMPARED:
        return ()
    pairs = [
        (rare, name)
        for rare, few in counts.items()
        for name, many in counts.items()
        if few <= RARE * many and min(len(rare), len(name)) >= LEAST_LETTERS and _near(rare, name)
    ]
    return tuple(
        f"a class name that may be misspelt: {rare!a} ({counts[rare]:,}) beside {name!a} ({counts[name]:,})"
        for rare, name in pairs
    )


def _near(first: str, second: str) -> bool:
    """Whether two names of equal numbers differ by one letter put in, left out or changed, or by two swapped."""
    if re.findall("[0-9]+", first) != re.findall("[0-9]+", second) or abs(len(first) - len(second)) > 1:
        return False
    shorter = min(len(first), len(second))
    same = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    a, b = first[same:], second[same:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def require_classes(data: Dataset, least: int, where: str) -> None:
    """A classifier learns to tell classes apart: one class alone is a mistake."""
    if len(data.classes) < least:
        raise UserError(
            f"{len(data.classes)} class ({listed(data.classes)}) in {len(data)} samples, {least} needed",
            printable(where),
            "give each class its own folder or label; if the class folders are one level deeper, give that folder",
        )
