"""Part ``labels`` of boxes and masks: planted errors come first, each by its kind, and only what can be known is claimed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.unfit import label_probabilities
from neocog.errors import UserError
from neocog.metrics.detection import Objects, match
from neocog.predictor import Predictor, load_predictor
from neocog.robustness import labels_boxes, labels_drawn
from neocog.robustness.labels_drawn_report import DrawnLabels
from neocog.robustness.labels_drawn_report import Image as Image_
from neocog.run import Run
from neocog.tasks.detection.answers import Answers
from neocog.tasks.evaluation import Samples
from neocog.tasks.segmentation.own_size import mask_and_probabilities, mask_of
from neocog.tasks.segmentation.regions import _object_or_not


def rows_of(run: Run, name: str) -> list[dict[str, str]]:
    with (run.folder / "stress" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def pictures(count: int, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """((n, side, side) images with one bright square each, (n, 4) its corners)."""
    rng = np.random.default_rng(0)
    low = rng.integers(2, side - 14, (count, 2))
    corners = np.concatenate([low, low + rng.integers(8, 12, (count, 1))], axis=1)
    images = rng.integers(0, 60, (count, side, side)).astype(np.uint8)
    for image, (x0, y0, x1, y1) in zip(images, corners.tolist(), strict=True):
        image[y0:y1, x0:x1] += 150
    return images, corners


MASKS = {4: "missed", 9: "invented", 14: "badly drawn"}


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Folders images/ and masks/, a mask of which is empty, one has a square too many, and one lies beside its object."""
    folder = tmp_path_factory.mktemp("masks")
    for kind in ("images", "masks"):
        (folder / "data" / kind).mkdir(parents=True)
    for index, (image, (x0, y0, x1, y1)) in enumerate(zip(*pictures(40), strict=True)):
        mask = np.zeros(image.shape, np.uint8)
        kind = MASKS.get(index, "")
        right = 4 if kind == "badly drawn" else 0
        if kind != "missed":
            mask[y0:y1, x0 + right : x1 + right] = 255
        if kind == "invented":
            mask[:4, :4] = 255
        Image.fromarray(image).save(folder / "data" / "images" / f"{index:02}.png")
        Image.fromarray(mask).save(folder / "data" / "masks" / f"{index:02}.png")
    settings: dict[str, Any] = {
        "width": 4,
        "depth": 1,
        "epochs": 12,
        "threads": 1,
        "split": (0.4, 0.0, 0.6),
        "batch": 2,
        "lr": 0.01,
    }
    run = neocog.train(folder / "data", folder / "run", quiet=True, split_seed=2, **settings)
    neocog.stress(run, ["labels"], quiet=True)
    return run


def test_planted_errors_of_masks_come_first_by_their_kind(masks: Run) -> None:
    first = {row["sample"]: row for row in rows_of(masks, "labels")[:3]}
    assert {int(Path(name).stem): row["kind"] for name, row in first.items()} == MASKS
    assert [row["rank"] for row in first.values()] == ["1", "2", "3"]
    for row in first.values():
        assert 0 <= float(row["quality"]) < 0.75 and (row["x0"] == "") == (row["kind"] == "missed")
        assert (row["seen_x0"] == "") == (row["kind"] == "invented")


def test_images_are_ranked_too_and_counts_stand_by_part(masks: Run) -> None:
    images = rows_of(masks, "labels_images")
    assert {int(Path(row["sample"]).stem) for row in images[:3]} == set(MASKS) and len(images) == 40
    labels = {int(Path(row["sample"]).stem): row["labels"] for row in images}
    assert (labels[4], labels[9], labels[14]) == ("0", "2", "1")
    kinds = {(row["part"], row["kind"]): int(row["doubts"]) for row in rows_of(masks, "labels_kinds")}
    assert sum(kinds.values()) == 3 and {part for part, _ in kinds} == {"test", "train"}


def test_masks_are_judged_as_they_are_predicted_large_ones_too(masks: Run) -> None:
    predictor, rng = load_predictor(masks), np.random.default_rng(1)
    for side in (32, 80):  # one in a single piece, one in windows, at another size than it has
        stored = np.kron(pictures(1)[0][0], np.ones((3, 3), np.uint8))[:side, :side, None]
        given = rng.integers(0, 2, stored.shape[:2]).astype(np.uint8)
        given[0, 0] = 255
        mask, probable = mask_and_probabilities(predictor, stored, given)
        assert (mask == mask_of(predictor, stored, "image")).all() and np.isnan(probable[0, 0])
        counted = given != 255
        assert ((probable > 0.5) == (mask == given))[counted].mean() > 0.99


