"""Golden files: what is decoded equals a reference array bit for bit, with and without the optional codecs."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from neocog.data.dataset import BadImage
from neocog.data.formats import pillow
from neocog.data.images import IMAGE_SUFFIXES, Decoding, FileImages, decode, header
from neocog.errors import UserError, install

RNG = np.random.default_rng(7)
COLOUR = RNG.integers(0, 256, (20, 30, 3)).astype(np.uint8)
GREY = COLOUR[..., 0]
DEEP = RNG.integers(0, 65536, (20, 30)).astype(np.uint16)
TRIPLE, FIVE = DEEP.reshape(20, 10, 3), DEEP.reshape(5, 20, 6)


def png(depth: int, colour: int, rows: np.ndarray[Any, Any], width: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of packed rows (H, bytes), unfiltered, with extra chunks before the pixels."""
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", data), (b"IEND", b"")]
    packed = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(
    ("name", "options", "stored", "shown"),
    [
        ("8-bit grey", {}, GREY, GREY),
        ("16-bit grey, LZW", {"compression": "lzw"}, DEEP, DEEP),
        ("16-bit colour, deflate and predictor", {"compression": "zlib", "predictor": True, "photometric": "rgb"}, TRIPLE, TRIPLE),
        ("big-endian", {"byteorder": ">"}, DEEP, DEEP),
        ("BigTIFF", {"bigtiff": True}, DEEP, DEEP),
        ("tiled", {"tile": (16, 16)}, DEEP, DEEP),
        ("white is zero", {"photometric": "miniswhite"}, DEEP, 65535 - DEEP),
        ("float16", {}, (GREY / 255).astype(np.float16), (GREY / 255).astype(np.float16).astype(np.float32)),
        ("int16", {}, DEEP.view(np.int16), DEEP.view(np.int16).astype(np.float32)),
        ("uint32", {}, DEEP.astype(np.uint32), DEEP.astype(np.float32)),
        ("logical", {}, GREY > 99, np.where(GREY > 99, 255, 0).astype(np.uint8)),
        ("planar colour", {"photometric": "rgb", "planarconfig": "separate"}, COLOUR.transpose(2, 0, 1), COLOUR),
        ("ImageJ channels", {"imagej": True, "metadata": {"axes": "CYX"}}, FIVE, FIVE.transpose(1, 2, 0)),
        ("OME channels", {"ome": True, "metadata": {"axes": "CYX"}}, FIVE, FIVE.transpose(1, 2, 0)),
    ],
)  # fmt: skip
def test_a_tiff_equals_its_array(tmp_path: Path, name: str, options: dict[str, Any], stored: Any, shown: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, **options)
    pixels, head = decode(path), header(path)
    assert np.array_equal(pixels, shown.reshape(*shown.shape[:2], -1)), name
    assert (head.height, head.width, head.channels, head.dtype) == (*pixels.shape, str(pixels.dtype))
    assert pixels.dtype == shown.dtype
    assert pixels.flags.writeable and pixels.dtype.isnative


def test_palettes_and_few_bits_are_what_a_viewer_shows(tmp_path: Path) -> None:
    palette = Image.fromarray(COLOUR).quantize(16)
    for suffix in ("png", "gif", "bmp", "tif"):
        palette.save(tmp_path / f"a.{suffix}")
        assert np.array_equal(decode(tmp_path / f"a.{suffix}"), np.asarray(palette.convert("RGB"))), suffix
    for suffix in ("png", "bmp", "tif"):
        bilevel = Image.fromarray(GREY > 99)
        bilevel.save(tmp_path / f"b.{suffix}")
        assert np.array_equal(decode(tmp_path / f"b.{suffix}")[..., 0], np.where(GREY > 99, 255, 0)), suffix
        assert "1 bit as 0 and 255" in header(tmp_path / f"b.{suffix}").notes
    bilevel.save(tmp_path / "fax.tif", compression="group4")
    assert np.array_equal(decode(tmp_path / "fax.tif")[..., 0], np.where(GREY > 99, 255, 0))
    path = tmp_path / "four.png"
    path.write_bytes(png(4, 0, np.array([[0x0F, 0x73]], np.uint8), 4, (b"tRNS", struct.pack(">H", 7))))
    assert decode(path, Decoding(background=(9,)))[0, :, 0].tolist() == [0, 255, 9, 51]


