"""Classification, from settings to report: one of K classes for each sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neocog.config import Config
from neocog.data.dataset import Array, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, listed
from neocog.interop.engine import computed_by
from neocog.metrics.calibration import calibration_bins
from neocog.metrics.classification import classification_measures, per_class
from neocog.metrics.conformal import class_scores, kept
from neocog.metrics.counts import confusion
from neocog.metrics.unseen import best_cut
from neocog.networks import build
from neocog.predictor import Predictor, probabilities
from neocog.records import Section
from neocog.refusal import Refusal
from neocog.tasks.about import position
from neocog.tasks.classification.blocks import predict_blocks
from neocog.tasks.classification.calibration import calibration, other_shares, pull, stated
from neocog.tasks.classification.default import SMALL_PICTURES, learns_small_pictures
from neocog.tasks.classification.mistakes import Example, mistakes_section, most_confident
from neocog.tasks.classification.objective import Classification, balanced_weights
from neocog.tasks.classification.predictions import (
    MISTAKES,
    RANKS,
    class_rows,
    columns,
    predictions_csv,
    rejection_threshold,
    set_of,
)
from neocog.tasks.classification.reading import reading_section
from neocog.tasks.classification.sets import sets_section
from neocog.tasks.classification.traits import ClassificationTraits
from neocog.tasks.classification.unknown import Unknown, refusal_of, unknown_of, unseen_measures, unseen_section
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples, measures_of, outputs_of
from neocog.tasks.files import batches, chunks
from neocog.tasks.report.quality import calibration_section, measures_section
from neocog.tasks.task import Predicted, Session, Task, Trained
from neocog.tasks.thumbnails import thumbnails


@dataclass(frozen=True)
class Answers:
    """Logits (n, K) of samples, and their true classes (n,); ``unknown``: samples of classes that no network saw."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    unknown: Unknown | None = None


