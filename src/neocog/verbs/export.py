"""``export``: a trained run's network as files for another library, checked against the run before anyone relies on them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.config import from_run
from neocog.data.dataset import Images
from neocog.data.loader import Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.interop import onnx
from neocog.interop.onnx import Answer
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks import task_of_run
from neocog.traits import traits
from neocog.verbs.evaluate import own_test
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.session import open_data
from neocog.version import __version__

Target = Literal["keras", "onnx", "numpy"]
Pixels = NDArray[Any]

IMAGES = 64  # on which the exported network is compared with the run's
MOST = 1e-4  # by which a probability may differ, and the share of the range or of the side by which other answers may


def export(run: str | Path | Run, to: Target, out: str | Path | None = None, quiet: bool = False) -> Path:
    """Write the network into the folder ``out`` (default: export/TO in the run folder) and return it.

    What is written takes pixels as they are stored and gives calibrated probabilities: normalisation and softmax are inside. Of
    boxes, and of restored and restyled images, which "onnx" holds too, network.json says how its answers are read.
    "keras": network.keras, pixels (B, H, W, C); "onnx": network.onnx, pixels (B, C, H, W); "numpy": weights, layers and
    predict.py for ``neocog.scratch``. network.json holds the classes and the preprocessing. The files are reloaded and
    compared with the run on its own test images. Raises UserError where the network has no counterpart there, an extra is
    missing, or the probabilities differ by more than 1e-4; then nothing is left in ``out``.
    """
    run, progress = path_of(run), Progress(quiet)
    folder = Path(out) if out else run.folder / "export" / to
    insist_on_new(folder)
    predictor = load_predictor(run)
    answer = None if traits(predictor.task).logits else task_of_run(predictor).exported(predictor)
    insist_on_exportable(predictor, to, answer)
    with new_folder(folder) as made:
        written = write(predictor, made, to, answer)
        pixels, which = samples(run, predictor.preprocessing)
        compared = difference if answer is None else partial(exceeding, answer)
        apart = compared(predictor, written(cut(pixels, answer)), cut(pixels, answer))
        if not apart <= MOST:
            what = f"the exported network's {called(answer)} differ from the run's by {apart:.1e}, more than {MOST:.0e}"
            raise UserError(what, f"{len(pixels)} {which}", "please report this: nothing was written")
    progress.say(f"{folder}: reloaded, and on {len(pixels)} {which} it differs from the run by {apart:.1e} at most")
    return folder


def insist_on_exportable(predictor: Predictor, to: Target, answer: Answer | None) -> None:
    """Raise UserError where there is no such file of this network."""
    preprocessing, where = predictor.preprocessing, predictor.folder
    if not traits(predictor.task).logits and answer is not None and to != "onnx":
        raise UserError(
            f"--to {to} is for networks that classify, {where} is of --task {predictor.task}", fix="--to onnx"
        )
    classifies = (
        traits(predictor.task).logits and preprocessing.encoding == "intensity" and len(preprocessing.size) == 2
    )
    if not classifies and answer is None:
        raise UserError(f"{where} holds no network that classifies images", fix="export one that does")
    if preprocessing.scaling == "image":
        raise UserError(f"{where} scales each image by itself, which no export does", fix="train with --scaling data")
    if "views" in predictor.facts:
        what = f"{where} answers by the mean over {predictor.facts['views']['count']} views, which no export does"
        raise UserError(what, fix="train with --views 1")


def write(predictor: Predictor, made: Path, to: Target, answer: Answer | None) -> Callable[[Pixels], Any]:
    """The files, and what they answer once they are read again."""
    if answer is not None:
        onnx.write(predictor, made, {**facts(predictor), **answer.facts}, answer)
        return onnx.answers_of(made)
    library = importlib.import_module(f"neocog.interop.{to}")
    library.write(predictor, made, facts(predictor))
    reader: Callable[[Pixels], Any] = library.reader(made)
    return reader


def cut(pixels: Pixels, answer: Answer | None) -> Pixels:
    """Images of any size need not be tried whole."""
    side = 0 if answer is None else answer.side
    return np.ascontiguousarray(pixels[..., :side, :side]) if side else pixels


def called(answer: Answer | None) -> str:
    return "probabilities" if answer is None else " and ".join(answer.names)


def exceeding(answer: Answer, predictor: Predictor, found: Sequence[Pixels], pixels: Pixels) -> float:
    """The largest difference of all that is answered, in shares of what is allowed, times ``MOST``; NaN counts as different."""
    with torch.no_grad():
        expected = answer.of(torch.from_numpy(predictor.of_pixels(torch.from_numpy(pixels))))
    each = (expected,) if isinstance(expected, Tensor) else expected
    shares = [
        np.abs(one - other.numpy()).max() / within
        for one, other, within in zip(found, each, answer.within, strict=True)
    ]
    return MOST * float(np.max(shares))  # NaN stays


def facts(predictor: Predictor) -> dict[str, Any]:
    """What a user of the file must know."""
    return {
        "neocog": __version__,
        "classes": list(predictor.classes),
        "temperature": predictor.temperature,
        "offsets": predictor.facts.get("offsets", 0.0),
        "preprocessing": asdict(predictor.preprocessing),
    }


def difference(predictor: Predictor, found: Pixels, pixels: Pixels) -> float:
    """The largest difference between two networks' probabilities; NaN counts as different."""
    expected = predictor.probabilities(predictor.of_pixels(torch.from_numpy(pixels)))
    return float(np.abs(found - expected).max())


def samples(run: Run, preprocessing: Preprocessing) -> tuple[Pixels, str]:
    """Fitted pixels (B, C, H, W) of the run's own test images; random ones where the data are gone."""
    try:
        dataset = open_data(from_run(run.config).data, Progress(quiet=True), preprocessing=preprocessing)
        return stored(dataset.images, own_test(run, dataset)[:IMAGES], preprocessing), "of its own test images"
    except (UserError, OSError):
        shape = (IMAGES, preprocessing.channels, *preprocessing.size)
        noise = np.random.default_rng(0).uniform(preprocessing.low, preprocessing.high, shape)
        return noise.astype(preprocessing.dtype), "random images, since its data are gone,"


def stored(images: Images, indices: NDArray[np.int64], preprocessing: Preprocessing) -> Pixels:
    """Pixels (B, C, H, W) of the images at ``indices``, fitted but not normalised."""
    return np.asarray(next(iter(Streamed(images, preprocessing, workers=0).stream([indices]))))
