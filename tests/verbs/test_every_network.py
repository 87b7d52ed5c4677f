"""Every network that ``neocog models`` lists, from its first step to its last page: trained, judged, used, explained, exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.networks import DETECTORS, FORMS, GENERATORS, MODELS, SEGMENTERS

SIDE = {"nasnetmobile": 64, "darknet19": 64, "shufflenet": 64}  # of the images: the least; 24 for the others
SMALLER = {"nasnetmobile": {"cells": 1, "width": 8, "stem": 8}}  # the others with their own options
CLASSIFIERS = (*MODELS, "torchvision:mobilenet_v3_small", "timm:test_resnet")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A folder with 2 × 16 pictures of a side, each brighter in one class than in the other."""

    def folder(side: int) -> Path:
        root = tmp_path_factory.getbasetemp() / f"pictures-{side}"
        rng = np.random.default_rng(0)
        for label in () if root.exists() else ("dark", "light"):
            (root / label).mkdir(parents=True)
            for number in range(16):
                pixels = rng.integers(0, 128, (side, side, 3)) + 127 * (label == "light")
                Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number}.png")
        return root

    return folder


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 pictures of a bright square, and its mask."""
    root, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for number in range(12):
        mask = np.zeros((32, 32), np.uint8)
        top, left = rng.integers(2, 18, 2)
        mask[top : top + 12, left : left + 12] = 255
        for name, pixels in (("images", mask // 2 + rng.integers(0, 90, mask.shape)), ("masks", mask)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def sequences(folder: Path) -> Path:
    """24 sequences of two classes, and one file with a few of them to predict."""
    rng = np.random.default_rng(0)
    letters = np.array(list("ACGT"))
    lines = [
        f">s{i} | {'even' if i % 2 else 'odd'}\n{''.join(letters[rng.integers(0, 4, 90) % (2 + 2 * (i % 2))])}\n"
        for i in range(24)
    ]
    (folder / "genes.fasta").write_text("".join(lines), encoding="utf-8")
    return folder / "genes.fasta"


def volumes(folder: Path) -> Path:
    """16 volumes of two classes as an NPZ."""
    rng, labels = np.random.default_rng(0), np.arange(16) % 2
    voxels = (rng.random((16, 18, 18, 18)) < 0.2 + 0.4 * labels[:, None, None, None]).astype(np.uint8) * 255
    np.savez(folder / "volumes.npz", images=voxels, labels=labels)
    tifffile.imwrite(folder / "one.tif", voxels[0], photometric="minisblack", metadata={"axes": "ZYX"})
    return folder / "volumes.npz"


def trained(data: str | Path, out: Path, **settings: Any) -> Any:
    given = {"epochs": 1, "batch": 4, "threads": 1, "split": (0.5, 0.25, 0.25), **settings}
    run = neocog.train(data, out, quiet=True, **given)
    assert run.report.is_file() and json.loads(run.result.read_text(encoding="utf-8"))["epochs"] == 1
    measured = neocog.evaluate(run, quiet=True)["measures"]["test"]
    assert measured and all(m["n"] > 0 for m in measured.values())
    return run


def used(run: Any, file: Path, folder: Path) -> None:
    """One file predicted and explained, layer by layer."""
    found = neocog.predict(run, [file], quiet=True).to_json()
    assert len(found["predictions"]) == 1 and not found["skipped"], found
    assert neocog.explain(run, [file], folder / "explained", layers=True, quiet=True).page.is_file()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_goes_the_whole_way(name: str, images: Callable[[int], Path], tmp_path: Path) -> None:
    if FORMS.get(name) == "sequences":
        data, settings = sequences(tmp_path), {"label_field": "2"}
        file = tmp_path / "new.fasta"
        file.write_text(">new\n" + "ACGT" * 22 + "AC\n", encoding="utf-8")
    elif FORMS.get(name) == "volumes":
        data, settings, file = volumes(tmp_path), {}, tmp_path / "one.tif"
    else:
        data, settings = images(SIDE.get(name, 24)), {}
        file = data / "dark" / "0.png"
    run = trained(data, tmp_path / "run", model=name, **settings, **SMALLER.get(name, {}))
    used(run, file, tmp_path)
    if name in FORMS:  # said, not a traceback
        with pytest.raises(UserError, match="no network that classifies images"):
            neocog.export(run, "onnx", tmp_path / "onnx", quiet=True)
    else:
        assert (neocog.export(run, "onnx", tmp_path / "onnx", quiet=True) / "network.onnx").is_file()


@pytest.mark.parametrize("name", [*SEGMENTERS, "unet:resnet18"])
def test_every_network_for_masks_goes_the_whole_way(name: str, masks: Path, tmp_path: Path) -> None:
    run = trained(masks, tmp_path / "run", model=name)
    used(run, masks / "images" / "0.png", tmp_path)
    neocog.predict(run, [masks / "images"], tmp_path / "predicted", quiet=True)
    assert len(list((tmp_path / "predicted" / "masks").glob("*.png"))) == 12
    with pytest.raises(UserError, match="no network that classifies images"):
        neocog.export(run, "onnx", tmp_path / "onnx", quiet=True)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_network_for_boxes_goes_the_whole_way(name: str, masks: Path, tmp_path: Path) -> None:
    run = trained(masks, tmp_path / "run", model=name, task="detection", boxes_from="masks", width=4)
    used(run, masks / "images" / "0.png", tmp_path)
    neocog.export(run, "onnx", tmp_path / "onnx", quiet=True)
    assert (tmp_path / "onnx").exists()


@pytest.mark.parametrize(("name", "task"), [("vae", "vae"), ("dcgan", "gan")])
def test_every_network_that_draws_goes_the_whole_way(name: str, task: str, tmp_path: Path) -> None:
    assert name in GENERATORS and len(GENERATORS) == 2
    run = neocog.train("digits", tmp_path / "run", quiet=True, task=task, model=name, epochs=1, threads=1, batch=512)
    assert run.report.is_file()
    assert neocog.sample(run, 3, tmp_path / "three.png", quiet=True).images.shape[0] == 3
    if task == "vae":
        assert neocog.evaluate(run, quiet=True)["measures"]["test"]


def test_a_layer_that_gives_more_than_its_maps_is_listed_and_shown() -> None:
    """A pool that remembers places, an LSTM with its state: the report's table of layers died of them."""
    from neocog.attribution.layers import features
    from neocog.networks.summary import layers

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool, self.lstm = torch.nn.MaxPool2d(2, return_indices=True), torch.nn.LSTM(4, 3, batch_first=True)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            maps, _ = self.pool(inputs)
            states, _ = self.lstm(maps[:, 0])
            return states[:, -1]

    listed = [(row.name, row.shape) for row in layers(Two(), 1, (8, 8))]
    assert listed == [("pool", (1, 4, 4)), ("lstm", (4, 3))]
    shown = features(Two().eval(), torch.rand(2, 1, 8, 8))
    assert [(layer.name, tuple(layer.output.shape)) for layer in shown] == [("pool", (2, 1, 4, 4)), ("lstm", (2, 4, 3))]
