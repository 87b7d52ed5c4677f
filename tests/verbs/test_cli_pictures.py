"""``audit --against``, ``kmeans`` and ``convert labelme`` as one types them, from an empty folder, and what bad input gets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.cli.main import main


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    place = tmp_path / "empty folder"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def annotator(root: Path, *masks: np.ndarray) -> Path:
    for number, mask in enumerate(masks):
        for name, pixels in (("images", np.zeros((*mask.shape, 3), np.uint8)), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def annotators(tmp_path: Path) -> tuple[Path, Path]:
    left, wide = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    left[:, :4], wide[:, :8] = 1, 1
    return annotator(tmp_path / "first", left, left), annotator(tmp_path / "second", left, wide)


def picture(path: Path) -> Path:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :10], pixels[:, 10:15] = (250, 10, 10), (10, 10, 250)
    Image.fromarray(pixels).save(path)
    return path


def shapes(folder: Path, points: list[list[float]], kind: str = "polygon") -> Path:
    folder.mkdir(exist_ok=True)
    picture(folder / "a.png")
    shape = {"label": "cat", "points": points, "shape_type": kind, "flags": {}, "group_id": None}
    found = {"version": "5.0", "flags": {}, "shapes": [shape], "imagePath": "a.png", "imageData": None}
    (folder / "a.json").write_text(json.dumps(found | {"imageHeight": 20, "imageWidth": 30}))
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one error of a bad request, which leaves with exit code 2."""
    with pytest.raises(SystemExit) as left:
        main(list(map(str, words)))
    printed = capsys.readouterr()
    assert left.value.code == 2 and printed.err.count("error:") == 1 and "Traceback" not in printed.err
    assert printed.out == ""
    return printed.err


def test_annotators_are_compared_and_their_differences_drawn(
    annotators: tuple[Path, Path], empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = annotators
    main(["audit", str(first), "--against", str(second), "--out", "differences"])
    told = capsys.readouterr().out
    assert f"{first} and {second}: 2 images, kappa" in told and "class 1: Dice 0.800, IoU 0.667" in told
    assert "40.0% of images/1.png differ" in told
    assert [path.name for path in (empty / "differences").iterdir()] == ["1-1-first-second.png"]
    main(["audit", str(first), "--against", str(second), "--json"])
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert pair["images"] == 2 and pair["dice"]["class 1"] == pytest.approx(0.8)
    assert pair["differing"] == [["images/1.png", 0.4]]


def test_annotators_that_cannot_be_compared_are_one_error(
    annotators: tuple[Path, Path], tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = annotators
    three = annotator(tmp_path / "three", np.tile(np.arange(3, dtype=np.uint8), 10).reshape(5, 6))
    assert "different classes" in refused(capsys, "audit", first, "--against", three)
    assert "no such file, folder" in refused(capsys, "audit", first, "--against", tmp_path / "nobody")
    (tmp_path / "plain").mkdir()
    picture(tmp_path / "plain" / "a.png")
    assert "no masks found" in refused(capsys, "audit", first, "--against", tmp_path / "plain")
    assert not list(empty.iterdir())


def test_a_picture_is_divided_by_colour(tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["kmeans", str(picture(tmp_path / "leaf.png")), "-k", "3", "--space", "lab", "--out", "parts"])
    assert capsys.readouterr().out.startswith("parts\n")
    with Image.open(empty / "parts/clusters.png") as found:
        assert found.mode == "P" and np.bincount(np.asarray(found).ravel()).tolist() == [300, 200, 100]
    main(["kmeans", str(tmp_path / "leaf.png"), "-k", "3", "--json", "--out", "again"])
    told = json.loads(capsys.readouterr().out)
    assert told["pixels"] == [300, 200, 100] and told["inertia"] < 1e-6 and len(told["colours"]) == 3


def test_kmeans_refuses_what_it_cannot_divide(tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaf = picture(tmp_path / "leaf.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    refused(capsys, "kmeans", tmp_path / "nothing.png")
    refused(capsys, "kmeans", tmp_path / "bad.png")
    refused(capsys, "kmeans", leaf, "-k", "0")
    refused(capsys, "kmeans", leaf, "-k", "9")  # three colours only
    refused(capsys, "kmeans", leaf, "--space", "hvs")
    (empty / "there").mkdir()
    assert "exists" in refused(capsys, "kmeans", leaf, "-k", "2", "--out", "there")
    assert [path.name for path in empty.iterdir()] == ["there"] and not list((empty / "there").iterdir())


def test_labelme_shapes_are_drawn(tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shapes(tmp_path / "annotated", [[0, 0], [10, 0], [10, 10], [0, 10]])
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    main(["convert", "labelme", str(data), "masks", "--quiet"])
    assert capsys.readouterr().out == "masks: 1 mask of 2 classes\n"
    with Image.open(empty / "masks/masks/a.png") as mask:
        assert 100 <= int((np.asarray(mask) == 1).sum()) <= 121
    assert (empty / "masks/images/a.png").read_bytes() == before["a.png"]
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
    main(["convert", "labelme", str(data), "again", "--quiet", "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "out": "again",
        "masks": 1,
        "classes": ["_background_", "cat"],
        "ignored": 0,
    }


def test_labelme_refuses_bad_files_at_once_and_writes_nothing(
    tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such folder" in refused(capsys, "convert", "labelme", tmp_path / "nothing", "out", "--quiet")
    assert "no labelme files" in refused(capsys, "convert", "labelme", empty, "out", "--quiet")
    bad = shapes(tmp_path / "bad", [[0, 0]])
    assert "a.json" in refused(capsys, "convert", "labelme", bad, "out", "--quiet")
    (tmp_path / "bad" / "a.json").write_text('{"shapes": [')
    refused(capsys, "convert", "labelme", bad, "out", "--quiet")
    assert not list(empty.iterdir())
    (empty / "out").mkdir()
    assert "exists already" in refused(capsys, "convert", "labelme", bad, "out", "--quiet")
