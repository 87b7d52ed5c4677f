"""Is there a file that breaks a reader? Sound files of every format, damaged at random: bits flipped, cut, spliced.

    python bench/fuzz.py --count 20000              # inputs a reader, all readers
    python bench/fuzz.py --only png tiff --count 1000000
    python bench/fuzz.py --only png --start 4711 --count 1 --keep /tmp/found    # one input again

An input is a function of (reader, number). Right is: read, or refused by a UserError that names the file and gives the
reason in one line. Everything else is a fault and is printed with its number: another exception, over 5 s of processor,
over 1 GB more memory, a crash. Each reader runs in a process of its own. Exit code 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from corpus import COLOUR, CORPUS, LABELS, WRAPPED, idx, picture, with_checksums
from neocog.config import from_toml
from neocog.data.dataset import Dataset
from neocog.data.formats.decoding import Decoding
from neocog.data.images import decode, header
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.data.split import read_splits, write_splits
from neocog.errors import Problems, UserError

SECONDS, MEMORY, SILENT = 5, 1 << 30, 120  # of processor an input; bytes; seconds of the clock without a word
PIXELS = 20_000_000  # the most that an image may claim: at Pillow's own limit a sound one takes more than ``MEMORY``
FRAMES: tuple[Literal["error", "stack", "first"], ...] = ("error", "stack", "first")
TOKENS = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"\n", b"\r", b",", b";", b"\t", b">", b"|", b"NaN", b"-Infinity", b"1e999",
    b"9" * 400, b"[" * 3000, b"{" * 3000, b"..", b"/etc/passwd", b"\\\\srv\\x", b"=cmd()", b"\xf0\x9f\xa6\xa0", b"\x1b[31m",
    b"null", b"true", b"-1", b"0", b"\xed\xa0\x80", b"a" * 140_000, b"%s", b"{}", b"\\u0000", b"\\ud800",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    1 << 24,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
)


class TooLong(BaseException):
    """An input took more than ``SECONDS`` of processor."""


def damaged(sound: list[bytes], rng: random.Random) -> bytes:
    """One of the sound files with one to eight changes; now and then none."""
    data = bytearray(rng.choice(sound))
    for _ in range(min(8, int(rng.expovariate(0.4)))):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.5:  # heads decide more than bodies
            at = min(at, rng.randrange(200))
        much = min(len(data), 1 << rng.randrange(9))
        match rng.randrange(9):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + 1] = bytes([rng.choice((0, 1, 127, 128, 254, 255, rng.randrange(256)))])
            case 2:
                width, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
                number = rng.choice(NUMBERS) & ((1 << 8 * width) - 1)
                data[at : at + width] = number.to_bytes(width, "little" if order == "little" else "big")
            case 3:
                del data[at:]
            case 4:
                del data[at : at + much]
            case 5:
                data[at:at] = data[max(0, at - much) : at] * rng.choice((1, 1, 2, 40))
            case 6:
                other = rng.choice(sound)
                place = rng.randrange(len(other) + 1)
                data[at : at + rng.choice((0, much))] = other[place : place + much]
            case 7:
                data[at:at] = rng.choice(TOKENS)
            case _:
                data[at:at] = rng.randbytes(rng.randrange(20))
    return bytes(data)


def made(reader: str, sound: list[bytes], number: int) -> bytes:
    """Input ``number`` of a reader."""
    rng = random.Random(f"{reader} {number}")
    data = damaged(sound, rng)
    if reader == "png" and number % 2:
        data = with_checksums(data)
    if reader in WRAPPED:
        data = WRAPPED[reader](data)
    return data


def opened(path: Path, **reading: Any) -> None:
    """As a verb opens it, and every sample read."""
    data: Dataset = open_dataset(path, reading=Reading(**reading))
    for index in range(len(data)):
        for read in (data.images.header, data.images.read, *([data.masks.read] if data.masks else [])):
            try:
                read(index)
            except UserError as error:
                complain(error, "")


def pictured(path: Path) -> None:
    """As an image and, where it has frames, as a stack of them, and its header alone."""
    volumes = path.suffix == ".tif"
    for frames in FRAMES:
        decoding = Decoding(frames=frames, max_pixels=PIXELS, volumes=volumes and frames == "first")
        for read in (decode, header):
            try:
                read(path, decoding)
            except UserError as error:
                complain(error, path.name)


def complain(error: UserError, name: str) -> None:
    """Raise where an error does not name the file, or gives no reason in one line."""
    for one in error.errors if isinstance(error, Problems) else (error,):
        text = f"{one.where} {one.what}"
        if not one.what or "\n" in one.what or "\n" in one.where or name not in text:
            raise AssertionError(f"told wrongly: {one!r}")


def reader_of(name: str, folder: Path) -> Callable[[Path], None]:
    """The function that reads a file of this kind; makes what must stand beside it."""
    if name in ("png", "jpeg", "gif", "bmp", "webp", "avif", "jpeg2000", "pnm", "tiff", "nifti", "nifti.gz"):
        return pictured
    if name == "settings":
        return lambda path: complain_if(
            lambda: from_toml(path.read_bytes().decode(errors="replace"), path.name), path.name
        )
    if name == "splits":
        return lambda path: complain_if(lambda: read_splits(path), path.name)
    reading: dict[str, Any] = {"values": {"task": "regression"}, "mask": {"task": "segmentation"}}.get(name, {})
    if name == "labelme":
        reading = {"task": "segmentation", "unlabelled": "skip"}
    for place in range(8):
        (folder / f"a{place}.png").write_bytes(picture(COLOUR, "PNG"))
    (folder / "a.png").write_bytes(picture(COLOUR, "PNG"))
    if name.startswith("idx"):
        (folder / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    if name.startswith(("mask ", "nnU-Net")):
        images, masks = ("imagesTr", "labelsTr") if name == "nnU-Net" else ("images", "masks")
        for part, data in ((images, picture(COLOUR, "PNG")), (masks, picture(COLOUR[..., 0] % 3, "PNG"))):
            (folder / part).mkdir()
            (folder / part / ("a_0000.png" if part == "imagesTr" else "a.png")).write_bytes(data)
        whole = name != "mask table"
        return lambda path: complain_if(lambda: opened(folder if whole else path, task="segmentation"), "")
    if name == "mask":
        (folder / "images").mkdir()
        (folder / "images" / "a.png").write_bytes(picture(COLOUR, "PNG"))
        return lambda path: complain_if(lambda: opened(folder, **reading), path.name)
    whole = name.startswith(("cifar", "labelme"))
    return lambda path: complain_if(lambda: opened(folder if whole else path, **reading), "" if whole else path.name)


def complain_if(read: Callable[[], object], name: str) -> None:
    try:
        read()
    except UserError as error:
        complain(error, name)


def recorded() -> list[bytes]:
    """A record of a split, as a run folder has it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for place, label in enumerate("abab"):
            (root / "data" / label).mkdir(parents=True, exist_ok=True)
            (root / "data" / label / f"{place}.png").write_bytes(picture(COLOUR, "PNG"))
        data = open_dataset(root / "data")
        digests = [data.images.digest(index) for index in range(len(data))]
        write_splits(root / "splits.csv", data, np.array(["train", "test"] * 2), digests, [*"aabb"])
        return [(root / "splits.csv").read_bytes()]


