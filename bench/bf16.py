"""How far answers in bf16 are from those in fp32: of a classifier, on its own test part.

    python bench/bf16.py runs/classification/cifar10-resnet

Processor milliseconds a sample with reading it, on one thread; by how much a probability is off, the most and in 99 of 100
samples; how many labels change; accuracy and log loss of both.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from neocog.engine.precision import to_answer
from neocog.engine.repeatable import as_trained
from neocog.predictor import load_predictor
from neocog.progress import Progress
from neocog.run import Run
from neocog.verbs.evaluate import Opened, opened, read_as


def answered(tried: Opened, precision: Any) -> tuple[np.ndarray, str]:
    """(n, K) calibrated probabilities, and what they took and are worth."""
    predictor, device = tried.predictor, tried.predictor.device
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with to_answer(device, precision).evaluating(device):
        answers = tried.task.answers(predictor, tried.samples, lambda _: None)
    took = 1000 * (resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun) / len(tried.samples)
    found = tried.task.evaluation(predictor, answers, tried.samples).measures
    worth = ", ".join(f"{name} {found[name].value:.4f}" for name in ("accuracy", "log_loss"))
    return predictor.probabilities(answers.logits), f"{took:.2f} ms of processor, {worth}"


def main() -> None:
    run = Run(Path(sys.argv[1]))
    config = read_as(run, None, {})
    with as_trained(config.training, 1):
        tried = opened(run, None, config, load_predictor(run), Progress(quiet=True), "")
        answered(tried, "fp32")  # the first time does not count
        exact, of_exact = answered(tried, "fp32")
        quick, of_quick = answered(tried, "bf16")
    print(f"fp32: {of_exact}\nbf16: {of_quick}")
    off = np.abs(quick - exact).max(axis=1)
    changed = int((quick.argmax(axis=1) != exact.argmax(axis=1)).sum())
    print(f"off by {off.max():.4f} at most, in 99 of 100 samples by {np.quantile(off, 0.99):.4f}", end="")
    print(f"; {changed:,} of {len(off):,} labels change")


if __name__ == "__main__":
    main()
