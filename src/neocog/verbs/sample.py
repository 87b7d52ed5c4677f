"""``sample``: new images of a run that generates, ways between them, and the user's own pictures moved in its latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array, BadImage
from neocog.data.images import Decoding, decode
from neocog.data.resize import fit
from neocog.errors import UserError, count, listed, pick, raise_all
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.run import Run, write_atomically
from neocog.tasks import task_of_run
from neocog.tasks.files import suffixes
from neocog.tasks.generative import Generative, drawn, spherical
from neocog.tasks.report.montage import displayable, montage, png_bytes
from neocog.verbs.outputs import insist_on_new
from neocog.verbs.predict import expanded

MOST = 10_000  # images of one call
REACH = 3.0  # standard deviations of the prior to either side


@dataclass(frozen=True)
class Sampled:
    """(n, H, W, C) uint8 images, ``columns`` in a row of the sheet, and the files that were written."""

    images: NDArray[np.uint8]
    columns: int
    written: tuple[Path, ...]


def sample(
    run: str | Path | Run,
    n: int = 64,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    of: Sequence[str] = (),
    single: bool = False,
    interpolate: Sequence[str | int | Path] = (),
    traverse: bool = False,
    direction: Sequence[str] = (),
    apply: Sequence[str | Path] = (),
    reconstruct: Sequence[str | Path] = (),
    steps: int = 10,
    strength: float = 1.0,
    quiet: bool = False,
) -> Sampled:
    """Write a sheet of images as PNG to ``out`` (default: a new file in the run's folder ``samples``). Raises UserError.

    ``n`` new images from latent vectors of ``seed``; ``of`` the named classes in turn, where the run learned these; or
    ``interpolate``: ``steps`` images on the arc between the vectors of two seeds or pictures; or ``traverse``: a row for each
    living dimension, or random direction; or ``direction`` ("from:3", "to:8"): each picture of ``apply``, its reconstruction,
    ``steps`` images on the way between the classes' mean codes, ``strength`` times as far; or ``reconstruct``: pictures beside
    their reconstructions. ``single``: ``out`` is a new folder with grid.png and every image.
    """
    run, progress = path_of(run), Progress(quiet)
    predictor = load_predictor(run)
    task = task_of_run(predictor)
    if not isinstance(task, Generative):
        what = f"{run.folder} is a run of --task {predictor.task}, which draws no images"
        raise UserError(what, fix="train one with --task vae or --task gan")
    check(n, seed, steps, strength, (interpolate, direction or apply, reconstruct, traverse, of))
    target = placed(run, None if out is None else Path(out), single)
    if interpolate:
        images, columns = between(task, predictor, interpolate, steps), steps
    elif traverse:
        images, columns = along(task, predictor, seed, steps), steps
    elif direction or apply:
        images, columns = edited(task, predictor, direction, apply, steps, strength), steps + 2
    elif reconstruct:
        images, columns = twice(task, predictor, reconstruct), 2 * min(6, len(reconstruct))
    else:
        z = drawn(n, task.latent(predictor), seed)
        images = task.decode(predictor, task.of_classes(predictor, z, of) if of else z)
        columns = max(1, round(n**0.5))
    written = write(target, images, columns, single)
    progress.say(f"{count(images, 'image')} in {written[0]}")
    return Sampled(images, columns, written)


def check(n: int, seed: int, steps: int, strength: float, modes: Sequence[object]) -> None:
    """Raise for values out of their range and for two wishes at once, all together."""
    faults = []
    if not 1 <= n <= MOST:
        faults.append(UserError(f"-n {n} is outside 1 to {MOST:,}", fix="give 64, say"))
    if not 2 <= steps <= 100:
        faults.append(UserError(f"--steps {steps} is outside 2 to 100", fix="give 10, say"))
    if seed < 0:
        faults.append(UserError(f"--seed {seed} is below 0", fix="give 0 or more"))
    if not abs(strength) <= 10:  # also where it is NaN
        faults.append(UserError(f"--strength {strength:g} is outside −10 to 10", fix="give 1, say"))
    if sum(bool(mode) for mode in modes) > 1:
        what = "more than one of --interpolate, --traverse, --direction, --reconstruct and --of"
        faults.append(UserError(what, fix="give one of them a call"))
    raise_all(faults)


def placed(run: Run, out: Path | None, single: bool) -> Path:
    """Where the images go: never over something that is there."""
    insist_on_new(out)
    if out is not None:
        if not single and out.suffix.lower() != ".png":
            raise UserError(f"{out} is not a PNG", fix=f"--out {out.with_suffix('.png')}, or --single for a folder")
        return out
    stem, number = run.folder / "samples", 1
    while (found := stem / f"{number:03}{'' if single else '.png'}").exists():
        number += 1
    return found


def write(target: Path, images: Array, columns: int, single: bool) -> tuple[Path, ...]:
    """The sheet, and with ``single`` each image beside it."""
    files = {target / "grid.png" if single else target: png_bytes(montage(images, columns), 1024)}
    if single:
        files |= {target / f"{i:05}.png": png_bytes(image) for i, image in enumerate(displayable(images), 1)}
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", str(target), "give another --out") from None
    return tuple(files)


def between(task: Generative, predictor: Predictor, ends: Sequence[str | int | Path], steps: int) -> NDArray[np.uint8]:
    """Images on the arc between the vectors of two seeds, or of two pictures."""
    if len(ends) != 2:
        raise UserError(f"--interpolate takes two ends, not {len(ends)}", fix="two seeds (3 8) or two pictures")
    if all(str(end).isdecimal() and not Path(str(end)).exists() for end in ends):
        first, last = (drawn(1, task.latent(predictor), int(str(end)))[0] for end in ends)
    else:
        first, last = task.codes(predictor, pictures(predictor, [Path(str(end)) for end in ends]))
    return task.decode(predictor, spherical(first, last, steps))


def along(task: Generative, predictor: Predictor, seed: int, steps: int) -> NDArray[np.uint8]:
    """A row for each axis of the latent space that is worth a walk."""
    start, axes = task.axes(predictor, seed)
    if not len(axes):
        raise UserError("no dimension of this run's codes is active", fix="train with a smaller --beta, or longer")
    reach = np.linspace(-REACH, REACH, steps, dtype=np.float32)[:, None]
    rows = [start - axis * (start @ axis) + reach * axis for axis in axes]  # the other directions stay
    return task.decode(predictor, np.concatenate(rows).astype(np.float32))


def edited(
    task: Generative, predictor: Predictor, direction: Sequence[str], files: Sequence[str | Path], steps: int, strength: float
) -> NDArray[np.uint8]:  # fmt: skip
    """For each file: itself, its reconstruction, and the steps from one class towards the other."""
    if not direction or not files:
        raise UserError("--direction and --apply go together", fix="--direction from:3 to:8 --apply my.png")
    pixels = pictures(predictor, files)
    codes = task.codes(predictor, pixels)
    towards = step_between(predictor, direction) * strength
    shares = np.linspace(0, 1, steps + 1, dtype=np.float32)[:, None]
    rows = []
    for image, code in zip(as_uint8(predictor, pixels), codes, strict=True):
        rows += [image[None], task.decode(predictor, (code + shares * towards).astype(np.float32))]
    return np.concatenate(rows)


def step_between(predictor: Predictor, direction: Sequence[str]) -> NDArray[np.float32]:
    """(L,) from the mean code of one class to that of another. Raises UserError."""
    known = predictor.facts.get("codes", {}).get("classes", {})
    if not known:
        raise UserError("the run's data had no classes, so there is no direction between them", fix="leave it out")
    given = {part.partition(":")[0]: part.partition(":")[2] for part in direction}
    if len(direction) != 2 or set(given) != {"from", "to"}:
        what = f"--direction {' '.join(direction)} does not say from where to where"
        names = listed(known, 2).split(", ")
        raise UserError(what, fix=f"--direction from:{names[0]} to:{names[-1]}")
    start, end = (np.asarray(pick(known, given[side], what="class")["mean"], np.float32) for side in ("from", "to"))
    step: NDArray[np.float32] = end - start
    return step


def twice(task: Generative, predictor: Predictor, files: Sequence[str | Path]) -> NDArray[np.uint8]:
    """Each file as the network sees it, and what its code becomes."""
    pixels = pictures(predictor, files)
    again = task.decode(predictor, task.codes(predictor, pixels))
    both = np.stack([as_uint8(predictor, pixels), again], axis=1)
    return both.reshape(-1, *both.shape[2:])


def pictures(predictor: Predictor, files: Sequence[str | Path]) -> Array:
    """(n, C, H, W) fitted pixels of the user's files, folders and globs. Raises UserError for all that cannot be read."""
    preprocessing, found, faults = predictor.preprocessing, [], list[UserError]()
    for path in expanded(files, suffixes(preprocessing)):
        try:
            found.append(fit(decode(path, Decoding.recorded(preprocessing), str(path)), preprocessing, str(path)))
        except BadImage as error:
            faults.append(error)
    raise_all(faults)
    return np.stack(found)


def as_uint8(predictor: Predictor, pixels: Array) -> NDArray[np.uint8]:
    """Fitted pixels (n, C, H, W) → (n, H, W, C) in 0 … 255."""
    low, high = predictor.preprocessing.low, predictor.preprocessing.high
    share = (pixels.astype(np.float64) - low) / (high - low)
    return np.round(share.clip(0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
