"""Whatever training took, ``predict`` takes; an array that can be two things is neither; groups and class names come with data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import neocog
from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import DEFAULT
from neocog.data.readers.held import pixels_of
from neocog.data.readers.memory import given, open_given
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.results import Results
from neocog.sklearn import ImageClassifier

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.integers(0, 140, (30, 3, 10, 12)), RNG.integers(100, 255, (30, 3, 10, 12))]).astype(np.uint8)
Y = np.array([0, 1]).repeat(30)
LAST = np.moveaxis(X, 1, -1)
QUICK: dict[str, Any] = {"epochs": 1, "threads": 1, "quiet": True, "model": "cnn", "widths": "4,", "augment": ("off",)}


def opened(source: Any) -> Dataset:
    with given(source):
        return open_given(DEFAULT, Reading())


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return neocog.train((X, Y), tmp_path_factory.mktemp("runs") / "colour", **QUICK)


def test_channels_may_come_first_wherever_they_do_in_training(colour: Results) -> None:
    wanted = colour.predict(LAST[:5])
    for way in (X[:5], list(X[:5]), torch.from_numpy(X[:5]), X[:5].tolist()):
        assert np.array_equal(colour.predict(way), wanted)
    assert len(neocog.predict(colour, X[:5], quiet=True).rows) == 5
    assert np.array_equal(pixels_of(X[0], "one", DEFAULT), LAST[0]), "in a list of images, too"
    first, last = (
        ImageClassifier(model="cnn", epochs=1).fit(images, Y).predict_proba(images[:5]) for images in (X, LAST)
    )
    assert np.array_equal(first, last)


@pytest.mark.parametrize("shape", [(3, 10, 12), (3, 9, 9), (9, 9, 2), (9, 9, 4)])
def test_three_axes_that_may_be_one_image_or_many_are_refused_with_the_axis_that_tells(
    colour: Results, shape: tuple[int, ...]
) -> None:
    with pytest.raises(UserError, match=r"one image of . channels, or . grey ones\?(.|\n)*images\[None\]"):
        colour.predict(np.zeros(shape, np.uint8))
    if shape[0] == 3:
        assert colour.predict(X[0][None]).shape == (1, 2)
        with pytest.warns(UserWarning, match="converted"):
            assert colour.predict(X[0][..., None]).shape == (3, 2)


def test_whole_numbers_below_zero_are_predicted_as_they_were_learned(tmp_path: Path) -> None:
    below = LAST.astype(np.int16) - 100
    run = neocog.train((below, Y), tmp_path / "run", **QUICK)
    assert np.array_equal(run.predict(below[:4]), run.predict(below[:4].astype(np.float32)))
    with pytest.raises(UserError, match="another range"):
        run.predict(below[:4].astype(np.int32) * 1000)
    with pytest.raises(UserError, match="uint8 pixels"):
        run.predict(LAST[:4])


def test_groups_are_a_third_and_stay_in_one_part(tmp_path: Path) -> None:
    patients = [f"p{number}" for number in np.arange(60) // 4]
    run = neocog.train((LAST, Y, patients), tmp_path / "run", **QUICK)
    parts = run.splits.groupby("group")["split"].nunique()
    assert len(parts) == 15 and (parts == 1).all() and (run.splits["group"] == patients).all()
    with pytest.raises(UserError, match="--groups none, and groups are given"):
        neocog.train((LAST, Y, patients), tmp_path / "none", groups="none", **QUICK)
    for groups, said in (
        (patients[:-1], "60 images but 59 groups"), ([None, *patients[1:]], "Python objects"), (np.zeros((60, 2)), "groups of"),
        (np.where(np.arange(60) == 7, np.nan, 1.0), "NaN"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said):
            opened((LAST, Y, groups))


class Named(torch.utils.data.Dataset[tuple[Any, int]]):
    def __init__(self, *classes: str) -> None:
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return torch.from_numpy(X[index]), int(Y[index])


def test_a_part_and_a_chain_of_data_sets_have_their_class_names() -> None:
    part = torch.utils.data.Subset(Named("ant", "bee"), range(20, 40))
    assert opened(part).classes == ("ant", "bee")
    assert opened(torch.utils.data.ConcatDataset([part, Named("ant", "bee")])).classes == ("ant", "bee")
    with pytest.raises(UserError, match="different classes in one: ant, bee and bee, ant"):
        opened(torch.utils.data.ConcatDataset([Named("ant", "bee"), Named("bee", "ant")]))


def test_classes_that_no_sample_has_are_told() -> None:
    assert not any("without a sample" in note for note in opened((X, np.eye(2)[Y])).notes)
    for source in ((X, np.eye(3)[Y]), Named("0", "1", "2")):
        assert any(
            note.startswith("classes without a sample") and note.endswith(": 2") for note in opened(source).notes
        )


WAYS: dict[str, Callable[[], Any]] = {
    "pairs in a list": lambda: list(zip(LAST, Y.tolist(), strict=True)),
    "labels as objects": lambda: (LAST, Y.astype(object)),
    "pixels as objects": lambda: (LAST.astype(object), Y),
    "images in an array of objects": lambda: (pd.Series(list(LAST)).to_numpy(), Y),
    "a series of images": lambda: (pd.Series([Image.fromarray(one) for one in LAST]), pd.Series(Y)),
}


@pytest.mark.parametrize("way", WAYS)
def test_objects_are_what_they_hold(way: str) -> None:
    data = opened(WAYS[way]())
    assert len(data) == 60 and data.classes == ("0", "1") and np.array_equal(data.labels, Y)
    assert np.array_equal(data.images.read(41), LAST[41])


def test_a_frame_says_what_it_cannot_hold() -> None:
    paths = pd.DataFrame({"image": ["a.png"], "label": ["x"]})
    with pytest.raises(UserError, match="several columns are called label"):
        opened(pd.concat([paths, paths[["label"]]], axis=1))
    for picture in (Image.new("RGB", (4, 4)), LAST[0], b"PNG"):
        with pytest.raises(UserError, match=r"column 'image' holds .*, not paths"):
            opened(pd.DataFrame({"image": [picture, picture], "label": ["x", "y"]}))


def test_embed_and_explain_take_images_in_memory_as_predict_does(colour: Results, tmp_path: Path) -> None:
    files = [tmp_path / f"{index}.png" for index in range(4)]
    for file, one in zip(files, LAST, strict=False):
        Image.fromarray(one).save(file)
    wanted = neocog.embed(colour, files, tmp_path / "files", near=1, quiet=True)
    for index, way in enumerate((LAST[:4], X[:4], [Image.fromarray(one) for one in LAST[:4]], iter(files))):
        made = neocog.embed(colour, way, tmp_path / str(index), near=1, quiet=True)
        assert np.array_equal(made.features, wanted.features) and len(made.paths) == 4
    with pytest.raises(UserError, match="--model resnet has no effect"):
        neocog.embed(colour, files, tmp_path / "other", model="resnet", quiet=True)
    shown = neocog.explain(colour, LAST[:2], tmp_path / "explained", quiet=True)
    assert [one.name for one in shown.samples] == ["image 0", "image 1"] and all(one.written for one in shown.samples)


def test_the_tables_of_cross_validation_are_those_of_all_folds(tmp_path: Path) -> None:
    run = neocog.train((X, Y), tmp_path / "run", folds=3, **QUICK)
    tested = run.predictions
    assert sorted(tested["path"]) == sorted(f"images[{index}]" for index in range(60)), "each image once"
    assert tested.groupby("fold").size().tolist() == [20, 20, 20] and len(run.splits) == 180
    assert run.metrics["fold"].tolist() == [1, 2, 3]
    accuracy = run.measures.set_index(["part", "measure"])["value"]["test", "accuracy"]
    assert tested["correct"].mean() == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 3}, "settings repeat epochs"),
        ({"seed": 3}, r"random_state=…"),
        ({"folds": 3}, "settings have folds"),
    ],
)
def test_settings_of_an_estimator_contradict_nothing(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ImageClassifier(settings=settings).fit(LAST, Y)


def test_whole_numbers_stay_whole_where_a_frame_lacks_some(tmp_path: Path) -> None:
    for index in range(6):
        Image.fromarray(LAST[index]).save(tmp_path / f"{index}.png")
    frame = pd.DataFrame({"image": [str(tmp_path / f"{n}.png") for n in range(6)], "label": [1, 2, None, 1, 2, 2]})
    with given(frame):
        assert open_given(DEFAULT, Reading(unlabelled="skip")).classes == ("1", "2")


def test_what_belongs_into_a_file_says_how_it_gets_there(tmp_path: Path) -> None:
    net = torch.nn.Linear(2, 2)
    for name, value, said in (
        ("model", net, "file.py:Class"),
        ("pretrained", net.state_dict(), "save_file"),
        ("model", 3, "NAME"),
    ):
        with pytest.raises(UserError, match=rf"is not text(.|\n)*{said}"):
            neocog.train((LAST, Y), tmp_path / "run", **{**QUICK, name: value})


def test_advice_never_cuts_values_off(colour: Results, tmp_path: Path) -> None:
    for mode in ("F", "I"):
        with pytest.raises(UserError, match=r"numpy\.asarray\(image\)"):
            colour.predict(Image.new(mode, (12, 10)))
    with pytest.raises(UserError, match=r"a folder(.|\n)*neocog\.predict\(run, folder\)"):
        colour.predict(tmp_path)
    with pytest.raises(UserError, match="in Python it is called pretrained"):
        neocog.train((X, Y), tmp_path / "run", **{"from": "imagenet"})
    (tmp_path / "net.py").write_text("class Net: ...")
    with pytest.raises(UserError, match=r"give .*net\.py:CLASS"):
        neocog.train((X, Y), tmp_path / "run", **{**QUICK, "model": str(tmp_path / "net.py")})
