"""Boxes from the first step to the last page: trained, judged, predicted, corrected in labelme, explained, previewed."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime import InferenceSession
from PIL import Image
from scipy import ndimage

import neocog
from neocog.data.boxes import cut_by
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.engine.loop import Loop
from neocog.errors import UserError
from neocog.metrics.detection import Objects, match, overlap
from neocog.run import Run, to_json
from neocog.tasks.detection.files import FORMATS

COLOURS = {"blue": (60, 60, 220), "red": (220, 60, 60)}
SETTINGS: dict[str, Any] = {"epochs": 30, "threads": 1, "batch": 4, "width": 4, "quiet": True, "lr": 0.01}


def scene(
    path: Path, seed: int, size: tuple[int, int] = (48, 64), most: int = 3, least: int = 1
) -> list[tuple[Any, ...]]:
    """A noisy picture with coloured rectangles that do not touch, and their boxes."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(90, 10, (*size, 3))
    free, rows = np.ones(size, bool), list[tuple[Any, ...]]()
    for _ in range(int(rng.integers(0 if seed % 6 == 0 else 1, 4))):
        high, wide = rng.integers(12, 20, 2)
        y, x = rng.integers(0, size[0] - high), rng.integers(0, size[1] - wide)
        if not free[max(y - 2, 0) : y + high + 2, max(x - 2, 0) : x + wide + 2].all():
            continue
        free[y : y + high, x : x + wide] = False
        label = list(COLOURS)[int(rng.integers(2))]
        pixels[y : y + high, x : x + wide] = rng.normal(COLOURS[label], 10, (high, wide, 3))
        rows.append((label, int(x), int(y), int(x + wide), int(y + high)))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return rows


def scenes(folder: Path, count: int = 40) -> Path:
    lines = ["image,label,x0,y0,x1,y1,split"]
    for index in range(count):
        part = "test" if index % 5 == 0 else "validation" if index % 5 == 1 else "train"
        rows = scene(folder / f"{index}.png", index)
        lines += [f"{index}.png,{','.join(map(str, row))},{part}" for row in rows] or [f"{index}.png,,,,,,{part}"]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("scenes")
    return neocog.train(scenes(folder / "data"), folder / "run", **SETTINGS)


def result_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_small_network_finds_the_rectangles(run: Run) -> None:
    result = result_of(run)
    assert result["task"] == "detection" and next(iter(result["measures"]["test"])) == "ap50"
    assert result["measures"]["test"]["ap50"]["value"] > 0.6
    nearest = result["baselines"]["nearest_boxes"]["measures"]
    assert nearest["ap50"]["value"] < 0.3 and nearest["ap50"]["n"] == result["measures"]["test"]["ap50"]["n"]
    assert set(nearest) == set(result["measures"]["test"])
    assert set(result["per_class"]) == set(COLOURS) and set(result["thresholds"]) == set(COLOURS)
    assert json.loads(run.model_json.read_text())["options"]["stride"] == 4
    page = run.report.read_text(encoding="utf-8")
    assert all(
        words in page
        for words in (
            "Detection errors",
            "Counts",
            "limits of agreement",
            "Precision and recall",
            "Boxes of the nearest",
            "FROC",
            "of all boxes with a score of 0.8",
        )
    )


def test_evaluate_gives_the_very_numbers_of_the_training(run: Run) -> None:
    again = json.loads(to_json(neocog.evaluate(run, quiet=True)))
    for name in ("per_class", "limits_of_agreement", "baselines"):
        assert again[name] == result_of(run)[name]
    assert again["measures"]["test"] == result_of(run)["measures"]["test"]


