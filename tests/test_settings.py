"""Settings: one check for the shell, TOML and Python, all of it before the data are read, and none that does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import neocog
from neocog.checked import bare, checked, choices, flag, read
from neocog.cli.main import main
from neocog.config import HINTS, Config, configured, from_toml
from neocog.effects import EFFECTIVE, conditions, defaults, without_effect
from neocog.errors import Problems, UserError
from neocog.traits import TASKS, traits
from neocog.verbs import ahead, prepare, session

SECTION = {
    name: section for section in ("data", "model", "transfer", "training") for name in vars(getattr(Config(), section))
}

WRONG: list[tuple[str, Any, str]] = [
    ("optimizer", "rmsprob", "--optimizer rmsprob is not one of adamw, adam, rmsprop, sgd, muon, gd"),
    ("schedule", "linear", "--schedule linear is not one of"),
    ("class_weights", "ballanced", "did you mean 'balanced'?"),
    ("precision", "fp16", "--precision fp16 is not one of"),
    ("fit", "stretch", "--fit stretch is not one of"),
    ("task", "counting", "--task counting is not one of"),
    ("epochs", "three", "--epochs three is not a whole number"),
    ("epochs", "2.5", "--epochs 2.5 is not a whole number"),
    ("epochs", "-1", "--epochs -1 is below 0"),
    ("lr", "nan", "--lr nan is not a finite number"),
    ("lr", "inf", "--lr inf is not a finite number"),
    ("lr", "0", "is not above 0"),
    ("momentum", "1", "is not below 1"),
    ("decay_steps", "0", "--decay-steps 0 is below 1"),
    ("decay_rate", "1.5", "--decay-rate 1.5 is above 1"),
    ("max_bad", "2", "--max-bad 2 is above 1"),
]


@pytest.fixture
def nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the data were opened")

    monkeypatch.setattr(prepare, "open_data", never)
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    assert left.value.code == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_a_wrong_value_is_told_alike_by_every_way(
    name: str, value: Any, says: str, nothing_is_read: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in said(capsys, "train", "digits", f"--{name.replace('_', '-')}", value)
    with pytest.raises(UserError) as error:
        neocog.train("digits", **{name: value})
    assert says in str(error.value)
    Path("my.toml").write_text(f'[{SECTION[name]}]\n{name} = "{value}"\n')
    found = said(capsys, "train", "digits", "--config", "my.toml")
    assert says in found and "where: my.toml" in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", True), ("epochs", None), ("epochs", 2.5), ("epochs", float("inf")), ("epochs", [3]), ("lr", float("nan")),
        ("lr", np.float32("inf")), ("lr", True), ("lr", 1j), ("lr", b"0.1"), ("nesterov", 2), ("model", 5), ("size", None),
        ("size", (28, "x")), ("size", (28, 0)), ("size", {28}), ("betas", (0.9, 1.0)), ("betas", 0.9), ("split", (0.8, 0.2)),
        ("split", (0.8, float("nan"), 0.1)), ("augment", 3), ("targets", (1,)), ("optimizer", ["sgd"]),
        ("seed", -1), ("options", "x"), ("task_options", "x"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_a_users_mistake_and_no_crash(name: str, value: Any, nothing_is_read: None) -> None:
    with pytest.raises(UserError, match=flag(name)):
        neocog.train("digits", **{name: value})


def test_values_that_can_only_mean_one_thing_are_taken() -> None:
    given = {
        "size": 128, "lr": "0.01", "epochs": np.int64(3), "momentum": np.float32(0.5), "batch": 64.0, "split": [0.7, 0.1, 0.2],
        "betas": np.array([0.8, 0.9]), "data": Path("photos"), "augment": "turn=3", "nesterov": np.bool_(True), "patch": "64, 32",
        "label-smoothing": "0.1",
    }  # fmt: skip
    config = configured(Config(), given)
    assert config.data.size == (128,) and config.data.split == (0.7, 0.1, 0.2) and config.data.data == "photos"
    training = config.training
    assert (training.lr, training.epochs, training.momentum, training.batch) == (0.01, 3, 0.5, 64)
    assert (training.betas, training.augment, training.patch) == ((0.8, 0.9), ("turn=3",), (64, 32))
    assert training.nesterov is True and type(training.epochs) is int and training.label_smoothing == 0.1
    assert from_toml(config.to_toml(), "config.toml") == config


def test_all_faults_are_told_at_once(nothing_is_read: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken").mkdir()
    Path("taken/file").touch()
    words = "--epochs three --optimizer rmsprp --momentum 0.5 --model lenet6 --epochz 3 --augment tern=3 --out taken"
    found = said(capsys, "train", "digits", *words.split())
    for part in (
        "--epochs three", "did you mean 'rmsprop'", "did you mean 'lenet5'", "--epochz", "--epochs?", "'tern'", "exists already",
    ):  # fmt: skip
        assert part in found, part
    with pytest.raises(Problems) as error:
        neocog.train("digits", epochs="three", optimizr="sgd", momentum=0.5)
    assert len(error.value.errors) == 3 and "--optimizer" in str(error.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model", "cnn", "--widhts", "3"], "did you mean --widths? cnn has activation, batch-norm"),
        (["--lrr", "3"], "did you mean --lr? `neocog train --help-all` lists all"),
        (["--model", "cnn", "--kernel", "two"], "--kernel two is not a whole number"),
        (["--model", "lenet5", "--size", "8"], "lenet5 needs images of at least 12 × 12"),
        (["--model", "resnet3d", "--size", "2"], "resnet3d needs volumes"),
        (["--model", "unet", "--task", "classification"], "this task needs one prediction for each sample"),
        (["--model", "lenet5", "--task", "vae"], "this task needs new images"),
        (["--kind", "volumes", "--augment", "tint=0.1"], "no augmentation 'tint'"),
        (["--engine", "numpy", "--precision", "bf16"], "--engine numpy computes in fp32"),
        (["--task", "regression", "--label-smoothing", "0.1"], "belongs to --task classification, not to regression"),
        (["--loss", "mse", "--label-smoothing", "0.1"], "belongs to --loss cross-entropy, not to mse"),
        (["--schedule", "cosine", "--warmup", "0.2"], "rises in 0.05 of the steps at most"),
        (["--optimizer", "sgd", "--nesterov", "--momentum", "0"], "--momentum is 0"),
        (["--optimizer", "gd", "--batch", "32"], "--batch belongs to --optimizer adamw"),
        (["--tune", "head", "--layer-decay", "0.5"], "--layer-decay says how pretrained weights are learned further"),
        (["--from", "imagenet", "--tune", "head", "--tune-norms"], "--tune head leaves them as they are"),
        (["--from", "imagenet", "--tune", "head", "--lr", "0.1"], "--lr is about the steps of a training"),
        (["--scaling", "weights"], "--scaling weights: there are no pretrained weights"),
        (["--from", "imagenet", "--tune", "last"], "--tune last is not a way to tune"),
        (["--from", "imagenet", "--task", "gan"], "--from belongs to --task classification"),
        (["--from", "imagenet", "--engine", "numpy"], "--from belongs to --engine torch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_network_augmentation_and_settings_without_effect_are_told_before_the_data_are_read(
    words: list[str], says: str, nothing_is_read: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in said(capsys, "train", "digits", *words)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "lenet5"}, "lenet5 needs images of at least 12 × 12 pixels, not 8 × 8"),
        ({"batch": 2000}, "--batch 2000 exceeds the 1,797 samples"),
        ({"min_samples": 5}, "--min-samples belongs to --kind sequences, not to images"),
        ({"patch": 4}, "--patch belongs to --task segmentation or restoration, not to classification"),
        ({"loss": "dice"}, "--loss dice is not for classification"),
    ],
)
def test_what_the_headers_show_is_told_before_an_image_is_decoded(
    settings: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(session, "scan_images", never)
    with pytest.raises(UserError) as error:
        neocog.train("digits", quiet=True, **settings)
    assert says in str(error.value)


def other(name: str) -> Any:
    """A value of a setting that is not its default."""
    usual, (kind, _) = defaults()[name], bare(HINTS[name])
    words = [word for word in get_args(kind) if isinstance(word, str) and word != usual]
    if isinstance(usual, bool):
        return not usual
    if isinstance(usual, tuple):
        return (0.5, 0.5) if usual else ("3",)
    return (
        words[0]
        if words
        else usual + 1
        if isinstance(usual, int)
        else usual / 2
        if usual
        else 0.5
        if usual == 0
        else "x"
    )


@pytest.mark.parametrize("name", sorted({*EFFECTIVE, *(name for task in TASKS for name in traits(task).settings)}))
def test_a_setting_is_refused_where_it_does_nothing_and_only_there(name: str) -> None:
    for by, effective in conditions(name).items():
        kind = choices(HINTS[by]) if by != "kind" else ("images", "sequences", "volumes")
        words = [word for word in kind if word not in ("auto", *effective)]
        for word in words:
            assert any(f"{flag(name)} belongs to {flag(by)}" in str(e) for e in faults(name, by, word))
            assert not [e for e in faults(name, by, word, defaults()[name]) if f"{flag(name)} " in str(e)]
        for word in effective:
            assert not [e for e in faults(name, by, word) if f"belongs to {flag(by)}" in str(e)]


def faults(name: str, by: str, word: str, value: Any = None) -> list[UserError]:
    config = Config()
    for setting, new in ((by, word), (name, other(name) if value is None else value)):
        section = SECTION[setting]
        config = replace(config, **{section: replace(getattr(config, section), **{setting: new})})
    return list(without_effect(config))


def test_what_an_older_run_recorded_stays_readable_though_it_did_nothing() -> None:
    assert from_toml('[training]\noptimizer = "adam"\nmomentum = 0.5\n', "config.toml").training.momentum == 0.5


def test_every_number_has_a_range_and_every_condition_is_a_setting() -> None:
    for name, hint in HINTS.items():
        kind, span = bare(hint)
        if kind in (int, float) or kind in (tuple[int, ...], tuple[float, ...]):
            assert span is not None, f"{name} takes any number"
    assert set(EFFECTIVE) <= set(HINTS) and {by for rule in EFFECTIVE.values() for by in rule} <= set(HINTS)
    for task in TASKS:
        assert {*traits(task).settings, *traits(task).usual} <= set(HINTS), task


def test_verbs_in_python_check_their_arguments_and_name_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"predict has no argument 'tild'\n.*did you mean 'tiled'"):
        neocog.predict(tmp_path, ["x.png"], tild=True)
    with pytest.raises(UserError, match=r"audit has no argument 'stric'\n.*did you mean 'strict'"):
        neocog.audit("digits", stric=True)
    with pytest.raises(Problems) as error:
        neocog.sample(tmp_path, n="many", seed=True, sed=1)
    assert len(error.value.errors) == 3
    for verb in (neocog.audit, neocog.preview, neocog.train):
        with pytest.raises(UserError, match=r"fraems(.|\n)*did you mean (--|')frames"):
            verb("digits", fraems="first")
    with pytest.raises(UserError, match="did you mean 'onnx'"):
        neocog.export(tmp_path, "onxx")


def test_a_checked_function_gets_the_values_as_its_types() -> None:
    def verb(path: str | Path, n: int = 3, *, share: float | None = None, sizes: tuple[int, ...] = ()) -> Any:
        return path, n, share, sizes

    assert checked(verb)("x", "4", share="0.5", sizes=7) == ("x", 4, 0.5, (7,))
    assert read("share", "none", float | None) is None


def test_the_check_is_the_one_that_train_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in go through ``planned``: whoever adds a check there adds it to both."""
    asked = []

    def stop(*given: Any) -> Config:
        asked.append(given)
        raise UserError("asked")

    monkeypatch.setattr("neocog.verbs.train.planned", stop)
    monkeypatch.setattr(ahead, "planned", stop)
    with pytest.raises(UserError, match="asked"):
        neocog.train("digits")
    with pytest.raises(SystemExit):
        main(["train", "digits"])
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("name", "text"), [("lr", "1_0"), ("batch", "1_6"), ("epochs", "\u0663"), ("minutes", "infinity")]
)
def test_numbers_are_written_in_plain_digits(name: str, text: str) -> None:
    hint = float if name in ("lr", "minutes") else int
    with pytest.raises(UserError, match=r"is not a (whole|finite) number"):
        read(name, text, hint)