def test_one_transparent_colour_is_hidden_at_any_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    colours = np.array([[[1, 2, 3], [1, 2, 4]]])
    for depth, kind, scale in ((8, ">u1", 1), (16, ">u2", 257)):
        rows = colours.astype(kind).reshape(1, -1)
        path.write_bytes(png(depth, 2, rows, 2, (b"tRNS", struct.pack(">HHH", 1, 2, 3))))
        hidden, shown = decode(path, Decoding(background=(7, 8, 9)))[0].tolist()
        assert (hidden, shown) == ([7 * scale, 8 * scale, 9 * scale], [1, 2, 4])


def test_alpha_in_tiff_is_composited_whether_premultiplied_or_not(tmp_path: Path) -> None:
    alpha = np.full((20, 30, 1), 51, np.uint8)
    expected = np.rint(0.2 * COLOUR + 0.8 * 255)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.concatenate([COLOUR, alpha], axis=2), photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(decode(path), expected)
    premultiplied = np.rint(COLOUR * 0.2).astype(np.uint8)
    tifffile.imwrite(
        path, np.concatenate([premultiplied, alpha], axis=2), photometric="rgb", extrasamples=["assocalpha"]
    )
    assert np.abs(decode(path).astype(float) - expected).max() <= 1
    tifffile.imwrite(path, np.concatenate([COLOUR, alpha], axis=2), photometric="rgb", extrasamples=["unspecified"])
    assert decode(path).shape == (20, 30, 4)


@pytest.fixture
def without_imagecodecs(monkeypatch: pytest.MonkeyPatch) -> None:
    """tifffile as it is where the package imagecodecs is not installed."""
    import tifffile._imagecodecs as fallback

    monkeypatch.setattr(tifffile.tifffile, "imagecodecs", fallback)
    monkeypatch.setattr(tifffile.tifffile.TIFF, "DECOMPRESSORS", tifffile.tifffile.CompressionCodec(encode=False))
    monkeypatch.setattr(tifffile.tifffile.TIFF, "UNPREDICTORS", tifffile.tifffile.PredictorCodec(encode=False))


def written(path: Path, *arguments: Any, **options: Any) -> Path:
    tifffile.imwrite(path, *arguments, **options)
    return path


