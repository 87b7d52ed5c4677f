"""What a run says of each test sample where that is no class: an error, a Dice, a bound; of several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics import Comparison, Units, paired
from neocog.pages.predictions import tested
from neocog.pages.record import periods
from neocog.run import Run

Array = NDArray[Any]
COLUMNS = ("dice", "hd95", "f1", "elbo")  # of predictions.csv, each a score of its sample as it stands
ERROR = "absolute error"


@dataclass(frozen=True)
class Scores:
    """The test part in the order of its contents' hashes; ``labels`` (N,) is what was known of each sample, as text."""

    digests: tuple[str, ...]
    labels: Array
    groups: Array  # "" for a sample without one
    columns: Mapping[str, Array]  # name → (N,), NaN where a sample has none

    def paired(self, other: Scores, units: Units) -> dict[str, Comparison]:
        """The mean over samples of each column that both have, where it is defined for both."""
        found = {}
        for name in (name for name in self.columns if name in other.columns):
            mine, theirs = self.columns[name], other.columns[name]
            defined = ~(np.isnan(mine) | np.isnan(theirs))
            if defined.any():
                sums = [
                    units.sums(np.stack([np.where(defined, values, 0.0), defined], axis=1)) for values in (mine, theirs)
                ]
                (found[name],) = paired(sums[0], sums[1], lambda totals: totals[..., :1] / totals[..., 1:], units)
        return found


def scores(run: Run) -> Scores:
    """Of values |prediction − truth| of each target (of angles the shorter way), of masks Dice and HD95, of objects F1
    and the error of their count, of a VAE its bound. Empty where nothing is said of single samples, as by a GAN."""
    test = tested(run, ("path",))
    heads = list(test.lines[0]) if test.lines else []
    target_names = [head.removeprefix("true ") for head in heads if head.startswith("true ")]
    columns = {name: _numbers(test.lines, name) for name in COLUMNS if name in heads}
    for name, period in zip(target_names, periods(run) if target_names else (), strict=True):
        error = np.abs(_numbers(test.lines, name) - _numbers(test.lines, f"true {name}"))
        key = ERROR if len(target_names) == 1 else f"{ERROR}: {name}"
        columns[key] = np.minimum(error % period, period - error % period) if period else error
    if "angle" in heads and "error" in heads:
        columns[ERROR] = np.abs(_numbers(test.lines, "error"))
    if "objects" in heads and "found" in heads:
        columns["count_error"] = np.abs(_numbers(test.lines, "found") - _numbers(test.lines, "objects"))
    known = [f"true {name}" for name in target_names] or [
        name for name in ("angle", "objects", "label") if name in heads
    ]
    labels = np.array([" ".join(line[name] for name in known) for line in test.lines], dtype=str)
    return Scores(test.digests, labels, test.groups, columns)


def _numbers(lines: Sequence[Mapping[str, str]], name: str) -> Array:
    return np.array([float(line[name] or "nan") for line in lines], np.float64)
