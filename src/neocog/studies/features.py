"""What images are compared by: the features of a classifier before its last layer, or coarse pixels where there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog.data.dataset import Array
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.predictor import Predictor, load_predictor, probabilities
from neocog.run import Measure, Run

PIECE = 256
COARSE, SMALL = 8, 32  # pixels a side that stand for features, and that copies are looked for with
Found = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Extractor:
    """``name``: said wherever its numbers are shown. Without a ``predictor``: coarse pixels."""

    name: str
    predictor: Predictor | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.predictor.classes if self.predictor else ()

    def __call__(self, pixels: Array) -> Found:
        """Fitted pixels (n, C, H, W) → features (n, d) and probabilities of the classes (n, K), K = 0 without any."""
        if self.predictor is None:
            return coarse(pixels, COARSE), np.empty((len(pixels), 0))
        features, logits = [], []
        seen: list[Tensor] = []
        last = [layer for layer in self.predictor.network.modules() if isinstance(layer, nn.Linear)][-1]
        hook = last.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0].flatten(1)))
        try:
            for start in range(0, len(pixels), PIECE):
                logits.append(self.predictor.of_pixels(torch.as_tensor(pixels[start : start + PIECE])))
                features.append(seen.pop().double().numpy())
        finally:
            hook.remove()
        return np.concatenate(features), probabilities(np.concatenate(logits), self.predictor.temperature)


def extractor_of(run: Run | None, preprocessing: Preprocessing) -> Extractor:
    """The finished classifier in ``run``, or coarse pixels for None. Raises UserError where it sees other images."""
    if run is None:
        return Extractor(f"pixels at {COARSE} × {COARSE}, a weak judge of shape")
    predictor = load_predictor(run)
    theirs = predictor.preprocessing
    if predictor.task != "classification":
        what = f"--extractor {run.folder} is a run of --task {predictor.task}"
        raise UserError(what, fix="give a run that tells classes")
    if not any(isinstance(layer, nn.Linear) for layer in predictor.network.modules()):
        raise UserError(f"--extractor {run.folder} has no linear layer to take features before", fix="another run")
    ours = (preprocessing.channels, preprocessing.size, preprocessing.dtype)
    if (theirs.channels, theirs.size, theirs.dtype) != ours:
        shown = [f"{' × '.join(map(str, x.size))} of {x.channels} × {x.dtype}" for x in (theirs, preprocessing)]
        what = f"--extractor {run.folder} sees images of {shown[0]}, these are {shown[1]}"
        raise UserError(what, fix="train it with the same --size and --channels")
    accuracy = Measure(**accuracy_of(run))
    said = f"accuracy {accuracy.value:.4f} on {accuracy.n:,} test images"
    return Extractor(f"{predictor.facts['model']}, a classifier with {said}", predictor)


def accuracy_of(run: Run) -> dict[str, Any]:
    """The test accuracy that a classifier's result.json states."""
    found: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))["measures"]["test"]["accuracy"]
    return found


def place_of(extractor: str, folder: Path) -> Run | None:
    """The run that is given, the one that was trained below ``folder``, or none."""
    own = Run(folder / "extractor")
    return Run(Path(extractor)) if extractor else own if own.model.is_file() else None


def coarse(pixels: Array, side: int) -> NDArray[np.float64]:
    """(n, C, H, W) → (n, C · ≤ side²): means over areas, in the pixels' units."""
    images = torch.as_tensor(np.asarray(pixels, np.float32))
    size = (min(side, images.shape[2]), min(side, images.shape[3]))
    found: NDArray[np.float64] = torch.nn.functional.adaptive_avg_pool2d(images, size).flatten(1).double().numpy()
    return found
