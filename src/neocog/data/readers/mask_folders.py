"""Images with masks as they lie in folders: which file is the mask of which image, and of which part of a split."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from neocog.data.digests import distinct
from neocog.data.formats.files import without_suffix
from neocog.data.names import Keys, Names, keyed
from neocog.data.readers.folders import SPLIT_NAMES, subfolders
from neocog.data.readers.mask_groups import CAMVID
from neocog.data.readers.mask_pairs import Pairs, images_below, paired, places, refuse_twins
from neocog.errors import UserError, count, listed, printable

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
class Layout:
    """What was found, and what such folders mean where nothing beside them says it."""

    kind: str
    pairs: Pairs
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
        if found is not None and len(found.pairs):
            return found
    beside = _beside(root)
    return beside if len(beside.pairs) and (certain or 2 * len(beside.pairs) >= len(beside.images)) else None


def _nnunet(root: Path) -> Layout | None:
    """imagesTr/case_0000.png with labelsTr/case.png, and Ts for the test part."""
    folders = [(f"images{end}", f"labels{end}", split) for end, split in (("Tr", ""), ("Ts", "test"))]
    if not (root / "imagesTr").is_dir() or not (root / "labelsTr").is_dir():
        return None
    there = [triple for triple in folders if all((root / name).is_dir() for name in triple[:2])]
    further = [name for images, *_ in there for name in images_below(root, images) if re.search(r"_000[1-9]\.", name)]
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
    splits = np.array([parts.get(_stem(name), "") for name in found.pairs.images])
    official = all(VOC_NAME.match(_stem(name)) for name in found.pairs.images)
    notes = [*found.notes, "255 does not count, as in Pascal VOC"]
    if found.images:
        notes.append(f"{count(found.images, 'image')} without a mask left out, as is usual in Pascal VOC")
    names = VOC_CLASSES if official else ()
    pairs = replace(found.pairs, splits=splits)
    return replace(found, pairs=pairs, images=[], names=names, ignore=255, notes=tuple(notes))


def _parallel(root: Path) -> Layout | None:
    """SegNet's train/ with trainannot/, and images_prepped_train/ with annotations_prepped_train/."""
    for kind, folders in (("SegNet folders", SEGNET), ("images_prepped folders", PREPPED)):
        there = [(*pair, _split(pair[0])) for pair in folders if all((root / name).is_dir() for name in pair)]
        if there:
            found = _matched(root, kind, there)
            if len(found.pairs) and all(CAMVID.match(name.rpartition("/")[2]) for name in found.pairs.images):
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
    images = found.pairs.images
    parts = [SPLIT_NAMES.get(folder.split("/")[1].lower(), "") for folder in images.folders]
    if not parts or not all(parts):
        return found
    return replace(found, pairs=replace(found.pairs, splits=np.array(parts)[images.where]))


def _two(folder: Path) -> tuple[str, str] | None:
    there = {name.lower(): name for name in subfolders(folder)}
    images = next((there[name] for name in IMAGE_FOLDERS if name in there), None)
    masks = next((there[name] for name in MASK_FOLDERS if name in there), None)
    return (images, masks) if images and masks else None


def _beside(root: Path) -> Layout:
    """x_mask.png beside x.webp, in any folder."""
    names = images_below(root, "")
    are_masks = np.fromiter((bool(SUFFIX.search(_stem(name))) for name in names), bool, len(names))
    if not are_masks.any():  # then images may share a name: a.jpg and a.png
        return Layout("images without masks", Pairs.together([]), list(names))
    images, masks = names.take(np.flatnonzero(~are_masks)), names.take(np.flatnonzero(are_masks))
    image_keys, mask_keys = keyed(images, without_suffix), keyed(masks, _unmarked)
    refuse_twins(images, image_keys, "images")
    masks, mask_keys = _last_of_each(masks, mask_keys)
    return Layout("images with masks beside them", *paired(images, masks, places(image_keys, mask_keys)))


def _last_of_each(names: Names, keys: Keys) -> tuple[Names, Keys]:
    """Of names with one key the last, x_mask.png of x_label.png and x_mask.png, in the order of the first ones."""
    first, which = distinct(keys)
    last = np.empty(len(first), np.int64)
    last[which] = np.arange(len(which))
    kept = last[np.argsort(first)]
    return (names, keys) if len(kept) == len(keys) else (names.take(kept), keys[kept])


def _matched(
    root: Path, kind: str, folders: Sequence[tuple[str, str, str]], rename: Callable[[str], str] = lambda stem: stem
) -> Layout:
    """Equal paths below pairs of (images, masks, split); a mask's name may end in _mask, _label or _gt."""
    found = [matched_pair(root, *each, rename) for each in folders]
    images = list(chain.from_iterable(images for _, images, _ in found))
    masks = list(chain.from_iterable(masks for *_, masks in found))
    where = ("", *(name for of_images, of_masks, _ in folders for name in (of_masks, of_images)))
    return Layout(kind, Pairs.together([pairs for pairs, *_ in found]), images, masks, where)


def matched_pair(
    root: Path, image_folder: str, mask_folder: str, split: str = "", rename: Callable[[str], str] = lambda stem: stem
) -> tuple[Pairs, list[str], list[str]]:
    images, masks = images_below(root, image_folder), images_below(root, mask_folder)
    own = keyed(images, lambda name: rename(_below(name, image_folder)))
    refuse_twins(images, own, "images")
    theirs = keyed(masks, partial(_below, top=mask_folder))
    refuse_twins(masks, theirs, "masks")
    if (places(own, theirs) < 0).all():
        theirs = keyed(masks, partial(_unmarked, top=mask_folder))
        refuse_twins(masks, theirs, "masks")
    return paired(images, masks, places(own, theirs), split)


def _below(path: str, top: str) -> str:
    """A path below ``top`` without its suffix."""
    return without_suffix(path.removeprefix(f"{top}/"))


def _unmarked(path: str, top: str = "") -> str:
    """The same without _mask."""
    return SUFFIX.sub("", _below(path, top))


def _stem(path: str) -> str:
    return without_suffix(path).rpartition("/")[2]


def _split(folder: str) -> str:
    return SPLIT_NAMES[folder.rpartition("_")[2]]
