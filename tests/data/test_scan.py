"""One pass: nothing decoded or read twice, every fault kept, memory bounded, and arrays and files treated alike."""

from __future__ import annotations

import hashlib
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.data import scan as scan_module
from neocog.data.dataset import ArrayImages, BadImage
from neocog.data.formats import files as files_module
from neocog.data.images import FileImages
from neocog.data.loader import Resident
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit, shape_plan
from neocog.data.scan import scan_images
from neocog.data.thumbnails import thumbnails

RNG = np.random.default_rng(5)


def photo(height: int = 60, width: int = 80) -> np.ndarray[Any, Any]:
    """A smooth random picture."""
    coarse = Image.fromarray(RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def folder_of(path: Path, count: int, suffix: str = "png") -> FileImages:
    names = [f"{index}.{suffix}" for index in range(count)]
    for name in names:
        Image.fromarray(photo()).save(path / name)
    return FileImages(path, names)


def test_records_and_pixels_are_those_of_each_image(tmp_path: Path) -> None:
    images = folder_of(tmp_path, 21)
    plan = shape_plan([images.header(0)], size=(16, 20))
    found = scan_images(images, plan, workers=2)
    assert found.pixels is not None and found.pixels.shape == (21, 3, 16, 20)
    for index, record in enumerate(found.records):
        pixels = fit(images.read(index), plan)
        assert np.array_equal(found.pixels[index], pixels)
        assert record.header == images.header(index)
        assert record.digest == hashlib.sha256((tmp_path / f"{index}.png").read_bytes()).hexdigest()
        assert record.channel_sum == tuple(pixels.sum(axis=(1, 2), dtype=float))
        assert record.channel_square == tuple(np.square(pixels.astype(float)).sum(axis=(1, 2)))
        assert (record.pixels, record.low, record.high) == (320, pixels.min(), pixels.max())
    native = scan_images(images).records
    assert native[0].pixels == 60 * 80 and native[0].thumbnail == found.records[0].thumbnail
    assert native[0].channel_sum == tuple(images.read(0).sum(axis=(0, 1), dtype=float))


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    images = folder_of(tmp_path, 30, "jpg")
    plan = shape_plan([images.header(0)], size=(16, 20))
    one, three = (scan_images(images, plan, workers=workers) for workers in (1, 3))
    assert one.records == three.records
    assert np.array_equal(one.pixels, three.pixels)  # type: ignore[arg-type]


def test_every_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = folder_of(tmp_path, 12)
    plan = shape_plan([images.header(0)])
    opened: Counter[str] = Counter()
    original = files_module.open_regular

    def counted(path: Path, name: str) -> Any:
        opened[name] += 1
        return original(path, name)

    monkeypatch.setattr(files_module, "open_regular", counted)
    scan_images(images, plan, workers=2)
    assert opened == Counter(dict.fromkeys(images.files, 1))


def test_all_errors_are_collected_with_the_digest_of_what_could_be_read(tmp_path: Path) -> None:
    images = folder_of(tmp_path, 12)
    (tmp_path / "3.png").write_bytes(b"not an image")
    (tmp_path / "7.png").unlink()
    Image.fromarray(RNG.integers(0, 65536, (60, 80)).astype(np.uint16)).save(tmp_path / "9.png")
    plan = shape_plan([images.header(0)])
    found = scan_images(images, plan)
    errors = {index: record.error for index, record in enumerate(found.records) if record.error}
    assert set(errors) == {3, 7, 9}
    assert all(error.where == f"{index}.png" for index, error in errors.items())
    assert "uint16" in errors[9].what
    assert found.records[3].digest == hashlib.sha256(b"not an image").hexdigest()
    assert found.records[7].digest == ""
    assert found.pixels is not None and not found.pixels[3].any() and found.pixels[4].any()
    assert all(error.__traceback__ is None for error in errors.values())  # it would keep the file's bytes alive


def test_a_defect_in_a_worker_is_raised_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = folder_of(tmp_path, 30)

    def defect(*_arguments: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(scan_module, "decode_picture", defect)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        scan_images(images, workers=2)


def test_an_interrupt_stops_it_and_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = folder_of(tmp_path, 200)
    decoded: list[int] = []
    original = scan_module.decode_picture
    monkeypatch.setattr(scan_module, "decode_picture", lambda *given: (decoded.append(1), original(*given))[1])

    def interrupt(_count: int) -> None:
        time.sleep(0.3)  # the threads must not run ahead of whoever takes the results
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        scan_images(images, workers=2, progress=interrupt)
    assert 0 < len(decoded) <= 6 * 8
    assert threading.active_count() == before


def test_progress_counts_every_image_once(tmp_path: Path) -> None:
    images = folder_of(tmp_path, 21)
    (tmp_path / "5.png").write_bytes(b"")
    counts: list[int] = []
    scan_images(images, progress=counts.append)
    assert sum(counts) == 21
    array = ArrayImages(np.zeros((9, 4, 4, 1), np.uint8), [""] * 9)
    counts.clear()
    scan_images(array, progress=counts.append)
    assert sum(counts) == 9


def test_without_keep_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    Image.fromarray(photo(200, 300)).save(tmp_path / "a.jpg")
    plan = shape_plan([FileImages(tmp_path, ["a.jpg"]).header(0)])

    def peak(count: int, keep: bool = False, preprocessing: Preprocessing | None = plan) -> int:
        tracemalloc.start()
        try:
            assert (
                scan_images(FileImages(tmp_path, ["a.jpg"] * count), preprocessing, 2, keep=keep).pixels is None
            ) != keep
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(8)
    few, many = peak(40), peak(140)
    assert many - few < 100 * 10_000  # 100 images of 180,000 bytes
    assert peak(40, keep=True) > 40 * 200 * 300 * 3


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_array_is_surveyed_as_its_images_one_by_one_would_be(dtype: str, channels: int) -> None:
    array = (RNG.random((50, 9, 11, channels)) * 250).astype(dtype)
    images = ArrayImages(array, [f"t[{index}]" for index in range(50)])
    plan = shape_plan([images.header(0)])
    found = scan_images(images, plan)
    one_by_one = [scan_module._examine(images, index, plan, None) for index in range(50)]
    for record, single in zip(found.records, one_by_one, strict=True):
        assert np.allclose(record.channel_sum, single.channel_sum, rtol=1e-12)
        same = ("digest", "pixel_digest", "thumbnail", "low", "high")
        assert [getattr(record, name) for name in same] == [getattr(single, name) for name in same]
        assert record.pixels == single.pixels
    assert found.pixels is not None
    assert np.array_equal(found.pixels, array.transpose(0, 3, 1, 2))


def test_an_array_in_small_chunks_of_memory_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = ArrayImages(RNG.integers(0, 256, (50, 9, 11, 3)).astype(np.uint8), [""] * 50)
    whole = scan_images(images).records
    monkeypatch.setattr(scan_module, "_ARRAY_BYTES", 1000)
    assert scan_images(images).records == whole


def test_pixels_that_fit_are_not_in_memory_twice() -> None:
    array = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), np.uint8)
    array.flags.writeable = False
    images = ArrayImages(array, [str(i) for i in range(40)])
    pixels = scan_images(images, Preprocessing(3, (6, 5), "uint8", (0.0,) * 3, (1.0,) * 3)).pixels
    assert pixels is not None and np.shares_memory(pixels, array)
    (batch,) = Resident(pixels).stream([np.array([7, 3, 3])])
    assert isinstance(batch, np.ndarray) and batch.flags.c_contiguous and batch.flags.writeable
    np.testing.assert_array_equal(batch, array[[7, 3, 3]].transpose(0, 3, 1, 2))


