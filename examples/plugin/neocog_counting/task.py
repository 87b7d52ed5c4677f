"""Counting as Poisson regression: the network gives the logarithm of how many objects are to be expected."""

import csv
import io

import numpy as np
import torch

from neocog.metrics.intervals import mean_measures
from neocog.networks import build
from neocog.tasks.evaluation import Evaluation, Report, measures_of, outputs_of
from neocog.tasks.files import chunks
from neocog.tasks.report.quality import measures_section
from neocog.tasks.task import Predicted, Task
from neocog_counting.objective import Counts


class Counting(Task):
    name = "counting"
    labels = "values"
    losses = ("poisson", "mse")
    settings = ("targets",)  # of neocog's settings, those that belong to it and not to every task
    models = {"images": "density"}

    def objective(self, config, dataset, preprocessing, train):
        model, size = config.model, preprocessing.size
        return Counts(lambda: build(model.model, preprocessing.inputs, size, 1, **model.options), config.training.loss)

    def facts(self, session):
        return {"outputs": 1}

    def answers(self, predictor, samples, advance):  # (n, 2): what was counted, and the truth
        counted = np.exp(outputs_of(predictor, samples, 1, advance)[:, 0])
        return np.stack([counted, samples.dataset.values[samples.positions, 0]], axis=1)

    def evaluation(self, predictor, answers, samples):
        errors = np.abs(answers[:, 0] - answers[:, 1])
        (mae,) = mean_measures(errors[:, None], ("positive",), samples.groups, samples.seed)
        return Evaluation({"mae": mae})

    def report(self, session, trained, predictor, answers, evaluated):
        names = [str(session.dataset.names[at]) for at in session.loader.parts["test"]]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["path", "true count", "count"])
        writer.writerows(
            [name, f"{true:g}", f"{found:.3f}"] for name, (found, true) in zip(names, answers, strict=True)
        )
        return Report(text.getvalue(), [measures_section(*measures_of(evaluated))])

    def predict(self, predictor, paths, out, advance):
        rows = []
        for part in (part for chunk in chunks(paths, predictor, advance) for part in chunk):
            row = {"path": part.name, "skipped": part.fault}
            if not part.fault:
                row["count"] = round(float(np.exp(predictor.of_pixels(torch.from_numpy(part.pixels[None]))[0, 0])), 3)
            rows.append(row)
        return Predicted(("path", "count", "skipped"), tuple(rows))
