"""Masks: every doubtful one is told, and what is read is what was stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.masks import fit_mask, scan_masks
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.mask_groups import inferred_groups
from neocog.data.readers.reading import Reading
from neocog.data.resize import fit
from neocog.errors import UserError

RNG = np.random.default_rng(0)
SHAPE = (12, 16)
CLASSES = np.arange(192).reshape(SHAPE) % 4  # every class in every row
BINARY = (CLASSES > 1).astype(np.uint8)


def image(path: Path, shape: tuple[int, int] = SHAPE, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (*shape, 3), dtype=np.uint8)).save(path, **options)


def save(path: Path, mask: np.ndarray | Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(path)


def folder(root: Path, *masks: np.ndarray | Image.Image, suffix: str = ".png") -> Path:
    """images/ and masks/ with these masks."""
    for i, mask in enumerate(masks):
        image(root / "images" / f"{i}.png")
        save(root / "masks" / f"{i}{suffix}", mask)
    return root


def read(root: Path, **reading: object) -> Dataset:
    data = open_masks(root, DEFAULT, Reading(**reading))  # type: ignore[arg-type]
    assert data is not None and data.masks is not None
    return data


def mask_of(data: Dataset, index: int = 0) -> np.ndarray:
    assert data.masks is not None
    return data.masks.read(index)


def fault(root: Path, **reading: object) -> str:
    with pytest.raises(UserError) as caught:
        read(root, **reading)
    return str(caught.value)


def test_a_mask_of_another_size_is_told_with_both(tmp_path: Path) -> None:
    message = fault(folder(tmp_path, CLASSES.astype(np.uint8), np.zeros((10, 16), np.uint8)))
    assert "10 × 16, its image 12 × 16" in message and "masks/1.png" in message


def test_a_palette_mask_gives_its_indices(tmp_path: Path) -> None:
    mask = Image.fromarray(CLASSES.astype(np.uint8))
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    assert mask.mode == "P"
    for suffix in (".png", ".gif", ".bmp"):
        np.testing.assert_array_equal(mask_of(read(folder(tmp_path / suffix[1:], mask, suffix=suffix))), CLASSES)


def test_a_palette_tiff_gives_its_indices(tmp_path: Path) -> None:
    image(tmp_path / "images" / "0.png")
    (tmp_path / "masks").mkdir()
    colours = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "masks" / "0.tif", CLASSES.astype(np.uint8), photometric="palette", colormap=colours)
    np.testing.assert_array_equal(mask_of(read(tmp_path)), CLASSES)


def test_colours_are_classes_by_a_map_and_others_are_told_with_their_place(tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [128, 128, 128]], np.uint8)
    folder(tmp_path, colours[CLASSES])
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nground:0,0,0::\na car:255,0,0::\ntree:0,255,0::\n"
    )
    message = fault(tmp_path)
    assert "1 colours that the colour map does not know: 128" in message and "masks/0.png" in message
    with (tmp_path / "labelmap.txt").open("a") as file:
        file.write("road:128,128,128::\n")
    data = read(tmp_path)
    assert data.classes == ("ground", "a car", "tree", "road")
    np.testing.assert_array_equal(mask_of(data), CLASSES)
    later = colours.copy()
    later[2] = 1, 2, 3
    save(tmp_path / "masks" / "0.png", later[CLASSES])
    with pytest.raises(UserError, match=r"\(1, 2, 3\) at row 0, column 2 is no known class"):
        mask_of(data)


def test_few_colours_without_a_map_are_classes_with_a_note(tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [0, 0, 200], [200, 0, 0]], np.uint8)
    data = read(folder(tmp_path, colours[BINARY * 2]))
    np.testing.assert_array_equal(mask_of(data), BINARY)
    assert data.classes == ("background", "colour (200, 0, 0)") and "labelmap.txt" in data.taken[-1].flag


def test_a_jpeg_mask_of_classes_is_lossy(tmp_path: Path) -> None:
    blocks = np.kron(RNG.integers(0, 4, (4, 4)), np.ones((6, 8))).astype(np.uint8) * 85
    image(tmp_path / "images/0.png", blocks.shape)
    save(tmp_path / "masks/0.jpg", blocks)
    assert "lossy (JPEG) mask" in fault(tmp_path)


def test_numbers_with_gaps_are_told_and_remapped_on_demand(tmp_path: Path) -> None:
    folder(tmp_path, np.array([0, 1, 3, 7], np.uint8)[CLASSES])
    message = fault(tmp_path)
    assert "expected 0 … 3; found in all: 0, 1, 3, 7" in message and "--remap" in message
    data = read(tmp_path, remap=True)
    np.testing.assert_array_equal(mask_of(data), CLASSES)
    assert data.classes == ("background", "class 1", "class 3", "class 7") and "7 → 3" in data.notes[0]


def test_numbers_beyond_the_list_of_classes_are_told(tmp_path: Path) -> None:
    folder(tmp_path, CLASSES.astype(np.uint8))
    (tmp_path / "classes.txt").write_text("ground\ncar\ntree\n")
    assert "mask values 3, expected 0 … 2" in fault(tmp_path)
    (tmp_path / "classes.txt").write_text("ground\ncar\ntree\nroad\nsky\n")
    assert read(tmp_path).classes == ("ground", "car", "tree", "road", "sky")


def test_the_mask_that_is_named_is_the_one_meant_where_another_cannot_be_read(tmp_path: Path) -> None:
    folder(tmp_path, BINARY, CLASSES.astype(np.uint8), BINARY)
    (tmp_path / "masks/0.png").write_bytes(b"no picture")
    (tmp_path / "classes.txt").write_text("ground\ncar\ntree\n")
    message = fault(tmp_path)
    assert "where: masks/0.png" in message and "mask values 3, expected 0 … 2" in message
    assert "where: masks/1.png" in message and "masks/2.png" not in message


def test_255_is_the_second_class_of_two_and_ignored_only_if_said(tmp_path: Path) -> None:
    data = read(folder(tmp_path / "binary", BINARY * np.uint8(255)))
    np.testing.assert_array_equal(mask_of(data), BINARY)
    assert "255" in data.taken[-1].part
    edged = CLASSES.astype(np.uint8)
    edged[0] = 255
    folder(tmp_path / "edged", edged)
    assert "--ignore 255" in fault(tmp_path / "edged")
    np.testing.assert_array_equal(mask_of(read(tmp_path / "edged", ignore=255)), edged)


def test_one_bit_masks_and_masks_of_few_bits_are_numbers(tmp_path: Path) -> None:
    np.testing.assert_array_equal(mask_of(read(folder(tmp_path / "a", Image.fromarray(BINARY > 0)))), BINARY)
    image(tmp_path / "b/images/0.png")
    few = Image.fromarray(CLASSES.astype(np.uint8))
    few.putpalette([0, 0, 0, 9, 9, 9, 20, 20, 20, 30, 30, 30])
    (tmp_path / "b/masks").mkdir()
    few.save(tmp_path / "b/masks/0.png", bits=2)
    np.testing.assert_array_equal(mask_of(read(tmp_path / "b")), CLASSES)


def test_deep_and_float_masks_count_where_they_are_whole(tmp_path: Path) -> None:
    for kind in (np.uint16, np.float32, np.int32):
        root = tmp_path / np.dtype(kind).name
        image(root / "images" / "0.png")
        (root / "masks").mkdir()
        tifffile.imwrite(root / "masks" / "0.tif", CLASSES.astype(kind))
        np.testing.assert_array_equal(mask_of(read(root)), CLASSES)
    tifffile.imwrite(tmp_path / "float32/masks/0.tif", CLASSES.astype(np.float32) + 0.25)
    assert "0.25 at row 0, column 0 is no class number" in fault(tmp_path / "float32")


def test_one_empty_mask_is_fine_and_only_empty_ones_are_not(tmp_path: Path) -> None:
    nothing = np.zeros(SHAPE, np.uint8)
    assert len(read(folder(tmp_path / "some", nothing, BINARY * np.uint8(255)))) == 2
    assert "all 2 masks are empty" in fault(folder(tmp_path / "none", nothing, nothing))


def test_missing_partners_are_all_listed_or_skipped(tmp_path: Path) -> None:
    folder(tmp_path, CLASSES.astype(np.uint8), CLASSES.astype(np.uint8))
    for name in ("lonely1", "lonely2"):
        image(tmp_path / "images" / f"{name}.png")
    save(tmp_path / "masks" / "widow.png", BINARY)
    message = fault(tmp_path)
    assert all(name in message for name in ("2 images without a mask", "lonely1", "lonely2", "1 mask without", "widow"))
    data = read(tmp_path, unlabelled="skip")
    assert len(data) == 2 and any("3 images or masks" in note for note in data.notes)


def test_an_image_turned_by_its_exif_is_compared_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = np.rot90(CLASSES, -1).astype(np.uint8)
    image(tmp_path / "images/0.jpg", exif=exif)
    save(tmp_path / "masks/0.png", upright)
    data = read(tmp_path)
    assert data.images.header(0).size == upright.shape == mask_of(data).shape
    save(tmp_path / "masks/0.png", CLASSES.astype(np.uint8))
    assert "12 × 16, its image 16 × 12" in fault(tmp_path)


def test_all_faults_are_told_in_one_pass(tmp_path: Path) -> None:
    folder(tmp_path, CLASSES.astype(np.uint8), np.zeros((3, 3), np.uint8), np.array([0, 1, 2, 9], np.uint8)[CLASSES])
    (tmp_path / "masks" / "2.png").rename(tmp_path / "masks" / "9.png")
    image(tmp_path / "images" / "9.png")
    (tmp_path / "masks" / "0.png").write_bytes(b"")
    message = fault(tmp_path)
    for part in ("the file is empty", "3 × 3, its image", "1 image without a mask", "mask values 9, expected"):
        assert part in message


def test_many_numbers_are_objects(tmp_path: Path) -> None:
    ids = np.kron(np.arange(192, dtype=np.uint16).reshape(SHAPE), np.ones((3, 3), np.uint16))
    image(tmp_path / "images/0.png", ids.shape)
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks/0.tif", ids)
    data = read(tmp_path)
    assert data.classes == ("background", "object") and "objects" in data.taken[-1].role
    np.testing.assert_array_equal(mask_of(data), ids > 0)


LAYOUTS = {
    "suffix": ("images/a.png", "labels/a_label.png", ""),
    "beside": ("x/a.webp", "x/a_mask.png", ""),
    "segnet": ("train/a.png", "trainannot/a.png", "train"),
    "prepped": ("images_prepped_test/a.png", "annotations_prepped_test/a.png", "test"),
    "parts": ("val/images/a.jpg", "val/masks/a.png", "validation"),
    "parts below": ("images/training/a.jpg", "annotations/training/a.png", "train"),
    "nnunet": ("imagesTr/a_0000.png", "labelsTr/a.png", ""),
    "voc": ("JPEGImages/a.jpg", "SegmentationClass/a.png", ""),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_known(tmp_path: Path, layout: str) -> None:
    picture, mask, part = LAYOUTS[layout]
    image(tmp_path / picture)
    save(tmp_path / mask, CLASSES.astype(np.uint8))
    data = open_dataset(tmp_path)
    assert data.names == (picture,) and data.masks is not None and len(data.classes) == 4
    assert (data.splits is None and not part) or (data.splits is not None and data.splits.tolist() == [part])
    np.testing.assert_array_equal(data.masks.read(0), CLASSES)


def test_nnunet_names_its_classes_and_voc_its_parts(tmp_path: Path) -> None:
    image(tmp_path / "n/imagesTr/a_0000.png")
    marked = CLASSES.astype(np.uint8)
    save(tmp_path / "n/labelsTr/a.png", marked)
    (tmp_path / "n/dataset.json").write_text('{"labels": {"ground": 0, "car": 1, "tree": 2, "ignore": 3}}')
    data = read(tmp_path / "n")
    assert data.classes == ("ground", "car", "tree") and (mask_of(data)[CLASSES == 3] == 255).all()
    for name, part in (("a", "train"), ("b", "val")):
        image(tmp_path / f"v/JPEGImages/{name}.jpg")
        save(tmp_path / f"v/SegmentationClass/{name}.png", marked)
        (tmp_path / "v/ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"v/ImageSets/Segmentation/{part}.txt").write_text(f"{name}\n")
    data = read(tmp_path / "v")
    assert data.splits is not None and data.splits.tolist() == ["train", "validation"]


def test_a_csv_with_a_mask_column(tmp_path: Path) -> None:
    for name in "ab":
        image(tmp_path / f"{name}.png")
        save(tmp_path / f"m/{name}.png", CLASSES.astype(np.uint8))
    (tmp_path / "t.csv").write_text("image,mask,patient_id,split\na.png,m/a.png,p,train\nb.png,m/b.png,q,test\n")
    for path in (tmp_path / "t.csv", tmp_path):
        data = open_dataset(path)
        assert data.groups is not None and data.groups.tolist() == ["p", "q"] and data.masks is not None
        np.testing.assert_array_equal(data.masks.read(1), CLASSES)
    (tmp_path / "t.csv").write_text("image,mask\na.png,m/none.png\nb.png,../b.png\n")
    message = fault(tmp_path / "t.csv")
    assert "missing image file" in message and "leads out of the folder" in message


def test_a_mask_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "secret.png", CLASSES.astype(np.uint8))
    image(tmp_path / "d/images/0.png")
    (tmp_path / "d/masks").mkdir()
    (tmp_path / "d/masks/0.png").symlink_to(tmp_path / "secret.png")
    assert "leads out of the data folder" in fault(tmp_path / "d")


def test_folders_without_masks_are_no_masks(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        image(tmp_path / name)
    assert open_masks(tmp_path, DEFAULT, Reading()) is None
    with pytest.raises(UserError, match="no masks found"):
        open_dataset(tmp_path, reading=Reading(task="segmentation"))
    assert open_dataset(tmp_path).classes == ("cat", "dog")


def test_a_mask_lies_where_its_image_does() -> None:
    """Blocks of 8 pixels: away from their edges, the fitted mask says what the fitted image shows."""
    blocks = np.kron(RNG.integers(0, 2, (5, 9)), np.ones((16, 16))).astype(np.uint8)
    picture = (blocks * 255)[..., None]
    for kind in ("resize", "pad", "crop"):
        preprocessing = Preprocessing(1, (64, 96), "uint8", (0.0,), (1.0,), fit=kind)  # type: ignore[arg-type]
        shown, mask = fit(picture, preprocessing)[0], fit_mask(blocks, (64, 96), preprocessing.fit)
        sure = ((shown < 20) | (shown > 235)) & (mask != 255)
        assert sure.mean() > 0.5 and ((shown > 127) == (mask == 1))[sure].all()
        assert (mask == 255).any() == (kind == "pad")
        preprocessing = replace(preprocessing, size=blocks.shape)
        np.testing.assert_array_equal(fit_mask(blocks, preprocessing.size, preprocessing.fit), blocks)


def test_the_survey_counts_pixels_and_keeps_faults(tmp_path: Path) -> None:
    data = read(folder(tmp_path, CLASSES.astype(np.uint8), CLASSES.astype(np.uint8)))
    (tmp_path / "masks/1.png").write_bytes(b"no image")
    assert data.masks is not None
    done: list[int] = []
    found = scan_masks(data.masks, (6, 8), progress=done.append)
    assert found.counts[0].tolist() == np.bincount(CLASSES.ravel()).tolist() and sum(done) == 2
    assert list(found.errors) == [1] and "not an image" in str(found.errors[1]) and not found.counts[1].any()
    assert found.fitted is not None and found.fitted.shape == (2, 6, 8) and (found.fitted[1] == 255).all()


def test_groups_are_inferred_only_where_they_are_certain() -> None:
    names = ("a/TCGA_CS_4941_19960909_1.webp", "b/TCGA_CS_4941_19960909_2.webp", "c/TCGA_DU_5849_19950405_3.webp")
    groups, note = inferred_groups(names)
    assert groups is not None and groups.tolist() == ["TCGA_CS_4941"] * 2 + ["TCGA_DU_5849"] and "patient" in note
    frames, _ = inferred_groups(
        ("train/0016E5_00390.png", "test/Seq05VD_f00000.png", "0001TP_008520.png", "0001TP_1.png")
    )
    assert frames is not None and frames.tolist() == ["0016E5", "Seq05VD", "0001TP", "0001TP"]
    assert inferred_groups((*names, "d/other.png")) == (None, "") and inferred_groups(names[::2]) == (None, "")


def test_camvid_mri_and_nuclei_are_read_as_published(real_data: Callable[[str], Path]) -> None:
    frames = open_dataset(real_data("camvid"))
    assert len(frames) == 701 and len(frames.classes) == 11 and frames.masks is not None
    assert frames.groups is not None and len(set(frames.groups)) == 4
    stored = np.asarray(Image.open(real_data("camvid") / "trainannot" / f"{Path(frames.names[0]).stem}.png"))
    np.testing.assert_array_equal(frames.masks.read(0), np.where(stored == 11, 255, stored))
    slices = open_dataset(real_data("lgg-mri-segmentation"))
    assert len(slices) == 222 and slices.groups is not None and len(set(slices.groups)) == 74
    nuclei = open_dataset(real_data("bbbc039"))
    assert nuclei.masks is not None
    stored = np.asarray(Image.open(nuclei.masks.path(0)))[..., 0]  # type: ignore[arg-type]
    np.testing.assert_array_equal(nuclei.masks.read(0), stored > 0)