def test_without_imagecodecs_pillow_helps_where_it_is_exact_and_else_the_extra_is_named(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    grey = written(tmp_path / "grey.tif", DEEP, compression="lzw")
    colour = written(tmp_path / "colour.tif", COLOUR, compression="lzw", extratags=[(274, 3, 1, 6, True)])
    deep = written(tmp_path / "deep.tif", TRIPLE, compression="lzw", photometric="rgb")
    white = written(tmp_path / "white.tif", DEEP, compression="lzw", photometric="miniswhite")
    expected = [decode(path) for path in (grey, colour)]
    request.getfixturevalue("without_imagecodecs")
    assert all(np.array_equal(decode(path), e) for path, e in zip((grey, colour), expected, strict=True))
    for path in (deep, white):
        with pytest.raises(BadImage, match="compression LZW needs imagecodecs") as caught:
            decode(path)
        assert caught.value.fix == install("tiff")


def test_missing_strips_are_refused_not_filled_with_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DEEP, rowsperstrip=5, compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as file:
        counts = list(file.pages[0].databytecounts)
        file.pages[0].tags[279].overwrite([*counts[:-1], 0])
    with pytest.raises(BadImage, match="1 of 4 strips or tiles are missing"):
        decode(path)


OME = """<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"
 UUID="urn:uuid:00000000-0000-0000-0000-00000000000a"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT"
 Type="uint16" SizeX="30" SizeY="20" SizeC="2" SizeZ="1" SizeT="1"><TiffData IFD="0" FirstC="0" PlaneCount="1"><UUID
 FileName="a.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000a</UUID></TiffData><TiffData IFD="0" FirstC="1"
 PlaneCount="1"><UUID FileName="b.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000b</UUID></TiffData>
 </Pixels></Image></OME>"""


def test_a_tiff_never_leads_to_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", DEEP, description=OME, metadata=None)
    tifffile.imwrite(tmp_path / "b.ome.tif", DEEP, metadata=None)
    monkeypatch.chdir(tmp_path)
    assert tifffile.imread("a.ome.tif").shape == (2, 20, 30)  # tifffile itself opens b.ome.tif
    for read in (decode, header):
        with pytest.raises(BadImage, match="some of its planes lie in other files"):
            read(tmp_path / "a.ome.tif")


def test_nothing_reaches_stderr_and_no_global_of_pillow_changes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from PIL import ImageFile

    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, warnings.filters[:], len(logging.root.handlers)
    path = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x1a\1\5\0\1\0\0\0\xff\xff\xff\xff")
    decode(path)
    tiff = tmp_path / "a.tif"
    tifffile.imwrite(tiff, GREY, extratags=[(65000, 2, 4, b"\xff\xfe\xfd", True)])
    data = bytearray(tiff.read_bytes())
    with tifffile.TiffFile(tiff) as file:
        at = file.pages[0].tags[65000].offset
    data[at + 4 : at + 8] = struct.pack("<I", 1 << 30)  # a tag longer than the file
    tiff.write_bytes(data)
    assert np.array_equal(decode(tiff)[..., 0], GREY)
    assert any(note.startswith("TIFF: ") for note in header(tiff).notes)
    assert capfd.readouterr() == ("", "")
    after = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, warnings.filters[:], len(logging.root.handlers)
    assert before == after


def test_many_threads_read_the_same_pixels_and_notes(tmp_path: Path) -> None:
    names = []
    for index in range(24):
        exif = b"Exif\0\0II*\0\xff\xff\xff\xff" if index % 3 == 0 else b""
        Image.fromarray(np.roll(COLOUR, index)).save(tmp_path / f"{index}.jpg", exif=exif)
        names.append(f"{index}.jpg")
    images = FileImages(tmp_path, names)
    expected = [images.read(index) for index in range(24)]
    before, running = warnings.filters[:], threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = list(pool.map(images.read, range(24)))
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
            notes = list(pool.map(lambda index: images.header(index).notes, range(24)))
            assert [bool(note) for note in notes] == [index % 3 == 0 for index in range(24)]
    assert warnings.filters == before
    assert threading.active_count() <= running


def test_two_threads_never_change_the_warning_filters_at_once() -> None:
    def enter() -> None:
        with pillow._quiet():
            pass

    other = threading.Thread(target=enter)
    with pillow._quiet():
        other.start()
        other.join(0.2)
        assert other.is_alive()
    other.join(10)
    assert not other.is_alive()


def mutants(data: bytes, rng: np.random.Generator, count: int) -> list[bytes]:
    """Cut, bytes replaced anywhere, bytes replaced in the head."""
    made = []
    for index in range(count):
        mutant = bytearray(data)
        if index % 3 == 0:
            mutant = mutant[: rng.integers(len(data))]
        else:
            for _ in range(rng.integers(1, 5)):
                mutant[rng.integers(len(data) if index % 3 == 1 else min(len(data), 400))] = rng.integers(256)
        made.append(bytes(mutant))
    return made


SAVERS: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: Image.fromarray(COLOUR).save(path),
    "a.jpg": lambda path: Image.fromarray(COLOUR).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"),
    "a.gif": lambda path: Image.fromarray(COLOUR).save(path, save_all=True, append_images=[Image.fromarray(255 - COLOUR)]),
    "a.webp": lambda path: Image.fromarray(COLOUR).save(path),
    "a.bmp": lambda path: Image.fromarray(COLOUR).convert("P").save(path),
    "a.tif": lambda path: tifffile.imwrite(path, DEEP, compression="lzw"),
    "b.tif": lambda path: tifffile.imwrite(path, FIVE, ome=True, metadata={"axes": "CYX"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SAVERS)
def test_damaged_files_raise_nothing_but_bad_image(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    SAVERS[name](path)
    for mutant in mutants(path.read_bytes(), np.random.default_rng(1), 150):
        path.write_bytes(mutant)
        for frames in ("first", "stack"):
            for read in (decode, header):
                try:
                    read(path, Decoding(frames=frames))
                except BadImage as error:
                    assert isinstance(error, UserError) and error.where == str(path) and "\n" not in error.what
    assert capfd.readouterr().err == ""


def test_every_suffix_is_lower_case_and_known() -> None:
    assert {".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".bmp", ".gif"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)


def test_the_benchmark_nuclei_keep_their_sixteen_bits(real_data: Callable[[str], Path]) -> None:
    folder = real_data("bbbc039") / "images"
    for path in sorted(folder.glob("*.tif"))[:4]:
        pixels = decode(path)
        assert pixels.dtype == np.uint16 and pixels.shape == (520, 696, 1)
        assert np.array_equal(pixels[..., 0], np.asarray(Image.open(path)))
        assert pixels.max() > 255
