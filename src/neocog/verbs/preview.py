"""``preview``: a contact sheet of the first batch that training would learn from, before and after augmentation."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from torch import Tensor

from neocog.augment import Augmentation
from neocog.augment import policy as images
from neocog.augment import volume as volumes
from neocog.augment.sequence import USUAL, SequenceAugmentation
from neocog.config import Config
from neocog.data.dataset import Array
from neocog.data.formats.slices import middle_slices, side_by_side
from neocog.data.loader import Indices, Loader, Transform
from neocog.data.normalise import in_stored_units
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.memory import given
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, printable
from neocog.progress import Progress
from neocog.run import write_atomically
from neocog.tasks.classification.sequences import strip
from neocog.tasks.task import Session
from neocog.verbs.ahead import planned
from neocog.verbs.prepare import arrange, read
from neocog.verbs.session import data_name, described

Overlaid = Callable[[Array, Array], Array]  # a picture (H, W, 3) and its target → the picture with it
MADE_BY = "neocog preview"
SMALL, LARGE = 96, 192  # pixels: smaller images are enlarged to at least this, larger ones reduced to at most that
MARGIN, GAP, HEAD, LABEL = 16, 6, 74, 200  # pixels of the sheet; LABEL: the widest that names may be
INK, GREY, PAPER = (20, 20, 24), (120, 120, 128), (255, 255, 255)


def preview(
    source: str | Path | Any,
    out: str | Path | None = None,
    *,
    n: int = 10,
    draws: int = 6,
    base: Config | None = None,
    quiet: bool = True,
    **settings: Any,
) -> Path:
    """Write a PNG of ``n`` samples of the first batches that ``train`` would learn from, one a row, in ``draws`` epochs.

    ``source``: as ``train`` takes it. ``settings``: as of ``train``, over those of ``base``. All data are read, checked,
    split and prepared as there, and what is shown are the batches that its network would get. Returns the path, by default
    preview-NAME.png here. An existing file is replaced only where it is such a sheet. Raises UserError.
    """
    if n < 1 or draws < 1:
        raise UserError(f"{n} samples in {draws} epochs: at least 1 of each is needed")
    with given(source) as name:
        target = destination(name, None if out is None else Path(out))
        config, progress = planned(base or Config(), {**settings, "data": data_name(name)}), Progress(quiet)
        session = arrange(config, read(config, progress), Ranks(), progress, 0 if config.data.folds else None)
    rows = rows_of(session, n, draws)
    heads = ["unchanged", *(f"epoch {number + 1}" for number in range(draws))]
    lines = title(name, session), augmentation(session.loader.changes)
    picture = sheet(rows, heads, lines, session.preprocessing, session.task.overlaid)
    stamp = PngImagePlugin.PngInfo()
    stamp.add_text("Software", MADE_BY)
    stored = io.BytesIO()
    picture.save(stored, "PNG", pnginfo=stamp, optimize=True)
    write_atomically(target, stored.getvalue())
    return target


@dataclass(frozen=True)
class Row:
    """One sample: its class or value, its name, and its pictures.

    Each is (C, H, W), (C, D, H, W) or (4, 1, L), normalised, as the network gets it, with the target that belongs to it.
    """

    label: str
    name: str
    pictures: list[tuple[Tensor, Tensor]]


def rows_of(session: Session, n: int, draws: int) -> list[Row]:
    """``n`` samples of the first batches, one class after the other: unchanged, then as each of the first epochs has them."""
    dataset, loader = session.dataset, session.loader
    inputs, targets, samples = first_batches(loader, n)
    order = in_turn(dataset.labels[samples])[:n]
    order = order[np.argsort(dataset.labels[samples[order]], kind="stable")]
    chosen = samples[order]
    unchanged, *later = (loader.seen(chosen, epoch) for epoch in (None, *range(1, draws)))
    columns = [(batch.inputs.cpu(), batch.targets.cpu()) for batch in (unchanged, *later)]
    columns.insert(1, (inputs[order], targets[order]))
    task, plan = session.task, session.preprocessing
    return [
        Row(
            dataset.target_text(sample),
            str(dataset.names[sample]),
            [(task.pictured(pixels[k], truth[k], plan), truth[k]) for pixels, truth in columns],
        )
        for k, sample in enumerate(chosen.tolist())
    ]


def first_batches(loader: Loader, n: int) -> tuple[Tensor, Tensor, Indices]:
    """(B, C, …) inputs, (B, …) targets and (B,) positions in the data of the first batches, with ``n`` samples or more."""
    found, count = [], 0
    for _, micro_batches in loader.training(0, loader.batches.per_epoch):
        found += micro_batches
        count += sum(map(len, micro_batches))
        if count >= n:
            break
    inputs, targets = (torch.cat([getattr(b, name).cpu() for b in found]) for name in ("inputs", "targets"))
    return inputs, targets, np.concatenate([batch.samples for batch in found])


def in_turn(labels: Indices) -> Indices:
    """(B,) positions in an order that goes through the classes in turn, each in its own order."""
    turn = np.zeros(len(labels), dtype=np.int64)  # how many of its class come before it
    for label in np.unique(labels):
        own = labels == label
        turn[own] = np.arange(own.sum())
    return np.argsort(turn, kind="stable")


def destination(source: str | Path, out: Path | None) -> Path:
    """Where the sheet goes; only a sheet of ours is ever replaced."""
    name = f"preview-{Path(source).absolute().stem.strip('<>') or 'data'}.png"
    target = Path(name) if out is None else out / name if out.is_dir() else out
    if target.suffix.lower() != ".png":
        raise UserError(f"{printable(str(target))} is not a .png file", fix="--out sheet.png")
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


def title(source: str | Path, session: Session) -> str:
    """One line on the data, the batch, and the shape that they get."""
    plan, dataset = session.preprocessing, session.dataset
    colours = "" if plan.channels in (1, 3) else ", the first as red, green, blue"
    shape = (
        f"{' × '.join(map(str, plan.size))}, {plan.channels} channel{'s'[: plan.channels > 1]}{colours}, {plan.dtype}"
    )
    batch = f"the first batches, of {len(session.loader.batches[0])}, for {session.task.name}"
    return f"{printable(str(source))}: {described(dataset)}; {batch}, as {shape}"


def augmentation(changes: Transform | None) -> str:
    """One line on what is on: "augmentation: flip 0.5, crop 4"."""
    policy = getattr(changes, "policy", None)
    if policy is None:
        return "augmentation: off"
    if isinstance(policy, SequenceAugmentation):
        on = [f"{name} {getattr(policy, name):g}" for name in USUAL if getattr(policy, name)]
        return f"augmentation: {', '.join(on) or 'off'}"
    kinds = images.KINDS if isinstance(policy, Augmentation) else volumes.KINDS
    alternating = ", flips alternate" if getattr(policy, "flips", "") == "alternate" and policy.flip else ""
    parts = [f"{name.replace('_', ' ')} {getattr(policy, name):g}" for name in kinds if getattr(policy, name)]
    word = f"fill {policy.fill}{alternating}" if isinstance(policy, Augmentation) else f"quarters {policy.quarters}"
    patch = getattr(changes, "patch", None)
    windows = f"; windows of {' × '.join(map(str, patch))}" if patch else ""
    return (f"augmentation: {', '.join(parts)}; {word}" if policy.is_on() else "augmentation: off") + windows


def sheet(
    rows: Sequence[Row], heads: Sequence[str], lines: tuple[str, str], plan: Preprocessing, overlaid: Overlaid
) -> Image.Image:
    """The whole picture: two lines of text, the heads of the columns, a row a sample; ``overlaid`` draws targets over images."""
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
        for column, (pixels, target) in enumerate(row.pictures):
            shown_target = overlaid(np.array(picture(pixels, plan)), target.numpy())
            page.paste(enlarged(Image.fromarray(shown_target)), (lefts[column], top))
            pen.text(
                (lefts[column] + 4, top + 4),
                moved(target, row.pictures[0][1]),
                INK,
                text[12],
                stroke_width=2,
                stroke_fill=PAPER,
            )
    return page


def moved(target: Tensor, before: Tensor) -> str:
    """What a change made of the numbers that are learned; "" where they stayed, and for masks, which are seen."""
    if target.ndim > 1 or torch.equal(target.float(), before.float()):
        return ""
    return " ".join(f"{value:.4g}" for value in target.reshape(-1).tolist())


def shortened(pen: ImageDraw.ImageDraw, text: str, kind: ImageFont.FreeTypeFont, keep_end: bool = False) -> str:
    """Printable text cut to at most the label's width; of a path the end says more."""
    text = cut = printable(text)
    while text and pen.textlength(cut, kind) > LABEL:
        text = text[1:] if keep_end else text[:-1]
        cut = f"…{text}" if keep_end else f"{text}…"
    return cut


def picture(inputs: Tensor, plan: Preprocessing) -> Image.Image:
    """Low … high as black … white; one channel as grey, else the first three as colours; volumes as middle slices."""
    if plan.encoding == "nucleotides":
        return Image.open(io.BytesIO(base64.b64decode(strip(inputs[:, 0].numpy())))).convert("RGB")
    pixels: Array = in_stored_units(inputs[None], plan)[0].numpy()
    if pixels.ndim == 4:
        pixels = side_by_side(middle_slices(pixels), plan.low)
    levels = (pixels - plan.low) * (255 / (plan.high - plan.low))
    bytes_ = levels.clip(0, 255).round().astype(np.uint8)
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
