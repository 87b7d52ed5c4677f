"""Detection, from settings to report: boxes around the objects of an image, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from neocog.augment.boxes import BoxChanges, check, usual
from neocog.config import Config
from neocog.data.dataset import Array, BadImage, Dataset
from neocog.data.fit_boxes import fitted
from neocog.data.loader import Resident, Store, Transform
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, count, listed, raise_all
from neocog.interop.onnx import Answer
from neocog.metrics.box_errors import errors_of
from neocog.networks import build, check_options
from neocog.predictor import Predictor
from neocog.tasks.about import position
from neocog.tasks.detection.answers import Answers, answers_of, evaluation_of, predictions_csv, thresholds_of
from neocog.tasks.detection.decode import boxes_of
from neocog.tasks.detection.exported import answer_of
from neocog.tasks.detection.files import FORMATS, data_set, table_csv
from neocog.tasks.detection.files import Image as FoundImage
from neocog.tasks.detection.objective import Detection
from neocog.tasks.detection.own_size import Found, found_in
from neocog.tasks.detection.pictures import colours_of, outlined, picture_of
from neocog.tasks.detection.report import (
    baselines_section,
    cases_section,
    counts_section,
    performance_section,
    precision_section,
)
from neocog.tasks.detection.scores import scores_sections
from neocog.tasks.detection.traits import DetectionTraits
from neocog.tasks.evaluation import AT_ONCE, Advance, Evaluation, Report, Samples, measures_of
from neocog.tasks.files import header_in_memory, put, read
from neocog.tasks.masks import names_of, png
from neocog.tasks.shown import Box, Shown
from neocog.tasks.task import Data, Predicted, Session, Task, Trained

BATCH = 8  # images a step, unless --batch says otherwise
CELLS = 2.5  # of a network's stride that the median object's smaller side should have at least
LEAST_MOST, MORE = (
    100,
    3,
)  # boxes that are told of an image: three times as many as any training image has, 100 at least
MOST_TOLD = 50


class DetectionTask(DetectionTraits, Task):
    """Boxes of several classes."""

    purpose = "boxes"
    most_epochs = 100
    models: ClassVar = {"images": "ttf"}
    formats = FORMATS

    def check(self, config: Config, dataset: Dataset) -> None:
        if dataset.form != "images":
            raise UserError(f"--task detection is not for {dataset.form}", fix="give images with boxes")
        assert dataset.boxes is not None
        faults = dataset.boxes.faults if config.data.on_bad == "stop" else ()
        more = [UserError(f"{count(faults, 'box')} cannot be used", fix="--on-bad skip leaves these boxes out")]
        raise_all([*faults[:MOST_TOLD], *(more if faults else [])])

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        """The stride follows from the median of the objects' smaller sides, at the size that the network sees."""
        config = super().resolved(config, dataset)
        model, options = config.model, dict(config.model.options)
        if ":" in model.model:
            raise UserError(f"--model {model.model} gives no boxes", fix="--model ttf")
        if "stride" not in check_options(model.model, options) and config.data.size:
            options["stride"] = 8 if _median_side(dataset, config) >= CELLS * 8 else 4
        batch = config.training.batch or max(1, min(BATCH, len(dataset) // 4))
        training = replace(config.training, batch=batch)
        return replace(config, model=replace(model, options=options), training=training)

    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Detection:
        assert dataset.boxes is not None
        chosen = np.isin(dataset.boxes.images, train) & ~dataset.boxes.ignored
        counts = np.bincount(dataset.boxes.labels[chosen], minlength=len(dataset.classes))
        if not counts.all():
            names = listed(name for name, count in zip(dataset.classes, counts, strict=True) if not count)
            what = f"no box of {names} among the {count(train, 'training image')}"
            raise UserError(what, fix="another --split-seed, or leave the class out")
        model = config.model

        def network() -> torch.nn.Module:
            return build(model.model, preprocessing.inputs, preprocessing.size, len(dataset.classes), **model.options)

        return Detection(network, dataset.classes, max(1.0, float(counts.sum()) / len(train)), _most(dataset, train))

    def targets(self, data: Data, config: Config) -> Store:
        assert data.dataset.boxes is not None
        return Resident(fitted(data.dataset.boxes, data.plan))

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
        policy = usual(preprocessing, dataset.mirror).changed(config.training.augment)
        check(policy)
        return (BoxChanges(policy) if policy.is_on() else None), None

    def at_most(self, pixels: int) -> int:
        return max(1, AT_ONCE // pixels)

    def caption(self, dataset: Dataset, index: int) -> str:
        return dataset.target_text(index) or "nothing"

    def overlaid(self, picture: Array, target: Array) -> Array:
        """(H, W, 3) with the boxes (M, 6) in the colours of their classes, ignored ones in grey."""
        there = target[target[:, 0] >= 0]
        colours = colours_of(int(there[:, 0].max(initial=0)) + 1)
        lines = [(row[1:5].astype(np.float64), (128, 128, 128) if row[5] else colours[int(row[0])]) for row in there]
        return outlined(picture, lines)

    def facts(self, session: Session) -> dict[str, Any]:
        """``stored``: the largest sides of the training images, from which on an image is cut into windows; ``largest``: the
        longest side of a training box as the network sees it; ``most``: boxes that are told of an image; ``border_ignore``:
        whether those at its border are left out."""
        train = np.flatnonzero(session.parts == "train")
        assert session.dataset.boxes is not None
        seen = fitted(session.dataset.boxes, session.preprocessing)[train]
        sides = (seen[..., 3:5] - seen[..., 1:3])[seen[..., 0] >= 0]
        stored = session.stored_sizes("train").max(axis=0).tolist()
        open_border = session.dataset.boxes.open_border
        most = _most(session.dataset, train)
        return {"stored": stored, "largest": float(sides.max(initial=1)), "most": most, "border_ignore": open_border}

    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Answers:
        return answers_of(predictor, samples, advance)

    def learned(
        self, predictor: Predictor, validation: Answers, session: Session, parts: Mapping[str, Samples],
        advance: Advance,
    ) -> dict[str, Any]:  # fmt: skip
        """The score from which on a box of each class counts: of about the highest F1, and of even counts."""
        return {"thresholds": thresholds_of(validation, predictor.classes)}

    def evaluation(self, predictor: Predictor, answers: Answers, samples: Samples) -> Evaluation:
        return evaluation_of(predictor, answers, samples)

    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Answers,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        measures, each = measures_of(evaluated)
        thresholds, compared = predictor.facts["thresholds"], answers.compared(predictor.classes)
        kept = compared.kept(thresholds)
        more = evaluated["test"].more
        errors = errors_of(compared, kept)
        return Report(
            predictions=predictions_csv(session.dataset, answers, predictor),
            sections=[
                performance_section(measures, each, thresholds),
                *([baselines_section(measures["test"], more["baselines"])] if "baselines" in more else []),
                cases_section(session.dataset, answers.samples, compared, errors, kept, predictor.preprocessing),
                counts_section(compared, thresholds, measures["test"], more["limits_of_agreement"]),
                precision_section(compared),
                *scores_sections(compared, more),
            ],
            result={"thresholds": dict(zip(predictor.classes, thresholds, strict=True))},
        )

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """The mean logit of the class where its boxes have their middles, or of its highest point where it has none.

        Without ``about`` the class of the highest point.
        """
        heat = outputs[:, :-4]
        named = position(about, predictor.classes)
        index = heat.flatten(2).amax(2).argmax(1) if named is None else torch.full((len(heat),), named)
        own = heat[torch.arange(len(heat)), index]  # (B, h, w)
        peaks = torch.nn.functional.max_pool2d(own[:, None], 3, 1, 1)[:, 0] == own
        limits = torch.tensor(predictor.facts["thresholds"])[index].logit(1e-6)[:, None, None]
        chosen = peaks & ((own >= limits) | (own == own.amax((1, 2), keepdim=True)))
        scores = (own * chosen).sum((1, 2)) / chosen.sum((1, 2))
        counts = (peaks & (own >= limits)).sum((1, 2)).tolist()
        best = own.amax((1, 2)).sigmoid().tolist()
        texts = zip(index.tolist(), counts, best, strict=True)
        return scores, [f"{count} {predictor.classes[k]}, highest score {p:.2f}" for k, count, p in texts]

    def shown(self, predictor: Predictor, pixels: Array, outputs: Tensor) -> Shown:
        """All boxes that average precision asks for: the page leaves out those below a score."""
        height, width = pixels.shape[-2:]
        ((corners, labels, scores),) = boxes_of(outputs, (height, width), int(predictor.facts["most"]))
        shares = corners / torch.tensor([width, height] * 2)
        boxes = map(Box, labels.tolist(), map(tuple, shares.tolist()), scores.tolist())
        return Shown(boxes=tuple(boxes), thresholds=tuple(predictor.facts["thresholds"]))

    def exported(self, predictor: Predictor) -> Answer:
        return answer_of(predictor)

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """(d, 6) of each image: class, x0, y0, x1, y1 in its own pixels, score; by falling score."""
        found = [
            found_in(predictor, image, name, header_in_memory(image)).certain(predictor)
            for image, name in zip(images, names, strict=True)
        ]
        return [np.column_stack([one.labels, one.corners, one.scores]) for one in found]

    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """Counts of each class; with ``out``, a new folder, a table of all boxes, and pictures in ``overlays``."""
        return self.predict_as("", predictor, paths, out, advance)

    def predict_as(
        self, form: str, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance
    ) -> Predicted:
        rows, images, written = list[dict[str, Any]](), list[FoundImage](), list[Path]()
        colours, classes = colours_of(len(predictor.classes)), predictor.classes
        if out is not None:
            out.mkdir(parents=True)
        for path, name in zip(paths, names_of(paths), strict=True):
            row: dict[str, Any] = {"path": str(path), "skipped": ""}
            try:
                stored, header = read(path, predictor.preprocessing)
                found = found_in(predictor, stored, str(path), header).certain(predictor)
            except BadImage as error:
                row["skipped"] = error.what
            else:
                row |= counts(found, classes)
                size = (stored.shape[0], stored.shape[1])
                images.append(FoundImage(path, name.with_suffix(path.suffix), size, found))
                lines = [(four, colours[label]) for four, label in zip(found.corners, found.labels, strict=True)]
                if out is not None:
                    shown = png(Image.fromarray(outlined(picture_of(stored, predictor.preprocessing), lines)))
                    written.append(put(out / "overlays" / name, shown))
            rows.append(row)
            advance(1)
        if out is not None:
            written.append(put(out / "boxes.csv", table_csv(images, classes)))
            written += data_set(out / form, form, images, classes) if form else []
        return Predicted(("path", *counts(None, classes), "skipped"), tuple(rows), tuple(written))


def counts(found: Found | None, classes: Sequence[str]) -> dict[str, int]:
    """Boxes of each class."""
    each = np.bincount(np.zeros(0, np.int64) if found is None else found.labels, minlength=len(classes)).tolist()
    return {f"count: {name}": count for name, count in zip(classes, each, strict=True)}


def _most(dataset: Dataset, train: NDArray[np.int64]) -> int:
    assert dataset.boxes is not None
    return max(LEAST_MOST, MORE * int(np.diff(dataset.boxes.first)[train].max(initial=0)))


def _median_side(dataset: Dataset, config: Config) -> float:
    """Of the boxes outside a given test part, as the network sees them."""
    assert dataset.boxes is not None
    boxes, size = dataset.boxes, config.data.size
    known = np.ones(len(boxes), bool) if dataset.splits is None else dataset.splits != "test"
    scale = np.array(size if len(size) == 2 else size * 2) / boxes.sizes[boxes.images]
    if config.data.fit != "resize":
        scale[:] = (np.min if config.data.fit == "pad" else np.max)(scale, axis=1, keepdims=True)
    sides = (boxes.sides * scale).min(axis=1)[known[boxes.images] & ~boxes.ignored]
    return float(np.median(sides)) if len(sides) else 0.0
