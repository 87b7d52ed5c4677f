"""What an image costs beside its pixels, and that columns say what objects would."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from neocog.data import spooled as spooled_module
from neocog.data.copies import near_copies
from neocog.data.dataset import ArrayImages, BadImage, Header
from neocog.data.digests import Digests, distinct, known
from neocog.data.masks import ScannedMasks
from neocog.data.names import Names
from neocog.data.records import Headers, Record, Records
from neocog.data.resize import finish, shape_plan
from neocog.data.scan import scan_images
from neocog.data.spooled import spooled
from neocog.verbs.session import ScannedDataset

spec = importlib.util.spec_from_file_location("bookkeeping", Path(__file__).parents[2] / "bench" / "bookkeeping.py")
assert spec and spec.loader
bookkeeping = sys.modules["bookkeeping"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bookkeeping)

SHA = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]


@pytest.mark.parametrize("kind", ["table", "masks", "folders"])
def test_an_image_costs_at_most_250_bytes_once_data_are_read_and_split_and_little_more_while_they_are_opened(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_module, "_SMALL", 0)  # as if there were many
    found = []
    for count in (200, 300, 1500):  # what the first one loads does not count
        path = tmp_path / str(len(found))
        path.mkdir()
        found.append(bookkeeping.cost(bookkeeping.KINDS[kind](path, count)))
    _, few, many = found
    loose = 32768  # what the interpreter itself holds moves by some kB, in threads by twenty
    assert many.end - few.end <= 250 * 1200 + loose
    assert many.peaks["open_data"] - few.peaks["open_data"] <= 330 * 1200 + loose  # what is sorted included


def test_names_come_back_as_they_were() -> None:
    names = [
        "a/b/c.png",
        "a/b/d.png",
        "top.png",
        "a/ü/日本.png",
        "bad\udcff/x\udc80.png",
        "a//b",
        "/",
        "",
        "train[3]",
        "c.png",
    ]
    found = Names(names)
    assert list(found) == names and found == names and names == found and found != names[1:]
    assert found[-1] == "c.png" and found[1:3] == ("a/b/d.png", "top.png") and found.index("top.png") == 2
    many = [f"{i}/{i}" for i in range(70_000)]  # more folders than 16 bits count
    assert list(Names(many)) == many
    with pytest.raises(IndexError):
        found[len(names)]


def test_digests_are_the_texts_that_were_put_in_and_sort_like_them() -> None:
    texts = [*SHA, "", "00" * 31 + "01", "ff" * 31 + "00"]
    found = Digests.of(texts)
    assert found == texts and list(found.take(np.array([200, 3]))) == ["", SHA[3]]
    order = np.argsort(found.keys, kind="stable")
    assert [texts[i] for i in order] == sorted(texts)
    assert known(found).tolist() == [text != "" for text in texts] == known(texts).tolist()


def test_different_texts_are_found_as_numpy_finds_them() -> None:
    for draw in (np.random.default_rng(0).integers(0, 50, 9000), np.arange(0)):
        texts = [SHA[i] for i in draw]
        _, first, which = np.unique(np.array(texts, "U64"), return_index=True, return_inverse=True)
        for given in (Digests.of(texts), texts):
            found = distinct(given)
            assert found[0].tolist() == first.tolist() and found[1].tolist() == which.tolist()


def test_headers_keep_sizes_and_everything_else() -> None:
    heads = [
        Header(3, 4, 1, "uint8", "L"),
        None,
        Header(5, 4, 3, "uint8", "RGB", ("EXIF turned",)),
        Header(3, 4, 1, "uint8", "L"),
        Header(5, 6, 1, "float32", "", (), 7, (1.0, 0.5, 0.5)),
    ]
    found = Headers.of(heads)
    assert list(found) == heads
    assert list(found.times().items()) == [(heads[0], 2), (heads[2], 1), (heads[4], 1)]
    assert list(found.take(np.array([4, 1]))) == [heads[4], None]


def test_records_are_the_records_that_were_put_in() -> None:
    good = Record(Header(2, 2, 3, "uint8"), SHA[0], SHA[1], b"abcd", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 4, 0.5, 9.0)
    grey = Record(Header(3, 2, 1, "uint8"), SHA[2], SHA[3], b"", (7.0,), (8.0,), 6, 1.0, 1.0)
    bad = Record(None, "", "", b"", (), (), 0, 0.0, 0.0, BadImage("no image", "c.png"))
    records = Records.of([grey, good, bad])
    assert list(records) == [grey, good, bad]
    assert records.good.tolist() == [True, True, False] and records.has_thumbnail.tolist() == [False, True, False]
    other = records.with_errors({1: BadImage("no mask", "b.png")})
    assert other[1].error is not None and records[1].error is None and other[1].digest == SHA[0]


def test_thumbnails_of_many_images_lie_in_a_file_and_where_there_is_no_room_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(spooled((3000, 616), np.uint8).base, np.memmap)
    array = np.random.default_rng(0).integers(0, 256, (2000, 4, 4, 1), np.uint8)
    array[1999] = array[0] ^ 1
    images = ArrayImages(array, [str(i) for i in range(2000)])
    one = scan_images(images).records

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    two = scan_images(images).records
    assert isinstance(one.thumbnails.base, np.memmap) and two.thumbnails.base is None
    assert np.array_equal(one.thumbnails, two.thumbnails)
    copies = near_copies(one), near_copies(two)
    assert copies[0].families == copies[1].families and copies[0].pairs.tolist() == copies[1].pairs.tolist()
    assert (0, 1999) in map(tuple, copies[0].pairs.tolist())


def test_what_cannot_be_used_is_left_out_of_mean_and_deviation_and_so_is_the_image_of_a_bad_mask() -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), np.uint8)
    images = ArrayImages(array, ["a", "b", "c"])
    plan = shape_plan([images.header(0)])
    records = scan_images(images, plan).records
    masks = ScannedMasks(np.ones((3, 2), np.uint32), {2: BadImage("no mask", "c")}, Digests.empty(3), None)
    usable = ScannedDataset(records.with_errors({0: BadImage("no image", "a")}), None, masks).usable_records
    assert list(usable.errors) == [0, 2] and usable.good.tolist() == [False, True, False]
    assert finish(plan, usable, [0, 1, 2]) == finish(plan, records, [1]) != finish(plan, records, [0, 1, 2])
