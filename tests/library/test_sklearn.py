"""Networks as scikit-learn's estimators: what scikit-learn asks of one, and that settings, shapes and seeds arrive."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import neocog
from neocog.errors import UserError
from neocog.sklearn import ImageClassifier, ImageRegressor

X, Y = load_digits(return_X_y=True)
IMAGES = (X[:400] * 15).astype(np.uint8).reshape(-1, 8, 8)
NAMES = np.array([f"digit {y}" for y in Y[:400]])
SMALL: dict[str, Any] = {"model": "cnn", "settings": {"widths": (4, 8), "augment": ("off",)}, "epochs": 3, "lr": 0.02}


@pytest.mark.parametrize("kind", [ImageClassifier, ImageRegressor])
def test_scikit_learn_finds_nothing_wrong_with_it(kind: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(kind(epochs=20, lr=0.01), on_fail="raise", on_skip=None)
    skipped = {check["check_name"] for check in found if check["status"] == "skipped"}
    assert len(found) > 50 and skipped <= {"check_array_api_input"}, "which needs SCIPY_ARRAY_API in the environment"


def test_images_of_any_layout_are_learned_and_classes_keep_their_names() -> None:
    fitted = ImageClassifier(**SMALL).fit(IMAGES, NAMES)
    assert fitted.score(IMAGES, NAMES) > 0.5 and list(fitted.classes_) == sorted(set(NAMES))
    assert np.allclose(fitted.predict_proba(IMAGES).sum(axis=1), 1)
    flat = ImageClassifier(image_shape=(8, 8), **SMALL).fit(IMAGES.reshape(400, -1), NAMES)
    channels = ImageClassifier(**SMALL).fit(IMAGES[..., None], NAMES)
    for other, images in ((flat, IMAGES.reshape(400, -1)), (channels, IMAGES[..., None])):
        assert np.array_equal(other.predict_proba(images), fitted.predict_proba(IMAGES))
    wide = fitted.predict_proba(IMAGES.astype(np.int64))
    assert np.array_equal(wide, fitted.predict_proba(IMAGES)), "the same numbers in a wider type"
    with pytest.raises(UserError):
        fitted.predict(IMAGES.astype(np.int64) + 256)
    with pytest.raises(UserError, match="has 63 values, and a row 64"):
        ImageClassifier(image_shape=(9, 7), **SMALL).fit(IMAGES.reshape(400, -1), NAMES)


def test_every_sample_that_it_is_given_is_learned_from() -> None:
    """Of thirty classes with two samples each, of which the second looks like none else, no sample may be missing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 8, 8)).astype(np.uint8)
    fitted = ImageClassifier(model="mlp", epochs=60, lr=0.01).fit(images, np.arange(60) // 2)
    assert fitted.score(images, np.arange(60) // 2) > 0.9


def test_settings_and_the_seed_reach_the_training() -> None:
    one, same, other = (
        ImageClassifier(**SMALL, random_state=s).fit(IMAGES, NAMES).predict_proba(IMAGES) for s in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    wider = ImageClassifier(**{**SMALL, "settings": {"widths": (8, 8)}}).fit(IMAGES, NAMES).predictor_.network
    narrow = ImageClassifier(**SMALL).fit(IMAGES, NAMES).predictor_.network
    assert sum(p.numel() for p in wider.parameters()) > sum(p.numel() for p in narrow.parameters())
    slow = ImageClassifier(**{**SMALL, "lr": 0.001}, random_state=1).fit(IMAGES, NAMES)
    assert not np.array_equal(one, slow.predict_proba(IMAGES))
    with pytest.raises(UserError, match="widhts"):
        ImageClassifier(**{**SMALL, "settings": {"widhts": (4,)}}).fit(IMAGES, NAMES)


def test_it_works_where_estimators_do() -> None:
    pipe = make_pipeline(FunctionTransformer(lambda x: 255 - x), ImageClassifier(**SMALL))
    scores = cross_val_score(pipe, IMAGES, NAMES, cv=2)
    assert scores.shape == (2,) and scores.min() > 0.3
    search = GridSearchCV(ImageClassifier(**SMALL), {"lr": [1e-6, 0.02]}, cv=2).fit(IMAGES, NAMES)
    assert search.best_params_ == {"lr": 0.02}
    fitted = search.best_estimator_
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(IMAGES), fitted.predict_proba(IMAGES))
    assert not hasattr(clone(fitted), "predictor_")


def test_values_are_learned_one_or_several() -> None:
    light = IMAGES.mean(axis=(1, 2))
    one = ImageRegressor(**SMALL).fit(IMAGES, light)
    two = ImageRegressor(**SMALL).fit(IMAGES, np.stack([light, -light], axis=1))
    assert one.predict(IMAGES).shape == (400,) and two.predict(IMAGES).shape == (400, 2)
    assert one.score(IMAGES, light) > 0.5


def test_pretrained_weights_are_learned_further(tmp_path: Path) -> None:
    run = neocog.train((IMAGES, NAMES), tmp_path / "run", epochs=2, model="cnn", widths=(4, 8), threads=1, quiet=True)
    fitted = ImageClassifier(pretrained=str(run.folder), tune="head").fit(IMAGES[:100], NAMES[:100])
    assert fitted.score(IMAGES[:100], NAMES[:100]) > 0.5
