"""``preview``: a contact sheet of what the network will be shown, each sample before and after augmentation."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from neocog.data.augment import Augmentation, Changes, ImageChanges, MaskChanges
from neocog.data.augment import policy as images
from neocog.data.augment import volume as volumes
from neocog.data.augment.changes import square, window
from neocog.data.augment.sequence import USUAL, SequenceAugmentation, SequenceChanges
from neocog.data.dataset import Array, BadImage, Dataset, Form, Header
from neocog.data.decoding import Decoding
from neocog.data.detect import open_dataset
from neocog.data.fit import fit, shape_plan
from neocog.data.masks import fit_mask
from neocog.data.nucleotides import shares
from neocog.data.preprocessing import Fit, Preprocessing
from neocog.data.reading import Reading
from neocog.data.sequences import sequence_plan
from neocog.data.slices import middle_slices, side_by_side
from neocog.errors import UserError, listed, printable
from neocog.run import write_atomically
from neocog.tasks.chapters import grey_levels, overlay, strip

Policy = Augmentation | volumes.VolumeAugmentation | SequenceAugmentation
MADE_BY = "neocog preview"
SMALL, LARGE = 96, 192  # pixels: smaller images are enlarged to at least this, larger ones reduced to at most that
MARGIN, GAP, HEAD, LABEL = 16, 6, 74, 200  # pixels of the sheet; LABEL: the widest that names may be
INK, GREY, PAPER = (20, 20, 24), (120, 120, 128), (255, 255, 255)


def preview(
    source: str | Path,
    out: str | Path | None = None,
    *,
    n: int = 10,
    draws: int = 6,
    seed: int = 0,
    epoch: int = 0,
    augment: Sequence[str] = (),
    patch: Sequence[int] = (),
    augmentation: Policy | None = None,
    channels: int | None = None,
    size: tuple[int, ...] | None = None,
    how: Fit = "resize",
    frames: Literal["error", "first", "stack"] = "error",
    kind: Form | Literal["auto"] = "auto",
    quiet: bool = True,
) -> Path:
    """Write a PNG of ``n`` samples, one a row: as fitted, then as drawn in ``draws`` epochs from ``epoch`` on.

    ``augment``: changes to the default augmentation ("turn=15", "flip=off"); ``augmentation``: a policy in its place;
    ``patch``: side, or height and width, of the windows from which masks are learned.
    Every header is looked at, since they decide the size, but only the shown images are decoded. Returns the path,
    by default preview-NAME.png here. An existing file is replaced only where it is such a sheet. Raises UserError.
    """
    if n < 1 or draws < 1:
        raise UserError(f"{n} samples in {draws} epochs: at least 1 of each is needed")
    target = destination(source, None if out is None else Path(out))
    dataset = open_dataset(source, Decoding(frames=frames), Reading(kind=kind, least_classes=1))
    if dataset.form == "sequences":
        plan = sequence_plan(dataset.images, size or ())
    else:
        plan = shape_plan(list(headers(dataset)), channels, size, how, Decoding(frames=frames))
    samples, pixels = shown(dataset, plan, n, seed)
    if plan.dtype != "uint8" or dataset.form == "volumes":
        low, high = float(pixels.min()), float(pixels.max())
        plan = replace(plan, low=low, high=high if high > low else low + 1)
    augmentation, changes = policy_and_changes(dataset, plan, augmentation, augment, patch)
    masks = fitted_masks(dataset, plan, samples)  # (n, H, W), or (n,) where there are none
    columns = [(pixels if dataset.form == "sequences" else pixels.astype(np.float32), masks)]
    for number in range(epoch, epoch + draws):
        given = torch.from_numpy(pixels), torch.from_numpy(masks), torch.from_numpy(samples)
        changed, moved = changes(*given, seed, number, plan)
        columns.append((changed.numpy(), moved.numpy()))
    rows = [
        Row(dataset.told(sample), str(dataset.names[sample]), [(shown[k], mask[k]) for shown, mask in columns])
        for k, sample in enumerate(samples.tolist())
    ]
    heads = ["fitted", *(f"epoch {number}" for number in range(epoch, epoch + draws))]
    windows = f"; windows of {' × '.join(map(str, square(patch)))}" if patch else ""
    picture = sheet(rows, heads, (title(source, dataset, plan), described(augmentation) + windows), plan)
    stamp = PngImagePlugin.PngInfo()
    stamp.add_text("Software", MADE_BY)
    stored = io.BytesIO()
    picture.save(stored, "PNG", pnginfo=stamp, optimize=True)
    write_atomically(target, stored.getvalue())
    return target


def fitted_masks(dataset: Dataset, plan: Preprocessing, samples: np.ndarray) -> Array:
    """(n, H, W) class numbers of the shown samples, as fitted; without masks (n,) zeros, which no picture shows."""
    if dataset.masks is None:
        return np.zeros(len(samples), np.uint8)
    return np.stack([fit_mask(dataset.masks.read(sample), plan.size, plan.fit) for sample in samples.tolist()])


def policy_and_changes(
    dataset: Dataset, plan: Preprocessing, policy: Policy | None, edits: Sequence[str], patch: Sequence[int]
) -> tuple[Policy, Changes]:
    """What happens to samples of this form: the given policy, or the default one with ``edits``; windows of masks."""
    if patch and dataset.masks is None:
        raise UserError(f"--patch is for images with masks, not for {dataset.kind}", fix="leave it out")
    if dataset.form == "sequences":
        letters = policy if isinstance(policy, SequenceAugmentation) else SequenceAugmentation().changed(edits)
        return letters, SequenceChanges(letters)
    if dataset.form == "volumes":
        found = policy if isinstance(policy, volumes.VolumeAugmentation) else None
        found = found or volumes.VolumeAugmentation.default().changed(edits)
        return found, volumes.VolumeChanges(found)
    usual = Augmentation.default(plan, dataset.mirror)
    chosen = policy if isinstance(policy, Augmentation) else usual.changed(edits)
    return chosen, ImageChanges(chosen) if dataset.masks is None else MaskChanges(chosen, window(patch, plan.plane))


@dataclass(frozen=True)
class Row:
    """One sample: its class, its name, and its pictures (C, H, W) or (C, D, H, W) in stored units, each with its mask."""

    label: str
    name: str
    pictures: list[tuple[Array, Array]]


def destination(source: str | Path, out: Path | None) -> Path:
    """Where the sheet goes; only a sheet of ours is ever replaced."""
    name = f"preview-{Path(source).resolve().stem or 'data'}.png"
    target = Path(name) if out is None else out / name if out.is_dir() else out
    if target.suffix.lower() != ".png":
        raise UserError(f"{printable(str(target))} is no .png", fix="--out sheet.png")
    if not target.parent.is_dir():
        raise UserError("no such folder", printable(str(target.parent)), "make it, or give another --out")
    if target.exists() and not is_ours(target):
        raise UserError("a file is there that is no contact sheet", printable(str(target)), "give another --out")
    return target


def is_ours(path: Path) -> bool:
    """Whether a file is a sheet that this verb wrote."""
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == MADE_BY
    except (OSError, SyntaxError, ValueError):
        return False


def headers(dataset: Dataset) -> Iterator[Header | None]:
    """What the images say of themselves; None where that cannot be read."""
    for index in range(len(dataset)):
        try:
            yield dataset.images.header(index)
        except BadImage:
            yield None


def shown(dataset: Dataset, plan: Preprocessing, n: int, seed: int) -> tuple[np.ndarray, Array]:
    """Positions (n,) and fitted pixels (n, C, H, W): training samples, one class after the other; broken files left out."""
    samples, pixels, errors = [], [], []
    for sample in candidates(dataset, seed):
        try:
            pixels.append(fit(dataset.images.read(sample), plan, str(dataset.names[sample])))
            samples.append(sample)
        except BadImage as error:
            errors.append(error)
        if len(samples) == n or len(errors) > 100:
            break
    if not samples:
        where = listed((error.where for error in errors), most=3)
        raise UserError(
            f"none of {len(errors)} images can be shown: {errors[0].what}", where, "neocog audit tells more"
        )
    order = np.argsort(dataset.labels[samples], kind="stable")
    return np.array(samples, dtype=np.int64)[order], np.stack(pixels)[order]


def candidates(dataset: Dataset, seed: int) -> Iterable[int]:
    """Training samples (all, where the source names no parts) in a drawn order that goes through the classes in turn."""
    allowed = np.ones(len(dataset), dtype=np.bool_) if dataset.splits is None else dataset.splits == "train"
    positions = np.flatnonzero(allowed) if allowed.any() else np.arange(len(dataset))
    positions = np.random.default_rng(seed).permutation(positions)
    turn = np.zeros(len(positions), dtype=np.int64)  # how many of its class come before it
    for index in range(len(dataset.classes)):
        own = dataset.labels[positions] == index
        turn[own] = np.arange(own.sum())
    ordered: list[int] = positions[np.argsort(turn, kind="stable")].tolist()
    return ordered


def title(source: str | Path, dataset: Dataset, plan: Preprocessing) -> str:
    """One line on the data and the shape that they get."""
    colours = "" if plan.channels in (1, 3) else ", the first as red, green, blue"
    shape = (
        f"{' × '.join(map(str, plan.size))}, {plan.channels} channel{'s'[: plan.channels > 1]}{colours}, {plan.dtype}"
    )
    within = f" in {len(dataset.classes)} classes" if dataset.classes else ""
    return f"{printable(str(source))}: {len(dataset):,} {dataset.form}{within}, shown as {shape}"


def described(policy: Policy) -> str:
    """One line on what is on: "flip 0.5, crop 4"."""
    if isinstance(policy, SequenceAugmentation):
        on = [f"{name} {getattr(policy, name):g}" for name in USUAL if getattr(policy, name)]
        return f"augmentation: {', '.join(on) or 'off'}"
    kinds = images.KINDS if isinstance(policy, Augmentation) else volumes.KINDS
    parts = [f"{name.replace('_', ' ')} {getattr(policy, name):g}" for name in kinds if getattr(policy, name)]
    word = f"fill {policy.fill}" if isinstance(policy, Augmentation) else f"quarters {policy.quarters}"
    return f"augmentation: {', '.join(parts)}; {word}" if policy.is_on() else "augmentation: off"


def sheet(rows: Sequence[Row], heads: Sequence[str], lines: tuple[str, str], plan: Preprocessing) -> Image.Image:
    """The whole picture: two lines of text, the heads of the columns, a row a sample."""
    both = [enlarged(picture(rows[0].pictures[at][0], plan)).size for at in (0, -1)]  # windows have another shape
    tile = max(wide for wide, _ in both), max(high for _, high in both)
    text = {size: font(size) for size in (12, 13, 16)}
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    names = [(shortened(ruler, row.label, text[16]), shortened(ruler, row.name, text[12], True)) for row in rows]
    label = max(ruler.textlength(name, text[size]) for pair in names for name, size in zip(pair, (16, 12), strict=True))
    start = MARGIN + round(label) + 2 * GAP
    lefts = [start + column * (tile[0] + GAP) + (GAP if column else 0) for column in range(len(heads))]
    ends = [MARGIN + ruler.textlength(line, text[size]) for line, size in zip(lines, (16, 13), strict=True)]
    wide = MARGIN + round(max(lefts[-1] + tile[0], *ends))
    page = Image.new("RGB", (wide, HEAD + len(rows) * (tile[1] + GAP) + MARGIN - GAP), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 10), lines[0], INK, text[16])
    pen.text((MARGIN, 32), lines[1], GREY, text[13])
    for column, head in enumerate(heads):
        pen.text((lefts[column] + tile[0] / 2, HEAD - 6), head, GREY, text[12], anchor="ms")
    for number, row in enumerate(rows):
        top = HEAD + number * (tile[1] + GAP)
        middle = top + tile[1] / 2
        pen.text((MARGIN, middle - 2), names[number][0], INK, text[16], anchor="ls")
        pen.text((MARGIN, middle + 4), names[number][1], GREY, text[12], anchor="la")
        for column, (pixels, mask) in enumerate(row.pictures):
            page.paste(enlarged(picture(pixels, plan, mask)), (lefts[column], top))
    return page


def shortened(pen: ImageDraw.ImageDraw, text: str, kind: ImageFont.FreeTypeFont, keep_end: bool = False) -> str:
    """Printable text cut to at most the label's width; of a path the end says more."""
    text = cut = printable(text)
    while text and pen.textlength(cut, kind) > LABEL:
        text = text[1:] if keep_end else text[:-1]
        cut = f"…{text}" if keep_end else f"{text}…"
    return cut


