"""The court: a planted cue is named by its own view, and accused where answers go by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import zoom

from neocog.records import Measure
from neocog.robustness.shortcuts.charge import UNSURE, Charge, Found
from neocog.robustness.shortcuts.court import Answer, Followed, donors, follow, suspects
from neocog.robustness.shortcuts.cues import CUES, WIDER, flat, in_unit
from neocog.robustness.shortcuts.detective import permuted, tell
from neocog.robustness.shortcuts.regions import CORNER, SQUARES
from neocog.robustness.shortcuts.report import sections
from neocog.robustness.shortcuts.swaps import SWAPS, compression
from neocog.robustness.shortcuts.verdicts import verdicts

Floats = NDArray[np.float64]
COUNT, SIDE = 80, 64
LEAKS: Any = SimpleNamespace(tried=(), pairs={}, measure={}, auroc=None)  # of which other lines are


def test_what_no_cue_tells_is_said_of_those_that_were_tested_and_on_how_many() -> None:
    def said(above: bool) -> str:
        charge = Charge("corners", Measure(0.55, 0.45, 0.65, 40), 0.5, 0.05, above)
        return verdicts(Found([charge], LEAKS, "", (), charge.accuracy, 40), np.array(["test"]))[0].sentence

    assert said(False) == "None of the 1 cues that were tested on 40 samples predicts the label better than chance."
    assert said(True) == "None of the 1 cues that were tested on 40 samples predicts the label far better than chance."


def scenes(seed: int = 0) -> list[Floats]:
    """(64, 64, 3) smooth random scenes with a little grain: nothing in them tells anything."""
    draws, found = np.random.default_rng(seed), []
    for _ in range(COUNT):
        coarse = zoom(
            draws.uniform(0.2, 0.8, (6, 6, 3)), (SIDE / 6, SIDE / 6, 1), order=1, grid_mode=True, mode="nearest"
        )
        found.append((coarse + draws.normal(0, 0.015, (SIDE, SIDE, 3))).clip(0, 1))
    return found


LABELS = np.arange(COUNT) % 2


def dot(image: Floats) -> Floats:
    image[2:5, -5:-2] = (1.0, 0.1, 0.1)
    return image


def frame(image: Floats) -> Floats:
    image[:3], image[-3:], image[:, :3], image[:, -3:] = 0.3, 0.3, 0.3, 0.3
    return image


def ruler(image: Floats) -> Floats:
    image[-4:, ::5] = 0.0
    return image


def slope(image: Floats) -> Floats:
    ramp: Floats = np.linspace(-0.25, 0.25, SIDE)[:, None, None]
    return (image + ramp).clip(0, 1)


PLANTED: dict[str, Callable[[Floats], Floats]] = {
    "corners": dot,
    "edges": frame,
    "repeated marks": ruler,
    "low frequencies": slope,
    "colours": lambda image: (image * (1, 1, 0.8)).clip(0, 1),
    "noise": lambda image: (image + np.random.default_rng(5).normal(0, 0.03, image.shape)).clip(0, 1),
    "grey levels": lambda image: np.rint(image * 15) / 15,
}  # fmt: skip


def planted(name: str) -> list[Floats]:
    """Scenes of which every second one has the cue, as 8 bits hold them."""
    changed = [PLANTED[name](each) if label else each for each, label in zip(scenes(), LABELS, strict=True)]
    return [np.rint(each * 255) / 255 for each in changed]


def views(pictures: Sequence[Floats]) -> dict[str, Floats]:
    return {cue.name: np.array([cue.numbers(flat(each)) for each in pictures]) for cue in CUES}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_cue_is_the_first_suspect(name: str) -> None:
    first = suspects(views(planted(name)), LABELS, 2)[0]
    assert first.name == name and first.evidence.strength > 0.8 and first.evidence.above_chance


@pytest.mark.parametrize("share", [0.05, 0.08, 0.12, 0.17, 0.21])
def test_a_mark_in_a_corner_is_the_first_suspect_and_followed_however_large(share: float) -> None:
    width = round(share * SIDE)
    marked = scenes()
    for each, label in zip(marked, LABELS, strict=True):
        if label:
            each[:width, -width:] = (0.9, 0.1, 0.1)
    first = suspects(views(marked), LABELS, 2)[0]
    assert first.name == "corners" and first.evidence.strength > 0.8

    def answer(pictures: Sequence[Floats]) -> NDArray[np.int64]:
        red = [each[:width, -width:, 0] - each[:width, -width:, 1] for each in pictures]
        return np.array([int((each > 0.7).mean() > 0.2) for each in red])

    assert followed(marked, "corners", answer).follows.low > 0.3  # one half where more of it stays than is taken away


def test_of_scenes_without_a_cue_nothing_is_far_above_chance() -> None:
    assert max(each.evidence.strength for each in suspects(views(scenes()), LABELS, 2)) < 0.4


def reads(name: str) -> Answer:
    """A network that goes by the cue alone: what its own view tells of other pictures, by least squares."""
    cue = next(each for each in CUES if each.name == name)
    known = np.array([cue.numbers(each) for each in planted(name)])
    middle, scale = known.mean(axis=0), known.std(axis=0) + 1e-3
    design = np.hstack([(known - middle) / scale, np.ones((COUNT, 1))])
    weight = np.linalg.solve(design.T @ design + 3 * np.eye(design.shape[1]), design.T @ (2.0 * LABELS - 1))

    def answer(pictures: Sequence[Floats]) -> NDArray[np.int64]:
        found = (np.array([cue.numbers(each) for each in pictures]) - middle) / scale
        return (np.hstack([found, np.ones((len(found), 1))]) @ weight > 0).astype(np.int64)

    return answer


def followed(pictures: Sequence[Floats], name: str, answer: Answer) -> Followed:
    return follow(LABELS, lambda i, j: SWAPS[name](pictures[i], pictures[j]), answer)


@pytest.mark.parametrize("name", PLANTED)
def test_answers_that_go_by_a_cue_follow_it(name: str) -> None:
    found = followed(planted(name), name, reads(name))
    assert found.follows.value > 0.4 and found.follows.low > 0.25, found
    assert found.own.value > 0.8 and found.other.value < found.own.value - 0.4


@pytest.mark.parametrize("name", ["corners", "edges", "repeated marks", "noise", "grey levels"])
def test_answers_that_go_by_the_middle_do_not_follow(name: str) -> None:
    lit = [each.copy() for each in planted(name)]
    for each, label in zip(lit, LABELS, strict=True):
        each[24:40, 24:40] = 0.9 if label else 0.1

    def answer(pictures: Sequence[Floats]) -> NDArray[np.int64]:
        return np.array([int(each[24:40, 24:40].mean() > 0.5) for each in pictures])

    found = followed(lit, name, answer)
    assert abs(found.follows.value) < 0.05 and found.other.value > 0.95


def test_the_change_alone_accuses_nobody() -> None:
    """A network that any pasted corner brings to class 1 follows no cue, though its answers change."""

    def answer(pictures: Sequence[Floats]) -> NDArray[np.int64]:
        return np.ones(len(pictures), np.int64)

    assert followed(scenes(), "corners", answer).follows.value == pytest.approx(0, abs=1e-12)


def test_a_donor_is_another_picture_of_its_own_and_of_another_class() -> None:
    same, other = donors(LABELS)
    assert (same != np.arange(COUNT)).all()
    assert (LABELS[same] == LABELS).all() and (LABELS[other] != LABELS).all()
    alone = donors(np.array([0, 0, 1]))
    assert alone[0][2] == -1 and alone[1][2] in (0, 1)


def test_samples_of_a_group_keep_together_where_labels_are_permuted() -> None:
    units = np.repeat(np.arange(20), 4)
    labels = np.repeat(np.arange(20) % 2, 4)
    found = permuted(labels, units, np.random.default_rng(0))
    assert (found.reshape(20, 4) == found.reshape(20, 4)[:, :1]).all()
    assert found.sum() == labels.sum() and (found != labels).any()
    mixed = np.tile([0, 1, 1, 1], 20)
    assert (permuted(mixed, units, np.random.default_rng(0)).reshape(20, 4).sum(axis=1) == 3).all()


def test_groups_that_tell_the_label_are_chance_and_not_skill() -> None:
    """Ten patients of one label each, told by what is their own: on new patients that tells nothing."""
    draws = np.random.default_rng(1)
    units = np.repeat(np.arange(10), 12)
    numbers = draws.normal(size=(10, 6))[units] + draws.normal(0, 0.05, (120, 6))
    torn = tell(numbers, units % 2, 2)
    whole = tell(numbers, units % 2, 2, units.tolist())
    assert torn is not None and torn.above_chance
    assert whole is not None and not whole.above_chance


def test_what_cannot_be_told_apart_is_none() -> None:
    assert tell(np.zeros((4, 2)), np.array([0, 0, 0, 1]), 2) is None
    assert tell(np.zeros((4, 2)), np.zeros(4, int), 1) is None


def test_views_take_any_size_channels_and_volumes() -> None:
    for shape in ((8, 8, 1), (33, 20, 3), (16, 40, 7), (6, 12, 12, 1)):
        image = in_unit(np.random.default_rng(0).integers(0, 2**16, shape).astype(np.uint16), 0, 2**16 - 1)
        assert all(np.isfinite(cue.numbers(flat(image))).all() for cue in CUES), shape
        assert all(cue.seen(flat(image)).ndim == 3 for cue in CUES)


def test_a_view_of_the_corners_sees_no_middle() -> None:
    image, other = np.zeros((50, 50, 1)), np.zeros((50, 50, 1))
    other[18:32, 18:32] = 1
    corners = next(cue for cue in CUES if cue.name == "corners")
    assert 50 * CORNER * max(SQUARES) * WIDER <= 18 and (corners.numbers(image) == corners.numbers(other)).all()


def test_what_goes_on_inside_is_no_mark_of_the_edge() -> None:
    plain, lighter = np.full((50, 50, 1), 0.4), np.full((50, 50, 1), 0.6)
    framed = plain.copy()
    framed[:3] = 0.6
    edges = next(cue for cue in CUES if cue.name == "edges")
    np.testing.assert_allclose(edges.numbers(plain), edges.numbers(lighter), atol=1e-12)
    assert np.abs(edges.numbers(framed) - edges.numbers(plain)).max() > 0.19


def test_compression_swaps_the_tables() -> None:
    image = scenes()[0]
    coarse = compression({0: [64] * 64, 1: [64] * 64})(image, image)
    assert coarse.shape == image.shape and np.abs(coarse - image).mean() > 0.005
    assert (compression({})(image, image) == image).all()


@pytest.mark.parametrize(
    ("value", "low", "high", "n", "conclusion"),
    [
        (0.5, np.nan, np.nan, 16, UNSURE),
        (0.5, -0.1, 0.9, 16, UNSURE),
        (0.5, 0.1, 0.9, 16, "the network relies on it"),
        (0.1, -0.2, 0.4, 16, UNSURE),
        (0.05, -0.05, 0.15, 100, "the network does not rely on it"),
        (0.0, np.nan, np.nan, 14, UNSURE),  # none of 14 went over, nor perhaps one in five of others
        (0.0, np.nan, np.nan, 30, "the network does not rely on it"),
    ],
)
def test_what_few_samples_do_not_show_is_not_said(
    value: float, low: float, high: float, n: int, conclusion: str
) -> None:
    swap = Measure(value, low, high, n)
    followed = {"follows": swap, "own": swap, "other": swap}
    charge = Charge("corners", Measure(0.7, 0.65, 0.75, 400), 0.6, 0.3, True, followed)
    assert charge.conclusion == f"{n} samples {UNSURE}" * (conclusion == UNSURE) or charge.conclusion == conclusion
    assert charge.unsure == charge.doubtful == (conclusion == UNSURE)
    found = Found([charge], LEAKS, "", (), charge.accuracy, 400)
    verdict = verdicts(found, np.array(["test"]))[0]
    assert verdict.grade == ("failed" if charge.accused else "doubtful" if charge.unsure else "passed")
    assert (f"{n} samples {UNSURE}" in verdict.sentence) == charge.unsure


@pytest.mark.parametrize(("count", "few"), [(16, True), (200, False)])
def test_samples_too_few_for_any_cue_to_stand_out_pass_nothing(count: int, few: bool) -> None:
    labels = np.arange(count) % 2
    views = {name: np.random.default_rng(len(name)).normal(size=(count, 4)) for name in ("corners", "edges", "noise")}
    charges = [Charge.of(Charge.stored(each)) for each in suspects(views, labels, 2)]
    found = Found(charges, LEAKS, "", (), charges[0].accuracy, count)
    verdict = verdicts(found, np.array(["test"]))[0]
    assert not found.named and verdict.grade == ("doubtful" if few else "passed")
    assert verdict.sentence.startswith("16 samples are too few to tell") == few
    text = str(sections(found, {}, ())[0].items[0])
    assert ("too few to tell" in text, "predicts it better than chance" in text) == (few, not few)


def test_groups_are_what_counts_for_whether_a_cue_would_stand_out() -> None:
    units, draws = np.repeat(np.arange(10), 20), np.random.default_rng(0)
    numbers = draws.normal(size=(200, 4))
    alone, grouped = tell(numbers, units % 2, 2), tell(numbers, units % 2, 2, units.tolist())
    assert alone is not None and alone.would_show(0.5) and grouped is not None and not grouped.would_show(0.5)
