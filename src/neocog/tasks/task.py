"""The interface between a task and the verbs: settings → objective, saved network → answers → measures, files → predictions.

Pixels become answers in one function, ``answers``, and answers become measures in one, ``evaluation``: the end of a training
and ``evaluate`` both call them on the saved network. ``predict`` gives the same answers for single files. What one training
works on, ``Data`` and ``Session``, is described here too, since a task reads it and it names its task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module

from neocog.augment import Augmentation, ImageChanges
from neocog.augment.keeps import Decision
from neocog.augment.sequence import SequenceAugmentation, SequenceChanges
from neocog.augment.volume import VolumeAugmentation, VolumeChanges
from neocog.config import Config
from neocog.data.copies import Copies
from neocog.data.dataset import SPLITS, Array, Dataset
from neocog.data.digests import Digests
from neocog.data.loader import Loader, Resident, Store, Transform
from neocog.data.masks import ScannedMasks, target_texts
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.data.records import Records
from neocog.data.scan import ScannedImages
from neocog.errors import UserError
from neocog.interop.onnx import Answer
from neocog.networks import check_purpose
from neocog.predictor import Predictor
from neocog.pretrained import Source
from neocog.records import Finding
from neocog.run import Run
from neocog.tasks.evaluation import Advance, Evaluation, Report, Samples
from neocog.tasks.objective import Objective
from neocog.tasks.shown import OnPage


@dataclass(frozen=True)
class Data:
    """A data set, read and checked: the same for every fold."""

    dataset: Dataset
    task: Task
    records: Records
    pixels: Array | None  # (N, C, …) fitted, or None where they are streamed
    plan: Preprocessing  # without mean and std, which are the training part's
    kept: NDArray[np.bool_]
    copies: Copies
    findings: list[Finding]
    unseen: Dataset | None = None  # samples of classes that are set aside, on which "none of these" is evaluated
    masks: ScannedMasks | None = None  # fitted too, where they fit in memory
    together: str = "near"  # see ``DataConfig.together``
    source: Source | None = None  # of pretrained weights, and of what they need of the images
    pairs: ScannedImages | None = None  # the wanted images, fitted too, where they fit in memory

    @property
    def digests(self) -> Digests:
        """(N,) of the stored files."""
        return self.records.digests

    @property
    def pixel_digests(self) -> Digests:
        """(N,) of what the files show."""
        return self.records.pixel_digests

    @property
    def contents(self) -> Digests:
        """(N,) equal where two samples are the same to the split."""
        return self.digests if self.together == "files" else self.pixel_digests

    @property
    def families(self) -> Sequence[str]:
        """(N,) names of near copies that the split keeps together, "" where a sample has none; [] where it heeds none."""
        return self.copies.families if self.together == "near" else []

    @property
    def target_texts(self) -> Sequence[str]:
        """(N,) what is known of each sample: its class, its values, the digest of its mask or of the image wanted of it."""
        if self.pairs is not None:
            return self.pairs.records.digests
        return self.masks.digests if self.masks else target_texts(self.dataset)


@dataclass(frozen=True)
class Session:
    """Data, split and task of one training; every rank computes the same."""

    config: Config  # resolved: no "auto" left in it that resuming could decide otherwise
    data: Data
    parts: NDArray[np.str_]  # (N,) train, validation, test, or "" for a sample that is left out
    preprocessing: Preprocessing
    loader: Loader
    objective: Objective
    decisions: tuple[Decision, ...] = ()  # which changes of the samples are made, and why

    @property
    def dataset(self) -> Dataset:
        return self.data.dataset

    @property
    def task(self) -> Task:
        return self.data.task

    def stored_sizes(self, part: str) -> Array:
        """(n, 2), of volumes (n, 3): the sides of the samples of a part, as their files have them."""
        headers = self.data.records.headers
        return headers.take((self.parts == part) & headers.there).sides

    def counts(self) -> dict[str, int]:
        return {part: int((self.parts == part).sum()) for part in SPLITS}


@dataclass(frozen=True)
class Trained:
    """What a training leaves beside the saved network."""

    networks: Mapping[str, Module]  # with the weights that are evaluated: the running means where there are any
    rows: Sequence[Mapping[str, float]]  # metrics.csv: one an epoch
    steps: int  # of the whole training
    averaged: bool  # whether ``networks`` are running means


@dataclass(frozen=True)
class Predicted:
    """What ``predict`` says: one row a file under ``columns``; a row with ``skipped`` tells why it has nothing else."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    written: tuple[Path, ...] = ()  # further files, such as masks


