"""Boxes of seven formats: the same to 1e-4 of a pixel whichever tool wrote them, and 40 faults of annotations, each told."""

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

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.readers.box_dataset import open_boxes
from neocog.data.readers.reading import Reading
from neocog.errors import Problems, UserError

CLASSES = ("cell", "platelet")
Rows = list[tuple[str, float, float, float, float]]
SIZES = {"a.png": (48, 64), "b.png": (60, 40), "c.png": (30, 30)}  # (H, W)
TRUTH: dict[str, Rows] = {
    "a.png": [("cell", 3.25, 4.5, 20.125, 31), ("platelet", 40, 10, 64, 48)],
    "b.png": [("cell", 0, 0, 39.0625, 59.5)],
    "c.png": [],
}
WHOLE = {name: [(label, *map(float, map(round, four))) for label, *four in rows] for name, rows in TRUTH.items()}


def read(path: Path, **settings: Any) -> Dataset:
    found = open_boxes(path, DEFAULT, Reading(**settings))
    assert found is not None
    return found


def draw(root: Path, names: dict[str, tuple[int, int]] = SIZES, folder: str = "") -> None:
    for k, (name, (height, width)) in enumerate(names.items()):
        (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), (k, 0, 0)).save(root / folder / name)


def voc_text(name: str, rows: Rows, size: tuple[int, int] | None, shift: int = 1, more: str = "") -> str:
    objects = "".join(
        f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x0 + shift:g}</xmin><ymin>{y0 + shift:g}</ymin>"
        f"<xmax>{x1:g}</xmax><ymax>{y1:g}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1 in rows
    )
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height></size>" if size else ""
    return f"<annotation><filename>{name}</filename>{sides}{objects}{more}</annotation>"


def write_voc(root: Path, truth: dict[str, Rows], shift: int = 1) -> None:
    draw(root, folder="JPEGImages")
    (root / "Annotations").mkdir()
    for name, rows in truth.items():
        (root / "Annotations" / name.replace(".png", ".xml")).write_text(voc_text(name, rows, SIZES[name], shift))


def coco_of(truth: dict[str, Rows], **more: Any) -> dict[str, Any]:
    ids = {"cell": 7, "platelet": 3}
    boxes = [(number, *row) for number, rows in enumerate(truth.values()) for row in rows]
    return {
        "images": [
            {"id": number, "file_name": name, "height": SIZES[name][0], "width": SIZES[name][1]}
            for number, name in enumerate(truth)
        ],
        "categories": [{"id": 7, "name": "cell"}, {"id": 3, "name": "platelet"}, {"id": 90, "name": "unused"}],
        "annotations": [
            {"id": k, "image_id": number, "category_id": ids[label], "bbox": [x0, y0, x1 - x0, y1 - y0], **more}
            for k, (number, label, x0, y0, x1, y1) in enumerate(boxes, 1)
        ],
    }


def write_coco(root: Path, truth: dict[str, Rows]) -> None:
    draw(root, folder="images")
    (root / "annotations.json").write_text(json.dumps(coco_of(truth)))


def write_yolo(root: Path, truth: dict[str, Rows]) -> None:
    draw(root, folder="images/x")
    (root / "labels" / "x").mkdir(parents=True)
    (root / "data.yaml").write_text("train: images\nnames:\n  0: cell\n  1: 'platelet'  # small\n")
    for name, rows in truth.items():
        high, wide = SIZES[name]
        lines = [
            f"{CLASSES.index(label)} {(x0 + x1) / 2 / wide:.9f} {(y0 + y1) / 2 / high:.9f} "
            f"{(x1 - x0) / wide:.9f} {(y1 - y0) / high:.9f}"
            for label, x0, y0, x1, y1 in rows
        ]
        (root / "labels" / "x" / name.replace(".png", ".txt")).write_text("\n".join(lines))