def test_an_array_can_be_resized_and_made_colour() -> None:
    images = ArrayImages(RNG.integers(0, 256, (5, 8, 8, 1)).astype(np.uint8), [f"t[{i}]" for i in range(5)])
    for size in ((8, 8), (4, 6)):
        plan = shape_plan([images.header(0)], channels=3, size=size)
        found = scan_images(images, plan)
        assert found.pixels is not None
        for index, record in enumerate(found.records):
            assert np.array_equal(found.pixels[index], fit(images.read(index), plan))
            assert record.channel_sum == tuple(found.pixels[index].sum(axis=(1, 2), dtype=float))


def test_nan_in_an_array_is_that_images_error_only() -> None:
    array = RNG.random((6, 4, 4, 1)).astype(np.float32)
    array[2, 1, 3] = np.nan
    images = ArrayImages(array, [f"t[{index}]" for index in range(6)])
    records = scan_images(images, shape_plan([images.header(0)])).records
    assert [record.error is None for record in records] == [True, True, False, True, True, True]
    error = records[2].error
    assert isinstance(error, BadImage) and error.where == "t[2]" and "row 1, column 3" in error.what
    assert records[3].channel_sum == pytest.approx((array[3].sum(dtype=float),))


def test_no_images_are_no_records(tmp_path: Path) -> None:
    assert scan_images(FileImages(tmp_path, [])).records == []
    assert scan_images(ArrayImages(np.zeros((0, 4, 4, 1), np.uint8), [])).records == []


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 3), (7, 8, 1), (8, 9, 2), (28, 28, 1)])
def test_thumbnails_take_any_shape_and_there_is_none_of_a_plain_image(shape: tuple[int, ...]) -> None:
    for value, dtype in ((255, np.uint8), (65535, np.uint16), (3e38, np.float32)):
        assert thumbnails(np.full((1, *shape), value, dtype)) == [b""]
    assert bool(thumbnails(RNG.random((1, *shape)).astype(np.float32))[0]) == (shape[0] > 1)


