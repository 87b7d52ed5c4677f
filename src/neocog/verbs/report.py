"""``neocog report``: the page of one run again, or several runs compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neocog.errors import UserError, raise_all
from neocog.pages import compare, write_report
from neocog.run import Run


def report(runs: str | Path | Run | Sequence[str | Path | Run], out: str | Path | None = None) -> Path:
    """Write the page and return its path.

    One run: its ``report.html`` inside the run folder, or at ``out``. Several: ``compare.html`` in the current folder, or
    ``out``. Where ``out`` is a folder, the file keeps its name there. Raises UserError for what is no finished run.
    """
    several = [runs] if isinstance(runs, str | Path | Run) else runs
    folders = [run.folder if isinstance(run, Run) else Path(run) for run in several]
    if not folders:
        raise UserError("no run given", fix="name one or more run folders, such as runs/classification/2026-11-20")
    raise_all(
        UserError("no such folder", str(folder), "give the folders of runs")
        for folder in folders
        if not folder.is_dir()
    )
    found = [Run(folder) for folder in folders]
    if out is not None and Run(Path(out)).plan.is_file() and not any(folder.samefile(out) for folder in folders):
        fix = "to compare runs give them together: neocog.report([first, second]), neocog report FIRST SECOND"
        raise UserError("--out is another run, whose report would be lost", str(out), fix)
    target = _target(None if out is None else Path(out), "report.html" if len(found) == 1 else "compare.html")
    if len(found) == 1:
        return write_report(found[0], target)
    return compare(found, target or Path("compare.html"))


def _target(out: Path | None, name: str) -> Path | None:
    if out is None:
        return None
    target = out / name if out.is_dir() else out
    if not target.parent.is_dir():
        raise UserError("no such folder", str(target.parent), "make it first, or give another --out")
    return target
