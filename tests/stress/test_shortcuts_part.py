"""Part ``shortcuts``: what a network goes by is accused, what it could go by is not, and what leaks is found and said."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import zoom

import neocog
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.robustness.outcome import Verdict
from neocog.run import Run

SIDE = 32
TINY: dict[str, Any] = {
    "model": "mlp",
    "hidden": (16,),
    "epochs": 20,
    "lr": 0.01,
    "batch": 16,
    "threads": 1,
    "quiet": True,
}
Drawn = NDArray[np.uint8]


def scene(number: int) -> Drawn:
    """(32, 32, 3) a smooth random scene with a little grain: nothing in it tells anything."""
    draws = np.random.default_rng(number)
    wide = zoom(draws.uniform(0.2, 0.8, (4, 4, 3)), (8, 8, 1), order=1, grid_mode=True, mode="nearest")
    return np.rint((wide + draws.normal(0, 0.02, wide.shape)).clip(0, 1) * 255).astype(np.uint8)


def saved(
    folder: Path, change: Callable[[Drawn], None], count: int = 160, name: str = "{number:03}", first: int = 0
) -> Path:
    """Class folders "plain" and "marked" of scenes; the marked ones are changed."""
    for number in range(count):
        label, picture = ("plain", "marked")[number % 2], scene(first + number)
        if label == "marked":
            change(picture)
        path = folder / label / f"{name.format(number=number, label=label, half=number // 2)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


def dot(picture: Drawn) -> None:
    picture[:4, -4:] = (255, 30, 30)


def object_in_the_middle(picture: Drawn) -> None:
    picture[10:22, 10:22] = (240, 240, 240)


def rows_of(run: Path, name: str) -> list[dict[str, str]]:
    with (run / "stress" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def verdicts(run: Path) -> dict[str, Verdict]:
    return {each.what: each for each in outcomes(Run(run))["shortcuts"].verdicts}


def trained(data: Path, out: Path, **more: Any) -> Path:
    return Path(neocog.train(data, out=out, split=(0.5, 0.2, 0.3), **{**TINY, **more}).folder)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pictures whose class is a dot in a corner, tried."""
    folder = tmp_path_factory.mktemp("marked")
    run = trained(saved(folder / "data", dot), folder / "run")
    neocog.stress(run, ["shortcuts"], quiet=True)
    return run


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """… whose class is an object in the middle; files are named for their class, and numbered class by class."""
    folder = tmp_path_factory.mktemp("honest")
    run = trained(saved(folder / "data", object_in_the_middle, name="{label}_{half:03}"), folder / "run")
    neocog.stress(run, ["shortcuts"], quiet=True)
    return run


def test_a_dot_that_the_network_goes_by_is_accused_first(marked: Path) -> None:
    first, found = rows_of(marked, "shortcuts")[0], verdicts(marked)["Shortcuts"]
    assert first["cue"] == "corners" and float(first["accuracy"]) > 0.95 > float(first["by_chance"])
    assert float(first["follows_low"]) > 0.2 and float(first["right_with_own_class"]) > 0.65
    assert float(first["right_with_other_class"]) < float(first["right_with_own_class"]) - 0.3
    assert found.grade == "failed" and found.sentence.startswith("The network relies on corners")
    assert found.number == pytest.approx(max(float(row["follows"] or 0) for row in rows_of(marked, "shortcuts")))


def test_the_report_shows_what_the_accused_cue_saw_and_what_it_turns(marked: Path) -> None:
    court = outcomes(Run(marked))["shortcuts"].sections[0]
    shown = [item for item in court.items if item.kind == "pictures"]
    assert [each.note.split(":")[0] for each in shown[:2]] == ["corners", "corners"]
    assert {picture.caption for picture in shown[0].pictures} == {"marked", "plain"} and len(shown[0].pictures) == 8
    after = [picture.caption for picture in shown[1].pictures[1::2]]
    assert after and all(
        "cue of marked: predicted marked" in each or "cue of plain: predicted plain" in each for each in after
    )
    assert "corners: predictions that flip when only the cue is swapped." in (marked / "report.html").read_text()


def test_a_network_that_goes_by_the_object_is_not_accused_of_what_its_pictures_tell(honest: Path) -> None:
    rows = {row["cue"]: row for row in rows_of(honest, "shortcuts")}
    assert float(rows["colours"]["accuracy"]) > 0.95  # of the whole picture: the object's own
    for cue in ("corners", "edges", "noise"):
        assert rows[cue]["conclusion"] != "the network relies on it"
    assert "corners" not in verdicts(honest)["Shortcuts"].sentence


def test_tiny_pictures_have_no_edge_beside_the_object_and_that_is_said(tmp_path: Path) -> None:
    run = Path(neocog.train("digits", out=tmp_path / "run", **{**TINY, "epochs": 1}).folder)  # 8 × 8
    neocog.stress(run, ["shortcuts"], samples=150, quiet=True)
    assert not {"edges", "corners"} & {row["cue"] for row in rows_of(run, "shortcuts")}
    told = outcomes(Run(run))["shortcuts"].sections[0].items[0].text
    assert "Not tested: corners, edges, as some images are smaller than 20 pixels" in told


