"""Numbers as tables write them: with a decimal point or a decimal comma, and with the other one between thousands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neocog.checked import number
from neocog.data.readers.labels import is_missing
from neocog.data.readers.reading import Decimal, ambiguous


def comma(cells: Sequence[str], delimiter: str, decimal: Decimal) -> bool:
    """Whether cells are read with a decimal comma: as asked, or where fields are separated otherwise and no point is used."""
    inferred = delimiter != "," and any("," in cell for cell in cells) and not any("." in cell for cell in cells)
    return decimal == "comma" or (decimal == "auto" and inferred)


def numbers(cells: Sequence[str], delimiter: str, decimal: Decimal) -> list[float | None]:
    """Each cell as a number, None where it is none. Separators of thousands are taken off where ``decimal`` is said.

    >>> numbers(["1.021", "2"], ";", "comma"), numbers(["1,5", "2"], ";", "auto"), numbers(["1,5"], ",", "auto")
    ([1021.0, 2.0], [1.5, 2.0], [None])
    """
    sign, other = (",", ".") if comma(cells, delimiter, decimal) else (".", ",")
    grouped = re.compile(rf"[+-]?[0-9]{{1,3}}(\{other}[0-9]{{3}})+(\{sign}[0-9]*)?")
    found = list[float | None]()
    for cell in cells:
        text = cell.replace(other, "") if decimal != "auto" and grouped.fullmatch(cell) else cell
        found.append(None if other in text else number(text.replace(sign, ".", 1)))
    return found


def refuse_doubtful(name: str, cells: Sequence[str], delimiter: str, decimal: Decimal, where: str) -> None:
    """Raises UserError where the one separator of every cell may stand before decimals or between thousands: 1.021."""
    held = [cell for cell in cells if not is_missing(cell)]
    marked = [cell for cell in held if "." in cell or "," in cell]
    if decimal != "auto" or delimiter == "," or not marked:
        return
    mark = "," if "," in marked[0] else "."
    if mark == "." and delimiter != ";":  # tables with semicolons come from where a comma is the decimal sign
        return
    either = re.compile(rf"[+-]?([1-9][0-9]{{0,2}}\{mark}[0-9]{{3}}|[0-9]{{1,3}})")
    if all(map(either.fullmatch, held)):
        digits, same, other = marked[0].replace(mark, ""), *(("comma", "point") if mark == "," else ("point", "comma"))
        decimals = (f"decimals ({marked[0].replace(',', '.')})", f"--decimal {same}")
        span = f"{where}: three digits behind each separator, as in {marked[0]}"
        raise ambiguous(f"column '{name}'", span, decimals, (f"thousands ({digits})", f"--decimal {other}"))
