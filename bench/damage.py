"""What is left of a run's checkpoints after a power cut in the middle of a save, and after damage of any kind?

    python bench/damage.py                    # 1,000 damaged checkpoints, 20 power cuts at each call of a save
    python bench/damage.py --mutants 10000 --cuts 200

Power cut: the calls of a save that change the disk are logged, then replayed up to each of them. What was not synced
may be lost: the content of a file in part or whole, or filled with zeros; the newest entries of folders. Damage: one file
of the newest checkpoint is cut, flipped, overwritten, removed, or exchanged for another's. Right is, each time: the
checkpoint that is loaded is in every bit one that was saved, and a damaged one is named. Exit code 1 where one was not.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from neocog.engine import checkpoint
from neocog.errors import UserError

CHANGES = ("open", "write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "remove")
Call = tuple[str, str, Any]  # what, the path, and the bytes or the other path


def put(folder: Path, step: int) -> None:
    """A checkpoint that belongs to a step: networks, an optimizer, counters."""
    draw = torch.Generator().manual_seed(step)
    tensors = {
        "model": {"weight": torch.randn(8, 3, 5, 5, generator=draw), "count": torch.tensor(step)},
        "optimizer.model": {"0.exp_avg": torch.randn(600, generator=draw)},
    }
    checkpoint.save(folder, step, tensors, {"counters": {"step": step, "loss": step / 7}})


def whole(found: checkpoint.Checkpoint) -> bool:
    """Whether it is, to the bit, what was saved at its step."""
    draw = torch.Generator().manual_seed(found.step)
    weight = torch.randn(8, 3, 5, 5, generator=draw)
    average = torch.randn(600, generator=draw)
    model = found.tensors("model")
    same = torch.equal(model["weight"], weight) and torch.equal(model["count"], torch.tensor(found.step))
    same = same and torch.equal(found.tensors("optimizer.model")["0.exp_avg"], average)
    return same and found.state["counters"] == {"step": found.step, "loss": found.step / 7}


def logged(work: Callable[[], object], root: Path) -> list[Call]:
    """The calls of ``work`` that change what lies below ``root``, in their order, with paths relative to it."""
    calls: list[Call] = []
    system = {name: getattr(os, name) for name in CHANGES}

    def place(path: Any, dir_fd: int | None = None) -> str:
        full = Path(f"/proc/self/fd/{dir_fd}").readlink() / path if dir_fd is not None else Path(path)
        return os.path.relpath(full, root)

    def watched(name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            more: bytes | str | None = None
            if name in ("write", "fsync"):
                path = place(Path(f"/proc/self/fd/{args[0]}").readlink())
            else:
                path = place(args[0], named.get("dir_fd"))
            answer = system[name](*args, **named)
            if name == "write":
                more = bytes(args[1][:answer])
            elif name in ("rename", "replace"):
                more = place(args[1])
            if name != "open" or args[1] & os.O_CREAT:
                calls.append((name, path, more))
            return answer

        return call

    try:
        for name in CHANGES:
            setattr(os, name, watched(name))
        work()
    finally:
        for name, function in system.items():
            setattr(os, name, function)
    return calls


def after_cut(calls: list[Call], at: int, folder: Path, rng: random.Random) -> None:
    """Bring ``folder`` from before ``calls`` to what a disk may hold where the power goes off behind call ``at``."""
    synced = [
        number for number, (name, path, _) in enumerate(calls[:at]) if name == "fsync" and (folder / path).is_dir()
    ]
    synced += [number for number, (name, path, _) in enumerate(calls[:at]) if name == "fsync" and path == "."]
    kept = rng.randint(max(synced, default=-1) + 1, at)  # entries of folders reach the disk in their order
    for number, (name, path, more) in enumerate(calls[:kept]):
        target = folder / path
        if name == "mkdir":
            target.mkdir()
        elif name == "open":
            target.touch()
        elif name == "write":
            safe = any(one == ("fsync", path, None) for one in calls[number:at])
            lost = rng.choice((b"", more[: rng.randrange(len(more) + 1)], bytes(len(more)), more))
            with target.open("ab") as file:
                file.write(more if safe else lost)
        elif name in ("rename", "replace"):
            target.rename(folder / more)
        elif name in ("unlink", "remove"):
            target.unlink()
        elif name == "rmdir":
            target.rmdir()


def power_cuts(draws: int, rng: random.Random) -> Counter[str]:
    """``draws`` cuts behind each call of a save: of a new step, and of one that is saved again."""
    result: Counter[str] = Counter()
    for step in (30, 20):
        with tempfile.TemporaryDirectory() as place:
            before = Path(place) / "before"
            before.mkdir()
            put(before, 10)
            put(before, 20)
            during = Path(place) / "during"
            shutil.copytree(before, during)
            calls = logged(functools.partial(put, during, step), during)
            result["calls"] += len(calls)
            for at in range(len(calls) + 1):
                for draw in range(draws):
                    folder = Path(place) / f"{at}-{draw}"
                    shutil.copytree(before, folder)
                    after_cut(calls, at, folder, rng)
                    result["power cuts"] += 1
                    try:
                        found = checkpoint.latest(folder)
                        good = found is not None and found.step in (20, step) and whole(found)
                        put(folder, 40)  # the next start clears what is left, and saves
                        good = good and not list(folder.glob(f"{checkpoint.UNFINISHED}*"))
                    except UserError:
                        good = False
                    result["lost or wrong"] += not good
                    shutil.rmtree(folder)
    return result


def damage(path: Path, others: list[Path], rng: random.Random) -> None:
    """Damage one file."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    match rng.randrange(9):
        case 0:
            del data[rng.randrange(101) * len(data) // 100 :]
        case 1 | 2:
            for _ in range(rng.choice((1, 1, 1, 4, 64))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 3:
            data[at : at + 512] = bytes(len(data[at : at + 512]))
        case 4:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 512)))
        case 5:
            del data[at : at + rng.choice((1, 4, 512))]
        case 6:
            return path.unlink()
        case 7:
            data = bytearray(rng.choice(others).read_bytes())
        case _:
            path.unlink()
            return path.symlink_to(rng.choice(others))
    path.write_bytes(data)


def damaged(count: int, rng: random.Random) -> Counter[str]:
    """``count`` checkpoints with one damaged file each, asked for the newest."""
    result: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        sound = Path(place) / "sound"
        sound.mkdir()
        put(sound, 10)
        put(sound, 20)
        for number in range(count):
            folder = Path(place) / str(number)
            shutil.copytree(sound, folder)
            files = sorted((folder / "step-000000020").iterdir())
            chosen = rng.choice(files)
            before = chosen.read_bytes()
            damage(chosen, [path for path in folder.rglob("*") if path.is_file() and path != chosen], rng)
            same = chosen.is_file() and not chosen.is_symlink() and chosen.read_bytes() == before
            result["damaged"] += not same
            try:
                found = checkpoint.latest(folder)
                fell_back = found is not None and found.step == 10 and whole(found)
                named = found is not None and any(one.startswith("step-000000020: ") for one in found.skipped)
                right = (fell_back and named) or (same and found is not None and found.step == 20)
            except Exception as error:
                print(f"  {chosen.name}: {error!r}")
                right = False
            result["loaded silently, or not named"] += not right
            shutil.rmtree(folder)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=20, help="at each call of a save")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    cuts, mutants = power_cuts(chosen.cuts, rng), damaged(chosen.mutants, rng)
    print(json.dumps({**cuts, **mutants}, indent=1))
    sys.exit(bool(cuts["lost or wrong"] or mutants["loaded silently, or not named"]))


if __name__ == "__main__":
    main()
