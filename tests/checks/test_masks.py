"""The check of masks finds what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from neocog.checks import findings
from neocog.data.masks import scan_masks
from neocog.data.readers.detect import open_dataset
from neocog.data.scan import scan_images


def folder(root: Path, *masks: np.ndarray, classes: str = "ground\ncat\n") -> Path:
    rng = np.random.default_rng(0)
    for i, mask in enumerate(masks):
        for name, pixels in (("images", rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"TCGA_AB_{1234 + i // 2}_{i}.png")
    (root / "classes.txt").write_text(classes)
    return root


def told(root: Path) -> dict[str, str]:
    data = open_dataset(root)
    masks = scan_masks(data.masks, (1, 1), keep=False, classes=len(data.classes)) if data.masks else None
    return {f.what: f.severity for f in findings(data, scan_images(data.images).records, masks=masks)}


def test_shares_empty_masks_and_absent_classes_are_told(tmp_path: Path) -> None:
    full, nothing = np.tile(np.array([0, 1], np.uint8), (40, 20)), np.zeros((40, 40), np.uint8)
    clean = told(folder(tmp_path / "a", full, full))
    assert clean["share of the pixels: ground 50.00%, cat 50.00%"] == "note"
    assert not any("in no mask" in what or "masks hold" in what or "less than" in what for what in clean)
    rare = full.copy() * 0
    rare[0, 0] = 1
    found = told(folder(tmp_path / "b", rare, nothing, classes="ground\ncat\ndog\n"))
    assert found["1 class in no mask: dog"] == "warning"
    assert found["1 class with less than 0.1% of the pixels: cat"] == "warning"
    assert found["1 of 2 masks hold ground only"] == "note"


def test_a_patient_on_two_sides_of_a_given_split_leaks(tmp_path: Path) -> None:
    full = np.tile(np.array([0, 1], np.uint8), (40, 20))
    for part in ("train", "test"):
        folder(tmp_path / part, full, full, full)
    (tmp_path / "classes.txt").write_text("ground\ncat\n")
    assert any("the given split leaks: 2 groups in train and test" in what for what in told(tmp_path))
