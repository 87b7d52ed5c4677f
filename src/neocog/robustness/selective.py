"""Which answers to keep: cuts of the probability that are found on the validation part and judged on the test part."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from neocog.metrics.intervals import share_measure
from neocog.metrics.selective import area, cut_for, risk_at_coverage
from neocog.robustness.subject import Subject

ASKED = (0.1, 0.05, 0.02, 0.01, 0.005)  # errors
COVERAGES = np.arange(1, 21) / 20


def selective(subject: Subject) -> dict[str, Any]:
    """{"n", "validation", "error": of all answers, "area": under the risk, "curve": [[coverage, risk]], "cuts": one each of
    ``ASKED`` that is below the error of all answers}."""
    parts = {name: _answers(subject, name) for name in ("validation", "test")}
    (chosen, by), (confidence, right) = parts["validation"], parts["test"]
    groups = subject.dataset.groups
    groups = None if groups is None else groups[subject.parts["test"]]
    coverage, risk = risk_at_coverage(confidence, right)
    places = np.minimum(np.searchsorted(coverage, COVERAGES - 1e-12), len(coverage) - 1)
    error = share_measure(~right, groups, subject.seed)
    cuts = []
    for asked in (each for each in ASKED if each < error.high):
        cut = cut_for(chosen, by, asked)
        kept = confidence >= cut
        row: dict[str, Any] = {"asked": asked, "cut": cut, "coverage": float(kept.mean())}
        if kept.any():
            row["error"] = asdict(share_measure(~right[kept], None if groups is None else groups[kept], subject.seed))
        cuts.append(row)
    return {
        "n": len(right), "validation": len(by), "grouped": groups is not None, "error": asdict(error),
        "area": area(confidence, right), "curve": np.stack([coverage[places], risk[places]], 1).tolist(), "cuts": cuts,
    }  # fmt: skip


def _answers(subject: Subject, part: str) -> tuple[Any, Any]:
    """(n,) the calibrated probability of each answer of a part, and whether it is right."""
    positions = subject.parts[part]
    logits = [np.empty((0, len(subject.predictor.classes)), np.float32)]
    for _, pixels in subject.samples.batches(subject.preprocessing, positions):
        logits.append(subject.predictor.of_pixels(pixels))
    found = np.concatenate(logits)
    answers = found.argmax(axis=1)
    probabilities = subject.predictor.probabilities(found)
    return probabilities[np.arange(len(found)), answers], answers == subject.dataset.labels[positions]
