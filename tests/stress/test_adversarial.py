"""Part ``adversarial``: what is counted is what was changed and answered; what cannot be asked is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neocog
from neocog.attacks.deepfool import deepfool
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.records import Measure
from neocog.robustness import adversarial
from neocog.robustness.adversarial_errors import RADII as SIZES
from neocog.robustness.adversarial_report import Errors, Found, error_outcome, tables, verdicts
from neocog.robustness.adversarial_sizes import size
from neocog.robustness.adversarial_universal import Halves
from neocog.robustness.attacked import LECTURE, RADII, Attacked
from neocog.robustness.subject import Subject
from neocog.run import Run

SubjectOf = Callable[..., Subject]


def found_of(**more: Any) -> Found:
    usual: dict[str, Any] = {
        "norm": "linf", "epsilon": 2 / 255, "radii": (1 / 255, 2 / 255),
        "by_attack": {"apgd": (0.0, 1 / 255, 1.5 / 255, None, None)}, "groups": None, "saved": {}, "target": "",
        "towards": {}, "aimed_at": LECTURE, "signs": {}, "standard": {}, "classes": 10, "low": 0, "high": 255, "bits": 8, "seed": 0,
    }  # fmt: skip
    return Found(**{**usual, **more})


def test_accuracy_within_a_radius_counts_what_was_not_turned_within_it() -> None:
    found = found_of()
    assert [found.accuracy(r).value for r in (0, 0.5 / 255, 1 / 255, 1.4 / 255, 1.5 / 255)] == [0.8, 0.8, 0.6, 0.6, 0.4]
    assert found.quartiles == (1 / 255, 1.5 / 255, float("inf"))
    assert found.kept == 0.5


def test_the_smallest_of_all_attacks_counts() -> None:
    found = found_of(
        by_attack={"apgd": (0.0, 0.3, None, None), "fmn": (0.0, 0.2, 0.4, None), "deepfool": (0.0, 0.5, 0.3, None)}
    )
    assert found.smallest == [0.0, 0.2, 0.3, None]
    rows = tables(found)["adversarial_smallest"].rows
    assert [row[2:] for row in rows] == [
        (0.2, 0.3, None, 3, 1), (0.3, None, None, 3, 2), (0.2, 0.4, None, 3, 1), (0.3, 0.5, None, 3, 1),
    ]  # fmt: skip


def test_groups_widen_the_interval() -> None:
    alone, together = (
        found_of(by_attack={"apgd": (0.0, None) * 20}, groups=groups) for groups in (None, ["a", "b"] * 20)
    )
    assert together.accuracy(0).units == 2
    assert np.isnan(together.accuracy(0).low) and not np.isnan(alone.accuracy(0).low)


@pytest.mark.parametrize(
    ("smallest", "signs", "grades"),
    [
        ((None,) * 10, {}, ["doubtful"]),
        ((None,) * 10, {"n": 10, "flat": 0, "black box": 0}, ["passed", "passed"]),
        ((None,) * 10, {"n": 10, "flat": 1, "black box": 0}, ["doubtful", "doubtful"]),
        ((1 / 255, *(None,) * 5), {}, ["doubtful"]),
        ((1 / 255, 1 / 255, None), {"n": 3, "flat": 0}, ["failed", "passed"]),
    ],
)
def test_nothing_passes_beside_signs_of_masked_gradients(smallest: Any, signs: Any, grades: list[str]) -> None:
    assert [each.grade for each in verdicts(found_of(by_attack={"apgd": smallest}, signs=signs))] == grades


def test_the_sentence_says_how_many_images_and_which_norm() -> None:
    (verdict,) = verdicts(found_of(norm="l2", epsilon=0.5))
    assert "at most 0.5 (L2 norm)" in verdict.sentence and "without, on 5 images." in verdict.sentence
    assert "Signs of masked gradients were not searched for." in verdict.sentence
    values = {0.0: Measure(0.8, 0.7, 0.9, 12), 0.5: Measure(0.4, 0.3, 0.5, 12)}
    (verdict,) = error_outcome(Errors("iou", "l2", 0.5, values, 12, 20)).verdicts
    assert (
        "at most 0.5 (L2 norm)" in verdict.sentence
        and "0.4 (0.3 – 0.5) instead of 0.8 (0.7 – 0.9) on 12" in verdict.sentence
    )


def test_of_an_error_more_is_worse() -> None:
    values = {0.0: Measure(1.0, 0.9, 1.1, 5), 0.1: Measure(4.0, 3.0, 5.0, 5)}
    (verdict,) = error_outcome(Errors("mae", "linf", 0.1, values, 5, 20)).verdicts
    assert (verdict.grade, verdict.number) == ("failed", 0.25)
    (verdict,) = error_outcome(Errors("iou", "linf", 0.1, values, 5, 20)).verdicts
    assert verdict.grade == "passed"


def test_sizes_are_told_as_the_papers_have_them() -> None:
    assert [size(r, "linf") for r in (LECTURE, 8 / 255, 1 / 1020)] == ["0.005", "8/255", "0.25/255"]
    assert size(0.5, "l2") == "0.5"


def stressed(run: Path, **more: Any) -> Any:
    return neocog.stress(run, ["adversarial"], samples=30, minutes=9, quiet=True, **more)


def test_the_tables_agree_with_each_other_and_with_the_run(digits_run: Path, subject_of: SubjectOf) -> None:
    found = stressed(digits_run, target="8", epsilon="8/255", autoattack=True)
    curve, smallest = found["adversarial"], found["adversarial_smallest"]
    assert list(curve["epsilon"]) == [0.0, *RADII["linf"]]
    assert (np.diff(curve["accuracy"]) <= 0).all()
    assert (curve["n"] == 30).all()
    right = round(30 * curve["accuracy"].iloc[0])
    assert (smallest["n"] == right).all() and len(smallest) == 4
    assert smallest["median"].iloc[0] <= smallest["median"].iloc[1:].min()
    saved = found["adversarial_saved"]
    assert (saved["n"] == right).all() and (saved["turned_when_saved"] <= saved["turned"]).all()
    for radius, turned in zip(saved["epsilon"], saved["turned"], strict=True):
        assert turned <= right - round(30 * curve[curve["epsilon"] == radius]["accuracy"].item())
    at = curve[curve["epsilon"] == 8 / 255]["accuracy"].item()
    standard = found["adversarial_autoattack"].set_index("attack")["right"]
    assert list(standard.index) == ["right", "apgd-ce", "apgd-t", "fab-t", "square"]
    assert standard["right"] == right and abs(standard["square"] - 30 * at) <= 1
    subject = subject_of(digits_run, samples=30)
    clean = subject.main(subject.few())[1]
    assert clean.value == curve["accuracy"].iloc[0]
    target = found["adversarial_target"]
    assert target["epsilon"].item() == 8 / 255 and target["n"].item() < right


def test_an_image_is_turned_within_its_radius_and_in_stored_pixels(digits_run: Path, subject_of: SubjectOf) -> None:
    subject = subject_of(digits_run, samples=30)
    attacked = Attacked(subject)
    block = next(iter(attacked.blocks))
    positions = attacked.blocks[block]
    images, labels = attacked.images(positions)
    ((_, stored),) = subject.samples.batches(subject.preprocessing, np.array(positions))
    torch.testing.assert_close(attacked.network(images).detach(), torch.from_numpy(subject.predictor.of_pixels(stored)))
    changed = attacked.attack(images, labels, positions, 0.1)
    assert float((changed - images).abs().max()) <= 0.1 * (1 + 1e-5)
    turned = (attacked.answers(changed) != labels).tolist()
    for one, radius in zip(turned, attacked.smallest(block)["apgd"], strict=True):
        assert not (one and (radius is None or radius > 0.11))
    assert len({p for b in attacked.blocks.values() for p in b}) == 30


def test_deepfool_counts_where_it_turned_an_answer(digits_run: Path, subject_of: SubjectOf) -> None:
    attacked = Attacked(subject_of(digits_run, samples=30))
    block = next(iter(attacked.blocks))
    images, labels = attacked.images(attacked.blocks[block])
    changed = deepfool(attacked.network, images, labels, "linf")
    turned = attacked.answers(changed) != labels
    sizes = attacked.smallest(block)["deepfool"]
    assert [size is not None for size in sizes] == turned.tolist()
    for found, change in zip(sizes, (changed - images).abs().flatten(1).amax(1).tolist(), strict=True):
        assert found is None or found == change


def test_stopped_and_gone_on_with_it_ends_in_the_same_bytes(
    digits_run: Path, trained_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, sound = [0], Attacked.smallest

    def stopping(self: Attacked, block: str) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return sound(self, block)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Attacked, "smallest", stopping)
        stressed(digits_run)
    kept = json.loads((digits_run / "stress" / "adversarial.partial.json").read_text())["pieces"]
    assert len(kept) == 1
    stressed(digits_run)
    first = {p.name: p.read_bytes() for p in (digits_run / "stress").iterdir() if p.suffix in (".csv", ".json")}
    for path in (digits_run / "stress").iterdir():
        path.unlink()
    stressed(digits_run)
    assert first == {p.name: p.read_bytes() for p in (digits_run / "stress").iterdir() if p.suffix in (".csv", ".json")}


def test_the_report_shows_pictures_of_what_was_turned(digits_run: Path) -> None:
    stressed(digits_run, epsilon=0.2)
    section = outcomes(Run(digits_run))["adversarial"].sections[0]
    shown = [item for item in section.items if item.kind == "pictures" and "Universal" not in item.note]
    assert shown and all(len(item.pictures) == 3 for item in shown)
    for item in shown:
        before, _, after = (picture.caption.split()[0] for picture in item.pictures)
        assert before != after and "Saved with 8 bits" in item.note
    assert "perturbation × 20" in (digits_run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"target": "pig"}, "--target pig is not a class of this run"),
        ({"epsilon": "2"}, "--epsilon 2 is not above 0 and at most 1"),
        ({"epsilon": 0}, "--epsilon 0 is not above 0"),
        ({"norm": "l1"}, "--norm l1 is not one of linf, l2"),
    ],
)
def test_options_that_cannot_be_are_one_error(digits_run: Path, options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        stressed(digits_run, **options)
    with pytest.raises(UserError, match=what):
        neocog.stress(digits_run, quiet=True, **options)  # also where no part is named


def test_euclidean_changes_have_their_own_sizes(digits_run: Path) -> None:
    found = stressed(digits_run, norm="l2")
    curve = found["adversarial"]
    assert (curve["norm"] == "l2").all() and list(curve["epsilon"])[1:] == list(RADII["l2"])
    assert curve["accuracy"].iloc[-1] < curve["accuracy"].iloc[0]


def test_one_change_and_one_patch_for_all_are_judged_on_images_that_they_were_not_made_from(
    digits_run: Path, subject_of: SubjectOf
) -> None:
    attacked = Attacked(subject_of(digits_run, samples=30))
    blocks = list(attacked.blocks)
    halves = Halves(attacked, blocks[:1], blocks[1:])
    assert not {*halves.made_from} & {*halves.tested} and len(halves.made_from) + len(halves.tested) == 30
    found = stressed(digits_run, epsilon="64/255")
    table = found["adversarial_universal"]
    assert list(table["kind"]) == ["change"] * 4 + ["patch"] * 3 and set(table["size"]) >= {16 / 255, 64 / 255, 0.1}
    assert (table["n"] == 10).all() and (table["made_from"] == 20).all() and table["unchanged"].nunique() == 1
    accuracy = table.set_index("size")["accuracy"]
    assert accuracy[64 / 255] < accuracy[4 / 255] and accuracy[64 / 255] < table.set_index("size")["by_lot"][64 / 255]
    largest = halves.change(64 / 255)[0]
    images = halves.images[1][0]
    assert float((largest - images).abs().max()) <= 64 / 255 * (1 + 1e-5)
    section = outcomes(Run(digits_run))["adversarial"].sections[0]
    notes = [item.note for item in section.items if item.kind == "pictures"]
    assert "Universal patch on 10% of the image." in notes and len(notes) == len({*notes})


def test_two_classes_and_what_a_short_time_leaves(pictures: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    data = pictures(tmp_path / "data")
    neocog.train(data, model="cnn", epochs=1, threads=1, out=run, quiet=True, size=(16, 16), scaling="image")
    stressed(run)
    found = outcomes(Run(run))["adversarial"]
    assert "the difference of the two logits" in str(found.sections[0].items[0])
    assert found.tables["adversarial"].rows


def test_of_values_the_error_grows_with_the_change(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 8, 8), np.uint8)
    data, run = (images, images.mean((1, 2)).astype(float)), tmp_path / "run"
    neocog.train(data, task="regression", model="mlp", hidden=(8,), epochs=3, threads=1, out=run, quiet=True)
    errors = neocog.stress(run, ["adversarial"], on=data, quiet=True)["adversarial"].set_index("epsilon")["value"]
    assert errors[8 / 255] > errors[1 / 255] > errors[0]
    with pytest.raises(UserError, match="--autoattack: --task regression answers with no class"):
        neocog.stress(run, ["adversarial"], on=data, autoattack=True, quiet=True)


def test_of_masks_the_overlap_falls_with_the_change(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = np.zeros((20, 16, 16), np.uint8)
    for mask in masks:
        top, left = rng.integers(1, 8, 2)
        mask[top : top + 7, left : left + 7] = 1
    images = np.clip(90 + 50 * masks + rng.normal(0, 10, masks.shape), 0, 255).astype(np.uint8)
    run = tmp_path / "run"
    neocog.train((images, masks), task="segmentation", width=4, depth=1, epochs=8, threads=1, out=run, quiet=True)
    found = neocog.stress(run, ["adversarial"], on=(images, masks), epsilon=0.1, quiet=True)
    overlap = found["adversarial"].set_index("epsilon")["value"]
    assert overlap[0.1] < 0.9 * overlap[0] and list(overlap.index) == sorted([0, *SIZES["linf"], 0.1])
    assert found.verdicts["number"].item() == pytest.approx(overlap[0.1] / overlap[0])


def test_of_a_sequence_no_small_change_can_be_asked(
    digits_run: Path, subject_of: SubjectOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = subject_of(digits_run, samples=30)
    with monkeypatch.context() as patch, pytest.raises(UserError, match="a letter is another or it is not"):
        patch.setattr(type(subject), "dataset", replace(subject.dataset, form="sequences"))
        adversarial.check(subject)
