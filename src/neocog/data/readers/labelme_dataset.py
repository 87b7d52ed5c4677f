"""A folder of labelme files → ``Dataset``: images with masks drawn from their shapes, every fault told at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from neocog.data.dataset import Array, BadImage, Dataset, Header, LeftOut, Taken
from neocog.data.formats.decoding import Decoding
from neocog.data.formats.labelme import BACKGROUND, IGNORE, MAX_BYTES, Annotation, base_name, inside, read_annotation
from neocog.data.formats.rasterise import rasterise
from neocog.data.images import FileImages, decode_bytes
from neocog.data.masks import IGNORED, fit_mask
from neocog.data.names import Names
from neocog.data.preprocessing import Fit
from neocog.data.readers.classes import look_alikes, misspelt
from neocog.data.readers.folders import SPLIT_NAMES, entries, is_image
from neocog.data.readers.mask_classes import CLASS_FILES, read_names
from neocog.data.readers.reading import ambiguous
from neocog.data.unchanged import mask_digest, unchanged
from neocog.errors import UserError, count, listed, printable, raise_all

MOST_TOLD = 50
EXPORTS = frozenset(["JPEGImages", "SegmentationClass", "SegmentationClassVisualization", "SegmentationObject"])
DRAWN = EXPORTS - {"JPEGImages"} | {"overlays"}  # folders of pictures that tools, and predict, make of annotations
OnBad = Literal["stop", "skip"]


@dataclass(frozen=True)
class LabelmeImages:
    """The images of labelme files: each beside its JSON, or inside it where ``images`` names none."""

    root: Path
    files: Sequence[str]  # JSON files
    images: Sequence[str]  # image files, "" for an embedded one
    decoding: Decoding
    recorded: Sequence[str] | None = None  # (N,) SHA-256 of the bytes that alone are read; see ``unchanged``

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Array:
        return decode_bytes(self.stored(index), self.decoding, self._name(index))[0]

    def header(self, index: int) -> Header:
        if self.images[index]:
            return FileImages(self.root, self.images, self.decoding).header(index)
        return decode_bytes(self.stored(index), self.decoding, self._name(index))[1]

    def digest(self, index: int) -> str:
        return hashlib.sha256(self.stored(index)).hexdigest()

    def path(self, index: int) -> Path | None:
        return self.root / self.images[index] if self.images[index] else None

    def stored(self, index: int) -> bytes:
        """The image file's bytes. Raises BadImage, and UserError where they are not the recorded ones."""
        if self.images[index]:
            return FileImages(self.root, self.images, self.decoding, self.recorded).stored(index)
        content = read_annotation(self.root / self.files[index], self.files[index]).embedded()
        if self.recorded is not None:
            unchanged(hashlib.sha256(content).hexdigest(), self.recorded, index, self.files[index])
        return content

    def _name(self, index: int) -> str:
        return self.images[index] or self.files[index]


@dataclass(frozen=True)
class LabelmeMasks:
    """Masks drawn from labelme files when they are asked for."""

    root: Path
    files: Sequence[str]
    sizes: Sequence[tuple[int, int]]  # (H, W) of the upright images
    classes: Mapping[str, int]
    recorded: Sequence[str] | None = None  # (N,) digests of the masks that alone are read; see ``unchanged``

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Array:
        shapes = read_annotation(self.root / self.files[index], self.files[index]).shapes
        mask = rasterise(shapes, self.classes, *self.sizes[index], self.files[index])
        if self.recorded is not None:
            unchanged(mask_digest(mask), self.recorded, index, self.files[index])
        return mask

    def fitted(self, index: int, size: tuple[int, ...], fit: Fit, mask: Array | None = None) -> Array:
        return fit_mask(self.read(index) if mask is None else mask, size, fit)

    def header(self, index: int) -> tuple[int, int]:
        return self.sizes[index]

    def path(self, index: int) -> Path | None:
        return None