def test_the_names_of_classes_in_file_names_tell_nothing(honest: Path) -> None:
    rows = {row["cue"]: row for row in rows_of(honest, "shortcuts")}
    assert float(rows["order of names"]["accuracy"]) < 0.7


def test_files_that_are_numbered_class_by_class_are_doubtful_and_no_more(tmp_path: Path) -> None:
    numbers = iter([*range(0, 160, 2), *range(1, 160, 2)])
    for number in range(160):
        path = tmp_path / "data" / ("a", "b")[number // 80] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene(next(numbers))).save(path)
    run = trained(tmp_path / "data", tmp_path / "run", epochs=1)
    neocog.stress(run, ["shortcuts"], quiet=True)
    found = verdicts(run)["Shortcuts"]
    assert found.grade == "doubtful" and "order of names" in found.sentence
    assert rows_of(run, "shortcuts")[0]["conclusion"] == "cannot be swapped"


def test_what_stands_in_two_parts_is_found_and_said(tmp_path: Path) -> None:
    """Of 100 test samples 2 are there before, 3 mirrored, 4 of a patient of the training part, 10 frames of its film."""
    lines, at = ["image,label,patient,split"], tmp_path / "data"
    at.mkdir()

    def keep(name: str, picture: Drawn, part: str, patient: str = "") -> None:
        Image.fromarray(picture).save(at / f"{name}.png")
        lines.append(f"{name}.png,{'ab'[len(lines) % 2]},{patient or name},{part}")

    for number in range(200):
        keep(f"x{number}y", scene(number), "train", "one" if number < 3 else "")
    for number in range(20):
        keep(f"v{number}y", scene(1000 + number), "validation")
    for number in range(81):
        keep(f"t{number}y", scene(2000 + number), "test")
    for number in (5, 6):
        keep(f"again{number}y", scene(number), "test")
    for number in (7, 8, 9):
        keep(f"mirror{number}y", np.ascontiguousarray(scene(number)[:, ::-1]), "test")
    for number in range(4):
        keep(f"patient{number}y", scene(3000 + number), "test", "one")
    film = scene(4000).astype(float)
    for number in range(20):
        frame = (film + np.random.default_rng(number).normal(0, 60, film.shape)).clip(0, 255).astype(np.uint8)
        keep(f"film_{number:03}", frame, ("train", "test")[number % 2])
    (at / "all.csv").write_text("\n".join(lines) + "\n")
    run = neocog.train(at / "all.csv", out=tmp_path / "run", **{**TINY, "epochs": 1}).folder
    neocog.stress(run, ["shortcuts"], quiet=True)
    counts = {(row["kind"], row["part"], row["repeats"]): int(row["samples"]) for row in rows_of(run, "leaks")}
    assert counts == {
        ("identical", "test", "train"): 2, ("near", "test", "train"): 3, ("group", "test", "train"): 4,
        ("film", "test", "train"): 10,
    }  # fmt: skip
    pairs = {(row["kind"], row["sample"]): row["repeats"] for row in rows_of(run, "leak_pairs")}
    assert pairs["identical", "again5y.png"] == "x5y.png" and pairs["near", "mirror7y.png"] == "x7y.png"
    assert pairs["film", "film_003.png"] in ("film_002.png", "film_004.png")
    found = verdicts(run)["Leaks"]
    assert found.grade == "failed" and found.number == pytest.approx(0.19) and "on its 81 samples" in found.sentence
    section = outcomes(Run(run))["shortcuts"].sections[1]
    assert sum(len(item.pictures) for item in section.items if item.kind == "pictures") == 2 * (2 + 3 + 4 + 4)


def test_a_clean_split_passes_and_its_parts_are_of_one_kind(marked: Path) -> None:
    found = verdicts(marked)["Leaks"]
    assert found.grade == "passed" and found.number == 0 and rows_of(marked, "leaks") == []
    (row,) = rows_of(marked, "train_and_test")
    assert float(row["low"]) < 0.5 < float(row["high"])


def test_a_test_part_of_another_kind_is_told_from_the_training_part(tmp_path: Path) -> None:
    for number in range(160):
        part, picture = ("train", "test")[number % 2], scene(number)
        if part == "test":
            picture = np.clip(picture.astype(int) + np.random.default_rng(number).normal(0, 25, picture.shape), 0, 255)
        path = tmp_path / "data" / part / ("a", "b")[number // 2 % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.astype(np.uint8)).save(path)
    run = neocog.train(tmp_path / "data", out=tmp_path / "run", **{**TINY, "epochs": 1}).folder
    neocog.stress(run, ["shortcuts"], quiet=True)
    assert float(rows_of(run, "train_and_test")[0]["low"]) > 0.9
    assert "their distributions differ" in (run / "report.html").read_text()


def test_killed_it_ends_in_the_same_bytes(marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neocog.robustness.shortcuts import part

    run = Path(shutil.copytree(marked, tmp_path / "run"))
    names = ("shortcuts.json", "shortcuts.csv", "leaks.csv", "leak_pairs.csv", "train_and_test.csv")
    before = {name: (run / "stress" / name).read_bytes() for name in names}
    shutil.rmtree(run / "stress")
    true = part.follow

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(part, "follow", killed)
    with pytest.raises(BaseException):  # noqa: B017 whatever an interrupt becomes
        neocog.stress(run, ["shortcuts"], quiet=True)
    kept = (run / "stress" / "shortcuts.partial.json").read_text()
    assert "court: suspects" in kept and "leaks: copies" in kept and "swapped" not in kept
    monkeypatch.setattr(part, "follow", true)
    monkeypatch.setattr(part, "suspects", None)  # what was found is not sought again
    neocog.stress(run, ["shortcuts"], quiet=True)
    assert {name: (run / "stress" / name).read_bytes() for name in names} == before


@pytest.mark.parametrize("reason", ["", "There is no label."])
def test_what_there_was_no_time_for_is_one_line(
    marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    from neocog.robustness.shortcuts import part

    run = Path(shutil.copytree(marked, tmp_path / "run"))
    shutil.rmtree(run / "stress")
    monkeypatch.setattr(part, "time_for", lambda subject, positions, clock, piece: clock.late.append(piece))
    monkeypatch.setattr(part, "explained", lambda *_: {})
    if reason:
        monkeypatch.setattr(part, "_reason", lambda subject: reason)
    neocog.stress(run, ["shortcuts"], quiet=True)
    leaks, shortcuts = outcomes(Run(run))["shortcuts"].verdicts
    assert (leaks.what, leaks.grade, shortcuts.what, shortcuts.grade) == (
        "Leaks",
        "not tried",
        "Shortcuts",
        "not tried",
    )
    assert "pieces did not fit into --minutes: leaks: copies" in shortcuts.sentence
    assert ("court: suspects" in shortcuts.sentence) != shortcuts.sentence.startswith("There is no label. ")


def test_other_data_are_refused(honest: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the run learned from") as refused:
        neocog.stress(honest, ["shortcuts"], on=saved(tmp_path / "other", dot, 8, first=5000), quiet=True)
    assert "leave --on out" in refused.value.fix


def test_sequences_have_no_borders_and_that_is_said(tmp_path: Path) -> None:
    draws, lines = np.random.default_rng(0), list[str]()
    for number in range(60):
        letters = "".join(draws.choice(list("ACGT"), 40))
        lines.append(f">s{number}|{'ab'[number % 2]}\n{letters}")
    (tmp_path / "all.fasta").write_text("\n".join(lines) + "\n")
    run = neocog.train(tmp_path / "all.fasta", out=tmp_path / "run", epochs=1, threads=1, quiet=True).folder
    neocog.stress(run, ["shortcuts"], quiet=True)
    found = verdicts(run)
    assert found["Shortcuts"].grade == "not tried" and "no borders" in found["Shortcuts"].sentence
    assert found["Leaks"].grade == "passed"


def test_of_masks_leaks_alone_are_looked_for(tmp_path: Path) -> None:
    for part, numbers in (("train", range(20)), ("val", range(20, 26)), ("test", [*range(30, 38), 3])):
        for number in numbers:
            name = f"p{number}{part}.png"
            for folder in (part, f"{part}annot"):
                (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(scene(number)).save(tmp_path / "data" / part / name)
            mask = (scene(number)[..., 0] > 128).astype(np.uint8)
            Image.fromarray(mask).save(tmp_path / "data" / f"{part}annot" / name)
    run = neocog.train(tmp_path / "data", out=tmp_path / "run", epochs=1, threads=1, quiet=True).folder
    neocog.stress(run, ["shortcuts"], quiet=True)
    found = verdicts(run)
    assert found["Shortcuts"].grade == "not tried" and "no single label" in found["Shortcuts"].sentence
    assert found["Leaks"].grade == "failed" and "1 the same pixels" in found["Leaks"].sentence


def test_classes_whose_samples_are_of_few_groups_cannot_be_asked_and_that_is_said(
    pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pictures(tmp_path / "data", count=12)
    rows = [f"{name}/{i}.png,{name},site {i % 3}" for name in ("red", "blue") for i in range(12)]
    (tmp_path / "data" / "all.csv").write_text("\n".join(("image,label,site", *rows)))
    run = neocog.train(tmp_path / "data" / "all.csv", tmp_path / "run", columns=("group=site",), split=(0.34, 0.33, 0.33),
                       model="mlp", hidden=(4,), epochs=1, threads=1, quiet=True)  # fmt: skip
    neocog.stress(run, ["shortcuts"], quiet=True)
    found = {each.what: each for each in outcomes(run)["shortcuts"].verdicts}
    assert found["Shortcuts"].grade == "not tried" and "too few samples or groups" in found["Shortcuts"].sentence
