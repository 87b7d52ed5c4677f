"""What calls of ``neocog stress`` leave in a run's folder, and what becomes of it when a part is tried again.

A part has one result, the newest that measured anything of these weights and data, with the flags by which it was found. What it
replaces is said, and a table that was changed by hand, as corrections.csv is meant to be, is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from neocog.data.cells import csv_of
from neocog.documents import read_json
from neocog.errors import UserError
from neocog.pages.stress import stored_outcome
from neocog.progress import Progress
from neocog.records import Table
from neocog.robustness.clock import plain
from neocog.robustness.outcome import Outcome
from neocog.run import to_json, write_atomically

Identity = Mapping[str, Any]
SAME = ("part", "weights", "data", "contents", "seed")  # of the identity; the rest are options


def stored(path: Path) -> tuple[Identity, Outcome, list[str]] | None:
    """Of which call a part's file is, what was found, and what there was no time for; None where there is none that can be read."""
    try:
        found = read_json(path)
        return found["identity"], stored_outcome(found, path), list(found["not_tried"])
    except (UserError, KeyError, TypeError):  # one that the report cannot read is made anew
        return None


def is_whole(path: Path, identity: Identity) -> bool:
    """Whether the part was tried to its end, with these very options on these very data."""
    found = stored(path)
    return found is not None and found[0] == plain(identity) and not found[2]


def replaced(path: Path, identity: Identity) -> Iterator[str]:
    """What is lost where ``identity`` is tried and ``path`` written: results of other options, or pieces of them."""
    found, kept = stored(path), path.with_suffix(".partial.json")
    if found is not None and found[0] != plain(identity) and found[1].measured:
        yield f"what was found {_described(found[0], found[1].flags, identity)}"
        return
    try:
        pieces = read_json(kept)
        if pieces["identity"] != plain(identity) and pieces["pieces"]:
            yield f"what was begun {_described(pieces['identity'], pieces.get('flags', ''), identity)}"
    except (UserError, KeyError, TypeError):
        return


def _described(earlier: Identity, flags: str, now: Identity) -> str:
    how = f"with {flags}" if flags else "without flags"
    return f"{how}{'' if _alike(earlier, now) else ' on other data, or of other weights'}"


def _alike(earlier: Identity, now: Identity) -> bool:
    """Whether two calls differ by their options alone."""
    return all(earlier.get(name) == plain(now)[name] for name in SAME)


def stays(path: Path, identity: Identity, outcome: Outcome) -> bool:
    """Whether nothing was measured where an earlier call with other options measured something, of the same weights and data."""
    found = stored(path)
    if found is None or outcome.measured or found[0] == plain(identity):
        return False
    return found[1].measured and _alike(found[0], identity)


def write(path: Path, identity: Identity, outcome: Outcome, late: Sequence[str], progress: Progress) -> None:
    """The tables, then the part's JSON, which says that they are whole; tables that this call has not go with the earlier one."""
    found = stored(path)
    before = {} if found is None else {f"{name}.csv": _csv(table) for name, table in found[1].tables.items()}
    tables = {f"{name}.csv": _csv(table) for name, table in outcome.tables.items()}
    for name, text in before.items():
        _keep_edited(path.with_name(name), {text, tables.get(name)}, progress)
    path.unlink(missing_ok=True)  # no kill may leave it beside tables that are not its own
    for name in before.keys() - tables.keys():
        path.with_name(name).unlink(missing_ok=True)
    for name, text in tables.items():
        write_atomically(path.with_name(name), text)
    write_atomically(path, to_json({"identity": identity, "not_tried": list(late), **asdict(outcome)}))


def _keep_edited(path: Path, ours: set[str | None], progress: Progress) -> None:
    """A table that is neither as it was written nor as it will be gets another name."""
    if not path.is_file() or path.read_bytes().decode("utf-8", "backslashreplace") in ours:
        return
    names = (path.with_name(f"{path.stem}.edited{'' if i == 1 else i}.csv") for i in count(1))
    path.rename(aside := next(name for name in names if not name.exists()))
    progress.say(f"  {path} was changed by hand: it is {aside.name} now", "yellow")


def _csv(table: Table) -> str:
    """Numbers in full, "" of none."""
    return csv_of(table.columns, ((None if cell != cell else cell for cell in row) for row in table.rows))
