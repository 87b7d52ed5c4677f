"""Data that a program holds: arrays, tensors, images, frames and data sets, read as files are, and never read wrongly."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from PIL import Image

import neocog
from neocog.data.formats.decoding import DEFAULT
from neocog.data.images import decode
from neocog.data.readers.held import pixels_of
from neocog.data.readers.memory import given, open_given
from neocog.data.readers.reading import Reading
from neocog.engine.interrupt import Interrupted
from neocog.errors import UserError

QUICK: dict[str, Any] = {"epochs": 2, "threads": 1, "quiet": True, "model": "cnn", "widths": "4,4", "augment": ("off",)}
RNG = np.random.default_rng(0)
X = np.concatenate([RNG.integers(0, 140, (60, 12, 12)), RNG.integers(100, 255, (60, 12, 12))]).astype(np.uint8)
Y = np.array(["dark"] * 60 + ["bright"] * 60)


class Pairs(torch.utils.data.Dataset[tuple[Any, int]]):
    """As torchvision's data sets are."""

    classes = ("bright", "dark")

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return Image.fromarray(X[index]), int(Y[index] == "dark")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as files in class folders."""
    folder = tmp_path_factory.mktemp("files") / "my images"
    for index, (image, label) in enumerate(zip(X, Y, strict=True)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / label / f"{index:03}.png")
    return folder


def frame(folder: Path) -> pd.DataFrame:
    paths = [str(folder / label / f"{index:03}.png") for index, label in enumerate(Y)]
    return pd.DataFrame({"image": paths, "label": Y})


class Features(dict[str, Any]):
    """Of a Hugging Face Dataset: a class label has ``names``."""

    names = ("bright", "dark")


class Columns:
    """As a Hugging Face Dataset is used: columns by name, rows by number."""

    def __init__(self, images: Sequence[Any], labels: Sequence[int]) -> None:
        self.columns = {"image": images, "label": labels}
        self.column_names = [*self.columns]
        self.features = {"image": Features(), "label": Features()}
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self.columns["label"])

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.columns[key]
        self.reads.append(key)
        return {name: column[key] for name, column in self.columns.items()}


@pytest.fixture
def hugging_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library as far as it is asked for, which is not needed for its data sets."""
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(Dataset=Columns))  # type: ignore[arg-type]


