"""What the values of masks mean is decided by all of them together, said, and asked where two readings are plausible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.mask_dataset import open_masks
from neocog.data.readers.mask_look import pieces
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

Draw = Callable[[np.random.Generator], np.ndarray]
SIDE = 64


def disc(rng: np.random.Generator, radius: int = 8, side: int = SIDE) -> np.ndarray:
    row, column = rng.integers(radius + 2, side - radius - 2, 2)
    return np.hypot(*(np.mgrid[:side, :side] - np.array([row, column])[:, None, None])) <= radius


def cells(rng: np.random.Generator, fewest: int = 4, most: int = 9) -> np.ndarray:
    """Numbered discs, some over others."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for number in range(1, int(rng.integers(fewest, most)) + 1):
        mask[disc(rng, 4)] = number
    return mask


def folder(root: Path, draw: Draw, count: int = 16, suffix: str = ".png", **options: object) -> Path:
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for i in range(count):
        mask = draw(rng)
        picture = rng.integers(0, 256, (*mask.shape[:2], 3), dtype=np.uint8)
        Image.fromarray(picture).save(root / "images" / f"{i:02}.png")
        Image.fromarray(mask).save(root / "masks" / f"{i:02}{suffix}", **options)
    return root


def read(root: Path, **reading: object) -> Dataset:
    data = open_masks(root, DEFAULT, Reading(**reading))  # type: ignore[arg-type]
    assert data is not None and data.masks is not None
    return data


def share(data: Dataset) -> float:
    """Of the pixels that are class 1."""
    assert data.masks is not None
    return float(np.mean([data.masks.read(index) == 1 for index in range(len(data))]))


def fault(root: Path, **reading: object) -> str:
    with pytest.raises(UserError) as caught:
        read(root, **reading)
    return str(caught.value)


def meaning(data: Dataset) -> str:
    """What was said of the values."""
    row = data.taken[-1]
    return f"{row.part} {row.role} {row.evidence} {row.flag}"


def test_numbered_objects_are_one_class_and_that_is_said(tmp_path: Path) -> None:
    data = read(folder(tmp_path, cells))
    assert data.classes == ("background", "object")
    assert all(word in meaning(data) for word in ("single objects", "4 to 8", "--instances", "--mask-values classes"))
    np.testing.assert_array_equal(data.masks.read(3), np.array(Image.open(tmp_path / "masks/03.png")) > 0)  # type: ignore[union-attr]
    assert len(read(tmp_path, mask_values="classes").classes) == 9


def test_hundreds_of_packed_objects_are_no_photograph_and_no_probabilities(tmp_path: Path) -> None:
    def packed(rng: np.random.Generator) -> np.ndarray:
        points = rng.integers(0, SIDE, (200, 2))
        rows, columns = np.mgrid[:SIDE, :SIDE]
        away = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
        return (away.argmin(-1) + 1).astype(np.uint8)

    assert read(folder(tmp_path, packed, 4)).classes == ("background", "object")


def test_objects_in_colours_of_their_own_are_one_class(tmp_path: Path) -> None:
    def coloured(rng: np.random.Generator) -> np.ndarray:
        colours = np.vstack([np.zeros((1, 3), np.uint8), rng.integers(20, 256, (9, 3), dtype=np.uint8)])
        return np.asarray(colours[cells(rng)])

    data = read(folder(tmp_path, coloured))
    assert data.classes == ("background", "object") and "hardly one colour in two masks" in meaning(data)
    assert data.masks is not None and set(np.unique(data.masks.read(0))) == {0, 1}


def test_few_numbers_in_one_piece_each_are_asked_about(tmp_path: Path) -> None:
    root = folder(tmp_path, lambda rng: cells(rng, 1, 4))
    message = fault(root)
    assert all(word in message for word in ("two ways", "single objects", "3 classes", "--mask-values foreground"))
    assert read(root, mask_values="foreground").classes == ("background", "object")
    assert read(root, mask_values="classes").classes == ("background", "class 1", "class 2", "class 3")


def test_numbers_of_objects_in_a_whole_set_are_asked_about(tmp_path: Path) -> None:
    def followed(rng: np.random.Generator) -> np.ndarray:
        found = cells(rng)
        return np.where(found, found + rng.integers(0, 30), 0).astype(np.uint8)

    message = fault(folder(tmp_path, followed))
    assert "single objects" in message and "--mask-values classes --remap" in message


def test_classes_stay_classes(tmp_path: Path) -> None:
    def organ(rng: np.random.Generator) -> np.ndarray:  # with a tumour inside in half of the masks
        mask = disc(rng, 12).astype(np.uint8)
        if rng.integers(2):
            at = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
            mask[at[0] - 2 : at[0] + 3, at[1] - 2 : at[1] + 3] = 2
        return mask

    def scattered(rng: np.random.Generator) -> np.ndarray:
        return np.asarray(np.maximum.reduce([disc(rng, 4) * np.uint8(i % 3 + 1) for i in range(9)]))

    def both(rng: np.random.Generator) -> np.ndarray:
        return np.where(disc(rng), 2, disc(rng) * 1).astype(np.uint8)

    for number, (draw, evidence) in enumerate(
        [(organ, "always larger"), (scattered, "lie in one piece"), (both, "every mask holds the same 2")]
    ):
        data = read(folder(tmp_path / str(number), draw, 30))
        assert len(data.classes) in (3, 4) and evidence in meaning(data) and "--instances" in meaning(data)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_soft_edges_are_cut_at_half(tmp_path: Path, suffix: str) -> None:
    def soft(rng: np.random.Generator) -> np.ndarray:
        return np.asarray(ndimage.gaussian_filter(disc(rng) * 255.0, 1.2).round().astype(np.uint8))

    data = read(folder(tmp_path, soft, suffix=suffix))
    assert data.classes == ("background", "object") and "from 128 on" in meaning(data)
    assert share(data) == pytest.approx(disc(np.random.default_rng(1)).mean(), rel=0.08)


