"""Checkpoints that survive a kill, a power cut, a full disk and a flipped bit.

A checkpoint is a folder: one ``.safetensors`` file per network, average or optimizer, ``state.json``, and
``manifest.json`` with the size and SHA-256 of each. It is written under another name, synced to the disk, and only then
renamed, so that under its own name it is either whole or not there (Pillai et al. 2014, "All file systems are not
created equal"). It is read only if every hash matches.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import Module

from neocog.engine.durable import Damaged, packed, regular, sync, write_new
from neocog.errors import CannotSave, UserError, listed, printable
from neocog.version import __version__

KEPT = 2  # the newest two: one may go bad
UNFINISHED = ".unfinished-"  # prefix of what is being written or removed: never read, cleared at the next start
NAME = re.compile(r"step-(\d{9,})(\.replaced)?")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose every file has the size and SHA-256 that its manifest states."""

    folder: Path
    step: int
    state: dict[str, Any]
    files: Mapping[str, Mapping[str, Any]]  # name: {"bytes", "sha256"}
    run: str = ""  # identity of the run that wrote it
    skipped: list[str] = field(default_factory=list)  # newer ones that are damaged: folder, file, reason

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors saved under ``name``, on the CPU, contiguous."""
        try:
            content = _verified(self.folder, f"{name}.safetensors", self.files)
        except Damaged as reason:
            raise UserError(f"damaged checkpoint: {reason}", where=str(self.folder)) from None
        try:
            loaded: dict[str, Tensor] = safetensors.torch.load(content)
        except (SafetensorError, ValueError, KeyError) as reason:
            raise UserError(f"damaged checkpoint: {name}.safetensors: {reason}", where=str(self.folder)) from None
        return loaded

    def restore(self, name: str, net: Module) -> None:
        """Put the tensors saved under ``name`` into a network; raises UserError naming the first that does not fit."""
        net.load_state_dict(self.fitting(name, net))

    def fitting(self, name: str, net: Module) -> dict[str, Tensor]:
        """The tensors saved under ``name``, which are those of ``net`` by name, shape and type. Raises UserError."""
        tensors, own = self.tensors(name), net.state_dict()
        for key in [*own, *sorted(tensors)]:  # safetensors gives them in an order of its own, another each time
            saved, mine = (_form(state[key]) if key in state else "missing" for state in (tensors, own))
            if saved != mine:
                what = f"{printable(key)} is {saved} in the checkpoint and {mine} in the network"
                raise UserError(what, str(self.folder), "resume with the model that the run was started with")
        return tensors


def _form(tensor: Tensor) -> str:
    """ "(3, 3)", and the type where it is not usual."""
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{tuple(tensor.shape)}{f' {kind}' * (kind != 'float32')}"


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, Tensor]],
    state: Mapping[str, Any],
    run: str = "",
    stay: Collection[int] = (),
) -> Path:
    """Write ``folder/step-000001234`` and then remove all but the newest two and those of the steps in ``stay``.

    ``tensors`` holds one file's worth of named tensors an entry, ``state`` plain JSON values, ``run`` its identity. The
    caller holds the run's lock. Raises CannotSave (what, where, bytes needed and free) with earlier ones intact.
    """
    # Python's own JSON, infinities included: what is read must equal what was written
    plain = json.dumps(dict(state), indent=1).encode()
    size = len(plain) + sum(tensor.nbytes for group in tensors.values() for tensor in group.values())
    target = folder / name_of(step)
    temporary = folder / (UNFINISHED + target.name)
    with _disk_errors(folder, size):
        clear(folder)
        temporary.mkdir()
        try:
            files = {}
            for name, group in tensors.items():  # of one file after the other there is a copy in memory
                file = f"{name}.safetensors"
                files[file] = write_new(temporary / file, safetensors.torch.save(packed(group)))
            files["state.json"] = write_new(temporary / "state.json", plain)
            facts = {"version": __version__, "run": run, "step": step, "files": files}
            write_new(temporary / "manifest.json", _manifest(facts))
            sync(temporary)
            _rename(temporary, target)
            sync(folder)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _prune(folder, target, stay)
    return target


def latest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint in ``folder``, or None where none was ever saved.

    Raises UserError where there are some and all are damaged (each named with its reason), or where there are only
    files of another program's format.
    """
    skipped: list[str] = []
    for path in _saved(folder):
        try:
            return _read(path, skipped)
        except (Damaged, OSError) as reason:
            skipped.append(f"{path.name}: {reason}")
    if skipped:
        what = f"all {len(skipped)} checkpoints are damaged: {'; '.join(skipped)}"
        raise UserError(what, where=str(folder), fix="start the training again, or restore this folder from a backup")
    foreign = sorted(path.name for path in folder.glob("*.p*t*") if path.suffix in {".pt", ".pth", ".ckpt", ".pkl"})
    if foreign:
        what = f"{listed(foreign)}: not our format (a pickle can run any program, so it is not opened)"
        raise UserError(what, where=str(folder), fix="resume a run folder that neocog train wrote")
    return None


