"""Figures of conformal prediction: does it hold what it promises, over 200 random splits?

python bench/stress_sets.py           # classes and values of MNIST's test digits, masks of its ink under noise

A network is trained once; then the 10,000 test digits (masks: 2,000) are split 200 times by lot into those that calibrate and those
that judge. Printed: the mean over splits of the share that is held (of masks: of the ink that is missed), its standard error,
empty sets, and classes in a set. ``kept`` and ``thresholds`` stand between, as in a run's model.json.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import neocog
from neocog.metrics.conformal import class_scores, fewest, kept, sets, thresholds
from neocog.metrics.risk_control import CUTS, cut_for, missed
from neocog.metrics.risk_control import fewest as fewest_images
from neocog.predictor import Predictor, load_predictor, probabilities
from neocog.run import Run
from neocog.tasks.regression.task import objective_of
from stress_labels import digits

Array = NDArray[Any]
SPLITS = 200
CALIBRATE = (50, 200, 1000, 5000)
COVERAGES = (0.8, 0.9, 0.95, 0.99)
RISKS = (0.2, 0.1, 0.05, 0.02)


def splits(n: int, calibrate: int) -> Iterator[tuple[Array, Array]]:
    """(places that calibrate, places that judge), ``SPLITS`` times."""
    draw = np.random.default_rng(0)
    for _ in range(SPLITS):
        order = draw.permutation(n)
        yield order[:calibrate], order[calibrate:]


def mean_and_error(values: list[float]) -> str:
    return f"{np.mean(values):.4f} ± {np.std(values) / len(values) ** 0.5:.4f}"


def classes(folder: Path) -> None:
    predictor, outputs, labels = learned(folder, "classification", lambda labels: labels.astype(str).tolist())
    shares = predictor.probabilities(outputs)
    print(f"classes: {len(labels):,} test digits, accuracy {(shares.argmax(1) == labels).mean():.4f}")
    for n in CALIBRATE:
        for coverage in (each for each in COVERAGES if fewest(each) <= n):
            held, sizes, empty = [], [], 0
            for known, rest in splits(len(labels), n):
                (cut,) = thresholds(kept(class_scores(shares[known], labels[known])[None]), coverage)
                found = sets(shares[rest], cut)
                held.append(float(found[np.arange(len(rest)), labels[rest]].mean()))
                sizes.append(float(found.sum(1).mean()))
                empty += int((~found.any(axis=1)).sum())
            print(
                f"  {n:5} calibrate, asked {coverage}: {mean_and_error(held)}, {np.mean(sizes):.2f} classes, {empty} empty"
            )


def values(folder: Path) -> None:
    predictor, outputs, truth = learned(folder, "regression", lambda labels: labels.astype(float))
    objective = objective_of(predictor.facts)
    found, spread = (each[:, 0].double().numpy() for each in objective.read(torch.from_numpy(outputs)))
    strange = np.abs((found - truth) / spread)
    print(f"values: the digit as a number, mean error {np.abs(found - truth).mean():.3f}")
    for n in CALIBRATE:
        for coverage in (each for each in COVERAGES if fewest(each) <= n):
            held = []
            for known, rest in splits(len(truth), n):
                (half,) = thresholds(kept(strange[known][None]), coverage)
                held.append(float((strange[rest] <= half).mean()))
            print(f"  {n:5} calibrate, asked {coverage}: {mean_and_error(held)}")


def masks() -> None:
    """Ink as a mask, seen through noise; its probability by the pixel's own brightness and its neighbours'."""
    images, _ = digits("t10k")
    clean = images[:2000] / 255.0
    noisy = clean + np.random.default_rng(1).normal(scale=0.5, size=clean.shape)
    wide = np.pad(noisy, ((0, 0), (1, 1), (1, 1)), mode="edge")
    smooth = np.mean([wide[:, i : i + 28, j : j + 28] for i in range(3) for j in range(3)], axis=0)
    logits = np.stack([np.zeros_like(smooth), 8 * (smooth - 0.4)], 1)
    shares = probabilities(logits.transpose(0, 2, 3, 1).reshape(-1, 2))[:, 1].reshape(smooth.shape)
    losses = np.stack([missed(one, ink) for one, ink in zip(shares, clean > 0.5, strict=True)])
    print("masks: 2,000 test digits under noise")
    for n in (50, 200, 1000):
        for risk in (each for each in RISKS if fewest_images(each) <= n):
            lost, cuts = [], []
            for known, rest in splits(len(losses), n):
                cut = cut_for(losses[known], risk)
                cuts.append(cut)
                lost.append(float(losses[rest, CUTS.searchsorted(cut)].mean()))
            print(f"  {n:5} calibrate, at most {risk} missed: {mean_and_error(lost)}, cut {np.nanmean(cuts):.3f}")


def learned(folder: Path, task: str, truth: Callable[[Array], Any]) -> tuple[Predictor, Array, Array]:
    """A LeNet-5 after two epochs of 10,000 digits: its outputs for the test digits, and their truth."""
    images, labels = (each[:10_000] for each in digits("train"))
    data = images, truth(labels)
    neocog.train(data, folder / task, quiet=True, threads=1, model="lenet5", epochs=2, task=task)
    predictor, (images, labels) = load_predictor(Run(folder / task)), digits("t10k")
    pixels = torch.from_numpy(images[:, None].copy())
    return predictor, np.concatenate([predictor.of_pixels(part) for part in torch.split(pixels, 256)]), labels


if __name__ == "__main__":
    torch.set_num_threads(1)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        classes(Path(temporary))
        values(Path(temporary))
    masks()
    print(f"{time.process_time() - began:.0f} CPU s, load {os.getloadavg()[0]:.1f}")
