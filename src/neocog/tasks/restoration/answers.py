"""What a run makes of images whose wanted image is known, and what that is worth beside what needs no network.

Letters: n images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.cells import csv_of
from neocog.data.dataset import Array, Dataset
from neocog.data.degrade import own_generator
from neocog.data.hidden import hidden
from neocog.data.preprocessing import Preprocessing
from neocog.metrics.intervals import mean_measures
from neocog.metrics.pixel_errors import LEVELS, STEPS, covered, error_counts
from neocog.metrics.restoration import (
    gain,
    luma,
    nrmse,
    psnr,
    range_invariant_psnr,
    residual_correlations,
    restored_measures,
    ssim,
)
from neocog.predictor import Predictor
from neocog.tasks.evaluation import Evaluation, Samples
from neocog.tasks.restoration.baselines import baselines
from neocog.tasks.restoration.whole import restored

MEASURES = ("psnr", "ssim", "psnr_all", "psnr_invariant", "nrmse")
RESIDUAL = ("right", "below", "image")  # what was taken away, with itself one pixel on, and with the restored image
OF_HIDDEN = {"psnr": "hidden_psnr", "nrmse": "hidden_nrmse"}  # what is measured where nothing is known without noise
NETWORK = "network"


@dataclass(frozen=True)
class Answers:
    """Of the images ``samples`` (n,): each measure (n, measures) of the network and of each baseline, by name; ``errors`` (n, L, E)
    of pixels, as ``error_counts`` has them, none where nothing is known without noise; ``residual`` (n, 3) correlations of what was
    taken away, NaN where clean images are known."""

    samples: NDArray[np.int64]
    of: dict[str, NDArray[np.float64]]
    errors: NDArray[np.int64]
    residual: NDArray[np.float64]

    def column(self, name: str, measure: str) -> NDArray[np.float64]:
        """(n,)"""
        return self.of[name][:, MEASURES.index(measure)]


def answers_of(predictor: Predictor, samples: Samples, advance: Callable[[int], None]) -> Answers:
    """Every image whole: what ``predict`` writes of it, and what each baseline makes of it, against the wanted one.

    Of noisy images alone all get the image with hidden values, and are held against these.
    """
    dataset, plan = samples.dataset, predictor.preprocessing
    assert dataset.pairs is not None
    others = baselines(predictor.facts["scale"], predictor.facts.get("baselines", {}))
    rows: dict[str, list[list[float]]] = {name: [] for name in (NETWORK, *others)}
    errors = np.zeros((len(samples), LEVELS, STEPS), np.int64)
    residual = np.full((len(samples), len(RESIDUAL)), np.nan)
    for row, index in enumerate(samples.positions.tolist()):
        image, wanted = dataset.images.read(index), dataset.pairs.read(index)
        which, noisy, facts = None, image, predictor.facts
        if dataset.truth == "itself":
            how = facts.get("noise_along", "none"), facts.get("replace_by", "near")
            image, which = hidden(image, own_generator(image), *how)
        name, header = str(dataset.names[index]), dataset.images.header(index)
        found = {NETWORK: restored(predictor, image, name, header)}
        found |= {other: apply(image) for other, apply in others.items()}
        for other, each in found.items():
            if which is None:
                rows[other].append(measured(wanted, each, plan, predictor.facts["scale"]))
            else:
                rows[other].append(measured_hidden(wanted[which], each[which], plan))
        if which is None:
            errors[row] = error_counts(wanted, found[NETWORK], plan.low, plan.high)
        if dataset.truth != "clean" and predictor.facts["scale"] == 1:
            whole = found[NETWORK] if which is None else restored(predictor, noisy, name, header)
            residual[row] = residual_correlations(noisy, whole)
        advance(1)
    table = {name: np.array(values, np.float64).reshape(-1, len(MEASURES)) for name, values in rows.items()}
    return Answers(samples.positions, table, errors, residual)


def measured(wanted: Array, found: Array, plan: Preprocessing, scale: int) -> list[float]:
    """``MEASURES`` of one image (H, W, C). Of pictures in colour PSNR and SSIM are of their brightness, as published, without
    ``scale`` pixels at the border where they were enlarged; else of all channels."""
    peak, border = plan.high - plan.low, scale if scale > 1 else 0
    colour = wanted.dtype == np.uint8 and wanted.shape[2] == 3
    truth, other = (luma(each) if colour else each for each in (wanted, found))
    inner = slice(border, -border or None)
    cut = truth[inner, inner], other[inner, inner]
    alike = range_invariant_psnr(wanted, found)
    return [psnr(*cut, peak), ssim(*cut, peak), psnr(wanted, found, peak), alike, nrmse(wanted, found)]


def measured_hidden(wanted: Array, found: Array, plan: Preprocessing) -> list[float]:
    """``MEASURES`` of hidden values (n,) against what they were with their noise: no SSIM, and no brightness."""
    each = psnr(wanted, found, plan.high - plan.low)
    return [each, float("nan"), each, float("nan"), nrmse(wanted, found)]


def evaluation_of(predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
    """The network's means first; beside them each baseline's, and how much better the network is on the same images."""
    groups, seed = samples.groups, samples.seed
    called = OF_HIDDEN if samples.dataset.truth == "itself" else {name: name for name in MEASURES}
    means = {
        name: restored_measures({called[m]: table[:, k] for k, m in enumerate(MEASURES) if m in called}, groups, seed)
        for name, table in answers.of.items()
    }
    own = means.pop(NETWORK)
    first = next(iter(means))
    apart = answers.column(NETWORK, "psnr") - answers.column(first, "psnr")
    own = {called["psnr"]: own[called["psnr"]], **restored_measures({"gain": apart}, groups, seed), **own}
    more: dict[str, Any] = {}
    for name, measures in means.items():
        compared = gain(answers.column(NETWORK, "psnr"), answers.column(name, "psnr"), groups, seed)
        more[name] = {"measures": measures, "gain": compared}
    return Evaluation(own, {"baselines": more, **_trust(predictor, answers, samples)})


def _trust(predictor: Predictor, answers: Answers, samples: Samples) -> dict[str, Any]:
    """How many pixels are off by no more than was said, and whether image is left in what was taken away, where that is known."""
    found: dict[str, Any] = {}
    if "error_quantiles" in predictor.facts and answers.errors.any():
        shares = covered(answers.errors, predictor.facts["error_quantiles"])
        found["error_coverage"] = mean_measures(shares[:, None], ("share",), samples.groups, samples.seed)[0]
    if not np.isnan(answers.residual).all():
        each = mean_measures(answers.residual, ["correlation"] * len(RESIDUAL), samples.groups, samples.seed)
        found["residual"] = dict(zip(RESIDUAL, each, strict=True))
    return found


def predictions_csv(dataset: Dataset, answers: Answers) -> str:
    """One row a test image: the measures of the network, then of each baseline."""
    heads = [m if name == NETWORK else f"{m}: {name}" for name in answers.of for m in MEASURES]
    rows = (
        (
            str(dataset.names[index]),
            *("" if np.isnan(v) else float(v) for table in answers.of.values() for v in table[row]),
        )
        for row, index in enumerate(answers.samples.tolist())
    )
    return csv_of(("path", *heads), rows)
