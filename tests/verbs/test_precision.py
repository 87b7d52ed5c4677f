"""``predict``, ``evaluate`` and ``run.predict`` in bf16: only where it is asked for, said, near what fp32 answers, and refused
where it gains nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neocog
from neocog.cli.main import main
from neocog.engine import precision
from neocog.errors import UserError

NEAR = 0.03  # of a probability: bf16 has eight binary digits


@pytest.fixture(scope="module")
def run(dark_and_light: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A classifier of dark and light pictures that overlap."""
    folder = tmp_path_factory.mktemp("pictures") / "data"
    folder.mkdir()
    data = dark_and_light(folder, (100, 130), 40, 60)
    settings = {"model": "cnn", "widths": "4,6", "epochs": 2, "batch": 16, "threads": 1, "precision": "fp32"}
    return neocog.train(data, folder.parent / "run", quiet=True, **settings)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that is fast at bf16."""
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx512_bf16"])


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not."""
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx2"])


def data(run: Any) -> Path:
    return Path(run.folder.parent / "data")


def shares(found: Any) -> np.ndarray:
    return np.array([[row["p:dark"], row["p:light"]] for row in found.rows])


@pytest.mark.usefixtures("fast")
def test_answers_in_bf16_are_near_those_in_fp32_which_nobody_leaves_unasked(run: Any) -> None:
    usual, exact, quick, chosen = (
        neocog.predict(run, data(run), quiet=True, **more)
        for more in ({}, {"precision": "fp32"}, {"precision": "bf16"}, {"precision": "auto"})
    )
    assert usual.rows == exact.rows and usual.precision == exact.precision == "fp32"
    assert quick.rows == chosen.rows and quick.precision == chosen.precision == "bf16"
    apart = np.abs(shares(quick) - shares(usual)).max()
    assert 0 < apart < NEAR


@pytest.mark.usefixtures("fast")
def test_images_in_memory_have_in_bf16_what_their_files_have(run: Any) -> None:
    files = sorted(data(run).rglob("*.png"))
    quick = shares(neocog.predict(run, files, quiet=True, precision="bf16"))
    assert np.array_equal(run.predict([*map(str, files)], precision="bf16"), quick)
    assert not np.array_equal(run.predict([*map(str, files)]), quick)


@pytest.mark.usefixtures("fast")
def test_an_evaluation_in_bf16_measures_answers_in_bf16(run: Any) -> None:
    usual, quick = (neocog.evaluate(run, quiet=True, **more) for more in ({}, {"precision": "bf16"}))
    assert (usual["precision"], quick["precision"]) == ("fp32", "bf16")
    losses = [found["measures"]["test"]["log_loss"]["value"] for found in (usual, quick)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], abs=NEAR)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_the_shell_says_the_precision_and_json_keeps_it(
    verb: str, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(data(run) / "dark" / "0.png")] if verb == "predict" else []
    main([verb, str(run.folder), *files, "--precision", "auto", "--json"])
    printed = capsys.readouterr()
    assert "answers in bf16: the processor has AVX512-BF16" in printed.err
    assert json.loads(printed.out)["precision"] == "bf16"
    main([verb, str(run.folder), *files, "--json"])
    printed = capsys.readouterr()
    assert "answers in" not in printed.err and json.loads(printed.out)["precision"] == "fp32"


@pytest.mark.usefixtures("slow")
def test_bf16_is_refused_where_the_processor_is_not_fast_at_it_and_auto_says_so(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data(run) / "dark" / "0.png"
    for work in (
        lambda: neocog.predict(run, file, tmp_path / "new.csv", precision="bf16"),
        lambda: neocog.evaluate(run, "no such data", precision="bf16"),
        lambda: run.predict(file, precision="bf16"),
    ):
        with pytest.raises(UserError, match=r"--precision bf16: the processor has neither AMX nor AVX512-BF16"):
            work()
    assert not (tmp_path / "new.csv").exists()
    capsys.readouterr()
    assert neocog.predict(run, file, precision="auto").precision == "fp32"
    assert "answers in fp32: the processor has neither" in capsys.readouterr().err


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("promise", ["coverage", "refuse"])
def test_what_was_promised_of_fp32_is_not_promised_of_bf16(promise: str, run: Any) -> None:
    given: dict[str, Any] = {promise: 0.5, "precision": "bf16"}
    with pytest.raises(UserError, match=f"--{promise} is not for --precision bf16"):
        neocog.predict(run, data(run), quiet=True, **given)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("word", ["FP32", "fp16", "", None, 16])
def test_a_word_that_is_no_precision_is_refused_by_every_way_to_ask(word: Any, run: Any) -> None:
    file = str(data(run) / "dark" / "0.png")
    for work in (
        lambda: run.predict(file, precision=word),
        lambda: neocog.predict(run, file, quiet=True, precision=word),
        lambda: neocog.evaluate(run, quiet=True, precision=word),
    ):
        with pytest.raises(UserError, match="is not one of fp32, bf16, auto"):
            work()
