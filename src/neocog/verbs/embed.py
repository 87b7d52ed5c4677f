"""``embed``: what a network sees of each image, as numbers: a map, nearest neighbours, and images that are all but the same.

Letters: N images, F features. Features are what comes into the network's last layer; two images are as alike as the cosine of the
angle between theirs.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import Config, changed
from neocog.data.cells import safe_cell
from neocog.data.dataset import Array, BadImage
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.memory import images_of
from neocog.errors import UserError, count, printable
from neocog.interop.extras import extra
from neocog.networks import build, has_encoder
from neocog.networks.head import features
from neocog.networks.memory_format import reorder
from neocog.pages.page import Head, page
from neocog.predictor import Predictor, load_predictor
from neocog.pretrained import Source, load_into, source_of
from neocog.progress import Progress
from neocog.records import Picture, Pictures, Section, Text
from neocog.run import Run, write_atomically
from neocog.tasks import task_of_run
from neocog.tasks.files import chunks, read
from neocog.tasks.report.pictures import thumbnail
from neocog.verbs.feature_map import MAPS, check_map, drawn, placed
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.predict import named

Floats = NDArray[np.float32]
SIDE = 48  # pixels of a thumbnail
PAIRS = 40  # that the page shows
ROWS = 1024  # images compared with all others at once


@dataclass(frozen=True)
class Embedding:
    """``features`` (N, F); ``neighbours`` (N, k): the nearest others, by falling ``similarity`` (N, k), the cosine; ``places``
    (N, 2) on the map; ``same``: of each image the first with the same pixels. ``skipped``: {path: reason}."""

    folder: Path
    paths: tuple[str, ...]
    features: Floats
    places: Floats
    neighbours: NDArray[np.int64]
    similarity: Floats
    same: tuple[int, ...]
    skipped: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """What --json prints."""
        copies = [[self.paths[first], self.paths[i]] for i, first in enumerate(self.same) if first != i]
        shape = list(self.features.shape)
        return {"out": str(self.folder), "features": shape, "same_pixels": copies, "skipped": self.skipped}


def embed(
    source: str | Path | Run,
    files: Any,
    out: str | Path | None = None,
    *,
    model: str = "auto",
    near: int = 5,
    map: str = "pca",
    parquet: bool = False,
    quiet: bool = False,
) -> Embedding:
    """Write features.npy, names.csv and map.html of ``files`` into the new folder ``out``.

    ``files``: paths, folders, globs, or images in memory, as ``predict`` takes them.

    ``source``: a run, or whatever ``train --from`` takes; ``model``: the network of a file of weights that does not tell its
    own; ``near``: neighbours of each image; ``map``: how images are placed on it, "pca", "tsne" or "umap" (an extra);
    ``parquet``: features.parquet too, a row an image with its path and its ``features`` (F,) (an extra). Raises UserError.
    """
    if near < 1:
        raise UserError(f"--near {near} is below 1", fix="give 1 or more")
    check_map(map)
    source, files = os.fspath(source), images_of(files)
    tables = extra("parquet", "pyarrow", "pyarrow.parquet") if parquet else ()
    target = Path(out or f"embed-{Path(source.replace(':', '-')).name}")
    insist_on_new(target)
    progress = Progress(quiet)
    predictor = predictor_of(source, files, model, progress)
    if predictor.facts and task_of_run(predictor).purpose == "generation":
        what = f"a run of --task {predictor.task} draws images and sees none"
        raise UserError(what, source, "give another run")
    with named(files, predictor.preprocessing) as paths:
        names, every, digests, pictures, skipped = collected(predictor, paths, progress)
    if len(names) < 2:
        raise UserError(
            f"{count(names, 'image')} can be read: at least 2 are compared", listed_faults(skipped), "give more"
        )
    neighbours, similarity = nearest(every, min(near, len(every) - 1))
    first = {digest: i for i, digest in reversed([*enumerate(digests)])}
    same = tuple(first[digest] for digest in digests)
    made = Embedding(target, tuple(names), every, placed(every, map), neighbours, similarity, same, skipped)
    with new_folder(target) as folder:
        np.save(folder / "features.npy", every)
        write_atomically(folder / "names.csv", table(made))
        head = Head(f"{target.name} · neocog", f"features · {printable(source)}", f"{len(names):,}", "images")
        write_atomically(folder / "map.html", page(head, sections(made, pictures, MAPS[map])))
        if tables:
            write_atomically(folder / "features.parquet", parquet_of(made, *tables))
    if skipped:
        progress.say(f"{len(skipped)} of {count(paths, 'file')} skipped: {listed_faults(skipped)}", "yellow")
    return made


def collected(
    predictor: Predictor, paths: Sequence[Path], progress: Progress
) -> tuple[list[str], Floats, list[str], list[str], dict[str, str]]:
    """Of the files that can be read: names, features (N, F), digests of the pixels, thumbnails; and why others cannot."""
    preprocessing = predictor.preprocessing
    names, digests, pictures = list[str](), list[str](), list[str]()
    found, skipped = list[Floats](), dict[str, str]()
    with progress.bar("embedding", len(paths)) as advance:
        for several in chunks(paths, predictor, advance):
            skipped |= {sample.name: sample.fault for sample in several if sample.pixels is None}
            known = [(sample.name, sample.pixels) for sample in several if sample.pixels is not None]
            if known:
                found.append(seen(predictor, np.stack([pixels for _, pixels in known])))
            for name, pixels in known:
                names.append(name)
                digests.append(hashlib.sha256(pixels.tobytes()).hexdigest())
                pictures.append(thumbnail(pixels, preprocessing.low, preprocessing.high, SIDE))
    return names, np.concatenate(found) if found else np.zeros((0, 0), np.float32), digests, pictures, skipped


def listed_faults(skipped: dict[str, str]) -> str:
    return "; ".join(f"{printable(name)}: {fault}" for name, fault in list(skipped.items())[:5])


@torch.no_grad()
def seen(predictor: Predictor, pixels: Array) -> Floats:
    """(B, C, …) fitted pixels → (B, F)."""
    inputs = normalise(torch.from_numpy(pixels).to(predictor.device), predictor.preprocessing)
    found: Floats = features(predictor.network, inputs).cpu().numpy()
    return found


def predictor_of(source: str, files: Any, model: str, progress: Progress) -> Predictor:
    """A run's network, or its encoder, or that of pretrained weights with the preprocessing that these need. Raises UserError."""
    run, preprocessing = Path(source), None
    if run.is_dir():
        if model != "auto":
            raise UserError(
                f"--model {printable(model)} has no effect: a run has its own network", source, "leave it out"
            )
        predictor = load_predictor(Run(run))
        if not has_encoder(predictor.facts["model"]):
            return predictor
        preprocessing = predictor.preprocessing
    weights = source_of(changed(Config(), {"pretrained": source, "model": model}), "prediction", progress)
    assert weights is not None
    preprocessing = preprocessing or preprocessing_for(weights, files)
    with torch.random.fork_rng(devices=[]):
        network = build(weights.model, preprocessing.inputs, preprocessing.size, 2, **weights.options)
    taken = load_into(network, weights)
    taken.insist_on_all(str(weights.file), "embed")
    progress.say(f"  weights of {weights.name}: {taken.line()}")
    progress.say(f"  their preprocessing: {weights.needs.description()}")
    reorder(network)
    return Predictor(network.eval(), preprocessing, ())


