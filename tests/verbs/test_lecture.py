"""``models --lecture``: the table for people and programs, with and without times."""

from __future__ import annotations

import json
import re

import pytest
import torch

from neocog.cli.main import main
from neocog.errors import UserError, install
from neocog.networks.lecture import TABLE, TIMES
from neocog.verbs import lecture as verb


def known(*names: str) -> tuple[object, ...]:
    return tuple(row for row in TABLE if row.name in names)


def test_the_table_marks_what_is_published_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "TABLE", known("squeezenet", "googlenet", "vgg16"))
    monkeypatch.setenv("COLUMNS", "80")
    main(["models", "--lecture"])
    text = capsys.readouterr().out
    assert re.search(r"vgg16 +16 +138\.36 +553 \(515\) +224 +\d+\.\d \(6\.5\)\n", text), (
        "a column is lost at the usual width"
    )
    assert re.search(r"googlenet \[1\] +22 +6\.62 \(7\) +26\.5 +224 +\d\.\d\n", text)
    assert (
        "[1] torchvision's branches" in text
        and "torchvision:squeezenet1_1" in text
        and "measured once on one thread" in " ".join(text.split())
    )
    assert set(TIMES) == {row.name for row in TABLE}


def test_times_are_medians_relative_to_squeezenet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "TABLE", known("squeezenet", "shufflenet"))
    monkeypatch.setattr(verb, "SECONDS", 0.0)
    before = torch.random.get_rng_state()
    main(["models", "--lecture", "--time", "--json", "--quiet"])
    rows = json.loads(capsys.readouterr().out)["models"]
    assert [row["name"] for row in rows] == ["squeezenet", "shufflenet"]
    first, second = rows
    assert first["time"] == 1.0 and first["known"]["time"] == 1.0 and second["known"]["time"] is None
    assert second["time"] == round(second["milliseconds"] / first["milliseconds"], 2)
    assert torch.equal(before, torch.random.get_rng_state())
    monkeypatch.setenv("COLUMNS", "80")
    rows[0]["name"] = "inceptionresnetv2"  # the longest
    monkeypatch.setattr(verb, "TABLE", TABLE)
    verb.show(rows)
    text = capsys.readouterr().out
    assert "times: as long as" in " ".join(text.split()) and "…" not in text


def test_a_library_that_is_absent_leaves_its_rows_empty_and_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_known: object) -> None:
        raise UserError("timm is not installed", fix=install("timm"))

    monkeypatch.setattr(verb, "TABLE", known("darknet53"))
    monkeypatch.setattr("neocog.networks.lecture.sketch", absent)
    main(["models", "--lecture"])
    text = capsys.readouterr().out
    assert re.search(r"darknet53 \[1\] +– +– +– +256 +\d", text)
    assert f"timm is not installed: {install('timm')}" in " ".join(text.split("\n"))


def test_time_without_the_table_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["models", "--time"], ["models", "cnn", "--lecture"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 2
        assert capsys.readouterr().err.count("neocog models --lecture --time") == 1
