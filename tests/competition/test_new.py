"""A competition's folder: what is public, what is sealed, and that neither can be changed unnoticed."""

from __future__ import annotations

import csv
import io
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.cli.main import main
from neocog.competition.rules import Rules, read_rules
from neocog.competition.sealed import unseal
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import Problems, UserError
from neocog.verbs.compete import score
from neocog.verbs.compete_new import new, sealed_beside


def made(data: Path | str, out: Path, **settings: object) -> Rules:
    return new(data, out, quiet=True, **{"cores": 1, **settings})  # type: ignore[arg-type]


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def answers(out: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(sealed_beside(out)) as archive:
        return list(csv.DictReader(io.StringIO(archive.read("answers.csv").decode())))


def held_pixels(out: Path, rules: Rules, folder: Path) -> list[bytes]:
    unseal(sealed_beside(out), rules, folder)
    path = next((folder / "samples").glob("data.*"))
    data = open_dataset(path, reading=Reading(least_classes=1, task="classification"))
    return [data.images.read(i).tobytes() for i in range(len(data))]


def public_pixels(out: Path) -> list[bytes]:
    data = open_dataset(next((out / "public").glob("data.*")))
    return [data.images.read(i).tobytes() for i in range(len(data))]


def test_no_held_out_picture_is_public_and_every_picture_is_somewhere(arrays: Path, tmp_path: Path) -> None:
    out = tmp_path / "contest"
    rules = made(arrays, out, hold_out="random:0.25")
    held, public = held_pixels(out, rules, tmp_path / "unsealed"), public_pixels(out)
    every = {picture.tobytes() for picture in np.load(arrays)["images"]}
    assert not set(held) & set(public) and set(held) | set(public) == every
    assert (rules.data.samples, rules.data.held_out) == (len(public), len(held)) == (90, 30)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["data.npz", "rules.toml"]


def test_the_classes_of_held_out_samples_stand_in_the_answers_alone(arrays: Path, tmp_path: Path) -> None:
    out = tmp_path / "contest"
    rules = made(arrays, out, hold_out="last:0.25")
    truth = {
        p.tobytes(): str(label) for p, label in zip(*(np.load(arrays)[k] for k in ("images", "labels")), strict=True)
    }
    held = held_pixels(out, rules, tmp_path / "unsealed")
    told = [row["label"] for row in answers(out)]
    assert [truth[pixels] for pixels in held] == told and len(set(told)) == 2
    shown = np.load(tmp_path / "unsealed" / "samples" / "data.npz")["labels"]
    assert set(shown.tolist()) == {"hidden"}
    assert not (tmp_path / "unsealed" / "answers.csv").exists()
    last = [picture.tobytes() for picture in np.load(arrays)["images"][90:]]
    assert set(held) == set(last) and held != last  # the order is drawn at random, as it could tell


def test_a_group_is_held_out_whole_and_file_names_tell_nothing(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "contest"
    rules = made(table, out, hold_out="group:person 3")
    rows = answers(out)
    assert {row["group"] for row in rows} == {"person 3"} and len(rows) == 12 and rules.data.grouped
    public = rows_of(out / "public" / "data.csv")
    assert {row["group"] for row in public} == {f"person {i}" for i in (0, 1, 2, 4)}
    with zipfile.ZipFile(sealed_beside(out)) as archive:
        assert not [name for name in archive.namelist() if "bright-" in name or "dark-" in name]
        assert "group" not in archive.read("samples/data.csv").decode()


def test_a_file_names_what_is_held_out(table: Path, tmp_path: Path) -> None:
    names = [row["image"] for row in rows_of(table)][:10]
    listing = tmp_path / "held.txt"
    listing.write_text("\n".join(names))
    out = tmp_path / "contest"
    rules = made(table, out, hold_out=str(listing))
    own = {np.asarray(Image.open(table.parent / name)).tobytes() for name in names}
    assert set(held_pixels(out, rules, tmp_path / "unsealed")) == own
    listing.write_text("nothing.png\n")
    with pytest.raises(UserError, match=r"1 of 1 names are of no sample: nothing\.png"):
        made(table, tmp_path / "other", hold_out=str(listing))


def test_identical_pictures_stay_together_or_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, labels = np.random.default_rng(3).integers(0, 255, (40, 8, 8)).astype(np.uint8), ["a", "b"] * 20
    pixels[39] = pixels[1]
    path = tmp_path / "twins.npz"
    np.savez(path, images=pixels, labels=np.array(labels))
    assert made(path, tmp_path / "drawn", hold_out="random:0.3").data.identical == 0
    rules = new(path, tmp_path / "last", "last:0.2", cores=1)
    assert rules.data.identical == 1 and "1 held-out samples are in the public part" in capsys.readouterr().err


def test_sequences_and_volumes_are_held_out_too(tmp_path: Path) -> None:
    draw, lines = np.random.default_rng(0), ["sequence,label"]
    for i in range(40):
        lines.append(f"{''.join(draw.choice(list('ACGT'), 30 + i % 4))},{'one' if i % 2 else 'two'}")
    (tmp_path / "letters.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "letters"
    rules = made(tmp_path / "letters.csv", out, hold_out="random:0.25")
    assert rules.data.form == "sequences" and rules.data.channels == 4
    given = {line.split(",")[0] for line in lines[1:]}
    public = {row["sequence"] for row in rows_of(out / "public" / "data.csv")}
    assert public < given and len(public) == rules.data.samples == 30
    volumes = draw.integers(0, 255, (24, 6, 7, 8)).astype(np.uint8)
    np.savez(tmp_path / "volumes.npz", train_images=volumes, train_labels=np.arange(24) % 2)
    rules = made(tmp_path / "volumes.npz", tmp_path / "rooms", hold_out="last:0.25", kind="volumes")
    assert (rules.data.form, rules.data.size, rules.data.held_out) == ("volumes", (6, 7, 8), 6)


def test_the_same_command_seals_the_same_bytes(arrays: Path, tmp_path: Path) -> None:
    first, second = (made(arrays, tmp_path / name, hold_out="random:0.2") for name in ("one", "two"))
    assert first == second
    assert made(arrays, tmp_path / "three", hold_out="random:0.2", seed=1).sha256 != first.sha256


def test_with_several_attempts_half_of_the_held_out_part_is_for_the_board(arrays: Path, tmp_path: Path) -> None:
    made(arrays, tmp_path / "contest", hold_out="random:0.5", attempts=3)
    parts = [row["part"] for row in answers(tmp_path / "contest")]
    assert abs(parts.count("board") - parts.count("final")) <= 2 and len(parts) == 60
    made(arrays, tmp_path / "once", hold_out="random:0.5")
    assert {row["part"] for row in answers(tmp_path / "once")} == {"final"}


@pytest.mark.parametrize(
    ("hold_out", "says"),
    [
        ("last:1.5", "no share between 0 and 1"), ("lasst:0.2", "did you mean 'last'"), ("group:x", "no groups"),
        ("last:0.001", "holds nothing out"), ("nowhere.txt", "neither a share"),
    ],
)  # fmt: skip
def test_a_bad_hold_out_is_one_error_and_writes_nothing(hold_out: str, says: str, arrays: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        made(arrays, tmp_path / "contest", hold_out=hold_out)
    assert says in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["squares.npz"]


def test_bad_limits_are_told_all_at_once(arrays: Path, tmp_path: Path) -> None:
    with pytest.raises(Problems) as problems:
        made(arrays, tmp_path / "contest", seconds=1, memory=0.1, attempts=0)
    assert len(problems.value.errors) == 3
    (tmp_path / "contest").mkdir()
    with pytest.raises(UserError, match="exists already"):
        made(arrays, tmp_path / "contest")


def test_a_class_that_is_only_held_out_is_refused(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "sorted.npz", images=pixels, labels=np.array(["a"] * 15 + ["b"] * 15 + ["c"] * 10))
    with pytest.raises(UserError, match="1 class without a public sample: c"):
        made(tmp_path / "sorted.npz", tmp_path / "contest", hold_out="last:0.25")


def test_changed_rules_a_changed_public_part_and_another_sealed_part_are_found(
    arrays: Path, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neocog.verbs import compete

    out = tmp_path / "contest"
    made(arrays, out, hold_out="random:0.25")
    monkeypatch.setattr(compete, "trial", lambda *_: ({"parameters": 1, "multiplications": 1}, 1.0))
    monkeypatch.setattr(compete, "attempt", lambda *_: pytest.fail("it was judged"))
    with pytest.raises(UserError, match="no entry to judge"):
        score(out, quiet=True)
    compete.enter(out, net, "ada", quiet=True)
    text, public = (out / "rules.toml").read_text(), (out / "public" / "data.npz").read_bytes()
    (out / "rules.toml").write_text(text.replace("seconds = 600.0", "seconds = 6000.0"))
    with pytest.raises(UserError, match=r"changed rules: limits\.seconds is 6000\.0, and was 600\.0"):
        score(out, quiet=True)
    (out / "rules.toml").write_text(text)
    (out / "public" / "data.npz").write_bytes(public[:-1] + b"x")
    with pytest.raises(UserError, match="the public part was changed"):
        score(out, quiet=True)
    (out / "public" / "data.npz").write_bytes(public)
    sealed = sealed_beside(out)
    sealed.write_bytes(sealed.read_bytes() + b"x")
    with pytest.raises(UserError, match="not the one of the rules"):
        score(out, quiet=True)
    sealed.unlink()
    with pytest.raises(UserError, match="no sealed part"):
        score(out, quiet=True)
    for damaged in ("", "[data]\nname = 1\n", "[[["):
        (out / "rules.toml").write_text(damaged)
        with pytest.raises(UserError, match=r"rules\.toml"):
            read_rules(out)
    with pytest.raises(UserError, match="no such folder"):
        read_rules(tmp_path / "nowhere")


def test_the_command_line_writes_what_the_flags_say(
    arrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "contest"
    words = ["--hold-out", "random:0.25", "--seconds", "90", "--cores", "1", "--memory", "2", "--attempts", "5"]
    main(["compete", "new", str(arrays), *words, "--out", str(out), "--quiet"])
    assert capsys.readouterr().out.split() == [str(out), str(sealed_beside(out))]
    rules = tomllib.loads((out / "rules.toml").read_text())
    assert rules["limits"] == {"seconds": 90.0, "cores": 1, "memory_gb": 2.0, "disk_gb": 4.0}
    assert rules["entries"]["attempts"] == 5 and rules["data"]["hold_out"] == "random:0.25"
