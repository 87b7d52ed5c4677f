"""The catalogue of bad and odd input from the shell, one case a line: accepted and said, or refused with file and reason.

What single functions make of such files, bit for bit, is tested in ``tests/data``. Here: do the verbs pass it on?
``audit`` and ``train`` refuse alike (exit code 2, no traceback, no run folder), and the data are never written to.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

RNG = np.random.default_rng(93)
COLOUR = RNG.integers(0, 256, (24, 24, 3), dtype=np.uint8)
CLASSES = np.arange(576).reshape(24, 24) % 3
Root = Path
Make = Callable[[Root], object]


@dataclass(frozen=True)
class Case:
    """``make`` fills a folder; ``says`` must be printed. ``flags`` go to ``audit``; ``data`` is what is read of the folder."""

    row: int
    what: str
    make: Make
    says: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    data: str = ""

    def __str__(self) -> str:
        return f"{self.row:02} {self.what}"


def noise(shape: tuple[int, ...] = (24, 24, 3), dtype: Any = np.uint8) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return RNG.random(shape).astype(dtype)
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def coded(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    file, image = io.BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def put(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def photos(name: str = "", data: bytes | str = b"", count: int = 6) -> Make:
    """Two classes of noise, and one more file."""

    def make(root: Root) -> None:
        for number in range(2 * count):
            put(root / ("cat", "dog")[number % 2] / f"{number}.png", coded(noise()))
        if name:
            put(root / name, data)

    return make


def all_of(suffix: str, one: Callable[[], bytes]) -> Make:
    """Two classes whose every file is of the same odd kind."""
    return lambda root: [put(root / ("cat", "dog")[n % 2] / f"{n}{suffix}", one()) for n in range(8)]


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and has hardly a byte of it."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def film() -> bytes:
    return coded(noise(), "GIF", save_all=True, append_images=[Image.fromarray(noise()) for _ in range(2)])


def exif(turn: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = turn
    return block.tobytes()


def pipe(root: Root) -> None:
    photos()(root)
    os.mkfifo(root / "cat" / "pipe.png")


def link_out(root: Root) -> None:
    photos("../outside.png", coded(COLOUR))(root)
    (root / "cat" / "out.png").symlink_to("../../outside.png")


def nan(root: Root) -> None:
    all_of(".tif", lambda: tiff(noise((24, 24), np.float32)))(root)
    put(root / "cat" / "x.tif", tiff(np.full((24, 24), np.nan, np.float32)))


def twins(root: Root) -> None:
    photos()(root)
    for label in ("cat", "dog"):
        put(root / label / "same.png", coded(COLOUR))


IMAGES = [
    Case(1, "nothing", photos("cat/x.jpg", b""), ("cat/x.jpg", "empty")),
    Case(1, "HTML", photos("cat/x.jpg", b"<!DOCTYPE html><html>"), ("cat/x.jpg", "HTML")),
    Case(1, "text", photos("cat/x.jpg", b"404 not found\n"), ("cat/x.jpg", "text")),
    Case(2, "half a JPEG", photos("cat/x.jpg", coded(COLOUR, "JPEG")[:400]), ("cat/x.jpg", "cut short")),
    *(
        Case(5, says, photos("cat/x.png", magic + bytes(2000)), ("cat/x.png", says))
        for magic, says in ((b"%!PS-Adobe", "PostScript"), (b"8BPS\0\1", "PSD"), (b"SIMPLE  =", "FITS"), (b"%PDF-1", "PDF"))
    ),
    Case(14, "NaN", nan, ("cat/x.tif", "NaN")),
    Case(16, "an animation", photos("cat/x.gif", film()), ("cat/x.gif", "3 frames", "--frames first")),
    Case(17, "axes", photos("cat/x.tif", tiff(noise((5, 40, 50)))), ("cat/x.tif", "--axes")),
    Case(20, "a slide", photos("cat/x.png", png(40_000, 40_000)), ("cat/x.png", "--max-pixels")),
    Case(21, "a bomb", photos("cat/x.png", png(20_000, 20_000)), ("cat/x.png", "400,000,000 pixels")),
    Case(23, "a pipe", pipe, ("cat/pipe.png", "pipe (FIFO)")),
    Case(23, "a link out", link_out, ("cat/out.png", "leads out of the data folder")),
    Case(23, "a folder", lambda root: (photos()(root), (root / "cat" / "f.png").mkdir()), ("cat/f.png", "folder")),
    Case(37, "empty classes", lambda root: (photos()(root), [(root / n).mkdir() for n in "ab"]), ("a/, b/", "without images")),
    Case(38, "one class", lambda root: [put(root / "cat" / f"{n}.png", coded(noise())) for n in range(5)], ("1 class",)),
]  # fmt: skip

READ = [
    Case(4, "PNG named jpg", photos("cat/x.jpg", coded(COLOUR)), ("PNG named .jpg", "cat/x.jpg")),
    Case(6, "turned", photos("cat/x.jpg", coded(COLOUR, "JPEG", exif=exif(6))), ("turned upright",)),
    Case(7, "broken EXIF", photos("cat/x.jpg", coded(COLOUR, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")), ("broken EXIF",)),
    Case(8, "RGBA", photos("cat/x.png", coded(noise((24, 24, 4)))), ("transparency over background",)),
    Case(9, "CMYK", photos("cat/x.jpg", coded(COLOUR, "JPEG", "CMYK")), ("CMYK as RGB",)),
    Case(10, "16-bit grey", all_of(".png", lambda: coded(noise((24, 24), np.uint16))), ("1 channel of uint16",)),
    Case(11, "16-bit colour", all_of(".tif", lambda: tiff(noise(dtype=np.uint16))), ("3 channels of uint16",)),
    Case(12, "floats", all_of(".tif", lambda: tiff(noise((24, 24), np.float32))), ("1 channel of float32",)),
    Case(13, "7 channels", all_of(".tif", lambda: tiff(noise((24, 24, 7), np.float64), photometric="minisblack",
                                                      planarconfig="contig")), ("7 channels of float32",)),
    Case(15, "constant", photos("cat/x.png", coded(np.full((24, 24, 3), 7, np.uint8))), ("constant value", "cat/x.png")),
    Case(16, "first frame", photos("cat/x.gif", film()), ("the first of 3 frames",), ("--frames", "first")),
    Case(17, "axes said", all_of(".tif", lambda: tiff(noise((5, 24, 24)))), ("5 channels",), ("--axes", "CYX")),
    Case(18, "sizes", photos("cat/x.png", coded(noise((48, 40, 3)))), ("image sizes",)),
    Case(24, "junk", photos("cat/.DS_Store", b"x"), ("12 images",)),
    Case(26, "cat and cat1", lambda root: (photos()(root), (root / "dog").rename(root / "cat1")), ("cat1",)),
    Case(25, "twins", twins, ("stored in more than one class", "cat/same.png")),
    *(
        Case(26, ascii(name), photos(f"cat/{name}", coded(COLOUR)), ("13 images",))
        for name in ("two\nlines.png", "🦠.png", "-rf.png", os.fsdecode(b"caf\xe9.png"), "x" * 251 + ".png")
    ),
]  # fmt: skip


def masked(*masks: bytes, name: str = "m{}.png", more: Iterable[tuple[str, bytes]] = ()) -> Make:
    """images/ and masks/ with these masks, and three sound ones."""

    def make(root: Root) -> None:
        sound = [coded((np.roll(CLASSES, n) % 3).astype(np.uint8)) for n in range(3)]
        for number, data in enumerate([*sound, *masks]):
            stem = name.format(number) if number >= len(sound) else f"m{number}.png"
            put(root / "masks" / stem, data)
            put(root / "images" / f"m{number}.png", coded(noise()))
        for path, data in more:
            put(root / path, data)

    return make


def mask(values: np.ndarray, **options: Any) -> bytes:
    return coded(values.astype(np.uint8), **options)


def only(*masks: bytes, suffix: str = "png") -> Make:
    """images/ and masks/ with these masks alone."""

    def make(root: Root) -> None:
        for number, data in enumerate(masks):
            put(root / "masks" / f"m{number}.{suffix}", data)
            put(root / "images" / f"m{number}.png", coded(noise()))

    return make


GAPS = only(*(mask(np.roll(CLASSES, n) % 3 * 7) for n in range(3)))
BINARY = only(*(mask((np.add.outer(np.arange(24), np.arange(24)) > 20 + n) * 255) for n in range(4)))


def turned(root: Root) -> None:
    """An image that its EXIF turns, and a mask as it is stored."""
    masked()(root)
    put(root / "images" / "m9.png", coded(noise((24, 12, 3)), exif=exif(6)))
    put(root / "masks" / "m9.png", mask(CLASSES[:, :12]))


LOSSY = only(*(coded((np.roll(CLASSES, n) * 80).astype(np.uint8), "JPEG") for n in range(3)), suffix="jpg")
LONELY = masked(more=[("images/alone.png", coded(COLOUR)), ("masks/orphan.png", mask(CLASSES))])
MASKS = [
    Case(27, "another size", masked(mask(CLASSES[:20])), ("m3.png", "20 × 24", "24 × 24")),
    Case(29, "any colours", masked(coded(COLOUR)), ("m3.png",)),
    Case(30, "JPEG", LOSSY, ("m0.jpg",)),
    Case(36, "EXIF of the image alone", turned, ("m9.png", "24 × 12", "12 × 24")),
    Case(31, "gaps", GAPS, ("0, 7, 14", "--remap")),
    Case(33, "fractions", only(*(tiff(noise((24, 24), np.float32)) for _ in range(3)), suffix="tif"), ("m0.tif",)),
    Case(34, "all empty", only(*(mask(CLASSES * 0) for _ in range(3))), ("empty",)),
    Case(35, "partners", LONELY, ("alone.png", "orphan.png")),
]  # fmt: skip
MASKS_READ = [
    Case(
        28,
        "palette",
        only(*(coded((np.roll(CLASSES, n) % 3).astype(np.uint8), mode="P") for n in range(3))),
        ("3 classes",),
    ),
    Case(31, "remapped", GAPS, ("3 classes",), ("--remap",)),
    Case(32, "0 and 255", BINARY, ("2 classes", "255")),
    Case(34, "one empty", masked(mask(CLASSES * 0)), ("4 images",)),
    Case(35, "skipped", LONELY, ("alone.png", "left out"), ("--unlabelled", "skip")),
]


def listed(text: str | bytes, count: int = 8) -> Make:
    """t.csv beside its images."""

    def make(root: Root) -> None:
        for number in range(count):
            put(root / f"a{number}.png", coded(noise()))
        put(root / "t.csv", text)

    return make


ROWS = "".join(f"a{n}.png,{('cat', 'dog')[n % 2]}\n" for n in range(8))
GOOD = f"image,label\n{ROWS}"
VALUES = "image,size\n" + "".join(f"a{n}.png,{n}.5\n" for n in range(8))
TABLES = [
    Case(40, "cp1252", listed(GOOD.replace("cat", "café").encode("cp1252")), ("t.csv", "line 2", "byte"), data="t.csv"),
    Case(41, "a field less", listed(GOOD + "a1.png\n"), ("t.csv", "line 10"), data="t.csv"),
    Case(41, "no such column", listed(GOOD.replace("image", "x").replace("a0.png,", ",")), ("t.csv",), data="t.csv"),
    Case(41, "open quote", listed(GOOD + '"a1.png,cat\n'), ("t.csv", "line"), data="t.csv"),
    Case(41, "a field too long", listed(GOOD + "a1.png," + "x" * 140_000), ("t.csv", "line 10"), data="t.csv"),
    *(
        Case(42, path, listed(GOOD + f"{path},cat\n"), ("t.csv", "line 10"), data="t.csv")
        for path in ("gone.png", "/etc/passwd.png", "../up.png", "https://x.example/a.png", "C:\\a.png")
    ),
    Case(43, "told otherwise", listed(GOOD + "a0.png,dog\n"), ("t.csv", "line 10"), data="t.csv"),
    Case(44, "blank", listed(GOOD + "a0.png,\n"), ("t.csv", "line 10"), data="t.csv"),
    Case(45, "NaN", listed(VALUES.replace("0.5", "inf")), ("t.csv", "line 2"), ("--task", "regression"), "t.csv"),
]  # fmt: skip
TABLES_READ = [
    Case(40, "BOM", listed(GOOD.encode("utf-8-sig")), ("8 images in 2 classes",), data="t.csv"),
    Case(40, "UTF-16", listed(GOOD.encode("utf-16")), ("8 images in 2 classes",), data="t.csv"),
    Case(
        40, "semicolons", listed(GOOD.replace(",", ";").replace("\n", "\r\n")), ("8 images in 2 classes",), data="t.csv"
    ),
    Case(43, "twice alike", listed(GOOD + "a0.png,cat\n"), ("repeated rows dropped",), data="t.csv"),
    Case(44, "NA as a class", listed(GOOD.replace("cat", "01").replace("dog", "1")), ("01",), data="t.csv"),
    Case(
        44,
        "look-alikes",
        listed(GOOD.replace("a0.png,cat", "a0.png,Cat").replace("a2.png,cat", "a2.png,Cat")),
        ("look alike",),
        data="t.csv",
    ),
]


def shape(points: Any = ((2, 2), (20, 2), (20, 20)), label: str = "cell", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": "polygon", **more}


def annotated(*shapes: Any, text: str | None = None, **more: Any) -> Make:
    """Three images with a sound labelme file, and x.json with these shapes or this text."""

    def make(root: Root) -> None:
        for name in ("a", "b", "c", "x"):
            put(root / f"{name}.png", coded(noise()))
            facts: dict[str, Any] = {"shapes": [shape()], "imagePath": f"{name}.png", "imageData": None}
            if name == "x":
                facts |= {"shapes": list(shapes) or [shape()], **more}
            put(root / f"{name}.json", text if name == "x" and text is not None else json.dumps(facts))

    return make


LABELME = [
    Case(47, "no image", annotated(imagePath="gone.png"), ("x.json", "gone.png")),
    *(
        Case(48, path, annotated(imagePath=path), ("x.json", "outside the folder"))
        for path in ("../../y.png", "/etc/y.png", "C:\\y.png", "\\\\srv\\y.png")
    ),
    Case(49, "bad base64", annotated(imagePath="gone.png", imageData="!!!"), ("x.json", "base64")),
    Case(50, "size", annotated(imageHeight=5, imageWidth=5), ("x.json", "5 × 5", "24 × 24")),
    Case(51, "two points", annotated(shape([[1, 1], [2, 2]])), ("x.json: shape 0", "2 points")),
    Case(51, "no area", annotated(shape([[1, 1], [2, 2], [3, 3]])), ("x.json: shape 0", "without an area")),
    Case(53, "NaN", annotated(text='{"shapes": [{"label": "a", "points": [[NaN, 1]]}]}'), ("x.json", "NaN")),
    Case(54, "shape_type", annotated(shape(shape_type="star")), ("x.json", "star")),
    Case(55, "nested", annotated(text='{"shapes": ' + "[" * 100_000), ("x.json", "nested")),
    Case(55, "twice", annotated(text='{"shapes": [], "shapes": []}'), ("x.json", "stands twice")),
    Case(55, "digits", annotated(text='{"shapes": [], "imageHeight": ' + "1" * 5000 + "}"), ("x.json",)),
]  # fmt: skip
LABELME_READ = [
    Case(48, "beside", annotated(imagePath="../other/x.png"), ("4 images", "x.png beside it is used")),
    Case(51, "left out", annotated(shape([[1, 1], [2, 2]]), shape()), ("left out",), ("--on-bad", "skip")),
    Case(52, "beyond the edge", annotated(shape([[-9, -9], [90, 0], [0, 90]])), ("4 images",)),
]


def fasta(*extra: str, letters: str = "ACGTTGCAAC") -> str:
    """Twelve records of two genera, each with letters of its own, and more lines."""
    records = []
    for number in range(12):
        own = "".join("ACGT"[(number >> 2 * place) & 3] for place in range(3))
        records.append(f">id{number}|{('Abies', 'Picea')[number % 2]}\n{letters}{own}\n")
    return "".join([*records, *extra])


def sequences(text: str | bytes, name: str = "a.fasta") -> Make:
    return lambda root: put(root / name, text)


FASTA = [
    Case(58, "gaps", sequences(fasta(letters="AC--GT")), ("a.fasta", "--gaps strip"), data="a.fasta"),
    Case(60, "an empty record", sequences(fasta(">gone|Abies\n")), ("a.fasta", "gone", "without a letter"), data="a.fasta"),
    Case(60, "an empty file", sequences(""), ("a.fasta", "no records"), data="a.fasta"),
    Case(61, "one id, two things", sequences(fasta(">id0|Picea\nTTTTT\n")), ("a.fasta", "id0"), data="a.fasta"),
    Case(62, "FASTQ", sequences("@id\nACGT\n+\nIIII\n"), ("a.fasta", "line 1", "FASTQ"), data="a.fasta"),
    Case(62, "a comment", sequences(";x\n" + fasta()), ("a.fasta", "line 1"), data="a.fasta"),
    Case(63, "signs", sequences(fasta(letters="AC!@9")), ("a.fasta", "record 1", "position 3"), data="a.fasta"),
    Case(64, "protein", sequences(fasta(letters="MKVLEFPQ")), ("a.fasta", "protein"), data="a.fasta"),
    Case(65, "damaged gzip", sequences(gzip.compress(fasta().encode())[:-9], "a.fasta.gz"), ("a.fasta.gz", "gzip"),
         data="a.fasta.gz"),
]  # fmt: skip
FASTA_READ = [
    Case(56, "lower case", sequences(fasta().lower().replace("abies", "Abies")), ("12 sequences",), data="a.fasta"),
    Case(57, "IUPAC", sequences(fasta(letters="RYKMSWBDHVN")), ("12 sequences",), data="a.fasta"),
    Case(
        58,
        "stripped",
        sequences(fasta(letters="AC--GT")),
        ("left out of the sequences",),
        ("--gaps", "strip"),
        "a.fasta",
    ),
    Case(59, "CRLF", sequences(fasta().replace("\n", "\r\n")), ("12 sequences",), data="a.fasta"),
    Case(59, "CR", sequences(fasta().replace("\n", "\r")), ("12 sequences",), data="a.fasta"),
    Case(59, "BOM", sequences("\ufeff" + fasta()), ("12 sequences",), data="a.fasta"),
    Case(64, "RNA", sequences(fasta().replace("T", "U")), ("U taken for T",), data="a.fasta"),
    Case(
        65, "unequal", sequences(fasta(">long|Abies\n" + "ACGT" * 9 + "\n")), ("13 sequences", "padded"), data="a.fasta"
    ),
    Case(65, "gzip", sequences(gzip.compress(fasta().encode()), "a.fasta.gz"), ("12 sequences",), data="a.fasta.gz"),
]


def idx(array: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    shape = shape or array.shape
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + array.tobytes()


def digits(images: bytes | None = None, labels: int = 12, packed: bool = False) -> Make:
    def make(root: Root) -> None:
        data = idx(noise((12, 9, 9))) if images is None else images
        put(root / f"train-images-idx3-ubyte{'.gz' * packed}", gzip.compress(data) if packed else data)
        put(root / "train-labels-idx1-ubyte", idx(np.arange(labels, dtype=np.uint8) % 2))

    return make


def cifar(data: bytes, name: str = "data_batch_1.bin") -> Make:
    return lambda root: put(root / name, data)


def npz(**arrays: Any) -> Make:
    def make(root: Root) -> None:
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=True, **arrays)
        put(root / "a.npz", file.getvalue())

    return make


def archive(header: str) -> Make:
    """An NPZ whose images are a .npy of this header and no pixels."""

    def make(root: Root) -> None:
        with zipfile.ZipFile(root / "a.npz", "w") as file:
            text = header.encode().ljust(117) + b"\n"
            file.writestr("images.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text)
            file.writestr("labels.npy", b"")

    return make


def damaged_npz(root: Root) -> None:
    npz(images=noise((12, 9, 9)), labels=np.arange(12) % 2)(root)
    data = bytearray((root / "a.npz").read_bytes())
    data[300] ^= 255
    (root / "a.npz").write_bytes(data)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch hostile-pickle-ran",)


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000, 1000), }"
PAIR = {"images": noise((12, 9, 9)), "labels": np.arange(12) % 2}
ARRAYS = [
    Case(66, "magic", digits(b"\1\2\3\4" * 9), ("train-images-idx3-ubyte", "01 02 03 04")),
    Case(66, "nothing", digits(b""), ("train-images-idx3-ubyte", "empty")),
    Case(67, "too short", digits(idx(noise((12, 9, 9)))[:-5]), ("train-images-idx3-ubyte", "bytes")),
    Case(67, "2^32 - 1", digits(idx(noise((1,)), (2**32 - 1,) * 3)), ("train-images-idx3-ubyte",)),
    Case(68, "9 labels", digits(labels=9), ("12 images", "9 labels")),
    Case(69, "a cut record", cifar(bytes(3073 * 2 + 5)), ("data_batch_1.bin", "record 2")),
    Case(69, "label 10", cifar(bytes(3073) + b"\x0a" + bytes(3072)), ("data_batch_1.bin", "record 1", "label 10")),
    Case(70, "a pickle that runs", cifar(pickle.dumps(Hostile()), "data_batch_1"), ("data_batch_1", "refused")),
    Case(71, "objects", npz(images=np.array([{}, {}], object), labels=np.arange(2)), ("a.npz", "Python objects"), data="a.npz"),
    Case(72, "7 TiB", archive(HUGE), ("a.npz", "promises"), data="a.npz"),
    Case(73, "damage", damaged_npz, ("a.npz",), data="a.npz"),
    Case(73, "no labels", npz(images=PAIR["images"]), ("a.npz", "labels"), data="a.npz"),
    Case(74, "a zip", lambda root: zipfile.ZipFile(root / "a.zip", "w").close(), ("a.zip", "not unpacked"), data="a.zip"),
]  # fmt: skip
ARRAYS_READ = [
    Case(66, "gzip", digits(packed=True), ("12 images in 2 classes",)),
    Case(
        73,
        "big-endian",
        npz(**PAIR | {"images": noise((12, 9, 9), np.uint16).astype(">u2")}),
        ("12 images",),
        data="a.npz",
    ),
    Case(73, "Fortran", npz(**PAIR | {"images": np.asfortranarray(PAIR["images"])}), ("12 images",), data="a.npz"),
    Case(73, "channels last", npz(**PAIR | {"images": noise((12, 9, 9, 3))}), ("3 channels",), data="a.npz"),
]

REFUSED = [*IMAGES, *MASKS, *TABLES, *LABELME, *FASTA, *ARRAYS]
ACCEPTED = [*READ, *MASKS_READ, *TABLES_READ, *LABELME_READ, *FASTA_READ, *ARRAYS_READ]


def flags(case: Case) -> tuple[str, ...]:
    """labelme files and folders of masks are learned as masks."""
    segments = 26 < case.row < 37 or 46 < case.row < 56
    return (*(("--task", "segmentation") if segments else ()), *case.flags)


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_is_bad_is_refused_with_file_and_reason(
    case: Case, tmp_path: Path, neocog: Any, fingerprint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    case.make(root)
    monkeypatch.chdir(tmp_path)
    before = fingerprint(tmp_path)
    for words in (("audit",), ("train", "--out", tmp_path / "run", "--epochs", 1)):
        answer = neocog(words[0], root / case.data, *words[1:], *flags(case))
        assert answer.code == 2, answer.text
        assert "Traceback" not in answer.text
        for part in case.says:
            assert part in answer.text, answer.text
    assert fingerprint(tmp_path) == before  # nothing written, no run begun, no program run


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_what_is_odd_is_accepted_and_said(case: Case, tmp_path: Path, neocog: Any, fingerprint: Any) -> None:
    root = tmp_path / "data"
    root.mkdir()
    case.make(root)
    before = fingerprint(tmp_path)
    answer = neocog("audit", root / case.data, *flags(case))
    assert answer.code == 0, answer.text
    for part in case.says:
        assert part in answer.text, answer.text
    assert fingerprint(tmp_path) == before
    printed = neocog("audit", root / case.data, "--json", "--quiet", *flags(case))
    assert json.loads(printed.text)["samples"]


@pytest.mark.slow
@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_what_is_odd_is_learned_to_the_end(case: Case, tmp_path: Path, neocog: Any) -> None:
    root = tmp_path / "data"
    root.mkdir()
    case.make(root)
    size = ("--size", 16) if 55 < case.row < 66 else ()
    words = ("--out", tmp_path / "run", "--epochs", 1, "--threads", 1, "--quiet", *size)
    answer = neocog("train", root / case.data, *words, *flags(case))
    assert answer.code == 0, answer.text
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize("case", [case for case in IMAGES if case.row in (1, 2, 5, 14, 16, 20, 21, 23)], ids=str)
def test_files_that_cannot_be_read_are_left_out_on_demand_and_counted(case: Case, tmp_path: Path, neocog: Any) -> None:
    root = tmp_path / "data"
    root.mkdir()
    case.make(root)
    answer = neocog("audit", root, "--on-bad", "skip", "--json", "--quiet")
    assert answer.code == 0, answer.text
    left = [each["name"] for each in json.loads(answer.text)["left_out"]["samples"]]
    assert [name for name in left if name == case.says[0]], left


def test_row_25_twins_in_two_classes_are_an_error_where_leaks_are(tmp_path: Path, neocog: Any) -> None:
    twins(tmp_path)
    assert neocog("audit", tmp_path, "--strict").code == 2


def test_row_39_a_class_with_one_sample_cannot_be_split(tmp_path: Path, neocog: Any) -> None:
    photos("rare/x.png", coded(COLOUR))(tmp_path / "data")
    answer = neocog("train", tmp_path / "data", "--out", tmp_path / "run", "--epochs", 1)
    assert answer.code == 2 and "rare" in answer.text and not (tmp_path / "run").exists()


MISTAKES = [
    (19, ("--model", "cifarcnn", "--size", "4"), ("at least 8 × 8",)),
    (84, ("--lerning-rate", "0.1"), ("--lerning-rate",)),
    (84, ("--learning-rate", "0.1"), ("--lr",)),
    (84, ("--lr", "nan"), ("--lr", "nan")),
    (84, ("--lr", "0"), ("--lr", "0")),
    (84, ("--epochs", "-1"), ("--epochs", "-1")),
    (84, ("--batch", "-3"), ("--batch", "-3")),
    (84, ("--model", "resnett"), ("resnett", "resnet")),
    (84, ("--split", "0.5", "0.6", "nan"), ("--split", "nan")),
    (85, ("--device", "cuda"), ("--device cpu",)),
    (85, ("--config", "gone.toml"), ("gone.toml",)),
    (46, ("--batch", "1000"), ("--batch 1000 exceeds",)),
    (84, ("--batch-size", "8"), ("--batch",)),
]


@pytest.mark.parametrize(("row", "words", "says"), MISTAKES, ids=lambda value: str(value))
def test_mistakes_on_the_command_line_are_told_before_anything_is_written(
    row: int,
    words: tuple[str, ...],
    says: tuple[str, ...],
    tmp_path: Path,
    neocog: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    photos()(tmp_path / "data")
    usual = () if "--epochs" in words else ("--epochs", "1")
    answer = neocog("train", tmp_path / "data", "--out", tmp_path / "run", *usual, *words)
    assert answer.code == 2 and "Traceback" not in answer.text
    for part in says:
        assert part in answer.text, answer.text
    assert not (tmp_path / "run").exists()


ODD_PATHS = ("x" * 300, "loop", "", ".", "/dev/zero", "[", "gone/deeper")


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:12] or "empty")
def test_row_85_paths_that_are_none_are_told_by_every_verb(
    path: str, tmp_path: Path, neocog: Any, fingerprint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos()(tmp_path / "data")
    words = ("--epochs", 1, "--model", "mlp", "--threads", 1, "--quiet")
    assert neocog("train", tmp_path / "data", "--out", tmp_path / "run", *words).code == 0
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("loop").symlink_to("loop")
    run, photo, before = tmp_path / "run", tmp_path / "data" / "cat" / "0.png", fingerprint(tmp_path)
    for command in (
        ("audit", path), ("train", path, *words), ("predict", run, path), ("explain", run, path), ("evaluate", run, path),
        ("evaluate", path, tmp_path / "data"), ("resume", path), ("report", path), ("kmeans", path), ("filters", path),
        ("preview", path), ("convert", "augment", path, "made"), ("audit", tmp_path / "data", "--against", path),
        ("train", tmp_path / "data", "--config", path), ("export", path), ("sample", path),
        *([("predict", run, photo, "--out", path)] if path in ("", ".", "loop", "x" * 300) else []),
    ):  # fmt: skip
        answer = neocog(*command)
        assert answer.code == 2 and "Traceback" not in answer.text, (command, answer.text)
    assert fingerprint(tmp_path) == before


def test_rows_83_and_85_a_finished_run_is_left_alone_and_never_written_over(tmp_path: Path, neocog: Any) -> None:
    photos()(tmp_path / "data")
    words = (
        "train",
        tmp_path / "data",
        "--out",
        tmp_path / "run",
        "--epochs",
        1,
        "--model",
        "mlp",
        "--threads",
        1,
        "--quiet",
    )
    assert neocog(*words).code == 0
    weights = (tmp_path / "run" / "weights.safetensors").read_bytes()
    again = neocog(*words)
    assert again.code == 2 and str(tmp_path / "run") in again.text
    resumed = neocog("resume", tmp_path / "run")
    assert resumed.code == 0 and "complete" in resumed.text
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == weights


@pytest.mark.parametrize(("samples", "batch"), [(14, 4), (20, 29)])
def test_row_46_a_last_batch_of_one_is_merged_where_a_norm_needs_two(
    samples: int, batch: int, tmp_path: Path, neocog: Any
) -> None:
    photos(count=samples)(tmp_path / "data")
    answer = neocog(
        "train", tmp_path / "data", "--out", tmp_path / "run", "--epochs", 1, "--batch", batch, "--model", "resnet",
        "--split", 0.75, 0, 0.25, "--threads", 1, "--quiet",
    )  # fmt: skip
    assert answer.code == 0, answer.text


def test_row_77_a_pickle_in_the_place_of_a_checkpoint_is_not_opened(
    tmp_path: Path, neocog: Any, fingerprint: Any
) -> None:
    photos()(tmp_path / "data")
    words = ("--epochs", 1, "--model", "mlp", "--threads", 1, "--quiet")
    assert neocog("train", tmp_path / "data", "--out", tmp_path / "run", *words).code == 0
    (tmp_path / "run" / "weights.safetensors").write_bytes(pickle.dumps(Hostile()))
    for verb in (
        ("evaluate", tmp_path / "run", tmp_path / "data"),
        ("predict", tmp_path / "run", tmp_path / "data" / "cat"),
    ):
        before = fingerprint(tmp_path)
        answer = neocog(*verb)
        assert answer.code == 2 and "weights.safetensors" in answer.text and "Traceback" not in answer.text
        assert fingerprint(tmp_path) == before


def test_row_26_names_that_are_not_utf_8_go_through_every_verb(tmp_path: Path, neocog: Any) -> None:
    """Of a class, of files, of the run and of the data's own folder: bytes that no text is."""
    place = tmp_path
    photos()(place / "data")
    (place / "data" / "cat").rename(place / "data" / os.fsdecode(b"c\xe9t"))
    odd = place / "data" / "dog" / os.fsdecode(b"x\xff.png")
    put(odd, coded(COLOUR))
    run = place / os.fsdecode(b"r\xfcn")
    data = place / "data"
    for words in (
        ("audit", data),
        ("train", data, "--out", run, "--epochs", 1, "--model", "mlp", "--threads", 1),
        ("resume", run),
        ("report", run),
        ("predict", run, odd),
        ("explain", run, odd, "--out", place / "maps"),
        ("preview", data, "--out", place / "sheet.png"),
    ):
        answer = neocog(*words)
        assert answer.code == 0 and "Traceback" not in answer.text, answer.text
    odd_place = tmp_path / os.fsdecode(b"d\xe9")
    data.rename(odd_place)
    again = tmp_path / "again"
    assert neocog("train", odd_place, "--out", again, "--epochs", 1, "--model", "mlp", "--threads", 1).code == 0
    assert neocog("evaluate", again).code == 0
    assert "c\\udce9t" in (run / "report.html").read_text(encoding="utf-8")
