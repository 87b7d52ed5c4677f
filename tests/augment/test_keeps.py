"""Whether a changed sample keeps its answer: found out from the data, on sets of which it is known."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from neocog.augment import Augmentation
from neocog.augment.keeps import Known, Verdict, chosen, decided, edited, verdicts
from neocog.augment.names import swapped, words

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "planted"))
sets = import_module("mirrored")
N = 24  # samples a class
EVERY = {**sets.FALSE, **{name: made for name, made in sets.HARMLESS.items() if name != "insects"}}


def asked(planted, seed: int = 0) -> dict[str, Verdict]:
    known = Known(planted.names, planted.labels, planted.values, planted.masks)
    found = verdicts(torch.from_numpy(planted.pixels), known, planted.form, list(planted.keeps), seed)
    return {verdict.change: verdict for verdict in found}


@pytest.mark.parametrize("name", EVERY)
def test_what_falsifies_is_off_and_what_does_not_is_kept(name: str) -> None:
    planted = EVERY[name](np.random.default_rng(3), 50 if name == "clock values" else N, False)
    for change, verdict in asked(planted).items():
        assert (verdict.keeps is True) == planted.keeps[change], f"{change}: {verdict.evidence}"


def test_photos_keep_their_mirror_image(real_data) -> None:
    real_data("hymenoptera")
    verdict = asked(sets.HARMLESS["insects"](np.random.default_rng(0), 100, False))["flip"]
    assert verdict.keeps is True, verdict.evidence


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    planted = sets.FALSE["arrows"](np.random.default_rng(0), 60, False)
    few = np.r_[0:60, 60:72]  # 60 to the one side, 12 to the other
    verdict = asked(replace(planted, pixels=planted.pixels[few], labels=planted.labels[few]))["flip"]
    assert verdict.keeps is False


def test_a_pair_that_is_swapped_is_found_among_many_classes() -> None:
    rng = np.random.default_rng(0)
    arrows, shapes = sets.FALSE["arrows"](rng, 50, False), sets.HARMLESS["shapes"](rng, 50, False)
    pixels = np.concatenate([arrows.pixels, shapes.pixels])
    labels = np.concatenate([arrows.labels, shapes.labels + 2])
    both = sets.Planted(pixels, {"flip": False}, labels, names=("a1", "b1", "c1", "d1", "e1", "f1"))
    assert asked(both)["flip"].keeps is False


def test_answers_that_nothing_tells_are_doubtful() -> None:
    planted = sets.HARMLESS["textures"](np.random.default_rng(0), 40, False)
    shuffled = replace(planted, labels=np.random.default_rng(1).permutation(planted.labels))
    assert asked(shuffled)["flip"].keeps is None


@pytest.mark.parametrize(("north", "keeps"), [(False, True), (True, False)], ids=["mathematical", "compass"])
def test_angles_turn_with_their_mirror_image_only_where_they_are_counted_so(north: bool, keeps: bool) -> None:
    rng = np.random.default_rng(0)
    degrees = rng.uniform(-180, 180, 120)
    pixels = [sets.arrow_at(rng, np.deg2rad(angle)) for angle in degrees]
    told = 90 - degrees if north else degrees  # a compass counts clockwise from above
    known = Known(("angle [°]",), values=told[:, None])
    found = verdicts(torch.from_numpy(np.stack(pixels)), known, "images", ["flip", "flip_vertical"])
    assert [each.keeps for each in found] == [keeps, keeps], [each.evidence for each in found]


def test_a_group_is_never_asked_of_itself() -> None:
    """Each patient has a pattern of their own, which tells the class of the patient's other images and of nobody else's."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(12), 10)
    patterns = rng.integers(0, 255, (12, 3, 32, 32))
    pixels = (patterns[people] + rng.integers(-9, 9, (120, 3, 32, 32))).clip(0, 255).astype(np.uint8)
    labels = np.repeat(rng.permutation(np.arange(12) % 2), 10)
    known = Known(("a", "b"), labels, groups=people.astype(str))
    apart, together = (
        verdicts(torch.from_numpy(pixels), replace(known, groups=groups), "images", ["flip"])[0].evidence
        for groups in (known.groups, None)
    )
    assert "accuracy of 1.00" in together and "accuracy of 1.00" not in apart


def test_names_that_mirroring_swaps_turn_it_off_though_the_data_do_not_show_it() -> None:
    planted = sets.HARMLESS["shapes"](np.random.default_rng(3), N, False)
    found = asked(replace(planted, names=("left eye", "right eye", "nose", "mouth")))
    assert found["flip"].keeps is None and "left eye and right eye" in found["flip"].evidence
    assert found["flip_vertical"].keeps is True


def test_pairs_of_names_are_read_by_their_words() -> None:
    assert words("arrowLeft_2") == ["arrow", "left"]
    assert swapped(["ok", "Lung-L", "Lung-R"], "flip") == ("Lung-L", "Lung-R")
    assert swapped(["leftover", "rightful"], "flip") is None and swapped(["up", "down"], "flip") is None
    assert swapped(["up", "down"], "flip_vertical") == ("up", "down")


def test_samples_that_nothing_is_known_of_are_told_from_their_mirror_images_where_they_have_a_hand() -> None:
    rng = np.random.default_rng(0)
    text, balls = sets.FALSE["arrows"](rng, 60, False), sets.HARMLESS["sizes"](rng, 20, False)
    hand = verdicts(torch.from_numpy(text.pixels[:60]), Known(), "images", ["flip"])[0]
    assert hand.keeps is False and "chance 50 %" in hand.evidence
    assert verdicts(torch.from_numpy(balls.pixels), Known(), "images", ["flip"])[0].keeps is True


def test_large_turns_are_asked_for_too() -> None:
    rng = np.random.default_rng(0)
    for planted, keeps in (
        (sets.FALSE["gravity"](rng, 40, False), False),
        (sets.HARMLESS["shapes"](rng, 40, False), True),
    ):
        known = Known(planted.names, planted.labels)
        assert verdicts(torch.from_numpy(planted.pixels), known, "images", ["turn"])[0].keeps is keeps


def test_what_is_asked_for_stays_and_what_falsifies_goes() -> None:
    found = [Verdict("flip", False, ""), Verdict("light", None, ""), Verdict("colour", True, "")]
    usual = Augmentation(flip=0.5, brightness=0.1, contrast=0.2, tint=0.1, crop=4)
    kept = decided(usual, (), found)
    assert [each.on for each in kept] == [False, False, True]
    assert usual.changed(edited((), kept)) == Augmentation(tint=0.1, crop=4)
    forced = decided(usual, ("flip=0.5",), found)
    assert forced[0].on and forced[0].against and not forced[1].on
    assert usual.changed(edited(("flip=0.5",), forced)).flip == 0.5
    assert not any(each.on for each in decided(Augmentation(), ("off",), found))


def test_of_many_samples_a_few_of_every_class_are_asked_and_swapped_classes_first() -> None:
    labels = np.r_[np.zeros(5000, int), np.full(20, 1), np.repeat(np.arange(2, 60), 100)]
    names = ["sky", "hand left", *(f"thing {k}x" for k in range(57)), "hand right"]
    train = np.arange(0, len(labels))
    samples = chosen(train, labels, names, seed=0)
    counts = np.bincount(labels[samples], minlength=60)
    assert len(samples) <= 600 and counts[1] == 20 and counts[59] > 0 and counts[0] < 60
    assert np.array_equal(samples, chosen(train, labels, names, seed=0)) and len(np.unique(samples)) == len(samples)
