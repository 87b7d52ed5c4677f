"""Near copies: what is found in which way changed, what is none, that families stay small, and that order changes nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from neocog.data import copies as copies_module
from neocog.data.copies import LARGEST, Copies, near_copies
from neocog.data.dataset import ArrayImages
from neocog.data.readers.detect import open_dataset
from neocog.data.records import Record
from neocog.data.scan import scan_images
from neocog.data.thumbnails import features, thumbnails, turns, unpacked

# fmt: off
WAYS = {
    "quality 60": lambda p: jpeg(p, 60),
    "half the size": lambda p: p.resize((p.width // 2, p.height // 2), Image.Resampling.LANCZOS),
    "twice the size": lambda p: p.resize((p.width * 2, p.height * 2), Image.Resampling.BICUBIC),
    "brighter": lambda p: p.point(lambda v: v * 1.1),
    "darker": lambda p: p.point(lambda v: v * 0.9),
    "cropped": lambda p: p.crop((1, 1, p.width - 1, p.height - 1)),
    "mirrored": lambda p: jpeg(p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 80),
    "upside down": lambda p: jpeg(p.transpose(Image.Transpose.FLIP_TOP_BOTTOM), 80),
    "a quarter": lambda p: jpeg(p.transpose(Image.Transpose.ROTATE_90), 80),
    "a half": lambda p: jpeg(p.transpose(Image.Transpose.ROTATE_180), 80),
    "three quarters": lambda p: jpeg(p.transpose(Image.Transpose.ROTATE_270), 80),
    "transposed": lambda p: jpeg(p.transpose(Image.Transpose.TRANSPOSE), 80),
    "transversed": lambda p: jpeg(p.transpose(Image.Transpose.TRANSVERSE), 80),
}
# fmt: on


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).copy()


def photo(seed: int, height: int = 48, width: int = 60) -> Image.Image:
    """A smooth random picture, as unlike any other as two photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 226, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def records_of(pictures) -> list[Record]:
    found = []
    for picture in pictures:
        pixels = np.asarray(picture)
        found += scan_images(ArrayImages(pixels.reshape(1, *pixels.shape[:2], -1), ["x"])).records
    return found


def paired(found: Copies) -> list[tuple[int, int]]:
    return sorted(map(tuple, found.pairs.tolist()))


@pytest.mark.parametrize("how", WAYS)
def test_each_way_of_copying_is_found_and_nothing_else(how):
    pictures = [photo(seed) for seed in range(30)]
    found = near_copies(records_of([*pictures, *(WAYS[how](picture) for picture in pictures[:15])]))
    assert paired(found) == [(i, 30 + i) for i in range(15)]
    assert found.count == 15 and not len(found.apart)
    assert all(found.families[i] == found.families[30 + i] != "" for i in range(15))
    assert found.families[15:30] == [""] * 15


def test_all_eight_ways_of_one_picture_are_one_family():
    pictures = [photo(seed, 48, 48) for seed in range(20)]
    turned = [pictures[0].transpose(way) for way in Image.Transpose]
    found = near_copies(records_of([*pictures, *turned]))
    assert found.count == 1 and [bool(family) for family in found.families] == [True] + [False] * 19 + [True] * 7


