"""How verbs open data: by one function, with the same flags, and saying first what was taken for what and what is left out."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.checks import findings
from neocog.cli.main import main
from neocog.config import Config, ReadConfig
from neocog.data.dataset import ArrayImages, Dataset, LeftOut, Taken
from neocog.data.readers.reading import Reading, ambiguous
from neocog.data.scan import scan_images
from neocog.data.taken import losses, taken_json, taken_lines, with_taken
from neocog.errors import UserError
from neocog.verbs import session
from neocog.verbs.session import settings_for

LEARNED: dict[str, Any] = {"model": "mlp", "epochs": 1, "threads": 1, "augment": ("off",), "quiet": True}
SKIP: dict[str, Any] = {"on_bad": "skip", "max_bad": 0.2}


def photos(folder: Path, seed: int = 0, broken: int = 0, unknown: int = 0) -> Path:
    """Two classes of 16 noise images; ``broken`` more PNGs cut short among the cats, ``unknown`` files of HEIC."""
    rng = np.random.default_rng(seed)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(16):
            Image.fromarray(rng.integers(0, 256, (12, 12), np.uint8)).save(folder / name / f"{number}.png")
    for number in range(broken):
        (folder / "cat" / f"broken{number}.png").write_bytes((folder / "cat" / "0.png").read_bytes()[:-20])
    for number in range(unknown):
        (folder / "cat" / f"phone{number}.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session")
    data = photos(folder / "photos", broken=1, unknown=3)
    neocog.train(data, folder / "run", **LEARNED, **SKIP)
    return folder


def samples(labels: list[int], **more: Any) -> Dataset:
    names = tuple(f"{index}.png" for index in range(len(labels)))
    images = ArrayImages(np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 1), np.uint8), names)
    return Dataset("class folders", None, names, np.array(labels, np.int64), ("cat", "dog"), images, **more)


# Another value than the default for every reading setting, in sets that belong together
OTHERS: tuple[dict[str, Any], ...] = (
    {
        "task": "segmentation", "kind": "images", "levels": "class,group", "groups": "none", "ignore": 255, "remap": True,
        "unlabelled": "skip", "mask_values": "classes", "background": "0", "frames": "first", "axes": "CYX",
        "max_pixels": 1000, "on_bad": "skip", "max_bad": 0.5,
    },
    {
        "task": "regression", "angles": "radians", "decimal": "comma",
        "targets": ("width", "height"), "columns": ("group=patient", "weight=none"),
    },
    {"kind": "sequences", "label_field": "2", "min_samples": 3, "gaps": "strip"},
    {"task": "segmentation", "instances": True},
    {"task": "detection", "boxes_from": "masks", "first_pixel": "1", "without_boxes": "skip", "border_ignore": True},
)  # fmt: skip


def words(settings: dict[str, Any]) -> list[str]:
    """The flags that set them."""
    found = []
    for name, value in settings.items():
        found.append(f"--{name.replace('_', '-')}")
        found += [] if value is True else map(str, value) if isinstance(value, tuple) else [str(value)]
    return found


class Opened(Exception):
    """The data would be read now."""


@pytest.mark.parametrize("other", OTHERS, ids=("masks", "values", "sequences", "objects", "boxes"))
@pytest.mark.parametrize(
    "call",
    [
        "audit DATA",
        "preview DATA",
        "train DATA",
        "audit DATA --against DATA",
        "evaluate RUN DATA",
        "convert augment DATA NEW",
    ],
)
def test_every_verb_hands_every_reading_flag_to_the_readers(
    call: str, other: dict[str, Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def opened(*arguments: Any) -> Dataset:
        seen.append(arguments)
        raise Opened

    monkeypatch.setattr(session, "open_dataset", opened)
    monkeypatch.chdir(tmp_path)
    places = {"DATA": str(run / "photos"), "RUN": str(run / "run"), "NEW": str(tmp_path / "new")}
    asked = [places.get(word, word) for word in call.split()]
    with pytest.raises(Opened):
        main([*asked, *words(other)])
    ((source, decoding, reading),) = seen
    assert source == str(run / "photos")
    for name in ("frames", "axes", "max_pixels"):
        assert name not in other or getattr(decoding, name) == other[name]
    masks = {"task": "segmentation"} if "--against" in asked else {}
    for name in {f.name for f in fields(Reading)} & set(other):
        assert getattr(reading, name) == {**other, **masks}[name], name


def test_another_value_is_known_for_every_reading_setting() -> None:
    known = {name: value for other in OTHERS for name, value in other.items()}
    assert set(known) == {f.name for f in fields(ReadConfig)} - {"data", "task_options"}
    assert not [name for name, value in known.items() if value == getattr(ReadConfig(), name)]


def test_a_setting_that_is_none_of_reading_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'ignore'"):
        settings_for("photos", {"ignor": 255})
    assert settings_for(Path("digits"), {"ignore": 7}, base=Config()).data == replace(
        Config().data, data="./digits", ignore=7
    )


def test_a_run_reads_other_data_as_its_own_unless_flags_say_otherwise(run: Path, tmp_path: Path) -> None:
    other = photos(tmp_path / "others", seed=9, broken=2)
    found = neocog.evaluate(run / "run", other)  # the run skips what cannot be read
    assert found["n"]["test"] == 32
    assert found["left_out"]["by_class"] == {"cat": {"used": 16, "lost": 2}}
    with pytest.raises(UserError, match=r"more than --max-bad 0\.01"):
        neocog.evaluate(run / "run", other, max_bad=0.01)
    with pytest.raises(UserError):
        neocog.evaluate(run / "run", other, on_bad="stop")


def test_the_first_lines_say_what_was_taken_for_what(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for call in (["audit"], ["preview", "--n", "2", "--draws", "1", "--out", str(run / "sheet.png")]):
        main([*call, str(run / "photos"), *words(SKIP)])
        lines = capfd.readouterr().err.splitlines()
        assert "read as class folders" in lines[0] and lines[1].split("  ")[1] == "part of the data"
        assert lines[2].startswith("  layout") and "--kind" in lines[2]
        assert sum("cat: 3 of 20 left out" in line for line in lines) == 1
        assert any("cat: 4 of 20 left out" in line for line in lines)
        assert any(line.startswith("  pixels: brightness: 0 to 255") for line in lines)


def test_result_evaluation_audit_and_report_hold_the_same_table(run: Path) -> None:
    result = json.loads((run / "run" / "result.json").read_text())
    audited = neocog.audit(run / "photos", **SKIP).to_json()
    evaluated = neocog.evaluate(run / "run")
    parts = [taken["part"] for taken in result["taken"]]
    assert parts[0] == "layout" and parts[-1] == "pixels" and {"split", "groups"} <= set(parts)
    assert audited["taken"] == result["taken"] and evaluated["taken"] == result["taken"][:-1]
    assert audited["left_out"] == result["left_out"]
    assert result["left_out"]["by_class"] == {"cat": {"used": 16, "lost": 4}}
    assert {out["name"] for out in result["left_out"]["samples"]} == {
        "cat/broken0.png", *(f"cat/phone{number}.heic" for number in range(3)),
    }  # fmt: skip
    (data,) = [part for part in json.loads((run / "run" / "sections.json").read_text()) if part["name"] == "data"]
    tables = [item for item in data["items"] if item["kind"] == "table"]
    assert [row[0] for row in tables[0]["rows"]] == parts
    assert tables[1]["rows"][0][:4] == ["cat", 16, 4, "20.0 %"]
    assert "part of the data" in (run / "run" / "report.html").read_text()


def test_what_the_user_leaves_out_is_no_error_and_much_of_it_a_warning(run: Path) -> None:
    stopped = {finding.what: finding.severity for finding in neocog.audit(run / "photos").findings}
    assert sum(severity == "error" for severity in stopped.values()) == 1
    skipped = neocog.audit(run / "photos", **SKIP).findings
    assert not [finding for finding in skipped if finding.severity == "error"]
    (lost,) = [finding for finding in skipped if "left out" in finding.what]
    assert lost.severity == "warning" and len(lost.samples) == 4


@pytest.mark.parametrize(("lost", "severity"), [(1, "note"), (2, "warning")])
def test_a_class_that_loses_more_than_a_twentieth_is_a_warning(lost: int, severity: str) -> None:
    gone = tuple(LeftOut(f"x{number}.avif", "dog", "not read") for number in range(lost))
    data = samples([0] * 200 + [1] * 20, left_out=gone)
    (found,) = [each for each in findings(data, scan_images(data.images).records) if "left out" in each.what]
    assert found.severity == severity and found.samples == tuple(out.name for out in gone)
    assert found.what.startswith(f"dog: {lost} of {20 + lost} left out")


def test_losses_are_counted_by_class_and_reason() -> None:
    gone = [LeftOut(name, label, why) for name, label, why in (
        ("0.png", "cat", "cut short"), ("x.heic", "cat", "HEIC"), ("y.heic", "cat", "HEIC"), ("z.png", "fox", "too few"),
        ("w.png", "", "no label"),
    )]  # fmt: skip
    found = losses(samples([0, 0, 0, 1], left_out=tuple(gone)))  # 0.png is listed still, and not used
    assert [(loss.label, loss.used, loss.lost) for loss in found] == [("cat", 2, 3), ("", 3, 1), ("fox", 0, 1)]
    assert found[0].reasons == (("HEIC", 2), ("cut short", 1)) and found[2].share == 1
    assert losses(samples([0, 1])) == [] and taken_json(samples([0]))["left_out"] == {"by_class": {}, "samples": []}


def test_what_a_reader_says_takes_the_place_of_what_is_said_in_general() -> None:
    plain = with_taken(samples([0, 1], splits=np.array(["train", "test"])))
    assert [(taken.part, taken.role) for taken in plain] == [
        ("layout", "class folders"), ("labels", "classes: 2"), ("split", "split: given"),
        ("groups", "none: samples are independent"),
    ]  # fmt: skip
    levels = (
        Taken("folder level 1", "class", "2 names", "--levels"),
        Taken("folder level 2", "group", "9 names", "--levels"),
    )
    told = with_taken(samples([0, 1], taken=levels, groups=np.array(["a", "b"])))
    assert [taken.part for taken in told] == ["layout", "folder level 1", "folder level 2", "split"]
    lines = list(taken_lines(told))
    assert len({line.index("class") for line in lines[1:3]}) <= 2 and lines[0].startswith("part of the data")
    assert lines[2].endswith("--levels")


def test_data_that_can_be_read_in_two_ways_name_both_and_the_flags() -> None:
    first, second = ("classes, 12 of them", "--task classification"), ("values to learn", "--task regression")
    told = str(ambiguous("column 'label'", "table.csv: 12 whole numbers", first, second))
    for part in ("column 'label'", "table.csv", *first, *second):
        assert part in told
