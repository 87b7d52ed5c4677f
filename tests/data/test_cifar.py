"""CIFAR's four published forms, and pickles that must not run."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neocog.data.dataset import Array, ArrayImages
from neocog.data.formats.pickled import read_pickle
from neocog.data.readers.cifar import CLASSES
from neocog.data.readers.detect import open_dataset
from neocog.errors import UserError

BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def pixels(count: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), np.uint8)


def binary(folder: Path, count: int = 4) -> Path:
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(BATCHES):
        labels = np.arange(count, dtype=np.uint8)[:, None]
        (folder / f"{name}.bin").write_bytes(np.hstack([labels, pixels(count, seed)]).tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")
    return folder


def python_version(folder: Path, protocol: int, count: int = 4) -> Path:
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(BATCHES):
        batch = {b"batch_label": name.encode(), b"labels": list(range(count)), b"data": pixels(count, seed)}
        batch[b"filenames"] = [f"{i}.png".encode() for i in range(count)]
        (folder / name).write_bytes(pickle.dumps(batch, protocol))
    meta = {"label_names": list(CLASSES), "num_vis": 3072, "num_cases_per_batch": count}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol))
    return folder


@pytest.mark.data
def test_cifar10_is_what_is_published(cifar10: Path) -> None:
    data = open_dataset(cifar10)
    assert data.kind == "CIFAR-10 binary files" and data.classes == CLASSES and data.mirror
    assert data.splits is not None
    assert (data.splits == "train").sum() == 50_000 and (data.splits == "test").sum() == 10_000
    assert [data.classes[i] for i in data.labels[:4]] == ["frog", "truck", "truck", "deer"]
    assert [data.classes[i] for i in data.labels[50_000:50_003]] == ["cat", "ship", "ship"]
    assert np.bincount(data.labels[:50_000]).tolist() == [5000] * 10
    assert np.bincount(data.labels[50_000:]).tolist() == [1000] * 10
    first = data.images.read(0)
    assert first.shape == (32, 32, 3) and first.dtype == np.uint8
    assert first[0, 0].tolist() == [59, 62, 63]  # the frog's first pixel, as torchvision shows it
    assert isinstance(data.images, ArrayImages)
    means = data.images.array[:50_000].mean((0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)  # as everywhere on the web


@pytest.mark.data
def test_the_real_meta_pickle_of_2009_is_read(cifar10: Path, real_data: Any) -> None:
    names = read_pickle((real_data("cifar-10") / "batches.meta").read_bytes(), "batches.meta")["label_names"]
    assert tuple(names) == CLASSES


@pytest.mark.parametrize("protocol", range(6))
def test_python_and_binary_versions_are_equal(tmp_path: Path, protocol: int) -> None:
    ours = open_dataset(binary(tmp_path / "bin"))
    theirs = open_dataset(python_version(tmp_path / "py", protocol))
    assert theirs.kind == "CIFAR-10 python files"
    assert ours.names == theirs.names and ours.classes == theirs.classes
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    for i in range(len(ours)):
        np.testing.assert_array_equal(ours.images.read(i), theirs.images.read(i))
    plane = pixels(4, 0)[1].reshape(3, 32, 32)
    np.testing.assert_array_equal(ours.images.read(1), plane.transpose(1, 2, 0))


def test_the_folder_that_the_archive_makes_is_found_from_above(tmp_path: Path) -> None:
    binary(tmp_path / "cifar-10-batches-bin")
    assert len(open_dataset(tmp_path)) == 24


def test_cifar100_has_fine_labels(tmp_path: Path) -> None:
    for seed, name in enumerate(("train", "test")):
        labels = np.array([[1, 99], [2, 0], [3, 7]], np.uint8)
        (tmp_path / f"{name}.bin").write_bytes(np.hstack([labels, pixels(3, seed)]).tobytes())
    data = open_dataset(tmp_path)
    assert data.labels.tolist() == [99, 0, 7] * 2 and data.classes[99] == "99"
    assert "no fine_label_names.txt: the classes are numbers" in data.notes
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"name{i}" for i in range(100)))
    assert open_dataset(tmp_path).classes[99] == "name99"
    py = tmp_path / "py"
    py.mkdir()
    for seed, name in enumerate(("train", "test")):
        batch = {"data": pixels(3, seed), "coarse_labels": [1, 2, 3], "fine_labels": [99, 0, 7]}
        (py / name).write_bytes(pickle.dumps(batch, 2))
    (py / "meta").write_bytes(pickle.dumps({"fine_label_names": [f"name{i}" for i in range(100)]}, 2))
    again = open_dataset(py)
    assert again.labels.tolist() == data.labels.tolist() and again.classes[99] == "name99"


def test_a_cut_record_is_numbered(tmp_path: Path) -> None:
    folder = binary(tmp_path)
    whole = (folder / "data_batch_2.bin").read_bytes()
    (folder / "data_batch_2.bin").write_bytes(whole[:-100])
    (folder / "test_batch.bin").write_bytes(b"")
    with pytest.raises(UserError) as error:
        open_dataset(folder)
    text = str(error.value)
    assert "12,192 bytes are not a whole number of 3073-byte records (record 3 is cut)" in text
    assert "data_batch_2.bin" in text and "test_batch.bin" in text


def test_a_label_out_of_range_is_numbered(tmp_path: Path) -> None:
    folder = binary(tmp_path, count=12)
    with pytest.raises(UserError, match=r"record 10 has label 10; labels go from 0 to 9 \(2 such records\)"):
        open_dataset(folder)


def test_missing_batches_and_names_are_noted(tmp_path: Path) -> None:
    folder = binary(tmp_path)
    (folder / "data_batch_3.bin").unlink()
    (folder / "batches.meta.txt").unlink()
    notes = open_dataset(folder).notes
    assert "not there: data_batch_3.bin" in notes
    assert "no batches.meta.txt: the ten well-known class names are used" in notes


class Malicious:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_pickle_does_not_run(tmp_path: Path, protocol: int) -> None:
    folder = python_version(tmp_path / "data", 2)
    proof = tmp_path / "proof"
    attack = pickle.dumps({b"data": Malicious(os.mkdir, str(proof)), b"labels": [1]}, protocol)
    (folder / "data_batch_1").write_bytes(attack)
    with pytest.raises(UserError, match=r"a pickle that asks for 'posix mkdir': refused\n.*data_batch_1"):
        open_dataset(folder)
    assert not proof.exists()
    pickle.loads(attack)  # the attack is a real one
    assert proof.exists()


@pytest.mark.parametrize(
    "attack",
    [
        pickle.dumps({"data": Malicious(eval, "1+1")}),
        pickle.dumps({"data": Malicious(np.fromfile, "/etc/passwd", "u1")}),
        pickle.dumps({"data": np.array([{}, []], dtype=object)}),
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tS'b'\ntR.",  # an array without state
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.",  # ndarray((2**31,)): refused, not allocated
        b"cnumpy\ndtype\n}b.",
        b"\x80\x02r\xff\xff\xff\xffN.",  # a memo index of four thousand million
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes of eight exabytes
        b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02]q\x00h\x00a.x",
        b"0.",
        b"h\x05.",
        b"",
        b"not a pickle",
        pickle.dumps(["a list"]),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8)})[:-50],
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}),
        pickle.dumps({"data": np.zeros((2, 3000), np.uint8), "labels": [1, 2]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.float32), "labels": [1, 2]}),
        pickle.dumps({"data": [1, 2], "labels": [1, 2]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1, -2]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": ["a", "b"]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [[1], [2, 3]]}),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [2**70]}),
        pickle.dumps({"labels": [1, 2]}),
    ],
)
def test_hostile_and_broken_pickles_are_told_in_one_line(tmp_path: Path, attack: bytes) -> None:
    folder = python_version(tmp_path, 2)
    (folder / "test_batch").write_bytes(attack)
    with pytest.raises(UserError) as error:
        open_dataset(folder)
    assert "test_batch" in error.value.where and "\n" not in error.value.what


def test_no_bit_flip_of_a_pickle_escapes_the_reader(tmp_path: Path) -> None:
    good = pickle.dumps({b"data": np.arange(12, dtype=np.uint8).reshape(2, 6), b"labels": [1, 2]}, 2)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), 2):
            bad[place] ^= 1 << rng.integers(8)
        with contextlib.suppress(UserError):
            read_pickle(bytes(bad), "flipped")
