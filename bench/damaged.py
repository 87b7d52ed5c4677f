"""Run folders with one file damaged, under each verb that reads it: is every answer a result or three facts, never a traceback?

    python bench/damaged.py                      # 20 mutants for each pair of file and verb
    python bench/damaged.py --mutants 100 --seed 7
    python bench/damaged.py --only model.json

Prints, for each pair, how many were answered well (exit 0 with a result), refused (2), or failed, and each failure's last line.
A mutant that is refused must also leave the run folder as it was. Works in this process, on copies of one tiny run.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PAIRS = (  # file, verb; resume: of a run that was stopped before its end
    ("plan.json", "resume"), ("config.toml", "resume"), ("environment.json", "resume"), ("splits.csv", "resume"),
    ("thumbnails.npz", "resume"), ("checkpoints", "resume"), ("checkpoint/manifest.json", "resume"),
    ("checkpoint/state.json", "resume"), ("checkpoint/model.safetensors", "resume"), ("lock", "resume"),
    ("config.toml", "evaluate"), ("splits.csv", "evaluate"), ("model.json", "evaluate"), ("weights.safetensors", "evaluate"),
    ("thumbnails.npz", "evaluate others"), ("splits.csv", "evaluate others"),
    ("model.json", "predict"), ("weights.safetensors", "predict"), ("model.json", "explain"), ("model.json", "export"),
    ("splits.csv", "export"), ("result.json", "report"), ("sections.json", "report"), ("metrics.csv", "report"),
    ("environment.json", "report"), ("config.toml", "report"), ("predictions.csv", "compare"), ("model.json", "sample"),
    ("weights.safetensors", "sample"),
)  # fmt: skip
SECONDS = 60  # of one verb, beyond which it counts as hanging


@dataclass(frozen=True)
class Place:
    """A finished run, one that was stopped, a VAE's, and pictures of the same classes."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def others(self) -> Path:
        return self.root / "others"


def pictures(folder: Path, seed: int, count: int = 12) -> None:
    """Two classes, dark and light, of ``count`` images each."""
    rng = np.random.default_rng(seed)
    for light, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 120, (16, 16)) + 120 * light
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")


def prepared(root: Path) -> Place:
    """Make the runs, once."""
    import neocog
    from neocog.engine.interrupt import Interrupted, Stop

    place = Place(root)
    pictures(place.data, 0)
    pictures(place.others, 1)
    settings: dict[str, Any] = {"quiet": True, "threads": 1, "batch": 8, "epochs": 2}
    neocog.train(place.data, out=root / "run", model="cnn", widths=4, **settings)

    def stop(row: object) -> None:
        raise Stop

    with contextlib.suppress(Interrupted):
        neocog.train(place.data, out=root / "stopped", model="cnn", widths=4, after_epoch=stop, **settings)
    neocog.train(place.data, out=root / "vae", task="vae", latent=2, **settings)
    return place


def words(verb: str, run: Path, place: Place, out: Path) -> list[str]:
    """The command line of a verb on a run."""
    picture = str(place.others / "dark" / "0.png")
    return {
        "resume": ["resume", str(run), "--quiet"],
        "evaluate": ["evaluate", str(run), "--quiet", "--json"],
        "evaluate others": ["evaluate", str(run), str(place.others), "--quiet", "--json"],
        "predict": ["predict", str(run), picture, "--quiet", "--json"],
        "explain": ["explain", str(run), picture, "--quiet", "--out", str(out)],
        "export": ["export", str(run), "--to", "numpy", "--out", str(out), "--quiet"],
        "report": ["report", str(run)],
        "compare": ["report", str(run), str(place.root / "run"), "--out", str(out)],
        "sample": ["sample", str(run), "-n", "2", "--out", str(out / "a.png")],
    }[verb]


def target(name: str, run: Path) -> Path:
    """The file below a run that is damaged; ``checkpoint`` is the newest of them."""
    if name.startswith("checkpoint/"):
        return sorted((run / "checkpoints").glob("step-*"))[-1] / name.split("/")[1]
    return run / name


Mutant = Callable[[Path, random.Random], None]