def work(reader: str, start: int, stop: int, keep: Path | None, told: Connection) -> None:
    """The process of one reader: sends (number, "") as it goes, and (number, fault) where one is found."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sound = CORPUS[reader][1]() or recorded()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        read = reader_of(reader, Path(place))
        path = Path(place) / CORPUS[reader][0]
        path.parent.mkdir(exist_ok=True)
        signal.signal(signal.SIGPROF, functools.partial(stop_it, reader))
        path.write_bytes(made(reader, sound, 0))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        for number in range(start, stop):
            told.send((number, ""))
            data = made(reader, sound, number)
            path.write_bytes(data)
            fault = ""
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                read(path)
            except TooLong:
                fault = f"over {SECONDS} s: {traceback.format_exc(limit=-4)}"
            except Exception:
                fault = traceback.format_exc(limit=-4)
            signal.setitimer(signal.ITIMER_PROF, 0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if peak - before > MEMORY >> 10:
                fault += f"{(peak - before) >> 10:,} MB more memory"
                before = peak
            if fault:
                told.send((number, fault))
            if keep and (fault or stop - start == 1):
                (keep / f"{reader.replace(' ', '-')}-{number}-{path.name}").write_bytes(data)
    told.send((stop, "end"))


def stop_it(reader: str, *_: object) -> None:
    raise TooLong(reader)


def fuzz(reader: str, start: int, stop: int, keep: Path | None) -> dict[int, str]:
    """number → fault, of the inputs ``start`` … ``stop``. After a crash a new process goes on behind it."""
    faults: dict[int, str] = {}
    context = multiprocessing.get_context("fork")
    while start < stop:
        ours, theirs = context.Pipe(False)
        process = context.Process(target=work, args=(reader, start, stop, keep, theirs))
        process.start()
        theirs.close()
        number, ended = start, False
        try:
            while ours.poll(SILENT):
                number, what = ours.recv()
                if ended := what == "end":
                    break
                if what:
                    faults[number] = what
                    print(f"  {reader} {number}: {what.strip()}", flush=True)
        except EOFError:
            pass
        process.kill() if process.is_alive() and not ended else None
        process.join()
        if ended:
            return faults
        faults[number] = f"the process ended with {process.exitcode}"
        print(f"  {reader} {number}: {faults[number]}", flush=True)
        start = number + 1
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CORPUS, default=list(CORPUS), help="readers")
    parser.add_argument("--count", type=int, default=2000, help="inputs a reader")
    parser.add_argument("--start", type=int, default=0, help="number of the first")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that break something")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    total: Counter[str] = Counter()
    for reader in chosen.only:
        begun = time.monotonic()
        faults = fuzz(reader, chosen.start, chosen.start + chosen.count, chosen.keep)
        total += {"inputs": chosen.count, "faults": len(faults)}
        facts = {"inputs": chosen.count, "faults": len(faults), "seconds": round(time.monotonic() - begun)}
        print(json.dumps({"reader": reader, **facts}), flush=True)
    print(f"{total['inputs']:,} inputs to {len(chosen.only)} readers: {total['faults']} faults")
    sys.exit(bool(total["faults"]))


if __name__ == "__main__":
    main()
