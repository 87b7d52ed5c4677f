"""``train --curve``: how good the network is after 1/8, 1/4, 1/2 and all of the training part, and what twice as much would bring.

Each is a whole run of its own, in ``curve-8/``, ``curve-4/`` and ``curve-2/`` below the run folder, with the same validation and
test parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.config import Config
from neocog.data.nested import halved
from neocog.documents import expected, read_json
from neocog.metrics import lower_is_better, title
from neocog.metrics.learning_curve import PowerLaw
from neocog.metrics.stored import stored_measure
from neocog.records import Curves, Measure, Section, Series, Table, Text
from neocog.run import Run
from neocog.tasks.task import Data, Session

SHARES = (8, 4, 2)  # parts of one training part, of which one is learned from
STEPS = 24  # points of the line that is drawn


def folder(share: int) -> str:
    return f"curve-{share}"


def subsets(data: Data, parts: NDArray[np.str_], seed: int) -> dict[int, NDArray[np.str_]]:
    """{share: (N,) parts of the samples}, those left out being "", within the split ``parts`` (N,). Raises UserError where there
    are too few."""
    train, by_class = np.flatnonzero(parts == "train"), data.task.labels == "classes"
    halves = halved(data.dataset, data.contents, data.families, train, seed, by_class, len(SHARES))
    found = {}
    for share, kept in zip(reversed(SHARES), halves, strict=True):
        found[share] = np.where(parts == "train", "", parts)
        found[share][kept] = "train"
    return {share: found[share] for share in SHARES}


def of_share(session: Session, asked: Config, share: int, count: int) -> Config:
    """Settings of a training on ``count`` samples, 1/``share`` of them: what was asked for, decided anew for so many."""
    batch = min(asked.training.batch, count)
    training = replace(asked.training, curve=False, baseline=False, batch=batch, minutes=asked.training.minutes / share)
    return replace(asked, data=session.config.data, model=session.config.model, training=training)


@dataclass(frozen=True)
class Curve:
    """A measure of networks that learned from ``sizes`` samples, the last one of all."""

    name: str
    sizes: tuple[int, ...]
    measures: tuple[Measure, ...]

    @property
    def falls(self) -> bool:
        return lower_is_better(self.name)

    def error(self, value: float) -> float:
        """An error itself, else what is missing to 1. Where nothing was wrong, half of a test sample counts as wrong."""
        return max(value if self.falls else 1 - value, 0.5 / max(1, self.measures[-1].n))

    @cached_property
    def law(self) -> PowerLaw:
        return PowerLaw.of(self.sizes, [self.error(m.value) for m in self.measures])

    @property
    def rises(self) -> bool:
        """Whether errors fall with more samples; where they do not, it is noise, and no law goes on like that."""
        return self.law.exponent > 0

    def expected(self, n: float, alone: bool = False) -> tuple[float, float, float]:
        """(value, low, high) after n samples. ``alone``: of the line, without what the test samples are unsure of."""
        last = self.measures[-1]
        ends = (
            sorted(self.error(x) / self.error(last.value) for x in (last.low, last.high)) if not alone else [1.0, 1.0]
        )
        low, high = self.law.bounds(n, *(ends if all(map(math.isfinite, ends)) else (1.0, 1.0)))
        found = self.law.error(n), low, high
        if self.falls:
            return found
        most = 1.0 if all(m.value >= 0 for m in self.measures) else math.inf  # of a share; R² goes below 0
        value, high, low = (1 - min(error, most) for error in found)
        return value, low, high


def curve_of(run: Run, name: str, measure: Measure, count: int) -> Curve | None:
    """What the networks that learned from parts reached, and the run itself from ``count`` samples; None where there are none.

    Raises UserError for a damaged result.
    """
    smaller = [Run(run.folder / folder(share)).result for share in SHARES]
    if not all(result.is_file() for result in smaller):
        return None
    sizes, measures = [], []
    for result in smaller:
        found = read_json(result)
        with expected(result):
            sizes.append(int(found["n"]["train"]))
            measures.append(stored_measure(found["measures"]["test"][name]))
    if not all(math.isfinite(m.value) for m in (*measures, measure)):
        return None
    return Curve(name, (*sizes, count), (*measures, measure))


def curve_result(curve: Curve) -> dict[str, Any]:
    """What result.json says of it."""
    twice = 2 * curve.sizes[-1]
    points = [
        {"samples": n, curve.name: m.value, "low": m.low, "high": m.high}
        for n, m in zip(curve.sizes, curve.measures, strict=True)
    ]
    value, low, high = curve.expected(twice)
    return {
        "measure": curve.name, "points": points, "exponent": curve.law.exponent,
        "twice": {"samples": twice, "value": value, "low": low, "high": high},
    }  # fmt: skip


def curve_section(curve: Curve) -> Section:
    """The picture, and what it says of twice the samples."""
    sizes, measures, named = curve.sizes, curve.measures, title(curve.name)
    along = np.geomspace(sizes[0], 2 * sizes[-1], STEPS).tolist()
    line = [curve.expected(n, alone=True) for n in along]
    plot = Curves(
        "training samples",
        named,
        (
            Series(
                "measured",
                tuple(map(float, sizes)),
                tuple(m.value for m in measures),
                tuple(m.low for m in measures) if all(math.isfinite(m.low) for m in measures) else (),
                tuple(m.high for m in measures) if all(math.isfinite(m.low) for m in measures) else (),
            ),
            Series("power law", tuple(along), tuple(value for value, _, _ in line)),
        ),
    )
    rows = [(f"{n:,}", m.value, m.interval) for n, m in zip(sizes, measures, strict=True)]
    text, (value, low, high) = in_words(curve), curve.expected(2 * sizes[-1])
    if curve.rises:
        rows.append((f"{2 * sizes[-1]:,} (expected)", value, f"{low:.4f} to {high:.4f}"))
    table = Table(("training samples", named, "95 % interval"), tuple(rows), NOTE)
    return Section("Learning curve", (Text(text[0].upper() + text[1:]), plot, table), "curve")


NOTE = (
    "The training samples of each row are a subset of the next row's; all are tested on the same samples. The expected row is "
    "extrapolated by a power law; its interval combines Student's t (four points: two degrees of freedom) and the uncertainty of "
    "the test part. It holds if the power law continues and new samples are like the old ones."
)


def in_words(curve: Curve) -> str:
    """One sentence or two."""
    now, count = curve.measures[-1].value, curve.sizes[-1]
    if not curve.rises:
        what = f"from {curve.sizes[0]:,} to {count:,} samples the {title(curve.name)} has not become better: it is {now:.3f}."
        return f"{what} Four points that do not rise say nothing of twice as many samples."
    value, low, high = curve.expected(2 * count)
    _, *line = curve.expected(2 * count, alone=True)  # the test samples are the same now and then
    text = (
        f"with twice the samples ({2 * count:,}) the expected {title(curve.name)} is {value:.3f} (95 % interval {low:.3f} to "
        f"{high:.3f}); with {count:,} it is {now:.3f}."
    )
    sure = line[1] < now if curve.falls else line[0] > now
    return text if sure else f"{text} Four points are too few to be sure that more samples would help at all."
