"""The same number by every way: of every task and form of data, result.json, ``evaluate``, predictions.csv and what ``predict``
writes say the same, and scikit-learn and NumPy find every measure again in the files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from scipy import ndimage
from sklearn import metrics

import neocog
from neocog.data.dataset import Dataset
from neocog.data.loader import Resident, Streamed
from neocog.data.readers.detect import open_dataset
from neocog.data.resize import finish, shape_plan
from neocog.data.scan import scan_images
from neocog.engine import precision
from neocog.run import Run, to_json
from neocog.verbs import prepare

Rows = list[dict[str, str]]
QUICK: dict[str, Any] = {"quiet": True, "threads": 1, "epochs": 2, "batch": 16, "split": (0.5, 0.2, 0.3)}
CNN: dict[str, Any] = {"model": "cnn", "widths": "4,6"}


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def noisy(rng: np.random.Generator, level: float, side: int = 12) -> np.ndarray:
    return np.clip(rng.normal(level, 50, (side, side)), 0, 255)


def four_classes(folder: Path) -> Run:
    """Four classes of unequal size that overlap, weighted alike."""
    rng = np.random.default_rng(0)
    for k, (name, count) in enumerate({"ant": 60, "bee": 40, "cow": 20, "dog": 30}.items()):
        for index in range(count):
            save(folder / "data" / name / f"{index}.png", noisy(rng, 60 + 40 * k))
    settings = {"class_weights": "balanced", "label_smoothing": 0.1, **QUICK, **CNN}
    return neocog.train(folder / "data", folder / "run", **settings)


def grouped_table(folder: Path) -> Run:
    """Two classes in a CSV with patients and sample weights, and images of several sizes, in colour."""
    rng = np.random.default_rng(1)
    lines = ["image,label,patient_id,weight"]
    for index in range(120):
        save(folder / f"{index}.png", np.stack([noisy(rng, 90 + 50 * (index % 2), 10 + index % 3)] * 3, -1))
        lines.append(f"{index}.png,{'ab'[index % 2]}x,p{index // 4},{1 + 3 * (index % 2)}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return neocog.train(folder / "table.csv", folder / "run", size=(12,), **QUICK, **CNN)


def strands(folder: Path) -> Run:
    rng = np.random.default_rng(2)
    text = "".join(
        f">s{index}|{'AC'[index % 2]}us\n{''.join(rng.choice(list('ACGT'), 60, p=(0.3, 0.2, 0.2, 0.3)[:: (-1) ** index]))}\n"
        for index in range(160)
    )
    (folder / "known.fasta").write_text(text)
    return neocog.train(folder / "known.fasta", folder / "run", model="barcode-resnet", width="8", **QUICK)


def volumes(folder: Path) -> Run:
    rng = np.random.default_rng(3)
    labels = np.arange(80) % 2
    voxels = np.clip(rng.normal(100 + 15 * labels[:, None, None, None], 60, (80, 8, 8, 8)), 0, 255).astype(np.uint8)
    np.savez(folder / "solids.npz", X=voxels, y=labels)
    for index, volume in enumerate(voxels):
        tifffile.imwrite(folder / f"images[{index}].tif", volume)
    return neocog.train(folder / "solids.npz", folder / "run", model="cnn3d", widths="4,6", hidden="8", **QUICK)


def two_values(folder: Path) -> Run:
    """A weight and an angle, whose errors close over the circle."""
    rng = np.random.default_rng(4)
    lines = ["image,mass [kg],angle [°]"]
    for index in range(120):
        level = rng.uniform(30, 220)
        save(folder / f"{index}.png", noisy(rng, level))
        lines.append(f"{index}.png,{1000 + 7.5 * level:.2f},{(3 * level) % 360:.2f}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return neocog.train(folder / "table.csv", folder / "run", loss="gaussian", augment=("off",), **QUICK, **CNN)


def turned(folder: Path) -> Run:
    rng = np.random.default_rng(5)
    for index in range(80):
        pixels = noisy(rng, 60)
        pixels[:4] += 120
        save(folder / "data" / "ab"[index % 2] / f"{index}.png", np.clip(pixels, 0, 255))
    return neocog.train(folder / "data", folder / "run", task="orientation", **QUICK, **CNN)


def discs(folder: Path) -> Run:
    """Of several sizes; some of the images are so large that they are tiled."""
    rng = np.random.default_rng(6)
    lines = ["image,mask,split"]
    for index in range(50):
        part = "train" if index < 30 else "validation" if index < 38 else "test"
        side = 70 if index >= 46 else 28 + index % 3 * 2
        rows, columns = np.mgrid[:side, :side]
        at = rng.integers(10, side - 10, 2)
        disc = (rows - at[0]) ** 2 + (columns - at[1]) ** 2 < rng.integers(5, 9) ** 2
        save(folder / f"images/{index}.png", np.clip(rng.normal(60, 40, (side, side)) + 100 * disc, 0, 255))
        save(folder / f"masks/{index}.png", disc * 255)
        lines.append(f"images/{index}.png,masks/{index}.png,{part}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    settings = {name: value for name, value in QUICK.items() if name != "split"}
    settings |= {"epochs": 6, "model": "unet", "width": "4", "depth": "2", "size": (32,)}
    return neocog.train(folder / "table.csv", folder / "run", **settings)


def cells(folder: Path) -> Run:
    """Boxes of two classes, in images of several sizes."""
    rng = np.random.default_rng(11)
    lines = ["image,label,x0,y0,x1,y1"]
    for index in range(40):
        pixels, (x, y) = np.full((40 + index % 3, 48), 60.0), rng.integers(1, 24, 2)
        pixels[y : y + 14, x : x + 18] = 150 + 60 * (index % 2)
        save(folder / f"{index}.png", np.clip(rng.normal(pixels, 20), 0, 255))
        lines.append(f"{index}.png,{'ab'[index % 2]},{x},{y},{x + 18},{y + 14}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return neocog.train(folder / "table.csv", folder / "run", width="4", size=(40, 48), **{**QUICK, "batch": 4})


def codes(folder: Path) -> Run:
    rng = np.random.default_rng(7)
    for index in range(80):
        save(folder / "data" / f"{index}.png", noisy(rng, rng.uniform(30, 220)))
    settings = {**QUICK, "task": "vae", "latent": "2", "widths": "4,6", "hidden": "12"}
    return neocog.train(folder / "data", folder / "run", **settings)


def drawn(folder: Path) -> Run:
    rng = np.random.default_rng(8)
    for index in range(80):
        save(folder / "data" / f"{index}.png", noisy(rng, rng.uniform(30, 220)))
    return neocog.train(
        folder / "data", folder / "run", **{**QUICK, "task": "gan", "width": "4", "latent": "4", "size": (16,)}
    )


KINDS: dict[str, Callable[[Path], Run]] = {
    made.__name__: made
    for made in (four_classes, grouped_table, strands, volumes, two_values, turned, discs, cells, codes, drawn)
}
CLASSES = ("four_classes", "grouped_table", "strands", "volumes")
runs: dict[str, Run] = {}


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    def find(kind: str) -> Run:
        if kind not in runs:
            runs[kind] = KINDS[kind](tmp_path_factory.mktemp(kind))
        return runs[kind]

    return find


def result_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))
    return found


def values(run: Run) -> dict[str, float]:
    return {name: measure["value"] for name, measure in result_of(run)["measures"]["test"].items()}


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def predicted(run: Run, rows: Rows, tmp_path: Path) -> Rows:
    """What ``predict`` says of these samples, every other one at a time, in other batches, read from the files that it
    writes."""
    base = next(path for path in (run.folder.parent / "data", run.folder.parent) if (path / rows[0]["path"]).exists())
    found: Rows = [{}] * len(rows)
    for first in (0, 1):
        out = tmp_path / f"out-{first}"
        neocog.predict(run, [base / row["path"] for row in rows[first::2]], out, quiet=True)
        found[first::2] = rows_of(out / "predictions.csv" if out.is_dir() else out)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_gives_the_very_numbers_of_the_training(kind: str, run_of: Callable[[str], Run]) -> None:
    run = run_of(kind)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        again = json.loads(to_json(neocog.evaluate(run, quiet=True)))
    finally:
        torch.set_num_threads(threads)
    assert again["measures"]["test"] == result_of(run)["measures"]["test"]
    if "per_class" in again:
        assert again["per_class"] == result_of(run)["per_class"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_answers_in_bf16_too(
    kind: str, run_of: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx512_bf16"])
    run = run_of(kind)
    found = neocog.evaluate(run, quiet=True, precision="bf16")
    quick = {name: measure["value"] for name, measure in found["measures"]["test"].items()}
    exact = {name: math.nan if value is None else value for name, value in values(run).items()}
    assert quick == pytest.approx(exact, rel=0.01, abs=0.05, nan_ok=True)
    assert quick != exact or kind == "cells", "whose boxes nobody finds after two epochs"


def classified(rows: Rows, classes: list[str], facts: dict[str, Any]) -> dict[str, float]:
    """Every measure of a classifier from the rows of its predictions."""
    truth, said = [row["label"] for row in rows], [row["prediction"] for row in rows]
    present = sorted(set(truth))
    p = np.array([[float(row[f"p:{name}"]) for name in classes] for row in rows])
    index = np.array([classes.index(name) for name in truth])
    place = np.array([classes.index(name) for name in said])
    hot = np.eye(len(classes))[index]
    raw = np.exp((np.log(p) - np.array(facts.get("offsets", 0.0))) * facts["temperature"])
    raw /= raw.sum(1, keepdims=True)
    assert (raw.argmax(1) == place).all()  # decided as it was learned
    own = {
        "accuracy": metrics.accuracy_score(truth, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, said),
        "macro_f1": metrics.f1_score(truth, said, labels=present, average="macro"),
        "auroc": float(
            np.mean([metrics.roc_auc_score(index == classes.index(c), p[:, classes.index(c)]) for c in present])
        ),
        "log_loss": metrics.log_loss(index, p, labels=range(len(classes))),
        "brier": float(np.square(p - hot).sum(1).mean()),
        "ece": calibration_error(raw[np.arange(len(p)), place], index == place),
        "ece_calibrated": calibration_error(p[np.arange(len(p)), place], index == place),
    }
    if len(classes) == 4:
        near = [row["label"] in (row["prediction"], row["second"], row["third"]) for row in rows]
        own["top_3"] = float(np.mean(near))
    return own


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    bins = np.minimum((confidence * 15).astype(int), 14)
    parts = [(bins == b) for b in range(15) if (bins == b).any()]
    return sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in parts)


def same(own: dict[str, float], theirs: dict[str, float]) -> None:
    """Equal to 1e-6, the same names, nothing undefined on one side only."""
    assert set(own) == set(theirs)
    for name, value in own.items():
        assert value == pytest.approx(theirs[name], rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize("kind", CLASSES)
def test_a_classifiers_measures_are_those_of_its_rows(kind: str, run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of(kind)
    rows, found = rows_of(run.predictions_csv), result_of(run)
    facts = json.loads(run.model_json.read_text(encoding="utf-8"))
    same(classified(rows, found["classes"], facts), values(run))
    truth, said = [row["label"] for row in rows], [row["prediction"] for row in rows]
    columns = metrics.precision_recall_fscore_support(truth, said, labels=found["classes"], zero_division=np.nan)
    for place, name in enumerate(found["classes"]):
        for column, measure in zip(columns[:3], ("precision", "recall", "f1"), strict=True):
            value = found["per_class"][name][measure]["value"]
            assert math.isnan(column[place]) if value is None else value == pytest.approx(column[place], abs=1e-6)
    if kind == "strands":
        neocog.predict(run, [run.folder.parent / "known.fasta"], tmp_path / "out.csv", quiet=True)
        by_name = {row["path"]: row for row in rows_of(tmp_path / "out.csv")}
        others = [
            next(row for name, row in by_name.items() if name.split("|")[0] == mine["path"].split("|")[0])
            for mine in rows
        ]
    else:
        if kind == "volumes":
            rows = [{**row, "path": f"{row['path']}.tif"} for row in rows]
        others = predicted(run, rows, tmp_path)
    for mine, other in zip(rows, others, strict=True):
        assert other["label"] == mine["prediction"]
        for name in ("probability", *(f"p:{name}" for name in found["classes"])):
            assert float(other[name]) == pytest.approx(float(mine[name]), abs=1e-6)


def test_values_have_the_errors_and_intervals_that_are_measured(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("two_values")
    rows, own = rows_of(run.predictions_csv), {}
    others = predicted(run, rows, tmp_path)
    for name, period in {"mass [kg]": 0, "angle [°]": 360}.items():
        truth, said, low, high = (
            np.array([float(row[f"{head}{name}"]) for row in rows]) for head in ("true ", "", "low ", "high ")
        )
        error = said - truth
        if period:
            error = (error + 180) % 360 - 180
        half = (high - low) / 2
        own |= {
            f"mae {name}": np.abs(error).mean(),
            f"rmse {name}": math.sqrt(np.square(error).mean()),
            f"r2 {name}": 1 - np.square(error).sum() / np.square(truth - truth.mean()).sum(),
            f"coverage_90 {name}": (np.abs(error) <= half * (1 + 1e-9)).mean(),
        }
        for mine, other in zip(rows, others, strict=True):
            assert float(other[name]) == pytest.approx(float(mine[name]), rel=1e-6)
            assert float(other[f"{name} low"]) == pytest.approx(float(mine[f"low {name}"]), rel=1e-6)
    same(own, values(run))


def test_angles_have_the_errors_that_are_measured(run_of: Callable[[str], Run]) -> None:
    run = run_of("turned")
    rows = rows_of(run.predictions_csv)
    said, truth = (np.array([float(row[name]) for row in rows]) for name in ("prediction", "angle"))
    size = np.sort(np.abs((said - truth + 180) % 360 - 180))
    own = {f"within_{limit}": float((size <= limit).mean()) for limit in (10, 30, 90)}
    found = values(run)
    assert size[(len(size) - 1) // 2] - 1e-6 <= found["median_error"] <= size[len(size) // 2] + 1e-6
    same(own | {"mean_error": float(size.mean())}, {k: v for k, v in found.items() if k != "median_error"})


def test_intervals_of_values_hold_nine_of_ten_validation_samples(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    """Split conformal prediction: of n samples the ⌈0.9 (n + 1)⌉ nearest lie within, of these and of no others."""
    run = run_of("two_values")
    truth = {row["image"]: float(row["mass [kg]"]) for row in rows_of(run.folder.parent / "table.csv")}
    parts = [{"path": row["sample"]} for row in rows_of(run.splits_csv) if row["split"] == "validation"]
    rows = predicted(run, parts, tmp_path)
    own = np.array([truth[Path(row["path"]).name] for row in rows])
    low, high = (np.array([float(row[f"mass [kg] {side}"]) for row in rows]) for side in ("low", "high"))
    beyond = np.maximum(low - own, own - high)
    assert (beyond < 1e-3).sum() == math.ceil(0.9 * (len(rows) + 1))
    assert np.abs(beyond).min() < 1e-3  # the widest of them lies on its bound


def test_the_validation_measures_of_training_are_those_of_the_whole_part_and_of_the_best_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is dropped where a part does not divide into batches, and what is kept is what was best."""
    monkeypatch.setattr(prepare, "at_once", lambda preprocessing: 8)
    settings = {**QUICK, "epochs": 6, "lr": 0.05, "precision": "fp32", "augment": ("off",)}
    run = neocog.train(two_classes(tmp_path), tmp_path / "run", **settings, **CNN)
    result = result_of(run)
    assert result["n"]["validation"] % 8 != 0 and result["best_epoch"] < result["epochs"] == 6
    row = rows_of(run.metrics_csv)[result["best_epoch"] - 1]
    assert float(row["validation_accuracy"]) == pytest.approx(
        result["measures"]["validation"]["accuracy"]["value"], abs=1e-9
    )


