"""From pixels to batches on the device: taken from memory or streamed from disk, augmented, normalised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import tee
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.data.batches import Batches, share
from neocog.data.dataset import Array, Images, reading
from neocog.data.images import picture_of
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError

Indices = NDArray[np.int64]
Key = TypeVar("Key")
AHEAD = 4  # batches that are decoded while the network learns from the one before them


class Store(Protocol):
    """Where fitted pixels, or targets, come from."""

    def stream(self, wanted: Iterable[Indices]) -> Iterator[Array | Tensor]:
        """Yield what belongs to the samples, (B, …), for each array of their positions, in their order."""


class Transform(Protocol):
    """Pixels (B, C, …) in stored units and the targets that belong to them, both changed alike."""

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        """``samples`` (B,) int64 positions in the data set. The given tensors stay as they are."""


class Mixing(Protocol):
    """What training sees of two samples at once."""

    def partners(self, samples: Indices, seed: int, epoch: int) -> Indices:
        """(B,) the sample that each is mixed with."""

    def __call__(
        self, inputs: Tensor, others: Tensor, samples: Indices, seed: int, epoch: int
    ) -> tuple[Tensor, Tensor]:
        """(B, C, …) mixed, and (B,) the share of each that is of ``inputs``."""


@dataclass(frozen=True)
class Resident:
    """All pixels (N, C, …) or targets (N, …) in memory, or already on the GPU."""

    pixels: Array | Tensor

    def stream(self, wanted: Iterable[Indices]) -> Iterator[Array | Tensor]:
        for indices in wanted:
            if isinstance(self.pixels, Tensor):
                yield self.pixels[torch.from_numpy(indices).to(self.pixels.device)]
            else:
                yield np.ascontiguousarray(self.pixels[indices])  # what is indexed may be a view with its channels last


@dataclass(frozen=True)
class Streamed:
    """Images decoded when they are needed, a few batches ahead, by ``workers`` threads (Pillow decodes without the GIL).

    The number of threads changes nothing but the speed: which sample comes when is decided before.
    """

    images: Images
    preprocessing: Preprocessing
    workers: int = 2

    def stream(self, wanted: Iterable[Indices]) -> Iterator[Array | Tensor]:
        if self.workers == 0:
            for indices in wanted:
                yield np.stack([self._one(int(index)) for index in indices])
            return
        with ThreadPoolExecutor(self.workers, "decode") as pool:
            waiting: list[list[Future[Array]]] = []
            try:
                for indices in wanted:
                    waiting.append([pool.submit(self._one, int(index)) for index in indices])
                    if len(waiting) > AHEAD:
                        yield np.stack([future.result() for future in waiting.pop(0)])
                while waiting:
                    yield np.stack([future.result() for future in waiting.pop(0)])
            finally:
                for future in (future for batch in waiting for future in batch):
                    future.cancel()

    def _one(self, index: int) -> Array:
        with reading(self.images, index):
            return fit(picture_of(self.images, index), self.preprocessing)


@dataclass(frozen=True)
class Batch:
    """What one step sees, on the device. ``total`` is the size of the whole batch over all ranks."""

    inputs: Tensor  # (B, C, …) normalised float32
    targets: Tensor  # (B,) int64 classes, (B, V) float32 values, (B, H, W) masks: what the task learns
    weights: Tensor | None  # (B,) float32, of mean 1 over the training part
    samples: Indices  # (B,) positions in the data set
    total: int
    progress: float = 1.0  # share of the training's steps that lie behind
    pixels: Tensor | None = None  # (B, C, …) what became ``inputs``, in stored units
    stored: Tensor | None = None  # … before it was changed, where that has a say in it: see ``normalise``
    epoch: int = 0
    others: Tensor | None = None  # (B,) targets of the samples that these are mixed with, and …
    shares: Tensor | None = None  # (B,) float32 … how much of each is of its own
    losses: list[Tensor] | None = None  # (B,) of its samples, unweighted, where somebody looks at them

    def __len__(self) -> int:
        return len(self.samples)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean of its samples' losses (B,), each times the sample's weight where they have one."""
        if self.losses is not None:
            self.losses[:] = [losses.detach()]
        return (losses if self.weights is None else losses * self.weights).mean()


