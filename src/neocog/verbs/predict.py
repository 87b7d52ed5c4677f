"""``predict``: files, folders or globs → a CSV with one row each, the unreadable ones included."""

from __future__ import annotations

import csv
import glob
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neocog.data.cells import safe_cell
from neocog.data.dataset import BadImage
from neocog.data.fit import fit
from neocog.data.images import IMAGE_SUFFIXES, Decoding, decode, is_junk
from neocog.errors import UserError, printable
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.run import Run, write_atomically
from neocog.verbs.screen import Screen

COLUMNS = ("path", "label", "probability", "second", "second_probability", "third", "third_probability", "skipped")
BATCH = 64


@dataclass(frozen=True)
class Predicted:
    """One row a file: ``label`` and ``probability`` (calibrated), runners-up; or ``skipped``, the reason."""

    rows: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """{"predictions": [{"path", "label", "probability", …}], "skipped": [{"path", "reason"}]}."""
        good = [{k: v for k, v in row.items() if k != "skipped"} for row in self.rows if not row["skipped"]]
        bad = [{"path": row["path"], "reason": row["skipped"]} for row in self.rows if row["skipped"]]
        return {"predictions": good, "skipped": bad}

    def to_csv(self) -> str:
        """The rows as CSV; cells that a spreadsheet would take for a formula are prefixed."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow(
                [safe_cell(value) if isinstance(value, str) else value for value in (row.get(c, "") for c in COLUMNS)]
            )
        return text.getvalue()

    def show(self, out: Path | None) -> None:
        """The CSV on standard output, or where it was written."""
        sys.stdout.write(f"{out}\n" if out else self.to_csv())


def predict(run: Path | Run, files: Sequence[str | Path], out: Path | None = None, quiet: bool = False) -> Predicted:
    """Predict every image among ``files`` (paths, folders, globs) and write the CSV ``out`` where one is given."""
    if out is not None and out.exists():
        raise UserError(f"{out} exists already", fix="give another --out")
    predictor = load_predictor(path_of(run))
    paths = list(expanded(files))
    screen = Screen(quiet)
    with screen.bar("predicting", len(paths)) as advance:
        rows = tuple(
            row
            for start in range(0, len(paths), BATCH)
            for row in _rows(predictor, paths[start : start + BATCH], advance)
        )
    predicted = Predicted(rows)
    skipped = sum(bool(row["skipped"]) for row in rows)
    if skipped:
        screen.say(f"{skipped} of {len(rows)} files were skipped: the last column says why", "yellow")
    if out is not None:
        write_atomically(out, predicted.to_csv())
    return predicted


def expanded(files: Sequence[str | Path]) -> Iterator[Path]:
    """Files as they are, the images below folders, and what globs match. Raises UserError for what is not there."""
    for item in files:
        path = Path(item)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not is_junk(p))
            if not inside:
                raise UserError("no images in the folder", printable(str(path)), "give image files or a folder of them")
            yield from inside
        elif path.exists() or path.is_symlink():
            yield path
        else:
            matched = sorted(glob.glob(str(item), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if not matched:
                raise UserError("no such file", printable(str(item)), "give image files, folders or globs")
            yield from map(Path, matched)


def _rows(predictor: Predictor, paths: Sequence[Path], advance: Any) -> list[dict[str, Any]]:
    recipe = predictor.preprocessing
    decoding = Decoding.recorded(recipe)
    rows: list[dict[str, Any]] = []
    fitted, good = [], []
    for path in paths:
        row: dict[str, Any] = {"path": str(path), "skipped": ""}
        try:
            fitted.append(fit(decode(path, decoding, str(path)), recipe))
            good.append(row)
        except BadImage as error:
            row["skipped"] = error.what
        rows.append(row)
        advance(1)
    if good:
        import torch

        probabilities = predictor.probabilities(predictor.of_pixels(torch.from_numpy(np.stack(fitted))))
        for row, values in zip(good, probabilities, strict=True):
            row.update(ranked(values, predictor.classes))
    return rows


def ranked(values: np.ndarray[Any, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Label and probability of the likeliest class and of up to two runners-up."""
    order = np.argsort(-values, kind="stable")[:3]
    names = (("label", "probability"), ("second", "second_probability"), ("third", "third_probability"))
    row: dict[str, Any] = {}
    for (name, probability), index in zip(names, order, strict=False):
        row[name], row[probability] = classes[index], round(float(values[index]), 6)
    return row
