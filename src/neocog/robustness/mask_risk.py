"""Masks that miss little of an object: cuts of its probability, found on the validation part and judged on the test part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.metrics.intervals import mean_measures
from neocog.metrics.risk_control import CUTS, cut_for, fewest, missed
from neocog.metrics.stored import stored_measure
from neocog.predictor import probabilities
from neocog.records import Section, Table, Text
from neocog.robustness.clock import Clock
from neocog.robustness.outcome import Outcome, Verdict
from neocog.robustness.subject import Subject

ALLOWED = (0.2, 0.1, 0.05, 0.02, 0.01)  # of an object's pixels
MOST_AREA = 2.0  # times that at a cut of 0.5: above, nothing passes
HALF = int(CUTS.searchsorted(0.5))
HEADS = ("allowed", "cut", "missed", "low", "high", "n", "area")
TEXT = (
    "A pixel belongs to the object if its probability reaches a threshold. Each threshold below was set on the {n:,} validation "
    "images with an object, so that on average over new images like them at most the given share of an object's pixels is missed "
    "(conformal risk control: Angelopoulos et al. 2022), at the network's input size. Missed: on the test part. Area: of the "
    "masks, as a multiple of that at a threshold of 0.5.{grouped}"
)
GROUPED = " Images come in groups: for a new group the guarantee is weaker."


def mask_risk(subject: Subject, clock: Clock) -> Outcome:
    """Of masks with one class beside the background."""
    found = clock.pieces("masks", ["validation", "test"], lambda part: looked_at(subject, part))
    if len(found) < 2:
        return Outcome()
    losses = np.array(found["validation"]["missed"], np.float64).reshape(-1, len(CUTS))
    groups = subject.dataset.groups
    rows = tuple(_rows(losses, found["test"]))
    text = Text(TEXT.format(n=len(losses), grouped="" if groups is None else GROUPED))
    shown = [
        (f"{row[0]:.0%}", f"{row[1]:.3g}", f"{row[2]:.1%}", f"{row[3]:.1%} to {row[4]:.1%}", f"{row[6]:.2f}")
        if row[1] is not None
        else (f"{row[0]:.0%}", f"{fewest(row[0])} validation images needed", None, None, None)
        for row in rows
    ]
    table = Table(("missed at most", "threshold", "missed", "95 % interval", "area"), tuple(shown))
    sections = (Section("Stress: missed pixels", (text, table), "stress-masks"),)
    return Outcome({"mask_risk": Table(HEADS, rows)}, sections, (verdict(rows),))


def looked_at(subject: Subject, part: str) -> dict[str, Any]:
    """Of the images of a part that have an object: the share that is missed at each cut, the share of the image that the mask then
    covers, (n, L) both, and their groups."""
    masks, plan = subject.dataset.masks, subject.preprocessing
    assert masks is not None
    losses, areas, groups = list[Any](), list[Any](), list[str]()
    for where, pixels in subject.samples.batches(plan, subject.parts[part]):
        logits = subject.predictor.of_pixels(pixels)
        for index, one in zip(where.tolist(), logits, strict=True):
            shares = probabilities(one.reshape(2, -1).T)[:, 1]
            truth = masks.fitted(index, plan.size, plan.fit).ravel()
            lost = missed(shares, truth)
            if not np.isnan(lost[0]):
                losses.append(lost.tolist())
                areas.append((1 - np.searchsorted(np.sort(shares), CUTS) / shares.size).tolist())
                groups.append("" if subject.dataset.groups is None else str(subject.dataset.groups[index]))
    return {"missed": losses, "area": areas, "groups": groups}


def _rows(losses: NDArray[np.float64], test: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    there, area = (np.array(test[name], np.float64).reshape(-1, len(CUTS)) for name in ("missed", "area"))
    groups = test["groups"] if any(test["groups"]) else None
    for allowed in ALLOWED:
        cut = cut_for(losses, allowed) if len(losses) else float("nan")
        if np.isnan(cut) or not len(there):
            yield allowed, None, None, None, None, 0, None
            continue
        place = int(CUTS.searchsorted(cut))
        m = stored_measure(asdict(mean_measures(there[:, place, None], ("share",), groups)[0]))
        yield allowed, cut, m.value, m.low, m.high, m.n, float(area[:, place].mean() / max(1e-12, area[:, HALF].mean()))


def verdict(rows: tuple[tuple[Any, ...], ...]) -> Verdict:
    """Whether the test part misses what was promised, at the smallest share that can be promised."""
    what, promised = "Missed pixels", [row for row in rows if row[1] is not None]
    if not promised:
        return Verdict(what, "not tried", f"Too few validation images with an object: {fewest(ALLOWED[0])} are needed.")
    allowed, cut, value, low, _, _, area = promised[-1]
    best = "passed" if area <= MOST_AREA else "doubtful"  # a mask of the whole image misses nothing
    grade = best if value <= allowed else "doubtful" if low <= allowed else "failed"
    sentence = f"At the threshold for missing at most {allowed:.0%} of an object ({cut:.3g}), {value:.1%} is missed"
    return Verdict(what, grade, f"{sentence}; masks have {area:.2f} times the area.", value, allowed)  # type: ignore[arg-type]
