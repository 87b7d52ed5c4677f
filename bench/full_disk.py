"""A disk that has room for 0 to 1.5 times what a run takes: is a good checkpoint ever lost, and does the message say why?

    python bench/full_disk.py [KIND ...] [--sizes 60] [--folder FOLDER]           # as root: mounts file systems of its own

For each size a run begins on a file system (tmpfs) that is so large; where it ends with exit code 2, its message must name the
system's reason, a path, and what to do (of a checkpoint also the bytes needed and free). Then there is room, the run goes on,
and every file must be that of a run that always had room. What was saved when the disk was full must still be read: the
steps that are learned twice are those after the newest checkpoint alone. Prints one JSON object; exit code 1 where there
is a fault.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from disturbed import Trial, left
from kinds import KINDS

ROOMY = 64 << 20


def mounted(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", folder], check=True)


def sized(folder: Path, size: int) -> None:
    # tmpfs takes a size of 0 for none
    subprocess.run(["mount", "-o", f"remount,size={max(size, 4096)}", folder], check=True)


def used(folder: Path) -> int:
    """Bytes in the pages of a file system."""
    pages = [path.stat().st_size // 4096 + 1 for path in folder.rglob("*")]
    return 4096 * sum(pages)


def newest(run: Path) -> dict[str, str]:
    """The newest checkpoint of each training of a run."""
    found: dict[str, str] = {}
    for path in sorted(run.rglob("step-?????????")):
        found[str(path.parent)] = path.name
    return found


def one(trial: Trial, size: int) -> tuple[int | None, str]:
    """A run on a disk with ``size`` bytes for it: its first exit code, and what is wrong."""
    trial.clean()
    sized(trial.folder, used(trial.folder) + size)
    code = left(trial.train())
    fault = trial.told("ENOSPC", code)
    text = trial.log.read_text() if trial.log.is_file() else ""
    if "cannot save a checkpoint" in text and not ("bytes needed" in text and "bytes free" in text):
        fault = fault or f"neither needed nor free bytes: {text}"
    before = newest(trial.run)
    sized(trial.folder, ROOMY)
    fault = fault or trial.fault()
    after = newest(trial.run)
    lost = [place for place, step in before.items() if after.get(place, "") < step]
    return code, fault or f"lost: {', '.join(lost)}" * bool(lost)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--sizes", type=int, default=60)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    folder, rows, faults = chosen.folder or Path(tempfile.mkdtemp(prefix="neocog-full-")), {}, []
    for kind in chosen.kinds or KINDS:
        place = folder / kind.replace(" ", "-")
        mounted(place)
        try:
            trial = Trial(kind, place)
            trial.undisturbed()
            whole = used(trial.run)
            codes = []
            for number in range(chosen.sizes):
                code, fault = one(trial, round(number * 1.5 * whole / chosen.sizes) // 4096 * 4096)
                codes.append(code)
                faults += [f"{kind}, size {number}: {fault}"] * bool(fault)
            rows[kind] = {"refused": codes.count(2), "done": codes.count(0)}
            print(f"{kind}: {rows[kind]}, {len(faults)} faults so far", file=sys.stderr, flush=True)
        finally:
            subprocess.run(["umount", place], check=True)
    print(json.dumps({"sizes": chosen.sizes, "kinds": rows, "faults": faults}, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
