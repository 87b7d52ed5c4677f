"""The organiser's sealed part: held-out samples without their classes, and the classes apart, in one file with one hash."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.competition.kinds import Kind
from neocog.competition.rules import FIX, Rules
from neocog.competition.store import blind, store
from neocog.data.cells import csv_of, plain_cell
from neocog.data.dataset import Dataset
from neocog.documents import expected
from neocog.errors import UserError
from neocog.pretrained.tensors import sha256 as file_hash

ANSWERS, COPY, SAMPLES = "answers.csv", "rules.toml", "samples"
COLUMNS = ("group", "part")  # after what is known of a sample
DATE = (1980, 1, 1, 0, 0, 0)  # of all files in it, so that the same competition has the same hash


@dataclass(frozen=True)
class Answers:
    """What is known of the held-out samples, in their order: truth (n, …) as its kind has it, group (n,) ("": none), and which
    board counts it."""

    kind: Kind
    truth: NDArray[Any]
    groups: NDArray[np.str_]
    parts: NDArray[np.str_]  # (n,) "board" or "final"

    @property
    def grouped(self) -> bool:
        return bool((self.groups != "").any())

    @property
    def on_board(self) -> bool:
        """Whether some are the public board's."""
        return bool((self.parts == "board").any())


def seal(
    path: Path, dataset: Dataset, positions: NDArray[np.int64], kind: Kind, parts: Sequence[str], rules: str
) -> None:
    """Write the sealed part: the samples at ``positions`` (n,), and apart from them what is known of each."""
    groups = np.full(len(dataset), "") if dataset.groups is None else dataset.groups
    with tempfile.TemporaryDirectory(prefix="neocog-seal-") as folder, zipfile.ZipFile(path, "w") as archive:
        store(blind(dataset, positions), Path(folder) / SAMPLES)
        known = kind.known(dataset, positions, Path(folder))
        for file in sorted(each for each in Path(folder).rglob("*") if each.is_file()):
            _add(archive, file.relative_to(folder).as_posix(), file.read_bytes())
        rows = zip(*known.values(), groups[positions].tolist(), parts, strict=True)
        _add(archive, ANSWERS, csv_of((*known, *COLUMNS), rows).encode())
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
            if name.startswith(f"{SAMPLES}/"):  # all that is unpacked is shown to entries
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
        return _answers(archive, rules.data.kind), archive.read(COPY).decode()


def _answers(archive: zipfile.ZipFile, kind: Kind) -> Answers:
    _, *rows = csv.reader(io.StringIO(archive.read(ANSWERS).decode(), newline=""))
    *known, groups, parts = zip(*rows, strict=True)
    return Answers(
        kind, kind.truth(known, archive.read), np.array([plain_cell(name) for name in groups]), np.array(parts)
    )
