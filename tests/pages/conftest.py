"""Finished run folders, made of real digits and a plain logistic regression, so that no trainer is needed."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from neocog import metrics as measures
from neocog.pages import sections_to_json
from neocog.records import Finding, Picture
from neocog.run import Run, to_json
from neocog.tasks.classification.mistakes import Example, mistakes_section, most_confident
from neocog.tasks.report.data import data_section
from neocog.tasks.report.environment import environment_section
from neocog.tasks.report.network import filters_section, network_section
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.report.quality import calibration_section, confusion_section, measures_section
from neocog.tasks.report.training import training_section

HOSTILE = ("<script>alert(1)</script>", "=cmd()", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "a&amp;b", "naïve ☂")
MakeRun = Callable[..., Run]


def make_run(
    folder: Path, classes: tuple[str, ...] = (), strength: float = 0.02, epochs: int = 20, seed: int = 0
) -> Run:
    """A run on scikit-learn's digits, of the first K classes; ``strength`` of the regression makes it better or worse."""
    classes = classes or tuple("0123456789")
    images, labels = load_digits(return_X_y=True)
    keep = labels < len(classes)
    images, labels = images[keep], labels[keep]
    order = np.random.default_rng(0).permutation(len(labels))
    parts = dict(
        zip(("train", "validation", "test"), np.split(order, [len(order) * 6 // 10, len(order) * 8 // 10]), strict=True)
    )
    with threadpool_limits(1):
        model = LogisticRegression(C=strength / 50, max_iter=300).fit(images[parts["train"]], labels[parts["train"]])
    logits = {part: model.decision_function(images[index]) for part, index in parts.items()}
    folder.mkdir(parents=True)
    run = Run(folder)
    temperature = measures.fit_temperature(logits["validation"], labels[parts["validation"]])
    found = {
        part: measures.classification_measures(logits[part], labels[parts[part]], seed=seed, temperature=temperature)
        for part in ("test", "validation")
    }
    truth, guess = labels[parts["test"]], logits["test"].argmax(1)
    each = measures.per_class(logits["test"], truth, classes)
    probabilities = np.exp(measures.log_softmax(logits["test"]))
    calibrated = np.exp(measures.log_softmax(logits["test"] / temperature))
    shown = [thumbnail(image.reshape(1, 8, 8), 0, 16) for image in images]
    names = [f"images[{i}]" for i in range(len(images))]

    def example(index: int) -> Example:
        at = parts["test"][index]
        return Example(names[at], shown[at], classes[truth[index]], classes[guess[index]], probabilities[index].max())

    worst, right = most_confident(truth, guess, probabilities.max(1))
    rng = np.random.default_rng(seed)
    rows = metrics(epochs, rng)
    findings = [
        Finding(
            "warning", f"2 images of class {classes[0]} stand in train and in test", (names[3], names[8]), "Remove one."
        ),
        Finding("note", "image sizes: 8 × 8 throughout"),
    ]
    counts = {part: np.bincount(labels[index], minlength=len(classes)).tolist() for part, index in parts.items()}
    samples = [Picture(shown[i], classes[labels[i]]) for i in parts["train"][:20]]
    command = "neocog train digits --model linear"
    environment = {
        "neocog": "0.1.0",
        "torch": "2.15.0",
        "threads": 2,
        "data": {"sha256": "ab" * 32},
        "command": command,
    }
    layers = [
        ("features.0", "Conv2d", (6, 8, 8), 156),
        ("features.1", "Tanh", (6, 8, 8), 0),
        ("head", "Linear", (10,), 650),
    ]
    filters = model.coef_.reshape(-1, 1, 8, 8)
    bins = [measures.calibration_bins(p.max(1), truth == guess) for p in (probabilities, calibrated)]
    sections = [
        data_section("scikit-learn digits", classes, counts, findings, samples),
        network_section("linear", layers, 806, (1, 8, 8)),
        training_section(rows),
        measures_section(found, each),
        confusion_section(measures.confusion(truth, guess, len(classes)), classes),
        mistakes_section(
            [example(i) for i in worst], [example(i) for i in right], int((truth != guess).sum()), len(truth)
        ),
        calibration_section(bins[0], bins[1], temperature, "As in training."),
        filters_section(filters),
        environment_section(environment, command),
    ]
    run.sections.write_text(sections_to_json(sections))
    run.config.write_text(
        f'[data]\ndata = "digits"\n\n[training]\nseed = {seed}\nstrength = {strength}\nepochs = {epochs}\n'
    )
    run.environment.write_text(to_json(environment))
    run.result.write_text(to_json({
        "run": str(folder), "report": str(run.report), "task": "classification", "model": "linear", "parameters": 806,
        "classes": classes, "n": {part: len(index) for part, index in parts.items()}, "measures": found,
        "per_class": each, "temperature": temperature, "seconds": 21.4, "epochs": epochs,
        "images_per_second": 12345.6, "precision": "float32",
    }))  # fmt: skip
    table(run.metrics_csv, list(rows[0]), [list(row.values()) for row in rows])
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    table(
        run.splits_csv,
        ["sample", "label", "split", "group", "sha256"],
        [(names[i], classes[labels[i]], part, "", digests[i]) for part, index in parts.items() for i in index],
    )
    table(
        run.predictions_csv,
        ["path", "label", "prediction", "probability", "correct", *(f"p:{name}" for name in classes)],
        [
            (names[i], classes[t], classes[g], p.max(), t == g, *p)
            for i, t, g, p in zip(parts["test"], truth, guess, probabilities, strict=True)
        ],
    )
    return run


def metrics(epochs: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Plausible curves."""
    rows = []
    for epoch in range(1, epochs + 1):
        fall = float(np.exp(-epoch / 5))
        noise = rng.normal(size=4) * 0.01
        rows.append({
            "epoch": epoch, "step": epoch * 17, "seconds": epoch * 1.07,
            "lr": 0.01 * (epoch / 3 if epoch < 3 else float(0.5 + 0.5 * np.cos(np.pi * (epoch - 3) / epochs))),
            "train_loss": 0.05 + 2.2 * fall + noise[0], "train_accuracy": 0.99 - 0.8 * fall + noise[1] / 2,
            "validation_loss": 0.14 + 2.1 * fall + noise[2], "validation_accuracy": 0.965 - 0.8 * fall + noise[3] / 2,
        })  # fmt: skip
    return rows


def table(path: Path, head: list[str], rows: list[object]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An ordinary finished run."""
    return make_run(tmp_path_factory.mktemp("runs") / "ordinary")


@pytest.fixture(scope="session")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on the same samples with a much weaker network."""
    return make_run(tmp_path_factory.mktemp("runs") / "worse", strength=1e-4, epochs=9, seed=1)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose class names attack the page."""
    return make_run(tmp_path_factory.mktemp("runs") / "hostile <b>", HOSTILE)
