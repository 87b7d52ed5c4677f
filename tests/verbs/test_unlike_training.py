"""Data that are unlike the training's: other classes' shares, ranges of values, channels, sides and millimetres of a pixel."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import neocog
from neocog.data.dataset import Header
from neocog.data.images import header
from neocog.data.scale import Seen, Watch
from neocog.errors import UserError
from neocog.predictor import probabilities
from neocog.run import Run
from neocog.tasks.classification.calibration import calibration

QUICK: dict[str, Any] = {"quiet": True, "threads": 1, "model": "cnn", "widths": "4,4", "augment": ("off",)}


def rare_class(folder: Path, weights: bool = False) -> Path:
    """One image of ten is of a class that overlaps with the other."""
    rng = np.random.default_rng(0)
    lines = ["image,label" + ",sample weight" * weights]
    for index in range(600):
        rare = index % 10 == 0
        level = rng.normal(150 if rare else 110, 30)
        pixels = np.clip(level + rng.normal(0, 3, (8, 8)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
        lines.append(f"{index}.png,{'rare' if rare else 'usual'}" + f",{9 if rare else 1}" * weights)
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


@pytest.mark.parametrize("way", ["class weights", "sample weights", "label smoothing"])
def test_probabilities_are_those_of_the_stated_shares_however_training_weighs(way: str, tmp_path: Path) -> None:
    weighed: dict[str, Any] = {
        "class weights": {"class_weights": "balanced"},
        "sample weights": {"columns": ("weight=sample weight",)},
        "label smoothing": {"label_smoothing": 0.3},
    }[way]
    data = rare_class(tmp_path, way == "sample weights")
    run = neocog.train(data, tmp_path / "run", epochs=8, split=(0.5, 0.25, 0.25), **weighed, **QUICK)
    with run.predictions_csv.open() as file:
        rows = list(csv.DictReader(file))
    share = np.mean([row["label"] == "rare" for row in rows])
    assert np.mean([float(row["p:rare"]) for row in rows]) == pytest.approx(share, abs=0.04)
    facts = json.loads(run.model_json.read_text())
    assert facts["prevalence"]["part"] == "validation"
    assert facts["prevalence"]["shares"] == pytest.approx([0.1, 0.9], abs=0.01)
    assert "hold where the classes are as frequent as in the validation part" in run.report.read_text()
    test = json.loads(run.result.read_text())["measures"]["test"]
    assert test["ece_calibrated"]["value"] < test["ece"]["value"]


def test_without_validation_samples_the_weights_are_taken_out_as_they_were_put_in() -> None:
    weights, train = np.array([5.0, 5 / 9]), np.array([0] * 10 + [1] * 90)
    facts = calibration(np.empty((0, 2)), np.empty(0, np.int64), np.log(weights), train)
    assert facts["offsets"] == pytest.approx((-np.log(weights)).tolist())
    assert facts["prevalence"] == {"part": "train", "shares": [0.1, 0.9]}
    even = probabilities(
        np.log(np.array([[0.5, 0.5]])), 1.0, np.array(facts["offsets"])
    )  # as likely as not, by the weights
    assert even[0] == pytest.approx([0.1, 0.9])


def test_other_shares_than_those_of_the_probabilities_are_told(tmp_path: Path) -> None:
    data = rare_class(tmp_path)
    run = neocog.train(data, tmp_path / "run", epochs=1, **QUICK)
    names = [line.split(",")[0] for line in data.read_text().splitlines() if line.endswith("rare")]
    for name in ("rare", "usual"):
        (tmp_path / "new" / name).mkdir(parents=True)
    rng = np.random.default_rng(1)
    for index in range(len(names)):
        for name in ("rare", "usual"):
            Image.fromarray(rng.integers(60, 200, (8, 8)).astype(np.uint8)).save(
                tmp_path / "new" / name / f"{index}.png"
            )
    told = neocog.evaluate(run, tmp_path / "new", quiet=True)["differences"]
    assert any("50.0% of the samples are rare, 10.0% in the training part" in line for line in told)
    assert neocog.evaluate(run, quiet=True)["differences"] == []


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run on floats of 0 … 1; beside its data the same values times 255 (``new``), and others of its own kind (``like``)."""
    folder = tmp_path_factory.mktemp("floats")
    rng = np.random.default_rng(0)
    for k, name in enumerate(("aa", "bb")):
        for index in range(30):
            values = rng.random((12, 12)) * 0.4 + 0.5 * k
            for place, times in (("data", 1), ("new", 255), ("like", 1.01)):
                (folder / place / name).mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(folder / place / name / f"{index}.tif", (values * times).astype(np.float32))
    return neocog.train(folder / "data", folder / "run", epochs=2, **QUICK), folder


def test_what_is_usual_is_what_the_training_part_was_like(floats: tuple[Run, Path]) -> None:
    run, folder = floats
    with run.splits_csv.open() as file:
        names = [row["sample"] for row in csv.DictReader(file) if row["split"] == "train"]
    read = [tifffile.imread(folder / "data" / name) for name in names]
    seen = json.loads(run.model_json.read_text())["seen"]
    assert seen["low"][0] == min(values.min() for values in read)
    assert seen["high"][2] == max(values.max() for values in read)
    assert seen["peak"][1] == pytest.approx(np.median([values.max() for values in read]))


