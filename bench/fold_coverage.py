"""How often the intervals of ``--folds K --repeats N`` hold the accuracy that such trainings have: at n samples, not at N · n.

    OMP_NUM_THREADS=1 python bench/fold_coverage.py [--draws 2000]

Two Gaussian classes in eight dimensions, n samples of them, and the simplest network there is: the nearer mean, learned of the
other folds. The truth is the mean of its accuracy on new samples over many training sets of that size. A row: the share of
draws whose interval held it, the mean width, and the same of the predictions taken for independent samples.

Then of the AUROC, which is a mean over the folds: the share of draws whose interval held the truth, on the logit and as ± a
half, and how many of the latter leave 0 … 1. "No interval": all folds were alike.
"""

from __future__ import annotations

import argparse

import numpy as np

from neocog.metrics import auroc, classification_measures
from neocog.verbs.fold_summary import over_folds
from neocog.verbs.out_of_fold import OutOfFold

DIMENSIONS = 8
NEW = 4000  # samples that judge a training set, for the truth
Random = np.random.Generator
Sample = tuple[np.ndarray, np.ndarray]


def drawn(rng: Random, n: int, apart: float) -> Sample:
    """(n, 8) and (n,): as many of each class."""
    labels = np.arange(n) % 2
    return rng.normal(size=(n, DIMENSIONS)) + apart * (2 * labels[:, None] - 1) / DIMENSIONS**0.5, labels


def logits(train: Sample, pixels: np.ndarray) -> np.ndarray:
    """(m, 2) minus half the squared distance to the mean of each class."""
    means = np.stack([train[0][train[1] == k].mean(axis=0) for k in (0, 1)])
    found: np.ndarray = -((pixels[:, None] - means) ** 2).sum(axis=2) / 2
    return found


def dealt(rng: Random, labels: np.ndarray, folds: int) -> np.ndarray:
    """(n,) the fold of each sample, as many of each class in all."""
    fold = np.empty(len(labels), np.int64)
    for k in (0, 1):
        where = np.flatnonzero(labels == k)
        fold[rng.permutation(where)] = np.arange(len(where)) % folds
    return fold


def predicted(rng: Random, sample: Sample, folds: int, repeats: int) -> OutOfFold:
    """Every sample ``repeats`` times, by a network that learned of the other folds."""
    pixels, labels = sample
    n, said = len(labels), []
    for _ in range(repeats):
        fold, scores = dealt(rng, labels, folds), np.empty((n, 2))
        for each in range(folds):
            train, held = fold != each, fold == each
            scores[held] = logits((pixels[train], labels[train]), pixels[held])
        said.append(scores)
    rows = n * repeats
    names = np.tile(np.arange(n).astype(str), repeats)
    return OutOfFold(
        np.concatenate(said),
        np.tile(labels, repeats),
        np.ones((rows, 1)),
        np.zeros((rows, 2)),
        names,
        np.full(rows, ""),
    )


def truth(rng: Random, n: int, apart: float, sets: int = 400) -> float:
    """Mean accuracy of networks that learned of n samples."""
    pixels, labels = drawn(rng, NEW, apart)
    return float(np.mean([(logits(drawn(rng, n, apart), pixels).argmax(1) == labels).mean() for _ in range(sets)]))


def held(n: int, folds: int, repeats: int, apart: float, draws: int, seed: int = 0) -> tuple[float, float, float]:
    """(share of intervals that held, their mean width, share of those that take all predictions for independent)."""
    rng = np.random.default_rng(seed)
    target = truth(rng, n - n // folds, apart)
    found = []
    for _ in range(draws):
        said = predicted(rng, drawn(rng, n, apart), folds, repeats)
        m, naive = said.measures(0)["accuracy"], classification_measures(said.logits, said.labels)["accuracy"]
        found.append((m.low <= target <= m.high, m.high - m.low, naive.low <= target <= naive.high))
    ours, width, independent = np.mean(found, axis=0).tolist()
    return ours, width, independent


def ranked(train: Sample, held: Sample) -> float:
    """The AUROC of one network."""
    scores = logits(train, held[0])
    return auroc(scores[:, 1] - scores[:, 0], held[1] == 1)


def means_held(n: int, folds: int, apart: float, draws: int, seed: int = 0) -> tuple[float, float, float, float]:
    """Of the mean AUROC over folds: (share of intervals that held, … that would as ± a half, share of those that leave
    0 … 1, share of draws without an interval)."""
    rng = np.random.default_rng(seed)
    new = drawn(rng, NEW, apart)
    target, found = float(np.mean([ranked(drawn(rng, n - n // folds, apart), new) for _ in range(400)])), []
    for _ in range(draws):
        pixels, labels = drawn(rng, n, apart)
        fold = dealt(rng, labels, folds)
        sides = [[(pixels[side], labels[side]) for side in (fold != k, fold == k)] for k in range(folds)]
        each = [{"value": ranked(train, test), "n": len(test[1])} for train, test in sides]
        ours, plain = (over_folds(name, each, 1 / (folds - 1), 1) for name in ("auroc", "of no scale"))
        if ours["low"] is not None:
            leaves = plain["low"] < 0 or plain["high"] > 1
            found.append((*(m["low"] <= target <= m["high"] for m in (ours, plain)), leaves))
    logit, half, outside = np.mean(found, axis=0).tolist()
    return logit, half, outside, 1 - len(found) / draws


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    draws = parser.parse_args().draws
    print("    n  K  N  apart   held  width  held, if all were independent")
    for n, repeats, apart in ((30, 3, 1.0), (60, 1, 0.7), (60, 3, 0.7), (60, 10, 0.7), (60, 3, 1.6), (200, 3, 1.0)):
        ours, width, independent = held(n, 5, repeats, apart, draws)
        print(f"{n:5} {5:2} {repeats:2}  {apart:5}  {ours:.3f}  {width:.3f}  {independent:.3f}", flush=True)
    print("AUROC n  K  apart  held, logit  held, ± half  leave 0 … 1  no interval")
    for n, folds, apart in ((30, 5, 1.0), (60, 3, 0.7), (60, 5, 0.7), (60, 5, 1.6), (200, 5, 1.0), (200, 10, 1.6)):
        logit, half, outside, without = means_held(n, folds, apart, draws)
        print(f"{n:7} {folds:2}  {apart:5}  {logit:11.3f}  {half:12.3f}  {outside:11.3f}  {without:11.3f}", flush=True)
