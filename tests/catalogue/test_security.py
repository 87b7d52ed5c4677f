"""What SECURITY.md promises: no foreign code, cells that are no formulas, nothing written through a link, rights as asked."""

from __future__ import annotations

import ast
import csv
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for place in ("src", "bench", "examples") for path in (ROOT / place).rglob("*.py"))
RUNS_CODE = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "xmlrpc",
}
ALLOWED = {  # file, import or call: why
    (
        "jail.py",
        "os.execve(job['command'][0], job['command'], job['environment'])",
    ): "an entry of a competition, contained",
    ("inception.py", "pickle"): "the name of an error that torch.load(weights_only=True) raises",
    ("tensors.py", "pickle"): "the same",
    ("shared.py", "pickle"): "what processes of one training, of one user on one machine, hand each other",
    ("corpus.py", "pickle"): "writes the files that are refused",
}
NETWORK = {"urllib.request", "http.client", "requests", "httpx", "aiohttp"}
TABLE = ("=cmd()|", "+1+1", "@sum(a1)", "-2-3", "'=x", "<script>alert(1)</script>", "a\tb\nc\rd")  # classes
FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9.])")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_can_run_foreign_code_or_reach_the_network(path: Path) -> None:
    names = set(imported(path))
    found = {name for name in names if name.split(".")[0] in RUNS_CODE and (path.name, name) not in ALLOWED}
    assert not found
    assert path.name == "download.py" or not names & NETWORK
    for call in called(path):
        if (path.name, call) in ALLOWED:
            continue
        assert not re.match(r"(eval|exec|__import__|os\.(system|popen|exec\w+)|pickle\.loads?)\(", call), call
        assert "shell=True" not in call and "allow_pickle=True" not in call and ".extractall(" not in call, call
        assert not re.match(r"(np|numpy)\.load\(", call) or "allow_pickle=False" in call, call
        assert not re.match(r"torch\.load\(", call) or "weights_only=True" in call, call


def test_ruffs_security_rules_are_on_for_the_package_and_floors_leave_known_holes_behind() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lint = project["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    off = {
        *lint["ignore"],
        *(rule for where, rules in lint["per-file-ignores"].items() if "src" in where for rule in rules),
    }
    assert not off & {"S", "S3", "S301", "S302", "S307", "S506", "S602", "S605"}
    floors = dict(re.findall(r"^([a-z0-9-]+)>=([0-9.]+)", "\n".join(project["project"]["dependencies"]), re.M))
    least = {"pillow": (13,), "torch": (2, 10), "safetensors": (0, 8), "jinja2": (3, 1, 6)}
    for name, wanted in least.items():
        assert tuple(map(int, floors[name].split("."))) >= wanted, f"{name} {floors[name]} has known holes"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table whose classes, groups and files are called like formulas and scripts, and a run of it, made under umask 077."""
    folder = tmp_path_factory.mktemp("hostile")
    rng, rows = np.random.default_rng(0), []
    for number in range(8 * len(TABLE)):
        name = f"{('=', '@', '+')[number % 3]}cmd{number}.png"
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name)
        rows.append([name, TABLE[number % len(TABLE)], f"=group{number}"])
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "label", "group"], *rows])
    before = os.umask(0o077)
    try:
        neocog.train(folder / "t.csv", folder / "run", model="mlp", epochs=1, threads=1, quiet=True)
    finally:
        os.umask(before)
    return folder, folder / "run"


def test_no_cell_that_is_written_is_a_formula(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    folder, run = hostile
    files = [folder / f"=cmd{number}.png" for number in (0, 3)]
    neocog.predict(run, files, out=tmp_path / "new.csv", quiet=True)
    neocog.explain(run, files, out=tmp_path / "maps", quiet=True)
    neocog.convert("augment", folder / "t.csv", tmp_path / "more", copies=1, quiet=True)
    tables = [*run.rglob("*.csv"), *tmp_path.rglob("*.csv")]
    assert {"splits.csv", "predictions.csv", "new.csv"} <= {table.name for table in tables}
    for table in tables:
        with table.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if FORMULA.match(cell)], table


def test_names_are_text_in_the_report(hostile: tuple[Path, Path]) -> None:
    page = (hostile[1] / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_files_of_a_run_have_the_rights_that_the_umask_leaves(hostile: tuple[Path, Path]) -> None:
    open_to_others = [
        path for path in (hostile[1], *hostile[1].rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert not open_to_others


LINKED = ("metrics.csv", "result.json", "report.html", "predictions.csv", "model.json", "weights.safetensors", "lock")


@pytest.mark.parametrize("name", LINKED)
def test_nothing_is_written_through_a_link_in_a_run_folder(name: str, tmp_path: Path) -> None:
    """The run's files are replaced, or refused, and never followed."""
    rng = np.random.default_rng(0)
    for number in range(24):
        path = tmp_path / "data" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    settings: dict[str, Any] = {"model": "mlp", "epochs": 2, "threads": 1, "quiet": True}

    class Enough(Exception):
        pass

    def stop(*_: object) -> None:
        raise Enough

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Enough):
        from neocog.engine.loop import Loop

        patch.setattr(Loop, "end_epoch", stop)
        neocog.train(tmp_path / "data", tmp_path / "run", **settings)
    victim = tmp_path / "victim"
    victim.write_bytes(b"the user's own")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    (tmp_path / "run" / name).symlink_to(victim)
    try:
        neocog.resume(tmp_path / "run", quiet=True)
    except UserError as error:
        assert name in str(error)
    assert victim.read_bytes() == b"the user's own"
