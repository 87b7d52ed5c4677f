"""NPZ files: layouts and types that are accepted, archives that are not."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.limits import Limit

GREY = np.arange(6 * 8 * 9).reshape(6, 8, 9).astype(np.uint8)
COLOUR = np.arange(6 * 8 * 9 * 3).reshape(6, 8, 9, 3).astype(np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def read(tmp_path: Path, **arrays: Any) -> Dataset:
    np.savez_compressed(tmp_path / "cells.npz", **arrays)
    return open_dataset(tmp_path / "cells.npz")


def fault(path: Path) -> str:
    with pytest.raises(UserError) as error:
        open_dataset(path)
    assert path.name in str(error.value)
    return str(error.value)


def wrong(tmp_path: Path, **arrays: Any) -> str:
    np.savez(tmp_path / "cells.npz", **arrays)
    return fault(tmp_path / "cells.npz")


def pixels(data: Dataset) -> Array:
    return np.stack([data.images.read(i) for i in range(len(data))])


NAMINGS = [
    ("train_images", "train_labels"),
    ("x_train", "y_train"),
    ("X_train", "Y_train"),
    ("images", "labels"),
    ("X", "y"),
]


@pytest.mark.parametrize(("image_key", "label_key"), NAMINGS)
def test_the_usual_names_are_found(tmp_path: Path, image_key: str, label_key: str) -> None:
    data = read(tmp_path, **{image_key: GREY, label_key: LABELS})
    assert data.kind == "NPZ arrays" and data.classes == ("0", "1", "2") and data.mirror
    np.testing.assert_array_equal(pixels(data)[..., 0], GREY)
    assert (data.splits is not None) == ("train" in image_key)
    assert data.names[1] == ("train[1]" if "train" in image_key else "images[1]")


def test_parts_follow_each_other(tmp_path: Path) -> None:
    data = read(
        tmp_path, test_images=GREY[:1], test_labels=LABELS[:1], train_images=GREY, train_labels=LABELS[:, None],
        val_images=GREY[:2], val_labels=np.array([7, 7]),
    )  # fmt: skip
    assert data.splits is not None
    assert data.splits.tolist() == ["train"] * 6 + ["validation"] * 2 + ["test"]
    assert data.classes == ("0", "1", "2", "7") and data.labels.tolist() == [0, 1, 2, 0, 1, 2, 3, 3, 0]
    np.testing.assert_array_equal(pixels(data)[..., 0], np.concatenate([GREY, GREY[:2], GREY[:1]]))


def test_channels_first_and_last_give_the_same(tmp_path: Path) -> None:
    np.testing.assert_array_equal(pixels(read(tmp_path, X=COLOUR, y=LABELS)), COLOUR)
    np.testing.assert_array_equal(pixels(read(tmp_path, X=COLOUR.transpose(0, 3, 1, 2), y=LABELS)), COLOUR)
    assert read(tmp_path, X=GREY[:, None], y=LABELS).images.read(0).shape == (8, 9, 1)


def test_big_endian_and_fortran_order_give_the_same(tmp_path: Path) -> None:
    wide = COLOUR.astype(np.uint16) * 250
    for array in (wide, wide.astype(">u2"), np.asfortranarray(wide), np.asfortranarray(wide.astype(">u2"))):
        data = read(tmp_path, X=array, y=LABELS.astype(">i4"))
        assert data.images.read(0).dtype == np.uint16
        np.testing.assert_array_equal(pixels(data), wide)
        np.testing.assert_array_equal(data.labels, LABELS)


def test_large_arrays_are_read_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neocog.data.formats.stored.BLOCK", 100)
    for array in (COLOUR, np.asfortranarray(COLOUR), COLOUR.transpose(0, 3, 1, 2).astype(np.int64)):
        np.testing.assert_array_equal(pixels(read(tmp_path, X=array, y=LABELS)), COLOUR)


@pytest.mark.parametrize("ambiguous", [(6, 3, 8, 3), (6, 1, 9, 4), (6, 3, 8, 8, 3), (6, 5, 8, 8, 9)])
def test_unclear_channels_are_refused(tmp_path: Path, ambiguous: tuple[int, ...]) -> None:
    assert " × ".join(map(str, ambiguous)) in wrong(tmp_path, X=np.zeros(ambiguous, np.uint8), y=LABELS)


def test_other_ranks_are_refused(tmp_path: Path) -> None:
    assert "holds no images" in wrong(tmp_path, X=np.zeros((6, 9), np.uint8), y=LABELS)
    assert "no array of samples" in wrong(tmp_path, X=np.uint8(3), y=LABELS)
    assert "no images" in wrong(tmp_path, X=GREY[:0], y=LABELS[:0])


TYPES = [
    (np.uint8, np.uint8, 1), (np.uint16, np.uint16, 1), (np.int64, np.uint8, 1), (np.int32, np.uint16, 300),
    (np.int16, np.float32, -1), (np.float32, np.float32, 0.5), (np.float16, np.float32, 0.5), (np.float64, np.float32, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "kept", "factor"), TYPES)
def test_pixel_types_keep_every_value(tmp_path: Path, stored: Any, kept: Any, factor: float) -> None:
    array = (GREY % 200 * float(factor)).astype(stored)
    data = read(tmp_path, X=array, y=LABELS)
    assert data.images.read(0).dtype == kept
    np.testing.assert_array_equal(pixels(data)[..., 0], array)
    assert bool(data.notes) == (np.dtype(stored).kind == "i" or stored is np.float64)


def test_logical_images_become_black_and_white(tmp_path: Path) -> None:
    data = read(tmp_path, X=GREY > 100, y=LABELS)
    np.testing.assert_array_equal(pixels(data)[..., 0], np.where(GREY > 100, 255, 0))
    assert data.notes == ("logical images: false and true became 0 and 255",)


def test_values_and_types_that_cannot_be_kept_are_refused(tmp_path: Path) -> None:
    assert "do not fit float32 exactly" in wrong(tmp_path, X=GREY.astype(np.int64) * 2**20, y=LABELS)
    assert "pixels of type complex128" in wrong(tmp_path, X=GREY * 1j, y=LABELS)
    parts = {"x_train": GREY, "y_train": LABELS, "x_test": GREY / 255, "y_test": LABELS}
    assert "pixels of type float64/uint8" in wrong(tmp_path, **parts)


def test_parts_of_different_shapes_are_refused(tmp_path: Path) -> None:
    text = wrong(tmp_path, x_train=GREY, y_train=LABELS, x_test=GREY[:, :4], y_test=LABELS)
    assert "(6, 8, 9)" in text and "(6, 4, 9)" in text


def test_nan_pixels_are_told_when_read(tmp_path: Path) -> None:
    array = GREY.astype(np.float32)
    array[2, 3, 4] = np.nan
    with pytest.raises(BadImage, match="row 3, column 4"):
        read(tmp_path, X=array, y=LABELS).images.read(2)


def test_labels_may_be_text_one_hot_or_whole_floats(tmp_path: Path) -> None:
    names = np.array(["01", "1", "ant", "01", "10", "9"])
    data = read(tmp_path, X=GREY, y=names)
    assert [data.classes[i] for i in data.labels] == names.tolist()
    assert read(tmp_path, X=GREY, y=names.astype("S")).classes == data.classes == ("01", "1", "9", "10", "ant")
    assert read(tmp_path, X=GREY, y=np.eye(3)[LABELS]).labels.tolist() == LABELS.tolist()
    assert read(tmp_path, X=GREY, y=LABELS.astype(float)).classes == ("0", "1", "2")
    assert read(tmp_path, X=GREY, y=LABELS - 5).classes == ("-5", "-4", "-3")


def test_labels_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    assert "1 labels are NaN or infinite, the first at 4" in wrong(
        tmp_path, X=GREY, y=np.array([0, 1, 2, 0, np.nan, 1])
    )
    np.savez(tmp_path / "cells.npz", X=GREY, y=np.array([0, 0.5, 2, 0, 1, 1]))
    with pytest.raises(UserError, match=r"no whole numbers, the first is 0\.5 at 1"):
        open_dataset(tmp_path / "cells.npz", reading=Reading(task="classification"))
    assert "may stand for none: nan" in wrong(tmp_path, X=GREY, y=np.array(["a", "b", "nan"] * 2))
    assert "not one-hot" in wrong(tmp_path, X=GREY, y=np.ones((6, 3), int))
    assert "1 blank label at 2" in wrong(tmp_path, X=GREY, y=np.array(["a", "b", " ", "a", "b", "a"]))
    assert "beyond 64-bit" in wrong(tmp_path, X=GREY, y=LABELS.astype(np.uint64) + np.uint64(2**63))
    mixed = {"x_train": GREY, "y_train": LABELS, "x_test": GREY, "y_test": LABELS.astype(str)}
    assert "numbers in one part and text in another" in wrong(tmp_path, **mixed)


def test_ten_images_and_nine_labels_are_told(tmp_path: Path) -> None:
    assert "6 images but 5 labels" in wrong(tmp_path, X=GREY, y=LABELS[:5])


def test_missing_and_unknown_keys_name_what_there_is(tmp_path: Path) -> None:
    assert "train_images without train_labels; it has: labels, train_images" in wrong(
        tmp_path, train_images=GREY, labels=LABELS
    )
    text = wrong(tmp_path, train_image=GREY, foo=LABELS)
    assert "no array of images; it has: foo, train_image" in text and "did you mean 'train_image'?" in text
    assert "not clear which arrays" in wrong(tmp_path, x_train=GREY, y_train=LABELS, X=GREY, y=LABELS)


def test_unused_arrays_are_noted_and_never_read(tmp_path: Path) -> None:
    data = read(tmp_path, X=GREY, y=LABELS, meta=np.array([{"a": 1}], dtype=object))
    assert data.notes == ("arrays not used: meta",)


def test_mnist_npz_is_not_mirrored(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=GREY, y_train=LABELS)
    assert not open_dataset(tmp_path / "mnist.npz").mirror


def test_python_objects_are_refused(tmp_path: Path) -> None:
    objects = np.array([GREY[0], GREY[1][:3], None, 1, 2, 3], dtype=object)
    assert "contains Python objects: refused" in wrong(tmp_path, X=objects, y=LABELS)
    assert "contains Python objects: refused" in wrong(tmp_path, X=GREY, y=LABELS.astype(object))


def npy(shape: str, descr: str = "|u1", payload: bytes = b"", version: bytes = b"\1\0") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header + payload


def archive(tmp_path: Path, images: bytes, **how: Any) -> Path:
    labels = io.BytesIO()
    np.save(labels, LABELS)
    with zipfile.ZipFile(tmp_path / "cells.npz", "w", **how) as file:
        file.writestr("X.npy", images)
        file.writestr("y.npy", labels.getvalue())
    return tmp_path / "cells.npz"


def test_a_header_of_seven_tebibytes_is_refused_before_allocation(tmp_path: Path) -> None:
    text = fault(archive(tmp_path, npy("(6, 1024, 1298174976)", payload=bytes(100))))
    assert "promises 6 × 1024 × 1298174976 uint8 = 7,975,987" in text and "the archive holds 1" in text
    assert "promises" in fault(archive(tmp_path, npy("(6, 8, 9)", payload=bytes(431))))
    assert "promises" in fault(archive(tmp_path, npy("(6, 8, 9)", payload=bytes(433))))
    assert "no array of samples" in fault(archive(tmp_path, npy("(6, -8, 9)", payload=bytes(432))))
    assert len(open_dataset(archive(tmp_path, npy("(6, 8, 9)", payload=bytes(432), version=b"\2\0")))) == 6


def test_a_bomb_is_refused_by_its_sizes(tmp_path: Path) -> None:
    packed = npy("(6, 1000, 1000)", payload=bytes(6_000_000))
    bomb = archive(
        tmp_path, packed, compression=zipfile.ZIP_BZIP2
    )  # 5,900 bytes: bzip2 packs 50 times what deflate can
    assert "packed in a way that NumPy does not use" in fault(bomb)
    raw = bytearray(
        archive(tmp_path, npy("(6, 8, 9)", payload=bytes(432)), compression=zipfile.ZIP_DEFLATED).read_bytes()
    )
    place = raw.rfind(b"PK\1\2", 0, raw.rfind(b"PK\1\2"))  # the directory's entry of X.npy: its size becomes a lie
    lie = npy("(6, 8000, 9000)")
    raw[place + 24 : place + 28] = struct.pack("<I", len(lie) + 432_000_000)
    (tmp_path / "cells.npz").write_bytes(raw)
    assert "cells.npz" in fault(tmp_path / "cells.npz")


def test_an_array_larger_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neocog.data.formats.stored.memory", lambda: Limit(100, "a test"))
    assert "needs 48 bytes; 100 may be used" not in wrong(tmp_path, X=GREY, y=LABELS)
    assert "6 × 8 × 9 × 1 uint8 needs 432 bytes; 100 may be used (limit: a test)" in wrong(tmp_path, X=GREY, y=LABELS)


def test_damage_inside_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = archive(tmp_path, npy("(6, 8, 9)", payload=GREY.tobytes()))
    raw = bytearray(path.read_bytes())
    raw[raw.index(GREY.tobytes()[:200]) + 100] ^= 1
    path.write_bytes(raw)
    assert "Bad CRC-32" in fault(path)


@pytest.mark.parametrize("flaw", [b"", b"PK\3\4", b"\x93NUMPY"])
def test_what_is_no_archive_is_told(tmp_path: Path, flaw: bytes) -> None:
    (tmp_path / "cells.npz").write_bytes(flaw)
    assert "not a readable .npz" in fault(tmp_path / "cells.npz")


def test_members_that_are_no_arrays_are_told(tmp_path: Path) -> None:
    assert "starts with 68 65 6c 6c 6f" in fault(archive(tmp_path, b"hello"))
    assert "damaged header" in fault(archive(tmp_path, npy("(6, 8, ", payload=bytes(432))))
    assert "damaged header" in fault(archive(tmp_path, npy("(6, 8, 9)", descr="nonsense", payload=bytes(432))))
    huge = b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + b" " * 1000
    assert "a header of 2,147,483,648 bytes" in fault(archive(tmp_path, huge))


def test_a_million_members_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cells.npz", "w") as file:
        for i in range(1200):
            file.writestr(f"{i}.npy", b"")
    assert "1,200 members, at most 1,000 are read" in fault(tmp_path / "cells.npz")


def test_overlapping_and_repeated_members_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, npy("(6, 8, 9)", payload=bytes(432)))
    raw = bytearray(path.read_bytes())
    place = raw.rfind(b"PK\1\2", 0, raw.rfind(b"PK\1\2"))
    raw[place + 20 : place + 24] = struct.pack("<I", 10**6)
    path.write_bytes(raw)
    assert "members overlap" in fault(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", npy("(6, 8, 9)", payload=bytes(432)))
        file.writestr("X.npy", npy("(6, 8, 9)", payload=bytes(432)))
    assert "two arrays are called 'x'" in fault(path)


def test_paths_inside_an_archive_are_only_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cells.npz", "w") as file:
        file.writestr("../../X.npy", npy("(6, 8, 9)", payload=bytes(432)))
        file.writestr("/y.npy", npy("(6,)", payload=bytes(6)))
    assert "no array of images; it has: ../../x, /y" in fault(tmp_path / "cells.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.npz"]


def test_memory_stays_at_the_result_plus_a_block(tmp_path: Path) -> None:
    """Two parts of 48 MB as int64 become 12 MB of uint8: no more than 40 MB are held at a time."""
    array = np.random.default_rng(0).integers(0, 256, (6000, 32, 32), np.int64)
    np.savez(
        tmp_path / "cells.npz", x_train=array, y_train=np.arange(6000) % 3, x_test=array, y_test=np.arange(6000) % 3
    )
    tracemalloc.start()
    data = open_dataset(tmp_path / "cells.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6
    np.testing.assert_array_equal(data.images.read(6001)[..., 0], array[1])


def test_no_bit_flip_escapes_the_reader(tmp_path: Path) -> None:
    good = archive(tmp_path, npy("(6, 8, 9)", payload=GREY.tobytes())).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(500):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), 2):
            bad[place] ^= 1 << rng.integers(8)
        (tmp_path / "cells.npz").write_bytes(bad)
        try:
            data = open_dataset(tmp_path / "cells.npz")
        except UserError:
            continue
        np.testing.assert_array_equal(pixels(data).ravel(), GREY.ravel())


def test_decimals_are_values_and_whole_numbers_are_on_demand(tmp_path: Path) -> None:
    data = read(tmp_path, images=GREY, targets=np.linspace(0.5, 3, 6))
    assert data.target_names == ("targets",) and data.values is not None and data.values[5, 0] == 3
    assert data.taken[-1].role == "target" and not data.has_classes
    np.savez(tmp_path / "whole.npz", images=GREY, labels=LABELS)
    counted = open_dataset(tmp_path / "whole.npz", reading=Reading(task="regression"))
    assert counted.values is not None and counted.values[:, 0].tolist() == LABELS.tolist()
    two = read(tmp_path, x_train=GREY, y_train=np.random.default_rng(0).random((6, 2)))
    assert two.target_names == ("y_train 0", "y_train 1")


def test_few_decimals_could_be_classes_and_stop(tmp_path: Path) -> None:
    many = np.repeat(GREY, 5, axis=0)
    text = wrong(tmp_path, X=many, y=np.tile([0.5, 1.0, 2.5], 10))
    assert "--task classification" in text and "--task regression" in text
    assert "the same in all samples" in wrong(tmp_path, X=GREY, y=np.full(6, 0.5))
    assert "NaN or infinite" in wrong(tmp_path, X=GREY, y=np.array([0.1, np.nan, 2, 0, 1, 1]))


@pytest.mark.parametrize(
    ("key", "found", "says"),
    [
        ("values", np.arange(0, 150, 5), None),  # called so
        ("labels", np.arange(20, 140, 4), "values (regression)"),  # ages: as many classes as samples
    ],
)
def test_whole_numbers_may_be_values(tmp_path: Path, key: str, found: np.ndarray, says: str | None) -> None:
    images = np.zeros((len(found), 6, 6), np.uint8)
    images[:, 0, 0] = np.arange(len(found))
    np.savez(tmp_path / "a.npz", images=images, **{key: found})
    if says is None:
        assert open_dataset(tmp_path / "a.npz").values is not None
    else:
        with pytest.raises(UserError) as told:
            open_dataset(tmp_path / "a.npz")
        assert says in str(told.value) and "--task classification" in str(told.value)
