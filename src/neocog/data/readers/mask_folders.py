"""Images with masks as they lie in folders: which file is the mask of which image, and of which part of a split."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from neocog.data.readers.folders import SPLIT_NAMES, entries, is_image, subfolders
from neocog.data.readers.mask_groups import CAMVID
from neocog.errors import UserError, listed, printable, raise_all

IMAGE_FOLDERS = ("images", "image", "imgs", "img")
MASK_FOLDERS = ("masks", "labels", "annotations", "mask", "label", "gt", "groundtruth", "ground_truth", "segmentations")
SUFFIX = re.compile(r"[-_ ](?:mask|masks|label|labels|gt|seg|segmentation|groundtruth)$", re.IGNORECASE)
SEGNET = tuple((part, f"{part}annot") for part in ("train", "val", "test"))
PREPPED = tuple((f"images_prepped_{part}", f"annotations_prepped_{part}") for part in ("train", "val", "test"))
CAMVID_CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
VOC_NAME = re.compile(r"20\d\d_\d{6}$")


@dataclass(frozen=True)
class Pair:
    """One image and its mask, relative to the root; ``split``: "train", "validation", "test" or ""."""

    image: str
    mask: str
    split: str = ""


@dataclass(frozen=True)
class Layout:
    """What was found, and what such folders mean where nothing beside them says it."""

    kind: str
    pairs: list[Pair]
    images: list[str] = field(default_factory=list)  # without a mask
    masks: list[str] = field(default_factory=list)  # without an image
    listed: tuple[str, ...] = ("",)  # folders where a list of classes may lie
    names: tuple[str, ...] = ()
    ignore: int | None = None
    notes: tuple[str, ...] = ()


def find_layout(root: Path, certain: bool) -> Layout | None:
    """The layout of a folder, or None. ``certain``: masks are wanted, so that few of them are enough."""
    for find in (_nnunet, _voc, _parallel, _parts, _two_folders):
        found = find(root)
        if found is not None and found.pairs:
            return found
    beside = _beside(root)
    return beside if beside.pairs and (certain or 2 * len(beside.pairs) >= len(beside.images)) else None


def _nnunet(root: Path) -> Layout | None:
    """imagesTr/case_0000.png with labelsTr/case.png, and Ts for the test part."""
    folders = [(f"images{end}", f"labels{end}", split) for end, split in (("Tr", ""), ("Ts", "test"))]
    if not (root / "imagesTr").is_dir() or not (root / "labelsTr").is_dir():
        return None
    there = [triple for triple in folders if all((root / name).is_dir() for name in triple[:2])]
    further = [name for images, *_ in there for name in _images(root, images) if re.search(r"_000[1-9]\.", name)]
    if further:
        what = f"{len(further)} files are further channels of a case: one file a case is expected"
        raise UserError(what, listed(map(printable, further), 3), "merge the channels of each case into one TIFF")
    return _matched(root, "nnU-Net folders", there, lambda stem: re.sub(r"_0000$", "", stem))


def _voc(root: Path) -> Layout | None:
    """JPEGImages/ with SegmentationClass/, and ImageSets/Segmentation/*.txt for the split."""
    masks = next((name for name in ("SegmentationClass", "SegmentationClassPNG") if (root / name).is_dir()), None)
    if masks is None or not (root / "JPEGImages").is_dir():
        return None
    found = _matched(root, "Pascal VOC folders", [("JPEGImages", masks, "")])
    parts: dict[str, str] = {}
    for file, part in (("train", "train"), ("val", "validation"), ("test", "test")):
        listing = root / "ImageSets" / "Segmentation" / f"{file}.txt"
        if listing.is_file():
            parts |= dict.fromkeys(listing.read_text(encoding="utf-8", errors="replace").split(), part)
    pairs = [replace(pair, split=parts.get(PurePosixPath(pair.image).stem, "")) for pair in found.pairs]
    official = all(VOC_NAME.match(PurePosixPath(pair.image).stem) for pair in pairs)
    notes = [*found.notes, "255 does not count, as in Pascal VOC"]
    if found.images:
        notes.append(f"{len(found.images)} images without a mask are left out, as is usual in Pascal VOC")
    names = VOC_CLASSES if official else ()
    return replace(found, pairs=pairs, images=[], names=names, ignore=255, notes=tuple(notes))


def _parallel(root: Path) -> Layout | None:
    """SegNet's train/ with trainannot/, and images_prepped_train/ with annotations_prepped_train/."""
    for kind, folders in (("SegNet folders", SEGNET), ("images_prepped folders", PREPPED)):
        there = [(*pair, _split(pair[0])) for pair in folders if all((root / name).is_dir() for name in pair)]
        if there:
            found = _matched(root, kind, there)
            if found.pairs and all(CAMVID.match(PurePosixPath(pair.image).name) for pair in found.pairs):
                note = "taken for SegNet's CamVid: 11 classes, and 11 (unlabelled) does not count"
                return replace(found, names=CAMVID_CLASSES, ignore=11, notes=(*found.notes, note))
            return found
    return None


def _parts(root: Path) -> Layout | None:
    """train/images with train/masks, val/…, test/…"""
    there = []
    for part in subfolders(root):
        if part.lower() in SPLIT_NAMES and (inner := _two(root / part)):
            there.append((f"{part}/{inner[0]}", f"{part}/{inner[1]}", SPLIT_NAMES[part.lower()]))
    return _matched(root, f"{listed(pair[0] for pair in there)} with masks", there) if there else None


def _two_folders(root: Path) -> Layout | None:
    """images/ with masks/, also by parts below both: images/train with masks/train."""
    names = _two(root)
    if names is None:
        return None
    found = _matched(root, f"{names[0]}/ with {names[1]}/", [(*names, "")])
    heads = [PurePosixPath(pair.image).parts[1] for pair in found.pairs]
    if heads and all(head.lower() in SPLIT_NAMES for head in heads):
        parts = [SPLIT_NAMES[head.lower()] for head in heads]
        pairs = [replace(pair, split=part) for pair, part in zip(found.pairs, parts, strict=True)]
        return replace(found, pairs=pairs)
    return found


def _two(folder: Path) -> tuple[str, str] | None:
    there = {name.lower(): name for name in subfolders(folder)}
    images = next((there[name] for name in IMAGE_FOLDERS if name in there), None)
    masks = next((there[name] for name in MASK_FOLDERS if name in there), None)
    return (images, masks) if images and masks else None


def _beside(root: Path) -> Layout:
    """x_mask.png beside x.webp, in any folder."""
    names = list(_images(root, ""))
    masks = {_key(name): name for name in names if SUFFIX.search(PurePosixPath(name).stem)}
    if not masks:  # then images may share a name: a.jpg and a.png
        return Layout("images without masks", [], names)
    images = [name for name in names if not SUFFIX.search(PurePosixPath(name).stem)]
    by_key = _unique(images, _plain, "images")
    pairs = [Pair(name, masks[key]) for key, name in by_key.items() if key in masks]
    return Layout(
        "images with masks beside them",
        pairs,
        [name for key, name in by_key.items() if key not in masks],
        [name for key, name in masks.items() if key not in by_key],
    )


def _matched(
    root: Path, kind: str, folders: Sequence[tuple[str, str, str]], rename: Callable[[str], str] = lambda stem: stem
) -> Layout:
    """Equal paths below pairs of (images, masks, split); a mask's name may end in _mask, _label or _gt."""
    pairs: list[Pair] = []
    lonely_images: list[str] = []
    lonely_masks: list[str] = []
    for image_folder, mask_folder, split in folders:
        images = _unique(_images(root, image_folder), partial(_plain, top=image_folder), "images")
        images = {rename(key): name for key, name in images.items()}
        stored = list(_images(root, mask_folder))
        masks = _unique(stored, partial(_plain, top=mask_folder), "masks")
        if not images.keys() & masks.keys():
            masks = _unique(stored, partial(_key, top=mask_folder), "masks")
        pairs += [Pair(name, masks[key], split) for key, name in images.items() if key in masks]
        lonely_images += [name for key, name in images.items() if key not in masks]
        lonely_masks += [name for key, name in masks.items() if key not in images]
    places = ("", *(name for images, masks, _ in folders for name in (masks, images)))
    return Layout(kind, pairs, lonely_images, lonely_masks, places)


def _images(root: Path, folder: str) -> Iterator[str]:
    problems: list[UserError] = []
    found = [path for path, entry in entries(root, folder, problems) if is_image(entry.name)]
    raise_all(problems)
    return iter(found)


def _plain(path: str, top: str = "") -> str:
    """A path below ``top`` without its suffix."""
    return (
        str(PurePosixPath(path).relative_to(top).with_suffix("")) if top else str(PurePosixPath(path).with_suffix(""))
    )


def _key(path: str, top: str = "") -> str:
    """The same without _mask."""
    return SUFFIX.sub("", _plain(path, top))


def _unique(names: Iterator[str] | Sequence[str], key: Callable[[str], str], what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    twice = []
    for name in names:
        twice += [f"{found[key(name)]} and {name}"] if key(name) in found else []
        found.setdefault(key(name), name)
    if twice:
        raise UserError(f"{len(twice)} {what} of one name", listed(map(printable, twice), 5), "keep one of them")
    return found


def _split(folder: str) -> str:
    return SPLIT_NAMES[folder.rpartition("_")[2]]
