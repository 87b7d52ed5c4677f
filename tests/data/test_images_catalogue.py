"""The catalogue of bad and odd images, one test a row: accepted as they are meant, or refused by name with the reason."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tracemalloc
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from neocog.data.dataset import BadImage
from neocog.data.images import Decoding, FileImages, decode, header, is_junk
from neocog.data.resize import finish, fit, plan_notes, shape_plan
from neocog.data.scan import scan_images
from neocog.errors import UserError, printable

AS_STORED = Decoding()
RNG = np.random.default_rng(20_26)
COLOUR = RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (40, 50)).astype(np.uint16)


def refusal(path: Path, decoding: Decoding = AS_STORED) -> BadImage:
    """The error of a file; the full decode must find it, with the file's name and a reason in one line."""
    with pytest.raises(BadImage) as caught:
        decode(path, decoding)
    error = caught.value
    assert error.where == str(path)
    assert error.what and "\n" not in error.what
    assert error.fix
    return error


def same_head(path: Path, decoding: Decoding = AS_STORED) -> np.ndarray[Any, Any]:
    """The pixels; the header read alone must agree with them."""
    pixels, head = decode(path, decoding), header(path, decoding)
    assert (head.height, head.width, head.channels) == pixels.shape
    assert head.dtype == str(pixels.dtype)
    assert pixels.flags.c_contiguous and pixels.flags.writeable
    return pixels


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, packed: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty (0 bytes)"),
        (b"<!DOCTYPE html><html>not found</html>", "looks like HTML"),
        (b"\n <HTML><body>", "looks like HTML"),
        (b"404: no such image\n", "looks like text"),
        (bytes(64), "zeros only"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "first bytes 01 02 03"),
    ],
)
def test_row_01_what_is_no_image_is_refused_and_told_what_it_looks_like(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert says in refusal(path).what
    with pytest.raises(BadImage, match=says.replace("(", r"\(").replace(")", r"\)")):
        header(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_row_02_a_file_cut_short_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "cut short" in refusal(path).what or "missing" in refusal(path).what


def test_row_02_a_compressed_tiff_cut_short_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for options in ({"compression": "packbits"}, {"compression": "zlib", "tile": (16, 16)}, {"metadata": None}):
        tifffile.imwrite(path, DEEP, **options)
        assert np.array_equal(same_head(path)[..., 0], DEEP)
        path.write_bytes(path.read_bytes()[:-100])
        assert "bytes are missing" in refusal(path).what


def test_row_03_every_flipped_bit_of_a_png_is_found_and_one_of_a_jpeg_changes_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(COLOUR[:8, :8]).save(path)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 3):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        refusal(path)
    photo = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).save(photo)
    images = FileImages(tmp_path, ["a.jpg"])
    before, data = images.digest(0), bytearray(photo.read_bytes())
    assert before == hashlib.sha256(data).hexdigest()
    data[len(data) // 2] ^= 1
    photo.write_bytes(data)
    assert images.digest(0) != before


def test_row_04_a_png_named_jpg_is_read_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.JPG"
    Image.fromarray(COLOUR).save(path, "PNG")
    assert np.array_equal(same_head(path), COLOUR)
    assert header(path).notes == ("PNG named .jpg",)


@pytest.mark.parametrize(
    ("magic", "says"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"8BPS\0\1", "Photoshop"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\3\4", "ZIP"),
        (b"\0\0\0\x18ftypheic", "heic"),
    ],
)
def test_row_05_other_formats_behind_png_never_reach_a_plugin(tmp_path: Path, magic: bytes, says: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(magic + bytes(3000))
    assert says in refusal(path).what


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_row_06_exif_orientation_is_applied_bit_for_bit(tmp_path: Path, turn: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = turn
    if suffix == "tif":
        tifffile.imwrite(path, COLOUR, extratags=[(274, 3, 1, turn, True)])
    else:
        Image.fromarray(COLOUR).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(same_head(path), expected)
    assert any("turned upright" in note for note in header(path).notes) == (turn > 1)


def test_row_07_broken_exif_and_xmp_cost_the_orientation_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    block = exif.tobytes()
    broken = [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0XX*\0\x08\0\0\0",
        block[:-9],
        block[:16] + b"\xff\xff",
    ]
    broken.append(b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 99, 0))
    for bad in broken:
        Image.fromarray(COLOUR).save(path, exif=bad, xmp=b"<x:xmpmeta \xff broken")
        assert same_head(path).shape == (40, 50, 3)
        assert "broken EXIF ignored" in header(path).notes, bad


def test_row_08_hidden_colours_do_not_show_and_the_background_is_the_recorded_one(tmp_path: Path) -> None:
    alpha = np.zeros((40, 50, 1), np.uint8)
    alpha[:, 25:] = 255
    alpha[0, 0] = 51  # a fifth
    path = tmp_path / "a.png"
    Image.fromarray(np.concatenate([COLOUR, alpha], axis=2)).save(path)
    pixels = same_head(path, Decoding(background=(10, 20, 30)))
    assert np.array_equal(pixels[:, 25:], COLOUR[:, 25:])
    assert (pixels[1:, :25] == (10, 20, 30)).all()
    expected = np.rint(0.2 * COLOUR[0, 0] + 0.8 * np.array([10, 20, 30]))
    assert np.array_equal(pixels[0, 0], expected)
    assert (same_head(path)[1:, :25] == 255).all()
    assert shape_plan([header(path)], decoding=Decoding(background=(10, 20, 30))).background == (10, 20, 30)

    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putpixel((0, 0), 0)
    palette.putpixel((1, 0), 2)
    for suffix in ("png", "gif"):
        path = tmp_path / f"palette.{suffix}"
        palette.save(path, transparency=0)
        pixels = same_head(path, Decoding(background=(1, 2, 3)))
        assert pixels[0, :3].tolist() == [[1, 2, 3], [0, 0, 255], [0, 255, 0]]


def test_row_09_cmyk_becomes_rgb_and_a_profile_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).convert("CMYK").save(path)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(same_head(path), expected)
    assert header(path).notes == ("CMYK as RGB, no colour profile applied",)
    tiff = tmp_path / "a.tif"
    Image.fromarray(COLOUR).convert("CMYK").save(tiff)
    assert np.array_equal(same_head(tiff), np.asarray(Image.fromarray(COLOUR).convert("CMYK").convert("RGB")))
    Image.fromarray(COLOUR).save(path, icc_profile=b"Adobe RGB (1998), or so")
    assert header(path).notes == ("ICC colour profile not applied",)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_row_10_sixteen_bit_grey_stays_uint16(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(DEEP).save(path)
    pixels = same_head(path)
    assert pixels.dtype == np.uint16
    assert np.array_equal(pixels[..., 0], DEEP)
    records = scan_images(FileImages(tmp_path, [path.name]), plan := shape_plan([header(path)])).records
    done = finish(plan, records, [0])
    assert (done.dtype, done.low, done.high) == ("uint16", DEEP.min(), DEEP.max())


def test_row_11_sixteen_bit_colour_keeps_both_bytes_in_tiff_and_png(tmp_path: Path) -> None:
    for channels, colour in ((3, 2), (4, 6), (2, 4)):
        deep = RNG.integers(0, 65536, (9, 11, channels)).astype(np.uint16)
        if channels != 3:
            deep[..., -1] = 65535  # opaque
        shown = deep if channels == 3 else deep[..., :-1]
        path = tmp_path / "a.png"
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
        path.write_bytes(png(11, 9, 16, colour, zlib.compress(rows)))
        assert np.array_equal(same_head(path), shown)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, deep := RNG.integers(0, 65536, (9, 11, 3)).astype(np.uint16))
    assert np.array_equal(same_head(path), deep)


def test_row_12_floats_stay_floats_and_their_range_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values := RNG.random((40, 50)).astype(np.float32))
    assert np.array_equal(same_head(path)[..., 0], values)
    plan = shape_plan([header(path)])
    done = finish(plan, scan_images(FileImages(tmp_path, ["a.tif"]), plan).records, [0])
    assert (done.dtype, done.low, done.high) == ("float32", values.min(), values.max())
    assert done.std[0] == pytest.approx(values.std(), rel=1e-5)