def preprocessing_for(source: Source, files: Any) -> Preprocessing:
    """What weights need, for images like the first of ``files``. Raises UserError."""
    needs = source.needs
    if not needs.mean or len(needs.size) != 2:
        fix = "name a network of timm: or torchvision: with --model, or give a run on images"
        raise UserError(f"nothing says what images {source.name} needs", needs.record, fix)
    channels = len(needs.mean)
    blank = Preprocessing(channels, needs.size, "uint8", (0.0,) * channels, (1.0,) * channels, needs.fit)
    with named(files, blank) as (path, *_):
        try:
            stored, header = read(path, blank)
        except BadImage as error:
            raise UserError(error.what, str(path), "give a sound image first") from None
    if stored.dtype != np.uint8:
        fix = "train a run on such images, which finds their black and white, and embed with it"
        raise UserError(f"pixels of {stored.dtype}: which values are black and white is not known", str(path), fix)
    channels = header.channels if {header.channels, channels} != {1, 3} else channels
    empty = replace(blank, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels)
    return needs.normalised(needs.shaped(empty, "auto"))


def nearest(found: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """(N, k) positions of the most alike others, and their cosines, falling."""
    unit = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    positions, values = list[NDArray[np.int64]](), list[Floats]()
    for start in range(0, len(unit), ROWS):
        cosines = unit[start : start + ROWS] @ unit.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf  # not with itself
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        positions.append(order)
        values.append(np.take_along_axis(cosines, order, axis=1))
    return np.concatenate(positions), np.concatenate(values)


def table(made: Embedding) -> str:
    """names.csv: the images in the order of the rows of features.npy, their places, and their neighbours."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    k = made.neighbours.shape[1]
    names = [f"{word}{n}" for n in range(1, k + 1) for word in ("nearest_", "similarity_")]
    writer.writerow(["row", "path", "x", "y", "same_pixels_as", *names])
    for row, path in enumerate(made.paths):
        same = made.paths[made.same[row]] if made.same[row] != row else ""
        near = zip(made.neighbours[row].tolist(), made.similarity[row].tolist(), strict=True)
        cells = [cell for position, cosine in near for cell in (safe_cell(made.paths[position]), f"{cosine:.4f}")]
        x, y = made.places[row].tolist()
        writer.writerow([row, safe_cell(path), f"{x:.5g}", f"{y:.5g}", safe_cell(same), *cells])
    return text.getvalue()


def parquet_of(made: Embedding, arrow: Any, files: Any) -> bytes:
    """The images with their features, as Parquet. ``arrow``, ``files``: pyarrow and pyarrow.parquet."""
    width = made.features.shape[1]
    columns = {
        "path": arrow.array(made.paths),
        "x": arrow.array(made.places[:, 0]),
        "y": arrow.array(made.places[:, 1]),
        "features": arrow.FixedSizeListArray.from_arrays(arrow.array(made.features.ravel()), width),
    }
    stored = io.BytesIO()
    files.write_table(arrow.table(columns), stored)
    return stored.getvalue()


def sections(made: Embedding, pictures: Sequence[str], note: str) -> list[Section]:
    """The map, with a ``note`` of how it was made, and the pairs that are most alike."""
    best = np.argsort(-made.similarity[:, 0], kind="stable").tolist()
    pairs = {tuple(sorted((row, int(made.neighbours[row, 0])))): float(made.similarity[row, 0]) for row in best}
    shown = list[Picture]()
    for (a, b), cosine in list(pairs.items())[:PAIRS]:
        word = "the same pixels" if made.same[a] == made.same[b] else f"{cosine:.3f}"
        shown += [Picture(pictures[a], made.paths[a]), Picture(pictures[b], f"{made.paths[b]}: {word}")]
    whole = Picture(base64.b64encode(drawn(made.places, pictures, SIDE)).decode("ascii"), "")
    text = "Pairs by decreasing cosine similarity of their features. The first may be copies, which belong in one part of a split."
    return [
        Section("Map", (Text(note), Pictures((whole,), wide=True, large=True)), "map"),
        Section("Most similar pairs", (Text(text), Pictures(tuple(shown))), "alike"),
    ]