def test_equal_pixels_have_equal_digests_however_they_are_stored(tmp_path: Path) -> None:
    pixels, grey = photo(), photo()[..., 0]
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=9)
    Image.fromarray(pixels).save(tmp_path / "b.png", compress_level=1)
    Image.fromarray(pixels).save(tmp_path / "c.bmp")
    Image.fromarray(pixels).save(tmp_path / "d.tif", compression="tiff_lzw")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turned
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels))).save(tmp_path / "e.png", exif=exif)
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    Image.fromarray(opaque).save(tmp_path / "f.png")
    Image.fromarray(grey).save(tmp_path / "g.png")
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(tmp_path / "h.png")
    Image.fromarray(grey).quantize(256).save(tmp_path / "i.png")
    Image.fromarray(pixels[::-1]).save(tmp_path / "j.png")
    found = list(scan_images(FileImages(tmp_path, [f"{name}.png" for name in "ab"] + ["c.bmp", "d.tif"])).records)
    found += scan_images(FileImages(tmp_path, [f"{name}.png" for name in "efghij"])).records
    assert len({record.digest for record in found}) == 10
    groups = [record.pixel_digest for record in found]
    assert len(set(groups[:6])) == len(set(groups[6:9])) == 1 and len(set(groups)) == 3
    in_array = scan_images(ArrayImages(pixels[None], ["x"])).records[0]
    assert in_array.pixel_digest == groups[0] and in_array.thumbnail == found[0].thumbnail


def test_mnist_has_the_mean_and_std_that_everybody_knows(real_data: Callable[[str], Path]) -> None:
    import gzip

    data = gzip.decompress((real_data("mnist") / "train-images-idx3-ubyte.gz").read_bytes())
    array = np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28, 1)
    images = ArrayImages(array, [""] * len(array))
    plan = shape_plan([images.header(0)])
    found = scan_images(images, plan)
    from neocog.data.resize import finish

    done = finish(plan, found.records, range(len(array)))
    assert done.mean[0] / 255 == pytest.approx(0.1307, abs=5e-5)
    assert done.std[0] / 255 == pytest.approx(0.3081, abs=5e-5)