def test_a_jpeg_of_two_levels_is_cut_at_half(tmp_path: Path) -> None:
    data = read(folder(tmp_path, lambda rng: disc(rng) * np.uint8(255), suffix=".jpg", quality=80))
    assert share(data) == pytest.approx(disc(np.random.default_rng(1)).mean(), rel=0.03)


def test_probabilities_are_refused_unless_half_is_asked_for(tmp_path: Path) -> None:
    def cloud(rng: np.random.Generator) -> np.ndarray:
        away = np.hypot(*(np.mgrid[:SIDE, :SIDE] - rng.integers(20, 44, 2)[:, None, None]))
        return (255 * np.exp(-((away / 18) ** 2))).round().astype(np.uint8)

    def grain(rng: np.random.Generator) -> np.ndarray:
        return np.asarray((cloud(rng) * rng.random((SIDE, SIDE)) ** 0.3).astype(np.uint8))

    def faint(rng: np.random.Generator) -> np.ndarray:
        return np.asarray(ndimage.gaussian_filter(disc(rng) * 255.0, 6).astype(np.uint8))

    assert "no clear edges" in fault(folder(tmp_path / "faint", faint))
    for number, draw in enumerate((cloud, grain)):
        root = folder(tmp_path / str(number), draw)
        message = fault(root)
        assert "no clear edges" in message and "--mask-values foreground" in message
        data = read(root, mask_values="foreground")
        assert share(data) == pytest.approx(np.mean(np.array(Image.open(root / "masks/03.png")) >= 128), abs=0.05)


def test_one_object_stored_in_two_ways_is_one_class(tmp_path: Path) -> None:
    def either(rng: np.random.Generator) -> np.ndarray:
        return disc(rng) * np.uint8(rng.choice([1, 255]))

    data = read(folder(tmp_path / "a", either))
    assert len(data.classes) == 2 and "none two of them" in meaning(data)
    assert share(data) == pytest.approx(disc(np.random.default_rng(1)).mean(), rel=1e-6)
    void = folder(tmp_path / "b", lambda rng: np.where(disc(rng), 255, disc(rng)).astype(np.uint8))
    assert "--ignore 255" in fault(void)


def test_black_objects_on_white_are_the_objects(tmp_path: Path) -> None:
    def dark(rng: np.random.Generator) -> np.ndarray:
        return ~disc(rng) * np.uint8(255)

    root = folder(tmp_path, dark)
    data = read(root)
    assert "255 surrounds 0 in 16 of 16 masks" in meaning(data)
    assert data.classes[0] == "background" and share(data) < 0.1
    assert share(read(root, background="0")) > 0.9
    assert read(root, background="none").classes == ("class 0", "class 255")


def test_masks_of_which_half_are_negatives_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path, lambda rng: (disc(rng) ^ bool(rng.integers(2))) * np.uint8(255))
    assert all(word in fault(root) for word in ("negative of others", "invert", "--background 0"))
    assert read(root, background="0").classes == ("background", "foreground")


def test_negatives_are_refused_where_they_are_stored_by_another_number(tmp_path: Path) -> None:
    def mixed(rng: np.random.Generator) -> np.ndarray:
        return disc(rng) * np.uint8(1) if rng.integers(2) else ~disc(rng) * np.uint8(255)

    def both(rng: np.random.Generator) -> np.ndarray:
        return ~disc(rng) * np.uint8(rng.choice([1, 255]))

    root = folder(tmp_path / "mixed", mixed)
    assert all(word in fault(root) for word in ("negative of others", "255 surrounds 0", "--background 0"))
    assert read(root, background="0").classes == ("background", "foreground")
    assert share(read(folder(tmp_path / "both", both))) < 0.1  # the disc is the object in all of them


def test_a_large_object_that_reaches_the_edge_is_still_the_object(tmp_path: Path) -> None:
    def land(rng: np.random.Generator) -> np.ndarray:
        return (np.mgrid[:SIDE, :SIDE][0] > rng.integers(10, 50)) * np.uint8(255)

    assert share(read(folder(tmp_path, land))) == pytest.approx(0.5, abs=0.15)


def test_photographs_named_like_masks_are_classes_by_their_folders(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("anna", "bela"):
        (tmp_path / name).mkdir()
        for i in range(6):
            for end in ("", "_mask"):
                picture = rng.integers(0, 256, (20 + i, 24, 3), dtype=np.uint8)
                Image.fromarray(picture).save(tmp_path / name / f"{i}{end}.jpg")
    data = open_dataset(tmp_path)
    assert data.masks is None and data.classes == ("anna", "bela") and len(data) == 24
    with pytest.raises(UserError, match="photographs"):
        open_dataset(tmp_path, reading=Reading(task="segmentation"))


def test_left_out_images_are_counted(tmp_path: Path) -> None:
    root = folder(tmp_path, lambda rng: disc(rng) * np.uint8(255))
    (root / "masks/03.png").unlink()
    data = read(root, unlabelled="skip")
    assert [left.name for left in data.left_out] == ["images/03.png"] and len(data) == 15


def test_pieces_of_equal_values_are_counted_at_once() -> None:
    keys = np.array([[1, 1, 0, 2], [0, 1, 0, 1], [3, 0, 0, 1]])
    labels, count = pieces(keys)
    assert count == 6 and labels[0, 0] == labels[1, 1] != labels[1, 3] == labels[2, 3]
