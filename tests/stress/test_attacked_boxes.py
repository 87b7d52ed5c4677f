"""Part ``adversarial`` on boxes: what is found falls with the change, what no change reaches is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.attacks.ball import Ball
from neocog.pages.stress import outcomes
from neocog.robustness.adversarial_errors import Attack, in_one_piece
from neocog.robustness.subject import Subject
from neocog.run import Run

SubjectOf = Callable[..., Subject]
COLOURS = {"blue": (60, 60, 220), "red": (220, 60, 60)}


def scenes(folder: Path, count: int, side: int = 32, colours: tuple[str, ...] = ("blue", "red")) -> Path:
    """Pictures with one coloured square each."""
    rng, lines = np.random.default_rng(0), ["image,label,x0,y0,x1,y1,split"]
    folder.mkdir()
    for index in range(count):
        label, (x, y) = colours[index % len(colours)], rng.integers(1, side - 15, 2).tolist()
        pixels = rng.normal(90, 10, (side, side, 3))
        pixels[y : y + 14, x : x + 14] = rng.normal(COLOURS[label], 10, (14, 14, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
        part = ("test", "validation", "train", "train")[index // 2 % 4]
        lines.append(f"{index}.png,{label},{x},{y},{x + 14},{y + 14},{part}")
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("boxes")
    settings: dict[str, Any] = {"epochs": 20, "threads": 1, "batch": 4, "width": 4, "lr": 0.01, "quiet": True}
    return neocog.train(scenes(folder / "data", 40), folder / "run", **settings)


def test_the_average_precision_falls_with_the_change(run: Run) -> None:
    found = neocog.stress(run, ["adversarial"], epsilon=0.1, quiet=True)["adversarial"]
    precision = found.set_index("epsilon")["value"]
    assert (found["measure"] == "ap50").all() and (found["n"] == 10).all()
    assert precision[0] > 0.5 and precision[0.1] < 0.5 * precision[0]


def test_boxes_are_attacked_under_the_runs_own_numbers_of_the_classes(
    run: Run, tmp_path: Path, subject_of: SubjectOf
) -> None:
    subject = subject_of(run, on=scenes(tmp_path / "red", 4, colours=("red",)))
    assert subject.dataset.classes == ("red",)
    assert (Attack(subject, Ball("linf", 0.1)).boxes[:, 0, 0] == 1).all()


def test_a_change_makes_the_learned_loss_grow_and_stays_in_its_ball(run: Run, subject_of: SubjectOf) -> None:
    subject = subject_of(run, on=run.folder.parent / "data")
    attack, positions = Attack(subject, Ball("linf", 0.05)), subject.samples.positions[:4]
    ((where, pixels),) = subject.samples.batches(subject.preprocessing, positions)
    samples = torch.from_numpy(where)
    goal, changed = attack.goal(samples), attack(pixels.clone(), samples)
    assert float((changed - pixels).abs().max()) <= 255 * 0.05 * 1.001
    before, after = (goal.loss(torch.from_numpy(subject.predictor.of_pixels(each)), goal) for each in (pixels, changed))
    assert (after > before).all()


def test_images_that_are_answered_in_windows_are_left_out_and_counted(
    run: Run, tmp_path: Path, subject_of: SubjectOf
) -> None:
    data = scenes(tmp_path / "large", 4, side=160)
    subject = subject_of(run, on=data)
    samples, large = in_one_piece(subject, subject.few())
    assert (len(samples), large) == (0, len(subject.samples)) != (0, 0)
    verdicts = neocog.stress(run, ["adversarial"], on=data, quiet=True).verdicts
    assert (verdicts["grade"] == "not tried").all()
    other = scenes(tmp_path / "both", 4)
    Image.open(data / "0.png").save(other / "0.png")
    neocog.stress(run, ["adversarial"], on=other, quiet=True)
    assert "too large to be predicted in one piece are left out: 1." in str(
        outcomes(run)["adversarial"].sections[0].items[0]
    )
