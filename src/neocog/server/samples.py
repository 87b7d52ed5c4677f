"""All samples of a run's data as rows, their pictures as a contact sheet, and labels that a person corrects. Data are only read."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from neocog.data.cells import csv_of, plain_cell, safe_cell
from neocog.data.corrections import COLUMNS, corrected
from neocog.data.dataset import Array, BadImage
from neocog.data.split import read_splits
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.run import Run
from neocog.server.frame import pack
from neocog.server.opened import Opened
from neocog.server.seen import fitted_pixels, painted
from neocog.traits import traits
from neocog.typed import typed

SIDE = 96  # pixels of a picture at most
MOST = 200  # pictures of one request


def listed(opened: Opened, task: str) -> list[dict[str, Any]]:
    """A row a sample, in the order of splits.csv: ``sample`` is its place there; of the test part what was answered, and the loss;
    where `neocog stress RUN labels` has ranked the label its ``rank``, the least credible first, and what is ``likely``."""
    splits = read_splits(opened.run.splits_csv)
    answered, ranked = {row["path"]: row for row in opened.predictions}, credibility(opened.run)
    found, labelled = [], traits(task).labels in ("classes", "values", "any")  # of a mask splits.csv has a digest
    for place, (name, label, part) in enumerate(zip(splits.names, splits.labels, splits.parts, strict=True)):
        row = answered.get(safe_cell(name), {})
        found.append(
            {
                "sample": place,
                "name": name,
                "label": label if labelled else "",
                "part": part,
                **of_test(row, label),
                **ranked.get(name, {}),
            }
        )
    return found


def of_test(row: Mapping[str, str], label: str) -> dict[str, Any]:
    """What predictions.csv says of a sample: of a classifier the loss, −log of the calibrated probability of its label."""
    if not row:
        return {}
    share = row.get(safe_cell(f"p:{label}"), "")
    loss = -math.log(max(float(share), 1e-300)) if share else None
    return {"prediction": plain_cell(row.get("prediction", "")), "wrong": row.get("correct", "1") == "0", "loss": loss}


def credibility(run: Run) -> dict[str, dict[str, Any]]:
    """{sample: its rank among all labels, the class that is likelier, and whether confident learning counts it for that}."""
    path = run.folder / "stress" / "labels.csv"
    if not path.is_file():
        return {}
    from neocog.documents import rows

    return {
        plain_cell(row["sample"]): {
            "rank": int(row["rank"]),
            "likely": plain_cell(row["likely"]),
            "flagged": bool(row["flagged"]),
        }
        for row in rows(path)
    }


@dataclass(frozen=True)
class Sheet:
    """Which samples are to be shown."""

    samples: tuple[int, ...]


def sheet(opened: Opened, predictor: Predictor, header: Mapping[str, Any]) -> bytes:
    """Pictures (n, H, W, 3) of samples as the network sees them, of at most ``SIDE`` pixels; ``bad``: those that cannot be read."""
    asked: Sheet = typed(Sheet, dict(header), "the message")
    if len(asked.samples) > MOST:
        raise UserError(f"more than {MOST} pictures", "the message", "load the page again")
    preprocessing = predictor.preprocessing
    pictures, bad = list[Array](), list[int]()
    for place in asked.samples:
        try:
            pixels = fitted_pixels(predictor, opened.split_sample(place), "", drawn=False)
            pictures.append(small(painted(pixels, preprocessing)))
        except BadImage:
            bad.append(place)
            nothing = np.zeros((preprocessing.channels, *preprocessing.size), np.uint8)
            pictures.append(small(painted(nothing, preprocessing)))
    return pack({"bad": bad}, {"pictures": np.stack(pictures)} if pictures else {})


def small(picture: Array) -> Array:
    """(H, W, 3) bytes averaged down until the longer side is ``SIDE``."""
    height, width = picture.shape[:2]
    share = SIDE / max(height, width)
    if share >= 1:
        return picture
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


@dataclass(frozen=True)
class Corrected:
    """A label that a person has looked at; ``given`` as the data had it."""

    sample: str
    action: Literal["relabel", "exclude", "keep"]
    label: str
    given: str


@dataclass(frozen=True)
class Corrections:
    rows: tuple[Corrected, ...]


def corrections(opened: Opened, header: Mapping[str, Any]) -> bytes:
    """The CSV that ``train --corrections`` takes, tried on the data as it will be there. Raises UserError."""
    asked: Corrections = typed(Corrections, dict(header), "the message")
    if not asked.rows:
        raise UserError("no label was corrected", fix="choose another class below a picture, or leave it out")
    text = csv_of(COLUMNS, ((row.sample, row.action, row.label, row.given) for row in asked.rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corrections.csv"
        path.write_text(text, encoding="utf-8")
        corrected(opened.dataset, path)
    return pack({"csv": text}, {})
