"""Settings survive the way through TOML, and every wrong one is told, all at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocog.config import TABLES, Config, DataConfig, ModelConfig, TrainConfig, changed, from_toml, names_of
from neocog.errors import Problems, UserError

configs = st.builds(
    Config,
    st.builds(
        DataConfig,
        data=st.text(),
        size=st.sampled_from([(), (28,), (30, 40)]),
        folds=st.sampled_from([0, 3, 10]),
        split=st.sampled_from([(0.8, 0.1, 0.1), (70.0, 0.0, 30.0)]),
    ),
    st.builds(
        ModelConfig, model=st.text(), options=st.dictionaries(st.text(min_size=1), st.integers(0, 9) | st.text())
    ),
    st.builds(
        TrainConfig,
        lr=st.floats(1e-9, 10),
        epochs=st.integers(0, 100),
        augment=st.lists(st.text(), max_size=3).map(tuple),
        tensorboard=st.booleans(),
        loss=st.sampled_from(["cross-entropy", "mse", "mae"]),
        seed=st.integers(0, 2**63 - 1),
    ),
)


@given(configs)
def test_settings_come_back_from_toml_as_they_were(config: Config) -> None:
    assert from_toml(config.to_toml(), "config.toml") == config


def test_all_faults_of_a_file_are_told_at_once_with_the_nearest_name() -> None:
    text = '[data]\nsizze = [3]\n[training]\nepochs = "many"\noptimizer = "adamm"\n[trainng]\nlr = 1\n'
    with pytest.raises(Problems) as error:
        from_toml(text, "my.toml")
    said = str(error.value)
    assert len(error.value.errors) == 4
    for part in (
        "'sizze'",
        "did you mean 'size'",
        "--epochs many is not a whole number",
        "--optimizer adamm",
        "[trainng]",
        "my.toml",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ({"lr": float("nan")}, "--lr nan is not a finite number"),
        ({"lr": 0.0}, "--lr 0"),
        ({"epochs": -1}, "--epochs -1 is below 0"),
        ({"batch": -5}, "--batch -5 is below 0"),
        ({"epochs": 3, "minutes": 1.0}, "contradict"),
        ({"split": (0.8, 0.2)}, "not three shares"),
        ({"split": (1.0, 0.0, 0.0)}, "nothing to train or to test on"),
        ({"folds": 2}, "--folds 2 is too few"),
        ({"size": (0,)}, "--size 0: 0 is below 1"),
        ({"ema": 1.0}, "--ema 1.0"),
        ({"seed": 2**63}, "is above 9,223,372,036,854,775,807"),
    ],
)
def test_a_value_out_of_range_is_an_error_with_the_value_in_it(edits: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=r"(?s).*") as error:
        changed(Config(), edits)
    assert says in str(error.value)


def test_the_number_of_flags_is_kept_in_check() -> None:
    """Flags only ever grow; a new one needs an old one to go, or this number to be raised on purpose."""
    flags = [name for section in (DataConfig, ModelConfig, TrainConfig) for name in names_of(section)]
    assert len(set(flags) - {"data", *TABLES}) <= 94
