"""What part ``labels`` says: the ranking, the corrections that it proposes, the amount of noise, and its verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocog.metrics.confident import ADDED, Trial
from neocog.metrics.stored import stored_measure
from neocog.records import Item, Matrix, Measure, Picture, Pictures, Section, Table, Text
from neocog.robustness.outcome import Grade, Verdict
from neocog.robustness.thresholds import graded

SHOWN = 24  # pictures
LISTED, SHARE = 2000, 0.1  # rows of the ranking at least, where there are as many, and the share of all labels
ROWS = 40  # of it that the report has
CLASSES = 30  # up to which the joint matrix is drawn
HEADS = ("rank", "sample", "part", "label", "probability", "likely", "likely_probability", "flagged")
TEXT = (
    "Labels are ranked by the probability that a network which has not learned them gives them (confident learning: Northcutt, "
    "Jiang and Chuang 2021). {source} {flagged:,} of {n:,} labels are flagged as likely wrong. Look at them: hard samples rank "
    "beside wrong labels."
)
SOURCES = {
    "folds": "Each sample is predicted by the network of the fold that tested it.",
    "validation and test": (
        "The validation and test parts are predicted by this run's network; training samples by linear heads that were fitted "
        "without them, on the features of its encoder. The encoder has learned these labels and may have memorised wrong ones, "
        "so some are missed there: with train --folds, each sample is predicted by a network that never saw it."
    ),
    "training": (
        "The encoder was frozen and has learned none of these labels: samples are predicted by linear heads that were fitted "
        "without them, on its features."
    ),
}
CORRECT = (
    "`stress/corrections.csv` has a row for each flagged label, with the action relabel; change it to exclude or keep where that "
    "is right. After your review, `neocog train DATA --corrections corrections.csv` trains and tests with the corrected labels. "
    "Do not accept them without a look: test labels changed to what the network says make it look better than it is."
)


@dataclass(frozen=True)
class Ranked:
    """A label: its ``confidence`` is its own probability; ``likely`` the class suggested, ``probability`` of the likeliest."""

    position: int
    name: str
    part: str
    given: str
    confidence: float
    likely: str
    probability: float
    flagged: bool


@dataclass(frozen=True)
class Found:
    """``honest``: what ``predictions`` says of samples whose labels the network has not learned, or None."""

    ranking: Sequence[Ranked]
    classes: Sequence[str]
    honest: Mapping[str, Any] | None
    source: str  # one of ``SOURCES``

    @property
    def flagged(self) -> list[Ranked]:
        return [row for row in self.ranking if row.flagged]

    @property
    def noise(self) -> Measure | None:
        return None if self.honest is None else stored_measure(self.honest["noise"])

    @property
    def trial(self) -> Trial | None:
        return None if self.honest is None else Trial(**self.honest["trial"])


def tables(found: Found) -> dict[str, Table]:
    """``labels``: the ranking; ``corrections``: what ``train --corrections`` takes; ``label_noise`` and ``label_joint``."""
    most = max(len(found.flagged), LISTED, round(SHARE * len(found.ranking)))
    rows = tuple(
        (rank, r.name, r.part, r.given, r.confidence, r.likely, r.probability, "yes" if r.flagged else "")
        for rank, r in enumerate(found.ranking[:most], 1)
    )
    proposed = tuple((r.name, "relabel", r.likely, r.given, r.part, r.confidence) for r in found.flagged)
    made = {
        "labels": Table(HEADS, rows),
        "corrections": Table(("sample", "action", "label", "given", "part", "probability"), proposed),
    }
    if found.honest is not None and found.trial is not None and found.noise is not None:
        m, t = found.noise, found.trial
        row = (m.value, m.low, m.high, m.n, t.recovered, t.most, "yes" if t.holds else "no")
        heads = ("estimate", "low", "high", "n", "recovered", "at_most", "believed")
        made["label_noise"] = Table(heads, (row,))
        cells = [
            (a, b, found.honest["joint"][i][j])
            for i, a in enumerate(found.classes)
            for j, b in enumerate(found.classes)
        ]
        made["label_joint"] = Table(("label", "likely", "share"), tuple(cells))
    return made


def sections(found: Found, pngs: Sequence[str]) -> tuple[Section, ...]:
    """``pngs``: of the first of the ranking, or none."""
    text = TEXT.format(source=SOURCES[found.source], flagged=len(found.flagged), n=len(found.ranking))
    items: list[Item] = [Text(text), Text(amount(found))]
    if pngs:
        first = found.ranking[: len(pngs)]
        captions = [f"{r.given} → {r.likely} {r.probability:.0%}" for r in first]
        shown = tuple(Picture(png, caption) for png, caption in zip(pngs, captions, strict=True))
        items.append(Pictures(shown, "Least credible labels: given → suggested, with its probability."))
    rows = [(r.name, r.part, r.given, f"{r.confidence:.2g}", r.likely, f"{r.probability:.3f}") for r in found.ranking]
    heads = ("sample", "part", "label", "probability", "suggested", "probability of that")
    items.append(Table(heads, tuple(rows[:ROWS]), "The full ranking: stress/labels.csv"))
    if found.honest is not None and len(found.classes) <= CLASSES:
        values = tuple(tuple(round(100 * share, 2) for share in row) for row in found.honest["joint"])
        note = "Percent of the samples. Off the diagonal: labels that are likely wrong."
        names = tuple(found.classes)
        items.append(Matrix(names, names, values, "given label", "estimated true class", note))
    return (Section("Stress: labels", (*items, Text(CORRECT)), "stress-labels"),)


def amount(found: Found) -> str:
    """How many labels are wrong, and what accuracy they allow, as far as that can be known."""
    noise, tried = found.noise, found.trial
    if noise is None or tried is None:
        return "The number of wrong labels cannot be estimated: the network has learned the labels of all samples."
    if tried.holds:
        sure = math.isfinite(noise.high)
        interval = f"95 % interval {noise.low:.2%} to {noise.high:.2%}" if sure else "too few for an interval"
        allowed = f" ({1 - noise.high:.2%} to {1 - noise.low:.2%})" if sure else ""
        return (
            f"About {noise.value:.2%} of the labels are wrong ({interval}, {noise.n:,} samples; hard ones may be among them; at "
            f"most {tried.most:.1%} by the ranking). With {ADDED:.0%} more labels corrupted as a check, the estimate rose by "
            f"{tried.recovered:.0%} of that. Measured with these labels, a perfect network would reach an accuracy of about "
            f"{1 - noise.value:.2%}{allowed}."
        )
    return (
        f"The number of wrong labels cannot be estimated: that of confident learning, {noise.value:.2%}, cannot be trusted, as "
        f"{_why(tried)}. By the ranking, at most {tried.most:.1%} are wrong; measured with these labels, a perfect network would "
        f"reach an accuracy of at least {1 - tried.most:.1%}."
    )


def _why(tried: Trial) -> str:
    if tried.estimate > tried.most:
        return "it is more than the ranking allows: the network takes its own errors for wrong labels"
    return f"with {ADDED:.0%} more labels corrupted as a check, it rose by {tried.recovered:.0%} of that"


def verdict(found: Found) -> Verdict:
    noise, tried = found.noise, found.trial
    if noise is None or tried is None:
        return Verdict("Labels", "not tried", amount(found))
    share = noise.value if tried.holds else tried.most
    worst: Grade = "failed" if tried.holds else "doubtful"
    best: Grade = "passed" if math.isfinite(noise.high) or not tried.holds else "doubtful"
    return graded("Labels", "wrong_labels", float(np.round(share, 6)), amount(found), best, worst)
