"""The chapters of a classification's report, gathered from what training left behind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neocog.data.dataset import SPLITS
from neocog.engine.loop import Learner, Loop
from neocog.measures.calibration import calibration_bins
from neocog.measures.counts import confusion
from neocog.networks.summary import first_filters, layers
from neocog.run import Measure, Picture, Section
from neocog.tasks import chapters as chapter
from neocog.verbs.job import Job

if TYPE_CHECKING:
    from neocog.verbs.finish import Judged

SHOWN = 12  # pictures of each kind


def chapters(
    job: Job,
    learner: Learner,
    loop: Loop,
    test: Judged,
    measures: Mapping[str, Mapping[str, Measure]],
    result: Mapping[str, Any],
) -> list[Section]:
    """Data, network, training, results, mistakes, calibration, filters, how to repeat it."""
    network = learner.judged["model"]
    classes, temperature = job.dataset.classes, float(result["temperature"])
    table = layers(network, job.preprocessing.channels, job.preprocessing.size)
    raw, calibrated = _probabilities(test, 1.0), _probabilities(test, temperature)
    correct = raw.argmax(1) == test.labels
    bins = [calibration_bins(p.max(1), correct) for p in (raw, calibrated)]
    totals = {"confusion": torch.from_numpy(confusion(test.labels, raw.argmax(1), len(classes)))}
    facts = json.loads(loop.run.environment.read_text(encoding="utf-8"))
    found = [
        chapter.measures_chapter(measures, result["per_class"]),
        *job.task.sections(classes, totals),
        _mistakes(job, loop, test, calibrated),
        chapter.calibration_chapter(bins[0], bins[1], temperature),
        _data(job, loop),
        chapter.network_chapter(
            job.config.model.model,
            [(row.name, row.kind, row.shape, row.parameters) for row in table],
            int(result["parameters"]),
            (job.preprocessing.channels, *job.preprocessing.size),
        ),
        chapter.training_chapter(learner.counters.rows),
    ]
    weights = first_filters(network)
    if weights is not None:
        found.append(chapter.filters_chapter(weights.numpy()))
    found.append(chapter.environment_chapter(facts, shlex.join(facts["command"])))
    return found


def _probabilities(test: Judged, temperature: float) -> np.ndarray[Any, Any]:
    from neocog.verbs.finish import probabilities

    return probabilities(test.logits, temperature)


def _data(job: Job, loop: Loop) -> Section:
    """Counts of each class in each part, findings, and a few samples of every class."""
    count = len(job.dataset.classes)
    counts = {part: np.bincount(job.dataset.labels[job.parts == part], minlength=count).tolist() for part in SPLITS}
    train = loop.feed.parts["train"]
    each = max(1, 2 * SHOWN // count)
    chosen = np.concatenate(
        [train[job.dataset.labels[train] == label][:each] for label in range(min(count, 2 * SHOWN))]
    )
    captions = [job.dataset.classes[job.dataset.labels[index]] for index in chosen]
    samples = [Picture(png, caption) for png, caption in zip(_thumbnails(job, loop, chosen), captions, strict=True)]
    return chapter.data_chapter(job.dataset.kind, job.dataset.classes, counts, job.data.findings, samples)


def _mistakes(job: Job, loop: Loop, test: Judged, probabilities: np.ndarray[Any, Any]) -> Section:
    """The test images that the network is surest of, among the wrong and among the right."""
    prediction, surety = probabilities.argmax(1), probabilities.max(1)
    groups = chapter.worst_and_surest(test.labels, prediction, surety, SHOWN)
    names = job.dataset.classes
    examples = []
    for places in groups:
        pictures = _thumbnails(job, loop, test.samples[places])
        examples.append(
            [
                chapter.Example(
                    png=png,
                    name=job.dataset.names[test.samples[place]],
                    truth=names[test.labels[place]],
                    prediction=names[prediction[place]],
                    probability=float(surety[place]),
                )
                for png, place in zip(pictures, places, strict=True)
            ]
        )
    wrong = int((prediction != test.labels).sum())
    return chapter.mistakes_chapter(examples[0], examples[1], wrong, len(test.labels))


def _thumbnails(job: Job, loop: Loop, samples: np.ndarray[Any, Any]) -> list[str]:
    """Pictures of samples as the network is shown them, before normalisation."""
    if not len(samples):
        return []
    pixels = np.asarray(torch.as_tensor(next(iter(loop.feed.store.stream([samples])))).cpu())
    return [chapter.thumbnail(image, job.preprocessing.low, job.preprocessing.high) for image in pixels]