def open_labelme(
    root: Path, decoding: Decoding, on_bad: OnBad = "stop", unlabelled: str = "skip", certain: bool = True
) -> Dataset | None:
    """The labelme files below a folder with their images; None where there is none, or none has a shape.

    Classes are those of labels.txt (or classes.txt) where there is one, else all labels in alphabetical order, after
    ``_background_``. ``__ignore__`` does not count. ``on_bad``: whether shapes that cannot be drawn stop or are left
    out; ``unlabelled``: images without a file. ``certain``: masks are wanted; else few files in class folders stop, as
    the folders' names could be what is learned. Raises UserError with all faults.
    """
    files = labelme_files(root)
    if not files:
        return None
    problems: list[UserError] = []
    kept: list[tuple[str, str]] = []  # JSON, image
    labels: Counter[str] = Counter()
    notes, left, sizes = list[str](), 0, list[tuple[int, int]]()
    for name in files:
        try:
            found = read_annotation(root / name, name)
            image, note = image_of(root, found)
            size = _size(root, found, image, decoding)
            masks = [shape for shape in found.shapes if shape.kind == "mask"]
            rasterise(masks, dict.fromkeys((shape.label for shape in masks), 1), *size, name)
        except BadImage as error:
            problems.append(BadImage(error.what, error.where, error.fix))
            continue
        notes += [note] if note else []
        left += len(found.faults)
        problems += found.faults if on_bad == "stop" else ()
        labels.update(shape.label for shape in found.shapes)
        kept.append((name, image))
        sizes.append(size)
    if not labels and not problems:
        return None
    classes, unknown = _classes(root, labels)
    problems += unknown
    unpaired = _without_file(root, {image for _, image in kept}, files)
    if not certain:
        raise_all(_few_in_class_folders(root, unpaired, len(kept)))
    if unlabelled != "skip" and unpaired:
        what = f"{len(unpaired):,} of {len(unpaired) + len(kept):,} images have no labelme file"
        fix = "annotate them (a file without shapes says that there is nothing), or --unlabelled skip leaves them out"
        problems.append(UserError(what, f"{printable(str(root))}: {listed(unpaired)}", fix))
    raise_all([*problems[:MOST_TOLD], *more(problems)])
    notes += [f"{count(left, 'shape')} that cannot be drawn left out"] if left else []
    notes += [f"{count(unpaired, 'image')} without a labelme file left out"] if unpaired else []
    names, jsons = Names(image or name for name, image in kept), Names(name for name, _ in kept)
    return Dataset(
        kind="labelme files",
        root=root,
        names=names,
        labels=np.zeros(len(kept), np.int64),
        classes=classes,
        images=LabelmeImages(root, jsons, Names(image for _, image in kept), decoding),
        notes=(*notes, *look_alikes(classes), *misspelt(labels)),
        taken=(Taken("labelme files", "classes", f"{count(labels, 'label')} of shapes: {listed(sorted(labels), 5)}"),),
        left_out=tuple(LeftOut(name, "", "no labelme file") for name in unpaired),
        masks=LabelmeMasks(root, jsons, sizes, numbered(classes)),
    )


def _without_file(root: Path, used: set[str], files: Sequence[str]) -> list[str]:
    """Images below the folder that no labelme file is about, nor called as; labelme's own exports are none of them."""
    called = {PurePosixPath(file).with_suffix("") for file in files}
    return [
        path
        for path, entry in entries(root)
        if is_image(entry.name)
        and path not in used
        and PurePosixPath(path).with_suffix("") not in called
        and not EXPORTS & {*PurePosixPath(path).parts[:-1]}
    ]


def _few_in_class_folders(root: Path, unpaired: Sequence[str], kept: int) -> Iterator[UserError]:
    """Where most images have no file and lie in several folders, the folders' names could be what is learned."""
    tops = {PurePosixPath(path).parts[0] for path in unpaired if len(PurePosixPath(path).parts) > 1}
    if len(unpaired) > kept and len(tops - SPLIT_NAMES.keys()) > 1:
        where = f"{printable(str(root))}: {kept:,} of {len(unpaired) + kept:,} images have a labelme file"
        classes = (f"{len(tops)} classes, the folders {listed(sorted(tops), 3)}", "--task classification")
        masks = (f"masks of the {kept:,} annotated images", "--task segmentation --unlabelled skip")
        yield ambiguous("images in folders, some with labelme files,", where, classes, masks)


