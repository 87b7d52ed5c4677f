"""A VAE from data to a run folder: what it learned, the same numbers by every way, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.run import Run
from neocog.tasks.generative import drawn, spherical
from neocog.tasks.vae.codes import sampled_for_nll, share_likelier

SETTINGS: dict[str, Any] = {
    "task": "vae", "latent": "2", "widths": "6,8", "hidden": "24", "epochs": 40, "batch": 32, "lr": 0.004, "threads": 1,
    "precision": "fp32",  # the same numbers by every way: to more digits than bf16 has
}  # fmt: skip


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, 12, 12) uint8: a bright bar of some height on the left ("0") or on the right ("1")."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 40, (count, 12, 12)).astype(np.uint8)
    for image, label, top in zip(images, labels, rng.integers(0, 6, count), strict=True):
        image[top : top + 6, (1, 8)[label] : (4, 11)[label]] += 200
    return images, labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.npz"
    images, labels = bars(400)
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(data, tmp_path_factory.mktemp("run") / "vae", quiet=True, **SETTINGS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures that the run has not seen: bars, and one of pure noise."""
    folder = tmp_path_factory.mktemp("pictures")
    images = [*bars(4, seed=9)[0], np.random.default_rng(3).integers(0, 255, (12, 12)).astype(np.uint8)]
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def result(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text())
    return found


def test_a_run_says_how_likely_the_test_images_are(run: Run) -> None:
    found = result(run)["measures"]["test"]
    assert list(found) == ["elbo", "iw_nll", "reconstruction", "kl"]
    for m in found.values():
        assert m["low"] < m["value"] < m["high"] and m["n"] == 40
    assert found["elbo"]["value"] == pytest.approx(-found["reconstruction"]["value"] - found["kl"]["value"])
    assert -found["iw_nll"]["value"] > found["elbo"]["value"]  # the tighter bound
    assert found["kl"]["value"] > 1  # it uses its codes
    rows = list(csv.DictReader(run.predictions_csv.read_text().splitlines()))
    assert np.mean([float(row["elbo"]) for row in rows]) == pytest.approx(found["elbo"]["value"], abs=1e-3)
    assert {row["label"] for row in rows} == {"0", "1"}


def test_the_best_epoch_is_the_one_of_the_highest_validation_bound(run: Run) -> None:
    rows = list(csv.DictReader(run.metrics_csv.read_text().splitlines()))
    bounds = [float(row["validation_elbo"]) for row in rows]
    assert result(run)["best_epoch"] == 1 + int(np.argmax(bounds))
    validation = result(run)["measures"]["validation"]["elbo"]["value"]
    assert validation == pytest.approx(max(bounds), abs=1e-3)


def test_the_report_shows_images_dimensions_and_the_plane(run: Run) -> None:
    sections = {section["name"]: section for section in json.loads(run.sections.read_text())}
    assert list(sections)[:4] == ["measures", "images", "plane", "dimensions"]
    points = next(item for item in sections["plane"]["items"] if item["kind"] == "scatter")
    assert len(points["x"]) == 40 and set(points["groups"]) == {"0", "1"}
    bar = next(item for item in sections["dimensions"]["items"] if item["kind"] == "bars")
    assert len(bar["values"]) == 2 and sum(bar["values"]) == pytest.approx(
        result(run)["measures"]["test"]["kl"]["value"], abs=0.01
    )
    assert "Latent space" in run.report.read_text()


def test_evaluate_and_predict_find_the_numbers_of_the_report(run: Run, data: Path, tmp_path: Path) -> None:
    again = neocog.evaluate(run, quiet=True)["measures"]["test"]
    for name, m in result(run)["measures"]["test"].items():
        assert again[name]["value"] == pytest.approx(m["value"], abs=1e-3)
    row = next(csv.DictReader(run.predictions_csv.read_text().splitlines()))
    number = int(row["path"].split("[")[1][:-1])
    Image.fromarray(np.load(data)["images"][number]).save(tmp_path / "same.png")
    ((found,),) = (neocog.predict(run, [tmp_path / "same.png"], quiet=True).rows,)
    assert found["elbo"] == pytest.approx(float(row["elbo"]), abs=2e-3)


