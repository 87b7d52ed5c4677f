"""Data sets known by name: ``digits`` (ships with scikit-learn), ``mnist``, ``fashion-mnist`` and ``cifar10``.

Looked for in the folder NEOCOG_DATA, then in the cache (NEOCOG_CACHE, else $XDG_CACHE_HOME/neocog, else
~/.cache/neocog), and downloaded into the cache only if neither has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from neocog.data.dataset import Array, Dataset
from neocog.data.readers.arrays import array_dataset
from neocog.data.readers.cifar import read_cifar
from neocog.data.readers.download import download, extract
from neocog.data.readers.idx import read_idx
from neocog.errors import UserError, pick


@dataclass(frozen=True)
class Published:
    """Where a data set is published, and what it looks like on disk."""

    read: Callable[[Path], Dataset]
    folders: tuple[str, ...]  # where its files may lie below NEOCOG_DATA or the cache; downloads go to the first
    files: tuple[tuple[str, ...], ...]  # all of these must be there; of each group one is enough
    url: str
    downloads: tuple[tuple[str, str, int], ...]  # (file, MD5, bytes)
    members: tuple[tuple[str, int], ...] = ()  # of the archive that is downloaded: (file, most bytes)


def _mnist_files(*hashes: tuple[str, int]) -> tuple[tuple[str, str, int], ...]:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    return tuple((f"{name}.gz", *known) for name, known in zip(names, hashes, strict=True))


def _either(downloads: tuple[tuple[str, str, int], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((name, name.removesuffix(".gz")) for name, _, _ in downloads)


MNIST = _mnist_files(
    ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
    ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
    ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
    ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
)
FASHION_MNIST = _mnist_files(
    ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
    ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
    ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
    ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
)
CIFAR10 = tuple((f"{name}.bin", 30_730_000) for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"))

CIFAR10_FOLDERS = (
    "cifar-10/cifar-10-batches-bin",
    "cifar-10/cifar-10-batches-py",
    "cifar10/cifar-10-batches-bin",
    "cifar10/cifar-10-batches-py",
    "cifar-10-batches-bin",
    "cifar-10-batches-py",
    "cifar-10",
    "cifar10",
)

PUBLISHED = {
    "mnist": Published(
        read_idx,
        ("mnist", "MNIST", "MNIST/raw"),
        _either(MNIST),
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        MNIST,
    ),
    "fashion-mnist": Published(
        read_idx,
        ("fashion-mnist", "fashion_mnist", "FashionMNIST", "FashionMNIST/raw"),
        _either(FASHION_MNIST),
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        FASHION_MNIST,
    ),
    "cifar10": Published(
        read_cifar,
        CIFAR10_FOLDERS,
        tuple((name, name.removesuffix(".bin")) for name, _ in CIFAR10),
        "https://www.cs.toronto.edu/~kriz/",
        (("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171),),
        (*CIFAR10, ("batches.meta.txt", 10_000)),
    ),
}
NAMES = ("digits", *PUBLISHED)


def open_named(name: str, url: str | None = None) -> Dataset:
    """One of ``NAMES``. ``url`` replaces the published address (a mirror). Raises UserError."""
    if name == "digits":
        return _digits()
    published = pick(PUBLISHED, name, "named data set")
    folder = _find(published) or _download(name, published, url or published.url)
    data = published.read(folder)
    return replace(data, notes=(f"'{name}' taken as the name of a data set, found in {folder}", *data.notes))


def cache_folder() -> Path:
    """NEOCOG_CACHE, else $XDG_CACHE_HOME/neocog, else ~/.cache/neocog."""
    if own := os.environ.get("NEOCOG_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "neocog"


def _find(published: Published) -> Path | None:
    """The first folder that has all files."""
    data = os.environ.get("NEOCOG_DATA")
    for base in ([Path(data).expanduser()] if data else []) + [cache_folder()]:
        for folder in (base / name for name in published.folders):
            if all(any((folder / file).is_file() for file in either) for either in published.files):
                return folder
    return None


def _download(name: str, published: Published, url: str) -> Path:
    folder = cache_folder() / published.folders[0]
    try:
        for file, md5, size in published.downloads:
            if not (folder / file).is_file():
                download(f"{url}{file}", folder / file, md5, size)
        if published.members:
            archive = folder / published.downloads[0][0]
            try:
                extract(archive, dict(published.members), folder)
            finally:
                archive.unlink(missing_ok=True)
    except UserError as error:
        files = ", ".join(file for file, *_ in published.members or published.downloads)
        fix = f"put {files} into {folder}, or into a folder {name}/ below the one that NEOCOG_DATA names"
        raise UserError(f"data set '{name}': {error.what}", error.where, fix) from error
    return folder


def digits_table() -> Array:
    """(1797, 65) a row each: 64 pixels, and the digit. scikit-learn's own file, read without its package, which takes a second to
    import."""
    spec = find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


def _digits() -> Dataset:
    """1,797 handwritten digits, 8 × 8, of 43 writers (Alpaydin & Kaynak 1998; UCI ML, test part)."""
    table = digits_table()
    # (1797, 8, 8) counts of inked pixels, 0 to 16, in blocks of 4 × 4
    pixels = (table[:, :-1].reshape(-1, 8, 8) * 15).astype(np.uint8)[..., None]
    return array_dataset(
        kind="scikit-learn's digits",
        root=None,
        array=pixels,
        parts=[("", len(pixels))],
        labels=table[:, -1].astype(np.int64),
        classes=tuple("0123456789"),
        notes=["'digits' taken as the name of a data set", "values 0 to 16 stored as 0 to 240 (× 15, nothing is lost)"],
        mirror=False,
    )