def test_the_boxes_that_predict_writes_have_the_measures(run: Run, tmp_path: Path) -> None:
    data, result = run.folder.parent / "data", result_of(run)
    rows = rows_of(run.predictions_csv)
    neocog.predict(run, [data / row["path"] for row in rows], tmp_path / "out", quiet=True, format="coco")
    counted = {Path(row["path"]).name: row for row in rows_of(tmp_path / "out" / "predictions.csv")}
    found, truth = rows_of(tmp_path / "out" / "boxes.csv"), rows_of(data / "boxes.csv")
    for row in rows:
        own = counted[row["path"]]
        assert [own[f"count: {name}"] for name in COLOURS] == [row[f"count: {name}"] for name in COLOURS]
        there = [one for one in truth if one["image"] == row["path"] and one["label"]]
        assert [str(sum(one["label"] == name for one in there)) for name in COLOURS] == [
            row[f"true: {name}"] for name in COLOURS
        ]
    names = [row["path"] for row in rows]

    def objects(boxes: list[dict[str, str]], image: str) -> Objects:
        return Objects(
            np.array([names.index(Path(one[image]).name) for one in boxes], np.int64),
            np.array([list(COLOURS).index(one["label"]) for one in boxes], np.int64),
            corners_of(boxes),
            np.array([float(one.get("score", 1)) for one in boxes]),
            np.zeros(len(boxes), bool),
        )

    theirs = objects([one for one in truth if one["image"] in names and one["label"]], "image")
    right = int((match(theirs, objects(found, "path"))[:, 0] >= 0).sum())
    assert right == sum(int(row["right"]) for row in rows)
    measured = result["measures"]["test"]
    assert measured["recall"]["value"] == pytest.approx(right / len(theirs))
    assert measured["precision"]["value"] == pytest.approx(right / max(1, len(found)))
    coco = json.loads((tmp_path / "out" / "coco" / "boxes.json").read_text())
    assert len(coco["annotations"]) == len(found) and len(list((tmp_path / "out" / "overlays").iterdir())) == len(rows)


def test_what_labelme_would_correct_is_learned_again(run: Run, tmp_path: Path) -> None:
    data = run.folder.parent / "data"
    neocog.predict(run, [data / f"{index}.png" for index in range(12)], tmp_path / "out", quiet=True, format="labelme")
    corrected = open_dataset(tmp_path / "out" / "labelme", reading=Reading(task="detection"))
    rows = rows_of(tmp_path / "out" / "boxes.csv")
    assert corrected.boxes is not None and len(corrected) == 12 and len(corrected.boxes.labels) == len(rows)
    first = [row for row in rows if Path(row["path"]).name == corrected.names[1]]
    np.testing.assert_allclose(corrected.boxes.of(1)[0], corners_of(first), atol=0.006)
    settings = {**SETTINGS, "epochs": 1, "split": (0.5, 0.25, 0.25)}
    assert neocog.train(tmp_path / "out" / "labelme", tmp_path / "run", task="detection", **settings).report.is_file()


@pytest.mark.parametrize("form", FORMATS)
def test_what_predict_writes_as_a_data_set_is_read_from_where_it_lies(run: Run, form: str, tmp_path: Path) -> None:
    """Two images of one name in two folders, one of them without any object, and a third of another suffix."""
    data = run.folder.parent / "data"
    for name, index in (("a/1.png", 1), ("b/1.png", 2), ("b/1.bmp", 3)):
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.open(data / f"{index}.png").save(tmp_path / "new" / name)
    Image.new("RGB", (64, 48), (90, 90, 90)).save(tmp_path / "new" / "b" / "nothing.png")
    found = neocog.predict(run, tmp_path / "new", tmp_path / "out", quiet=True, format=form)
    shutil.move(tmp_path / "out", tmp_path / "moved")
    shutil.rmtree(tmp_path / "new")
    again = open_dataset(tmp_path / "moved" / form, reading=Reading(task="detection"))
    rows = rows_of(tmp_path / "moved" / "boxes.csv")
    assert again.boxes is not None and len(again) == len(found.rows) == 4 and len(rows) == len(again.boxes.labels) > 3
    assert set(map(str, again.names)) == {"a/1.png", "b/1.bmp", "b/1.png.png", "b/nothing.png"}
    for row in found.rows:
        own = [one for one in rows if one["path"] == row["path"]]
        name = str(Path(row["path"]).relative_to(tmp_path / "new"))
        place = list(map(str, again.names)).index(name.replace("b/1.png", "b/1.png.png"))  # beside 1.bmp
        corners, labels, _ = again.boxes.of(place)
        np.testing.assert_allclose(corners, corners_of(own).reshape(-1, 4), atol=0.006)
        assert [again.classes[label] for label in labels] == [one["label"] for one in own]