def labelme_of(name: str, rows: Rows, kind: str = "rectangle") -> dict[str, Any]:
    shapes = [
        {"label": label, "points": [[x1, y0], [x0, y1]], "shape_type": kind, "flags": {}}
        for label, x0, y0, x1, y1 in rows
    ]
    return {
        "imagePath": name,
        "imageData": None,
        "imageHeight": SIZES[name][0],
        "imageWidth": SIZES[name][1],
        "shapes": shapes,
    }


def write_labelme(root: Path, truth: dict[str, Rows]) -> None:
    draw(root)
    for name, rows in truth.items():
        (root / name.replace(".png", ".json")).write_text(json.dumps(labelme_of(name, rows)))


def write_cvat(root: Path, truth: dict[str, Rows]) -> None:
    draw(root, folder="images")
    images = "".join(
        f'<image id="{k}" name="{name}" width="{SIZES[name][1]}" height="{SIZES[name][0]}">'
        + "".join(
            f'<box label="{label}" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}" occluded="0"/>'
            for label, x0, y0, x1, y1 in rows
        )
        + "</image>"
        for k, (name, rows) in enumerate(truth.items())
    )
    (root / "annotations.xml").write_text(f"<annotations><version>1.1</version><meta/>{images}</annotations>")


def studio_of(name: str, rows: Rows, **more: Any) -> dict[str, Any]:
    high, wide = SIZES[name]
    result = [
        {
            "type": "rectanglelabels", "original_width": wide, "original_height": high,
            "value": {
                "x": 100 * x0 / wide, "y": 100 * y0 / high, "width": 100 * (x1 - x0) / wide, "height": 100 * (y1 - y0) / high,
                "rectanglelabels": [label], "rotation": 0, **more,
            },
        }
        for label, x0, y0, x1, y1 in rows
    ]  # fmt: skip
    return {"id": 1, "data": {"image": f"/data/upload/1/0a1b2c3d-{name}"}, "annotations": [{"result": result}]}


def write_studio(root: Path, truth: dict[str, Rows]) -> None:
    draw(root)
    (root / "export.json").write_text(json.dumps([studio_of(name, rows) for name, rows in truth.items()]))


def write_studio_min(root: Path, truth: dict[str, Rows]) -> None:
    draw(root)
    tasks = [studio_of(name, rows) for name, rows in truth.items()]
    short = [
        {
            "image": task["data"]["image"],
            "label": [
                {**one["value"], "original_width": one["original_width"], "original_height": one["original_height"]}
                for one in task["annotations"][0]["result"]
            ],
        }
        for task in tasks
    ]
    (root / "export.json").write_text(json.dumps(short))


def write_csv(root: Path, truth: dict[str, Rows], columns: str = "x0,y0,x1,y1", sides: bool = False) -> None:
    draw(root)
    lines = [f"image,label,{columns}"]
    for name, rows in truth.items():
        given = [(label, x0, y0, x1 - x0 * sides, y1 - y0 * sides) for label, x0, y0, x1, y1 in rows]
        lines += [f"{name},{','.join(map(str, row))}" for row in given] or [f"{name},,,,,"]
    (root / "boxes.csv").write_text("\n".join(lines))


def write_csv_sides(root: Path, truth: dict[str, Rows]) -> None:
    write_csv(root, truth, "x,y,width,height", sides=True)


WRITERS: dict[str, Callable[[Path, dict[str, Rows]], None]] = {
    "Pascal VOC": write_voc, "COCO JSON": write_coco, "YOLO text files": write_yolo, "labelme files": write_labelme,
    "CVAT XML": write_cvat, "Label Studio JSON": write_studio, "Label Studio JSON, short": write_studio_min,
    "CSV of boxes": write_csv, "CSV of boxes, sides": write_csv_sides,
}  # fmt: skip