def test_objects_are_told_from_what_is_none_whether_interior_or_border() -> None:
    logits = np.log(np.array([0.5, 0.2, 0.3], np.float32))[:, None, None] * np.ones((3, 2, 2), np.float32)
    share = label_probabilities(_object_or_not(logits), np.array([[0, 1], [1, 255]], np.uint8), "resize")
    assert share[:1].tolist() == [[pytest.approx(0.5), pytest.approx(0.5)]] and np.isnan(share[1, 1])


def test_the_report_says_how_masks_are_corrected_and_what_is_not_known(masks: Run) -> None:
    page = masks.report.read_text()
    name = Path(rows_of(masks, "labels")[0]["sample"]).name
    assert str(masks.folder.parent / "data" / "masks" / name) in page and "neocog predict" in page
    assert "How many labels are wrong is not known" in page and "has learned the labels of that part" in page
    assert "missed: foreground, quality" in page and "→ ," not in page
    (verdict,) = json.loads((masks.folder / "stress" / "labels.json").read_text())["verdicts"]
    assert verdict["grade"] == "doubtful" and "In 24 images that the network has not learned" in verdict["sentence"]


BOXES = {3: "missed", 9: "invented", 16: "badly drawn", 18: "wrong class"}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images with a table of boxes, four of them wrong."""
    folder = tmp_path_factory.mktemp("boxes") / "data"
    folder.mkdir()
    lines = ["image,label,x0,y0,x1,y1,split"]
    for index, (image, (x0, y0, x1, y1)) in enumerate(zip(*pictures(40), strict=True)):
        Image.fromarray(image).save(folder / f"{index:02}.png")
        kind, part = BOXES.get(index, ""), ("train", "train", "train", "validation", "test")[index % 5]
        right, label = 5 if kind == "badly drawn" else 0, ("a", "b")[(index + (kind == "wrong class")) % 2]
        own = [f"{label},{x0 + right},{y0},{x1 + right},{y1}"] if kind != "missed" else [",,,,"]
        own += [f"{label},0,0,4,2"] if kind == "invented" else []
        lines += [f"{index:02}.png,{each},{part}" for each in own]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return folder


SETTINGS: dict[str, Any] = {"epochs": 1, "threads": 1, "batch": 8, "width": 4, "quiet": True, "size": (32, 32)}


@pytest.fixture(scope="module")
def trained(boxes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return neocog.train(boxes, tmp_path_factory.mktemp("runs") / "run", **SETTINGS)


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Predictor, np.ndarray]]:
    """A network that sees every square where it is, and little where nothing is; whom it was asked, and of which images."""
    asked: list[tuple[Predictor, np.ndarray]] = []
    corners = pictures(40)[1].astype(np.float64)

    def answers(predictor: Predictor, samples: Samples, advance: Callable[[int], None]) -> Answers:
        asked.append((predictor, samples.positions))
        true, places = samples.dataset.boxes, samples.positions
        assert true is not None
        own = np.isin(true.images, places)
        image, four = np.repeat(places, 2), np.concatenate([[corners[k], [24, 24, 31, 31]] for k in places.tolist()])
        score = np.tile([0.95, 0.02], len(places)) + image / 1e4
        ones, none = np.ones(own.sum()), np.zeros(len(image), bool)
        truth = Objects(true.images[own], true.labels[own], true.corners[own], ones, true.ignored[own])
        found = Objects(image, image % 2, four, score, none)
        return Answers(
            places, truth.image, truth.label, truth.corners, truth.ignored, image, found.label, four, score, none,
            match(truth, found),
        )  # fmt: skip

    monkeypatch.setattr(labels_boxes, "answers_of", answers)
    return asked


def test_planted_errors_of_boxes_come_first_by_their_kind(
    trained: Run, boxes: Path, sees: list[Any], tmp_path: Path
) -> None:
    run = Run(Path(shutil.copytree(trained.folder, tmp_path / "run")))
    found = neocog.stress(run, ["labels"], quiet=True)
    rows = rows_of(run, "labels")
    assert {int(Path(row["sample"]).stem): row["kind"] for row in rows} == BOXES
    assert {row["part"] for row in rows} == {"validation", "train", "test"}
    wrong = next(row for row in rows if row["kind"] == "wrong class")
    assert (wrong["label"], wrong["seen"], float(wrong["overlap"])) == ("b", "a", 1.0)
    assert next(row["part"] for row in rows if row["kind"] == "badly drawn") == "train"
    assert [float(row["quality"]) for row in rows] == sorted(float(row["quality"]) for row in rows)
    assert {int(Path(row["sample"]).stem) for row in rows_of(run, "labels_images")[:4]} == set(BOXES)
    assert found["labels"]["kind"].tolist() == [row["kind"] for row in rows]
    (sentence,) = found.verdicts["sentence"]
    assert sentence.startswith("In 16 images that the network has not learned, with 16 labelled boxes")
    page = run.report.read_text()
    assert "--format labelme" in page and str(boxes / "03.png") in page and "orange: what the network sees" in page


def test_what_the_network_itself_finds_is_compared(trained: Run, tmp_path: Path) -> None:
    """Without a stand-in: of a network that has hardly learned, labels are invented or not, and each is counted once."""
    run = Run(Path(shutil.copytree(trained.folder, tmp_path / "run")))
    neocog.stress(run, ["labels"], quiet=True)
    counts = {row["part"]: int(row["labels"]) for row in rows_of(run, "labels_kinds")}
    assert counts == {"train": 24, "validation": 7, "test": 9}


def test_of_folds_each_image_is_judged_by_the_network_that_has_not_seen_it(
    boxes: Path, sees: list[tuple[Predictor, np.ndarray]], tmp_path: Path
) -> None:
    plain = tmp_path / "data"
    shutil.copytree(boxes, plain)
    text = (plain / "boxes.csv").read_text().splitlines()
    (plain / "boxes.csv").write_text("\n".join(line.rpartition(",")[0] for line in text) + "\n")
    run = neocog.train(plain, tmp_path / "run", folds=3, **SETTINGS)
    neocog.stress(run, ["labels"], quiet=True)
    last = {predictor.facts["weights"]["sha256"]: positions for predictor, positions in sees}
    assert sorted(np.concatenate(list(last.values())).tolist()) == list(range(40))
    for fold in (1, 2, 3):
        own = Run(run.folder / f"fold-{fold}")
        splits = csv.DictReader(own.splits_csv.read_text().splitlines())
        tested = {int(Path(row["sample"]).stem) for row in splits if row["split"] == "test"}
        assert set(last[load_predictor(own).facts["weights"]["sha256"]].tolist()) == tested
    assert {row["part"] for row in rows_of(run, "labels_images")} == {"test"}
    assert "judged by the network of the fold" in run.report.read_text()


def test_killed_it_ends_in_the_same_bytes(
    trained: Run, sees: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = Run(Path(shutil.copytree(trained.folder, tmp_path / "run")))
    neocog.stress(run, ["labels"], quiet=True)
    names = ("labels.csv", "labels.json", "labels_images.csv", "labels_kinds.csv")
    before = {name: (run.folder / "stress" / name).read_bytes() for name in names}
    shutil.rmtree(run.folder / "stress")
    whole = labels_drawn.tables
    monkeypatch.setattr(labels_drawn, "tables", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(BaseException):  # noqa: B017 whatever an interrupt becomes
        neocog.stress(run, ["labels"], quiet=True)
    assert (run.folder / "stress" / "labels.partial.json").exists()
    monkeypatch.setattr(labels_drawn, "tables", whole)
    sees.clear()
    neocog.stress(run, ["labels"], quiet=True)
    assert not sees and {name: (run.folder / "stress" / name).read_bytes() for name in names} == before


def test_boxes_are_not_corrected_by_a_table_and_it_is_said_how(boxes: Path, tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text("sample,action,label\n03.png,relabel,a\n")
    with pytest.raises(UserError) as caught:
        neocog.train(boxes, tmp_path / "run", corrections=str(path), **SETTINGS)
    assert "have no single label" in caught.value.what and "--format labelme" in caught.value.fix
    assert not (tmp_path / "run").exists()


def test_without_an_image_that_was_not_learned_nothing_is_claimed() -> None:
    image = Image_(0, "a.png", 0.5, 3, "train")
    (verdict,) = labels_drawn.verdict(DrawnLabels("boxes", [], [image], folds=False))
    assert verdict.grade == "not tried"
