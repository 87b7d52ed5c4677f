"""The user's files as fitted pixels, a few at a time, and new files beside: what every task's ``predict`` begins and ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neocog.data.dataset import Array, ArrayImages, BadImage, Header
from neocog.data.formats.decoding import Picture, as_array
from neocog.data.formats.files import VOLUME_SUFFIXES, read_bytes
from neocog.data.images import IMAGE_SUFFIXES, Decoding, decode_picture
from neocog.data.in_turn import in_turn
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.fasta import SUFFIXES as FASTA_SUFFIXES
from neocog.data.readers.sequences import read_unlabelled
from neocog.data.resize import fit
from neocog.errors import UserError, raise_all
from neocog.limits import cores
from neocog.predictor import Predictor
from neocog.run import write_atomically
from neocog.tasks.evaluation import SEQUENCES, Advance, at_once

_HELD: ContextVar[Mapping[Path, Array]] = ContextVar("_HELD")
MOST_FAULTS = 10  # that are told at once of images in memory


@dataclass(frozen=True)
class FileSample:
    """One sample of a file: its fitted pixels (C, …), or the fault for which it has none."""

    name: str
    pixels: Array | None = None
    fault: str = ""
    size: tuple[int, ...] = ()  # of the stored image, before fitting


def suffixes(preprocessing: Preprocessing) -> tuple[str, ...]:
    """Of the files that can hold such samples."""
    if preprocessing.encoding == "nucleotides":
        return FASTA_SUFFIXES
    return (*IMAGE_SUFFIXES, *(VOLUME_SUFFIXES if len(preprocessing.size) == 3 else ()))


@contextmanager
def held(images: Sequence[Array], names: Sequence[str]) -> Iterator[list[Path]]:
    """While the block runs, ``read`` finds stored images (…, C) in memory by these paths, which are their ``names``."""
    paths = [Path(name) for name in names]
    token = _HELD.set(dict(zip(paths, images, strict=True)))
    try:
        yield paths
    finally:
        _HELD.reset(token)


def read(path: Path, preprocessing: Preprocessing) -> tuple[Array, Header]:
    """Stored pixels (…, C) of a file, or of what ``held`` has for it, and its header. Raises BadImage."""
    picture, header = _picture(path, preprocessing, _HELD.get({}))
    return as_array(picture), header


def _picture(path: Path, preprocessing: Preprocessing, held: Mapping[Path, Array]) -> tuple[Picture, Header]:
    """The same, for what is only to be resized."""
    if path in held:
        return held[path], header_in_memory(held[path])
    return decode_picture(read_bytes(path, str(path)), Decoding.recorded(preprocessing), str(path))


def chunks(paths: Sequence[Path], predictor: Predictor, advance: Advance) -> Iterator[list[FileSample]]:
    """As many samples as go through the network at once, in the order of the files; ``advance`` is called with each file."""
    preprocessing = predictor.preprocessing
    if preprocessing.encoding == "nucleotides":
        for path in paths:
            yield from _sequences(path, preprocessing)
            advance(1)
        return
    batch, found = at_once(preprocessing), list[FileSample]()
    work = partial(_fitted, preprocessing, _HELD.get({}))  # which a thread of its own would not see
    with closing(in_turn(work, paths, cores(), 2 * batch)) as fitted:
        for path, result in zip(paths, fitted, strict=True):
            found.append(result if isinstance(result, FileSample) else _looked_at(predictor, str(path), *result))
            advance(1)
            if len(found) == batch:
                yield found
                found = []
    if found:
        yield found


def _fitted(preprocessing: Preprocessing, held: Mapping[Path, Array], path: Path) -> tuple[Array, Header] | FileSample:
    """Fitted pixels (C, …) and the header of the stored image; or the sample that has none."""
    try:
        picture, header = _picture(path, preprocessing, held)
        return fit(picture, preprocessing), header
    except BadImage as error:
        return FileSample(str(path), fault=error.what)


def _looked_at(predictor: Predictor, name: str, pixels: Array, header: Header) -> FileSample:
    """In the order of the files: what is said of all of them depends on it."""
    try:
        predictor.look(pixels, name, header)
        return FileSample(name, pixels, size=header.size)
    except BadImage as error:
        return FileSample(name, fault=error.what)


def rows_of(
    paths: Sequence[Path], predictor: Predictor, advance: Advance, says: Callable[[Array], Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """A row for each file: its path, what ``says`` makes of its outputs (outputs,), or "skipped": why it has none."""
    for chunk in chunks(paths, predictor, advance):
        good = [part.pixels for part in chunk if part.pixels is not None]
        outputs = iter(predictor.of_pixels(torch.from_numpy(np.stack(good))) if good else ())
        for part in chunk:
            cells = {} if part.fault else says(next(outputs))
            yield {"path": part.name, "skipped": part.fault, **cells}


def batches(images: Sequence[Array], names: Sequence[str], predictor: Predictor) -> Iterator[Tensor]:
    """Stored images (H, W, C) in memory as fitted pixels (B, C, …), as many as go through the network at once.

    Raises BadImage, or all of them in one ``Problems``, before the first batch.
    """
    preprocessing, fitted, faults = predictor.preprocessing, list[Array](), list[UserError]()
    for image, name in zip(images, names, strict=True):
        try:
            fitted.append(fit(image, preprocessing, name))
            predictor.look(fitted[-1], name, header_in_memory(image))
        except BadImage as fault:
            faults.append(fault)
    raise_all(faults[:MOST_FAULTS])
    size = at_once(preprocessing)
    for start in range(0, len(fitted), size):
        yield torch.from_numpy(np.stack(fitted[start : start + size]))


def header_in_memory(image: Array) -> Header:
    """What the header of a file would say of an image (H, W, C) or volume in memory."""
    return ArrayImages(image[None], ("",)).header(0)


def put(path: Path, content: str | bytes) -> Path:
    """Write a file, and the folders above it where they lack."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def _sequences(path: Path, preprocessing: Preprocessing) -> Iterator[list[FileSample]]:
    """The records of a FASTA file under their ids; a file with faults is one sample that says so."""
    try:
        ids, array = read_unlabelled(path, preprocessing.size[-1])
    except (UserError, OSError) as error:
        yield [FileSample(str(path), fault=error.what if isinstance(error, UserError) else str(error.strerror))]
        return
    for start in range(0, len(ids), SEQUENCES):
        stop = start + SEQUENCES
        yield [FileSample(name, codes) for name, codes in zip(ids[start:stop], array[start:stop], strict=True)]