def test_what_is_strange_has_a_lower_bound_and_the_broken_is_skipped(
    run: Run, pictures: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(pictures[0].read_bytes()[:60])
    found = neocog.predict(run, [*pictures, tmp_path / "broken.png"], tmp_path / "out", quiet=True)
    *usual, noise, broken = found.rows
    assert noise["elbo"] < min(row["elbo"] for row in usual) and noise["stranger_than"] == 1
    assert noise["reconstruction_error"] > max(row["reconstruction_error"] for row in usual)
    assert broken["skipped"] and "elbo" not in broken
    assert [path.name for path in found.written[5:]] == ["predictions.csv"]
    with Image.open(found.written[0]) as both:
        assert both.size[0] > both.size[1] > 100
    assert (tmp_path / "out" / "predictions.csv").is_file()


def test_without_labels_everything_works_but_directions(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, image in enumerate(bars(60)[0]):
        Image.fromarray(np.stack([image] * 3, axis=-1)).save(folder / f"{number}.png")
    found = neocog.train(
        folder, tmp_path / "run", quiet=True, **{**SETTINGS, "epochs": 2, "latent": 3, "loss": "gaussian"}
    )
    assert result(found)["measures"]["test"]["elbo"]["n"] == 6
    assert "Latent space" not in found.report.read_text()
    assert neocog.sample(found, 5, tmp_path / "five.png", quiet=True).images.shape == (5, 12, 12, 3)
    with pytest.raises(UserError, match="no classes, so there is no direction"):
        neocog.sample(found, direction=("from:0", "to:1"), apply=[folder / "0.png"], quiet=True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "cnn"}, "model 'cnn' gives one prediction for each sample; this task needs new images"),
        ({"loss": "cross-entropy"}, "--loss cross-entropy is not for --task vae"),
        ({"loss": "gaussian", "binarise": "sampled"}, "--binarise sampled is for --loss bernoulli, not for gaussian"),
        ({"class_weights": "balanced"}, "--class-weights belongs to --task classification"),
        ({"engine": "numpy"}, "--engine belongs to --task classification, not to vae"),
        ({"scaling": "image"}, "--scaling image would lose how bright images are"),
        ({"size": (200,)}, "at most 128 pixels a side, not 200 × 200"),
        ({"size": (6,)}, "at least 8 pixels a side, not 6 × 6"),
        ({"beta": -1.0}, "--beta -1.0 is below 0"),
        ({"kl_warmup": 1.5}, "--kl-warmup 1.5 is above 1"),
        ({"latent": 0}, "option latent = "),
        (
            {"task": "classification", "latent": None, "beta": 2.0},
            "--beta belongs to --task vae, not to classification",
        ),
    ],
)
def test_settings_that_do_not_suit_are_refused(data: Path, tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    given = {name: value for name, value in {"task": "vae", "threads": 1, **settings}.items() if value is not None}
    with pytest.raises(UserError) as error:
        neocog.train(data, tmp_path / "run", quiet=True, **given)
    assert says in str(error.value)


def test_the_likelihood_is_judged_on_a_random_draw_that_stays() -> None:
    chosen = np.arange(100, 5100)
    few = sampled_for_nll(chosen, 784, seed=1)
    assert len(few) == 255 and set(few) <= set(chosen) and np.array_equal(few, sampled_for_nll(chosen, 784, seed=1))
    assert np.array_equal(sampled_for_nll(chosen[:20], 784, seed=1), chosen[:20])


def test_strangeness_is_the_share_of_validation_images_that_are_better_known() -> None:
    percentiles = np.percentile(np.arange(1000.0), np.arange(101)).tolist()
    assert share_likelier(np.array([-5.0, 249.9, 2000.0]), percentiles).tolist() == pytest.approx(
        [1, 0.75, 0], abs=0.011
    )


def test_the_way_between_two_vectors_keeps_to_the_sphere() -> None:
    first, last = drawn(2, 64, seed=1)
    way = spherical(first, last, 7)
    np.testing.assert_allclose(way[[0, -1]], [first, last], rtol=1e-5)
    lengths = np.linalg.norm(way, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 7), rtol=1e-5)
    assert np.linalg.norm((first + last) / 2) < 0.85 * lengths[3]  # a straight line would leave it
    np.testing.assert_allclose(spherical(first, first, 3), [first] * 3, rtol=1e-6)
    np.testing.assert_array_equal(drawn(5, 64, seed=1)[:2], [first, last])