def test_values_of_another_scale_are_refused_by_every_verb(floats: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = floats
    found = neocog.predict(run, [folder / "new", folder / "like"], quiet=True)
    skipped = {Path(row["path"]).parent.parent.name for row in found.rows if row["skipped"]}
    assert skipped == {"new"} and "of another range than the training's" in found.rows[0]["skipped"]
    with pytest.raises(UserError, match="of another range") as caught:
        neocog.evaluate(run, folder / "new", quiet=True)
    assert "--any-range" in str(caught.value.fix)
    with pytest.raises(UserError, match="of another range"):
        neocog.explain(run, [folder / "new" / "aa" / "0.tif"], tmp_path / "explained", quiet=True)


def test_the_user_may_overrule_and_is_told(floats: tuple[Run, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run, folder = floats
    found = neocog.evaluate(run, folder / "new", any_range=True)
    assert any("beyond the training's range" in line for line in found["differences"])
    assert "differs from the training data" in capsys.readouterr().err
    assert not any(row["skipped"] for row in neocog.predict(run, [folder / "new"], quiet=True, any_range=True).rows)


def test_a_run_that_did_not_record_its_range_refuses_nothing(floats: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = floats
    old = Run(tmp_path / "old")
    old.folder.mkdir()
    for path in (run.weights, run.config, run.splits_csv):
        (old.folder / path.name).write_bytes(path.read_bytes())
    facts = json.loads(run.model_json.read_text())
    for name in ("seen", "prevalence", "sha256"):
        del facts[name]
    old.model_json.write_text(json.dumps(facts))
    assert not any(row["skipped"] for row in neocog.predict(old, [folder / "new"], quiet=True).rows)
    assert neocog.evaluate(old, folder / "new", quiet=True)["differences"] == []


def test_another_depth_is_refused(floats: tuple[Run, Path], tmp_path: Path) -> None:
    run, _ = floats
    Image.fromarray(np.full((12, 12), 100, np.uint8)).save(tmp_path / "bytes.png")
    (row,) = neocog.predict(run, [tmp_path / "bytes.png"], quiet=True).rows
    assert row["skipped"] == "uint8 pixels, where the training has float32"


def seen(low: float, high: float, **more: Any) -> Seen:
    heads = [Header(28, 28, 1, "uint8", **more), Header(30, 28, 1, "uint8", **more)]
    return Seen.of([(low, 0.9 * high), (low, high)], heads)


@pytest.mark.parametrize(
    ("trained", "given", "refused"),
    [
        ((0, 255), (0, 1), True),  # logical images
        ((0, 1), (0, 255), True),
        ((0, 255), (0, 0), False),  # a black image says nothing of its scale
        ((0, 255), (0, 12), False),  # dark
        ((0, 4095), (0, 65535), True),  # 12 bits, stretched to 16
        ((0, 4095), (0, 16383), False),
        ((-2.1, 2.3), (0, 255), True),  # standardised, and not
        ((-2.1, 2.3), (0, 1), False),
        ((0, 0), (0, 255), False),  # training images that are all black say nothing either
    ],
)
def test_what_is_beyond_doubt_another_scale(trained: Any, given: Any, refused: bool) -> None:
    assert bool(seen(*trained).other_scale(*given)) == refused


def test_what_differs_is_told(tmp_path: Path) -> None:
    def told(known: Seen, given: Header, low: float = 0, high: float = 250) -> list[str]:
        watch = Watch(known)
        watch.look(np.array([[[low, high]]]), "one", given)
        return watch.differences()

    usual = seen(0, 255)
    assert told(usual, Header(28, 28, 1, "uint8")) == []
    assert "do not have 1 channels" in told(usual, Header(28, 28, 3, "uint8"))[0]
    assert "images of 60 × 28, those of the training of about 29 × 28" in told(usual, Header(60, 28, 1, "uint8"))[0]
    assert "brightest values of 60" in told(usual, Header(28, 28, 1, "uint8"), high=60)[0]
    assert "beyond the training's range" in told(seen(0, 1), Header(28, 28, 1, "float32"), low=-0.5, high=1)[0]
    fine, coarse = (0.5, 0.5), (0.8, 0.8)
    assert told(seen(0, 255, spacing=fine), Header(28, 28, 1, "uint8", spacing=fine)) == []
    assert (
        "pixels of 0.8 × 0.8 mm, those of the training of about 0.5 × 0.5 mm"
        in told(seen(0, 255, spacing=fine), Header(28, 28, 1, "uint8", spacing=coarse))[0]
    )
    micrometres = {"resolution": (4, 2), "imagej": True, "metadata": {"unit": "um"}}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9), np.uint8), **micrometres)
    assert header(tmp_path / "a.tif").spacing == pytest.approx((0.0005, 0.00025))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((8, 9), np.uint8), resolution=(72, 72), resolutionunit="INCH")
    assert header(tmp_path / "b.tif").spacing == ()


@pytest.mark.parametrize("other", [255.0, 1 / 255])
def test_given_parts_of_another_range_are_an_error_of_the_audit_and_stop_training(other: float, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(0), tmp_path / "data.npz"
    labels, scale = np.arange(40) % 2, 255 if other < 1 else 1
    pixels = rng.random((40, 8, 8)).astype(np.float32) * np.float32(scale)

    def save(test: float) -> None:
        parts = {"x_train": pixels[:30], "x_test": pixels[30:] * np.float32(test)}
        np.savez(data, **parts, y_train=labels[:30], y_test=labels[30:])

    save(other)
    errors = [each.what for each in neocog.audit(data, quiet=True).findings if each.severity == "error"]
    assert len(errors) == 1 and "the test part has 10 images of 10 of another range" in errors[0]
    with pytest.raises(UserError, match="the test part has 10 images"):
        neocog.train(data, tmp_path / "run", epochs=1, **QUICK)
    assert not (tmp_path / "run").exists()
    save(0.5)
    assert not neocog.audit(data, quiet=True).findings