@dataclass(frozen=True)
class Loader:
    """Every batch that one rank needs. ``store``, ``targets`` and ``weights`` are those of the whole data set.

    ``changes`` is what training sees; ``always`` is done at evaluation too (a task whose target is a change needs it).
    """

    store: Store
    targets: Store
    weights: NDArray[np.float32] | None
    parts: Mapping[str, Indices]  # "train", "validation", "test" → positions in the data set
    batches: Batches  # over parts["train"]
    preprocessing: Preprocessing
    changes: Transform | None
    device: torch.device
    always: Transform | None = None
    mixing: Mixing | None = None  # of training alone
    rank: int = 0
    world: int = 1
    at_most: int = (
        1024  # images that go through a network at once while it learns; larger batches come in micro-batches
    )
    at_once: int = 256  # … and while it is evaluated

    def __post_init__(self) -> None:
        smallest = self.batches.count // self.batches.per_epoch
        if smallest < self.world:
            what = f"--batch {self.batches.batch} gives batches of {smallest} images to {self.world} processes"
            raise UserError(what, fix="a larger --batch, or fewer processes")

    def training(self, start: int, stop: int) -> Iterator[tuple[int, list[Batch]]]:
        """(step, this rank's share of its batch, augmented, in micro-batches of at most ``at_most``) for start ≤ step < stop."""
        micro_batches: list[Batch] = []
        for (step, total, count), samples, pixels, targets in self._together(self._steps(start, stop)):
            epoch = step // self.batches.per_epoch
            micro_batches.append(self._mixed(self._batch(samples, pixels, targets, total, self.changes, epoch)))
            if len(micro_batches) == count:
                yield step, micro_batches
                micro_batches = []

    def _steps(self, start: int, stop: int) -> Iterator[tuple[tuple[int, int, int], Indices]]:
        """(step, samples of all ranks in it, micro-batches of this rank in it), and the samples of each micro-batch."""
        for step in range(start, stop):
            batch = self.batches[step]
            own = self._own(batch)
            for micro_batch in own:
                yield (step, len(batch), len(own)), self._paired(micro_batch, step // self.batches.per_epoch)

    def seen(self, samples: Indices, epoch: int | None) -> Batch:
        """These samples as training sees them in ``epoch``, whatever batches they come in; None: unchanged."""
        total = len(samples)
        changes = None if epoch is None else self.changes
        samples = samples if epoch is None else self._paired(samples, epoch)
        ((_, _, pixels, targets),) = self._together([(None, samples)])
        batch = self._batch(samples, pixels, targets, total, changes, epoch or 0)
        return batch if epoch is None else self._mixed(batch)

    def evaluation(self, part: str, epoch: int | None = None) -> Iterator[Batch]:
        """This rank's share of a part, not augmented, or, in order too, as training sees it in ``epoch``; together the ranks see
        every sample once."""
        total, changes = len(self.parts[part]), self.always if epoch is None else self.changes
        for _, samples, pixels, targets in self._together(
            enumerate(self._micro_batches(self.parts[part][self.rank :: self.world]))
        ):
            yield self._batch(samples, pixels, targets, total, changes, epoch or 0)

    def _together(self, wanted: Iterable[tuple[Key, Indices]]) -> Iterator[tuple[Key, Indices, Tensor, Tensor]]:
        """(key, samples, their pixels, their targets), the last two on the device; stores read ahead of what is used."""
        plan, first, second = tee(wanted, 3)
        pixels = self.store.stream(samples for _, samples in first)
        targets = self.targets.stream(samples for _, samples in second)
        for (key, samples), inputs, truth in zip(plan, pixels, targets, strict=True):
            yield key, samples, self._moved(inputs), self._moved(truth)

    def _own(self, batch: Indices) -> list[Indices]:
        """This rank's share of a batch, in as many micro-batches as every other rank's, since the ranks meet after each."""
        largest = -(-len(batch) // self.world)
        return np.array_split(self.parts["train"][share(batch, self.rank, self.world)], -(-largest // self.at_most))

    def _paired(self, samples: Indices, epoch: int) -> Indices:
        """(2 B,) the samples and what they are mixed with; (B,) where nothing is."""
        if self.mixing is None:
            return samples
        return np.concatenate([samples, self.mixing.partners(samples, self.batches.seed, epoch)])

    def _mixed(self, batch: Batch) -> Batch:
        """The first half of a batch mixed with the second."""
        if self.mixing is None:
            return batch
        half = len(batch) // 2
        samples, weights = batch.samples[:half], None if batch.weights is None else batch.weights[:half]
        inputs, shares = self.mixing(batch.inputs[:half], batch.inputs[half:], samples, self.batches.seed, batch.epoch)
        return replace(
            batch, inputs=inputs, targets=batch.targets[:half], weights=weights, samples=samples, pixels=None, stored=None,
            others=batch.targets[half:], shares=shares,
        )  # fmt: skip

    def _micro_batches(self, samples: Indices) -> Iterator[Indices]:
        for start in range(0, len(samples), self.at_once):
            yield samples[start : start + self.at_once]

    def _moved(self, pixels: Array | Tensor) -> Tensor:
        if isinstance(pixels, Tensor):
            return pixels
        return torch.from_numpy(pixels).to(self.device, non_blocking=True)

    def _batch(
        self, samples: Indices, pixels: Tensor, targets: Tensor, total: int, changes: Transform | None, epoch: int
    ) -> Batch:
        stored = None
        if changes is not None:
            # An image's own mean and deviation are those of the image as it is evaluated: whole, in its own light
            stored = pixels if self.always is None else None
            where = torch.from_numpy(samples).to(self.device)
            pixels, targets = changes(pixels, targets, where, self.batches.seed, epoch, self.preprocessing)
        weights = None if self.weights is None else torch.from_numpy(self.weights[samples]).to(self.device)
        inputs = normalise(pixels, self.preprocessing, stored)
        return Batch(inputs, targets, weights, samples, total, pixels=pixels, stored=stored, epoch=epoch)
