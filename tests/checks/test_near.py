"""Near duplicates: what is found, what is not taken for one on real data, and that bands lose no pair."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from neocog.checks import near
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.detect import open_dataset
from neocog.data.survey import survey


def dataset_of(arrays) -> Dataset:
    names = [str(i) for i in range(len(arrays))]
    return Dataset(
        "made", None, names, np.zeros(len(arrays), np.int64), ("a", "b"), ArrayImages(np.stack(arrays), names)
    )


def pairs_of(dataset: Dataset) -> list[tuple[int, int]]:
    return near.near_pairs(dataset, survey(dataset.images, keep=False).records)


def test_bands_find_what_comparing_all_pairs_finds(monkeypatch):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 400, dtype=np.uint64)
    flips = (np.uint64(1) << rng.integers(0, 64, (200, 4), dtype=np.uint64)) * (rng.random((200, 4)) < 0.7)
    hashes[200:] = hashes[:200] ^ np.bitwise_xor.reduce(flips.astype(np.uint64), axis=1)
    means, contrasts = np.full((400, 1), 0.5), np.ones(400)
    monkeypatch.setattr(near, "NEIGHBOURS", 400)
    found = {tuple(pair) for pair in near._candidates(hashes, means, contrasts).tolist()}
    distance = np.bitwise_count(hashes[:, None] ^ hashes)
    expected = {(i, j) for i, j in np.argwhere(distance <= near.BITS).tolist() if i < j}
    assert found == expected and 100 < len(expected) < 200


def changed(picture: Image.Image, how: str) -> Image.Image:
    match how.split():
        case ["quality", quality]:
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=int(quality))
            return Image.open(file).convert("RGB")
        case ["scale", scale]:
            smaller = picture.resize([round(side * float(scale)) for side in picture.size], Image.Resampling.LANCZOS)
            return smaller.resize(picture.size, Image.Resampling.BICUBIC)
        case ["noise", sigma]:
            noise = np.random.default_rng(0).normal(0, float(sigma), (*picture.size[::-1], 3))
            return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
    raise AssertionError(how)


@pytest.mark.data
@pytest.mark.parametrize("how", ["quality 90", "quality 50", "scale 0.5", "noise 3"])
def test_photographs_changed_a_little_are_found_and_others_are_not(real_data, how):
    files = sorted((real_data("camvid") / "test").iterdir())[::12][:16]
    pictures = [Image.open(file).convert("RGB") for file in files]
    arrays = [np.asarray(picture) for picture in pictures] + [np.asarray(changed(p, how)) for p in pictures]
    found = pairs_of(dataset_of(arrays))
    assert set(found) <= {(i, i + len(files)) for i in range(len(files))}
    assert len(found) >= 0.9 * len(files)


@pytest.mark.data
def test_handwritten_digits_that_look_alike_are_no_copies(real_data):
    dataset = open_dataset(real_data("mnist"))
    assert len(dataset) == 70_000
    assert len(pairs_of(dataset)) <= 7  # 1 in 10,000 images


@pytest.mark.data
def test_real_small_photographs_are_no_copies(cifar10):
    assert len(pairs_of(open_dataset(cifar10))) <= 6


def test_a_film_of_one_scene_does_not_take_all_pairs():
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 200, (32, 32, 1)).astype(np.uint8)
    frames = [scene + rng.integers(0, 3, scene.shape, dtype=np.uint8) for _ in range(300)]
    found = pairs_of(dataset_of(frames))
    assert len({i for pair in found for i in pair}) > 200  # most frames are told
    assert len(found) <= 300 * near.NEIGHBOURS * (near.BITS + 1)


def test_constant_and_unreadable_images_are_no_pairs():
    dataset = dataset_of([np.full((9, 9, 1), value, np.uint8) for value in (0, 0, 1, 255)])
    assert pairs_of(dataset) == []
    records = survey(dataset.images, keep=False).records
    assert near.near_pairs(dataset, [replace(record, high=1.0, low=0.0) for record in records[:1]]) == []


def test_16_bit_images_are_compared_in_their_own_range():
    rng = np.random.default_rng(0)
    coarse = [np.kron(rng.integers(0, 4000, (8, 8)), np.ones((6, 6)))[..., None].astype(np.uint16) for _ in range(20)]
    assert pairs_of(dataset_of([*coarse, coarse[4] + 1])) == [(4, 20)]
