"""Damaged files of every format: read, or refused by name in one line. What the fuzzer has found stands here by itself."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from neocog.config import from_toml
from neocog.data.dataset import BadImage
from neocog.data.formats.decoding import composite
from neocog.data.images import Decoding, decode, decode_bytes, header
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
GREY = np.arange(120, dtype=np.uint8).reshape(10, 12)


def test_no_damage_breaks_a_reader() -> None:
    """A few of the inputs of ``bench/fuzz.py``, which has millions."""
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "fuzz.py", "--count", "50"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_whose_pages_lead_in_a_circle_is_refused_at_once(tmp_path: Path, big: bool, order: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([GREY] * 3), bigtiff=big, byteorder=order, photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        offsets = [page.offset for page in tiff.pages]
    assert decode(path, Decoding(frames="stack")).shape == (10, 12, 3)
    data = bytearray(path.read_bytes())
    place = data.index(struct.pack(f"{order}{'Q' if big else 'I'}", offsets[2]))  # what follows the second page
    struct.pack_into(f"{order}{'Q' if big else 'I'}", data, place, offsets[0])
    path.write_bytes(data)
    for read in (decode, header):
        for frames in ("error", "first", "stack"):
            with pytest.raises(BadImage, match="in a circle"):
                read(path, Decoding(frames=frames))


def test_a_frame_larger_than_its_gif_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.fromarray(GREY).save(path, save_all=True, append_images=[Image.fromarray(255 - GREY)])
    data = bytearray(path.read_bytes())
    second = data.rindex(b"\x2c\0\0\0\0")  # image separator, left, top
    struct.pack_into("<HH", data, second + 5, 10_000, 10_000)
    path.write_bytes(data)
    with pytest.raises(BadImage, match="frame 2 is larger than the image"):
        decode(path, Decoding(frames="stack"))


def test_no_byte_of_a_file_gets_into_a_message_unescaped(tmp_path: Path) -> None:
    broken = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 1) + b"I\n\x1b[" + bytes(5)
    video = b"\0\0\0\x18ftypa\n\x1bi" + bytes(40)
    for data in (broken, video):
        with pytest.raises(BadImage) as caught:
            decode_bytes(data, Decoding(), "a.png")
        assert caught.value.what.isprintable()


def test_an_unknown_unit_costs_a_volume_only_its_scale() -> None:
    nibabel = pytest.importorskip("nibabel")
    volume = nibabel.Nifti1Image(np.ones((3, 4, 5), np.uint8), np.diag([2.0, 2, 2, 1]))
    data = bytearray(volume.to_bytes())
    for code, spacing in ((2, 2.0), (3, 0.002), (7, None)):
        data[123] = code  # xyzt_units
        pixels, head = decode_bytes(bytes(data), Decoding(), "a.nii")
        assert pixels.shape == (5, 4, 3, 1)
        assert head.spacing == (() if spacing is None else pytest.approx((spacing,) * 3))


def test_tables_of_sequences_without_a_row_and_one_class_are_told_with_their_file(tmp_path: Path) -> None:
    for text in ("id,sequence,label\n", "id,sequence,label\na,ACGT,x\nb,ACG,x\n"):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(UserError) as caught:
            open_dataset(tmp_path / "t.csv")
        assert "t.csv" in caught.value.where


def test_settings_that_contradict_each_other_are_told_with_their_file() -> None:
    with pytest.raises(UserError) as caught:
        from_toml("[training]\nepochs = 3\nminutes = 2\n", "my.toml")
    assert caught.value.where == "my.toml"


def test_laying_a_large_image_over_its_background_takes_little_more_than_the_image() -> None:
    colour = np.full((3000, 2000, 3), 200, np.uint8)
    alpha = np.full((3000, 2000, 1), 51, np.uint8)
    tracemalloc.start()
    pixels = composite(colour, alpha, (0, 0, 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (pixels == 40).all()
    assert peak < colour.nbytes + (96 << 20)


def test_a_png_that_promises_a_chunk_beyond_its_end_is_cut_short() -> None:
    data = io.BytesIO()
    Image.fromarray(GREY).save(data, "PNG")
    body = zlib.compress(bytes(20))
    with pytest.raises(BadImage, match="cut short"):
        decode_bytes(data.getvalue()[:-12] + struct.pack(">I", 1 << 30) + b"IDAT" + body, Decoding(), "a.png")


def test_no_power_cut_and_no_damage_makes_a_wrong_checkpoint_load() -> None:
    """A few of ``bench/damage.py``."""
    command = [sys.executable, ROOT / "bench" / "damage.py", "--mutants", "60", "--cuts", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert counts["power cuts"] > 40 and counts["damaged"] > 40


@pytest.mark.parametrize("number", ["1e999", "NaN", '"x"', "null", "[1]"])
def test_numbers_of_classes_that_are_none_are_told(tmp_path: Path, number: str) -> None:
    """nnU-Net's dataset.json: JSON has numbers that are no whole number, and Python's more than those."""
    for folder, name, data in (("imagesTr", "a_0000.png", GREY), ("labelsTr", "a.png", GREY % 2)):
        (tmp_path / folder).mkdir()
        Image.fromarray(data).save(tmp_path / folder / name)
    (tmp_path / "dataset.json").write_text(
        f'{{"labels": {{"background": 0, "cell": {number}}}, "file_ending": ".png"}}'
    )
    with pytest.raises(UserError) as caught:
        open_dataset(tmp_path, reading=Reading(task="segmentation"))
    assert "dataset.json" in str(caught.value)
