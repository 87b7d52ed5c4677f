"""Colour clusters: as good as scikit-learn's on all pixels, and hue goes round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.cluster import KMeans

from neocog.errors import UserError
from neocog.verbs.kmeans import MOST_COLOURS, clusters, coordinates, kmeans


def picture(shape: tuple[int, int] = (60, 80), spread: float = 12) -> np.ndarray:
    rng = np.random.default_rng(0)
    means = rng.integers(20, 230, (5, 3))[rng.integers(0, 5, shape)]
    return np.clip(means + rng.normal(0, spread, (*shape, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_inertia_is_within_one_percent_of_scikit_learn(space: str) -> None:
    pixels = picture()
    found = clusters(pixels, 5, space)  # type: ignore[arg-type]
    points = coordinates(pixels.reshape(-1, 3), space)  # type: ignore[arg-type]
    theirs = KMeans(5, n_init=4, random_state=0).fit(points).inertia_
    ours = ((points - found.centres[found.labels.ravel()]) ** 2).sum()
    assert ours <= 1.01 * theirs and ours == pytest.approx(found.inertia)


def test_many_colours_are_gathered_in_cells_at_little_cost() -> None:
    pixels = picture((400, 500), 40)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > MOST_COLOURS
    found = clusters(pixels, 5)
    points = pixels.reshape(-1, 3).astype(float)
    ours = ((points - found.centres[found.labels.ravel()]) ** 2).sum()
    assert found.inertia == pytest.approx(ours)
    assert ours <= 1.01 * KMeans(5, n_init=2, random_state=0).fit(points).inertia_


def test_hue_goes_round_in_a_circle() -> None:
    """Reds on both sides of 0° are one cluster; a hue in degrees would put them farthest apart."""
    reds = np.array([[255, 0, 12], [255, 12, 0]], np.uint8)
    greens = np.array([[0, 255, 12], [12, 255, 0]], np.uint8)
    found = clusters(np.concatenate([reds, greens])[None], 2, "hsv")
    assert found.labels[0, 0] == found.labels[0, 1] != found.labels[0, 2] == found.labels[0, 3]


def test_lab_is_cie_lab() -> None:
    # sRGB red under D65: L* 53.24, a* 80.09, b* 67.20 (Lindbloom)
    np.testing.assert_allclose(coordinates(np.array([[255, 0, 0]]), "lab")[0], [53.24, 80.09, 67.20], atol=0.02)
    np.testing.assert_allclose(coordinates(np.array([[255, 255, 255]]), "lab")[0], [100, 0, 0], atol=0.02)


def test_files_say_what_was_found(tmp_path: Path) -> None:
    pixels = picture()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found, out = kmeans(tmp_path / "a.png", 5, out=tmp_path / "out")
    with Image.open(out / "clusters.png") as indices, Image.open(out / "mean-colours.png") as means:
        assert indices.mode == "P"
        np.testing.assert_array_equal(np.asarray(indices), found.labels)
        np.testing.assert_array_equal(np.asarray(indices.convert("RGB")), np.asarray(means))
    rows = (out / "clusters.csv").read_text().splitlines()
    assert len(rows) == 6 and sum(int(row.split(",")[1]) for row in rows[1:]) == 4800
    assert (np.diff(found.counts) <= 0).all()
    for i in range(5):
        np.testing.assert_allclose(found.colours[i], pixels[found.labels == i].mean(axis=0), atol=0.51)


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="1 colours for 5 clusters"):
        kmeans(tmp_path / "a.png", 5, out=tmp_path / "out")
    with pytest.raises(UserError, match="exists already"):
        kmeans(tmp_path / "a.png", 1, out=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_centres_are_the_means_of_the_colours_that_are_nearest_to_them(space: str) -> None:
    """Lloyd's algorithm has come to its end on the true colours, though the starts were tried on cells of them."""
    pixels = picture((400, 500), 40)
    found = clusters(pixels, 6, space)  # type: ignore[arg-type]
    points = coordinates(pixels.reshape(-1, 3), space)  # type: ignore[arg-type]
    squared = ((points[:, None] - found.centres) ** 2).sum(axis=2)
    labels = found.labels.ravel()
    np.testing.assert_allclose(squared[np.arange(len(points)), labels], squared.min(axis=1), atol=1e-7)
    means = [points[labels == k].mean(axis=0) for k in range(6)]
    np.testing.assert_allclose(found.centres, means, atol=1e-7)
    assert found.inertia == pytest.approx(squared.min(axis=1).sum(), rel=1e-9)