def numbered(classes: Sequence[str]) -> dict[str, int]:
    """The class number of each label."""
    return {name: i for i, name in enumerate(classes)} | {IGNORE: IGNORED}


def labelme_files(root: Path) -> list[str]:
    """JSON files with shapes and, where there are any, those that are called as an image: one that is empty or damaged is told,
    lest its image be taken for one without a file. Other tools' files beside are none of ours."""
    names = [path for path, _ in entries(root)]
    files = [path for path in names if path.lower().endswith(".json")]
    with_shapes = {path for path in files if _looks(root / path)}
    images = {PurePosixPath(path).with_suffix("") for path in names if is_image(path)} if with_shapes else set()
    return [path for path in files if path in with_shapes or PurePosixPath(path).with_suffix("") in images]


def _looks(path: Path) -> bool:
    """Whether a JSON file has shapes."""
    try:
        if not path.is_file():  # a pipe is not waited for
            return False
        with path.open("rb") as file:
            return b'"shapes"' in file.read(MAX_BYTES)
    except OSError:
        return False


def image_of(root: Path, found: Annotation) -> tuple[str, str]:
    """(the image file, or "" for the one inside, a note). Never outside the folder. Raises BadImage."""
    folder, wanted = PurePosixPath(found.name).parent, found.image_path
    if wanted and inside(wanted):
        beside = str(folder / wanted.replace("\\", "/"))
        if is_image(beside) and (root / beside).is_file():
            return beside, ""
    near = str(folder / base_name(wanted)) if base_name(wanted) else ""
    if near and is_image(near) and (root / near).is_file():
        return (
            near,
            f"{found.name}: imagePath '{printable(wanted)[:80]}' is not followed; {base_name(wanted)} beside it is used",
        )
    if found.image_data:
        return "", ""
    shown = printable(wanted)[:80]
    if wanted and not inside(wanted):
        raise BadImage(f"imagePath '{shown}' is outside the folder", found.name, "put the image beside the JSON")
    raise BadImage(
        f"imageData is null, and the image '{shown}' is missing", found.name, "put the image beside the JSON"
    )


def _size(root: Path, found: Annotation, image: str, decoding: Decoding) -> tuple[int, int]:
    """(H, W) of the upright image. Raises BadImage where the JSON says another one."""
    head = LabelmeImages(root, [found.name], [image], decoding).header(0)
    stated = found.height or head.height, found.width or head.width
    if stated != (head.height, head.width):
        what = f"imageHeight × imageWidth {stated[0]} × {stated[1]}, the image has {head.height} × {head.width}"
        raise BadImage(what, found.name, "annotate the image as it is, or give the one that was annotated")
    return stated


def _classes(root: Path, labels: Counter[str]) -> tuple[tuple[str, ...], list[UserError]]:
    """The class list and, where a file gives it, the labels that it does not have."""
    for file in (folder / name for folder in (root, root.parent) for name in CLASS_FILES):
        if not file.is_file() or (file.parent != root and file.name != "labels.txt"):
            continue
        names = read_names(file)
        names = names if BACKGROUND in names else (BACKGROUND, *names)
        unknown = sorted(labels.keys() - {*names, IGNORE})
        unlisted = listed(f"'{name}' ({labels[name]})" for name in map(printable, unknown))
        fix = f"correct the labels, or add them to {file.name}"
        return names, [
            UserError(f"labels that {file.name} does not know: {unlisted}", printable(str(root)), fix)
        ] if unknown else []
    return (BACKGROUND, *sorted(labels.keys() - {BACKGROUND, IGNORE})), []


def more(problems: Sequence[UserError]) -> Iterator[UserError]:
    if len(problems) > MOST_TOLD:
        yield UserError(f"{len(problems)} faults in labelme files", f"the first {MOST_TOLD} are listed above")
