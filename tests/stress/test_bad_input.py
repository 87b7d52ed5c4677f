"""From the shell: what cannot be tried is one error of what, where and how to mend it, and nothing is written to the run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of grey images with a site each, and of sequences; and other data."""
    folder, rng = tmp_path_factory.mktemp("bad"), np.random.default_rng(0)
    lines = ["image,label,site"]
    for name in "ab":
        for number in range(12):
            path = folder / f"{name}{number}.png"
            Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(path)
            lines.append(f"{path.name},{name},site {name}{number}")
    (folder / "grey.csv").write_text("\n".join(lines))
    (folder / "one.csv").write_text("\n".join(lines[:13]))
    (folder / "others").mkdir()
    Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(folder / "others" / "new.png")
    (folder / "others.csv").write_text("image,label\nothers/new.png,c")
    rows = ["".join(rng.choice(list("ACGT"), 30)) + f",{'ab'[i % 2]}" for i in range(40)]
    (folder / "letters.csv").write_text("\n".join(("sequence,label", *rows)))
    bands = rng.integers(0, 255, (20, 8, 8, 5), np.uint8)
    np.savez(folder / "bands.npz", images=bands, labels=np.arange(20) % 2)
    small = {"model": "mlp", "hidden": (4,), "epochs": 1, "threads": 1, "quiet": True}
    neocog.train(folder / "grey.csv", folder / "grey", size=(8, 8), **small)
    neocog.train(folder / "letters.csv", folder / "letters", **small)
    return folder


@pytest.mark.parametrize(
    ("words", "what", "fix"),
    [
        ("stress grey adversarial --target pig", "--target pig is not a class of this run", "it knows a, b"),
        ("stress grey adversarial --epsilon 300/255", "is not above 0 and at most 1", "such as"),
        ("stress grey adversarial --epsilon 0", "is not above 0 and at most 1", "such as"),
        ("stress grey adversarial --epsilon -1/255", "--epsilon -1/255 is not above 0 and at most 1", "such as"),
        ("stress grey adversarial --epsilon=-0.1", "--epsilon -0.1 is not above 0 and at most 1", "such as"),
        ("stress grey adversarial --epsilon --norm", "--epsilon --norm is not a finite number", "such as"),
        ("stress grey adversarial --epsilon nan", "is not a finite number", "such as"),
        ("stress grey --minutes nan", "--minutes nan leaves no time", "give minutes"),
        ("stress grey --minutes 0", "--minutes 0 leaves no time", "give minutes"),
        ("stress grey groups --by site", "column 'site': 0 of 3 groups have 2 test samples or more", "--by"),
        ("stress grey groups", "these data have no groups", "--by COLUMN"),
        ("stress grey corruption --on bands.npz", "8 × 8 × 5, where 2 sides are expected", "keep images"),
        ("stress grey corruption --on others.csv", "the run does not know the classes c", "it knows a, b"),
        (
            "stress grey corruption --on letters.csv",
            "these are sequences, and the run learned from images",
            "give images",
        ),
        (
            "stress letters corruption --on grey.csv",
            "these are images, and the run learned from sequences",
            "give sequences",
        ),
        ("stress letters corruption --lengths reference", "--lengths has no effect on sequences", "leave it out"),
        ("stress letters adversarial", "a sequence cannot be asked for small changes", "leave the part out"),
        ("stress letters shortcuts --objects grey.csv", "--objects has an effect only where", "leave it out"),
        ("stress grey corruption --target a", "--target has no effect on corruption", "leave it out"),
        ("evaluate letters grey.csv", "these are images, and the run learned from sequences", "give sequences"),
        ("train one.csv", "class", ""),
        ("train grey.csv --split 0.8 0.2 0", "--split leaves nothing", "above 0"),
    ],
)
def test_it_is_one_error_before_anything_is_written(
    words: str, what: str, fix: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = files(place)
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--quiet"])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert what in told and re.search(r"^  fix: +\S", told, re.M) and fix in told.split("fix:")[1]
    assert len(re.findall("^error", told, re.M)) == 1
    assert files(place) == before


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