def same(data: Dataset, truth: dict[str, Rows], within: float = 1e-4) -> None:
    assert data.boxes is not None
    assert sorted(Path(name).name for name in data.names) == sorted(truth)
    for index, name in enumerate(data.names):
        corners, labels, ignored = data.boxes.of(index)
        rows = truth[Path(name).name]
        assert [data.classes[label] for label in labels] == [row[0] for row in rows]
        np.testing.assert_allclose(corners, np.array([row[1:] for row in rows]).reshape(-1, 4), atol=within)
        assert not ignored.any() and tuple(data.boxes.sizes[index]) == SIZES[Path(name).name]


@pytest.mark.parametrize("kind", WRITERS)
def test_what_a_tool_wrote_is_read_to_a_ten_thousandth_of_a_pixel(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path, WHOLE if kind == "Pascal VOC" else TRUTH)
    data = read(tmp_path)
    assert data.kind == kind.partition(",")[0] and set(data.classes) == set(CLASSES) and data.learned == "boxes"
    same(data, WHOLE if kind == "Pascal VOC" else TRUTH)
    assert any("without boxes" in one.part for one in data.taken)
    assert len(read(tmp_path, without_boxes="skip")) == 2


def held(path: Path, **settings: Any) -> tuple[str, str]:
    """What the numbers of the boxes were taken for, and why."""
    return next((one.role, one.evidence) for one in read(path, **settings).taken if "corner" in one.role)


def test_what_the_numbers_of_boxes_mean_is_said_with_what_they_cannot_be(tmp_path: Path) -> None:
    for kind in ("CSV of boxes", "CSV of boxes, sides", "COCO JSON"):
        WRITERS[kind](tmp_path / kind, TRUTH)
        role, evidence = held(tmp_path / kind)
        assert role == ("two corners" if kind == "CSV of boxes" else "a corner and two sides")
        assert " of 3 boxes could not be " in evidence and not evidence.startswith("0")
    write_yolo(tmp_path / "yolo", TRUTH)
    ((role, evidence),) = [(one.role, one.evidence) for one in read(tmp_path / "yolo").taken if one.part == "lines"]
    assert role == "the centre and two sides" and evidence == "1 of 3 boxes could not be two corners"


@pytest.mark.parametrize("on_bad", ["stop", "skip"])
def test_corners_for_sides_or_the_reverse_stop_and_are_named(on_bad: str, tmp_path: Path) -> None:
    """--on-bad skip would leave out most boxes, and take the others for what they are not."""
    many = {"a.png": [("cell", 30, 20, 50, 40), ("cell", 40, 10, 60, 30)], "b.png": [("cell", 1, 1, 3, 4)]}
    write_csv(tmp_path / "sides", many, sides=True)
    write_csv(tmp_path / "corners", many, "x,y,w,h")
    for folder, said, fix in (
        ("sides", "seem to be a corner and two sides, not two corners", "call the columns x, y, width, height"),
        ("corners", "seem to be two corners, not a corner and two sides", "call the columns x0, y0, x1, y1"),
    ):
        with pytest.raises(UserError, match=said) as error:
            read(tmp_path / folder, on_bad=on_bad)
        assert error.value.fix == fix and folder in error.value.where


def test_numbers_that_fit_both_ways_are_taken_as_they_are_called_and_it_is_said(tmp_path: Path) -> None:
    """Corners in the upper left quarters of their images, or objects that are wider than their distance from the border."""
    both = {"a.png": [("cell", 3, 4, 20, 21)], "b.png": [("cell", 5, 6, 15, 16)]}
    write_csv(tmp_path / "corners", both)
    write_csv(tmp_path / "sides", both, "x,y,w,h")
    assert held(tmp_path / "corners") == (
        "two corners",
        "so called: of 2 boxes all could be a corner and two sides, too",
    )
    assert held(tmp_path / "sides") == ("a corner and two sides", "so called: of 2 boxes all could be two corners, too")
    assert any(
        "upper left quarter" in note and "x, y, width, height?" in note for note in read(tmp_path / "corners").notes
    )
    assert not any("upper left" in note for note in read(tmp_path / "sides").notes)


