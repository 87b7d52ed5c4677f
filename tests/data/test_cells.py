"""Tables as CSV: each row its own, however its cells are made."""

from __future__ import annotations

from neocog.data.cells import csv_of


def test_rows_that_are_generators_over_one_variable_are_each_their_own() -> None:
    rows = ((cell for cell in row) for row in ([1, "a"], [2, "=b"]))
    assert csv_of(("n", "text"), rows) == "n,text\n1,a\n2,'=b\n"
