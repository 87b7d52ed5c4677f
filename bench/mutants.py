"""Faults planted in the source, one at a time, each with the test that must catch it: does it?

    python bench/mutants.py                       # all of them, from bench/planted/*.toml
    python bench/mutants.py judging intervals     # those of some files
    python bench/mutants.py --only "last batch"   # those whose claim has these words

Works on a copy of the checkout, so that nothing here is changed. A fault is caught where its test passes on the sound
source and fails on the faulty one; a fault whose ``old`` text is not in its file exactly once is stale, and counts as missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("src", "tests", "bench", "docs", "examples", "pyproject.toml", "README.md", "ARCHITECTURE.md")


@dataclass(frozen=True)
class Fault:
    """One change of the source, ``old`` → ``new`` in ``file``, that breaks ``claim``, which ``test`` holds."""

    claim: str
    file: str
    old: str
    new: str
    test: str  # a pytest id: tests/engine/test_loop.py::test_weights_count


def planted(areas: list[str], words: str) -> Iterator[Fault]:
    """The faults that are asked for, file by file."""
    for path in sorted((ROOT / "bench" / "planted").glob("*.toml")):
        if not areas or path.stem in areas:
            for table in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]:
                fault = Fault(**table)
                if words in fault.claim:
                    yield fault


def passes(copy: Path, test: str) -> bool:
    """Whether a test passes in the copy."""
    data = os.environ.get("NEOCOG_DATA", str(ROOT.parent / "shared" / "data"))
    environment = {
        **os.environ, "PYTHONPATH": str(copy / "src"), "NEOCOG_DATA": data, "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
        cwd=copy, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 1):  # no such test, or one that cannot be collected
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"{test} cannot be run")
    return done.returncode == 0


def caught(copy: Path, fault: Fault, sound: dict[str, bool]) -> str:
    """ "" where the test catches the fault, else what is wrong. ``sound`` remembers which tests pass without a fault."""
    path = copy / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        return f"stale: the text stands {text.count(fault.old)} times in {fault.file}"
    if fault.test not in sound:
        sound[fault.test] = passes(copy, fault.test)
    if not sound[fault.test]:
        return "its test fails without the fault"
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    try:
        return "not noticed" if passes(copy, fault.test) else ""
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", help="files of bench/planted, without .toml; default: all")
    parser.add_argument("--only", default="", help="words of the claim")
    chosen = parser.parse_args()
    faults, sound, missed = list(planted(chosen.areas, chosen.only)), dict[str, bool](), 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "checkout"
        copy.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
            else:
                shutil.copy(ROOT / name, copy / name)
        for number, fault in enumerate(faults, 1):
            wrong = caught(copy, fault, sound)
            missed += bool(wrong)
            print(f"{number:3} of {len(faults)}  {wrong or 'caught':12}  {fault.claim}  [{fault.file}]", flush=True)
    print(f"{len(faults) - missed} of {len(faults)} caught in {(time.monotonic() - begun) / 60:.1f} minutes")
    raise SystemExit(bool(missed))


if __name__ == "__main__":
    main()
