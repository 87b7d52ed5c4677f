"""Noise that neighbouring pixels share is told with its direction, and independent noise is not complained of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import neocog
from neocog.checks.noise import correlations, shared_noise
from neocog.data.dataset import ArrayImages, Dataset


def scene(seed: int, side: int = 160) -> np.ndarray:
    """Discs on a slope."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    found = 60.0 + 0.3 * rows + 0.1 * columns
    for _ in range(12):
        (y, x), radius = rng.uniform(0, side, 2), rng.uniform(3, 12)
        found[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] += rng.integers(20, 80)
    return found


def noisy(kind: str, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 20, (160, 160))
    if kind in ("rows", "columns"):
        noise = ndimage.gaussian_filter1d(noise, 0.8, axis=1 if kind == "rows" else 0)
    elif kind == "both":
        noise = ndimage.gaussian_filter(noise, 0.8)
    return (scene(seed) + noise).clip(0, 255).astype(np.uint8)[..., None]


def found(kind: str, truth: str = "itself") -> list[str]:
    images = ArrayImages(np.stack([noisy(kind, seed) for seed in range(5)]), [f"{k}" for k in range(5)])
    data = Dataset("x", None, images.names, np.zeros(5, np.int64), (), images, pairs=images, truth=truth)  # type: ignore[arg-type]
    return [f"{finding.what}; {finding.advice}" for finding in shared_noise(data, None)]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_noise_that_runs_along_is_told_with_what_hides_it(kind: str) -> None:
    (said,) = found(kind)
    assert f"along {kind} (" in said and f"--noise-along {kind} " in said


def test_noise_that_spreads_to_all_sides_is_told() -> None:
    (said,) = found("both")
    assert "along rows and columns" in said and "--noise-along" not in said


def test_independent_noise_is_not_complained_of_and_known_images_are_not_looked_at() -> None:
    assert not found("white") and not found("rows", "noisy")
    assert max(map(abs, correlations(noisy("white", 9)))) < 0.1


def test_photon_noise_of_a_camera_is_not_complained_of(real_data: Callable[[str], Path]) -> None:
    for path in sorted((real_data("bbbc039") / "images").glob("*.tif"))[:4]:
        assert max(map(abs, correlations(tifffile.imread(path)[..., None]))) < 0.2


def test_audit_tells_it(tmp_path: Path) -> None:
    for seed in range(5):
        tifffile.imwrite(tmp_path / f"{seed}.tif", noisy("rows", seed)[..., 0])
    settings = {"task": "restoration", "task_options": {"supervision": "noise2void"}}
    audited = neocog.audit(tmp_path, quiet=True, **settings)
    assert any("share their noise along rows" in finding.what for finding in audited.findings)