class ClassificationTask(ClassificationTraits, Task):
    """One label a sample."""

    models: ClassVar = {"images": "cnn", "sequences": "barcode-resnet", "volumes": "resnet3d"}
    most_batch = 64  # of MNIST and CIFAR-10 the validation parts were answered better than with 128, in as many epochs
    steps = 10_000

    def check(self, config: Config, dataset: Dataset) -> None:
        if config.data.unseen and config.data.folds:
            raise UserError("--unseen and --folds cannot go together", fix="leave one of the two out")

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        if learns_small_pictures(config, dataset):
            config = replace(config, model=SMALL_PICTURES)
        return super().resolved(config, dataset)

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Classification:
        training, model = config.training, config.model

        def network() -> torch.nn.Module:
            net = build(model.model, preprocessing.inputs, preprocessing.size, len(dataset.classes), **model.options)
            return computed_by(training.engine, net, preprocessing.inputs, preprocessing.size)

        weights: tuple[float, ...] = ()
        if training.class_weights == "balanced":
            weights = balanced_weights(dataset.labels[train].tolist(), len(dataset.classes))
        return Classification(network, dataset.classes, training.loss, training.label_smoothing, weights)  # type: ignore[arg-type]

    def facts(self, session: Session) -> dict[str, Any]:
        return {} if session.dataset.form == "sequences" else {"stored": usual_size(session)}

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        answers = self.read(predictor, samples, outputs_of(predictor, samples, len(predictor.classes), advance))
        return replace(answers, unknown=unknown_of(predictor, samples))

    def read(self, predictor: Predictor, samples: Samples, outputs: Array) -> Answers:
        return Answers(outputs, matched(samples.dataset, predictor.classes)[samples.positions])

    def learned(
        self, predictor: Predictor, validation: Answers, session: Session, parts: Mapping[str, Samples],
        advance: Advance,
    ) -> dict[str, Any]:  # fmt: skip
        facts = calibration(
            validation.logits, validation.labels, pull(session), session.dataset.labels[parts["train"].positions]
        )
        if not len(parts["validation"]):  # answers of networks that learned from other parts of the training part
            facts["prevalence"]["part"] = "train"
        if len(validation.labels):
            offsets = np.array(facts["offsets"]) if "offsets" in facts else None
            likely = probabilities(validation.logits, facts["temperature"], offsets)
            facts["conformal"] = kept(class_scores(likely, validation.labels)[None])
        if validation.unknown is not None:
            if not len(validation.labels):
                raise UserError(
                    "--unseen needs a validation part to set the threshold", fix="give --split a second share"
                )
            facts["rejection_threshold"] = best_cut(validation.logits.max(axis=1), validation.unknown.scores)
        elif session.dataset.form == "sequences":
            facts |= rejection_threshold(validation.logits)
        return facts

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        logits, labels, groups, seed = answers.logits, answers.labels, samples.groups, samples.seed
        found = classification_measures(logits, labels, groups, seed, predictor.temperature, predictor.offsets)
        if answers.unknown is not None and samples.part == "test":
            found |= unseen_measures(logits.max(axis=1), answers.unknown, predictor.facts["rejection_threshold"])
        return Evaluation(found, {"per_class": per_class(logits, labels, predictor.classes, groups, seed)})

    def scores(self, predictor: Predictor, answers: Answers) -> NDArray[np.float64]:
        """1 where the class is right, else 0."""
        return np.asarray(answers.logits.argmax(axis=1) == answers.labels, np.float64)

    def differences(self, predictor: Predictor, answers: Answers) -> list[str]:
        return [*super().differences(predictor, answers), *other_shares(predictor, answers.labels)]

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        test, dataset = session.loader.parts["test"], session.dataset
        calibrated = predictor.probabilities(answers.logits)
        sections = _sections(session, predictor, answers, calibrated, evaluated)
        if dataset.form == "sequences":
            sections.append(reading_section(session, predictor, test, answers.logits.argmax(1)))
        if answers.unknown is not None:
            assert session.data.unseen is not None
            measures = evaluated["test"].measures
            sections.append(
                unseen_section(measures, len(session.data.unseen.classes), predictor.facts["rejection_threshold"])
            )
        kept = ("temperature", "offsets", "prevalence", "stored", "rejection_threshold")
        return Report(
            predictions=predictions_csv(dataset, test, answers.labels, answers.logits, calibrated),
            sections=sections,
            result={name: predictor.facts[name] for name in kept if name in predictor.facts},
        )

    def predict_blocks(self, predictor: Predictor, paths: Sequence[Path], advance: Advance) -> tuple[Predicted, str]:
        if predictor.preprocessing.encoding == "nucleotides":
            raise UserError("--tiled is not for sequences", fix="leave it out")
        return predict_blocks(predictor, paths, advance)

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The logit of the class."""
        named = position(about, predictor.classes)
        index = outputs.argmax(1) if named is None else torch.full((len(outputs),), named)
        shares = predictor.probabilities(outputs.detach().float().numpy())[range(len(index)), index.numpy()]
        texts = [f"{predictor.classes[k]} {share:.1%}" for k, share in zip(index.tolist(), shares, strict=True)]
        return outputs.gather(1, index[:, None])[:, 0], texts

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(N, K) calibrated probabilities, in the order of the run's classes."""
        found = [predictor.probabilities(predictor.of_pixels(pixels)) for pixels in batches(images, names, predictor)]
        return np.concatenate(found)

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Label and calibrated probability of the likeliest class, of up to two runners-up, and of every class.

        Where a coverage is asked for, ``set`` has the classes among which the truth is as often, the likeliest first.
        Where it is asked for, or a threshold is recorded for the largest logit, ``none`` is "yes" for a sample that looks like
        none of the classes; asked for, with its score as ``familiarity``.
        """
        rows: list[dict[str, Any]] = []
        refusal, classes = refusal_of(predictor), predictor.classes
        for chunk in chunks(paths, predictor, advance):
            good = [part.pixels for part in chunk if part.pixels is not None]
            found = iter(_answered(predictor, refusal, np.stack(good)) if good else ())
            for part in chunk:
                row: dict[str, Any] = {"path": part.name, "skipped": part.fault}
                if not part.fault:
                    scores, values, familiarity = next(found)
                    row |= class_rows(scores, values, classes)
                    if predictor.coverage is not None:
                        row["set"] = set_of(values, predictor.thresholds[0], classes)
                    if refusal is not None:
                        row["none"] = "yes" if familiarity < refusal.cut else ""
                    if predictor.refuses is not None:
                        row["familiarity"] = float(familiarity)
                rows.append(row)
        heads = [
            *(head for pair in RANKS for head in pair),
            *["set"] * (predictor.coverage is not None),
            *columns(classes),
            *["none"] * (refusal is not None),
            *["familiarity"] * (predictor.refuses is not None),
        ]
        return Predicted(("path", *heads, "skipped"), tuple(rows))


def _answered(
    predictor: Predictor, refusal: Refusal | None, pixels: Array
) -> Iterator[tuple[Array, NDArray[np.float64], float]]:
    """Logits (K,), calibrated probabilities (K,) and familiarity of each sample (B, C, …)."""
    features = None
    if refusal is None or refusal.familiar is None:
        logits = predictor.of_pixels(torch.from_numpy(pixels))
    else:
        logits, features = predictor.with_features(torch.from_numpy(pixels))
    familiar = np.full(len(logits), np.inf) if refusal is None else refusal.scores(logits, features)
    yield from zip(logits, predictor.probabilities(logits), familiar, strict=True)


def usual_size(session: Session) -> list[int]:
    """The median sides of the training samples as stored: the scale at which the network learned."""
    return [int(side) for side in np.median(session.stored_sizes("train"), axis=0)]


def matched(dataset: Dataset, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """(N,) labels in the run's order of classes. Raises UserError for classes that the run does not know."""
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise UserError(f"the run does not know the classes {listed(unknown)}", fix=f"it knows {listed(classes, 30)}")
    order = np.array([classes.index(name) for name in dataset.classes], dtype=np.int64)
    return order[dataset.labels]


