"""What the cells of a column hold: numbers, classes, 0 and 1, a count of the rows, an id."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neocog.data.readers.decimals import numbers
from neocog.data.readers.labels import LEAST_EACH, few_decimals, is_missing, whole_values
from neocog.data.readers.reading import Decimal, Reading, ambiguous

BOOLEAN = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "0.": 0, "1.": 1, "false": 0, "true": 1, "no": 0, "yes": 1}
INDEX = re.compile(
    r"unnamed:?[ _]?\d*|index|idx|row|rows?_?(no|nr|num|number|names?)|no\.?|nr\.?|#|level_\d", re.IGNORECASE
)
ID = re.compile(r".*(?i:(^|[^a-z0-9])(id|uid|uuid|guid|idx|index|key|barcode|accession))|.*[a-z](ID|Id)", re.DOTALL)
DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
MOST_CODES = 10  # whole numbers from 0 or 1 that could be the codes of classes
FEW, ABOUT_1 = "few different numbers", "about 1 on average"


@dataclass(frozen=True)
class Kind:
    """What a column could be. ``ones``: of a column of 0 and 1, the number in each row."""

    evidence: str
    number: bool = False  # could be learned as values
    classes: bool = False  # could be learned as classes
    codes: bool = False  # whole numbers from 0 or 1 that could be the codes of classes
    ones: tuple[int, ...] = ()
    constant: bool = False  # one number in all rows
    weights: str = ""  # why these could be weights of samples: numbers of such a size

    @property
    def binary(self) -> bool:
        return bool(self.ones)


def kind_of(name: str, cells: Sequence[str], delimiter: str, decimal: Decimal) -> Kind:
    """What the cells of a column hold, as text that serves as evidence, and what it could be learned as."""
    held = [cell for cell in cells if not is_missing(cell)]
    different = set(held)
    if not held:
        return Kind("empty")
    if len(different) == 1:
        constant = numbers(held[:1], delimiter, decimal) != [None]
        return Kind(f"the same in all rows: '{held[0][:40]}'", constant=constant, weights=FEW)
    if len(held) == len(cells) and all(cell.lower() in BOOLEAN for cell in different):
        ones = tuple(BOOLEAN[cell.lower()] for cell in cells)
        return Kind(f"{' and '.join(sorted(different))} only", True, True, ones=ones, weights=FEW)
    found = [value for value in numbers(held, delimiter, decimal) if value is not None]
    if 2 * len(found) >= len(cells):
        return _numbers(name, np.array(found), len(cells))
    if all(map(DATE.fullmatch, different)):
        return Kind(f"dates, {len(different):,} different")
    if ID.fullmatch(name) or 2 * len(different) > len(held):
        return Kind(f"text, {len(different):,} different in {len(cells):,} rows: names the rows")
    return Kind(f"text, {len(different):,} different", classes=True)


def _numbers(name: str, values: np.ndarray, rows: int) -> Kind:
    different = np.unique(values)
    low, high = different[0], different[-1]
    span = f"{low:g} … {high:g}"
    whole = bool(np.isfinite(values).all() and (values == np.round(values)).all())
    if not name or INDEX.fullmatch(name):
        return Kind(f"{'named so' if name else 'without a name'}: counts the rows, {span}")
    if whole and len(different) == len(values) == rows >= 10 and high - low == rows - 1:
        return Kind(f"counts the rows: {span}, each once")
    if whole and ID.fullmatch(name):
        return Kind(f"named so: an id, {len(different):,} different whole numbers")
    sound = bool(np.isfinite(values).all()) and low >= 0  # other weights are faults, told with their lines
    weights = FEW if not sound or (len(different) <= 5 and high <= 20) else ABOUT_1 if 0.5 <= values.mean() <= 2 else ""
    contiguous = low in (0, 1) and high - low == len(different) - 1
    codes = whole and contiguous and len(different) <= MOST_CODES and rows >= LEAST_EACH * len(different)
    what = "whole numbers" if whole else "numbers"
    return Kind(f"{len(different):,} different {what}, {span}", True, codes=codes, weights=weights)


def label_kind(name: str, cells: Sequence[str], delimiter: str, reading: Reading, where: str) -> tuple[str, str]:
    """("class" or "value", the evidence) of a column that is named label. Raises UserError where both are plausible."""
    held = [cell for cell in cells if not is_missing(cell)]
    found = [value for value in numbers(held, delimiter, reading.decimal) if value is not None]
    different = len(set(held))
    if len(found) < len(held) or not held:
        return "class", f"{different:,} different texts"
    span = f"{min(found):g} … {max(found):g}"
    if reading.labels == "values":
        return "value", f"{different:,} different numbers, {span}"
    kinds = len(set(found))
    whole = all(value == round(value) for value in found if abs(value) < float("inf"))
    evidence = f"{kinds:,} different {'whole numbers' if whole else 'decimals'}, {span}"
    if different > kinds:
        evidence += f", written in {different:,} ways"
    if reading.labels != "auto":
        return "class", evidence
    if whole_values(kinds, len(found), max(found) - min(found)) if whole else few_decimals(kinds, len(found)):
        classes = (f"{kinds:,} classes (classification)", "--task classification")
        raise ambiguous(
            f"column '{name}'", f"{where}: {evidence}", classes, ("values (regression)", "--task regression")
        )
    return ("class" if whole else "value"), evidence