class Task(OnPage, ABC):
    """One task. What is known of it without torch stands in ``Traits``."""

    models: ClassVar[Mapping[str, str]]  # the default network by form of data
    features: ClassVar[bool] = False  # whether it is evaluated by the features of a classifier, which is trained first
    most_batch: ClassVar[int] = 128  # samples a step, fewer of a small set, unless --batch says otherwise
    steps: ClassVar[int] = 5_000  # about so many, in 5 to ``most_epochs``, unless --epochs or --minutes say otherwise
    most_epochs: ClassVar[int] = 40
    formats: ClassVar[tuple[str, ...]] = ()  # of data sets, as which images and predictions can be written
    purpose: ClassVar[str] = "prediction"  # of its networks, one of ``networks.PURPOSES``
    network: ClassVar[str] = "model"  # which of the task's networks is kept and used afterwards

    def check(self, config: Config, dataset: Dataset) -> None:
        """Raise UserError for settings or data that do not suit this task."""

    def resolved(self, config: Config, dataset: Dataset) -> Config:
        """Settings without "auto" that this task decides: the network and the loss."""
        training, model = config.training, config.model
        if training.loss == "auto":
            training = replace(training, loss=self.losses[0])
        elif training.loss not in self.losses:
            fix = f"choose one of {', '.join(self.losses)}"
            raise UserError(f"--loss {training.loss} is not for {self.name}", fix=fix)
        if model.model == "auto":
            if dataset.form not in self.models:
                raise UserError(f"--task {self.name} is not for {dataset.form}", fix=f"for: {', '.join(self.models)}")
            model = replace(model, model=self.models[dataset.form])
        check_purpose(model.model, self.purpose)
        return replace(config, training=training, model=model)

    def scaled(self, preprocessing: Preprocessing) -> Preprocessing:
        """The preprocessing with the mean and std that this task needs; those of the training part unless it says otherwise."""
        return preprocessing

    @abstractmethod
    def objective(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing, train: NDArray[np.int64]
    ) -> Objective:
        """The task that the settings name. ``train`` (n,): positions of the training samples."""

    def targets(self, data: Data, config: Config) -> Store:
        """Where what is learned comes from."""
        return Resident(data.dataset.labels if data.dataset.values is None else data.dataset.values)

    def changes(
        self, config: Config, dataset: Dataset, preprocessing: Preprocessing
    ) -> tuple[Transform | None, Transform | None]:
        """What happens to training batches, and what happens always. Raises UserError for changes that would falsify."""
        if dataset.form == "volumes":
            volumes = VolumeAugmentation.default().changed(config.training.augment)
            return (VolumeChanges(volumes) if volumes.is_on() else None), None
        if dataset.form == "sequences":
            letters = SequenceAugmentation().changed(config.training.augment)
            return (SequenceChanges(letters) if letters.is_on() else None), None
        policy = Augmentation.default(preprocessing, dataset.mirror).changed(config.training.augment)
        return (ImageChanges(policy) if policy.is_on() else None), None

    def at_most(self, pixels: int) -> int:
        """Samples of so many pixels that are learned from at once; larger batches come in pieces."""
        return 1024

    def caption(self, dataset: Dataset, index: int) -> str:
        """What is written under a sample's picture."""
        if dataset.values is not None:
            return ", ".join(f"{value:g}" for value in dataset.values[index])
        return dataset.classes[dataset.labels[index]] if dataset.has_classes else str(dataset.names[index])

    def overlaid(self, picture: Array, target: Array) -> Array:
        """A picture (H, W, 3) uint8 of a sample with its target drawn over it, where that has places in the image."""
        return picture

    def pictured(self, inputs: Tensor, target: Tensor, preprocessing: Preprocessing) -> Tensor:
        """What a preview shows of a sample: (C, …) normalised, of what its network gets and of its target as it comes."""
        return inputs

    def input_shape(self, session: Session) -> tuple[int, ...]:
        """(C, …) of one sample as the kept network takes it."""
        return (session.preprocessing.inputs, *session.preprocessing.size)

    def after_epoch(self, session: Session, trained: Trained, run: Run) -> Sequence[str]:
        """What is said of the epoch that has just ended, and written into the run's folder: a pure function of the learner,
        so that a resumed run says and writes the same."""
        return ()

    def in_memory(self, predictor: Predictor, images: Sequence[Array], names: Sequence[str]) -> Array | list[Array]:
        """What ``run.predict`` gives for each stored image (H, W, C), or volume, as ``predict`` says it of a file. Raises
        UserError, of all images that do not fit, or where the task says nothing of an image in memory."""
        fix = "give files: neocog.predict(run, files); new images: neocog.sample(run)"
        raise UserError(f"{self.name} has no answer to images in memory", str(predictor.folder), fix)

    def preprocess(self, pixels: Tensor, preprocessing: Preprocessing, facts: Mapping[str, Any]) -> Tensor:
        """Fitted pixels (B, C, …) as the task shows them to its network, still in stored units."""
        return pixels

    def facts(self, session: Session) -> dict[str, Any]:
        """What model.json keeps before evaluation; ``outputs``: of the network, if not one per class or per value."""
        return {} if session.dataset.values is None else {"outputs": session.dataset.values.shape[1]}

    @abstractmethod
    def answers(self, predictor: Predictor, samples: Samples, advance: Advance) -> Any:
        """What the network says of every sample, beside the truth. Raises UserError where the data do not suit the run.

        A function of the saved network, the facts known before, and the samples: never of what ``learned`` finds.
        """

    def read(self, predictor: Predictor, samples: Samples, outputs: Array) -> Any:
        """``answers`` from outputs (n, …) that are there already. Only of tasks whose head a linear probe can solve for."""
        raise NotImplementedError

    def learned(
        self, predictor: Predictor, validation: Any, session: Session, parts: Mapping[str, Samples], advance: Advance
    ) -> dict[str, Any]:
        """What model.json keeps of the validation part's answers, such as temperatures, widths and thresholds."""
        return {}

    @abstractmethod
    def evaluation(self, predictor: Predictor, answers: Any, samples: Samples) -> Evaluation:
        """What the answers are worth."""

    def scores(self, predictor: Predictor, answers: Any) -> NDArray[np.float64]:
        """(n,) how right the answer to each sample is, more is better; NaN where that is not defined. Raises UserError."""
        raise UserError(f"--task {self.name} has no score of single samples", str(predictor.folder))

    def differences(self, predictor: Predictor, answers: Any) -> list[str]:
        """In what the samples are unlike those of the training, in words."""
        return [] if predictor.watch is None else predictor.watch.differences()

    @abstractmethod
    def report(
        self, session: Session, trained: Trained, predictor: Predictor, answers: Any,
        evaluated: Mapping[str, Evaluation],
    ) -> Report:  # fmt: skip
        """The test part's answers as rows and sections; ``evaluated``: "test", and "validation" where there is one."""

    def predict_blocks(self, predictor: Predictor, paths: Sequence[Path], advance: Advance) -> tuple[Predicted, str]:
        """``predict`` for samples larger than those of the training, in blocks; and one row a block, as CSV."""
        raise UserError(f"--tiled is not for --task {self.name}", fix="leave it out")

    def predict_as(
        self, form: str, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance
    ) -> Predicted:
        """``predict``, which also writes a data set of the ``form``, one of ``formats``, into ``out``/``form``."""
        raise NotImplementedError

    def inputs(self, predictor: Predictor, pixels: Tensor) -> Tensor:
        """Fitted pixels (B, C, …) as the network takes them when it predicts."""
        return normalise(pixels, predictor.preprocessing)

    def asked(self, predictor: Predictor, outputs: Tensor, about: str) -> tuple[Tensor, list[str]]:
        """What is explained of outputs (B, …): the score (B,) of ``about`` (a class or target; "": what the network
        says), differentiable, and what is said of each sample. Raises UserError."""
        raise UserError(f"--task {self.name} cannot be explained so", fix="see the report of the run")

    def exported(self, predictor: Predictor) -> Answer | None:
        """What the network gives as a file for other programs, beside the probabilities of classes; None: nothing."""
        return None

    @abstractmethod
    def predict(self, predictor: Predictor, paths: Sequence[Path], out: Path | None, advance: Advance) -> Predicted:
        """One row for each file; what cannot be read gets a row that says so."""