def test_a_table_of_boxes_does_not_take_pictures_with_boxes_drawn_in(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boxes.csv lies beside overlays/, whose files have the images' names."""
    monkeypatch.chdir(run.folder.parent / "data")
    neocog.predict(run, "1.png", tmp_path / "out", quiet=True)
    with pytest.raises(UserError, match="missing image file"):
        open_dataset(tmp_path / "out" / "boxes.csv", reading=Reading(task="detection"))


def test_all_that_predict_wrote_is_told(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = neocog.predict(run, run.folder.parent / "data" / "1.png", out, quiet=True, format="coco")
    there = sorted(str(path) for path in out.rglob("*") if path.is_file())
    assert sorted(found.to_json()["written"]) == there and str(out / "predictions.csv") in there
    assert "written" not in neocog.predict(run, run.folder.parent / "data" / "1.png", quiet=True).to_json()


@pytest.mark.parametrize("given", [{"format": "labelme"}, {"format": "voc"}])
def test_a_form_that_is_not_known_or_has_no_place_is_refused(run: Run, given: dict[str, Any], tmp_path: Path) -> None:
    out = {} if given["format"] == "labelme" else {"out": tmp_path / "out"}
    with pytest.raises(UserError, match="--out" if not out else "known: csv, coco, labelme, yolo"):
        neocog.predict(run, [run.folder.parent / "data" / "0.png"], quiet=True, **given, **out)


def test_it_is_explained_previewed_and_answers_in_memory(run: Run, tmp_path: Path) -> None:
    data = run.folder.parent / "data"
    explained = neocog.explain(run, [data / "2.png"], tmp_path / "explained", quiet=True)
    assert "highest score" in explained.samples[0].prediction and len(explained.samples[0].written) == 3
    about = neocog.explain(run, [data / "2.png"], tmp_path / "about", about="red", quiet=True)
    assert " red," in about.samples[0].prediction
    sheets = [
        neocog.preview(data, tmp_path / f"{name}.png", n=3, draws=2, augment=(name,)) for name in ("off", "flip=1")
    ]
    assert np.asarray(Image.open(sheets[0])).shape == np.asarray(Image.open(sheets[1])).shape
    (boxes,) = neocog.load(run).predict([np.asarray(Image.open(data / "2.png"))])
    neocog.predict(run, [data / "2.png"], tmp_path / "out", quiet=True)
    written = rows_of(tmp_path / "out" / "boxes.csv")
    np.testing.assert_allclose(boxes[:, 1:5], corners_of(written), atol=0.006)


def decoded(scores: np.ndarray, corners: np.ndarray, thresholds: list[float]) -> np.ndarray:
    """(d, 6) as network.json says that the exported answers (K, h, w) and (4, h, w) are read; by falling score."""
    tops = (ndimage.maximum_filter(scores, (1, 3, 3)) == scores) & (scores >= np.array(thresholds)[:, None, None])
    rows = [(k, *corners[:, y, x], scores[k, y, x]) for k, y, x in np.argwhere(tops).tolist()]
    kept: list[tuple[float, ...]] = []
    for row in sorted(rows, key=lambda row: -row[5]):
        same = np.array([other[1:5] for other in kept if other[0] == row[0]]).reshape(-1, 4)
        if not (overlap(np.array([row[1:5]]), same) > 0.6).any():
            kept.append(row)
    return np.array(kept).reshape(-1, 6)


def test_the_exported_network_finds_the_boxes_that_predict_writes(run: Run, tmp_path: Path) -> None:
    folder = neocog.export(run, "onnx", tmp_path / "onnx", quiet=True)
    facts = json.loads((folder / "network.json").read_text())
    session = InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    images = [np.asarray(Image.open(run.folder.parent / "data" / f"{index}.png")) for index in (1, 2, 3, 5, 7)]
    scores, boxes = session.run(None, {"pixels": np.stack(images).transpose(0, 3, 1, 2)})
    for image, own, corners in zip(images, scores, boxes, strict=True):
        (expected,) = neocog.load(run).predict([image])
        np.testing.assert_allclose(decoded(own, corners, facts["thresholds"]), expected, atol=0.01)
    assert facts["classes"] == list(COLOURS) and "3 × 3" in facts["answers"]
    with pytest.raises(UserError, match="--to keras is for networks that classify"):
        neocog.export(run, "keras", tmp_path / "keras", quiet=True)


def test_what_the_border_cuts_is_neither_judged_nor_predicted(tmp_path: Path) -> None:
    data = scenes(tmp_path / "data", 20)
    lines = (data / "boxes.csv").read_text().splitlines()
    moved = [
        re.sub(r"(,\w+),\d+,(\d+,\d+)", r"\1,0,\2", line) if place % 2 else line for place, line in enumerate(lines)
    ]
    (data / "boxes.csv").write_text("\n".join(moved) + "\n")  # every other box reaches the left border
    run = neocog.train(data, tmp_path / "run", border_ignore=True, **{**SETTINGS, "epochs": 5})
    rows, result = rows_of(run.predictions_csv), result_of(run)
    truth = [one for one in rows_of(data / "boxes.csv") if one["label"] and one["split"] == "test"]
    assert 0 < sum(int(one["x0"]) > 0 for one in truth) < len(truth)
    inner = [one for one in truth if not cut_by(np.array([0, 0, 64, 48]), corners_of([one])[0])]
    assert sum(int(row[f"true: {name}"]) for row in rows for name in COLOURS) == len(inner)
    neocog.predict(run, [data / row["path"] for row in rows], tmp_path / "out", quiet=True)
    found = corners_of(rows_of(tmp_path / "out" / "boxes.csv"))
    assert len(found) and not cut_by(np.array([0, 0, 64, 48]), found).any()
    again = json.loads(to_json(neocog.evaluate(run, quiet=True)))
    assert again["measures"]["test"] == result["measures"]["test"] and again["froc"] == result["froc"]


def corners_of(rows: list[dict[str, str]]) -> np.ndarray:
    return np.array([[float(one[key]) for key in ("x0", "y0", "x1", "y1")] for one in rows]).reshape(-1, 4)


def test_folds_keep_groups_together(tmp_path: Path) -> None:
    data = scenes(tmp_path / "data", 12)
    lines = (data / "boxes.csv").read_text().splitlines()
    grouped = [f"{line.rpartition(',')[0]},g{int(line.partition('.')[0]) // 3}" for line in lines[1:]]
    (data / "boxes.csv").write_text("\n".join(["image,label,x0,y0,x1,y1,group", *grouped]) + "\n")
    run = neocog.train(data, tmp_path / "run", folds=2, **{**SETTINGS, "epochs": 1, "split": (0.8, 0.0, 0.2)})
    found = result_of(run)["measures"]["test"]["ap50"]
    assert set(found) >= {"value", "n"}
    for fold in (1, 2):
        rows = rows_of(run.folder / f"fold-{fold}" / "splits.csv")
        sides = {(int(Path(row["sample"]).stem) // 3, row["split"]) for row in rows}
        assert len({group for group, _ in sides}) == len(sides) == 4


def test_boxes_that_cannot_be_used_stop_a_training_and_are_told_by_audit(tmp_path: Path) -> None:
    data = scenes(tmp_path / "data", 12)
    with (data / "boxes.csv").open("a") as file:
        file.write("1.png,red,5,5,5,5,validation\n")
    with pytest.raises(UserError, match="without an area"):
        neocog.train(data, tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()
    found = neocog.audit(data, quiet=True)
    assert any(each.severity == "error" and "1 box cannot be used" in each.what for each in found.findings)
    settings = {**SETTINGS, "epochs": 1, "on_bad": "skip"}
    assert neocog.train(data, tmp_path / "run", **settings).report.is_file()


def test_a_box_that_changed_is_noticed(run: Run, tmp_path: Path) -> None:
    assert not [
        f for f in neocog.audit(run.folder.parent / "data", verify=run.folder, quiet=True).findings if "label" in f.what
    ]
    data = scenes(tmp_path / "data")
    text = (data / "boxes.csv").read_text().splitlines()
    place = next(at for at, line in enumerate(text) if ",red," in line)
    text[place] = text[place].replace(",red,", ",blue,")
    (data / "boxes.csv").write_text("\n".join(text) + "\n")
    found = [
        each for each in neocog.audit(data, verify=run.folder, quiet=True).findings if "another label" in each.what
    ]
    assert len(found) == 1 and len(found[0].samples) == 1


@pytest.mark.parametrize("settings", [{"model": "unet"}, {"model": "cnn"}, {"augment": ("turn=90",)}, {"stride": 3}])
def test_what_gives_no_boxes_is_refused_before_anything_is_written(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError):
        neocog.train(scenes(tmp_path / "data", 12), tmp_path / "run", **{**SETTINGS, "task": "detection", **settings})
    assert not (tmp_path / "run").exists()


SAME = ("weights.safetensors", "metrics.csv", "predictions.csv", "splits.csv")


def test_a_run_that_broke_off_and_goes_on_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = scenes(tmp_path / "data", 20), {**SETTINGS, "epochs": 4, "save_every": 0.0}
    whole = neocog.train(data, tmp_path / "whole", **settings)
    step, seen = Loop.step, list[int]()

    def broken(self: Loop, learner: Any, number: int, batches: Any) -> float:
        seen.append(number)
        if len(seen) == 6:
            raise RuntimeError("the power went")
        return step(self, learner, number, batches)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="the power went"):
        patch.setattr(Loop, "step", broken)
        neocog.train(data, tmp_path / "half", **settings)
    neocog.resume(tmp_path / "half", quiet=True)
    for name in SAME:
        digests = [hashlib.sha256((tmp_path / run / name).read_bytes()).digest() for run in (whole.folder, "half")]
        assert digests[0] == digests[1], name
