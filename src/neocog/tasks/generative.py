"""What the tasks of generation share: images into the range of the network, and latent vectors into images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.augment import Augmentation, ImageChanges
from neocog.config import Config
from neocog.data.dataset import Array, Dataset
from neocog.data.loader import Transform
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, raise_all
from neocog.predictor import Predictor
from neocog.tasks.task import Task

CHUNK = 256  # latent vectors that are decoded at once


class Generative(Task):
    """Learns to draw images like the given ones. Labels are not needed; where there are any, they are shown.

    ``pixels``: what black and white become for the network. ``smallest`` and ``largest`` side of the images.
    """

    purpose = "generation"
    scored = False
    pixels: ClassVar[tuple[float, float]] = (0.0, 1.0)
    smallest: ClassVar[int] = 8
    largest: ClassVar[int] = 128

    def check(self, config: Config, dataset: Dataset) -> None:
        raise_all(self._faults(config, dataset))

    def _faults(self, config: Config, dataset: Dataset) -> Iterator[UserError]:
        if dataset.form != "images":
            yield UserError(f"--task {self.name} is not for {dataset.form}", fix="give images")
        if config.data.scaling not in ("auto", "data"):
            what = f"--scaling {config.data.scaling} would lose how bright images are, which --task {self.name} learns"
            yield UserError(what, fix="leave --scaling out")

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        config = super().resolved(config, dataset)
        wanted, found = self.models["images"], config.model.model
        if found != wanted:
            raise UserError(f"model '{found}' is not for --task {self.name}", fix=f"--model {wanted}")
        return config

    def scaled(self, preprocessing: Preprocessing) -> Preprocessing:
        """Black and white become ``pixels``, whatever the training part's mean is."""
        self._check_size(preprocessing.plane)
        low, high = self.pixels
        std = (preprocessing.high - preprocessing.low) / (high - low)
        mean = preprocessing.low - low * std  # (p − mean) / std is ``low`` at black and ``high`` at white
        count = preprocessing.channels
        return replace(preprocessing, mean=(mean,) * count, std=(std,) * count)

    def _check_size(self, size: tuple[int, int]) -> None:
        shown = " × ".join(map(str, size))
        if min(size) < self.smallest:
            what = f"--task {self.name} needs images of at least {self.smallest} pixels a side, not {shown}"
            raise UserError(what, fix=f"--size {self.smallest} (enlarges the images)")
        if max(size) > self.largest:
            what = f"--task {self.name} takes images of at most {self.largest} pixels a side, not {shown}"
            raise UserError(what, fix=f"--size {self.largest} (shrinks the images), or --size 64, which is faster")

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
        """None unless they are asked for: what training sees is what will be generated, its changes included."""
        policy = Augmentation().changed(config.training.augment)
        return (ImageChanges(policy) if policy.is_on() else None), None

    @abstractmethod
    def latent(self, predictor: Predictor) -> int:
        """How many numbers a latent vector has."""

    @abstractmethod
    def images(self, predictor: Predictor, z: torch.Tensor) -> torch.Tensor:
        """Latent vectors (n, latent) → (n, C, H, W) in the range of ``pixels``."""

    def axes(self, predictor: Predictor, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A latent vector (latent,) and unit vectors (r, latent) along which it is worth moving: here 8 random ones."""
        latent = self.latent(predictor)
        start, *others = drawn(1 + min(8, latent), latent, seed)
        return start, np.linalg.qr(np.stack(others).T)[0].T.astype(np.float32)

    def living(self, predictor: Predictor) -> list[int]:
        """The numbers of a latent vector that say something, the most telling first: here all in their order."""
        return list(range(self.latent(predictor)))

    def codes(self, predictor: Predictor, pixels: Array) -> NDArray[np.float32]:
        """Latent vectors (n, latent) of fitted pixels (n, C, H, W). Raises UserError where the task has no way back."""
        raise UserError(
            f"a run of --task {self.name} finds no codes of given pictures", fix="train one with --task vae"
        )

    def of_classes(self, predictor: Predictor, z: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
        """Latent vectors (n, latent) of the named classes in turn. Raises UserError where classes cannot be asked for."""
        what = f"{predictor.folder} did not learn what images of each class look like"
        raise UserError(what, fix="train with --task gan --conditional")

    @torch.no_grad()
    def decode(self, predictor: Predictor, z: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Latent vectors (n, latent) → images (n, H, W, C), ``CHUNK`` at a time."""
        parts = [np.empty((0, *predictor.preprocessing.plane, predictor.preprocessing.channels), np.uint8)]
        for start in range(0, len(z), CHUNK):
            found = self.images(predictor, torch.from_numpy(z[start : start + CHUNK])).float()
            parts.append(self.in_bytes(found))
        return np.concatenate(parts)

    def in_bytes(self, images: torch.Tensor) -> NDArray[np.uint8]:
        """Images (n, C, H, W) in the range of ``pixels`` → (n, H, W, C)."""
        low, high = self.pixels
        grey = ((images - low) / (high - low) * 255).round().clamp(0, 255).to(torch.uint8)
        found: NDArray[np.uint8] = grey.permute(0, 2, 3, 1).cpu().numpy()
        return found


def drawn(count: int, latent: int, seed: int) -> NDArray[np.float32]:
    """Latent vectors (count, latent) of the standard normal distribution; the first ones of a seed stay the same."""
    return np.random.default_rng(seed).standard_normal((count, latent), dtype=np.float32)


def spherical(first: NDArray[np.float32], last: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """(steps, latent) from one latent vector to another on an arc, its length changing evenly (White 2016).

    In many dimensions nearly all vectors of the normal distribution have the same length; a straight line would leave them.
    """
    lengths = np.linalg.norm(first), np.linalg.norm(last)
    share = np.linspace(0, 1, steps, dtype=np.float64)[:, None]
    straight: NDArray[np.float32] = (first + share * (last - first)).astype(np.float32)
    if min(lengths) == 0:
        return straight
    start, end = first / lengths[0], last / lengths[1]
    angle = np.arccos(np.clip(start @ end, -1, 1))
    if np.sin(angle) < 1e-6:
        return straight
    way = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
    arc: NDArray[np.float32] = (way * (lengths[0] + share * (lengths[1] - lengths[0]))).astype(np.float32)
    return arc
