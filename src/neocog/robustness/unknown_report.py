"""What part ``unknown`` says: tables, charts, pictures, and its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocog.metrics.outlier_scores import SCORES
from neocog.metrics.selective import UNSURE
from neocog.metrics.stored import stored_measure
from neocog.records import Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text, Whiskers
from neocog.robustness.outcome import Grade, Verdict, bounds
from neocog.robustness.thresholds import graded

REFUSED = 0.05  # of samples of known classes
HEADS = ("outliers", "score", "auroc", "low", "high", "n", "kept_at_95", "refused")
TEXT = (
    "Five scores of how familiar a sample looks: from the network's logits, and from the distance of its features to those of "
    "the training samples. AUROC: probability that a sample of a known class scores higher than an outlier. Kept at 95 %: outliers "
    "that pass a threshold which 95 % of known samples pass (FPR95). {chosen} Outliers were made from the {n:,} samples of the "
    "test part; real ones may be closer to the classes and harder to detect."
)
REFUSE = "`predict RUN FILES --refuse {share:g}` flags what looks like none of the classes: at most {share:.0%} of known samples."


@dataclass(frozen=True)
class Found:
    """``outliers``: {kind: {score: what ``separated`` says}}; ``answers``: what ``selective`` does."""

    outliers: Mapping[str, Mapping[str, Any]]
    n: int
    answers: Mapping[str, Any] | None

    @property
    def score(self) -> str:
        """That with the largest mean AUROC on the half of the outliers that chooses."""
        means = [np.mean([each[score]["chosen by"] for each in self.outliers.values()]) for score in SCORES]
        return SCORES[int(np.argmax(means))]

    def auroc(self, kind: str, score: str) -> Measure:
        return stored_measure(self.outliers[kind][score]["auroc"])


def tables(found: Found) -> dict[str, Table]:
    """``unknown``: a row a kind of outliers and score; ``selective``: the errors that can be kept; ``risk``: the curve."""
    rows = []
    for kind, scores in found.outliers.items():
        for score in SCORES:
            m, each = found.auroc(kind, score), scores[score]
            rows.append((kind, score, m.value, *bounds(m), m.n, each["kept at 95"], each["refused"]["value"]))
    made = {"unknown": Table(HEADS, tuple(rows))}
    if found.answers is not None:
        made["risk"] = Table(("coverage", "risk"), tuple(map(tuple, found.answers["curve"])))
        made["selective"] = Table(
            ("asked", "cut", "coverage", "error", "low", "high", "n"), tuple(_cuts(found.answers))
        )
    return made


def _cuts(answers: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    for cut in answers["cuts"]:
        if "error" not in cut:
            yield cut["asked"], None, 0.0, None, None, None, 0
            continue
        m = stored_measure(cut["error"])
        yield cut["asked"], cut["cut"], cut["coverage"], m.value, *bounds(m), m.n


def sections(found: Found, pictures: Iterable[tuple[str, list[str]]]) -> tuple[Section, ...]:
    chosen = f"The score was chosen on half of these outliers ({found.score}); the numbers are of the other half."
    kinds = list(found.outliers)
    rows = []
    for kind in kinds:
        each = found.outliers[kind][found.score]
        aurocs = [f"{found.auroc(kind, score).value:.3f}" for score in SCORES]
        rows.append((kind, *aurocs, f"{each['kept at 95']:.1%}", f"{each['refused']['value']:.1%}"))
    note = (
        f"AUROC by score; last two columns: {found.score}; refused: share of outliers that --refuse {REFUSED:g} flags."
    )
    heads = ("outliers", *SCORES, "kept at 95 %", "refused")
    whiskers = Whiskers(
        tuple(kinds), tuple(found.auroc(kind, found.score) for kind in kinds), f"AUROC of {found.score}"
    )
    items: list[Item] = [
        Text(TEXT.format(n=found.n, chosen=chosen)), Table(heads, tuple(rows), note), whiskers,
        *(Pictures(tuple(Picture(png) for png in pngs), text) for text, pngs in pictures),
        Text(REFUSE.format(share=REFUSED)),
    ]  # fmt: skip
    made = [Section("Stress: unknown samples", tuple(items), "stress-unknown")]
    if found.answers is not None:
        made.append(Section("Stress: selective prediction", tuple(_selective(found.answers)), "stress-selective"))
    return tuple(made)


def _selective(answers: Mapping[str, Any]) -> Iterable[Item]:
    error, n = stored_measure(answers["error"]), answers["validation"]
    grouped = " Samples come in groups: for a new group the guarantee is weaker." if answers["grouped"] else ""
    yield Text(
        f"{error.value:.2%} of all {answers['n']:,} predictions on the test part are wrong; fewer are if only those with a high "
        f"probability are accepted. Each threshold is the lowest that, by the {n:,} validation samples, guarantees with "
        f"{1 - UNSURE:.0%} confidence that at most the given share of accepted predictions on new samples like them is wrong "
        f"(learn then test: Angelopoulos et al. 2021).{grouped}"
    )
    rows: list[tuple[Any, ...]] = []
    for asked, cut, coverage, value, low, high, _ in _cuts(answers):
        if cut is None:
            rows.append((f"{asked:.1%}", "cannot be guaranteed", None, None, None))
        else:
            sure = f"{low:.2%} to {high:.2%}" if low is not None else "too few for an interval"
            rows.append((f"{asked:.1%}", f"{cut:.4f}", f"{coverage:.1%}", f"{value:.2%}", sure))
    if rows:
        heads = ("wrong at most", "threshold", "accepted", "wrong on the test part", "95 % interval")
        yield Table(heads, tuple(rows))
    coverage, risk = zip(*answers["curve"], strict=True)
    series = Series("test part", tuple(coverage), tuple(risk))
    axes = "coverage: share of samples accepted", "risk: share of accepted predictions that are wrong"
    yield Curves(*axes, (series,), note=f"Area under the risk–coverage curve: {answers['area']:.4f}")


def verdict(found: Found, best: Grade = "passed") -> Verdict:
    """By the kind of outliers that the score tells worst."""
    worst = min(found.outliers, key=lambda kind: found.auroc(kind, found.score).value)
    m = found.auroc(worst, found.score)
    sentence = (
        f"Hardest to tell from known samples, of {len(found.outliers)} kinds of outliers: {worst}, AUROC {m.value:.3f} "
        f"({m.interval}) with {found.score}, on {m.counted('known samples and outliers')}."
    )
    return graded("Unknown samples", "unknown", m.value, sentence, best)
