"""``filters``: one image under the filter bank, and under choices of kernel size, stride, padding, pooling and direction."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from neocog.data.dataset import Array
from neocog.data.images import decode
from neocog.errors import UserError, printable
from neocog.run import write_atomically
from neocog.scratch import convolve2d, filter_bank, output_size, pool2d

MADE_BY = "neocog filters"
LONGEST, LEAST, COLUMNS = (
    240,
    8,
    5,
)  # pixels of the image's longest side on the sheet, of its shortest at least; pictures a row


def filters(image: str | Path, out: str | Path | None = None) -> Path:
    """Write a PNG that shows what each kernel of the bank makes of ``image``, and what size, stride and padding do.

    Large images are reduced first, by whole blocks of pixels. Returns the path, by default filters-NAME.png here; an existing
    file is replaced only where it is such a sheet. Raises UserError where the image cannot be read or the sheet not written.
    """
    source = Path(image)
    target = destination(source, None if out is None else Path(out))
    pixels, note = prepared(decode(source, name=printable(str(source))), printable(str(source)))
    sections = [
        (
            "The bank (cross-correlation; in the corner the kernel, red above 0, blue below; where it adds up to 0, grey is 0)",
            bank_panels(pixels),
        ),
        ("Kernel size F: the wider the box, the stronger the blur", size_panels(pixels)),
        ("Stride S: every S-th place only; the output has (N − F + 2P)/S + 1 places a side", stride_panels(pixels)),
        ("Padding P: a border of zeros, drawn to scale with the image", padding_panels(pixels)),
        ("Pooling 4 × 4: one number for each window", pool_panels(pixels)),
        ("Direction: a true convolution turns the kernel by 180°", direction_panels(pixels)),
    ]
    write_atomically(target, drawn(f"{printable(source.name)}: {note}", sections))
    return target


@dataclass(frozen=True)
class Panel:
    """One picture: (H, W) or (H, W, 3); ``signed`` ones have 0 in the middle. ``frame``: the (H, W) that all of a row share."""

    caption: str
    pixels: Array
    signed: bool = False
    kernel: Array | None = None
    frame: tuple[int, int] | None = None


def destination(source: Path, out: Path | None) -> Path:
    """Where the sheet goes: never over a file that is not such a sheet."""
    name = f"filters-{source.stem}.png"
    target = Path(name) if out is None else out / name if out.is_dir() else out
    where = printable(str(target))
    if target.suffix.lower() != ".png":
        raise UserError(f"{where} is not a .png file", fix="--out sheet.png")
    if not target.parent.is_dir():
        raise UserError("no such folder", printable(str(target.parent)), "make it, or give another --out")
    if target.exists() and not is_ours(target):
        raise UserError("a file is there that is no sheet of filters", where, "give another --out")
    return target


def is_ours(path: Path) -> bool:
    """Whether a file is a sheet that this verb wrote."""
    try:
        with Image.open(path, formats=["PNG"]) as sheet:
            return sheet.info.get("Software") == MADE_BY
    except (OSError, SyntaxError, ValueError):
        return False


def prepared(pixels: Array, name: str) -> tuple[Array, str]:
    """(H, W, C) as stored → float64 in 0 … 1, (H, W, 1 or 3), reduced; and a sentence on what was done."""
    if pixels.ndim != 3:
        raise UserError(f"a volume of {' × '.join(map(str, pixels.shape[:3]))}", name, "give one slice, as an image")
    height, width, channels = pixels.shape
    if min(height, width) < LEAST:
        raise UserError(f"{height} × {width} pixels are too few to show", name, f"at least {LEAST} × {LEAST}")
    shown = pixels[:, :, :3] if channels >= 3 else pixels[:, :, :1]
    shown = shown.astype(np.float64)
    low, high = (0.0, 255.0) if pixels.dtype == np.uint8 else (shown.min(), shown.max())
    shown = (shown - low) / (high - low or 1.0)
    description = f"{height} × {width}, {channels} channel{'s'[: channels > 1]}, {pixels.dtype}"
    description += f" of which {shown.shape[2]} shown" if shown.shape[2] < channels else ""
    factor = min(-(-max(height, width) // LONGEST), min(height, width) // LEAST)
    if factor > 1:
        shown = pool2d(shown, factor, "mean")
        description += f"; shown as {shown.shape[0]} × {shown.shape[1]}, the means of {factor} × {factor} pixels"
    return shown, description


def bank_panels(pixels: Array) -> list[Panel]:
    panels = [Panel("the image", pixels)]
    for name, kernel in filter_bank().items():
        signed = abs(kernel.sum()) < 1e-9
        seen = convolve2d(pixels, kernel, "correlation", padding=len(kernel) // 2)
        panels.append(Panel(name.replace("_", " "), seen.mean(axis=2) if signed else seen, signed, kernel))
    return panels


def size_panels(pixels: Array) -> list[Panel]:
    panels = []
    for size in (1, 3, 5, 9, 15):
        blurred = convolve2d(pixels, np.full((size, size), 1 / size**2), padding=size // 2)
        panels.append(Panel(f"F = {size}, P = {size // 2}: {side(pixels, size, size // 2, 1)}", blurred))
    return panels


def stride_panels(pixels: Array) -> list[Panel]:
    kernel = filter_bank()["gaussian"]
    return [
        Panel(
            f"F = 5, P = 2, S = {step}: {side(pixels, 5, 2, step)}", convolve2d(pixels, kernel, padding=2, stride=step)
        )
        for step in (1, 2, 3, 4, 8)
    ]


def padding_panels(pixels: Array) -> list[Panel]:
    size = 5 if min(pixels.shape[:2]) < 60 else 15
    box, most = np.full((size, size), 1 / size**2), size + 1
    frame = pixels.shape[0] + 2 * most - size + 1, pixels.shape[1] + 2 * most - size + 1
    return [
        Panel(f"F = {size}, P = {p}: {side(pixels, size, p, 1)}", convolve2d(pixels, box, padding=p), frame=frame)
        for p in (0, size // 4, size // 2, size - 1, most)
    ]


def pool_panels(pixels: Array) -> list[Panel]:
    panels = [Panel(f"{mode}: {side(pixels, 4, 0, 4)}", pool2d(pixels, 4, mode)) for mode in ("max", "min", "mean")]
    norms = [(p, pool2d(pixels, 4, "lp", p=p) / 16 ** (1 / p)) for p in (2, 8)]
    return [*panels, *(Panel(f"L{p} norm (of the mean)", norm) for p, norm in norms)]


def direction_panels(pixels: Array) -> list[Panel]:
    bank, panels = filter_bank(), []
    for name in ("sobel_x", "emboss"):
        for mode in ("correlation", "convolution"):
            seen = convolve2d(pixels, bank[name], mode, padding=1)
            signed = name == "sobel_x"
            kernel = bank[name] if mode == "correlation" else bank[name][::-1, ::-1]
            panels.append(
                Panel(f"{name.replace('_', ' ')}, {mode}", seen.mean(axis=2) if signed else seen, signed, kernel)
            )
    return panels


def side(pixels: Array, kernel: int, padding: int, stride: int) -> str:
    """ "240 → 120": the longer side before and after."""
    longest = max(pixels.shape[:2])
    return f"{longest} → {output_size(longest, kernel, padding, stride)}"


def drawn(title: str, sections: Sequence[tuple[str, Sequence[Panel]]]) -> bytes:
    """The sheet as PNG. Lengths are inches, places are counted from the top."""
    height, width = sections[0][1][0].pixels.shape[:2]
    wide, head, caption, gap = 2.5, 0.35, 0.25, 0.12
    tall = wide * min(max(height / width, 0.6), 1.6)
    rows = [-(-len(panels) // COLUMNS) for _, panels in sections]
    whole = COLUMNS * (wide + gap) + gap, 0.4 + sum(head + count * (caption + tall + gap) for count in rows)
    figure = Figure(figsize=whole, dpi=110, facecolor="white")
    FigureCanvasAgg(figure)

    def write(text: str, top: float, **how: Any) -> None:
        figure.text(gap / whole[0], 1 - top / whole[1], text, va="top", **how)

    write(title, 0.1, fontsize=12)
    top = 0.4
    for (text, panels), count in zip(sections, rows, strict=True):
        write(text, top + 0.1, fontsize=11, fontweight="bold")
        for number, panel in enumerate(panels):
            row, column = divmod(number, COLUMNS)
            below = top + head + row * (caption + tall + gap) + caption + tall
            place = (gap + column * (wide + gap)) / whole[0], 1 - below / whole[1], wide / whole[0], tall / whole[1]
            picture(figure.add_axes(place), panel)
        top += head + count * (caption + tall + gap)
    stored = io.BytesIO()
    figure.savefig(stored, format="png", metadata={"Software": MADE_BY})
    return stored.getvalue()


def picture(axis: Axes, panel: Panel) -> None:
    """The pixels, with the kernel in the corner; pixels keep hard edges, since they are what is to be seen."""
    pixels = panel.pixels
    axis.set_axis_off()
    if panel.signed:
        most = np.quantile(np.abs(pixels), 0.995) or 1.0  # a few bright spots shall not leave the rest grey
        axis.imshow(pixels, cmap="gray", vmin=-most, vmax=most, interpolation="nearest")
    else:
        axis.imshow(pixels.clip(0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    if panel.frame is not None:
        height, width = pixels.shape[:2]
        across, down = (panel.frame[1] - width) / 2, (panel.frame[0] - height) / 2
        axis.set_xlim(-across - 0.5, width + across - 0.5)
        axis.set_ylim(height + down - 0.5, -down - 0.5)
    axis.set_title(panel.caption, fontsize=9, pad=3)
    if panel.kernel is not None:
        corner = axis.inset_axes((0.0, 0.0, 0.27, 0.27), anchor="SW")
        most = np.abs(panel.kernel).max()
        corner.imshow(panel.kernel, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        corner.set(xticks=[], yticks=[])
