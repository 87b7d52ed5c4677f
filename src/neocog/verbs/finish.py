"""What comes after learning: the best weights, calibration, the test part measured, predictions, result and report."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.cells import safe_cell
from neocog.data.dataset import Dataset
from neocog.data.split import fingerprint
from neocog.engine.loop import Learner, Loop
from neocog.measures.calibration import fit_temperature
from neocog.measures.classification import classification_measures, per_class
from neocog.pages import sections_to_json, write_report
from neocog.predictor import save_predictor
from neocog.run import Measure, Run, to_json, write_atomically
from neocog.verbs.chapters import chapters
from neocog.verbs.job import Job
from neocog.verbs.predict import ranked
from neocog.verbs.screen import Screen

MOST_COLUMNS = 100  # classes up to which predictions.csv has a column for each


@dataclass(frozen=True)
class Judged:
    """Logits (N, K) of one part, in the order of ``samples`` (N,), positions in the data set."""

    samples: NDArray[np.int64]
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_] | None


def finish_run(job: Job, learner: Learner, loop: Loop, screen: Screen, seconds: float) -> None:
    """Write all that a finished run holds. Nothing here changes the network; the test part is looked at for the first time."""
    for name, state in learner.best.items():
        learner.judged[name].load_state_dict(state)
    screen.say(
        f"best epoch: {learner.counters.best_epoch} of {len(learner.counters.rows)}; measuring it on the test part"
    )
    validation, test = judge(job, learner, loop, "validation"), judge(job, learner, loop, "test")
    temperature = fit_temperature(validation.logits, validation.labels) if len(validation.samples) else 1.0
    measures = {"test": measured(test, job, temperature)}
    if len(validation.samples):
        measures["validation"] = measured(validation, job, temperature)
    run, model = loop.run, job.config.model
    network = learner.judged["model"]
    save_predictor(run, network, model.model, dict(model.options), job.preprocessing, job.dataset.classes, temperature)
    write_atomically(run.predictions, predictions_csv(job.dataset, test, temperature))
    result = {
        "run": str(run.folder),
        "report": str(run.report),
        "task": "classification",
        "model": model.model,
        "parameters": sum(p.numel() for p in network.parameters()),
        "classes": list(job.dataset.classes),
        "n": job.counts(),
        "measures": {part: {name: asdict(value) for name, value in found.items()} for part, found in measures.items()},
        "per_class": per_class(test.logits, test.labels, job.dataset.classes, test.groups, job.config.training.seed),
        "temperature": temperature,
        "seconds": seconds,
        "epochs": len(learner.counters.rows),
        "best_epoch": learner.counters.best_epoch,
        "images_per_second": speed(loop, learner),
        "precision": loop.precision.name,
        "data": {"kind": job.dataset.kind, "fingerprint": fingerprint(job.data.digests, job.dataset.labels.tolist())},
    }
    write_atomically(run.sections, sections_to_json(chapters(job, learner, loop, test, measures, result)))
    write_atomically(run.result, to_json(result))
    write_report(run)
    said(measures["test"], run, screen)


def judge(job: Job, learner: Learner, loop: Loop, part: str) -> Judged:
    """Logits of a whole part, from this process alone, in fp32 as ``predict`` computes them."""
    feed = replace(loop.feed, rank=0, world=1)
    samples, logits = [np.empty(0, np.int64)], [np.empty((0, len(job.dataset.classes)), np.float32)]
    for net in learner.judged.values():
        net.eval()
    with torch.no_grad():
        for batch in feed.evaluation(part):
            samples.append(batch.samples)
            logits.append(job.task.predict(learner.judged, batch.inputs).cpu().numpy())
    where = np.concatenate(samples)
    groups = None if job.dataset.groups is None else job.dataset.groups[where]
    return Judged(where, np.concatenate(logits), job.dataset.labels[where], groups)


def measured(judged: Judged, job: Job, temperature: float) -> dict[str, Measure]:
    """Every measure with its interval."""
    return classification_measures(judged.logits, judged.labels, judged.groups, job.config.training.seed, temperature)


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """(N, K) calibrated probabilities."""
    scaled = logits.astype(np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    result: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def predictions_csv(dataset: Dataset, test: Judged, temperature: float) -> str:
    """One row a test image: truth, prediction, calibrated probabilities."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    classes = dataset.classes
    each = [safe_cell(f"p:{name}") for name in classes] if len(classes) <= MOST_COLUMNS else []
    heads = [
        "path",
        "label",
        "prediction",
        "probability",
        "correct",
        "second",
        "second_probability",
        "third",
        "third_probability",
    ]
    writer.writerow([*heads, *each])
    for index, truth, values in zip(test.samples, test.labels, probabilities(test.logits, temperature), strict=True):
        top = ranked(values, classes)
        row: list[Any] = [
            safe_cell(dataset.names[index]),
            safe_cell(classes[truth]),
            safe_cell(top["label"]),
            top["probability"],
        ]
        row.append(int(top["label"] == classes[truth]))
        row += [safe_cell(v) if isinstance(v := top.get(name, ""), str) else v for name in heads[5:]]
        writer.writerow([*row, *(f"{value:.6g}" for value in values if each)])
    return text.getvalue()


def speed(loop: Loop, learner: Learner) -> float | None:
    """Training images a second: the median over the steps of this process."""
    times = sorted(loop.times)
    return round(loop.config.batch / times[len(times) // 2], 1) if times else None


def said(measures: dict[str, Measure], run: Run, screen: Screen) -> None:
    """The end of every training: how good, on how many, how sure, and where to look."""
    name, value = next(iter(measures.items()))
    n = f"{value.n:,} test images"
    screen.say(f"test {name} {value.value:.4f} (95 % interval {value.low:.4f} to {value.high:.4f}, {n})", "bold")
    screen.say(f"report: {run.report}")
