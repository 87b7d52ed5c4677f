"""Images and the images wanted of them: one file as both takes, pairs that do not lie over each other, poor wanted images.

Up to ``LOOKED_AT`` pairs are looked at. Letters: H × W pixels, C channels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.records import Records
from neocog.errors import count
from neocog.records import Finding, Severity

Grey = NDArray[np.float64]
LOOKED_AT = 32  # pairs, spread over the data set
LEAST = 16  # pixels a side, below which nothing is said
SHIFT = 0.5  # pixels of the input
ALIKE = 0.3  # correlation from which on two images are of one place
STRIP = 4  # pixels wide
SURE = 3.0  # standard deviations
TURNED = 0.2  # by how much a mirrored image must be more alike
FULL = 0.05  # share of the pixels that are at the highest value
BLOCKS = 1.2  # steps across the borders of 8 × 8 blocks, in steps elsewhere
FINE = 0.015  # finest details, in details of twice the size


def doubtful_pairs(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """One file as both takes, a shift, a mirror image; wanted images that were JPEG, enlarged, cut off or hold few bits."""
    found: dict[str, list[str]] = {}
    for name, image, wanted in _read(dataset):
        for kind in kinds_of(image, wanted, dataset):
            found.setdefault(kind, []).append(name)
    for kind, names in found.items():
        severity, what, advice = FINDINGS[kind]
        if kind == "same" and dataset.truth == "noisy":
            severity = "error"
        yield Finding(severity, f"{count(names, 'pair')}: {what}", tuple(names), advice)


def repeated_takes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Among noisy takes each file should stand once: noise that two of them share is learned as if it were the image."""
    if dataset.truth != "noisy" or dataset.pairs is None:
        return
    places = defaultdict[str, list[str]](list)
    for takes in (dataset.images, dataset.pairs):
        for index, name in enumerate(dataset.names):
            with suppress(BadImage):
                places[takes.digest(index)].append(str(name))
    again = [names for names in places.values() if len(names) > 1]
    if again:
        what = (
            f"{count(again, 'frame')} more than once among the takes: noise that two takes share is learned, and stays"
        )
        yield Finding("error", what, tuple(dict.fromkeys(chain.from_iterable(again))), "leave all but one of each out")


def kinds_of(image: Array, wanted: Array, dataset: Dataset) -> Iterator[str]:
    """Which of ``FINDINGS`` hold of a pair (H, W, C) and (s·H, s·W, C)."""
    if dataset.truth != "itself":
        if image.shape == wanted.shape and np.array_equal(image, wanted):
            yield "same"
        elif min(image.shape[:2]) >= LEAST:
            first, second = image.mean(axis=2, dtype=np.float64), coarse(wanted, dataset.scale)
            offset, alike = shift_of(first, second)
            if mirrored(first, second, alike):
                yield "mirrored"
            elif alike > ALIKE and np.hypot(*offset) > SHIFT and beyond_chance(first, second, offset):
                yield "shifted"
    if dataset.truth != "itself" and wanted.min() == wanted.max() and image.min() < image.max():
        yield "flat"
    elif dataset.truth == "clean" and min(wanted.shape[:2]) >= 2 * LEAST:
        yield from (kind for kind, holds in OF_WANTED.items() if holds(wanted))


def coarse(wanted: Array, scale: int) -> Grey:
    """(s·H, s·W, C) → (H, W) means."""
    height, width = (side // scale for side in wanted.shape[:2])
    cut = wanted[: height * scale, : width * scale].mean(axis=2, dtype=np.float64)
    return np.asarray(cut.reshape(height, scale, width, scale).mean(axis=(1, 3)))


def shift_of(first: Grey, second: Grey) -> tuple[tuple[float, float], float]:
    """By how many pixels down and to the right one image is shifted against the other, and their correlation there."""
    one, other = (standard(each) for each in (first, second))
    found = np.fft.irfft2(np.fft.rfft2(one) * np.conj(np.fft.rfft2(other)), one.shape)
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    down, right = _peak(found[:, column], int(row)), _peak(found[row], int(column))
    return (down, right), float(found.max())


def beyond_chance(first: Grey, second: Grey, offset: tuple[float, float]) -> bool:
    """Whether the two lie better over each other after the shift than as they are, all over the image.

    Under noise the correlation is often highest beside its true place: of smooth images it is nearly as high there, of empty
    ones anywhere. So strips of the image are asked, rows and columns: of scan lines all pixels share their noise.
    """
    lag = round(offset[0]), round(offset[1])
    one, other = ((image - image.mean()) / max(float(image.std()), 1e-12) for image in (first, second))
    better = (one - other) ** 2 - (one - np.roll(other, lag, axis=(0, 1))) ** 2
    inside = tuple(
        slice(max(0, step), min(0, step) or None) for step in lag
    )  # what was not rolled in from the other end
    return all(signed_ranks(strips(better[inside].mean(axis=axis))) > SURE for axis in (0, 1))


def strips(line: Grey) -> Grey:
    """Means of ``STRIP`` values each."""
    return np.asarray(line[: len(line) // STRIP * STRIP].reshape(-1, STRIP).mean(axis=1))


def signed_ranks(values: Grey) -> float:
    """By how many standard deviations values lie above zero, after Wilcoxon (1945)."""
    ranks = 1.0 + np.abs(values).argsort().argsort()
    return float((np.sign(values) * ranks).sum() / max(np.sqrt((ranks**2).sum()), 1.0))


def standard(image: Grey) -> Grey:
    """Less its mean, fading at the borders, of length 1."""
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in image.shape))
    found = (image - image.mean()) * window
    return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12))