def test_vocs_pixels_count_from_1_unless_a_corner_is_0_and_it_is_said(tmp_path: Path) -> None:
    write_voc(tmp_path, WHOLE, shift=0)
    data = read(tmp_path)
    same(data, WHOLE)
    assert any(one.role == "pixels counted from 0" and "1 of 3 boxes" in one.evidence for one in data.taken)
    asked = read(tmp_path, first_pixel="1")
    assert asked.boxes is not None and data.boxes is not None
    assert asked.boxes.corners[0].tolist() == (data.boxes.corners[0] - [1, 1, 0, 0]).tolist()


def test_vocs_lists_are_the_split_and_what_is_hard_is_ignored(tmp_path: Path) -> None:
    write_voc(tmp_path, WHOLE)
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    for name, stem in (("trainval", "a"), ("test", "b"), ("val", "c")):
        (tmp_path / "ImageSets" / "Main" / f"{name}.txt").write_text(f"{stem}\n")
    file = tmp_path / "Annotations" / "a.xml"
    file.write_text(file.read_text().replace("<difficult>0", "<difficult>1", 1))
    data = read(tmp_path)
    assert data.splits is not None and data.splits.tolist() == ["train", "test", "validation"]
    assert data.boxes is not None and data.boxes.ignored.tolist() == [True, False, False]


def test_crowds_are_ignored_and_an_iscrowd_of_null_is_none(tmp_path: Path) -> None:
    draw(tmp_path)
    found = coco_of(TRUTH)
    found["annotations"][0] |= {"iscrowd": 1, "segmentation": {"counts": "x", "size": [48, 64]}}
    found["annotations"][1]["iscrowd"] = None
    found["annotations"][2]["category_id"] = "7"
    (tmp_path / "x.json").write_text(json.dumps(found))
    for path in (tmp_path, tmp_path / "x.json"):
        data = read(path)
        assert data.boxes is not None and data.boxes.ignored.tolist() == [True, False, False]
        assert any("iscrowd" in note for note in data.notes) and data.classes == CLASSES


def test_files_of_parts_are_one_data_set(tmp_path: Path) -> None:
    draw(tmp_path, folder="images")
    for part, names in (("train2017", ["a.png", "c.png"]), ("val2017", ["b.png"])):
        found = coco_of({name: TRUTH[name] for name in names})
        (tmp_path / f"instances_{part}.json").write_text(json.dumps(found))
    data = read(tmp_path)
    same(data, TRUTH)
    assert data.splits is not None and data.splits.tolist() == ["train", "train", "validation"]


def test_other_shapes_count_where_they_are_asked_for_and_are_told_where_not(tmp_path: Path) -> None:
    draw(tmp_path, {"a.png": SIZES["a.png"]})
    drawn = Image.new("L", (5, 4), 255)
    stored = io.BytesIO()
    drawn.save(stored, "PNG")
    png = base64.b64encode(stored.getvalue()).decode()
    shapes = [
        {"label": "cell", "shape_type": "polygon", "points": [[3, 4], [20, 9], [10, 31]]},
        {"label": "cell", "shape_type": "circle", "points": [[30, 20], [33, 24]]},
        {"label": "cell", "shape_type": "mask", "points": [[10, 10], [14, 13]], "mask": png},
        {"label": "__ignore__", "shape_type": "rectangle", "points": [[0, 0], [9, 9]]},
        {"label": "platelet", "shape_type": "rectangle", "points": [[0, 0], [9, 9]]},
    ]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({**labelme_of("a.png", []), "shapes": shapes}))
    boxes = read(tmp_path, boxes_from="shapes").boxes
    assert boxes is not None and not boxes.faults
    assert boxes.corners.tolist()[:3] == [[3, 4, 20, 31], [25, 15, 35, 25], [10, 10, 15, 14]]
    assert boxes.ignored.tolist() == [False] * 3 + [True, True, False]  # of both classes
    told = read(tmp_path).boxes
    assert (
        told is not None and len(told.faults) == 3 and all("--boxes-from shapes" in fault.fix for fault in told.faults)
    )


