"""The limit on pixels holds for every form in which pixels come, and is asked before anything is unpacked."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neocog.data.formats.decoding import INFLATED, check_pixels
from neocog.data.formats.stored import Stored
from neocog.data.readers.arrays import load_images
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.fasta import read_records
from neocog.data.readers.reading import Reading
from neocog.errors import UserError


def bomb(path: Path, shape: tuple[int, ...]) -> Path:
    """An NPZ whose images are zeros that are never held at once, and as many labels."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"shape": shape, "fortran_order": False, "descr": "|u1"})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as member:
            member.write(head.getvalue())
            for _ in range(shape[0]):
                member.write(bytes(int(np.prod(shape[1:]))))
        labels = io.BytesIO()
        np.save(labels, np.arange(shape[0]) % 2)
        archive.writestr("labels.npy", labels.getvalue())
    return path


def never() -> io.BytesIO:
    raise AssertionError("unpacked before it was asked")


@pytest.mark.parametrize("shape", [(200, 1000, 1000), (2, 10_000, 10_000), (4, 100, 800, 1000)])
def test_a_small_file_that_unpacks_to_much_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.npz", shape)
    assert path.stat().st_size < 2**20
    with pytest.raises(UserError, match=r"pixels out of [\d,]+ packed bytes, the most is 178,956,970") as error:
        open_dataset(path)
    assert "images.npy" in error.value.where and "--max-pixels" in error.value.fix


def test_it_is_refused_before_it_is_unpacked() -> None:
    part = Stored("a.npz: images", (4000, 1000, 1000), np.dtype(np.uint8), never, packed=3_900_000)
    with pytest.raises(UserError, match="4000 × 1000 × 1000 = 4,000,000,000 pixels"):
        load_images([part])


def test_each_sample_is_held_to_it_packed_or_not(tmp_path: Path) -> None:
    images, labels = np.zeros((4, 20, 30), np.uint8), np.arange(4) % 2
    for save in (np.savez, np.savez_compressed):
        path = tmp_path / f"{save.__name__}.npz"
        save(path, images=images, labels=labels)
        open_dataset(path, reading=Reading(max_pixels=600))
        with pytest.raises(UserError, match="20 × 30 = 600 pixels, the most is 599"):
            open_dataset(path, reading=Reading(max_pixels=599))


def test_idx_and_labels_are_held_to_it(tmp_path: Path) -> None:
    head = bytes([0, 0, 8, 3]) + np.array([200_000, 28, 28], ">u4").tobytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + bytes(200_000 * 784), 1))
    head = bytes([0, 0, 8, 1]) + np.array([200_000], ">u4").tobytes()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(head + bytes(200_000))
    open_dataset(tmp_path, reading=Reading(max_pixels=200_000_000, least_classes=1))
    with pytest.raises(UserError, match="200000 × 28 × 28 = 156,800,000 pixels out of"):
        open_dataset(tmp_path, reading=Reading(max_pixels=100_000_000))
    images, many = np.zeros((2, 8, 8), np.uint8), np.zeros((2, 10**6), np.uint8)
    np.savez_compressed(tmp_path / "a.npz", images=images, labels=many)
    with pytest.raises(UserError, match="1000000 = 1,000,000 pixels"):
        open_dataset(tmp_path / "a.npz", reading=Reading(max_pixels=10**5))


def test_a_packed_sequence_file_is_held_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neocog.data.readers.fasta.BLOCK", 1 << 16)
    monkeypatch.setattr("neocog.data.readers.fasta.DEFAULT", type("Small", (), {"max_pixels": 10**6}))
    path = tmp_path / "a.fasta.gz"
    path.write_bytes(gzip.compress(b">a\n" + b"A" * 5_000_000))
    with pytest.raises(UserError, match="unpacks to more than"):
        read_records(path)


def test_what_was_measured_and_packed_well_is_no_bomb() -> None:
    check_pixels(10**9, "a", 10**8, "a.npz", packed=10**9 // INFLATED)
    with pytest.raises(UserError):
        check_pixels(10**9, "a", 10**8, "a.npz", packed=10**9 // INFLATED - 1)