def two_classes(folder: Path) -> Path:
    rng = np.random.default_rng(9)
    for index in range(90):
        save(folder / "data" / "ab"[index % 2] / f"{index}.png", noisy(rng, 118 + 8 * (index % 2)))
    return folder / "data"


def test_other_data_may_have_some_of_the_classes_in_another_order(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("four_classes")
    rng = np.random.default_rng(10)
    for name, level in {"dog": 180, "bee": 100}.items():
        for index in range(12):
            save(tmp_path / "new" / name / f"{index}.png", noisy(rng, level))
    found = neocog.evaluate(run, tmp_path / "new", quiet=True)
    rows = neocog.predict(run, [tmp_path / "new"], quiet=True).rows
    right = [row["label"] == Path(row["path"]).parent.name for row in rows]
    assert 0 < np.mean(right) == found["measures"]["test"]["accuracy"]["value"]


def test_the_masks_that_predict_writes_have_the_measures(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("discs")
    rows, folder = rows_of(run.predictions_csv), run.folder.parent
    neocog.predict(run, [folder / row["path"] for row in rows], tmp_path / "out", quiet=True)
    pooled, dices, distances = np.zeros((2, 2)), [], []
    for row in rows:
        name = Path(row["path"]).name
        said = np.asarray(Image.open(tmp_path / "out" / "masks" / name))
        truth = np.asarray(Image.open(folder / "masks" / name)) // 255
        assert said.shape == truth.shape
        counts = metrics.confusion_matrix(truth.ravel(), said.ravel(), labels=[0, 1])
        pooled += counts
        dices.append(mean_dice(counts))
        distances.append(mean_distance(truth, said))
        assert float(row["dice"]) == pytest.approx(dices[-1], abs=1e-6)
    total = pooled.sum()
    chance = (pooled.sum(0) * pooled.sum(1)).sum() / total
    each = np.diag(pooled) / (pooled.sum(0) + pooled.sum(1) - np.diag(pooled))
    first = len(result_of(run)["classes"]) - COUNTED
    same(
        {
            "image_dice": float(np.mean(dices)),
            "mean_iou": float(each[first:].mean()),
            "mean_dice": float((2 * np.diag(pooled) / (pooled.sum(0) + pooled.sum(1)))[first:].mean()),
            "pixel_accuracy": np.trace(pooled) / total,
            "kappa": (np.trace(pooled) - chance) / (total - chance),
            "hd95": float(np.nanmean(distances)),
        },
        values(run),
    )


COUNTED = 1  # classes that count in the means: the first one is named as the background


def mean_dice(counts: np.ndarray) -> float:
    each = 2 * np.diag(counts) / np.maximum(1, counts.sum(0) + counts.sum(1))
    return float(each[len(each) - COUNTED :].mean())


def mean_distance(truth: np.ndarray, said: np.ndarray) -> float:
    found = []
    for c in range(2 - COUNTED, 2):
        edges = [m & ~ndimage.binary_erosion(m) for m in (truth == c, said == c)]
        if all(edge.any() for edge in edges):
            to = [ndimage.distance_transform_edt(~edge) for edge in edges]
            found.append(max(np.percentile(to[1][edges[0]], 95), np.percentile(to[0][edges[1]], 95)))
    return float(np.mean(found)) if found else math.nan


def test_a_codes_bounds_are_those_that_are_measured(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("codes")
    rows, found = rows_of(run.predictions_csv), values(run)
    own = {name: float(np.mean([float(row[name]) for row in rows])) for name in ("elbo", "reconstruction", "kl")}
    same(own, {name: found[name] for name in own})
    for mine, other in zip(rows, predicted(run, rows, tmp_path), strict=True):
        assert float(other["elbo"]) == pytest.approx(float(mine["elbo"]), rel=1e-6)


@pytest.mark.parametrize("kind", ["grouped_table", "discs", "four_classes"])
def test_pixels_in_memory_are_those_that_are_read_anew(kind: str, run_of: Callable[[str], Run]) -> None:
    """So that a training may be evaluated on what it holds."""
    run = run_of(kind)
    source = run.folder.parent / ("table.csv" if (run.folder.parent / "table.csv").exists() else "data")
    dataset: Dataset = open_dataset(str(source))
    plan = shape_plan([dataset.images.header(index) for index in range(len(dataset))], size=(12,))
    found = scan_images(dataset.images, plan)
    assert found.pixels is not None
    preprocessing = finish(plan, found.records, range(len(dataset)))
    wanted = [np.arange(7), np.array([5, 3])]
    stores = (Resident(found.pixels), Streamed(dataset.images, preprocessing))
    for kept, read in zip(*(store.stream(iter(wanted)) for store in stores), strict=True):
        assert np.array_equal(np.asarray(kept), np.asarray(read))
