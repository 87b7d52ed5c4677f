"""``--corrections``: labels that a person has looked at again, as a CSV of samples to relabel or to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neocog.data.cells import plain_cell
from neocog.data.dataset import Dataset
from neocog.data.readers.rows import read_rows
from neocog.data.taken import unusable
from neocog.errors import UserError, count, did_you_mean, listed, printable, raise_all

COLUMNS = ("sample", "action", "label", "given")  # those that are read; the file may have more
ACTIONS = ("relabel", "exclude", "keep")
FIX = "a CSV with the columns sample, action (relabel, exclude or keep) and label, as `neocog stress RUN labels` writes it"
EXCLUDED = "left out by --corrections"
DRAWN = {
    "boxes": "correct their files; `neocog predict RUN IMAGES --format labelme --out FOLDER` begins with what a run sees, and "
    "`neocog train FOLDER/labelme --task detection` learns what was corrected in labelme",
    "masks": "correct the mask files, and train again",
}


@dataclass(frozen=True)
class Correction:
    """A row, its ``line``: what is done with a sample, its new ``label``, and the one that it was ``given`` ("": not said)."""

    line: int
    sample: str
    action: str
    label: str
    given: str


def corrected(dataset: Dataset, path: str | Path) -> Dataset:
    """``dataset`` with the labels of the file, and what it excludes among what is left out.

    Raises UserError, with every fault, for names and classes that the data do not have, for samples that were given another
    label than the file says, and for data of which a sample has no one class.
    """
    path = Path(path)
    rows = read_corrections(path)
    place = {name: index for index, name in enumerate(dataset.names)}
    raise_all(_faults(dataset, rows, place, path))
    labels, classes = dataset.labels.copy(), {name: index for index, name in enumerate(dataset.classes)}
    for each in rows:
        if each.action == "relabel":
            labels[place[each.sample]] = classes[each.label]
    out = unusable(dataset, {each.sample: EXCLUDED for each in rows if each.action == "exclude"})
    changed = int((labels != dataset.labels).sum())
    note = f"{path.name}: {count(changed, 'sample')} relabelled, {len(out):,} left out; all parts are measured by these labels"
    return replace(dataset, labels=labels, left_out=(*dataset.left_out, *out), notes=(*dataset.notes, note))


def read_corrections(path: Path) -> list[Correction]:
    """The rows of a file of corrections. Raises UserError."""
    if not path.is_file():
        raise UserError(f"no {printable(path.name)}", printable(str(path)), FIX)
    rows = read_rows(path, COLUMNS)
    missing = [name for name in COLUMNS[:3] if name not in rows.header]
    if missing:
        raise UserError(f"no column {listed(missing)}", printable(str(path)), FIX)
    if not len(rows):
        raise UserError(
            "no row below the heading: nothing is corrected", printable(str(path)), f"{FIX}; or leave it out"
        )
    known = dict(zip(rows.header, rows.columns, strict=False))
    columns = [map(plain_cell, known.get(name, [""] * len(rows))) for name in COLUMNS]
    return [Correction(*cells) for cells in zip(rows.lines, *columns, strict=True)]


def _faults(dataset: Dataset, rows: Sequence[Correction], place: Mapping[str, int], path: Path) -> Iterator[UserError]:
    where, classes = printable(str(path)), set(dataset.classes)
    unknown = [each.sample for each in rows if each.sample not in place]
    if unknown:
        what = f"{len(unknown):,} of {len(rows):,} samples are not in the data: {listed(unknown)}"
        yield UserError(what, where, "give the names as splits.csv has them")
    twice = [name for name, times in Counter(each.sample for each in rows).items() if times > 1]
    if twice:
        yield UserError(f"{len(twice):,} samples have several rows: {listed(twice)}", where, "leave one of each")
    actions = sorted({each.action for each in rows} - set(ACTIONS))
    if actions:
        what = f"no action: {listed(repr(each) for each in actions)}"
        yield UserError(what, where, f"give one of {', '.join(ACTIONS)}")
    if not dataset.has_classes and any(each.action == "relabel" for each in rows):
        what = f"{dataset.form} with {dataset.learned} have no single label that could be another"
        yield UserError(what, where, DRAWN.get(dataset.learned, "exclude them, or correct the files"))
        return
    for name in sorted({each.label for each in rows if each.action == "relabel"} - classes)[:20]:
        yield UserError(f"no class {name!r}", where, did_you_mean(name, classes) + f"known: {listed(dataset.classes)}")
    other = [
        f"{each.sample} (line {each.line}: {each.given}, now {dataset.target_text(place[each.sample])})"
        for each in rows
        if each.given and each.sample in place and dataset.has_classes
        if each.given != dataset.target_text(place[each.sample])
    ]
    if other:
        what = f"{len(other):,} samples do not have the label that was looked at: {listed(other, 5)}"
        yield UserError(what, where, "the data have changed: look at these samples again")
