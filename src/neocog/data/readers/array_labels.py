"""Arrays of labels or values, as NPZ files store them, and what they say: classes, one-hot classes, or numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array
from neocog.data.formats.stored import Stored
from neocog.data.readers.classes import index_classes
from neocog.data.readers.labels import few_decimals, refuse_missing, whole_values
from neocog.data.readers.reading import Reading, ambiguous
from neocog.errors import UserError, count, listed, printable, raise_all


def stored_labels(stored: Stored) -> Array:
    """Labels or values as they are stored, (N,) or (N, K)."""
    if len(stored.shape) > 2 or stored.dtype.kind not in "biufUS":
        what = f"labels of shape {stored.shape} and type {stored.dtype}"
        raise UserError(what, stored.where, "store (N,) numbers or text")
    return stored.whole()


def values_of(
    parts: Sequence[Array], wheres: Sequence[str], name: str, reading: Reading
) -> tuple[NDArray[np.float32], str] | None:
    """((N, V) values, the evidence) where the arrays hold these and no classes. Raises UserError where both are plausible."""
    decimals = any(
        part.dtype.kind == "f" and (finite := part[np.isfinite(part)]).size and (finite % 1).any() for part in parts
    )
    if reading.labels not in ("auto", "values") or (
        reading.labels == "auto" and not decimals and not _whole(parts, wheres, name)
    ):
        return None
    if any(part.dtype.kind in "US" for part in parts):
        raise UserError("labels are text, not values", ", ".join(wheres), "leave out --task regression")
    widths = {part[:1].size for part in parts}
    if len(widths) > 1:
        raise UserError(f"the parts hold {' and '.join(map(str, sorted(widths)))} values a sample", ", ".join(wheres))
    bad = [
        (where, np.argwhere(~np.isfinite(part)))
        for part, where in zip(parts, wheres, strict=True)
        if part.dtype.kind == "f"
    ]
    raise_all(
        UserError(f"{len(at)} values are NaN or infinite, the first at {at[0][0]}", where, "correct them")
        for where, at in bad
        if len(at)
    )
    values = np.concatenate([part.reshape(len(part), -1) for part in parts]).astype(np.float64)
    different = len(np.unique(values, axis=0))
    if reading.labels == "auto" and values.shape[1] == 1 and few_decimals(different, len(values)):
        classes = (f"{count(different, 'class')} (classification)", "--task classification")
        where = f"{wheres[0]}: {different} different decimals"
        raise ambiguous(f"array '{name}'", where, classes, ("values (regression)", "--task regression"))
    alike = [str(i) for i, column in enumerate(values.T) if np.ptp(column) == 0]
    if alike:
        raise UserError(
            f"values that are the same in all samples: {listed(alike)}", wheres[0], "there is nothing to learn"
        )
    return values.astype(np.float32), f"{different:,} different numbers, {values.min():g} … {values.max():g}"


def _whole(parts: Sequence[Array], wheres: Sequence[str], name: str) -> bool:
    """Whether whole numbers are values, since the array is called so. Raises UserError where that is not clear: ages, counts."""
    if any(part.dtype.kind in "USb" or part[:1].size != 1 for part in parts):
        return False
    if "value" in name.lower():
        return True
    found = np.concatenate([part.reshape(-1) for part in parts])
    if not found.size or not np.isfinite(found).all():
        return False
    kinds = len(np.unique(found))
    if whole_values(kinds, len(found), float(np.ptp(found))):
        where = f"{wheres[0]}: {kinds:,} different whole numbers, {found.min():g} … {found.max():g}"
        classes = (f"{count(kinds, 'class')} (classification)", "--task classification")
        raise ambiguous(f"array '{name}'", where, classes, ("values (regression)", "--task regression"))
    return False


def labels_of(values: Array, where: str, reading: Reading) -> Array | list[str]:
    """(N,) int64 or N texts."""
    kind = values.dtype.kind
    if kind == "f":
        values = _integral(values, where)
    if values.ndim == 2:
        values = values[:, 0] if values.shape[1] == 1 else _one_hot(values, where)
    if kind not in "US":
        if values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise UserError(f"label {values.max()} is beyond 64-bit integers", where)
        return values.astype(np.int64)
    texts = [value.decode("utf-8", "backslashreplace") if kind == "S" else value for value in values.tolist()]
    refuse_missing(texts, reading, where)
    blank = [str(i) for i, text in enumerate(texts) if not text.strip()]
    if blank:
        raise UserError(f"{count(blank, 'blank label')} at {listed(blank)}", where, "give each image a label")
    return texts


def _integral(values: Array, where: str) -> Array:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise UserError(f"{len(bad)} labels are NaN or infinite, the first at {bad[0][0]}", where, "correct them")
    broken = np.argwhere(values != np.round(values))
    if len(broken):
        first = values[tuple(broken[0])]
        what = f"{len(broken)} labels are no whole numbers, the first is {first} at {broken[0][0]}"
        raise UserError(what, where, "store class numbers or names")
    return values.astype(np.int64)


def _one_hot(values: Array, where: str) -> Array:
    """(N, K) with a single 1 a row → (N,)."""
    if values.dtype.kind in "US" or not ((values == 0) | (values == 1)).all() or not (values.sum(1) == 1).all():
        what = f"labels of shape {values.shape} that are not one-hot"
        raise UserError(what, where, "store one class a sample; several labels a sample are not supported")
    return np.asarray(values.argmax(1))


def indexed(labels: Sequence[Array | list[str]], path: Path) -> tuple[Array, tuple[str, ...]]:
    texts = [part for part in labels if isinstance(part, list)]
    numbers = [part for part in labels if not isinstance(part, list)]
    if texts and numbers:
        raise UserError("labels are numbers in one part and text in another", printable(str(path)), "store one kind")
    return index_classes(list(_chain(texts)) if texts else np.concatenate(numbers))


def _chain(texts: Sequence[list[str]]) -> Iterator[str]:
    for part in texts:
        yield from part
