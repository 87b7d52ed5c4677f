"""Volumes through the verbs: trained, shown in report and preview, predicted from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from neocog.config import Config, changed
from neocog.errors import UserError
from neocog.verbs.evaluate import evaluate
from neocog.verbs.filters import filters
from neocog.verbs.predict import predict
from neocog.verbs.preview import preview
from neocog.verbs.train import start

SIDE = 12


def bars(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Bars along the first or the last axis, 0 and 1, as occupied voxels often are."""
    rng = np.random.default_rng(0)
    volumes = np.zeros((n, SIDE, SIDE, SIDE), np.uint8)
    labels = np.arange(n) % 2
    for volume, label in zip(volumes, labels, strict=True):
        a, b = rng.integers(1, SIDE - 4, 2)
        block = volume[:, a : a + 3, b : b + 3] if label else volume[a : a + 3, b : b + 3]
        block[:] = 1
    return volumes, labels


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bars")
    volumes, labels = bars(120)
    np.savez(folder / "bars.npz", X=volumes, y=labels)
    settings = {
        "data": str(folder / "bars.npz"), "model": "cnn3d", "options": {"widths": "8,16", "hidden": 16}, "epochs": 12,
        "batch": 16, "threads": 1,
    }  # fmt: skip
    start(changed(Config(), settings), folder / "run", True, "test")
    return folder


def test_volumes_train_in_bf16(tmp_path: Path) -> None:
    """Where bf16 is fast the weights of planes are reordered; those of volumes have an order of their own."""
    volumes, labels = bars(24)
    np.savez(tmp_path / "bars.npz", X=volumes, y=labels)
    settings = {"data": str(tmp_path / "bars.npz"), "model": "cnn3d", "epochs": 1, "threads": 1, "precision": "bf16"}
    start(changed(Config(), settings | {"options": {"widths": "4"}}), tmp_path / "run", True, "test")
    assert json.loads((tmp_path / "run" / "result.json").read_text())["precision"].startswith("bf16")


def test_stacks_of_pages_train_as_they_are_streamed(tmp_path: Path) -> None:
    """With too little memory for all of them, every batch reads its files; resnet3d is what volumes get by default."""
    volumes, labels = bars(40)
    for number, (volume, label) in enumerate(zip(volumes, labels, strict=True)):
        path = tmp_path / "data" / f"axis{label}" / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.pad(volume * 200, 3), photometric="minisblack")
    settings = {
        "data": str(tmp_path / "data"), "kind": "volumes", "epochs": 1, "memory": 0.0, "threads": 1, "batch": 8,
        "options": {"widths": "4,8"},
    }  # fmt: skip
    start(changed(Config(), settings), tmp_path / "run", True, "test")
    model = json.loads((tmp_path / "run" / "model.json").read_text())
    assert model["preprocessing"]["size"] == [SIDE + 6] * 3
    evaluated = evaluate(tmp_path / "run", None, tmp_path / "more", True)
    assert evaluated["measures"]["test"]["accuracy"]["n"] == 4


def test_values_of_volumes_are_learned_without_changes_that_falsify_them(tmp_path: Path) -> None:
    volumes, labels = bars(40)
    lines = ["image,length [mm]"]
    for number, (volume, label) in enumerate(zip(volumes, labels, strict=True)):
        tifffile.imwrite(tmp_path / f"{number}.tif", volume * 200, photometric="minisblack")
        lines.append(f"{number}.tif,{10.5 + label + number / 10}")
    (tmp_path / "lengths.csv").write_text("\n".join(lines))
    settings = {
        "data": str(tmp_path / "lengths.csv"), "kind": "volumes", "epochs": 1, "threads": 1, "batch": 8, "model": "cnn3d",
        "options": {"widths": "4,8"},
    }  # fmt: skip
    start(changed(Config(), settings), tmp_path / "run", True, "test")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["task"] == "regression" and result["measures"]["test"]["mae"]["n"] == 4
    with pytest.raises(UserError, match="would falsify the targets: scale"):
        start(changed(Config(), settings | {"augment": ("scale=0.1",)}), tmp_path / "other", True, "test")


def test_volumes_train_and_their_slices_are_in_the_report(run: Path) -> None:
    result = json.loads((run / "run" / "result.json").read_text())
    assert result["measures"]["test"]["accuracy"]["value"] >= 0.8
    preprocessing = json.loads((run / "run" / "model.json").read_text())["preprocessing"]
    assert preprocessing["size"] == [SIDE] * 3 and preprocessing["high"] == 1.0
    assert '"png"' in (run / "run" / "sections.json").read_text()


def test_a_stack_of_pages_is_predicted_and_a_flat_picture_is_told(run: Path, tmp_path: Path) -> None:
    volumes, _ = bars(2)
    tifffile.imwrite(tmp_path / "stack.tif", volumes[1], photometric="minisblack")
    Image.new("L", (SIDE, SIDE)).save(tmp_path / "flat.png")
    rows = predict(run / "run", [tmp_path / "stack.tif", tmp_path / "flat.png"], tmp_path / "p.csv", True).rows
    found = {Path(row["path"]).name: row for row in rows}
    assert found["stack.tif"]["label"] == "1" and "where volumes are expected" in found["flat.png"]["skipped"]


def test_the_preview_shows_middle_slices_and_what_is_changed(run: Path, tmp_path: Path) -> None:
    sheet = preview(run / "bars.npz", tmp_path / "sheet.png", n=2, draws=2, model="cnn3d", augment=["turn_d=90"])
    picture = np.asarray(Image.open(sheet).convert("L"))
    assert picture.shape[1] > 3 * (3 * SIDE + 2) and picture.min() < 30
    with pytest.raises(UserError, match="no augmentation 'crop'"):
        preview(run / "bars.npz", tmp_path / "sheet.png", augment=["crop=4"], model="cnn3d")


def test_the_filter_bank_is_for_images(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    nibabel.Nifti1Image(bars(1)[0][0], np.eye(4)).to_filename(tmp_path / "scan.nii")
    with pytest.raises(UserError, match="a volume of 12 × 12 × 12"):
        filters(tmp_path / "scan.nii", tmp_path / "out.png")


def test_a_network_for_images_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cnn with 3 blocks is for images"):
        start(changed(Config(), {"data": str(run / "bars.npz"), "model": "cnn"}), tmp_path / "run", True, "test")
