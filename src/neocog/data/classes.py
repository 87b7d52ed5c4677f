"""Labels as written → class indices. Text is kept exactly: "01" is not "1", "NA" is a class like any other."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.errors import UserError, listed


def natural(text: str) -> tuple[object, ...]:
    """Sort key that puts "2" before "10": digits by value (of any length), the rest by letter."""
    pieces = re.split(r"([0-9]+)", text)
    key: list[tuple[object, ...]] = []
    for i, piece in enumerate(pieces):
        digits = piece.lstrip("0")
        key.append((len(digits), digits) if i % 2 else (piece.casefold(),))
    return (*key, text)


def index_classes(values: Array | Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """(N,) labels, integers or text → (N,) int64 indices, and class names: numbers by value, text in natural order."""
    if isinstance(values, np.ndarray):
        numbers, indices = np.unique(values, return_inverse=True)
        return indices.reshape(-1).astype(np.int64), tuple(str(int(n)) for n in numbers)
    classes = tuple(sorted(set(values), key=natural))
    index = {name: i for i, name in enumerate(classes)}
    return np.fromiter((index[text] for text in values), np.int64, len(values)), classes


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


def require_classes(data: Dataset, least: int) -> None:
    """A classifier learns to tell classes apart: one class alone is a mistake."""
    if len(data.classes) < least:
        raise UserError(
            f"{len(data.classes)} class ({listed(data.classes)}) in {len(data)} samples, {least} needed",
            str(data.root or data.kind),
            "give each class its own folder or label; if the class folders lie one folder deeper, give that folder",
        )
