"""Names that are no UTF-8, of classes, files, data and runs: everything is written, and reads back."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.config import Config, from_tables, from_toml

CLASSES = (b"caf\xe9", b"b\xfcro")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes, dark and light, of twelve images each."""
    root, rng = tmp_path / os.fsdecode(b"d\xe9ta"), np.random.default_rng(0)
    for light, name in enumerate(CLASSES):
        folder = root / os.fsdecode(name)
        folder.mkdir(parents=True)
        for i in range(12):
            with (folder / os.fsdecode(b"n\xff%d.png" % i)).open("wb") as file:
                Image.fromarray((rng.random((8, 8)) * 100 + 100 * light).astype(np.uint8)).save(file, "PNG")
    return root


def test_a_run_on_names_that_are_no_utf8_is_written_whole_and_goes_on(data: Path, tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"r\xe9n")
    run = neocog.train(data, out=out, quiet=True, model="mlp", hidden="4", epochs=1, batch=8, threads=1)
    names = sorted(map(os.fsdecode, CLASSES))
    assert json.loads(run.result.read_text())["classes"] == names
    assert json.loads(run.model_json.read_text())["classes"] == names
    assert "caf\\udce9" in run.report.read_text(encoding="utf-8")
    assert "n\\udcff" in run.predictions_csv.read_text(encoding="utf-8")
    assert tomllib.loads(run.config.read_text(encoding="utf-8"))["data"]["data"].endswith("d\\udce9ta")
    assert neocog.evaluate(run, quiet=True)["classes"] == names
    neocog.predict(run, [data], out=tmp_path / "p.csv", quiet=True)
    assert "b\\udcfcro" in (tmp_path / "p.csv").read_text(encoding="utf-8")
    before = run.predictions_csv.read_bytes()
    run.report.unlink()
    assert neocog.resume(out, quiet=True).report.is_file() and run.predictions_csv.read_bytes() == before


@pytest.mark.parametrize("read", [lambda c: from_toml(c.to_toml(), ""), lambda c: from_tables(c.tables(), "")])
def test_settings_keep_the_bytes_of_a_path(read: Callable[[Config], Config]) -> None:
    config = Config()
    config = type(config)(type(config.data)(data=os.fsdecode(b"/a/d\xe9ta \xff")), config.model, config.training)
    config.to_toml().encode()
    assert read(config) == config
