"""Pictures of where to look first: the details in which the network errs most."""

from __future__ import annotations

import numpy as np

from neocog.data.dataset import Dataset
from neocog.predictor import Predictor
from neocog.records import Section
from neocog.tasks.restoration.answers import NETWORK, Answers
from neocog.tasks.restoration.baselines import baselines
from neocog.tasks.restoration.report import Case, cases_section, row_of, worst_place
from neocog.tasks.restoration.whole import restored

SHOWN = 4  # pictures of a kind
WHITE = 0.15  # share of the range that is white where a difference is shown


def cases(dataset: Dataset, predictor: Predictor, answers: Answers) -> Section:
    """The images in which least and most is gained over the first baseline, each where the network errs most."""
    plan, scale = predictor.preprocessing, dataset.scale
    first, before = next(iter(baselines(scale, predictor.facts.get("baselines", {})).items()))
    own, other = (answers.column(name, "psnr") for name in (NETWORK, first))
    order, reach = np.argsort(own - other, kind="stable"), WHITE * (plan.high - plan.low)
    half = min(SHOWN, -(-len(order) // 2))
    groups = {"Smallest gain.": order[:half], "Largest gain.": order[half:][::-1][:SHOWN]}
    called = "unchanged input" if scale == 1 else f"{first} enlargement"

    def case(place: int) -> Case:
        index = int(answers.samples[place])
        assert dataset.pairs is not None
        image, truth, name = dataset.images.read(index), dataset.pairs.read(index), str(dataset.names[index])
        found = restored(predictor, image, name)
        top, left, height, width = worst_place(truth, found, scale)
        large = np.s_[top : top + height, left : left + width]
        small = np.s_[top // scale : (top + height) // scale, left // scale : (left + width) // scale]
        parts = image[small], before(image)[large], found[large], truth[large]
        text = f"PSNR {own[place]:.2f} dB, {called} {other[place]:.2f} dB"
        return Case(name, text, row_of(parts, plan.low, plan.high, reach))

    shown = {what: [case(place) for place in places.tolist()] for what, places in groups.items()}
    return cases_section(shown, called, reach)
