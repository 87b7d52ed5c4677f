"""Formats and annotations of other tools: told by what they are, counted by class, never "no images"."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.formats.unread import UNREAD
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.photographs import is_photograph
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

DICOM = bytes(128) + b"DICM" + bytes(100)


def put(root: Path, *names: str, data: bytes = b"x") -> Path:
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("RGB", (6, 6), (i, 0, 0)).save(path)
        else:
            path.write_bytes(data)
    return root


def read(root: Path, task: str = "auto") -> Dataset:
    return open_dataset(root, reading=Reading(task=task))


def stops(root: Path, *words: str, task: str = "auto") -> None:
    with pytest.raises(UserError) as raised:
        read(root, task)
    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize("suffix", sorted(UNREAD))
def test_a_file_of_a_known_format_is_told_with_a_command_that_converts_it(tmp_path: Path, suffix: str) -> None:
    put(tmp_path, f"a{suffix}")
    stops(tmp_path, UNREAD[suffix].what, UNREAD[suffix].command)
    if UNREAD[suffix].picture:
        stops(tmp_path / f"a{suffix}", UNREAD[suffix].what)


def test_pictures_that_are_not_read_are_counted_by_class(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "cat/2.heic", "cat/3.HEIC", "dog/1.png", "dog/2.svg", "dog/readme.txt")
    data = read(tmp_path)
    assert data.names == ("cat/1.png", "dog/1.png")
    assert [(one.name, one.label) for one in data.left_out] == [
        ("cat/2.heic", "cat"), ("cat/3.HEIC", "cat"), ("dog/2.svg", "dog"),
    ]  # fmt: skip
    put(tmp_path, "elk/1.heic")
    stops(tmp_path, "1 file of HEIC", "elk/1.heic", "heif-convert")


def test_dicom_is_known_by_its_mark_whatever_it_is_called(tmp_path: Path) -> None:
    put(tmp_path, "a/IM1.dcm", "a/IM2", "b/12345", data=DICOM)
    stops(tmp_path, "3 files of DICOM", "dcm2niix")
    put(tmp_path, "a/1.png", "b/1.png")
    assert len(read(tmp_path).left_out) == 3


COCO = {
    "images": [{"id": 1, "file_name": "1.jpg"}],
    "annotations": [{"id": 1, "image_id": 1}],
    "categories": [{"id": 1}],
}


@pytest.mark.parametrize("place", ["annotations/instances.json", "train/_annotations.coco.json", "labels.json"])
def test_coco_is_told_where_masks_are_wanted(tmp_path: Path, place: str) -> None:
    put(tmp_path, "images/1.jpg", place, data=json.dumps(COCO).encode())
    stops(tmp_path, "COCO's format", "pycocotools", "--task detection", task="segmentation")


@pytest.mark.parametrize("folders", [("images/train", "labels/train"), ("train/images", "train/labels"), ("x", "x")])
def test_yolos_boxes_are_read(tmp_path: Path, folders: tuple[str, str]) -> None:
    text = b"0 0.5 0.5 0.2 0.2\n1 .1 .2 .2 .4\n"
    put(tmp_path, f"{folders[0]}/1.jpg", f"{folders[0]}/2.jpg", f"{folders[1]}/1.txt", f"{folders[1]}/2.txt", data=text)
    for task in ("auto", "detection"):
        data = read(tmp_path, task)
        assert data.kind == "YOLO text files" and data.learned == "boxes" and len(data) == 2


def test_texts_beside_images_of_classes_are_no_yolo_and_folders_can_be_chosen(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg", "a/1.txt", data=b"a cat on a mat\n")
    assert read(tmp_path).classes == ("a", "b")
    put(tmp_path, "a/1.txt", data=b"0 0.5 0.5 0.2 0.2\n")
    stops(tmp_path, "can be read in two ways", "YOLO's format", "--task classification", "--task detection")
    assert read(tmp_path, "classification").classes == ("a", "b")


XML = (
    b"<annotation><object><name>cell</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object>"
    b"</annotation>"
)


def test_vocs_boxes_are_read_and_told_where_masks_are_wanted(tmp_path: Path) -> None:
    put(tmp_path, "JPEGImages/1.jpg", "Annotations/1.xml", data=XML)
    assert read(tmp_path).kind == "Pascal VOC" and read(tmp_path).classes == ("cell",)
    stops(tmp_path, "Pascal VOC's format", "--task detection", task="segmentation")


def test_a_table_of_boxes_is_one_beside_images_and_by_itself(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "boxes.csv", data=b"image,label,xmin,ymin,xmax,ymax\n1.jpg,cell,1,1,4,5\n")
    for path in (tmp_path, tmp_path / "boxes.csv"):
        assert read(path).kind == "CSV of boxes"


def test_where_no_boxes_are_it_is_said_what_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    stops(tmp_path, "no boxes found", "Pascal VOC", "--boxes-from masks", task="detection")
    with pytest.raises(UserError, match="--without-boxes is for boxes, not for class folders"):
        open_dataset(tmp_path, reading=Reading(without_boxes="skip"))
    with pytest.raises(UserError, match="--border-ignore is for boxes, not for class folders"):
        open_dataset(tmp_path, reading=Reading(border_ignore=True))


def test_photographs_of_people_with_masks_are_no_masks(tmp_path: Path) -> None:
    rng, ramp = np.random.default_rng(0), np.linspace(0, 200, 32)
    for name in ("anna", "bela"):
        (tmp_path / name).mkdir()
        for i in range(6):
            for end in ("", "_mask"):
                photo = np.stack(
                    [ramp[:, None] + ramp[None] / 4, ramp[None] + 0 * ramp[:, None], 90 + 0 * np.outer(ramp, ramp)], 2
                )
                pixels = (photo + rng.normal(0, 6, photo.shape)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / name / f"{i}{end}.jpg")
    data = read(tmp_path)
    assert data.classes == ("anna", "bela") and len(data) == 24
    assert any(one.part == "_mask in file names" for one in data.taken)


def test_what_is_a_mask_stays_one() -> None:
    y, x = np.mgrid[:64, :64]
    two = ((y - 30) ** 2 + (x - 30) ** 2 < 200).astype(np.uint8) * 255
    areas = np.stack([(y // 8 * 40 % 256), (x // 8 * 70 % 256), (y // 8 * x // 8 * 13 % 256)], 2).astype(np.uint8)
    soft = np.exp(-((y - 30.0) ** 2 + (x - 30) ** 2) / 60) * 255
    for mask in (two[..., None], areas, soft.astype(np.uint8)[..., None]):
        assert not is_photograph(mask)
