"""``export``: a trained run's network as files for another library, checked against the run before anyone relies on them."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.config import from_run
from neocog.data.dataset import Images
from neocog.data.loader import Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.run import Run
from neocog.traits import traits
from neocog.verbs.evaluate import own_test
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.session import open_data
from neocog.version import __version__

Target = Literal["keras", "onnx", "numpy"]
Pixels = NDArray[Any]

IMAGES = 64  # on which the exported network is compared with the run's
MOST = 1e-4  # by which a probability may differ


def export(run: str | Path | Run, to: Target, out: str | Path | None = None, quiet: bool = False) -> Path:
    """Write the network into the folder ``out`` (default: export/TO in the run folder) and return it.

    What is written takes pixels as they are stored and gives calibrated probabilities: normalisation and softmax are inside.
    "keras": network.keras, pixels (B, H, W, C); "onnx": network.onnx, pixels (B, C, H, W); "numpy": weights, layers and
    predict.py for ``neocog.scratch``. network.json holds the classes and the preprocessing. The files are reloaded and
    compared with the run on its own test images. Raises UserError where the network has no counterpart there, an extra is
    missing, or the probabilities differ by more than 1e-4; then nothing is left in ``out``.
    """
    run, progress = path_of(run), Progress(quiet)
    folder = Path(out) if out else run.folder / "export" / to
    insist_on_new(folder)
    predictor = load_predictor(run)
    preprocessing = predictor.preprocessing
    if not traits(predictor.task).logits or len(preprocessing.size) != 2 or preprocessing.encoding != "intensity":
        raise UserError(f"{run.folder} holds no network that classifies images", fix="export one that does")
    if preprocessing.scaling == "image":
        raise UserError(
            f"{run.folder} scales each image by itself, which no export does", fix="train with --scaling data"
        )
    if "views" in predictor.facts:
        what = f"{run.folder} answers by the mean over {predictor.facts['views']['count']} views, which no export does"
        raise UserError(what, fix="train with --views 1")
    library = importlib.import_module(f"neocog.interop.{to}")
    with new_folder(folder) as made:
        library.write(predictor, made, facts(predictor))
        pixels, which = samples(run, predictor.preprocessing)
        apart = difference(predictor, library.reader(made)(pixels), pixels)
        if not apart <= MOST:
            what = f"the exported network's probabilities differ from the run's by {apart:.1e}, more than {MOST:.0e}"
            raise UserError(what, f"{len(pixels)} {which}", "please report this: nothing was written")
    progress.say(f"{folder}: reloaded, and on {len(pixels)} {which} it differs from the run by {apart:.1e} at most")
    return folder


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
