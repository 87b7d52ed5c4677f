"""How like the data generated images are: distances, manifold, classes drawn, copies of the training images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neocog.data.dataset import Array
from neocog.metrics import generation as measure
from neocog.metrics import proportion_measure
from neocog.records import Measure, Section
from neocog.tasks.gan.features import SMALL, Extractor, coarse
from neocog.tasks.gan.report import classes_section

NEIGHBOURS = 5_000  # of each set, for precision and recall
SHOWN = 12  # samples of which the nearest training images are shown
SURE = 0.9  # probability above which a class counts as recognised


@dataclass(frozen=True)
class SampleQuality:
    """What generated images are worth beside real ones; ``counts`` (2, K): of each class, generated and real."""

    measures: dict[str, Measure]
    counts: Array
    classes: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Classes that are hardly drawn, in words."""
        if not self.classes:
            return []
        fake, real = (math.exp(measure.class_entropy(counts)) for counts in self.counts)
        if fake >= real / 2:
            return []
        return [
            f"mode collapse: about {fake:.1f} classes are generated, of {real:.1f} in the data (exp of the entropy)"
        ]

    def sections(self) -> list[Section]:
        return [classes_section(self.classes, self.counts)] if self.classes else []


def compared(extractor: Extractor, fake: Array, real: Array, seed: int, asked: Array | None = None) -> SampleQuality:
    """Generated images (m, C, H, W) against one half of the real ones, and as a floor the other half against it.

    ``asked`` (m,): the classes that the generated ones should be of.
    """
    order = np.random.default_rng(seed).permutation(len(real))[: 2 * len(fake)]
    count = min(len(order) // 2, len(fake))
    features, chances = extractor(fake)
    real_features, real_chances = extractor(real[order])
    one, two, drawn_ones = real_features[:count], real_features[count : 2 * count], features[:count]
    precision, recall = measure.precision_recall(one[:NEIGHBOURS], drawn_ones[:NEIGHBOURS])
    found = {
        "fid": measure.frechet_measure(one, drawn_ones, seed),
        "fid_floor": measure.frechet_measure(one, two, seed),
        "kid": measure.kernel_measure(one, drawn_ones),
        "kid_floor": measure.kernel_measure(one, two),
        "manifold_precision": precision,
        "manifold_recall": recall,
    }
    kinds = chances.shape[1]
    counts = np.stack(
        [np.bincount(c.argmax(1), minlength=kinds) if kinds else np.zeros(0) for c in (chances, real_chances)]
    )
    if kinds:
        for name, each in (("recognised", chances), ("recognised_real", real_chances)):
            sure = int((each.max(1) >= SURE).sum())
            found[name] = proportion_measure(sure, len(each))
        if asked is not None:
            right = int((chances.argmax(1) == asked).sum())
            found["as_asked"] = proportion_measure(right, len(asked))
        found["class_entropy"] = measure.entropy_measure(counts[0])
        found["class_entropy_real"] = measure.entropy_measure(counts[1])
    return SampleQuality(found, counts, extractor.classes)


def neighbours(
    extractor: Extractor, fake: Array, train: Array, test: Array
) -> tuple[tuple[Measure, Measure], list[Array]]:
    """How many samples are copies, by pixels and by features; the first samples, and their nearest training images."""

    def by_pixels(images: Array) -> Array:
        return coarse(images, SMALL)

    def by_features(images: Array) -> Array:
        return extractor(images)[0]

    shares, rows = [], [fake[:SHOWN]]
    for seen in (by_pixels, by_features):
        ours, theirs = seen(fake), seen(train)
        shares.append(measure.memorised(ours, theirs, seen(test[: len(fake)])))
        rows.append(train[measure.nearest(ours[:SHOWN], theirs)[0]])
    return (shares[0], shares[1]), rows