def _peak(line: Grey, at: int) -> float:
    """Where a parabola through the highest of a closed line and its neighbours is highest, from the middle."""
    before, here, after = line[at - 1], line[at], line[(at + 1) % len(line)]
    bend = before - 2 * here + after
    place = at + (0.5 * (before - after) / bend if bend else 0.0)
    return place - len(line) if place > len(line) / 2 else place


def mirrored(first: Grey, second: Grey, alike: float) -> bool:
    one = standard(first)
    turned = max(float((one * standard(second[flip])).sum()) for flip in (np.s_[::-1], np.s_[:, ::-1]))
    return turned > max(ALIKE, alike + TURNED)


def was_jpeg(wanted: Array) -> bool:
    """Whether values step more at every eighth column and row than elsewhere."""
    if wanted.dtype != np.uint8:
        return False
    grey, ratios = wanted.mean(axis=2, dtype=np.float64), []
    for image in (grey, grey.T):
        steps = np.abs(np.diff(image, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % 8 == 7
        ratios.append(steps[border].mean() / max(steps[~border].mean(), 1e-12))
    return bool(min(ratios) > BLOCKS)


def was_enlarged(wanted: Array) -> bool:
    """Whether the finest details are missing: there is next to nothing beyond half the frequencies that the pixels could hold."""
    grey = wanted.mean(axis=2, dtype=np.float64)
    power = np.abs(np.fft.rfft2(standard(grey))) ** 2
    rows, columns = np.abs(np.fft.fftfreq(grey.shape[0]))[:, None], np.fft.rfftfreq(grey.shape[1])
    largest = np.maximum(rows, columns)
    fine, half = power[largest > 0.35].sum(), power[(largest > 0.125) & (largest <= 0.25)].sum()
    return bool(half > 1e-6 and fine < FINE * half)


def is_full(wanted: Array) -> bool:
    """Whether many pixels are at the highest value that the type holds."""
    if wanted.dtype.kind != "u":
        return False
    return float((wanted == np.iinfo(wanted.dtype).max).mean()) > FULL


def has_few_bits(wanted: Array) -> bool:
    """16 bits of which 12 or fewer are used."""
    return wanted.dtype == np.uint16 and int(wanted.max()) < 4096


OF_WANTED: dict[str, Callable[[Array], bool]] = {
    "jpeg": was_jpeg, "enlarged": was_enlarged, "full": is_full, "bits": has_few_bits,
}  # fmt: skip
FINDINGS: dict[str, tuple[Severity, str, str]] = {
    "same": (
        "warning",
        "the target image is the input itself",
        "two takes of one scene must be two exposures; leave these out",
    ),
    "shifted": (
        "warning",
        f"the two are shifted by more than {SHIFT:g} pixels",
        "register them, else blur is learned",
    ),
    "flat": ("warning", "the target image is of one value", "leave it out, unless nothing is there to see"),
    "mirrored": ("warning", "one of the two is a mirror image", "mirror it back, or leave the pair out"),
    "jpeg": (
        "warning",
        "the target image was compressed by JPEG",
        "its blocks are learned: take images that never were",
    ),
    "enlarged": (
        "note",
        "the target image has no fine details, as if it had been enlarged",
        "take sharp ones, or a smaller size",
    ),
    "full": (
        "warning",
        f"more than {FULL:.0%} of the target image is at the highest value",
        "expose less: what is cut off is lost",
    ),
    "bits": (
        "note",
        "16 bits of which at most 12 are used",
        "nothing: black and white are those of the training images",
    ),
}


def _read(dataset: Dataset) -> Iterator[tuple[str, Array, Array]]:
    """(name, input, wanted image) of some pairs that can be read."""
    assert dataset.pairs is not None
    for index in range(0, len(dataset), -(-len(dataset) // LOOKED_AT)):
        with suppress(BadImage):
            yield str(dataset.names[index]), dataset.images.read(index), dataset.pairs.read(index)