def test_row_13_float64_and_seven_channels_are_read(tmp_path: Path) -> None:
    values = RNG.random((40, 50, 7))
    for planar, stored in (("contig", values), ("separate", values.transpose(2, 0, 1))):
        path = tmp_path / f"{planar}.tif"
        tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=planar)
        assert np.array_equal(same_head(path), values.astype(np.float32))
        assert header(path).mode == "7 × float64"
    assert shape_plan([header(path)]).channels == 7


def test_row_14_nan_is_refused_with_count_and_first_position(tmp_path: Path) -> None:
    values = RNG.random((40, 50)).astype(np.float32)
    values[3, 4], values[7, 1] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert refusal(tmp_path / "a.tif").what == "2 values are NaN or infinite, the first at row 3, column 4"
    tifffile.imwrite(tmp_path / "b.tif", np.full((4, 4), 1e300))
    assert refusal(tmp_path / "b.tif").what.startswith("16 values")


def test_row_15_a_constant_image_does_not_divide_by_zero(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, np.full((8, 8), 7, dtype))
        plan = shape_plan([header(path)])
        records = scan_images(FileImages(tmp_path, ["a.tif"]), plan).records
        assert records[0].low == records[0].high == 7
        done = finish(plan, records, [0])
        assert (done.mean, done.std) == ((7.0,), (1.0,))
        assert done.high > done.low


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_row_16_animations_and_pages_are_refused_unless_asked_for(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (0, 51, 255)]
    path = tmp_path / f"a.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **lossless)
    assert "with 3 frames" in refusal(path).what
    assert "--frames first" in refusal(path).fix
    first = same_head(path, Decoding(frames="first"))
    assert first.shape == (8, 9, 3) and not first.any()
    assert "the first of 3 frames" in header(path, Decoding(frames="first")).notes
    stacked = same_head(path, Decoding(frames="stack"))
    assert stacked.shape == (8, 9, 9)
    assert stacked[4, 4].tolist() == [0] * 3 + [51] * 3 + [255] * 3


