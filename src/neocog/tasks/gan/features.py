"""What images are compared by: features of Inception or of a classifier before its last layer; coarse pixels where neither is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog.config import INCEPTION
from neocog.data.dataset import Array
from neocog.data.preprocessing import Preprocessing
from neocog.documents import read_json
from neocog.errors import UserError, count
from neocog.interop.inception import Inception
from neocog.metrics.stored import stored_measure
from neocog.predictor import Predictor, load_predictor, probabilities
from neocog.run import Run
from neocog.traits import traits

CHUNK = 256
MANY, FEW = 20_000, 2_000
COARSE, SMALL = 8, 32  # pixels a side that stand for features, and that copies are looked for with
Found = tuple[NDArray[np.float64], NDArray[np.float64]]


class Extractor(Protocol):
    """``name``: said wherever its numbers are shown; ``most``: images of one kind that it sees in bearable time."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def most(self) -> int: ...

    def __call__(self, pixels: Array) -> Found:
        """Fitted pixels (n, C, H, W) → features (n, d) and probabilities of the classes (n, K), K = 0 without any."""


@dataclass(frozen=True)
class Pixels:
    """Means over areas."""

    name: str = f"pixels at {COARSE} × {COARSE}, which tell little of shape"
    classes: tuple[str, ...] = ()
    most: int = MANY

    def __call__(self, pixels: Array) -> Found:
        return coarse(pixels, COARSE), np.empty((len(pixels), 0))


@dataclass(frozen=True)
class Classifier:
    """What goes into its last layer."""

    name: str
    predictor: Predictor
    most: int = MANY

    @property
    def classes(self) -> tuple[str, ...]:
        return self.predictor.classes

    def __call__(self, pixels: Array) -> Found:
        features, logits = [], []
        seen: list[Tensor] = []
        last = [layer for layer in self.predictor.network.modules() if isinstance(layer, nn.Linear)][-1]
        hook = last.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0].flatten(1)))
        try:
            for start in range(0, len(pixels), CHUNK):
                logits.append(self.predictor.of_pixels(torch.as_tensor(pixels[start : start + CHUNK])))
                features.append(seen.pop().double().numpy())
        finally:
            hook.remove()
        return np.concatenate(features), probabilities(np.concatenate(logits), self.predictor.temperature)


class InceptionFeatures:
    """The 2,048 of the literature's FID; grey images are shown to it as grey RGB."""

    name = "Inception-v3 (2015), 2,048 of them, by torch-fidelity"
    classes: tuple[str, ...] = ()

    def __init__(self, preprocessing: Preprocessing) -> None:
        if preprocessing.channels not in (1, 3):
            what = f"--extractor {INCEPTION} sees grey or RGB images, these have {count(preprocessing.channels, 'channel')}"
            raise UserError(what, fix="leave it out")
        self.preprocessing, self.net = preprocessing, Inception()
        self.most = MANY if self.net.device.type == "cuda" else FEW  # a tenth of a second each on a processor

    def __call__(self, pixels: Array) -> Found:
        images = np.broadcast_to(in_bytes(pixels, self.preprocessing), (len(pixels), 3, *pixels.shape[2:]))
        return self.net(images.copy()), np.empty((len(pixels), 0))


def extractor_of(source: Run | str | None, preprocessing: Preprocessing) -> Extractor:
    """Inception by its name, the finished classifier in a run, or coarse pixels for None.

    Raises UserError where it sees other images.
    """
    if source is None:
        return Pixels()
    if isinstance(source, str):
        return InceptionFeatures(preprocessing)
    predictor = load_predictor(source)
    theirs = predictor.preprocessing
    if not traits(predictor.task).logits:
        what = f"--extractor {source.folder} is a run of --task {predictor.task}"
        raise UserError(what, fix="give a run that tells classes")
    if not any(isinstance(layer, nn.Linear) for layer in predictor.network.modules()):
        raise UserError(f"--extractor {source.folder} has no linear layer to take features before", fix="another run")
    ours = (preprocessing.channels, preprocessing.size, preprocessing.dtype)
    if (theirs.channels, theirs.size, theirs.dtype) != ours:
        shown = [f"{' × '.join(map(str, x.size))} of {x.channels} × {x.dtype}" for x in (theirs, preprocessing)]
        what = f"--extractor {source.folder} sees images of {shown[0]}, these are {shown[1]}"
        raise UserError(what, fix="train it with the same --size and --channels")
    accuracy = stored_measure(accuracy_of(source))
    quality = f"accuracy {accuracy.value:.4f} on {accuracy.n:,} test images"
    return Classifier(f"{predictor.facts['model']}, a classifier with {quality}", predictor)


def accuracy_of(run: Run) -> dict[str, Any]:
    """The test accuracy that a classifier's result.json states."""
    found: dict[str, Any] = read_json(run.result)["measures"]["test"]["accuracy"]
    return found


def source_of(extractor: str, folder: Path) -> Run | str | None:
    """What is given (a run, or ``inception``), the run that was trained below ``folder``, or none."""
    own = Run(folder / "extractor")
    if extractor == INCEPTION:
        return INCEPTION
    return Run(Path(extractor)) if extractor else own if own.model_json.is_file() else None


def coarse(pixels: Array, side: int) -> NDArray[np.float64]:
    """(n, C, H, W) → (n, C · ≤ side²): means over areas, in the pixels' units."""
    images = torch.as_tensor(np.asarray(pixels, np.float32))
    size = (min(side, images.shape[2]), min(side, images.shape[3]))
    found: NDArray[np.float64] = torch.nn.functional.adaptive_avg_pool2d(images, size).flatten(1).double().numpy()
    return found


def in_bytes(pixels: Array, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Pixels of the data in their range → 0 … 255."""
    share = (pixels.astype(np.float64) - preprocessing.low) / (preprocessing.high - preprocessing.low)
    found: NDArray[np.uint8] = np.round(share.clip(0, 1) * 255).astype(np.uint8)
    return found
