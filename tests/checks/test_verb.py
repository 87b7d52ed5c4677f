"""``neocog audit`` on a folder full of faults: all told in one pass, JSON as promised, and not a byte of it touched."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from neocog.data.masks import target_texts
from neocog.data.split import write_splits
from neocog.errors import UserError
from neocog.run import to_json
from neocog.verbs.audit import audit, show


def photo(seed: int, size: tuple[int, int] = (60, 48)) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def clean(tmp_path) -> Path:
    for label in ("fir", "oak"):
        (tmp_path / "trees" / label).mkdir(parents=True)
        for i in range(12):
            photo(100 * len(label + label[0] * (label == "oak")) + i).save(
                tmp_path / "trees" / label / f"{label}{i}.png"
            )
    return tmp_path / "trees"


@pytest.fixture
def dirty(clean) -> Path:
    (clean / "fir" / "cut.jpg").write_bytes(_jpeg(photo(7))[:500])
    (clean / "fir" / "empty.png").write_bytes(b"")
    (clean / "fir" / "page.jpg").write_bytes(b"<!DOCTYPE html><html><body>404</body></html>")
    (clean / "oak" / "really.jpg").write_bytes((clean / "oak" / "oak1.png").read_bytes())
    (clean / "oak" / "fir3.png").write_bytes((clean / "fir" / "fir3.png").read_bytes())
    photo(9).convert("L").save(clean / "oak" / "grey.png")
    Image.new("RGB", (60, 48)).save(clean / "oak" / "black[bold].png")
    (clean / "oak" / "small.jpg").write_bytes(_jpeg(photo(10, (9, 9))))
    (clean / "Oak").mkdir()
    photo(11).save(clean / "Oak" / "x.png")
    (clean / "oak" / "Thumbs.db").write_bytes(b"x")
    return clean


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def shown(found, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(found, console)
    return console.file.getvalue()


def fingerprint(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }


def test_a_clean_folder_has_no_finding(clean):
    found = audit(clean, quiet=True)
    assert found.findings == []
    value = found.to_json()
    assert [taken["part"] for taken in value.pop("taken")] == ["layout", "labels", "split", "groups", "pixels"]
    assert value == {
        "kind": "class folders", "form": "images", "task": "classification", "samples": 24,
        "classes": {"fir": 12, "oak": 12},
        "left_out": {"by_class": {}, "samples": []}, "findings": [],
    }  # fmt: skip
    text = shown(found)
    assert "24 images in 2 classes" in text and "48 × 60" in text and "no problems found" in text


def test_all_faults_of_a_folder_are_told_in_one_pass_and_none_of_it_is_touched(dirty):
    before = fingerprint(dirty)
    found = audit(dirty, quiet=True)
    assert fingerprint(dirty) == before
    whats = {finding.what: finding for finding in found.findings}
    for part in (
        "1 image cannot be used",
        "stored in more than one class",
        "redundant image",
        "1 class with 1 image: Oak",
        "class names that look alike: 'Oak', 'oak'",
        "channels are mixed",
        "1 image more than 4 times smaller than usual",
        "1 image of one constant value",
        "image sizes",
        "named .jpg",
    ):
        assert any(part in what for what in whats), (part, list(whats))
    bad = {name for f in found.findings if "cannot be used" in f.what for name in f.samples}
    assert bad == {"fir/cut.jpg", "fir/empty.png", "fir/page.jpg"}
    assert [f.severity for f in found.findings] == sorted(
        (f.severity for f in found.findings), key="error warning note".find
    )


def test_json_reads_back_with_exactly_the_promised_keys(dirty):
    value = json.loads(to_json(audit(dirty, quiet=True).to_json()))
    assert list(value) == ["kind", "form", "task", "samples", "classes", "taken", "left_out", "findings"]
    assert all(list(finding) == ["severity", "what", "samples", "advice"] for finding in value["findings"])
    assert {finding["severity"] for finding in value["findings"]} == {"error", "warning", "note"}


def test_what_people_see_names_files_literally_and_cuts_long_lists_with_a_count(dirty):
    for i in range(9):
        Image.new("RGB", (60, 48)).save(dirty / "fir" / f"zero{i}.png")
    (dirty / "oak" / "black[bold].png").rename(dirty / "fir" / "black[bold].png")
    text = shown(audit(dirty, quiet=True), width=300)
    assert "fir/black[bold].png" in text  # no markup
    assert "10 images of one constant value" in text and "and 4 more" in text
    assert "error" in text.splitlines()[-1]


def test_many_classes_are_cut_with_a_count(tmp_path):
    for k in range(45):
        (tmp_path / f"c{k}").mkdir()
        for i in range(2):
            photo(10 * k + i, (16, 16)).save(tmp_path / f"c{k}" / f"{i}.png")
    text = shown(audit(tmp_path, quiet=True))
    assert "and 5 classes more, 2 to 2 images each" in text


def test_a_terminal_without_unicode_still_shows_everything(dirty):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    show(audit(dirty, quiet=True), Console(file=file, width=80))
    file.flush()
    assert b"####" in file.buffer.getvalue()


def test_strict_turns_leaks_into_errors(dirty):
    def severity(strict: bool) -> str:
        found = audit(dirty, strict=strict, quiet=True).findings
        return next(f.severity for f in found if "stored in more than one class" in f.what)

    assert (severity(False), severity(True)) == ("warning", "error")


def test_a_flipped_bit_is_an_error_against_the_record_of_a_run(clean, tmp_path):
    from neocog.data.readers.detect import open_dataset

    dataset = open_dataset(clean)
    digests = [dataset.images.digest(i) for i in range(len(dataset))]
    write_splits(tmp_path / "splits.csv", dataset, np.array(["train"] * len(dataset)), digests, target_texts(dataset))
    assert audit(clean, verify=tmp_path, quiet=True).findings == []
    path = clean / "oak" / "oak5.png"
    photo(12345).save(path)
    for record in (tmp_path, tmp_path / "splits.csv"):
        found = audit(clean, verify=record, quiet=True).findings
        assert [(f.severity, f.what, f.samples) for f in found] == [
            ("error", "1 image changed since it was recorded", ("oak/oak5.png",))
        ]


def test_no_record_to_verify_with_is_told_before_anything_is_read(clean, tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        audit(clean, verify=tmp_path / "nothing.csv", quiet=True)