def test_row_17_ambiguous_axes_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored := RNG.integers(0, 256, (5, 40, 50)).astype(np.uint8))
    error = refusal(path)
    assert "(5, 40, 50)" in error.what and "--axes" in error.fix
    assert np.array_equal(same_head(path, Decoding(axes="CYX")), stored.transpose(1, 2, 0))
    assert same_head(path, Decoding(axes="YXC")).shape == (5, 40, 50)
    assert "with 5 frames" in refusal(path, Decoding(axes="ZYX")).what
    assert "does not fit" in refusal(path, Decoding(axes="ZCYX")).what
    assert "one Y and one X" in refusal(path, Decoding(axes="CYY")).fix
    tifffile.imwrite(path, stored, metadata={"axes": "CYX"})
    assert np.array_equal(same_head(path), stored.transpose(1, 2, 0))


def test_row_18_mixed_channels_are_refused_with_a_table_and_mixed_sizes_are_resized(tmp_path: Path) -> None:
    shapes = [(40, 50, 3)] * 2 + [(40, 50, 7)]
    for index, shape in enumerate(shapes):
        tifffile.imwrite(
            tmp_path / f"{index}.tif",
            np.zeros(shape, np.uint8),
            photometric=("rgb", "minisblack")[index > 1],
            planarconfig="contig",
        )
    images = FileImages(tmp_path, [f"{index}.tif" for index in range(3)])
    with pytest.raises(UserError, match="3 and 7 channels") as caught:
        shape_plan([images.header(index) for index in range(3)])
    assert caught.value.where == "2 × (40 × 50, 3 channels, uint8); 1 × (40 × 50, 7 channels, uint8)"
    Image.fromarray(COLOUR[:20, :30]).save(tmp_path / "small.png")
    heads = [images.header(0), images.header(1), header(tmp_path / "small.png")]
    plan = shape_plan(heads)
    assert plan.size == (40, 50)
    assert plan_notes(heads, plan) == ("1 of 3 images (2 sizes) are resized to 40 × 50; see --size",)
    assert fit(decode(tmp_path / "small.png"), plan).shape == (3, 40, 50)