def bytewise(change: Callable[[bytes, random.Random], bytes]) -> Mutant:
    """A mutant that writes other bytes."""

    def mutate(path: Path, chance: random.Random) -> None:
        if path.is_file():
            path.write_bytes(change(path.read_bytes(), chance))

    return mutate


def flipped(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return b"\0"
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def replaced(content: bytes, chance: random.Random) -> bytes:
    """One value of JSON, or one cell of another text, by something of another kind."""
    odd: Any = chance.choice(
        [None, True, -1, 0, 10**30, 1e308, "", "nan", [], {}, [[]], ["a"], {"a": None}, "\ud800", "x" * 10**5, 0.5]
    )
    try:
        found = json.loads(content)
    except ValueError:
        cells = content.split(b",") if b"," in content else content.split(b"\n")
        cells[chance.randrange(len(cells))] = chance.choice(
            [b"", b"nan", b"1e999", b"-1", b'"', b"\xff", b"9" * 5000, b"x\0y"]
        )
        return (b"," if b"," in content else b"\n").join(cells)
    spots = list(spots_of(found))
    if spots:
        holder, key = chance.choice(spots)
        if isinstance(holder, dict) and chance.random() < 0.3:
            del holder[key]
        else:
            holder[key] = odd
    return sealed(json.dumps(found))


def spots_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key) of a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(pairs):
        yield value, key
        yield from spots_of(child)


def sealed(text: str) -> bytes:
    """A manifest, or a model.json, is given the hash of what it says now, as one who forges it would."""
    found = json.loads(text)
    if isinstance(found, dict) and "preprocessing" in found and "sha256" in found:
        from neocog import facts

        with contextlib.suppress(ValueError, TypeError, OverflowError):
            return json.dumps(facts.sealed(found)).encode()
    if isinstance(found, dict) and "manifest" in found:
        from neocog.engine.checkpoint import _manifest

        with contextlib.suppress(ValueError, TypeError):
            return _manifest({key: value for key, value in found.items() if key != "manifest"})
    return text.encode()


def forged(path: Path, chance: random.Random) -> None:
    """Valid safetensors with other names, shapes, types or NaN, and a model.json that vouches for them."""
    if path.suffix != ".safetensors" or not path.is_file():
        return
    import safetensors.torch
    import torch

    state = safetensors.torch.load(path.read_bytes())
    name = chance.choice(sorted(state))
    kind = chance.randrange(6)
    if kind == 0:
        state["other\n" + name] = state.pop(name)
    elif kind == 1:
        state[name] = torch.zeros(3, 1, 2)
    elif kind == 2:
        state[name] = state[name].to(torch.float64)
    elif kind == 3:
        state[name] = torch.full_like(state[name], float("nan")) if state[name].is_floating_point() else state[name]
    elif kind == 4:
        state = {}
    content = safetensors.torch.save(state)
    if kind == 5:  # a header whose length lies
        content = (2 ** chance.choice([3, 40, 63])).to_bytes(8, "little") + content[8:]
    path.write_bytes(content)
    vouch(path, content)


def vouch(path: Path, content: bytes) -> None:
    digest = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    beside = path.with_name("manifest.json")
    if beside.is_file():
        facts = json.loads(beside.read_bytes())
        facts["files"][path.name] = digest
        beside.write_bytes(sealed(json.dumps(facts)))
    elif path.with_name("model.json").is_file():
        model = path.with_name("model.json")
        model.write_bytes(sealed(json.dumps({**json.loads(model.read_text()), "weights": digest})))


def swapped(make: Callable[[Path], None]) -> Mutant:
    """A mutant that puts something else where the file or folder was."""

    def mutate(path: Path, chance: random.Random) -> None:
        kept = path.with_name(f"kept-{path.name}")
        if path.exists():
            path.rename(kept)
        make(path)

    return mutate


