"""A GAN as a user meets it: train, judge, collapse in words, sample, evaluate again, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.config import Config, configured, from_toml
from neocog.errors import UserError
from neocog.run import Run
from neocog.tasks.gan import sample_quality as quality
from neocog.tasks.gan.features import Pixels
from neocog.verbs.evaluate import evaluate
from neocog.verbs.explain import explain
from neocog.verbs.predict import predict
from neocog.verbs.sample import sample
from neocog.verbs.train import train

SMALL: dict[str, Any] = {"task": "gan", "epochs": 2, "width": 4, "latent": 8, "threads": 1, "batch": 256}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Barely trained: its images are all alike."""
    return train("digits", tmp_path_factory.mktemp("gan") / "run", quiet=True, **SMALL)


def result(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text())
    return found


def test_the_measures_have_their_floor_and_the_extractor_its_accuracy(run: Run) -> None:
    found = result(run)
    test = found["measures"]["test"]
    assert test["fid"]["value"] > 10 * test["fid_floor"]["value"] > 0
    assert test["fid"]["n"] == test["fid_floor"]["n"] == 90
    accuracy = json.loads((run.folder / "extractor" / "result.json").read_text())["measures"]["test"]["accuracy"]
    assert accuracy["value"] > 0.9
    assert f"cnn, a classifier with accuracy {accuracy['value']:.4f} on 180 test images" == found["extractor"]
    assert found["extractor"] in run.report.read_text()
    split = [(row["path"] if "path" in row else row["sample"], row["split"]) for row in rows(run.splits_csv)]
    own = [
        (row["path"] if "path" in row else row["sample"], row["split"])
        for row in rows(Run(run.folder / "extractor").splits_csv)
    ]
    assert split == own, "the classifier has not seen the images of the test part either"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_generator_that_draws_one_image_is_said_to_collapse(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = result(run)["failures"]
    assert said[0] == "mode collapse: in 2 of 2 epochs, last in epoch 2"
    assert "classes are generated, of 9." in said[1]
    assert "Mode collapse: in 2 of 2 epochs" in run.report.read_text()
    train("digits", tmp_path / "loud", extractor=str(run.folder / "extractor"), **SMALL)
    heard = capsys.readouterr()
    assert "mode collapse: the mean distance between generated images" in heard.out + heard.err
    assert not (tmp_path / "loud" / "extractor").exists(), "a classifier that is given is not trained"


def test_losses_and_beliefs_of_every_epoch_are_in_metrics_and_pictures_in_the_folder(run: Run) -> None:
    found = rows(run.metrics_csv)
    assert [int(row["epoch"]) for row in found] == [1, 2]
    for name in ("d_real", "d_fake", "d_loss", "g_loss", "spread"):
        assert float(found[0][f"validation_{name}"]) >= 0
    with Image.open(run.folder / "epochs.png") as film:
        assert film.n_frames == 2
    with Image.open(run.folder / "epochs" / "00002.png") as picture:
        assert picture.size == (6 * 9 - 1, 6 * 9 - 1)
    assert result(run)["best_epoch"] == 2


def test_evaluate_gives_the_numbers_of_the_report_again(run: Run) -> None:
    again = evaluate(run, quiet=True)
    first = result(run)["measures"]["test"]
    for name, value in again["measures"]["test"].items():
        assert value["value"] == pytest.approx(first[name]["value"], rel=1e-4), name
    assert again["extractor"] == result(run)["extractor"]


def test_sample_draws_the_same_images_for_the_same_seed(run: Run, tmp_path: Path) -> None:
    one, two, other = (
        sample(run, 5, tmp_path / f"{i}.png", seed=seed, quiet=True).images for i, seed in enumerate((3, 3, 4))
    )
    assert one.shape == (5, 8, 8, 1)
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    assert len(sample(run, out=tmp_path / "way.png", interpolate=("3", "8"), steps=4, quiet=True).images) == 4


def test_predict_is_refused_with_the_verb_that_draws(run: Run, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="says nothing of given ones") as refusal:
        predict(run, [tmp_path / "a.png"], quiet=True)
    assert "neocog sample" in refusal.value.fix
    with pytest.raises(UserError, match="answers nothing that could be explained"):
        explain(run, [tmp_path / "a.png"], tmp_path / "out", quiet=True)


def test_what_does_not_suit_a_gan_is_told_before_anything_is_written(tmp_path: Path, run: Run) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"patience": 3}, "--patience"),
        ({"loss": "bernoulli"}, "--loss bernoulli is not for --task gan"),
        ({"beta": 2.0}, "--beta belongs to --task vae"),
        ({"extractor": str(run.folder)}, "is a run of --task gan"),
        ({"extractor": str(run.folder / "extractor"), "size": (16,)}, "sees images of 8 × 8"),
        ({"model": "cnn"}, "model 'cnn'"),
        ({"size": (200,)}, "at most 128"),
    ]
    for settings, text in wrong:
        with pytest.raises(UserError, match=text):
            train("digits", tmp_path / "x", quiet=True, **{**SMALL, **settings})
        assert not (tmp_path / "x").exists()
    with pytest.raises(UserError, match="--diff-augment belongs to --task gan"):
        train("digits", tmp_path / "x", quiet=True, diff_augment=True)


