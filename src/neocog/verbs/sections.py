"""The sections of a report: the task's results, then what every training has: data, network, curves, environment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from neocog.data.dataset import SPLITS
from neocog.data.taken import losses
from neocog.documents import read_json
from neocog.engine.counters import Counters
from neocog.engine.groups import in_words
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.networks.summary import first_filters, layers
from neocog.records import Picture, Section
from neocog.tasks.report.data import data_section
from neocog.tasks.report.environment import environment_section
from neocog.tasks.report.network import filters_section, network_section
from neocog.tasks.report.pretrained import pretrained_section
from neocog.tasks.report.training import training_section
from neocog.tasks.task import Session
from neocog.tasks.thumbnails import thumbnails
from neocog.verbs.probe import probe_lines

SHOWN = 24  # training samples that are shown


def sections(
    session: Session, learner: Learner, loop: Loop, results: Sequence[Section], history: Sequence[str]
) -> list[Section]:
    """Results, data, network, pretrained weights, training, filters, how to repeat it. ``history``: what was changed
    while it was trained."""
    network, preprocessing = learner.evaluated[session.task.network], session.preprocessing
    facts = read_json(loop.run.environment)
    found = [*results, _data(session, loop)]
    size = session.task.input_shape(session)
    table = layers(network, size[0], size[1:])
    rows = [(row.name, row.kind, row.shape, row.parameters) for row in table]
    parameters = sum(p.numel() for p in network.parameters())
    found.append(network_section(session.config.model.model, rows, parameters, size))
    if session.data.source is not None and session.config.transfer.pretrained:
        found.append(pretrained_section(session.data.source))
    found.append(
        training_section(
            learner.counters.rows,
            [
                *history,
                *probe_lines(learner.counters, session.task, session.config.transfer.probe_views),
                *(in_words(loop.groups.names, learner.counters.groups) if loop.groups is not None else ()),
                *(str(each) for each in session.decisions),
            ],
            learner.counters.best_epoch,
            session.objective.chooses,
        )
    )
    weights = first_filters(network)
    if weights is not None and preprocessing.encoding == "intensity":
        found.append(filters_section(weights.numpy()))
    found.append(environment_section(facts | decided(learner.counters), shlex.join(facts["command"])))
    return found


def decided(counters: Counters) -> dict[str, str]:
    """What the clock decided, and from which step on it held: {"threads.chosen": "2 from step 0, 1 from step 300"}."""
    decisions = {"threads.chosen": counters.threads, "steps.planned": counters.plans}
    found = {
        name: ", ".join(f"{number} from step {step}" for step, number in each)
        for name, each in decisions.items()
        if each
    }
    return found | ({"precision.chosen": counters.precision} if counters.precision else {})


def _data(session: Session, loop: Loop) -> Section:
    """Counts of each class in each part, findings, and a few samples of every class."""
    dataset, train = session.dataset, loop.loader.parts["train"]
    classes = dataset.classes if dataset.has_classes else ("all",)
    count = len(classes)
    counts = {part: np.bincount(dataset.labels[session.parts == part], minlength=count).tolist() for part in SPLITS}
    each = max(1, SHOWN // count)
    chosen = np.concatenate([train[dataset.labels[train] == label][:each] for label in range(min(count, SHOWN))])
    captions = [session.task.caption(dataset, int(index)) for index in chosen]
    samples = [Picture(png, caption) for png, caption in zip(thumbnails(session, chosen), captions, strict=True)]
    shown = counts, session.data.findings, samples, dataset.form
    return data_section(dataset.kind, classes, *shown, taken=dataset.taken, lost=losses(dataset))
