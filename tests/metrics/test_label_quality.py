"""Doubts about labelled boxes and regions: each kind, one scale, and nothing where network and labels agree."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics.box_labels import box_qualities, probabilities_of
from neocog.metrics.counted_boxes import Compared
from neocog.metrics.detection import Objects, match
from neocog.metrics.label_quality import soft_minimum
from neocog.metrics.region_labels import Regions, region_doubts

CLASSES = ("cell", "plate")


def objects(rows: list[tuple[int, int, tuple[float, ...], float]], ignored: tuple[int, ...] = ()) -> Objects:
    """(image, class, corners, score) of each."""
    image, label, corners, score = zip(*rows, strict=True) if rows else ((), (), np.zeros((0, 4)), ())
    aside = np.isin(np.arange(len(rows)), ignored)
    return Objects(np.array(image, int), np.array(label, int), np.array(corners, float), np.array(score, float), aside)


def compared(truth: Objects, found: Objects, n: int = 40) -> Compared:
    """Beside 38 images in which both agree, and one that has a doubtful box where nothing is, so that scores mean something."""
    at = (0.0, 0.0, 10.0, 10.0)
    agreed = objects([(k, k % 2, at, 0.8 + 0.004 * k) for k in range(2, n)])
    noise = objects([(k, k % 2, (30.0, 30.0, 40.0, 40.0), 0.05) for k in range(2, n)])

    def both(*parts: Objects) -> Objects:
        names = ("image", "label", "corners", "score", "ignored")
        return Objects(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    truth, found = both(truth, agreed), both(found, agreed, noise)
    return Compared(truth, found, match(truth, found), n, CLASSES)


def doubts(truth: Objects, found: Objects) -> list[tuple[str, float, int, int]]:
    """(kind, quality, label, found) of the first two images."""
    one = compared(truth, found)
    rows = box_qualities(one, (0.5, 0.5)).doubts
    return [(d.kind, d.quality, d.given, d.found) for d in rows if d.given < len(truth) and d.found < len(found)]


BOX, SHIFTED, FAR = (20.0, 20.0, 40.0, 40.0), (28.0, 20.0, 48.0, 40.0), (60.0, 60.0, 80.0, 80.0)


def test_labels_that_the_network_draws_alike_are_in_no_doubt() -> None:
    assert doubts(objects([(0, 0, BOX, 1)]), objects([(0, 0, BOX, 0.9)])) == []
    assert doubts(objects([]), objects([(0, 0, BOX, 0.3)])) == []  # below the threshold nothing is claimed


def test_each_kind_of_doubt_has_its_name_and_stands_on_one_scale() -> None:
    ((kind, missed, given, found),) = doubts(objects([]), objects([(0, 0, BOX, 0.9)]))
    assert (kind, given, found) == ("missed", -1, 0) and missed < 0.2
    ((kind, invented, given, found),) = doubts(objects([(0, 0, BOX, 1)]), objects([(0, 0, FAR, 0.01)]))
    assert (kind, given, found, invented) == ("invented", 0, -1, 0)
    ((kind, drawn, given, found),) = doubts(objects([(0, 0, SHIFTED, 1)]), objects([(0, 0, BOX, 0.9)]))
    assert (kind, given, found) == ("badly drawn", 0, 0) and 0.3 < drawn < 0.45  # probability × IoU, 0.43
    ((kind, wrong, given, found),) = doubts(objects([(0, 1, BOX, 1)]), objects([(0, 0, BOX, 0.9)]))
    assert (kind, given, found, wrong) == ("wrong class", 0, 0, 0)


def test_a_low_score_supports_a_label_and_a_lower_one_less() -> None:
    (quiet,), (silent,) = (doubts(objects([(0, 0, BOX, 1)]), objects([(0, 0, BOX, score)])) for score in (0.4, 0.02))
    assert quiet[0] == silent[0] == "invented" and quiet[1] > silent[1] > 0


def test_what_was_found_of_one_label_supports_no_other() -> None:
    """Two labels on one object: the second is invented, with nothing for it."""
    twice = objects([(0, 0, BOX, 1), (0, 0, (21.0, 20.0, 41.0, 40.0), 1)])
    ((kind, quality, given, _),) = doubts(twice, objects([(0, 0, BOX, 0.9)]))
    assert (kind, given, quality) == ("invented", 1, 0)


def test_an_object_beside_a_label_that_was_found_itself_is_missed_and_not_badly_drawn() -> None:
    found = objects([(0, 0, BOX, 0.9), (0, 0, SHIFTED, 0.8)])
    ((kind, quality, given, box),) = doubts(objects([(0, 0, BOX, 1)]), found)
    assert (kind, given, box) == ("missed", -1, 1) and 0.4 < quality < 0.7  # less sure for the overlap of 0.43


def test_what_is_hard_to_see_is_in_no_doubt_and_has_no_quality() -> None:
    truth = objects([(0, 0, BOX, 1), (1, 0, BOX, 1)], ignored=(0, 1))
    assert doubts(truth, objects([(0, 0, BOX, 0.9)])) == []
    assert np.isnan(box_qualities(compared(truth, objects([])), (0.5, 0.5)).of_labels[:2]).all()


def test_scores_are_calibrated_to_how_often_a_labelled_box_is_there() -> None:
    """A network that says 0.3 of everything, and of ten such boxes nine are labelled."""
    found = [(k, 0, BOX, 0.3) for k in range(100)] + [(k, 0, FAR, 0.02) for k in range(100)]
    truth = objects([(k, 0, BOX, 1) for k in range(90)])
    one = Compared(truth, objects(found), match(truth, objects(found)), 100, CLASSES)
    probable = probabilities_of(one)
    assert probable[:100].mean() == pytest.approx(0.9, abs=0.04) and probable[100:].max() < 0.05


def test_the_soft_minimum_is_nearly_the_least_and_undefined_of_none() -> None:
    assert soft_minimum(np.array([0.1] + [0.95] * 20)) == pytest.approx(0.1, abs=0.02)
    assert soft_minimum(np.array([0.1] + [0.95] * 20)) < soft_minimum(np.array([0.4] + [0.95] * 20))
    assert np.isnan(soft_minimum(np.zeros(0)))


def squares(*places: tuple[int, int, int, int], classes: tuple[int, ...] = ()) -> Regions:
    """Regions of rows and columns from … to in 40 × 40 pixels."""
    numbers = np.zeros((40, 40), np.int32)
    for number, (top, bottom, left, right) in enumerate(places, 1):
        numbers[top:bottom, left:right] = number
    return Regions(numbers, np.array([0, *(classes or (1,) * len(places))]))


def probable(given: Regions, seen: Regions) -> np.ndarray:
    """0.9 where both say the same, else 0.1."""
    return np.where(given.classes[given.numbers] == seen.classes[seen.numbers], 0.9, 0.1).astype(np.float32)


@pytest.mark.parametrize(
    ("given", "seen", "kind", "quality"),
    [
        (squares(), squares((5, 15, 5, 15)), "missed", 0.1),
        (squares((5, 15, 5, 15)), squares(), "invented", 0.1),
        (squares((5, 15, 5, 15)), squares((5, 15, 9, 19)), "badly drawn", (60 * 0.9 + 80 * 0.1) / 140),
        (squares((5, 15, 5, 15)), squares((5, 15, 5, 15), classes=(2,)), "wrong class", 0.1),
        (squares((5, 15, 5, 15)), squares((0, 40, 0, 40), classes=(2,)), "wrong class", 0.1),
    ],
)
def test_regions_are_in_doubt_by_kind(given: Regions, seen: Regions, kind: str, quality: float) -> None:
    (one,) = region_doubts(given, seen, probable(given, seen))
    assert one.kind == kind and one.quality == pytest.approx(quality, abs=1e-6)


def test_regions_that_agree_and_specks_are_in_no_doubt() -> None:
    given, seen = squares((5, 15, 5, 15)), squares((5, 15, 6, 16), (30, 32, 30, 32))
    assert region_doubts(given, seen, probable(given, seen), least=5) == []
    (speck,) = region_doubts(given, seen, probable(given, seen), least=4)
    assert (speck.kind, speck.given, speck.seen, speck.seen_corners) == ("missed", 0, 2, (30, 30, 32, 32))


def test_a_region_of_another_class_within_a_larger_one_is_judged_by_its_own_pixels() -> None:
    """A labelled sky that is right nearly everywhere, in which a bird is seen; no background."""
    given = squares((0, 40, 0, 40), classes=(1,))
    seen = Regions(np.where(squares((5, 15, 5, 15)).numbers > 0, 2, 1).astype(np.int32), np.array([0, 1, 2]))
    (bird,) = region_doubts(given, seen, probable(given, seen))
    assert (bird.kind, bird.given, bird.seen) == ("wrong class", 1, 2) and bird.quality == pytest.approx(0.1)


def test_where_nothing_counts_nothing_is_in_doubt() -> None:
    given, seen = squares(), squares((5, 15, 5, 15))
    given.numbers[0:20, 0:20] = -1
    assert region_doubts(given, seen, np.full((40, 40), 0.1, np.float32)) == []
    unknown = np.full((40, 40), np.nan, np.float32)
    assert region_doubts(squares(), seen, unknown) == []