def picture(pixels: Array, plan: Preprocessing, mask: Array | None = None) -> Image.Image:
    """Low … high as black … white; one channel as grey, else the first three as colours; volumes as middle slices.

    A mask (H, W) lies over its image in the colours of its classes.
    """
    if plan.encoding == "nucleotides":
        return Image.open(io.BytesIO(base64.b64decode(strip(shares()[pixels[0, 0]].T)))).convert("RGB")
    if pixels.ndim == 4:
        pixels = side_by_side(middle_slices(pixels), plan.low)
    levels = (pixels.astype(np.float32) - plan.low) * (255 / (plan.high - plan.low))
    bytes_ = levels.clip(0, 255).round().astype(np.uint8)
    if mask is not None and mask.ndim == 2:
        return Image.fromarray(overlay(grey_levels(bytes_, 0, 255), mask, int(mask[mask < 255].max(initial=0)) + 1))
    if len(bytes_) == 1:
        return Image.fromarray(bytes_[0]).convert("RGB")
    blank = np.zeros((max(0, 3 - len(bytes_)), *bytes_.shape[1:]), dtype=np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.concatenate([bytes_[:3], blank]).transpose(1, 2, 0)))


def enlarged(image: Image.Image) -> Image.Image:
    """Small images with whole squares for pixels, so that each can be seen; large ones reduced."""
    longest = max(image.size)
    if longest > LARGE:
        return image.resize([max(1, round(side * LARGE / longest)) for side in image.size], Image.Resampling.BOX)
    times = -(-SMALL // longest)
    return image.resize([side * times for side in image.size], Image.Resampling.NEAREST)


def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with Matplotlib: Latin, Greek, Cyrillic and more."""
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