def test_row_19_one_pixel_is_read_and_a_network_that_cannot_take_it_names_its_minimum(tmp_path: Path) -> None:
    from neocog.networks import build

    path = tmp_path / "a.png"
    Image.fromarray(COLOUR[:1, :1]).save(path)
    assert np.array_equal(same_head(path), COLOUR[:1, :1])
    plan = shape_plan([header(path)])
    with pytest.raises(UserError, match="at least 8 × 8 pixels, not 1 × 1"):
        build("cifarcnn", plan.channels, plan.size, 10)


def test_row_20_a_slide_too_large_is_refused_and_names_the_option(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(40_000, 40_000, 8, 2, b""))
    error = refusal(path)
    assert error.what == "40000 × 40000 = 1,600,000,000 pixels, the most is 178,956,970"
    assert "--max-pixels 1600000000" in error.fix
    Image.fromarray(COLOUR).save(path)
    assert "2,000 pixels, the most is 1,999" in refusal(path, Decoding(max_pixels=1999)).what
    assert np.array_equal(same_head(path, Decoding(max_pixels=2000)), COLOUR)


def test_row_20_more_pixels_than_pillow_likes_can_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for suffix in ("png", "jpg", "bmp", "tif"):
        Image.fromarray(COLOUR).save(tmp_path / f"a.{suffix}")
        assert same_head(tmp_path / f"a.{suffix}").shape == (40, 50, 3)


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_row_21_a_bomb_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(20_000, 20_000, 8, 0, zlib.compress(bytes(1 << 20))))
    assert path.stat().st_size < 2000
    assert peak_of(lambda: refusal(path)) < 1 << 20
    assert "400,000,000 pixels" in refusal(path).what
    gif = tmp_path / "a.gif"
    gif.write_bytes(b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b"\x2c" + bytes(20))
    assert "3,600,000,000 pixels" in refusal(gif).what
    webp = tmp_path / "a.webp"
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    webp.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert "pixels, the most is" in refusal(webp).what
    assert peak_of(lambda: refusal(webp)) < 1 << 20


def tiff_bomb(width: int, height: int, samples: int = 1, count: int = 8) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (277, 3, samples)]
    tags += [(278, 4, height), (279, 4, count)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    return head.ljust(200, b"\0") + bytes(count)


def test_row_22_a_tiff_that_claims_too_much_is_refused_by_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bomb(300_000, 300_000))
    assert "90,000,000,000 pixels" in refusal(path).what
    assert peak_of(lambda: refusal(path)) < 1 << 20
    path.write_bytes(tiff_bomb(10_000, 10_000, samples=60_000))
    assert "bytes decoded, the most is" in refusal(path).what
    tifffile.imwrite(path, np.zeros((5, 40, 50), np.uint8))
    assert "50 × 40 × 5 frames = 10,000 pixels" in refusal(path, Decoding(frames="stack", max_pixels=8000)).what
    path.write_bytes(tiff_bomb(10_000, 10_000))
    assert "missing" in refusal(path).what
    assert peak_of(lambda: refusal(path)) < 1 << 20
    path.write_bytes(tiff_bomb(10_000, 10_000, count=0))
    assert "missing" in refusal(path).what


