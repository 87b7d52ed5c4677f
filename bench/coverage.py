"""How often the 95 % intervals that a run prints hold the truth, and how often paired tests reject what is true.

    OMP_NUM_THREADS=1 python bench/coverage.py [--repeats 2000] [--only NAME] [--paired]

Each kind of data is drawn anew ``repeats`` times with 3, 5, 10, 15, 30 and 100 independent units (samples, or groups of
eight with something in common, or of uneven sizes) and measured by the very functions that a run calls. The truth is the
same function's value of a sample so large that its own noise does not matter. A row: of those repeats in which an
interval was printed, the share that held the truth; in brackets the share in which none was ("too few").
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from neocog.metrics.circular import orientation_measures
from neocog.metrics.classification import classification_measures, per_class
from neocog.metrics.generation import entropy_measure
from neocog.metrics.intervals import Units
from neocog.metrics.likelihood import mean_measures
from neocog.metrics.paired import paired
from neocog.metrics.regression import coverage, regression_measures
from neocog.metrics.segmentation import mean_measure, segmentation_measures
from neocog.records import Measure

UNITS = (3, 5, 10, 15, 30, 100)
LARGE = 60_000  # samples of the truth, in as many groups as that makes
Random = np.random.Generator
Groups = np.ndarray | None
Found = dict[str, Measure]


def gathered(rng: Random, units: int, how: str) -> tuple[np.ndarray, Groups]:
    """The unit of each sample, and the groups as a measure takes them."""
    if how == "samples":
        return np.arange(units), None
    sizes = np.full(units, 8) if how == "groups" else np.minimum(2 + rng.geometric(0.15, units), 30)
    member = np.repeat(np.arange(units), sizes)
    return member, member.astype(str)


def classifier(shares: tuple[float, ...], signal: float, common: float, loud: float = 1.0) -> Callable[..., Found]:
    """Gaussian logits; whole units are easy or hard. ``loud``: an overconfident network says too much."""

    def measured(rng: Random, member: np.ndarray, groups: Groups) -> Found:
        n, k = len(member), len(shares)
        labels = rng.choice(k, n, p=shares)
        logits = rng.normal(size=(n, k))
        logits[np.arange(n), labels] += signal
        if groups is not None:
            logits[np.arange(n), labels] += common * rng.normal(size=member.max() + 1)[member]
        logits *= loud * signal
        found = classification_measures(logits, labels, groups, temperature=loud)
        for name, row in per_class(logits, labels, [str(i) for i in range(k)], groups).items():
            found |= {f"{key} of a class of {shares[int(name)]:g}": m for key, m in row.items()}
        return found

    return measured


def errors(rng: Random, member: np.ndarray, groups: Groups) -> Found:
    """Student's t with 4 degrees of freedom; with groups as much again in common."""
    n = len(member)
    truth, error = rng.normal(0, 3, n), rng.standard_t(4, n)
    if groups is not None:
        error = (
            error * np.exp(0.4 * rng.normal(size=member.max() + 1))[member] + rng.normal(size=member.max() + 1)[member]
        )
        truth = truth + rng.normal(0, 2, member.max() + 1)[member]
    found = regression_measures(error, truth, groups)
    return found | {"coverage_90": coverage(error, np.ones(n), 2.0 if groups is None else 2.6, groups)}


def angles(rng: Random, member: np.ndarray, groups: Groups) -> Found:
    """Errors of some degrees, and one in thirty stands on its head."""
    n = len(member)
    error = rng.normal(0, 15, n) + 180 * (rng.random(n) < 1 / 30)
    if groups is not None:
        error = rng.normal(0, 15, n) * np.exp(0.5 * rng.normal(size=member.max() + 1))[member] + 180 * (
            rng.random(n) < 1 / 30
        )
    return orientation_measures((error + 180) % 360 - 180, groups)


def masks(fails: float, a: float, b: float) -> Callable[..., Found]:
    """Dice like Beta(a, b), skewed; in a share of the images nothing is found. With groups, patients are better or worse."""

    def measured(rng: Random, member: np.ndarray, groups: Groups) -> Found:
        n, units = len(member), int(member.max()) + 1
        level = np.full(n, a / (a + b)) if groups is None else rng.beta(a, b, units)[member]
        sure = (a + b) if groups is None else 3 * (a + b)
        value = rng.beta(np.maximum(sure * level, 0.05), np.maximum(sure * (1 - level), 0.05))
        value = np.where(rng.random(n) < fails, 0.0, value)
        size = np.exp(rng.normal(6, 0.7, n)) * (1 if groups is None else np.exp(rng.normal(0, 0.3, units))[member])
        hit = np.rint(value * size)
        missed, false = np.rint(size) - hit, np.rint(size) - hit
        rest = 40_000 - hit - missed - false
        confusions = np.stack([np.stack([rest, false], 1), np.stack([missed, hit], 1)], 1)
        found = segmentation_measures(confusions, ("background", "tumour"), groups, False)
        distance = np.exp(rng.normal(1.5, 0.8, n)) * (
            1 if groups is None else np.exp(rng.normal(0, 0.4, units))[member]
        )
        return found | {
            "image_dice": mean_measure(value, groups),
            "hd95": mean_measure(np.where(value > 0, distance, np.nan), groups, scale="positive"),
        }

    return measured


