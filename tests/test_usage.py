"""The command line's answers to what people type: help, slips of the finger, Ctrl-C, and the extra that is missing."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import neocog
from neocog.cli.main import main
from neocog.errors import install


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    told = capsys.readouterr()
    assert left.value.code == 2 and told.out == "" and told.err.startswith("error: ")
    return " ".join(told.err.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("tarin digits", "no command 'tarin' fix: did you mean 'train'?"),
        ("tarin -h", "did you mean 'train'?"),
        ("help tarin", "did you mean 'train'?"),
        ("convert labelm a b", "no command 'labelm' fix: did you mean 'labelme'?"),
        ("frobnicate", "known: audit, bench, compete, convert"),
        ("--versio", "unknown option --versio"),
        ("audit photos --stric", "neocog audit has no option --stric fix: did you mean --strict?"),
        ("predict run x.png --tild", "did you mean --tiled?"),
        ("kmeans x.png --zzz 3", "it has --clusters, --json, --out, --seed, --space; see `neocog kmeans --help`"),
        ("audit", "neocog audit needs DATA"),
        ("train digits --epochs", "--epochs needs a value"),
        ("train digits --lr 1 --lr 2", "--lr is given twice"),
        ("audit photos more", "more is not expected here"),
        ("train digits --model cnn --widths 16 32", "are written with commas: --widths 16,32"),
        ("models --size big", "--size big is not a whole number"),
        ("export run --to onxx", "--to onxx is not one of keras, onnx, numpy fix: did you mean 'onnx'?"),
    ],
)
def test_a_slip_is_answered_with_the_nearest_in_our_words(
    words: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = said(capsys, *words.split())
    assert says in told and "Unused Tokens" not in told
    assert len(told) < 320, "a short list, not all that there is"
    assert not list(tmp_path.iterdir())


def test_help_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    main(["help"])
    every = capsys.readouterr().out
    assert all(verb in every for verb in neocog.VERBS)
    main(["help", "kmeans"])
    one = capsys.readouterr().out
    main(["kmeans", "--help"])
    assert one == capsys.readouterr().out and "--space" in one
    main(["help", "convert", "labelme"])
    assert "--on-bad" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "says"), [(["train", "digits"], "nothing was written"), (["audit", "digits"], "stopped")]
)
def test_ctrl_c_before_a_run_exists_is_one_line_and_130(
    command: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("neocog.verbs.session.scan_images", interrupt)
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as left:
        main(command)
    assert left.value.code == 130
    assert says in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_dir_lists_every_verb_and_each_is_a_function_of_the_command_lines_name() -> None:
    from neocog.cli.usage import app, names

    assert set(names(app)) == set(neocog.VERBS) <= set(dir(neocog))
    assert all(callable(getattr(neocog, verb)) for verb in neocog.VERBS)
    assert neocog.train is neocog.train


def test_convert_and_bench_are_functions_that_reach_their_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = neocog.convert("augment", _pictures(tmp_path / "in"), tmp_path / "out", copies=1, quiet=True)
    assert done.table.is_file() and done.copies == done.originals == 4
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "neocog.verbs.bench.backends", lambda networks=(), rounds=6: asked.update(rounds=rounds) or "measured"
    )
    assert neocog.bench("backends", rounds=3) == "measured" and asked == {"rounds": 3}
    with pytest.raises(neocog.errors.UserError, match="did you mean 'augment'"):
        neocog.convert("augmnt", "a", "b")
    with pytest.raises(neocog.errors.UserError, match="did you mean 'copies'"):
        neocog.convert("augment", "a", "b", copie=3)


def _pictures(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    for index in range(4):
        place = folder / ("bright" if index % 2 else "dark")
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 120 + 100 * (index % 2), (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.png")
    return folder


class Installed:
    """A package that says where it came from."""

    def __init__(self, url: str | None) -> None:
        self.url = url

    def read_text(self, name: str) -> str | None:
        return json.dumps({"url": self.url}) if self.url else None


def test_an_extra_is_installed_from_where_the_package_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my checkout").mkdir()
    (tmp_path / "my checkout" / "pyproject.toml").touch()
    url = (tmp_path / "my checkout").as_uri()
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(url))
    assert install("timm") == f'pip install "{tmp_path}/my checkout[timm]"'
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(None))
    monkeypatch.setattr("neocog.errors.__file__", "/usr/lib/python3/site-packages/neocog/errors.py")
    assert install("timm") == 'pip install "neocog[timm]"'