MUTANTS: dict[str, Mutant] = {
    "empty": bytewise(lambda content, chance: b""),
    "cut": bytewise(lambda content, chance: content[: chance.randrange(len(content) or 1)]),
    "flipped": bytewise(flipped),
    "zeros": bytewise(lambda content, chance: bytes(len(content))),
    "not UTF-8": bytewise(lambda content, chance: b"\xff\xfe" + content),
    "nested": bytewise(lambda content, chance: b"a = " * (content[:1] == b"[") + b"[" * 50_000),
    "other type": bytewise(lambda content, chance: chance.choice([b"3", b'"a"', b"null", b"[]", b"{}", b"[{}]", b"NaN"])),
    "NaN": bytewise(lambda content, chance: content.replace(chance.choice([b"1", b"0", b"2"]), b"NaN", 1)),
    "huge": bytewise(lambda content, chance: content.replace(chance.choice([b"1", b"0", b"2"]), b"9" * 400, 1)),
    "twice": bytewise(lambda content, chance: content + content),
    "one value": bytewise(replaced),
    "forged": forged,
    "missing": swapped(lambda path: None),
    "folder": swapped(lambda path: path.mkdir()),
    "FIFO": swapped(os.mkfifo),
    "link to nothing": swapped(lambda path: path.symlink_to("nothing")),
    "link to itself": swapped(lambda path: path.symlink_to(path.name)),
    "link": swapped(lambda path: path.symlink_to(f"kept-{path.name}")),
    "link to /dev/zero": swapped(lambda path: path.symlink_to("/dev/zero")),
    "no permission": lambda path, chance: path.chmod(0) if path.exists() else None,
}  # fmt: skip


def answer(command: list[str]) -> tuple[str, str]:
    """("result" | "refused" | "failed", the last line of what was said) of a command in this process."""
    from neocog.cli import main as cli

    def hang(number: int, frame: object) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    said, printed = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
            cli.main(command)
    except SystemExit as leaving:
        if leaving.code == 2:
            return "refused", said.getvalue()
        return ("result" if not leaving.code else "failed"), f"exit code {leaving.code}: {said.getvalue()[-300:]}"
    except BaseException as error:  # whatever it is, it was not answered
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "failed", f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})"
    finally:
        signal.alarm(0)
    return "result", said.getvalue()


def trial(place: Place, file: str, verb: str, mutant: str, seed: int) -> tuple[str, str]:
    """One mutant of a file under a verb, on a copy of a run."""
    chance = random.Random(f"{file} {verb} {mutant} {seed}")
    with tempfile.TemporaryDirectory(prefix="damaged-") as folder:
        run, out = Path(folder) / "run", Path(folder) / "out"
        source = {"resume": "stopped", "sample": "vae"}.get(verb, "run")
        shutil.copytree(place.root / source, run)
        MUTANTS[mutant](target(file, run), chance)
        path = target(file, run)
        if (
            file.startswith("checkpoint/")
            and mutant != "forged"
            and chance.random() < 0.7
            and path.is_file()
            and not path.is_symlink()
        ):
            vouch(path, path.read_bytes()) if path.name != "manifest.json" else None
        before = contents(run)
        kind, said = answer(words(verb, run, place, out))
        if kind == "refused" and contents(run) != before:
            return "failed", f"refused, and changed {sorted(dict(contents(run) ^ before))}"
        for path in run.rglob("*"):  # so that it can be removed
            if not path.is_symlink():
                path.chmod(0o700)
        return kind, said


def contents(run: Path) -> set[tuple[str, str]]:
    """(path, digest) of all regular files, those of the lock aside."""
    found = set()
    for path in run.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != "lock":
            with contextlib.suppress(OSError):
                found.add((str(path.relative_to(run)), hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=len(MUTANTS), help="for each pair of file and verb")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a file's name or verb's")
    chosen = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="damaged-runs-") as folder:
        place = prepared(Path(folder))
        for file, verb in PAIRS:
            if chosen.only not in file and chosen.only not in verb:
                continue
            count: Counter[str] = Counter()
            for number in range(chosen.mutants):
                mutant = list(MUTANTS)[number % len(MUTANTS)]
                kind, said = trial(place, file, verb, mutant, chosen.seed + number)
                count[kind] += 1
                if kind == "failed":
                    print(f"  {file}, {verb}, {mutant}: {said}", flush=True)
            print(f"{file:30} {verb:16} {dict(count)}", flush=True)
            total += count
    print(f"{sum(total.values())} mutants: {dict(total)}")
    sys.exit(bool(total["failed"]))


if __name__ == "__main__":
    main()
