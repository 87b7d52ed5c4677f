"""``style``: a photograph repainted in the style of a painting, with the losses of each layer and a page on what they hold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from neocog.config import Config, changed
from neocog.data.cells import csv_of
from neocog.engine.interrupt import Guard, Interrupted, guarded
from neocog.errors import UserError, faults_of, printable, raise_all
from neocog.pretrained import origin_of
from neocog.pretrained.download import folder as cache
from neocog.progress import Progress
from neocog.run import to_json, write_atomically
from neocog.styling.features import Features, random_features, trained_features
from neocog.styling.measures import edge_correlation, palette_distance
from neocog.styling.painting import Painted, Stopped, in_proportion, most_evaluations, paint
from neocog.styling.pictures import LEAST, Given, luminance, matched, opened, recoloured
from neocog.styling.shown import as_array, as_bytes, side_by_side
from neocog.styling.styled import Styled
from neocog.styling.texture import textures
from neocog.tasks.masks import png
from neocog.verbs.embed import predictor_of
from neocog.verbs.outputs import insist_on_new, new_folder
from neocog.verbs.style_page import style_page

Colours = Literal["painting", "keep"]


class Unfinished(Interrupted):
    """Stopped by a signal; what was painted by then is written."""

    command = ""

    def __str__(self) -> str:
        return f"{super().__str__().partition(';')[0]}: what was painted by then is in {self.folder}"


def style(
    photo: str | Path,
    painting: str | Path,
    out: str | Path | None = None,
    *,
    size: int = 512,
    weight: float = 1.0,
    steps: int = 80,
    colours: Colours = "painting",
    mask: str | Path | None = None,
    features: str | Path | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Styled:
    """Repaint ``photo`` in the style of ``painting`` (Gatys, Ecker & Bethge 2016); write a new folder ``out``.

    There: styled.png (longer side ``size``, or the photo's own where that is smaller), strip.png (photo, painting, steps),
    losses.csv (one row an evaluation, one column a layer), style.json, style.html. ``weight``: of the style beside the
    content; ``steps`` of L-BFGS, over all scales; ``colours="keep"``: only brightness is painted; ``mask``: a picture of
    the photo's size, white where it is painted; ``features``: a run, or "torchvision:vgg19" where its weights are in
    torch's cache; default: a network of random weights, of ``seed`` alone. The same seed gives the same bytes, on the
    same machine with as many threads. Raises UserError, and Interrupted after a signal, when all is written.

    >>> neocog.style("china.jpg", "wave.jpg", "china-wave").folder  # doctest: +SKIP
    PosixPath('china-wave')
    """
    began = time.monotonic()
    target = Path(out or f"style-{Path(photo).stem}-{Path(painting).stem}")
    progress = Progress(quiet)
    _check(target, size, weight, steps)
    given = opened(Path(photo), Path(painting), None if mask is None else Path(mask), size)
    sees = random_features(seed) if features is None else _trained(str(features), photo, progress)
    for note in given.notes:
        progress.say(f"note: {note}")
    photo_, painting_ = given.photo, given.painting
    if colours == "keep":
        photo_ = luminance(photo_)
        painting_ = matched(luminance(painting_), photo_)
    with new_folder(target) as folder, guarded() as guard:
        made = _painted(photo_, painting_, sees, steps, weight, given.mask, guard, progress)
        image = recoloured(made.image, given.photo) if colours == "keep" else made.image
        holds = [] if guard.signal else _textures(painting_, sees, seed, guard, progress)
        shown = [given.photo, resize_like(given.painting, given.photo), *made.stages[:-1], image]
        found = _measured(target, sees, made, image, given, time.monotonic() - began)
        write_atomically(folder / "styled.png", png(as_image(image)))
        write_atomically(folder / "strip.png", png(strip(shown)))
        write_atomically(folder / "losses.csv", losses_csv(sees.names, made))
        write_atomically(folder / "style.json", to_json(found.to_json()))
        grams = {"photo": photo_, "painting": painting_, "result": made.image}
        page = style_page(found, made, strip(shown), sees, grams, holds, (str(photo), str(painting)))
        write_atomically(folder / "style.html", page)
    if guard.signal is not None:
        raise Unfinished(guard.signal, target)
    return found


def _check(target: Path, size: int, weight: float, steps: int) -> None:
    faults = faults_of(lambda: insist_on_new(target))
    if size < LEAST:
        faults.append(UserError(f"--size {size} is too small for a texture", fix=f"at least {LEAST}; 512 is usual"))
    if not 0 < weight < float("inf"):
        faults.append(UserError(f"--weight {weight:g} is no positive number", fix="1: style and content count alike"))
    if steps < 1:
        faults.append(UserError(f"--steps {steps} is below 1", fix="--steps 80"))
    raise_all(faults)


def _trained(source: str, photo: str | Path, progress: Progress) -> Features:
    """The features of a run, or of weights that are on this machine: nothing is downloaded. Raises UserError."""
    if ":" not in source and not Path(source).exists():
        raise UserError(
            f"--features {printable(source)}: no such run or weights", fix="give a run, or torchvision:vgg19"
        )
    if not Path(source).is_dir():
        origin = origin_of(changed(Config(), {"pretrained": source}), progress)
        if origin.file is None and not (cache() / origin.cached).is_file():
            fix = f"put the file at {cache() / origin.cached}, or leave --features out: random weights need no download"
            raise UserError(f"--features: the weights of {printable(source)} are not on this machine", origin.url, fix)
    return trained_features(predictor_of(source, [photo], "auto", progress))


def _painted(
    photo: Tensor, painting: Tensor, sees: Features, steps: int, weight: float, mask: Tensor | None, guard: Guard,
    progress: Progress,
) -> Painted:  # fmt: skip
    total = most_evaluations((photo.shape[2], photo.shape[3]), steps)
    with progress.bar("painting", total) as drawn:

        def advance(loss: float) -> None:
            drawn(1, f"loss {loss:.4g}")
            if guard.signal is not None:
                raise Stopped

        return paint(photo, painting, sees, steps, advance, weight=weight, mask=mask)


def _textures(
    painting: Tensor, sees: Features, seed: int, guard: Guard, progress: Progress
) -> list[tuple[int, Tensor]]:
    with progress.bar("textures from noise", len(sees.names)) as drawn:

        def advance() -> None:
            drawn(1)
            if guard.signal is not None:
                raise Stopped

        try:
            return textures(painting, sees, seed, advance)
        except Stopped:
            return []


def _measured(target: Path, sees: Features, made: Painted, image: Tensor, given: Given, seconds: float) -> Styled:
    small = in_proportion(given.painting, (given.photo.shape[2], given.photo.shape[3]))  # fine colours mix in it
    photo, strokes, result = (as_array(each) for each in (given.photo, small, image))
    return Styled(
        target, sees.names, made.begun, made.ended, edge_correlation(photo, result), palette_distance(photo, strokes),
        palette_distance(result, strokes), seconds, given.notes, made.stopped,
    )  # fmt: skip


def resize_like(painting: Tensor, photo: Tensor) -> Tensor:
    """As high as the photo, in its own proportions, on the strip."""
    high = photo.shape[2]
    wide = max(1, round(painting.shape[3] * high / painting.shape[2]))
    return torch.nn.functional.interpolate(painting, (high, wide), mode="bicubic", antialias=True).clamp(0, 1)


def as_image(image: Tensor) -> Image.Image:
    return Image.fromarray(as_bytes(as_array(image)))


def strip(images: list[Tensor]) -> Image.Image:
    """All side by side, as high as the last."""
    return side_by_side([as_image(each) for each in images], images[-1].shape[2])


def losses_csv(names: tuple[str, ...], made: Painted) -> str:
    """One row an evaluation: the longer side in pixels, the loss of the content, that of the style at each layer."""
    rows = (
        [i, row.side, f"{row.content:.6g}", *(f"{each:.6g}" for each in row.style)] for i, row in enumerate(made.rows)
    )
    return csv_of(("evaluation", "side", "content", *names), rows)
