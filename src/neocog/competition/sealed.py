"""The organiser's sealed part: held-out samples without their classes, and the classes apart, in one file with one hash."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.competition.rules import FIX, Rules
from neocog.competition.store import Part, store
from neocog.data.cells import csv_of, plain_cell
from neocog.documents import expected, read_rows
from neocog.errors import UserError
from neocog.pretrained.tensors import sha256 as file_hash

ANSWERS, COPY, SAMPLES = "answers.csv", "rules.toml", "samples"
COLUMNS = ("label", "group", "part")
DATE = (1980, 1, 1, 0, 0, 0)  # of all files in it, so that the same competition has the same hash


@dataclass(frozen=True)
class Answers:
    """What is known of the held-out samples, in their order: class (n,), group (n,) ("": none), and which board counts it."""

    labels: NDArray[np.int64]  # index into the rules' classes
    groups: NDArray[np.str_]
    parts: NDArray[np.str_]  # (n,) "board" or "final"

    @property
    def grouped(self) -> bool:
        return bool((self.groups != "").any())

    @property
    def on_board(self) -> bool:
        """Whether some are the public board's."""
        return bool((self.parts == "board").any())


def seal(path: Path, part: Part, groups: Sequence[str], parts: Sequence[str], rules: str) -> None:
    """Write the sealed part; ``part.labels`` (n,) are the true classes, which the samples are stored without."""
    dataset = part.dataset
    blind = Part(dataset, part.positions, [dataset.classes[0]] * len(part.labels), groups=False)
    with tempfile.TemporaryDirectory(prefix="neocog-seal-") as folder, zipfile.ZipFile(path, "w") as archive:
        store(blind, Path(folder) / SAMPLES)
        for file in sorted(each for each in Path(folder).rglob("*") if each.is_file()):
            _add(archive, file.relative_to(folder).as_posix(), file.read_bytes())
        _add(archive, ANSWERS, csv_of(COLUMNS, zip(part.labels, groups, parts, strict=True)).encode())
        _add(archive, COPY, rules.encode())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)


def unseal(path: Path, rules: Rules, folder: Path) -> tuple[Answers, str]:
    """Unpack the held-out samples into ``folder``/samples; the answers, and the rules as they were sealed.

    Raises UserError where the file's SHA-256 is not the one in the rules, before anything in it is looked at.
    """
    if not path.is_file():
        fix = "give the file that `neocog compete new` wrote beside the folder: --sealed FILE"
        raise UserError("no sealed part", str(path), fix)
    if file_hash(path) != rules.sha256.sealed:
        what = f"the sealed part is not the one of the rules: SHA-256 {file_hash(path)[:16]}…, not {rules.sha256.sealed[:16]}…"
        raise UserError(what, str(path), "give the file as it was written")
    with expected(path, FIX), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():  # written by ``seal``: the hash says so
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
    text = (folder / COPY).read_text(encoding="utf-8")
    answers = _answers(folder / ANSWERS, rules)
    for name in (COPY, ANSWERS):  # what is left in the folder is shown to entries
        (folder / name).unlink()
    return answers, text


def _answers(path: Path, rules: Rules) -> Answers:
    with expected(path, FIX):
        _, *rows = read_rows(path)
        labels, groups, parts = zip(*rows, strict=True)
        place = {name: index for index, name in enumerate(rules.data.classes)}
        index = np.array([place[plain_cell(label)] for label in labels], np.int64)
    return Answers(index, np.array([plain_cell(group) for group in groups]), np.array(parts))
