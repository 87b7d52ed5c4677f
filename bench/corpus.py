"""Small sound files of every format that neocog reads: what ``fuzz.py`` damages. Made in memory, the same at every run."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
RNG = np.random.default_rng(16)
GREY = RNG.integers(0, 256, (12, 14), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 14, 3), dtype=np.uint8)
CLEAR = RNG.integers(0, 256, (12, 14, 4), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (12, 14), dtype=np.uint16)
FLOAT = RNG.random((12, 14)).astype(np.float32)
TURNED = b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"


def picture(pixels: Array, kind: str, mode: str | None = None, **options: Any) -> bytes:
    """Pixels as a file of Pillow's format ``kind``, converted to ``mode`` before."""
    image, file = Image.fromarray(pixels), io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def film(kind: str, **options: Any) -> bytes:
    """Three frames in one file."""
    more = [Image.fromarray(255 - COLOUR), Image.fromarray(COLOUR[::-1])]
    return picture(COLOUR, kind, save_all=True, append_images=more, **options)


def tiff(pixels: Array, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def nifti(dtype: Any, slope: float | None = None) -> bytes:
    """A volume of 3 × 4 × 5."""
    import nibabel

    make: Any = nibabel.Nifti1Image
    volume = make(RNG.integers(0, 200, (3, 4, 5)).astype(dtype), np.diag([2.0, 2, 3, 1]))
    if slope:
        volume.header.set_slope_inter(slope, 1)
    return bytes(volume.to_bytes())


def npz(packed: bool, **arrays: Array) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def idx(array: Array, code: int = 8) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def labelme(**more: Any) -> bytes:
    shapes = [
        {"label": "cell", "points": [[1, 1], [9, 1], [9, 9], [1, 8.5]], "shape_type": "polygon"},
        {"label": "wall", "points": [[2, 2], [6, 7]], "shape_type": "rectangle"},
        {"label": "cell", "points": [[5, 5], [7, 6]], "shape_type": "circle"},
        {"label": "wall", "points": [[0, 0], [4, 9], [9, 3]], "shape_type": "linestrip"},
        {"label": "dot", "points": [[3, 3]], "shape_type": "point"},
    ]
    facts: dict[str, Any] = {"version": "5.0", "flags": {}, "shapes": shapes, "imagePath": "a.png", "imageData": None}
    return json.dumps({**facts, "imageHeight": 12, "imageWidth": 14, **more}, indent=1).encode()


def embedded() -> bytes:
    """labelme files with their image, or a mask, inside."""
    inside = base64.b64encode(picture(COLOUR, "PNG")).decode()
    mask = base64.b64encode(picture((GREY[:5, :6] > 99).astype(np.uint8) * 255, "PNG", "1")).decode()
    shape = {"label": "cell", "points": [[2, 2], [7, 6]], "shape_type": "mask", "mask": mask}
    return labelme(imageData=inside, imagePath="gone.png", shapes=[shape])


CSV = (
    b"image,label,group,split,weight\n"
    + b"".join(b"a%d.png,%s,p%d,%s,1.5\n" % (i, (b"cat", b"dog")[i % 2], i // 2, (b"train", b"test")[i // 4]) for i in range(8))
)  # fmt: skip
VALUES = "\ufeffimage;angle [°];weight\n".encode() + b"".join(b"a%d.png;%d,5;2\n" % (i, 7 * i) for i in range(8))
FASTA = b"".join(
    b">id%d|%s|x\nACGTACGTTGCA\nACNRYKacgt%s\n" % (i, (b"Abies alba", b"Picea abies")[i % 2], b"ACGT"[i % 4 :]) for i in range(8)
)  # fmt: skip
LETTERS = b"id,sequence,label\n" + b"".join(
    b"s%d,ACGTNNACGT%s,%c\n" % (i, b"ACGT"[i % 4 :], b"xy"[i % 2]) for i in range(8)
)
BATCH = {
    "data": RNG.integers(0, 256, (4, 3072), dtype=np.uint8),
    "labels": [3, 1, 9, 0],
    "filenames": ["a", "b", "c", "d"],
}
RECORDS = b"".join(bytes([label]) + RNG.bytes(3072) for label in (3, 1, 9, 0))
IMAGES = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)

# reader → (name of the file, sound contents); what stands beside it is made by ``fuzz.py``
CORPUS: dict[str, tuple[str, Callable[[], list[bytes]]]] = {
    "png": ("a.png", lambda: [
        picture(COLOUR, "PNG"), picture(CLEAR, "PNG"), picture(GREY, "PNG", "1"), picture(COLOUR, "PNG", "P", transparency=1),
        picture(DEEP, "PNG"), picture(COLOUR, "PNG", exif=TURNED), film("PNG"), picture(CLEAR, "PNG", "LA"),
    ]),
    "jpeg": ("a.jpg", lambda: [
        picture(COLOUR, "JPEG"), picture(GREY, "JPEG"), picture(COLOUR, "JPEG", "CMYK"), picture(COLOUR, "JPEG", exif=TURNED),
        picture(COLOUR, "JPEG", progressive=True), picture(COLOUR, "JPEG", icc_profile=b"Adobe RGB"), film("MPO"),
    ]),
    "gif": ("a.gif", lambda: [film("GIF"), picture(GREY, "GIF"), picture(COLOUR, "GIF", "P", transparency=2)]),
    "bmp": ("a.bmp", lambda: [picture(COLOUR, "BMP"), picture(GREY, "BMP"), picture(GREY, "BMP", "1"), picture(CLEAR, "BMP")]),
    "webp": ("a.webp", lambda: [
        picture(COLOUR, "WebP"), picture(CLEAR, "WebP", lossless=True), film("WebP"), picture(COLOUR, "WebP", exif=TURNED),
    ]),
    "avif": ("a.avif", lambda: [picture(COLOUR, "AVIF"), picture(CLEAR, "AVIF")]),
    "jpeg2000": ("a.jp2", lambda: [picture(COLOUR, "JPEG2000"), picture(GREY, "JPEG2000", no_jp2=True)]),
    "pnm": ("a.ppm", lambda: [picture(COLOUR, "PPM"), picture(GREY, "PPM"), b"P2\n2 1\n255\n3 15\n", picture(GREY, "PPM", "1")]),
    "tiff": ("a.tif", lambda: [
        tiff(DEEP), tiff(FLOAT, compression="zlib", predictor=True), tiff(COLOUR, compression="packbits"), tiff(CLEAR),
        tiff(np.stack([GREY] * 3), metadata={"axes": "ZYX"}), tiff(np.stack([DEEP] * 5), ome=True, metadata={"axes": "CYX"}),
        picture(COLOUR, "TIFF", compression="tiff_lzw"), picture(COLOUR, "TIFF", "P"), picture(COLOUR, "TIFF", "CMYK"),
        tiff(np.zeros((32, 32), np.uint8), tile=(16, 16), compression="lzw"), tiff(GREY, bigtiff=True),
        picture(GREY, "TIFF", "1", compression="group4"), tiff(COLOUR, byteorder=">", imagej=True),
    ]),
    "nifti": ("a.nii", lambda: [nifti(np.uint8), nifti(np.int16, 2.0), nifti(np.float32), nifti(np.uint16)]),
    "nifti.gz": ("a.nii.gz", lambda: [nifti(np.uint8), nifti(np.int16, 2.0)]),
    "npz": ("a.npz", lambda: [
        npz(False, images=IMAGES, labels=LABELS), npz(True, x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS),
        npz(True, X=FLOAT[None].repeat(6, 0), y=np.array(list("aabbcc"))), npz(False, images=IMAGES, targets=LABELS / 7),
    ]),
    "npy in npz": ("a.npz", lambda: [np_bytes(IMAGES), np_bytes(np.asfortranarray(FLOAT[:6])), np_bytes(DEEP[:6, :5, None])]),
    "idx": ("train-images-idx3-ubyte", lambda: [idx(IMAGES), idx(DEEP[:6, :5, None].astype(">i2"), 0x0B)]),
    "idx.gz": ("train-images-idx3-ubyte.gz", lambda: [idx(IMAGES)]),
    "cifar": ("data_batch_1.bin", lambda: [RECORDS]),
    "cifar pickle": ("data_batch_1", lambda: [pickle.dumps(BATCH, protocol) for protocol in (0, 2, 4, 5)]),
    "csv": ("t.csv", lambda: [CSV, CSV.replace(b",", b"\t"), CSV.replace(b"\n", b"\r\n"), CSV.decode().encode("utf-16")]),
    "values": ("t.csv", lambda: [VALUES, VALUES.decode("utf-8-sig").replace(";", "\t").encode()]),
    "sequence table": ("t.csv", lambda: [LETTERS]),
    "fasta": ("a.fasta", lambda: [FASTA, FASTA.replace(b"\n", b"\r"), FASTA.lower()]),
    "fasta.gz": ("a.fasta.gz", lambda: [FASTA]),
    "labelme": ("a.json", lambda: [labelme(), embedded(), labelme(version="3.1", flags=None)]),
    "mask": ("masks/a.png", lambda: [
        picture(GREY % 3, "PNG"), picture((GREY > 99) * np.uint8(255), "PNG"), picture(COLOUR // 128 * 255, "PNG", "P"),
        picture(COLOUR // 200 * 255, "PNG"), picture(DEEP % 3, "PNG"),
    ]),
    "mask names": ("classes.txt", lambda: [
        b"ground\ncell\nwall\n", b"0 ground\n1 cell\n2 wall\n", b"ground 0 0 0\ncell 255 0 0\n",
    ]),
    "mask table": ("t.csv", lambda: [b"image,mask\n" + b"".join(b"images/a.png,masks/a.png\n" for _ in range(3))]),
    "nnU-Net": ("dataset.json", lambda: [
        b'{"labels": {"background": 0, "cell": 1, "wall": 2}, "channel_names": {"0": "R"}, "file_ending": ".png"}',
    ]),
    "splits": ("splits.csv", lambda: []),
    "settings": ("s.toml", lambda: [
        b'[data]\ndata = "photos"\nsize = [32, 32]\nsplit = [0.8, 0.1, 0.1]\n'
        b"[training]\nepochs = 3\nlr = 1e-3\nbetas = [0.9, 0.99]\n",
    ]),
}  # fmt: skip


def np_bytes(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks all have the checksum of what they hold, so that damage gets past the first guard."""
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        made += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return bytes(made + data[at:])


def archived(member: bytes) -> bytes:
    """An NPZ whose images are a damaged .npy: its checksums are right, its header lies."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images.npy", member)
        archive.writestr("labels.npy", np_bytes(LABELS))
    return file.getvalue()


# reader → how what is damaged is wrapped again; for PNG every other time
WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "npy in npz": archived, "nifti.gz": gzip.compress, "idx.gz": gzip.compress, "fasta.gz": gzip.compress,
}  # fmt: skip