def test_turned_boxes_become_the_smallest_upright_ones(tmp_path: Path) -> None:
    draw(tmp_path, {"a.png": (48, 64)})
    task = studio_of("a.png", [("cell", 30, 10, 40, 20)], rotation=90)
    (tmp_path / "x.json").write_text(json.dumps([task]))
    data = read(tmp_path)
    assert data.boxes is not None and any("1 turned box:" in note for note in data.notes)
    np.testing.assert_allclose(data.boxes.corners, [[20, 10, 30, 20]], atol=1e-9)  # about its upper left corner


def test_masks_become_boxes(tmp_path: Path) -> None:
    for index in range(2):
        mask = np.zeros((40, 40), np.uint8)
        mask[5:15, 5 + index : 20] = 1
        mask[20:30, 8:12] = 2
        mask[20:30, 30:36] = 2
        for folder, pixels in (("images", np.full((40, 40), 90, np.uint8)), ("masks", mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{index}.png")
    (tmp_path / "masks" / "classes.txt").write_text("background\ncell\nplatelet\n")
    data = read(tmp_path, boxes_from="masks")
    assert data.classes == ("cell", "platelet") and data.masks is None and data.boxes is not None
    assert data.boxes.of(1)[0].tolist() == [[6, 5, 20, 15], [8, 20, 12, 30], [30, 20, 36, 30]]
    assert data.boxes.of(1)[1].tolist() == [0, 1, 1]


def test_boxes_of_touching_objects_are_told_apart_by_their_numbers(tmp_path: Path) -> None:
    """Numbers of single objects, in grey or in the red channel as of BBBC039: a box around each, not around all that touch."""
    rng = np.random.default_rng(0)
    for index in range(6):
        mask = np.zeros((40, 40), np.uint8)
        for number in range(1, 5 + index):
            row, column = divmod(number - 1, 4)
            mask[10 * row : 10 * row + 10, 10 * column : 10 * column + int(rng.integers(6, 11))] = number
        red = np.zeros((40, 40, 3), np.uint8)
        red[..., 0] = np.where(mask > 0, mask % 3 + 1, 0)
        for folder, pixels in (("images", np.full((40, 40), 90, np.uint8)), ("masks", mask)):
            for kind, stored in (("grey", pixels), ("red", red if folder == "masks" else pixels)):
                (tmp_path / kind / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(stored).save(tmp_path / kind / folder / f"{index}.png")
    for kind in ("grey", "red"):
        data = read(tmp_path / kind, boxes_from="masks")
        assert data.boxes is not None and data.classes == ("object",)
        assert np.diff(data.boxes.first).tolist() == [4, 5, 6, 7, 8, 9], kind
        assert "a box around each object" in data.taken[-1].evidence


# ---- faults: (what is written, what the message must say)


def voc(change: Callable[[str], str]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        write_voc(root, WHOLE)
        file = root / "Annotations" / "a.xml"
        file.write_text(change(file.read_text()))

    return write


def coco(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        draw(root)
        found = coco_of(TRUTH)
        change(found)
        (root / "x.json").write_text(json.dumps(found))

    return write


def yolo(text: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        write_yolo(root, TRUTH)
        (root / "labels" / "x" / "a.txt").write_text(text)

    return write


def labelme(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        write_labelme(root, TRUTH)
        found = labelme_of("a.png", TRUTH["a.png"])
        change(found)
        (root / "a.json").write_text(json.dumps(found))

    return write


def table(line: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        write_csv(root, TRUTH)
        with (root / "boxes.csv").open("a") as file:
            file.write(f"\n{line}\n")

    return write


def replaced(folder: str, old: str, new: str, kind: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        WRITERS[kind](root, TRUTH)
        file = root / folder
        file.write_text(file.read_text().replace(old, new, 1))

    return write


def exif(root: Path) -> None:
    """The boxes are of the stored picture, which its EXIF turns by 90°."""
    write_voc(root, WHOLE)
    image = Image.open(root / "JPEGImages" / "a.png")
    facts = image.getexif()
    facts[0x0112] = 6
    image.save(root / "JPEGImages" / "a.png", exif=facts)


def lists(root: Path) -> None:
    write_voc(root, WHOLE)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name in ("train", "test"):
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text("a\n")


def mixed(root: Path) -> None:
    write_voc(root, WHOLE)
    (root / "x.json").write_text(json.dumps(coco_of(TRUTH)))


def corners_for_sides(found: dict[str, Any]) -> None:
    for one in found["annotations"]:
        x, y, wide, high = one["bbox"]
        one["bbox"] = [x, y, x + wide, y + high]
    found["annotations"][0]["bbox"] = [30, 20, 60, 44]


BOMB = '<!DOCTYPE a [<!ENTITY x "aaaa"><!ENTITY y "&x;&x;&x;&x;">]>'
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "voc: no XML": (voc(lambda text: text[:-20]), "not valid XML"),
    "voc: entities": (voc(lambda text: BOMB + text), "document type"),
    "voc: deep": (voc(lambda text: text.replace("<size>", "<a>" * 100 + "<size>").replace("</size>", "</size>" + "</a>" * 100)),
                  "too deeply nested"),
    "voc: no area": (voc(lambda text: text.replace("<xmax>20<", "<xmax>4<")), "without an area"),
    "voc: inside out": (voc(lambda text: text.replace("<xmax>20<", "<xmax>1<")), "inside out"),
    "voc: outside": (voc(lambda text: text.replace("<xmax>64<", "<xmax>80<")), "16 pixels out of the image"),
    "voc: NaN": (voc(lambda text: text.replace("<xmax>64<", "<xmax>nan<")), "no finite number"),
    "voc: a word": (voc(lambda text: text.replace("<xmax>64<", "<xmax>wide<")), "'wide' is no number"),
    "voc: no name": (voc(lambda text: text.replace("<name>cell</name>", "", 1)), "object without a name"),
    "voc: no bndbox": (voc(lambda text: text.replace("bndbox", "box")), "has no bndbox"),
    "voc: other image": (voc(lambda text: text.replace("a.png", "b.png")), "is called as the file"),
    "voc: other size": (voc(lambda text: text.replace("<width>64<", "<width>128<")), "annotated at 48 × 128"),
    "voc: before EXIF": (exif, "before its EXIF"),
    "voc: two lists": (lists, "1 image in two of the lists"),
    "voc: image gone": (lambda root: (write_voc(root, WHOLE), (root / "JPEGImages" / "a.png").unlink())[0], "no image 'a.png'"),
    "voc: image without XML": (lambda root: (write_voc(root, WHOLE), draw(root, {"JPEGImages/d.png": (9, 9)}))[0],
                               "1 of 4 images have no annotation"),
    "coco: corners": (coco(corners_for_sides), "bbox: the numbers seem to be two corners"),
    "coco: category": (coco(lambda found: found["annotations"][0].update(category_id=8)), "category_id 8"),
    "coco: image": (coco(lambda found: found["annotations"][0].update(image_id=99)), "image_id 99"),
    "coco: three numbers": (coco(lambda found: found["annotations"][0].update(bbox=[1, 2, 3])), "no bbox of four numbers"),
    "coco: text": (coco(lambda found: found["annotations"][0].update(bbox=[1, 2, 3, None])), "no number"),
    "coco: negative": (coco(lambda found: found["annotations"][0].update(bbox=[10, 2, -3, 4])), "inside out"),
    "coco: no object": (coco(lambda found: found["annotations"].append(3)), "not an object"),
    "coco: two categories": (coco(lambda found: found["categories"].append({"id": 7, "name": "dog"})), "two categories"),
    "coco: two images": (coco(lambda found: found["images"].append(found["images"][0])), "two images"),
    "coco: twice": (coco(lambda found: found["images"].append({"id": 9, "file_name": "a.png"})), "annotated twice"),
    "coco: nameless": (coco(lambda found: found["categories"][2].pop("name")), "category without a name"),
    "coco: no file_name": (coco(lambda found: found["images"][0].pop("file_name")), "image without a file_name"),
    "coco: way out": (coco(lambda found: found["images"][0].update(file_name="../../etc/passwd.png")), "no image"),
    "coco: NaN": (coco(lambda found: found["annotations"][0].update(bbox=[float("nan"), 1, 2, 3])), "not valid JSON"),
    "coco: deep": (lambda root: (draw(root), (root / "x.json").write_text(
        json.dumps(coco_of(TRUTH))[:-1] + ', "x": ' + "[" * 3000 + "]" * 3000 + "}"))[0], "nested"),
    "coco: size": (coco(lambda found: found["images"][0].update(width=100)), "annotated at 48 × 100"),
    "yolo: pixels": (yolo("0 30 20 10 10\n"), "pixels, where shares"),
    "yolo: an outline": (yolo("0 0.1 0.1 0.5 0.1 0.5 0.5\n"), "an outline, no box"),
    "yolo: out": (yolo("0 0.9 0.5 0.6 0.2\n"), "out of the image"),
    "yolo: class": (yolo("2 0.5 0.5 0.2 0.2\n"), "class 2, where 2 classes have names"),
    "yolo: three": (yolo("0 0.5 0.5\n"), "3 numbers"),
    "labelme: no area": (labelme(lambda found: found["shapes"][0].update(points=[[5, 5], [5, 9]])), "without an area"),
    "labelme: size": (labelme(lambda found: found.update(imageWidth=99)), "annotated at 48 × 99"),
    "labelme: image": (labelme(lambda found: found.update(imagePath="gone.png")), "missing"),
    "cvat: no label": (replaced("annotations.xml", 'label="cell"', "", "CVAT XML"), "shape without a label"),
    "cvat: a number": (replaced("annotations.xml", 'xtl="3.25"', 'xtl="x"', "CVAT XML"), "'x' is no number"),
    "studio: a number": (replaced("export.json", '"x": 5.078125', '"x": null', "Label Studio JSON"), "None' is no number"),
    "csv: a word": (table("a.png,cell,1,2,x,4"), "'x' is no number"),
    "csv: no label": (table("a.png,,1,2,3,4"), "box without a label"),
    "csv: no image": (table("gone.png,cell,1,2,3,4"), "missing image file"),
    "csv: way out": (table("../a.png,cell,1,2,3,4"), "leads out of the folder"),
    "two tools": (mixed, "boxes of several tools"),
}  # fmt: skip


def told(path: Path, **settings: Any) -> list[UserError]:
    try:
        data = read(path, **settings)
    except Problems as problems:
        return list(problems.errors)
    except UserError as error:
        return [error]
    assert data.boxes is not None
    return list(data.boxes.faults)


def test_at_least_forty_faults_are_planted_in_all_seven_formats() -> None:
    formats = {name.partition(":")[0] for name in FAULTS}
    assert len(FAULTS) >= 40 and formats >= {"voc", "coco", "yolo", "labelme", "cvat", "studio", "csv"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_its_file_and_without_a_traceback(fault: str, tmp_path: Path) -> None:
    write, said = FAULTS[fault]
    write(tmp_path)
    found = told(tmp_path)
    assert any(said in one.what and one.where for one in found), [str(one) for one in found]
    told(tmp_path, on_bad="skip")  # whatever is left is no traceback


@pytest.mark.parametrize(
    ("line", "said"), [("0 .9 .5 .6 .2\n", "out of the image"), ("0 .5 .5 0 .2\n", "without an area")]
)
def test_where_no_box_can_be_used_it_is_said_why(line: str, said: str, tmp_path: Path) -> None:
    write_yolo(tmp_path, TRUTH)
    for text in (tmp_path / "labels").rglob("*.txt"):
        text.write_text(line)
    first, *_, last = told(tmp_path)
    assert said in first.what and first.where and "no box" in last.what


def test_where_no_xml_can_be_read_it_is_said_why(tmp_path: Path) -> None:
    write_voc(tmp_path, WHOLE)
    for file in (tmp_path / "Annotations").iterdir():
        file.write_text(BOMB + file.read_text())
    (error,) = told(tmp_path)
    assert "document type" in error.what and error.where.endswith(".xml")


def test_pictures_of_predictions_are_no_images_of_annotations(tmp_path: Path) -> None:
    draw(tmp_path, folder="overlays")
    (tmp_path / "boxes.json").write_text(json.dumps(coco_of(TRUTH)))
    found = told(tmp_path / "boxes.json")
    assert found and all("no image" in error.what for error in found)


def test_an_image_of_another_suffix_is_noted_and_of_another_size_refused(tmp_path: Path) -> None:
    draw(tmp_path)
    found = coco_of(TRUTH)
    found["images"][0]["file_name"] = "new/a.jpg"
    (tmp_path / "x.json").write_text(json.dumps(found))
    assert any("no 'new/a.jpg', a.png is taken" in note for note in read(tmp_path).notes)
    found["images"][0]["width"] = 100
    (tmp_path / "x.json").write_text(json.dumps(found))
    assert any("annotated at 48 × 100" in error.what for error in told(tmp_path))


def test_a_box_that_reaches_two_pixels_out_is_cut_and_noted(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "boxes.csv").write_text(
        "image,label,xmin,ymin,xmax,ymax\na.png,cell,-1.5,3,20,49.9\nb.png,cell,1,2,9,9\n"
    )
    data = read(tmp_path / "boxes.csv")
    assert data.boxes is not None and data.boxes.corners[0].tolist() == [0, 3, 20, 48]
    assert any("1 box, out of it by up to 2 pixels" in note for note in data.notes) and not data.boxes.faults


def test_a_swapped_size_is_noted_where_the_boxes_fit_the_image(tmp_path: Path) -> None:
    write_voc(tmp_path, {**WHOLE, "a.png": [("cell", 3, 4, 20, 31)]})
    file = tmp_path / "Annotations" / "a.xml"
    file.write_text(file.read_text().replace("<width>64</width><height>48<", "<width>48</width><height>64<"))
    data = read(tmp_path)
    assert any("swapped" in note for note in data.notes)
    file.write_text(file.read_text().replace("<width>48</width><height>64<", "<width>0</width><height>0<"))
    same(read(tmp_path), {**WHOLE, "a.png": [("cell", 3, 4, 20, 31)]})


def test_one_class_written_in_two_ways_is_noted(tmp_path: Path) -> None:
    rows = [("cell", 1.0, 2.0, 9.0, 9.0)] * 5 + [("Cell ", 20.0, 2.0, 29.0, 9.0)] + [("celll", 20.0, 12.0, 29.0, 19.0)]
    write_voc(tmp_path, {"a.png": rows, "b.png": rows[:3], "c.png": []})
    assert any("ell" in note for note in read(tmp_path).notes), read(tmp_path).notes


def test_a_path_without_boxes_is_none(tmp_path: Path) -> None:
    draw(tmp_path)
    (tmp_path / "notes.json").write_text('{"images": 3}')
    (tmp_path / "notes.xml").write_text("<html/>")
    (tmp_path / "a.txt").write_text("a cat on a mat")
    assert open_boxes(tmp_path, DEFAULT, Reading()) is None


@pytest.mark.data
def test_bccd_has_two_boxes_without_an_area_and_counts_pixels_from_1(real_data: Callable[[str], Path]) -> None:
    data = read(real_data("bccd"))
    assert data.boxes is not None and len(data) == 364 and len(data.boxes.labels) == 4886
    assert [fault.where.partition(":")[0][-9:] for fault in data.boxes.faults] == ["00338.xml", "00343.xml"]
    assert any(one.role == "pixels counted from 1" for one in data.taken)
    assert data.splits is not None and [(data.splits == part).sum() for part in ("train", "validation", "test")] == [
        205,
        87,
        72,
    ]
