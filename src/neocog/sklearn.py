"""Networks as scikit-learn's estimators: for pipelines, cross-validation and searches over settings.

>>> from sklearn.datasets import load_digits
>>> from neocog.sklearn import ImageClassifier
>>> x, y = load_digits(return_X_y=True)
>>> digits = ImageClassifier(epochs=2, image_shape=(8, 8)).fit(x[:1500], y[:1500])
>>> bool(digits.score(x[1500:], y[1500:]) > 0.8)
True
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, column_or_1d, validate_data

from neocog.errors import UserError, listed
from neocog.predictor import Predictor
from neocog.results.images import separate
from neocog.tasks import task_named
from neocog.traits import task_of
from neocog.verbs.on_all import train_on_all

Array = NDArray[Any]
DECIDED = {
    "task",
    "kind",
    "split",
    "split_seed",
    "folds",
    "repeats",
    "leave_one_group_out",
    "refit",
    "curve",
    "baseline",
    "patience",
}


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What classifier and regressor share."""

    task = ""  # that it is

    def __init__(
        self,
        model: str = "auto",
        epochs: int = 0,
        batch: int = 0,
        lr: float = 0.002,
        *,
        image_shape: tuple[int, ...] | None = None,
        pretrained: str = "",
        tune: str = "auto",
        threads: int = 1,
        settings: dict[str, Any] | None = None,
        random_state: Any = 0,
        verbose: bool = False,
    ) -> None:
        """``model``, ``epochs`` (0: by the number of samples), ``batch`` (0: likewise), ``lr``, ``pretrained`` (what ``--from``
        takes) and ``tune`` are settings of ``neocog.train``; ``settings``: any others, as {"widths": (8, 16)}.

        ``image_shape``, (H, W) or (H, W, C), says what flat rows (N, F) were; without it a row stands for itself, and
        ``model="auto"`` is a multilayer perceptron. ``threads``: 1, as joblib's workers stand beside each other.
        ``random_state``: a number, a generator that gives one, or None: another network each time.
        """
        self.model, self.epochs, self.batch, self.lr = model, epochs, batch, lr
        self.image_shape, self.pretrained, self.tune, self.threads = image_shape, pretrained, tune, threads
        self.settings, self.random_state, self.verbose = settings, random_state, verbose

    def _learn(self, X: Array, y: Array) -> Self:
        images = self._images(X)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        flat = X.ndim == 2 and self.image_shape is None
        asked: dict[str, Any] = {
            "task": self.task, "model": "mlp" if flat and self.model == "auto" else self.model, "epochs": self.epochs,
            "batch": self.batch, "lr": self.lr, "threads": self.threads, "seed": seed, "augment": ("off",) if flat else (),
            "together": "files", "kind": "images",
        }  # fmt: skip
        if self.pretrained:
            asked |= {"pretrained": self.pretrained, "tune": self.tune}
        self._check_settings()
        with tempfile.TemporaryDirectory(prefix="neocog-") as folder:
            given = {**asked, **(self.settings or {})}
            self.predictor_: Predictor = train_on_all((images, y), Path(folder), given, not self.verbose)
        return self

    def _check_settings(self) -> None:
        """Raise UserError for settings that say again what a parameter says, or that ``fit`` itself decides."""
        given = set(self.settings or {})
        if again := sorted(given & {*self.get_params(), "seed"}):
            name = again[0].replace("seed", "random_state")
            raise UserError(f"settings repeat {listed(again)}", fix=f"give {type(self).__name__}({name}=…) alone")
        if decided := sorted(given & DECIDED):
            what = f"settings have {listed(decided)}, which fit itself decides: it learns from every sample that it is given"
            raise UserError(what, fix="leave them out: scikit-learn's cross_val_score divides and measures")

    def _images(self, X: Array) -> Array:
        """(N, H, W[, C]) of what was given."""
        if X.ndim > 2:
            return X
        shape = self.image_shape or (1, X.shape[1])
        if int(np.prod(shape)) != X.shape[1]:
            what = f"image_shape {shape} has {int(np.prod(shape)):,} values, and a row {X.shape[1]:,}"
            raise UserError(what, fix="give (H, W) or (H, W, C)")
        return X.reshape(-1, *shape)

    def _answers(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        images = self._images(validate_data(self, X, reset=False, allow_nd=True, dtype="numeric"))
        recorded = self.predictor_.preprocessing
        images = images.astype(np.float32) if recorded.dtype == "float32" else images
        stored, names, _ = separate(list(images), recorded)
        return np.asarray(task_named(self.task).in_memory(self.predictor_, stored, names))


class ImageClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A network that tells classes apart.

    ``fit`` learns from every sample that it is given: nothing is kept back to choose an epoch by, and scores are the caller's.
    Images are (N, H, W) or (N, H, W, C) in stored units (0–255), or flat (N, F).
    """

    task = task_of("classes")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from images ``X`` and their classes ``y`` (N,), numbers or texts. Raises ValueError and UserError."""
        images, classes = validate_data(self, X, y, allow_nd=True, dtype="numeric")
        check_classification_targets(classes)
        self.classes_, indices = np.unique(classes, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"classifier needs at least 2 classes, not 1 class: {self.classes_.tolist()}")
        return self._learn(images, np.array([f"{index:06}" for index in indices]))

    def predict_proba(self, X: ArrayLike) -> Array:
        """(N, K) probabilities in the order of ``classes_``."""
        return self._answers(X)

    def predict(self, X: ArrayLike) -> Array:
        """(N,) the likeliest classes."""
        places = self.predict_proba(X).argmax(axis=1)
        found: Array = self.classes_[places]
        return found


class ImageRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A network that gives values, in the units of ``y``; images as ``ImageClassifier`` takes them."""

    task = task_of("values")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from images ``X`` and their values ``y`` (N,) or (N, V). Raises ValueError and UserError."""
        checks = {
            "allow_nd": True,
            "dtype": "numeric",
            "ensure_min_samples": 2,
            "multi_output": True,
            "y_numeric": True,
        }
        images, values = validate_data(self, X, y, **checks)
        values = column_or_1d(values, warn=True) if values.ndim == 2 and values.shape[1] == 1 else values
        self.alone_ = values.ndim == 1
        return self._learn(images, np.asarray(values, np.float64))

    def predict(self, X: ArrayLike) -> Array:
        """(N,) or (N, V) values."""
        found = self._answers(X)
        return found[:, 0] if self.alone_ else found
