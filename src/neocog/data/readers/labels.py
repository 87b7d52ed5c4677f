"""What the cells of a label column say: a class, a number, nothing, or several classes at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from neocog.data.readers.reading import Reading
from neocog.errors import UserError, count, listed, printable

# What pandas, R, SQL and spreadsheets write where nothing is known; "none" in lower case is a word
MISSING = frozenset(["", "nan", "n/a", "#n/a", "null", "nat", "<na>", "na", "nil", "-", "--", "?", "."])
LISTS = re.compile(r"\[.*\]|\{.*\}|\(.*\)", re.DOTALL)
SEPARATORS = ("|", ";", ",", "+", "&", "/", " ")
MOST_DECIMALS = 20  # different decimals that could be classes, if each stands in several rows
LEAST_EACH = 5  # rows with each class, on average
LEAST_WHOLE = 10  # different whole numbers that are classes however rare
MOST_WHOLE = 20  # different whole numbers that are classes without a doubt, if none is left out


def is_missing(cell: str) -> bool:
    """Whether a cell is what programs write for "not known".

    >>> [cell for cell in ("NaN", "NA", "None", "none", "?", "cat") if is_missing(cell)]
    ['NaN', 'NA', 'None', '?']
    """
    text = cell.strip()
    return text.lower() in MISSING or text == "None"


def missing(cells: Sequence[str], reading: Reading) -> tuple[set[int], str]:
    """The rows whose label says nothing, and what was decided about texts such as NA that look so but are classes.

    NA among codes of two capitals is one of them (Namibia, North America); blank cells never are a class.
    """
    found = {row for row, cell in enumerate(cells) if is_missing(cell)}
    words = {cells[row].strip() for row in found} - {""}
    if not words or reading.unlabelled == "class":
        why = f"{listed(sorted(words))} taken for a class, as asked" if words else ""
        return {row for row in found if not cells[row].strip()}, why
    others = {cell.strip() for row, cell in enumerate(cells) if row not in found}
    if words == {"NA"} and len(others) >= 3 and all(re.fullmatch("[A-Z]{2}", text) for text in others):
        blank = {row for row in found if not cells[row].strip()}
        return blank, "NA taken for a class, as the others are codes of two letters too"
    return found, ""


def refuse_missing(labels: Sequence[str], reading: Reading, where: str) -> None:
    """Raises UserError where texts such as nan stand among the labels of samples that cannot be left out one by one."""
    unknown, _ = missing(labels, reading)
    if words := sorted({labels[i].strip() for i in unknown} - {""}):
        what = f"{count(unknown, 'label')} that may stand for none: {listed(words)}"
        raise UserError(what, where, "--unlabelled class takes it for a class; else leave these samples out")


def whole_values(different: int, samples: int, span: float) -> bool:
    """Whether whole numbers are so many, or so rare, or with such gaps, that they could be values: ages, counts."""
    many = different > LEAST_WHOLE and samples < LEAST_EACH * different
    return many or (span != different - 1 and different > MOST_WHOLE)


def few_decimals(different: int, samples: int) -> bool:
    """Whether numbers with decimals are so few, and each so frequent, that they could be classes: doses, magnifications."""
    return 1 < different <= MOST_DECIMALS and samples >= LEAST_EACH * different


def same_partition(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two columns tell the same rows apart: 0 and 1 beside cat and dog."""
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(set(first)) == len(set(second))


def several(cells: Iterable[str]) -> str:
    """What separates several labels in one cell, or "" where each cell is one label.

    A separator counts where its parts are labels by themselves: "cat|dog" beside "cat". Lists in brackets always do.

    >>> several(["cat", "dog", "cat|dog"]), several(["big cat", "big dog"]), several(["['cat', 'dog']", "[]"])
    ('|', '', '[]')
    """
    counts = Counter(cell.strip() for cell in cells if not is_missing(cell))
    if counts and all(LISTS.fullmatch(label) for label in counts):
        return "[]"
    for separator in SEPARATORS:
        joined = [label for label in counts if separator in label.strip(separator)]
        atoms = {part.strip() for label in joined for part in label.split(separator)} - {""}
        alone = atoms & (counts.keys() - set(joined))
        strong = separator in "|;" and len(joined) > 1 and len(atoms) <= len(counts)
        if joined and (len(alone) == len(atoms) or strong):
            return separator
    return ""


def refuse_several(name: str, cells: Sequence[str], lines: Sequence[int], where: str) -> None:
    """Raises UserError where cells hold several labels."""
    separator = several(cells)
    if not separator:
        return
    rows = [i for i, cell in enumerate(cells) if separator == "[]" or separator in cell.strip(separator)]
    shown = listed(f"line {lines[i]} '{printable(cells[i])[:60]}'" for i in rows[:3])
    what = f"{len(rows):,} rows of '{name}' hold several labels: several labels an image are not supported"
    fix = f"write one label a row; --columns label='{name}' takes each such text for a class of its own"
    raise UserError(what, f"{where}: {shown}", fix)
