"""Formats that neocog does not read: what such a file is, and a free tool's command that makes one that is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from neocog.errors import UserError, count, listed, printable

DICOM_MARK = (128, b"DICM")  # the place and the letters by which a DICOM file is known, whatever it is called


@dataclass(frozen=True)
class Format:
    """``what`` it is, and the ``command`` that converts it. ``picture``: whether a file is (or holds) pictures to look at."""

    what: str
    command: str
    picture: bool = True


def _magick(suffix: str) -> str:
    return f"magick mogrify -format png *.{suffix} (ImageMagick)"


DICOM = Format(
    "DICOM (medical images)",
    "slices: dcm2img in.dcm out.png (DCMTK); a series as one volume: dcm2niix -z y -o volumes/ folder/",
)
_H5 = "python -c \"import h5py, numpy as n; f = h5py.File('in.h5'); n.savez('out.npz', images=f['X'][:], labels=f['y'][:])\""
_MAT = "python -c \"import scipy.io, numpy as n; f = scipy.io.loadmat('in.mat'); n.savez('out.npz', images=f['X'], labels=f['y'])\""
_NPY = "python -c \"import numpy as n; n.savez('out.npz', images=n.load('X.npy'), labels=n.load('y.npy'))\""
_ITK = "python -c \"import SimpleITK as s; s.WriteImage(s.ReadImage('in.nrrd'), 'out.nii.gz')\" (pip install SimpleITK)"
_ARROW = (
    "python -c \"import pandas as p; d = p.read_parquet('in.parquet'); d['file'] = [f'{i}.png' for i in d.index]; "
    "[open(f, 'wb').write(x['bytes']) for f, x in zip(d.file, d.image)]; d[['file', 'label']].to_csv('t.csv', index=False)\""
)
_VIDEO = "ffmpeg -i in.mp4 -vf fps=1 in_%04d.png; the frames of one video belong together (--groups names:REGEX)"
_SLIDE = "vips dzsave in.svs tiles --depth one --suffix .png (libvips)"
_PAGE = "pdftoppm -png -r 150 in.pdf out (poppler); .ps and .eps: magick in.eps out.png"
_RECORDS = "read them with tf.data.TFRecordDataset and write the images as files, a folder for each class"
_FORMATS = {
    ".heic .heif .hif": Format(
        "HEIC (photographs of phones)", f"heif-convert in.heic out.png (libheif), or {_magick('heic')}"
    ),
    ".svg .svgz": Format("SVG (a drawing, not pixels)", "rsvg-convert -w 512 in.svg -o out.png (librsvg)"),
    ".raw .cr2 .cr3 .nef .arw .dng .orf .rw2 .raf": Format("a camera's raw file", "darktable-cli in.nef out.tif"),
    ".psd .psb .xcf": Format("a layered picture (Photoshop, GIMP)", "magick 'in.psd[0]' out.png (ImageMagick)"),
    ".nd2 .czi .lif .oib .oif .vsi .ims .lsm .zvi .stk .flex": Format(
        "a microscope's file", "bfconvert in.czi out_%s_%t.tif (Bio-Formats' command line tools)"
    ),
    ".svs .ndpi .mrxs .scn .bif": Format("a whole-slide image", _SLIDE),
    ".dcm .dicom .ima": DICOM,
    ".nrrd .nhdr .mha .mhd .mgz .mgh .mnc .hdr .img": Format("a medical volume", _ITK),
    ".mp4 .avi .mov .mkv .webm .m4v .wmv .mpg .mpeg .flv": Format("a video", _VIDEO),
    ".jxl": Format("JPEG XL", "djxl in.jxl out.png (libjxl)"),
    ".pdf .ps .eps .ai": Format("a page, not pixels", _PAGE),
    ".exr": Format("OpenEXR", "magick in.exr out.tif (ImageMagick)"),
    ".tga .pcx .ico .dds .qoi .ras .xpm .wmf .emf .pict .fits .fit .pfm": Format(
        "a picture of a rare format", _magick("tga")
    ),
    ".npy": Format("one NumPy array", _NPY, False),
    ".h5 .hdf5 .hdf": Format("HDF5", _H5, False),
    ".mat": Format("MATLAB arrays", f"{_MAT}; of version 7.3, which is HDF5: {_H5}", False),
    ".pkl .pickle": Format("a pickle, which can run code when it is opened", "save arrays with numpy.savez", False),
    ".parquet .arrow .feather": Format("a table of Apache Arrow", _ARROW, False),
    ".tfrecord .tfrecords": Format("TensorFlow records", _RECORDS, False),
    ".xlsx .xls .ods": Format("a spreadsheet", "libreoffice --headless --convert-to csv in.xlsx", False),
    ".tar .zip .tgz .7z .rar .bz2 .xz .zst": Format("an archive", "unpack it: tar -xf in.tar, unzip in.zip", False),
    ".lmdb .mdb .zarr .rec": Format("a data base", "write the images as files, a folder for each class", False),
}
UNREAD = {suffix: one for suffixes, one in _FORMATS.items() for suffix in suffixes.split()}


def format_of(name: str) -> Format | None:
    """The unread format that a file's name promises."""
    return UNREAD.get(PurePath(name).suffix.lower())


def is_dicom(path: Path) -> bool:
    """Whether a file without a known suffix is DICOM, by its mark at byte 128."""
    place, mark = DICOM_MARK
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(place + len(mark))[place:] == mark
    except OSError:
        return False


def refuse(formats: Iterable[tuple[str, Format]], where: str) -> UserError:
    """An error for (file, its format): what they are, and how each kind is converted."""
    kinds: dict[Format, list[str]] = {}
    for name, format_ in formats:
        kinds.setdefault(format_, []).append(name)
    groups = [f"{count(names, 'file')} of {one.what}: {listed(names, 2)}" for one, names in kinds.items()]
    commands = "; ".join(one.command for one in kinds)
    return UserError(f"not read: {'; '.join(groups)}", printable(where), f"convert them: {commands}")
