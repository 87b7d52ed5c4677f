"""Negatives: a task whose answer is an image. Of each pixel x, from 0 to 1, the network learns 1 − x; any images will do."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from neocog.data.cells import csv_of
from neocog.data.normalise import normalise
from neocog.metrics.intervals import mean_measures
from neocog.networks import build
from neocog.tasks.evaluation import Evaluation, Report, measures_of
from neocog.tasks.files import chunks, put
from neocog.tasks.masks import names_of, png
from neocog.tasks.objective import Objective
from neocog.tasks.report.quality import measures_section
from neocog.tasks.task import Predicted, Task


class Negatives(Task):
    name, labels, losses = "negatives", "none", ("l1",)
    purpose, models = "images", {"images": "edsr"}  # networks that give images

    def scaled(self, preprocessing):  # to 0 … 1, not to mean 0
        low, spread, count = preprocessing.low, preprocessing.high - preprocessing.low, preprocessing.channels
        return replace(preprocessing, mean=(low,) * count, std=(spread,) * count)

    def objective(self, config, dataset, preprocessing, train):
        model, plan = config.model, preprocessing
        return Differences(lambda: build(model.model, plan.inputs, plan.size, plan.channels, **model.options))

    def facts(self, session):
        return {"outputs": session.preprocessing.channels}

    def answers(self, predictor, samples, advance):  # (n,): mean absolute error of each image
        found = [np.empty(0)]
        for where, pixels in samples.batches(predictor.preprocessing):
            wanted = 1 - normalise(pixels, predictor.preprocessing).numpy()
            found.append(np.abs(predictor.of_pixels(pixels) - wanted).mean((1, 2, 3)))
            advance(len(where))
        return np.concatenate(found)

    def evaluation(self, predictor, answers, samples):
        return Evaluation({"mae": mean_measures(answers[:, None], ("positive",), samples.groups, samples.seed)[0]})

    def report(self, session, trained, predictor, answers, evaluated):
        names = (str(session.dataset.names[at]) for at in session.loader.parts["test"])
        rows = zip(names, answers.tolist(), strict=True)
        return Report(csv_of(("path", "error"), rows), [measures_section(*measures_of(evaluated))])

    def predict(self, predictor, paths, out, advance):
        parts = [part for chunk in chunks(paths, predictor, advance) for part in chunk]
        written = []
        for part, name in zip(parts, names_of(paths), strict=True):
            if out is not None and not part.fault:
                shares = predictor.of_pixels(torch.from_numpy(part.pixels[None]))[0].clip(0, 1)
                image = Image.fromarray(np.rint(255 * shares).astype(np.uint8).transpose(1, 2, 0).squeeze())
                written.append(put(out / name.with_suffix(".png"), png(image)))
        rows = ({"path": part.name, "skipped": part.fault} for part in parts)
        return Predicted(("path", "skipped"), tuple(rows), tuple(written))


class Differences(Objective):
    def __init__(self, network):
        self.network = network

    def networks(self):
        return {"model": self.network()}

    def each(self, nets, batch):  # (B,) losses
        return (self.predict(nets, batch.inputs) - (1 - batch.inputs)).abs().mean((1, 2, 3))

    def losses(self, nets, batch):
        yield "model", batch.mean(self.each(nets, batch))

    def predict(self, nets, inputs):
        return nets["model"](inputs).float()

    def tally(self, nets, batch):
        return {"mae": self.each(nets, batch).double().sum(), "n": torch.tensor(len(batch), dtype=torch.float64)}

    def measures(self, totals):  # the first one says which epoch is best: the higher, the better
        mae = float(totals["mae"] / totals["n"])
        return {"score": -mae, "mae": mae}

    def sections(self, classes, totals):
        return []
