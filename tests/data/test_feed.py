"""Batches of images that are each scaled by itself: as they are judged, whole and in their own light."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from neocog.augment import Augmentation, ImageChanges, MaskChanges
from neocog.data.batches import Batches
from neocog.data.dataset import BadImage
from neocog.data.images import FileImages
from neocog.data.loader import Batch, Loader, Resident, Streamed, Transform
from neocog.data.masks import Coding, MaskFiles, scan_masks
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.scan import scan_images
from neocog.errors import UserError
from neocog.out_of_memory import out_of_memory
from neocog.tasks.masks import StreamedMasks

COUNT, SIDE = 8, 12
PREPROCESSING = Preprocessing(1, (SIDE, SIDE), "uint8", (0.0,), (1.0,), scaling="image")
PIXELS = np.random.default_rng(0).integers(60, 180, (COUNT, 1, SIDE, SIDE), dtype=np.uint8)
# Masks that number their pixels
PLACES = np.tile(np.arange(SIDE**2, dtype=np.uint8).reshape(SIDE, SIDE), (COUNT, 1, 1))


def first_batch(changes: Transform) -> Batch:
    everything = np.arange(COUNT)
    loader = Loader(
        store=Resident(PIXELS),
        targets=Resident(PLACES),
        weights=None,
        parts={"train": everything, "validation": everything, "test": everything},
        batches=Batches(COUNT, COUNT, 0),
        preprocessing=PREPROCESSING,
        changes=changes,
        device=torch.device("cpu"),
    )
    return next(loader.training(0, 1))[1][0]


def test_a_window_is_scaled_as_its_whole_image_is() -> None:
    batch = first_batch(MaskChanges(Augmentation(), (5, 4)))
    whole = normalise(torch.from_numpy(PIXELS), PREPROCESSING)[batch.samples].flatten(2)  # (B, 1, pixels)
    assert batch.inputs.shape == (COUNT, 1, 5, 4)
    torch.testing.assert_close(batch.inputs.flatten(2), whole.gather(2, batch.targets.long().flatten(1)[:, None]))


def test_a_change_of_light_reaches_the_network() -> None:
    batch = first_batch(ImageChanges(Augmentation(brightness=0.1)))
    unchanged = normalise(torch.from_numpy(PIXELS), PREPROCESSING)[batch.samples]
    shift = (batch.inputs - unchanged).mean((1, 2, 3))
    assert shift.std() > 0.2  # in the images' own deviations; 0 if a changed image were scaled by itself


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_reader_fails_at_is_named(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever thread it was read: a fault of ours, memory that runs out, or what the system refuses."""
    images, faults = FileImages(tmp_path, [f"{n}.png" for n in range(20)]), dict[int, Exception]()

    def stored(self: FileImages, index: int) -> bytes:
        raise faults.get(index, UserError("told later"))

    monkeypatch.setattr(FileImages, "stored", stored)
    masks = MaskFiles(tmp_path, images.files, Coding((), ()))
    readers = {
        "pixels": lambda: list(Streamed(images, PREPROCESSING, workers).stream([np.arange(20)])),
        "scan of masks": lambda: scan_masks(masks, (12, 12)),
        "scan": lambda: scan_images(images, PREPROCESSING),
    }
    for name, reader in readers.items():
        faults[0] = ZeroDivisionError("a defect")
        with pytest.raises(ZeroDivisionError) as defect:
            reader()
        assert f"{tmp_path / '0.png'} was being read" in "".join(defect.value.__notes__), name
        faults[0] = OSError(24, "Too many open files")
        with pytest.raises(OSError) as refused:
            reader()
        assert refused.value.filename == str(tmp_path / "0.png"), name
        faults[0] = MemoryError()
        with pytest.raises(MemoryError) as wanting:
            reader()
        told = out_of_memory(wanting.value)
        assert told is not None and f"{tmp_path / '0.png'} was being read" in told.where, name


class Watched:
    """Masks that note which threads read them, and how many at once; ``broken``: one that cannot be read."""

    def __init__(self, broken: int = -1) -> None:
        self.broken, self.threads, self.most, self.now, self.lock = broken, set[str](), 0, 0, threading.Lock()

    def __len__(self) -> int:
        return COUNT

    def path(self, index: int) -> Path | None:
        return None

    def fitted(self, index: int, size: tuple[int, ...], fit: str, mask: np.ndarray | None = None) -> np.ndarray:
        with self.lock:
            self.threads.add(threading.current_thread().name)
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.005)
        with self.lock:
            self.now -= 1
        if index == self.broken:
            raise BadImage("no mask", "m.png")
        return PLACES[index]


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("end", ["all read", "left in the middle", "a mask that is broken"])
def test_no_more_threads_read_masks_than_told_and_none_of_them_stays(workers: int, end: str) -> None:
    masks = Watched(5 if end == "a mask that is broken" else -1)
    stream = StreamedMasks(masks, PREPROCESSING, workers).stream(np.arange(COUNT).reshape(2, -1))  # type: ignore[arg-type]
    if end == "left in the middle":
        assert np.array_equal(next(stream), PLACES[: COUNT // 2])
        stream.close()  # type: ignore[attr-defined]  # a generator, as when a training is stopped
    elif end == "all read":
        assert np.array_equal(np.concatenate(list(stream)), PLACES)
    else:
        with pytest.raises(BadImage):
            list(stream)
    assert len(masks.threads) <= max(1, workers) and masks.most <= max(1, workers)
    assert not masks.threads & {thread.name for thread in threading.enumerate()}
