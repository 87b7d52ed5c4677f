"""``convert upright``: pictures turned back by the angle that a trained run reads off them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, BadImage
from neocog.data.formats.lossless import encoded
from neocog.data.images import Decoding, decode
from neocog.data.resize import fit
from neocog.errors import UserError, count
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.run import Run, write_atomically
from neocog.tasks import task_of_run
from neocog.tasks.files import suffixes
from neocog.tasks.orientation.task import OrientationTask, angles
from neocog.verbs.outputs import insist_on_new
from neocog.verbs.predict import expanded

STRAIGHT = 0.5  # degrees: what is less turned stays as it is


@dataclass(frozen=True)
class Turned:
    """One picture: where it came from, by how many degrees it had been turned, where it stands upright now."""

    path: Path
    angle: float = 0.0
    probability: float = 0.0
    written: str = ""
    skipped: str = ""


def upright(run: str | Path | Run, files: Sequence[str | Path], out: Path, quiet: bool = False) -> list[Turned]:
    """Write every picture among ``files`` upright into the new folder ``out``, in full size, and angles.csv beside them.

    PNG for 8-bit grey and colour and for 16-bit grey, else TIFF. The corners that a turn brings in get the median of the
    picture's border. The given files are only read. Raises UserError.
    """
    predictor = load_predictor(path_of(run))
    if not isinstance(task_of_run(predictor), OrientationTask):
        what = f"{path_of(run).folder} is a run of {predictor.task}"
        raise UserError(what, fix=f"train one with --task {OrientationTask.name}")
    insist_on_new(out)
    paths = list(expanded(files, suffixes(predictor.preprocessing)))
    names = _names(paths)
    out.mkdir(parents=True)
    progress = Progress(quiet)
    with progress.bar("turning", len(paths)) as advance:
        rows = []
        for path, name in zip(paths, names, strict=True):
            rows.append(_one(predictor, path, out / name))
            advance(1)
    cells = ([str(r.path), round(r.angle, 2), round(r.probability, 4), r.written, r.skipped] for r in rows)
    write_atomically(out / "angles.csv", csv_of(("path", "angle", "probability", "written", "skipped"), cells))
    skipped = sum(bool(row.skipped) for row in rows)
    if skipped:
        progress.say(f"{skipped} of {count(rows, 'file')} skipped: angles.csv says why", "yellow")
    return rows


def turned_back(pixels: Array, angle: float) -> Array:
    """(H, W, C) turned clockwise by ``angle`` degrees, widened so that nothing is cut; quarter turns move whole pixels."""
    quarters = angle / 90
    if abs(quarters - round(quarters)) < 1e-6:
        return np.ascontiguousarray(np.rot90(pixels, -round(quarters)))
    if abs(angle) < STRAIGHT:
        return pixels
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(edge, axis=0)
    planes = [
        ndimage.rotate(pixels[..., c].astype(np.float32), -angle, order=1, cval=float(ground[c]))
        for c in range(pixels.shape[2])
    ]
    stacked = np.stack(planes, axis=-1)
    if pixels.dtype.kind == "u":
        stacked = np.rint(stacked).clip(0, np.iinfo(pixels.dtype).max)
    return stacked.astype(pixels.dtype)


def _one(predictor: Predictor, path: Path, target: Path) -> Turned:
    preprocessing = predictor.preprocessing
    try:
        pixels = decode(path, Decoding.recorded(preprocessing), str(path))
        fitted = fit(pixels, preprocessing, str(path))
    except BadImage as error:
        return Turned(path, skipped=error.what)
    found, sure = angles(predictor, torch.from_numpy(fitted[None]))
    written = _save(turned_back(pixels, float(found[0])), target)
    return Turned(path, float(found[0]), float(sure[0]), str(written))


def _save(pixels: Array, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix, contents = encoded(pixels.transpose(2, 0, 1))
    target = target.with_name(target.name + suffix)
    target.write_bytes(contents)
    return target


def _names(paths: Sequence[Path]) -> Iterator[Path]:
    """Each picture's place in the new folder, without its suffix: the files' own folders below what they have in common."""
    full = [path.absolute() for path in paths]
    top = Path(os.path.commonpath([path.parent for path in full]))
    stems = [path.relative_to(top).with_suffix("") for path in full]
    for path, stem in zip(full, stems, strict=True):
        yield path.relative_to(top) if stems.count(stem) > 1 else stem