def test_the_settings_of_the_paper_are_a_gans_defaults_and_given_ones_go_before_them(tmp_path: Path) -> None:
    usual = configured(Config(), {"task": "gan"}).training
    assert (usual.lr, usual.betas, usual.optimizer, usual.schedule) == (0.0002, (0.5, 0.999), "adam", "constant")
    given = configured(Config(), {"task": "gan", "lr": 0.002, "betas": (0.9, 0.99)}).training
    assert (given.lr, given.betas) == (0.002, (0.9, 0.99))
    assert configured(Config(), {"task": "vae"}).training == Config().training
    short = from_toml('[data]\ntask = "gan"\n[training]\nlr = 0.001\n', "x.toml")
    assert (short.training.lr, short.training.betas) == (0.001, (0.5, 0.999))
    assert from_toml(short.to_toml(), "x.toml") == short
    assert configured(short, {"lr": 0.003}).training.lr == 0.003
    with pytest.raises(UserError, match="is not two numbers"):
        configured(Config(), {"betas": (0.5,)})


def test_colour_images_without_classes_with_hinge_and_no_classifier(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for number in range(60):
        pixels = np.full((30, 28, 3), rng.integers(0, 256, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / f"{number}.png")
    settings = SMALL | {"batch": 16, "loss": "hinge", "diff_augment": True, "epochs": 1}
    run = train(tmp_path / "data", tmp_path / "run", quiet=True, **settings)
    found = result(run)
    assert found["extractor"].startswith("pixels at 8 × 8")
    assert "recognised" not in found["measures"]["test"] and found["measures"]["test"]["fid"]["value"] > 0


def test_real_images_pass_for_generated_ones_and_their_copies_for_memorised() -> None:
    """The judgement itself, on images whose worth is known."""
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (900, 1, 4, 4)) // 64 * 64).repeat(2, 2).repeat(2, 3).astype(np.uint8)
    plain = Pixels()
    good = quality.compared(plain, images[:300], images[300:], 0).measures
    assert good["fid"].low < good["fid_floor"].high and good["manifold_precision"].value > 0.8
    bad = quality.compared(plain, np.zeros_like(images[:300]), images[300:], 0).measures
    assert bad["fid"].low > 10 * good["fid_floor"].high and bad["manifold_recall"].value == 0
    shares, found = quality.neighbours(plain, images[:100], images[50:500], images[500:])
    assert 0.5 <= shares[0].value < 0.6
    assert not np.array_equal(found[0], found[1])
    shares, found = quality.neighbours(plain, images[50:100], images[50:500], images[500:])
    assert np.array_equal(found[0], found[1]) and shares[1].value == 1