WAYS: dict[str, Callable[[Path], Any]] = {
    "arrays": lambda _: (X, Y),
    "channels first": lambda _: (np.repeat(X[:, None], 3, axis=1), list(Y)),
    "a tensor": lambda _: (torch.from_numpy(X), pd.Series(Y)),
    "Pillow's images": lambda _: ([Image.fromarray(image) for image in X], list(Y)),
    "paths": lambda folder: (frame(folder)["image"].tolist(), list(Y)),
    "a frame": frame,
    "a frame of polars": lambda folder: polars.from_dict(frame(folder).to_dict("list")),
    "a torch data set": lambda _: Pairs(),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_images_are_held_they_are_the_same_samples(way: str, folder: Path) -> None:
    with given(WAYS[way](folder)):
        data = open_given(DEFAULT, Reading())
    assert len(data) == 120
    for index in (0, 59, 60, 119):
        pixels = data.images.read(index)
        assert np.array_equal(pixels[..., 0], X[index]) and (pixels == pixels[..., :1]).all()
        assert data.classes[data.labels[index]] == Y[index]


def test_a_run_of_arrays_is_a_run_like_any_other(tmp_path: Path) -> None:
    before = X.copy()
    run = neocog.train((X, Y), tmp_path / "run", **QUICK)
    same = neocog.train(([Image.fromarray(image) for image in X], list(Y)), tmp_path / "same", **QUICK)
    assert (run.folder / "weights.safetensors").read_bytes() == (same.folder / "weights.safetensors").read_bytes()
    assert (run.folder / "splits.csv").read_text() == (same.folder / "splits.csv").read_text()
    assert np.array_equal(X, before)
    own = neocog.evaluate(run, (X, Y), quiet=True)["measures"]["test"]["accuracy"]
    assert own["n"] == 12, "its own data are measured on its own test part"
    other = neocog.evaluate(run, (np.fliplr(X[::2]) ^ 3, Y[::2]), quiet=True)["measures"]["test"]["accuracy"]
    assert other["n"] == 60
    with pytest.raises(UserError, match="were used to train this run"):
        neocog.evaluate(run, (X[::2], Y[::2]), quiet=True)
    audit = neocog.audit((X, Y)).to_json()
    assert audit["samples"] == 120 and set(audit["classes"]) == {"bright", "dark"}


def test_a_run_of_arrays_goes_on_when_they_are_given_again_and_with_no_others(tmp_path: Path) -> None:
    def stop(row: Any) -> None:
        if row["epoch"] == 1:
            raise neocog.Stop

    whole = neocog.train((X, Y), tmp_path / "whole", **QUICK)
    with pytest.raises(Interrupted):
        neocog.train((X, Y), tmp_path / "run", after_epoch=stop, **QUICK)
    with pytest.raises(UserError, match="came from memory"):
        neocog.resume(tmp_path / "run", quiet=True)
    other = X.copy()
    other[7, 3, 3] ^= 1
    with pytest.raises(UserError, match="changed"):
        neocog.resume(tmp_path / "run", quiet=True, data=(other, Y))
    run = neocog.resume(tmp_path / "run", quiet=True, data=(X, Y))
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_masks_and_values_are_learned_too(tmp_path: Path) -> None:
    masks = (X > 128).astype(np.uint8)
    segmented = neocog.train(
        (X, masks), tmp_path / "masks", epochs=1, threads=1, quiet=True, model="unet", width=4, depth=2
    )
    measured = neocog.train((X, X.mean(axis=(1, 2))), tmp_path / "values", **QUICK)
    assert [neocog.evaluate(run, quiet=True, data=data)["task"] for run, data in (
        (segmented, (X, masks)), (measured, (X, X.mean(axis=(1, 2))))
    )] == ["segmentation", "regression"]  # fmt: skip


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "labels of another length": (lambda: (X, Y[:-1]), "120 images but 119 labels"),
    "not a number": (lambda: (np.where(X[3, 0, 0] == X, np.nan, X.astype(float)), Y), "NaN or infinite"),
    "objects": (lambda: (np.array([None] * 120), Y), "Python objects"),
    "labels of several kinds": (lambda: (X, np.array(["a", 1, None] * 40, dtype=object)), "Python objects"),
    "no labels": (lambda: X, "images without labels"),
    "no images": (lambda: (X[:0], Y[:0]), "no images"),
    "four arrays": (lambda: (X, Y, Y, Y), "a tuple is not a data set"),
    "a generator": (lambda: (i for i in range(3)), "a generator is not a data set"),
    "a generator of images": (lambda: ((image for image in X), Y), "generator: not one for each sample"),
    "a number for labels": (lambda: (X, np.int64(3)), "int64: not one for each sample"),
    "paths of two files": (lambda: ("images.npy", "labels.npy"), "str: not one for each sample"),
    "flat": (lambda: (X.reshape(120, -1), Y), r"holds no images"),
    "a frame without images": (lambda: pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "no image column"),
    "a frame without rows": (lambda: pd.DataFrame({"image": [], "label": []}), "without rows"),
    "masks of another size": (lambda: (X, np.zeros((120, 5, 5), int)), "another size than its image"),
    "nothing": (lambda: None, "names no data"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_a_data_set_is_told_and_nothing_is_written(what: str, tmp_path: Path) -> None:
    make, match = BAD[what]
    with pytest.raises(UserError, match=match):
        neocog.train(make(), tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_a_pillow_image_is_what_its_file_is(tmp_path: Path) -> None:
    """Palettes, transparency and turns by EXIF as files have them, so that both train the same network."""
    rng = np.random.default_rng(1)
    clear = Image.fromarray(rng.integers(0, 255, (10, 14, 4)).astype(np.uint8), "RGBA")
    turned = Image.fromarray(rng.integers(0, 255, (10, 14, 3)).astype(np.uint8))
    turned.getexif()[0x0112] = 6
    palette = turned.convert("P", palette=Image.Palette.ADAPTIVE)
    for name, image in (("clear", clear), ("turned", turned), ("palette", palette)):
        image.save(tmp_path / f"{name}.png", exif=image.getexif())
        held = pixels_of(image, name, DEFAULT)
        assert np.array_equal(held, decode(tmp_path / f"{name}.png")), name
    assert pixels_of(turned, "turned", DEFAULT).shape == (14, 10, 3)


def test_preview_and_the_range_test_take_data_in_memory(tmp_path: Path) -> None:
    with Image.open(neocog.preview((X, Y), tmp_path / "sheet.png")) as sheet:
        assert sheet.size[0] > 100
    settings = {"model": "cnn", "widths": "4,4", "threads": 1, "quiet": True}
    assert len(neocog.find_lr((X, Y), tmp_path / "rates", **settings).rates) > 10


@pytest.mark.parametrize("way", ["Pillow's images", "paths", "a torch data set"])
def test_what_is_said_of_how_files_are_read_holds_in_memory_too(way: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"144 pixels(.|\n)*no image can be read") as told:
        neocog.train(WAYS[way](folder), tmp_path / "run", max_pixels=100, **QUICK)
    assert len(told.value.facts) == 4, "the first three reasons"
    assert not (tmp_path / "run").exists()


def png(pixels: Any) -> dict[str, Any]:
    """An image as a Hugging Face Dataset has it where it does not decode."""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return {"bytes": written.getvalue(), "path": None}


@pytest.mark.parametrize(
    "stored", [Image.fromarray, png, lambda pixels: pixels.tolist()], ids=["decoded", "bytes", "lists of numbers"]
)
@pytest.mark.usefixtures("hugging_face")
def test_a_hugging_face_data_set_is_its_images_and_labels(stored: Callable[[Any], Any], tmp_path: Path) -> None:
    data = Columns([stored(image) for image in X], [int(label == "dark") for label in Y])
    run = neocog.train(data, tmp_path / "run", **QUICK)
    assert run.model_json.read_text().count('"bright"') and (tmp_path / "run" / "report.html").is_file()
    with given(data):
        held = open_given(DEFAULT, Reading())
    assert np.array_equal(held.images.read(60)[..., 0], X[60]) and held.classes[held.labels[60]] == Y[60]
    again = neocog.evaluate(run, data, quiet=True)["measures"]["test"]["accuracy"]
    assert again["n"] == 12


@pytest.mark.usefixtures("hugging_face")
def test_an_image_in_memory_is_decoded_twice_and_no_more(tmp_path: Path) -> None:
    """Once for its size, before anything is planned, and once for its pixels, which are kept."""
    data = Columns([Image.fromarray(image) for image in X], [int(label == "dark") for label in Y])
    neocog.train(data, tmp_path / "run", **QUICK)
    assert sorted(data.reads) == sorted([*range(len(X))] * 2)


def test_several_data_sets_at_once_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give one of them"):
        neocog.train({"train": (X, Y), "test": (X, Y)}, tmp_path / "run", **QUICK)
