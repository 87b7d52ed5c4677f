"""Counting as Poisson regression: the network gives the logarithm of how many objects are to be expected."""

from typing import Annotated

import numpy as np

from neocog.data.cells import csv_of
from neocog.metrics.intervals import mean_measures
from neocog.networks import build
from neocog.tasks.evaluation import Evaluation, Report, measures_of, outputs_of
from neocog.tasks.files import rows_of
from neocog.tasks.report.quality import measures_section
from neocog.tasks.task import Predicted, Task
from neocog_counting.objective import Counts


class Counting(Task):
    name, labels, losses = "counting", "values", ("poisson", "mse")
    settings = ("targets",)  # of neocog's settings, those that belong to it and not to every task
    models = {"images": "density"}

    def __init__(self, *, empty: Annotated[float, "Expected count of an image without objects."] = 0.001):
        self.empty = empty

    def objective(self, config, dataset, preprocessing, train):
        model, size = config.model, preprocessing.size
        return Counts(
            lambda: build(model.model, preprocessing.inputs, size, 1, **model.options), config.training.loss, self.empty
        )

    def answers(self, predictor, samples, advance):  # (n, 2): what was counted, and the truth
        counted = np.exp(outputs_of(predictor, samples, 1, advance)[:, 0]) + self.empty
        return np.stack([counted, samples.dataset.values[samples.positions, 0]], axis=1)

    def evaluation(self, predictor, answers, samples):
        errors = np.abs(answers[:, :1] - answers[:, 1:])
        return Evaluation({"mae": mean_measures(errors, ("positive",), samples.groups, samples.seed)[0]})

    def report(self, session, trained, predictor, answers, evaluated):
        names = (str(session.dataset.names[at]) for at in session.loader.parts["test"])
        rows = (
            (name, round(true), round(found, 3)) for name, (found, true) in zip(names, answers.tolist(), strict=True)
        )
        return Report(csv_of(("path", "true count", "count"), rows), [measures_section(*measures_of(evaluated))])

    def predict(self, predictor, paths, out, advance):
        rows = rows_of(paths, predictor, advance, lambda logs: {"count": round(float(np.exp(logs[0]) + self.empty), 3)})
        return Predicted(("path", "count", "skipped"), tuple(rows))