def densities(rng: Random, member: np.ndarray, groups: Groups) -> Found:
    """Nats of images: skewed, and in units that have something in common."""
    value = -80 - 10 * rng.gamma(3, 1, len(member))
    if groups is not None:
        value = value + 8 * rng.normal(size=member.max() + 1)[member]
    return mean_measures({"elbo": value}, groups)


def entropies(rng: Random, member: np.ndarray, groups: Groups) -> Found:
    """Classes drawn unevenly."""
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03, 0.01, 0.01])
    return {"class_entropy": entropy_measure(rng.multinomial(len(member), shares))} if groups is None else {}


KINDS: dict[str, Callable[..., Found]] = {
    "classes, accuracy 0.9": classifier((0.5, 0.5), 1.8, 0.8, 1.3),
    "classes 7 : 2 : 1": classifier((0.7, 0.2, 0.1), 2.0, 0.8, 1.0),
    "classes, accuracy 0.99": classifier((0.5, 0.5), 3.3, 0.8, 1.0),
    "values": errors,
    "angles": angles,
    "masks": masks(0.0, 8, 1.5),
    "masks, one in 50 not found": masks(0.02, 12, 2),
    "masks, one in 20 not found": masks(0.05, 12, 2),
    "densities": densities,
    "generated classes": entropies,
}


def cells(name: str, how: str, repeats: int, seed: int = 0) -> dict[str, dict[int, tuple[float, float]]]:
    """Measure → units → (coverage where an interval was printed, share in which none was)."""
    kind, rng = KINDS[name], np.random.default_rng((seed, len(name), len(how)))
    truths: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(6):
        for measure, m in kind(rng, *gathered(rng, LARGE if how == "samples" else LARGE // 8, how)).items():
            truths[measure].append(m.value)
    table: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    for units in UNITS:
        held: defaultdict[str, list[bool]] = defaultdict(list)
        asked: defaultdict[str, int] = defaultdict(int)
        for _ in range(repeats):
            for measure, m in kind(rng, *gathered(rng, units, how)).items():
                asked[measure] += not np.isnan(m.value)
                if np.isfinite(m.low):
                    held[measure].append(bool(m.low <= np.mean(truths[measure]) <= m.high))
        for measure, count in asked.items():
            share = float(np.mean(held[measure])) if held[measure] else np.nan
            table[measure][units] = share, 1 - len(held[measure]) / count if count else np.nan
    return table


def lines(table: dict[str, dict[int, tuple[float, float]]]) -> Iterator[str]:
    for measure, row in table.items():
        shown = (f"{held:5.3f} ({none:3.0%})" if none < 0.95 else "   too few  " for held, none in row.values())
        yield f"  {measure:28s} " + "  ".join(shown)


def rejected(units: int, grouped: bool, repeats: int) -> tuple[float, float]:
    """Two networks that are equally good, each in its own way: how often accuracy and mean loss are told apart."""
    rng, found = np.random.default_rng((1, units)), []
    for _ in range(repeats):
        member, groups = gathered(rng, units, "groups" if grouped else "samples")
        level = rng.normal(2, 0.7, units)[member] if grouped else np.full(units, 2.0)
        runs = []
        for _ in range(2):
            own = rng.normal(0, 0.7, units)[member] if grouped else 0.0
            margin = level + own + 1.5 * rng.normal(size=len(member))
            runs.append(np.stack([np.ones(len(member)), margin > 0, np.log1p(np.exp(-margin))], axis=1))
        blocks = Units.of(groups, len(member))
        pair = paired(blocks.sums(runs[0]), blocks.sums(runs[1]), lambda s: s[..., 1:] / s[..., :1], blocks)
        found.append([one.p < 0.05 for one in pair])
    return tuple(np.mean(found, axis=0).tolist())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--only", default="")
    parser.add_argument("--how", default="")
    parser.add_argument("--paired", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in () if asked.paired else KINDS:
        for how in ("samples", "groups", "uneven groups"):
            if asked.only in name and asked.how in how:
                begun = time.perf_counter()
                table = cells(name, how, asked.repeats)
                head = "  ".join(f"{units:>6d}      " for units in UNITS)
                print(f"{name}, {how} ({time.perf_counter() - begun:.0f} s)\n  {'':28s} {head}")
                print("\n".join(lines(table)), flush=True)
    if not asked.only and not asked.how:
        print("true null hypotheses rejected at 0.05 (accuracy, log loss)")
        for grouped in (False, True):
            for units in UNITS:
                accuracy, loss = rejected(units, grouped, asked.repeats)
                print(f"  {units:3d} {'groups' if grouped else 'samples'}: {accuracy:.3f} {loss:.3f}")


if __name__ == "__main__":
    main()
