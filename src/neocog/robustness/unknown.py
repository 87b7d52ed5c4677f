"""Part ``unknown``: does the network notice what is none of its classes, and which of its answers are to be kept?"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.loader import Streamed
from neocog.errors import UserError
from neocog.metrics import proportion_measure
from neocog.metrics.outlier_scores import SCORES, Familiar
from neocog.metrics.unseen import kept_at, known_from_unseen
from neocog.refusal import Familiarity
from neocog.robustness.clock import Clock
from neocog.robustness.mask_risk import mask_risk
from neocog.robustness.outcome import Outcome
from neocog.robustness.outliers import OUTLIERS, made, possible
from neocog.robustness.selective import selective
from neocog.robustness.subject import Subject
from neocog.robustness.unknown_report import REFUSED, Found, sections, tables, verdict
from neocog.tasks.evaluation import Samples
from neocog.tasks.report.pictures import thumbnail
from neocog.traits import needs

Array = NDArray[Any]
LEARNED = 10_000  # samples of the training part, drawn by lot, whose features are looked at
UNSEEN = "unseen classes"  # that were set aside by --unseen
SHOWN = 6  # pictures of each outlier


def check(subject: Subject) -> None:
    where, task = str(subject.run.folder), subject.predictor.task
    masks = needs(task) == "masks"
    if masks and (len(subject.predictor.classes) != 2 or subject.predictor.facts.get("outputs", 2) != 2):
        raise UserError("masks need exactly one class besides the background", where, "leave the part out")
    if not subject.task.logits and not masks:
        raise UserError(f"--task {task} has no classes that a sample could be none of", where, "leave the part out")
    if not subject.own:
        raise UserError("what is unknown is told from the run's own samples", where, "leave --on out")
    missing = [part for part in ("train", "validation") if not len(subject.parts[part])]
    if missing:
        what = f"no {missing[0]} part is left, by which familiar samples are known"
        raise UserError(what, where, "train with a validation share, such as --split 0.8 0.1 0.1")


@dataclass(frozen=True)
class Looked:
    """Logits (n, K) and features (n, F) of samples."""

    logits: Array
    features: Array

    def score(self, name: str, familiar: Familiar) -> Array:
        return familiar.score(name, self.logits, self.features)


@dataclass(frozen=True)
class Known:
    """The samples of the run's own classes; each of its parts is looked at when it is first needed."""

    subject: Subject
    tested: Samples

    @functools.cached_property
    def familiar(self) -> Familiar:
        subject = self.subject
        train = _some(subject.parts["train"], LEARNED, subject.seed)
        looked = looked_at(subject, replace(subject.samples, positions=train))
        return Familiar.of(looked.features, subject.dataset.labels[train], subject.seed)

    @functools.cached_property
    def validation(self) -> Looked:
        return looked_at(self.subject, replace(self.subject.samples, positions=self.subject.parts["validation"]))

    @functools.cached_property
    def test(self) -> Looked:
        return looked_at(self.subject, self.tested)

    @functools.cached_property
    def units(self) -> Array:
        """(n,) what of the test part is independent: the groups, or the samples."""
        groups = self.tested.groups
        return np.array([f"sample {i}" for i in range(len(self.tested))]) if groups is None else groups

    def cut(self, score: str) -> float:
        """Below it ``REFUSED`` of the validation part would be refused."""
        return float(np.quantile(self.validation.score(score, self.familiar), REFUSED))


def run(subject: Subject, clock: Clock) -> Outcome:
    if needs(subject.predictor.task) == "masks":
        return mask_risk(subject, clock)
    known = Known(subject, subject.few())
    kinds = possible(subject.dataset.form)
    if subject.samples.unseen is not None:
        kinds = [UNSEEN, *kinds]
    outliers = clock.pieces("outliers", kinds, lambda kind: separated(known, kind))
    answers = clock.pieces("answers", ["kept"], lambda _: selective(subject))
    if not outliers:
        return Outcome()
    found = Found(outliers, len(known.tested), answers.get("kept"))
    if not clock.late:
        score, sha256 = found.score, subject.predictor.facts["weights"]["sha256"]
        validation = known.validation.score(score, known.familiar)
        Familiarity.of(score, known.familiar, sha256, validation).save(subject.predictor.folder)
    return Outcome(tables(found), sections(found, pictures(known, kinds)), (verdict(found, clock.best),))


def separated(known: Known, kind: str) -> dict[str, dict[str, Any]]:
    """By score: how well it tells outliers of a kind, those of even places to choose it by, the others to judge it."""
    subject = known.subject
    if kind == UNSEEN:
        data = subject.samples.unseen
        assert data is not None
        store = Streamed(data.images, subject.preprocessing, subject.config.training.workers)
        strange = looked_at(subject, Samples(data, np.arange(len(data)), store, subject.seed))
        first, units = data.labels % 2 == 0, np.array([f"class {k}" for k in data.labels])
    else:
        strange = looked_at(subject, known.tested, kind)
        first, units = np.arange(len(known.tested)) % 2 == 0, known.units
    found = {}
    for score in SCORES:
        ours, theirs = known.test.score(score, known.familiar), strange.score(score, known.familiar)
        auroc = known_from_unseen(ours, theirs[~first], np.concatenate([known.units, units[~first]]))
        chosen = known_from_unseen(ours, theirs[first], np.concatenate([known.units, units[first]]))
        found[score] = {
            "auroc": asdict(auroc),
            "chosen by": chosen.value,
            "kept at 95": kept_at(ours, theirs[~first]),
            "refused": asdict(proportion_measure(int((theirs[~first] < known.cut(score)).sum()), int((~first).sum()))),
        }
    return found


def looked_at(subject: Subject, samples: Samples, kind: str = "") -> Looked:
    """What the network makes of samples, or of outliers of a kind that are made of them."""
    logits, features = list[Array](), list[Array]()
    for where, pixels in samples.batches(subject.preprocessing):
        if kind:
            pixels = torch.from_numpy(made(kind, pixels.numpy(), where, subject.preprocessing, subject.seed))
        for found, each in zip(subject.predictor.with_features(pixels), (logits, features), strict=True):
            each.append(found)
    return Looked(np.concatenate(logits), np.concatenate(features))


def pictures(known: Known, kinds: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(what they are, PNGs) of some outliers of each kind that can be shown."""
    subject, preprocessing = known.subject, known.subject.preprocessing
    if subject.dataset.form == "sequences":
        return
    first = known.tested.positions[:SHOWN]
    ((where, pixels),) = known.tested.batches(preprocessing, first)
    for kind in (each for each in kinds if each in OUTLIERS):
        strange = made(kind, pixels.numpy(), where, preprocessing, subject.seed)
        pngs = [thumbnail(one, preprocessing.low, preprocessing.high) for one in strange]
        yield f"{kind}: {OUTLIERS[kind].description}", pngs


def _some(positions: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(len(positions))[:most]
    return positions[np.sort(order)]