def writable(folder: Path, size: int, more: int = 0) -> None:
    """Make ``folder``, clear what a kill left unfinished, and see that checkpoints of ``size`` bytes will fit.

    Three times the size must be free, and that of ``more`` that stay: two are kept and a third is written before one
    goes. Raises CannotSave.
    """
    needed = (3 + more) * size
    with _disk_errors(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)
        sync(folder.parent)
        clear(folder)
        probe = folder / f"{UNFINISHED}probe"
        try:
            write_new(probe, b"neocog" * 1000)
        finally:
            probe.unlink(missing_ok=True)
        if shutil.disk_usage(folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def steps(folder: Path) -> list[int]:
    """The steps of which ``folder`` has a checkpoint, sound or not, in their order."""
    return sorted({step_of(path) for path in _saved(folder)})


def at_step(folder: Path, step: int) -> Checkpoint:
    """The checkpoint of a step. Raises UserError where it is damaged or gone."""
    path = folder / name_of(step)
    try:
        return _read(path, [])
    except (Damaged, OSError) as reason:
        raise UserError(f"damaged checkpoint: {reason}", str(path)) from None


def name_of(step: int) -> str:
    """What the checkpoint of a step is called."""
    return f"step-{step:09d}"


def step_of(path: Path) -> int:
    """The step that a checkpoint's name tells."""
    return int(path.name.split("-")[1].split(".")[0])


def clear(folder: Path) -> None:
    """Remove what a killed save left behind. Only for the holder of the run's lock."""
    for path in folder.glob(f"{UNFINISHED}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _saved(folder: Path) -> list[Path]:
    """Checkpoints by name, the newest first; one that is just being replaced comes after its replacement."""
    found = [(match, path) for path in folder.glob("step-*") if (match := NAME.fullmatch(path.name))]
    order = sorted(found, key=lambda pair: (int(pair[0][1]), pair[0][2] is None), reverse=True)
    return [path for _, path in order]


def _read(path: Path, skipped: list[str]) -> Checkpoint:
    text = regular(path / "manifest.json", at_most=1 << 24)
    try:
        manifest = json.loads(text)
        intact = _manifest({key: value for key, value in manifest.items() if key != "manifest"}) == text
        intact = (
            intact
            and isinstance(manifest["step"], int)
            and all("sha256" in file for file in manifest["files"].values())
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        intact = False
    if not intact:
        raise Damaged("manifest.json is not what was written")
    files = manifest["files"]
    for name in files:
        _verified(path, name, files)
    try:
        state = json.loads(_verified(path, "state.json", files))
    except (ValueError, RecursionError):
        raise Damaged("state.json is no JSON") from None
    return Checkpoint(path, manifest["step"], state, files, manifest.get("run", ""), skipped)


def _manifest(facts: Mapping[str, Any]) -> bytes:
    """The manifest's bytes. Its last entry is the SHA-256 of the rest, since nothing else vouches for this file."""
    rest = json.dumps(facts, sort_keys=True)
    own = hashlib.sha256(rest.encode()).hexdigest()
    return (json.dumps({**json.loads(rest), "manifest": own}, indent=1) + "\n").encode()


def _verified(path: Path, name: str, files: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The content of one file, if the manifest knows it and it is still what it was."""
    if name not in files:
        raise Damaged(f"the manifest has no {printable(name)}")
    if Path(name).name != name:
        raise Damaged(f"{printable(name)} would lie outside the checkpoint")
    size, sha256 = files[name]["bytes"], files[name]["sha256"]
    data = regular(path / name, at_most=size)
    if len(data) != size:
        raise Damaged(f"{name} has {len(data)} of {size} bytes")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Damaged(f"{name} has SHA-256 {found[:12]}…, not {sha256[:12]}…")
    return data


def _rename(temporary: Path, target: Path) -> None:
    """Put the new checkpoint in its place; one of the same step steps aside first, still readable."""
    aside = target.with_name(f"{target.name}.replaced")
    if target.exists():
        if aside.exists():
            _remove(aside)
        target.rename(aside)
    temporary.rename(target)


def _prune(folder: Path, newest: Path, stay: Collection[int]) -> None:
    """Keep ``newest``, the one before it, and those that are to ``stay``. What claims a later step was damaged."""
    paths = [path for path in _saved(folder) if not path.name.endswith(".replaced")]
    earlier = paths[paths.index(newest) :]
    kept = {path.name for path in earlier[:KEPT]} | {path.name for path in earlier if step_of(path) in stay}
    for path in _saved(folder):
        if path.name not in kept:
            _remove(path)


def _remove(path: Path) -> None:
    """Rename first, so that a kill leaves no half checkpoint under a checkpoint's name."""
    dying = path.with_name(f"{UNFINISHED}{path.name}.removed")
    path.rename(dying)
    shutil.rmtree(dying)


@contextmanager
def _disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """The system's refusals, in words: which path, how many bytes were needed and how many are free."""
    try:
        yield
    except OSError as error:
        raise CannotSave(
            f"cannot save a checkpoint: {error.strerror or error}; {needed:,} bytes needed, {_free(folder)} free{kept(folder)}",
            where=str(error.filename or folder),
            fix="free some space or correct the permissions",
        ) from error


def kept(folder: Path) -> str:
    """For messages of what went wrong: that there are checkpoints in ``folder``, where there are."""
    with suppress(OSError):  # that cannot be looked into
        return "; the checkpoints before it are intact" if _saved(folder) else ""
    return ""


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free:,} bytes"
    except OSError:  # the folder itself is gone
        return "unknown"