def _sections(
    session: Session, predictor: Predictor, test: Answers, calibrated: NDArray[np.float64],
    evaluated: Mapping[str, Evaluation],
) -> list[Section]:  # fmt: skip
    """Results, confusion, mistakes, calibration."""
    classes, raw = session.dataset.classes, probabilities(test.logits)
    correct = raw.argmax(1) == test.labels
    top = np.arange(len(raw)), raw.argmax(1)
    groups = None if session.dataset.groups is None else session.dataset.groups[session.loader.parts["test"]]
    bins = [calibration_bins(p[top], correct) for p in (raw, calibrated)]
    totals = {"confusion": torch.from_numpy(confusion(test.labels, raw.argmax(1), len(classes)))}
    return [
        measures_section(*measures_of(evaluated)),
        *session.objective.sections(classes, totals),
        _mistakes(session, test, calibrated),
        calibration_section(bins[0], bins[1], predictor.temperature, stated(predictor.facts)),
        *sets_section(predictor, calibrated, test.labels, groups),
    ]


def _mistakes(session: Session, test: Answers, calibrated: NDArray[np.float64]) -> Section:
    """The test samples that the network is most confident of, among the wrong and among the right."""
    prediction = test.logits.argmax(1)
    confidence = calibrated[np.arange(len(prediction)), prediction]
    names, samples = session.dataset.classes, session.loader.parts["test"]
    examples = [
        [
            Example(
                png=png,
                name=session.dataset.names[samples[place]],
                truth=names[test.labels[place]],
                prediction=names[prediction[place]],
                probability=float(confidence[place]),
            )
            for png, place in zip(thumbnails(session, samples[places]), places, strict=True)
        ]
        for places in most_confident(test.labels, prediction, confidence, MISTAKES)
    ]
    wrong = int((prediction != test.labels).sum())
    return mistakes_section(examples[0], examples[1], wrong, len(test.labels))