@pytest.mark.timeout(20)
def test_row_23_only_regular_files_inside_the_folder_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    root.mkdir()
    Image.fromarray(COLOUR).save(tmp_path / "outside.png")
    Image.fromarray(COLOUR).save(root / "good.png")
    (root / "loop.png").symlink_to("loop.png")
    (root / "out.png").symlink_to("../outside.png")
    (root / "inner.png").symlink_to("good.png")
    (root / "device.png").symlink_to("/dev/zero")
    (root / "folder.png").mkdir()
    os.mkfifo(root / "pipe.png")
    names = ["loop.png", "out.png", "inner.png", "device.png", "folder.png", "pipe.png", "gone.png", "good.png"]
    images = FileImages(root, names)
    errors = [record.error for record in scan_images(images).records]
    said = {name: error.what for name, error in zip(names, errors, strict=True) if error}
    assert set(said) == set(names) - {"inner.png", "good.png"}
    assert "errno 40" in said["loop.png"]
    assert "leads out of the data folder" in said["out.png"]
    assert "folder" in said["device.png"] or "device" in said["device.png"]
    assert said["folder.png"] == "not a regular file but a folder"
    assert said["pipe.png"] == "not a regular file but a pipe (FIFO)"
    assert "No such file or directory (errno 2)" in said["gone.png"]
    assert refusal(Path("/dev/zero")).what == "not a regular file but a device"

    def denied(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("neocog.data.formats.files.os.open", denied)
    assert "Permission denied (errno 13)" in refusal(root / "good.png").what


def test_row_24_what_systems_leave_behind_is_junk() -> None:
    junk = [
        ".DS_Store",
        "a/._x.jpg",
        "Thumbs.db",
        ".ipynb_checkpoints/a-checkpoint.png",
        "__MACOSX/a.jpg",
        "Desktop.ini",
    ]
    assert all(map(is_junk, junk))
    assert not any(map(is_junk, ["cat/a.jpg", "a.b.png", "-x.png", "../a.png", "./a.png", Path("_x.tif")]))


def test_row_25_equal_bytes_have_equal_digests_in_one_pass(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(COLOUR).save(tmp_path / name)
    Image.fromarray(COLOUR).save(tmp_path / "c.bmp")
    a, b, c = scan_images(FileImages(tmp_path, ["a.png", "b.png", "c.bmp"])).records
    assert a.digest == b.digest != c.digest
    assert a.pixel_digest == b.pixel_digest == c.pixel_digest


@pytest.mark.parametrize(
    "name",
    [
        os.fsdecode(b"caf\xe9\xff.png"), "two\nlines.png", "🦠.png", "-rf.png", unicodedata.normalize("NFC", "é.png"),
        unicodedata.normalize("NFD", "é.png"), "A.png", "a.PNG", "x" * 251 + ".png", "\x1b[31mred.png", " .png ",
    ],
)  # fmt: skip
def test_row_26_any_name_is_read_and_printed_escaped(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, "PNG")
    (tmp_path / name).write_bytes(buffer.getvalue())
    images = FileImages(tmp_path, [name])
    assert np.array_equal(images.read(0), COLOUR)
    assert json.loads(json.dumps(name)) == name
    (tmp_path / name).write_bytes(b"")
    error = scan_images(images).records[0].error
    assert error is not None and error.where == name
    assert printable(error.where).isprintable()
    printable(error.where).encode("utf-8")


@pytest.mark.parametrize("suffix", ["jp2", "j2k", "ppm", "pnm"])
def test_lossless_formats_of_other_fields_are_read_as_stored(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path)
    assert np.array_equal(same_head(path), COLOUR) and header(path).notes == ()
    Image.fromarray(COLOUR[..., 0]).save(path)
    assert np.array_equal(same_head(path)[..., 0], COLOUR[..., 0])


def test_a_pgm_of_16_bits_keeps_them_and_one_that_would_be_stretched_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5\n50 40\n65535\n" + DEEP.astype(">u2").tobytes())
    assert np.array_equal(same_head(path)[..., 0], DEEP)
    path.write_bytes(b"P5\n50 40\n4095\n" + (DEEP % 4096).astype(">u2").tobytes())
    assert "values 0 to 4095" in refusal(path).what
    path.write_bytes(b"P2\n2 1\n15\n3 15\n")
    assert "values 0 to 15" in refusal(path).what
    path.write_bytes(b"P5\n50 40\n255\n" + bytes(100))
    assert refusal(path).what


def test_avif_is_read_and_a_cut_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    smooth = np.linspace(0, 255, 40 * 50).reshape(40, 50).astype(np.uint8)
    Image.fromarray(np.stack([smooth] * 3, 2)).save(path, quality=100)
    assert np.abs(same_head(path)[..., 0].astype(int) - smooth).max() <= 3
    path.write_bytes(path.read_bytes()[:-200])
    assert refusal(path).what
