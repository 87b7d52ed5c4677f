"""labelme's files: drawn as labelme draws them, broken ones told."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import BadImage, Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.formats.labelme import MAX_BYTES, parse_annotation
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.labelme_dataset import open_labelme
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.metrics.segmentation import iou, mask_confusion

SQUARE: list[list[float]] = [[2, 2], [9, 2], [9, 6], [2, 6]]


def shape(points: object = SQUARE, kind: str = "polygon", label: str = "cat", **more: object) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, **more}


def folder(root: Path, *shapes: dict[str, Any], image: bool = True, text: str = "", **fields: object) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if image:
        Image.new("RGB", (20, 12)).save(root / "a.png")
    whole = {
        "shapes": list(shapes or [shape()]),
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": 12,
        "imageWidth": 20,
    }
    (root / "a.json").write_text(text or json.dumps(whole | fields))
    return root


def read(root: Path) -> Dataset:
    data = open_dataset(root)
    assert data.masks is not None and data.kind == "labelme files"
    return data


def mask_of(root: Path) -> np.ndarray:
    masks = read(root).masks
    assert masks is not None
    return masks.read(0)


def fault(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_dataset(root)
    return str(caught.value)


def png(array: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_missing_image_is_told_and_an_embedded_one_is_used(tmp_path: Path) -> None:
    assert "imageData is null, and the image 'a.png' is missing" in fault(folder(tmp_path, image=False))
    folder(tmp_path, image=False, imageData=png(np.full((12, 20, 3), 7, np.uint8)))
    data = read(tmp_path)
    assert (data.images.read(0) == 7).all() and data.images.path(0) is None and data.names == ("a.json",)


@pytest.mark.parametrize("path", ["../x.png", "/etc/x.png", "C:\\x.png", "\\\\srv\\x.png", "b/../../x.png"])
def test_paths_outside_are_never_followed(tmp_path: Path, path: str) -> None:
    Image.new("RGB", (20, 12)).save(tmp_path / "x.png")
    assert "is outside the folder" in fault(folder(tmp_path / "d", image=False, imagePath=path))
    Image.new("RGB", (20, 12), "red").save(tmp_path / "d" / "x.png")
    data = read(tmp_path / "d")
    assert data.names == ("x.png",) and "is not followed" in data.notes[0]


def test_bad_base64_and_bombs_are_told(tmp_path: Path) -> None:
    assert "imageData is no base64" in fault(folder(tmp_path / "a", image=False, imageData="abc"))
    bomb = bytearray(base64.b64decode(png(np.zeros((2, 2), np.uint8))))
    bomb[16:24] = (20_000).to_bytes(4) * 2
    import zlib

    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    message = fault(folder(tmp_path / "b", image=False, imageData=base64.b64encode(bomb).decode()))
    assert "400,000,000 pixels, the most is" in message


def test_another_size_than_the_image_is_told(tmp_path: Path) -> None:
    assert "20 × 30, the image has 12 × 20" in fault(folder(tmp_path, imageHeight=20, imageWidth=30))


BAD_SHAPES = {
    "2 points, expected at least 3": shape([[1, 1], [5, 5]]),
    "0 points, expected at least 3": shape([]),
    "without an area": shape([[1, 1], [5, 5], [9, 9]]),
    "points that are no list of finite": shape([[1, 1], [5, "x"], [1, 9]]),
    "unknown shape_type 'star'": shape(kind="star"),
    "a shape without a label": {"points": SQUARE},
    "mask is empty": shape([[1, 1], [2, 2]], "mask"),
    "a rectangle without an area": shape([[1, 1], [1, 1]], "rectangle"),
}


@pytest.mark.parametrize("what", BAD_SHAPES)
def test_bad_shapes_are_told_with_their_place_and_may_be_left_out(tmp_path: Path, what: str) -> None:
    folder(tmp_path, shape(), BAD_SHAPES[what])
    message = fault(tmp_path)
    assert what in message and "a.json: shape 1" in message
    data = open_labelme(tmp_path, DEFAULT, "skip")
    assert data is not None and data.masks is not None and data.masks.read(0).sum() == 40
    assert "1 shape that cannot be drawn left out" in data.notes


def test_shapes_are_cut_off_drawn_by_even_odd_and_in_order(tmp_path: Path) -> None:
    outside = shape([[-50, -50], [4, -50], [4, 50], [-50, 50]], label="b")
    mask = mask_of(folder(tmp_path / "a", shape(label="a"), outside))
    assert (mask[:, :5] == 2).all() and (mask[2:7, 5:10] == 1).all() and mask.sum() == 12 * 5 * 2 + 25
    twice = shape([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0], [3, 3], [7, 3], [7, 7], [3, 7], [3, 3]])
    mask = mask_of(folder(tmp_path / "b", twice))
    assert mask[5, 5] == 0 and mask[1, 5] == 1
    bow = mask_of(folder(tmp_path / "c", shape([[0, 0], [10, 10], [10, 0], [0, 10]])))
    assert bow[5, 0] == 1 and bow[0, 5] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e300"])
def test_numbers_that_are_none_are_told(tmp_path: Path, number: str) -> None:
    text = json.dumps({"shapes": [shape()], "imagePath": "a.png"}).replace("[2, 2]", f"[2, {number}]")
    assert "is no number" in (message := fault(folder(tmp_path, text=text))) or "finite (x, y)" in message


def test_unknown_labels_are_counted_against_the_list(tmp_path: Path) -> None:
    folder(tmp_path, shape(), shape(label="dog"), shape(label="dog"))
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncat\n")
    assert "labels that labels.txt does not know: 'dog' (2)" in fault(tmp_path)
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ndog\ncat\n")
    assert read(tmp_path).classes == ("_background_", "dog", "cat")


HOSTILE = {
    "too deeply nested": '{"shapes": ' + "[" * 200_000,
    "stands twice": '{"shapes": [], "imagePath": "a.png", "shapes": []}',
    "no JSON: Exceeds the limit": '{"shapes": [], "imageHeight": ' + "1" * 5000 + "}",
    "no JSON": '{"shapes": [',
    "no list of shapes": '{"shapes": {}}',
    "are no sizes": '{"shapes": [], "imageHeight": -3}',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_one_line(tmp_path: Path, what: str) -> None:
    assert what in fault(folder(tmp_path, text=HOSTILE[what]))


def test_too_many_bytes_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(BadImage, match="more than"):
        parse_annotation(bytes(MAX_BYTES + 1), "x.json")


def test_ignore_and_background_are_what_labelme_means(tmp_path: Path) -> None:
    hole = shape([[4, 3], [6, 3], [6, 5], [4, 5]], label="_background_")
    edge = shape([[12, 0], [15, 11]], "rectangle", "__ignore__")
    root = folder(tmp_path, shape(), hole, edge)
    mask = mask_of(root)
    assert read(root).classes == ("_background_", "cat")
    assert mask[4, 5] == 0 and mask[2, 2] == 1 and (mask[:, 12:16] == 255).all()


def test_a_mask_shape_is_pasted_at_its_points(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 2, (4, 6)).astype(np.uint8) * 255
    mask = mask_of(folder(tmp_path / "a", shape([[3, 5], [8, 8]], "mask", mask=png(drawn))))
    np.testing.assert_array_equal(mask[5:9, 3:9], drawn > 0)
    assert "4 × 6 between points that span 4 × 7" in fault(
        folder(tmp_path / "b", shape([[3, 5], [9, 8]], "mask", mask=png(drawn)))
    )


@pytest.mark.parametrize(
    ("annotated", "drawn"),
    [
        ("semantic_segmentation/data_annotated", "semantic_segmentation/data_dataset_voc/SegmentationClass"),
        ("instance_segmentation/data_annotated", "instance_segmentation/data_dataset_voc/SegmentationClass"),
        ("video_annotation/data_annotated", "video_annotation/data_dataset_voc/SegmentationClassPNG"),
    ],
)
def test_masks_agree_with_labelmes_own(real_data: Callable[[str], Path], annotated: str, drawn: str) -> None:
    examples = real_data("labelme") / "examples"
    data = read(examples / annotated)
    assert data.masks is not None
    for i, name in enumerate(data.names):
        theirs = np.asarray(Image.open(examples / drawn / f"{Path(name).stem}.png"))
        ours = data.masks.read(i)
        for value in np.unique(theirs):
            matrix = mask_confusion(theirs == value, ours == value, 2)
            assert iou(matrix)[1] >= 0.98, (name, value)


def test_the_tutorial_and_every_shape_of_the_examples_are_read(
    real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    examples = real_data("labelme") / "examples"
    primitives = read(examples / "primitives")
    assert primitives.masks is not None and len(np.unique(primitives.masks.read(0))) == len(primitives.classes) == 8
    for name in ("apc2016_obj3.json",):
        (tmp_path / name).write_bytes((examples / "tutorial" / name).read_bytes())
    theirs = np.asarray(Image.open(examples / "tutorial" / "apc2016_obj3" / "label.png"))
    np.testing.assert_array_equal(mask_of(tmp_path) > 0, theirs > 0)
    assert read(tmp_path).images.read(0).shape[:2] == theirs.shape


def test_images_without_a_file_stop_or_are_left_out_and_counted(tmp_path: Path) -> None:
    folder(tmp_path)
    for name in ("b.png", "more/c.png"):
        (tmp_path / "more").mkdir(exist_ok=True)
        Image.new("RGB", (20, 12)).save(tmp_path / name)
    assert "2 of 3 images have no labelme file" in fault(tmp_path) and "--unlabelled skip" in fault(tmp_path)
    data = open_dataset(tmp_path, reading=Reading(unlabelled="skip"))
    assert data.names == ("a.png",) and [one.name for one in data.left_out] == ["b.png", "more/c.png"]


def test_a_few_files_in_class_folders_stop_and_name_both_tasks(tmp_path: Path) -> None:
    folder(tmp_path / "cat")
    for name in ("cat/b.png", "dog/c.png", "dog/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 12)).save(tmp_path / name)
    text = fault(tmp_path)
    assert "--task classification" in text and "--task segmentation --unlabelled skip" in text
    assert open_dataset(tmp_path, reading=Reading(task="classification")).classes == ("cat", "dog")


def test_labels_that_look_alike_or_are_misspelt_are_told(tmp_path: Path) -> None:
    data = read(folder(tmp_path, *[shape(label="nucleus")] * 20, shape(label="nucelus"), shape(label="Nucleus")))
    assert any("'nucelus' (1) beside 'nucleus' (20)" in note for note in data.notes)
    assert any("look alike" in note and "'Nucleus'" in note for note in data.notes)


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "[" * 50_000, '{"a": ' * 50_000, "\0" * 100, '{"imagePath": "b.png"']
)
def test_an_empty_or_damaged_file_is_told_and_its_image_does_not_vanish(tmp_path: Path, text: str) -> None:
    root = folder(tmp_path / "a")
    Image.new("RGB", (20, 12)).save(root / "b.png")
    (root / "b.json").write_text(text)
    (root / "settings.json").write_text("{}")  # of another tool: beside no image
    with pytest.raises(UserError) as caught:
        read(root)
    assert caught.value.where == "b.json" and caught.value.fix
