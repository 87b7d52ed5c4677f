"""What stands in two parts of a split is found, with the one that it repeats; what does not is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.scan import scan_images
from neocog.records import Measure
from neocog.robustness.shortcuts.charge import Charge, Found
from neocog.robustness.shortcuts.file_facts import Facts, columns, without
from neocog.robustness.shortcuts.leaks import copies, films, moments, nearest, repeated, separability, shared_groups
from neocog.robustness.shortcuts.verdicts import verdicts

SIDE = 24


def dataset(pictures: list[NDArray[np.uint8]], names: list[str]) -> Dataset:
    array = np.stack(pictures)
    return Dataset("arrays", None, names, np.zeros(len(names), np.int64), ("one",), ArrayImages(array, names))


def scene(number: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(number).integers(40, 216, (4, 4, 3))
    return np.repeat(np.repeat(coarse, SIDE // 4, 0), SIDE // 4, 1).astype(np.uint8)


def test_each_sample_of_a_later_part_goes_with_the_first_of_the_earliest() -> None:
    parts = ["test", "train", "", "validation", "train", "test"]
    assert repeated([[0, 1, 4], [2, 5], [3, 5], [1, 4]], parts) == [[0, 1], [5, 3]]


def test_copies_are_identical_or_near_and_counted_once() -> None:
    first = [scene(number) for number in range(20)]
    mirrored, saved_again = first[3][:, ::-1].copy(), np.clip(first[4].astype(int) + 2, 0, 255).astype(np.uint8)
    data = dataset([*first, first[2], mirrored, saved_again, scene(99)], [f"x{number}y" for number in range(24)])
    parts = np.array(["train"] * 20 + ["test"] * 4)
    found = copies(data, scan_images(data.images, keep=False).records, parts)
    assert found == {"identical": [[20, 2]], "near": [[21, 3], [22, 4]], "film": []}
    alone = copies(data, scan_images(data.images, keep=False).records, np.array(["train"] * 20 + [""] * 3 + ["test"]))
    assert alone == {"identical": [], "near": [], "film": []}


def test_frames_of_a_film_are_told_by_their_look_and_not_by_their_names() -> None:
    draws, still = np.random.default_rng(0), scene(50).astype(int)
    frames = [np.clip(still + draws.normal(0, 40, still.shape), 0, 255).astype(np.uint8) for _ in range(20)]
    others = [scene(number) for number in range(40)]
    names = [f"film_{number}" for number in range(20)] + [f"shot {number % 2} {number}" for number in range(40)]
    data = dataset([*frames, *others], names)
    parts = np.array(["train", "test"] * 10 + ["train", "train", "test", "test"] * 10)
    pairs = films(data, scan_images(data.images, keep=False).records, parts)
    assert len(pairs) == 10 and all(one < 20 and abs(one - other) == 1 for one, other in pairs)


def test_the_nearest_number_is_found() -> None:
    among = np.array([9.0, 1.0, 5.0])
    assert nearest(np.array([0.0, 4.0, 3.0, 100.0]), among).tolist() == [1, 2, 1, 0]


def test_groups_and_moments_on_two_sides() -> None:
    parts = np.array(["train", "test", "test", "validation"])
    assert shared_groups(np.array(["a", "a", "", "b"]), parts) == [[1, 0]]
    assert shared_groups(None, parts) == []
    taken = ["2026:01:01 10:00:00", "2026:01:01 10:00:04", "2026:01:01 10:00:09", "no date"]
    assert moments(taken, parts) == [[1, 0]]


def test_parts_of_one_kind_are_not_told_apart_and_others_are() -> None:
    draws = np.random.default_rng(0)
    views, later = draws.normal(size=(300, 12)), np.arange(300) % 3 == 0
    alike = separability(views, later, None, 0)["auroc"]
    assert alike["low"] < 0.5 < alike["high"]
    other = separability(views + 1.5 * later[:, None], later, None, 0)["auroc"]
    assert other["low"] > 0.9
    assert separability(views[:3], np.array([True, False, False]), None, 0) == {}


def test_a_name_tells_nothing_by_the_name_of_its_class() -> None:
    classes = ["ants", "bees", "3"]
    assert [without(name, classes) for name in ("ant_12", "Bees 7", "beeswax 1", "3_04", "33_04")] == [
        "_12", " 7", "beeswax 1", "_04", "33_04",
    ]  # fmt: skip
    named = columns([Facts()] * 4, ["ants/ant_1.png", "ants/ant_2.png", "bees/bee_1.png", "bees/bee_2.png"], classes)
    order = named["order of names"][:, 0]
    assert order[0] == order[2] != order[1] == order[3]


def test_files_of_one_day_have_one_date() -> None:
    same = columns([Facts(date=100.0), Facts(date=50_000.0)], ["1.png", "1.png"])
    assert "date of the file" not in same
    assert "date of the file" in columns([Facts(date=100.0), Facts(date=100_000.0)], ["1.png", "1.png"])


def charge(name: str, strength: float, follows: Measure | None) -> Charge:
    measures: Any = None if follows is None else {"follows": follows, "own": follows, "other": follows}
    return Charge(name, Measure(0.9, 0.85, 0.95, 100), 0.6, strength, True, measures)


@pytest.mark.parametrize(
    ("name", "strength", "follows", "grade"),
    [
        ("corners", 0.9, Measure(0.5, 0.4, 0.6, 100), "accused"),
        ("corners", 0.9, Measure(0.12, 0.05, 0.2, 100), "doubtful"),  # a little
        ("corners", 0.9, Measure(0.5, -0.1, 0.9, 4), "doubtful"),  # too few to be sure of
        ("corners", 0.3, Measure(0.0, -0.1, 0.1, 100), ""),
        ("colours", 0.4, Measure(0.5, 0.4, 0.6, 100), "doubtful"),  # may be the object's own
        ("colours", 0.9, Measure(0.5, 0.4, 0.6, 100), "accused"),
        ("colours", 0.9, Measure(0.0, -0.1, 0.1, 100), ""),
        ("order of names", 1.0, None, "doubtful"),
        ("date of the file", 1.0, None, "doubtful"),
    ],
)
def test_only_what_answers_follow_is_accused(name: str, strength: float, follows: Measure | None, grade: str) -> None:
    found = charge(name, strength, follows)
    assert (found.accused, found.doubtful) == (grade == "accused", grade == "doubtful")


def test_the_accused_stand_before_stronger_suspects() -> None:
    charges = [charge("order of names", 1.0, None), charge("edges", 0.6, Measure(0.5, 0.4, 0.6, 100))]
    empty: Any = SimpleNamespace(pairs={})
    found = Found(charges, empty, "", [], None, 100)
    assert [each.name for each in found.named] == ["edges", "order of names"]


def test_what_there_was_no_time_to_swap_does_not_pass_for_what_no_answer_follows() -> None:
    """Corners tell the label; whether the network goes by them is not known."""
    empty: Any = SimpleNamespace(pairs={}, tried=())
    measure, parts = Measure(0.9, 0.85, 0.95, 100), np.array([], str)
    grades = []
    for follows in (None, Measure(0.0, -0.1, 0.1, 100)):
        found = Found([charge("corners", 0.3, follows)], empty, "", [], measure, 100)
        grades.append(verdicts(found, parts)[0].grade)
    assert grades == ["doubtful", "passed"]