def test_a_picture_in_other_colours_light_or_contrast_is_another_one():
    pictures = [np.asarray(photo(seed)) for seed in range(20)]
    others = [pictures[0][..., [1, 2, 0]], pictures[1] // 2, 255 - pictures[2], pictures[3] // 2 + 60]
    assert paired(near_copies(records_of([*pictures, *others]))) == []


def test_flat_and_unreadable_pictures_have_no_copies():
    noise = np.random.default_rng(0).integers(100, 102, (20, 32, 32, 1), dtype=np.uint8)
    flat = [record for image in noise for record in scan_images(ArrayImages(image[None], ["x"])).records]
    assert all(record.thumbnail == b"" for record in flat)
    good = records_of([photo(0), jpeg(photo(0), 90)])
    assert near_copies([*flat, replace(good[0], error=ValueError()), good[1]]).count == 0
    assert near_copies([]).families == [] and near_copies(good[:1]).families == [""]


def test_identical_pixels_share_a_family_with_the_near_copies_of_each():
    pictures = [photo(seed) for seed in range(20)]
    found = near_copies(records_of([*pictures, pictures[3], jpeg(pictures[3], 80), pictures[5]]))
    assert found.count == 2 and paired(found) == [(3, 21)]
    assert found.families[3] == found.families[20] == found.families[21] != found.families[5] == found.families[22]


def test_a_film_makes_no_family_larger_than_stated_and_what_is_left_apart_is_told():
    frames = [photo(seed, 40, 40) for seed in range(40)]
    noise = np.random.default_rng(0).integers(0, 4, (100, 40, 40, 3))
    frames += [(np.asarray(frames[0]) + each).astype(np.uint8) for each in noise]
    found = near_copies(records_of(frames))
    sizes = [found.families.count(family) for family in set(found.families) - {""}]
    assert LARGEST / 2 < max(sizes) <= LARGEST and len(found.apart) > 10
    assert all(found.families[i] != found.families[j] for i, j in found.apart.tolist())


def test_neither_order_nor_chance_changes_pairs_and_families():
    pictures = [photo(seed) for seed in range(60)]
    records = records_of([*pictures, *(jpeg(picture, 70) for picture in pictures[::3]), pictures[0]])
    order = np.random.default_rng(0).permutation(len(records))
    one, two = near_copies(records), near_copies([records[i] for i in order])
    assert [one.families[i] for i in order] == two.families
    assert one.count == 20


def test_features_stay_when_a_picture_is_turned_and_never_differ_more_than_the_thumbnails():
    cells, _, _ = unpacked(thumbnails(np.stack([np.asarray(photo(seed, 48, 48)) for seed in range(20)])))
    for way in turns():
        np.testing.assert_allclose(features(cells[:, way]), features(cells), atol=1e-5)
    apart = np.linalg.norm(features(cells)[:, None] - features(cells), axis=2)
    assert (apart <= np.linalg.norm(cells[:, None] - cells, axis=2) + 1e-4).all()
    assert len({tuple(way) for way in turns().tolist()}) == 8


def test_volumes_are_compared_as_they_lie():
    volumes = np.random.default_rng(0).integers(0, 255, (20, 6, 7, 8, 1)).astype(np.float32)
    array = np.concatenate([volumes, volumes[:3] + 1, volumes[3:5, :, :, ::-1]])
    records = scan_images(ArrayImages(array, [str(i) for i in range(25)])).records
    assert paired(near_copies(records, "volumes")) == [(0, 20), (1, 21), (2, 22)]


def test_pairs_that_a_split_tears_are_told():
    pairs = np.array([[0, 1], [2, 3], [4, 5]])
    found = Copies(pairs, [], pairs[:0])
    assert found.torn(np.array(["train", "test", "train", "train", "", "test"])).tolist() == [[0, 1]]


def test_as_many_equal_points_as_neighbours_do_not_hide_a_point_from_itself():
    near = copies_module._neighbours(np.zeros((40, 15), np.float32))
    assert near.shape == (40, copies_module.NEIGHBOURS) and (near != np.arange(40)[:, None]).all()


@pytest.mark.data
def test_handwritten_digits_that_look_alike_are_no_copies(real_data):
    dataset = open_dataset(real_data("mnist"))
    found = near_copies(scan_images(ArrayImages(dataset.images.array[::5], dataset.names[::5])).records)
    assert len(found.families) == 14_000 and len(found.pairs) <= 14  # 1 in 1,000 images


@pytest.mark.data
def test_most_copies_among_small_real_photographs_are_no_coincidence(cifar10):
    dataset = open_dataset(cifar10)
    found = near_copies(scan_images(ArrayImages(dataset.images.array[::6], dataset.names[::6])).records)
    assert 0 < len(found.pairs) <= 40  # CIFAR-10 has some; bench/copies.py looks at them


@pytest.mark.data
@pytest.mark.parametrize("how", ["quality 60", "half the size", "cropped", "mirrored", "a quarter"])
def test_photographs_are_found_in_each_way_of_copying(real_data, how):
    files = sorted((real_data("hymenoptera") / "val").rglob("*.jpg"))[:60]
    pictures = [Image.open(file).convert("RGB") for file in files]
    found = near_copies(records_of([*pictures, *(WAYS[how](picture) for picture in pictures[:40])]))
    wanted = {(i, 60 + i) for i in range(40)}
    assert len(wanted & set(paired(found))) >= 39 and set(paired(found)) <= wanted


def test_16_bit_pictures_are_compared_in_their_own_range():
    rng = np.random.default_rng(0)
    coarse = [np.kron(rng.integers(0, 4000, (8, 8)), np.ones((6, 6))).astype(np.uint16) for _ in range(20)]
    assert paired(near_copies(records_of([*coarse, coarse[4] + 1]))) == [(4, 20)]
