"""The report's section on sets of classes: how often they hold the truth on the test part, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.conformal import fewest, sets
from neocog.metrics.intervals import Groups, share_measure
from neocog.predictor import Predictor
from neocog.records import Section, Table, Text

ASKED = (0.8, 0.9, 0.95, 0.99)
TEXT = (
    "Instead of one class, `predict --coverage 0.95` gives a set of classes that contains the true one for 95 of 100 new images, "
    "as long as these are like the {n:,} validation samples that set the threshold (split conformal prediction; Sadinle, Lei "
    "and Wasserman 2019). A large set means that the network cannot tell its classes apart. If its accuracy exceeds the requested "
    "coverage, sets are single predictions."
)
GROUPED = " The samples come in groups: for a new group the guarantee is weaker than for a new sample of a known group."


def sets_section(
    predictor: Predictor, probabilities: NDArray[np.float64], labels: NDArray[np.int64], groups: Groups
) -> Iterator[Section]:
    """``probabilities`` (n, K) and ``labels`` (n,) of the test part; no section where the run kept no conformal scores."""
    if "conformal" not in predictor.facts or not len(labels):
        return
    n = int(predictor.facts["conformal"]["n"])
    rows: list[tuple[Any, ...]] = []
    for coverage in ASKED:
        if fewest(coverage) > n:
            rows.append((f"{coverage:.0%}", f"{fewest(coverage)} validation samples needed", None, None, None))
            continue
        found = sets(probabilities, predictor.covering(coverage).thresholds[0])
        held, sizes = share_measure(found[np.arange(len(labels)), labels], groups), found.sum(axis=1)
        cells = f"{held.value:.4f}", held.interval, f"{sizes.mean():.2f}", f"{(sizes == 1).mean():.0%}"
        rows.append((f"{coverage:.0%}", *cells))
    heads = ("requested", "coverage", "95 % interval", "mean set size", "sets of one class")
    text = TEXT.format(n=n) + (GROUPED if groups is not None else "")
    yield Section("Prediction sets", (Text(text), Table(heads, tuple(rows), "On the test part.")), "sets")
