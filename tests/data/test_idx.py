"""IDX files: what is in MNIST, and what a broken one is told."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neocog.data.dataset import Array, ArrayImages
from neocog.data.readers.detect import open_dataset
from neocog.errors import UserError

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx(array: Array) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def mnist_like(folder: Path, images: Array, labels: Array, part: str = "train", packed: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        name = f"{part}-{kind}-ubyte"
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


IMAGES = np.arange(10 * 28 * 28).reshape(10, 28, 28).astype(np.uint8)
LABELS = np.array([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], np.uint8)


@pytest.mark.data
def test_mnist_is_what_is_published(real_data: Callable[[str], Path]) -> None:
    data = open_dataset(real_data("mnist"))
    assert data.kind == "MNIST IDX files"
    assert data.splits is not None
    assert (data.splits == "train").sum() == 60_000 and (data.splits == "test").sum() == 10_000
    assert data.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.labels[60_000:60_005].tolist() == [7, 2, 1, 0, 4]
    train = np.bincount(data.labels[:60_000]).tolist()
    assert train == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.classes == tuple("0123456789")
    assert data.names[60_000] == "test[0]"
    assert data.images.read(0).shape == (28, 28, 1)
    assert isinstance(data.images, ArrayImages)
    assert data.images.array[:60_000].mean() / 255 == pytest.approx(0.1306604762738429)
    assert not data.mirror


@pytest.mark.parametrize("packed", [False, True])
def test_plain_and_gzipped_files_give_the_same(tmp_path: Path, packed: bool) -> None:
    data = open_dataset(mnist_like(tmp_path, IMAGES, LABELS, packed=packed))
    assert data.classes == ("0", "1", "2", "3", "4", "5", "9")
    assert [data.classes[i] for i in data.labels] == [str(label) for label in LABELS]
    for i in range(10):
        np.testing.assert_array_equal(data.images.read(i)[..., 0], IMAGES[i])


def test_a_pair_without_a_part_has_no_split(tmp_path: Path) -> None:
    (tmp_path / "images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    data = open_dataset(tmp_path)
    assert data.splits is None and data.names[3] == "images[3]"
    assert open_dataset(tmp_path / "images-idx3-ubyte").names == data.names


def test_digits_are_not_mirrored_but_fashion_and_colour_are(tmp_path: Path) -> None:
    assert not open_dataset(mnist_like(tmp_path / "any", IMAGES, LABELS)).mirror
    fashion = open_dataset(mnist_like(tmp_path / "FashionMNIST", IMAGES, np.arange(10).astype(np.uint8)))
    assert fashion.mirror and fashion.classes[9] == "Ankle boot"
    assert open_dataset(mnist_like(tmp_path / "other", IMAGES[:, :20], LABELS)).mirror


def test_other_types_are_kept_exactly(tmp_path: Path) -> None:
    for dtype, kept in (("int32", "uint8"), ("int16", "uint8"), ("float32", "float32"), ("float64", "float32")):
        array = IMAGES.astype(dtype)
        data = open_dataset(mnist_like(tmp_path / dtype, array, LABELS))
        assert data.images.read(1).dtype == kept
        np.testing.assert_array_equal(data.images.read(1)[..., 0], array[1])
        assert bool(data.notes) == (dtype != "float32") or "only the train part is there" in data.notes


def broken(tmp_path: Path, images: bytes, labels: bytes = idx(LABELS)) -> str:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(images)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(UserError) as error:
        open_dataset(tmp_path)
    assert "train-" in str(error.value)
    return str(error.value)


def test_bad_magic_is_shown(tmp_path: Path) -> None:
    assert "starts with 89 50 4e 47, not 00 00 08" in broken(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert "starts with 00 00 07 03" in broken(tmp_path, b"\0\0\7\3" + bytes(100))
    assert "the file is empty" in broken(tmp_path, b"")
    assert "header of 16 bytes expected, 6 there" in broken(tmp_path, idx(IMAGES)[:6])


def test_payload_short_or_long_gives_both_numbers(tmp_path: Path) -> None:
    assert "10 × 28 × 28 = 7,856 bytes; the file has 7,016" in broken(tmp_path, idx(IMAGES)[:7016])
    assert "= 7,856 bytes; the file has 7,857" in broken(tmp_path, idx(IMAGES) + b"\0")


def test_gzipped_payload_short_or_long_gives_both_numbers(tmp_path: Path) -> None:
    assert "7,840 bytes expected, 7,000 there" in broken(tmp_path, gzip.compress(idx(IMAGES)[:7016]))
    assert "more than the 7,840 bytes" in broken(tmp_path, gzip.compress(idx(IMAGES) + b"\0"))


def test_huge_dimensions_are_refused_before_allocation(tmp_path: Path) -> None:
    huge = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100)
    assert "promises 4294967295 × 4294967295 × 4294967295 = " in broken(tmp_path, huge)
    assert "gzipped bytes cannot hold them" in broken(tmp_path, gzip.compress(huge))


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(IMAGES)))
    packed[-6] ^= 1  # the checksum
    assert "damaged or unreadable (CRC check failed" in broken(tmp_path, bytes(packed))
    assert "damaged or unreadable" in broken(tmp_path, gzip.compress(idx(IMAGES))[:60])
    assert "damaged or unreadable" in broken(tmp_path, b"\x1f\x8b" + bytes(range(1, 60)))


def test_ten_images_and_nine_labels_are_told(tmp_path: Path) -> None:
    assert "10 images but 9 labels" in broken(tmp_path, idx(IMAGES), idx(LABELS[:9]))


def test_missing_labels_are_named(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    with pytest.raises(UserError, match="no labels: t10k-labels-idx1-ubyte is not beside it"):
        open_dataset(tmp_path)


def test_faults_of_all_parts_are_told_at_once(tmp_path: Path) -> None:
    mnist_like(tmp_path, IMAGES, LABELS[:9])
    mnist_like(tmp_path, IMAGES, LABELS[:8], "t10k")
    with pytest.raises(UserError) as error:
        open_dataset(tmp_path)
    assert "10 images but 9 labels" in str(error.value) and "10 images but 8 labels" in str(error.value)


def test_images_are_no_labels(tmp_path: Path) -> None:
    assert "labels of shape (10, 28, 28)" in broken(tmp_path, idx(IMAGES), idx(IMAGES))
    assert "1 axes; images have at least 3" in broken(tmp_path, idx(LABELS))
