"""None of these: classes that were set aside say where to cut, and how well that works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neocog.data.loader import Streamed
from neocog.metrics import proportion_measure
from neocog.metrics.unseen import known_from_unseen
from neocog.predictor import Predictor
from neocog.records import Measure, Section, Table, Text
from neocog.refusal import Refusal
from neocog.tasks.evaluation import Samples


@dataclass(frozen=True)
class Unknown:
    """The largest logit (m,) of each sample of unseen classes, and the name of its class (m,).

    The largest logit as a score: Hendrycks et al. 2022, "Scaling out-of-distribution detection".
    """

    scores: NDArray[np.float32]
    classes: NDArray[np.str_]


def unknown_of(predictor: Predictor, samples: Samples) -> Unknown | None:
    """Every other class that was set aside sets the threshold, together with the validation part; the others and the test
    part evaluate it, so that nothing is evaluated by what it was chosen with.
    """
    data = samples.unseen
    if data is None:
        return None
    chosen = np.flatnonzero(data.labels % 2 == (samples.part == "test"))
    them = Samples(data, chosen, Streamed(data.images, predictor.preprocessing), samples.seed)
    found = [predictor.of_pixels(pixels).max(axis=1) for _, pixels in them.batches(predictor.preprocessing)]
    return Unknown(np.concatenate(found), np.array(data.classes)[data.labels[chosen]])


def refusal_of(predictor: Predictor) -> Refusal | None:
    """What is none of the classes: as asked for, else below the threshold on the largest logit, where the run recorded one."""
    recorded = predictor.facts.get("rejection_threshold")
    return predictor.refuses or (None if recorded is None else Refusal("largest logit", float(recorded)))


def unseen_measures(known: NDArray[np.float32], unknown: Unknown, cut: float) -> dict[str, Measure]:
    """How well the threshold tells them apart; ``known`` (n,): the largest logits of the test part."""
    groups = np.concatenate(
        [np.array([f"known {i}" for i in range(len(known))]), np.char.add("unseen ", unknown.classes)]
    )
    refused, kept = int((unknown.scores < cut).sum()), int((known >= cut).sum())
    count = len(unknown.scores)
    return {
        "unseen_auroc": known_from_unseen(known, unknown.scores, groups),
        "unseen_refused": proportion_measure(refused, count),
        "known_kept": proportion_measure(kept, len(known)),
    }


def unseen_section(measures: Mapping[str, Measure], away: int, cut: float) -> Section:
    """``away``: classes that were set aside."""
    text = (
        f"{away} classes were withheld from training: {(away + 1) // 2} of them set the rejection threshold on the largest logit "
        f"({cut:.3g}), the other {away // 2} evaluate it. Samples below it are predicted as “none of these”."
    )
    titles = {
        "unseen_auroc": "AUROC, known vs unseen",
        "unseen_refused": "unseen refused",
        "known_kept": "known kept",
    }
    rows = tuple(
        (title, f"{m.value:.4f}", m.interval, m.n) for name, title in titles.items() for m in (measures[name],)
    )
    table = Table(
        ("measure", "value", "95 % interval", "n"), rows, "The interval of the AUROC is over classes and samples."
    )
    return Section("Unknown classes", (Text(text), table), "unseen")
