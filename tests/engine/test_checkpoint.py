"""Checkpoints: exact, whole or not there, and never believed when damaged."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from neocog.engine import checkpoint
from neocog.engine.checkpoint import UNFINISHED, latest, save, writable
from neocog.engine.optimizer_state import optimizer_tensors, restore_optimizer
from neocog.errors import CannotSave, UserError


def group(step: int) -> dict[str, dict[str, Tensor]]:
    """Two files' worth of tensors that belong to a step."""
    generator = torch.Generator().manual_seed(step)
    return {
        "model": {"weight": torch.randn(4, 3, 5, 5, generator=generator), "count": torch.tensor(step)},
        "optimizer.model": {"0.step": torch.tensor(float(step)), "0.exp_avg": torch.randn(7, generator=generator)},
    }


def put(folder: Path, step: int) -> Path:
    return save(folder, step, group(step), {"counters": {"step": step, "loss": step / 7, "best": float("-inf")}})


def assert_whole(found: checkpoint.Checkpoint | None) -> None:
    """It loads, and is in every bit what was saved at its step."""
    assert found is not None
    assert found.state == {"counters": {"step": found.step, "loss": found.step / 7, "best": float("-inf")}}
    for name, tensors in group(found.step).items():
        loaded = found.tensors(name)
        assert loaded.keys() == tensors.keys()
        assert all(
            torch.equal(loaded[key], tensor) and loaded[key].dtype == tensor.dtype for key, tensor in tensors.items()
        )


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(f"{UNFINISHED}*"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Killed(BaseException):
    """The process is gone: no clean-up of its own runs after this."""


class Disk:
    """Counts the system calls that change the disk, and ends the process, or fails, at the chosen one."""

    CHANGES = ("open", "write", "fsync", "mkdir", "rename", "unlink", "rmdir")

    def __init__(self, patch: pytest.MonkeyPatch, at: int, fault: BaseException, torn: bool = False) -> None:
        self.calls, self.at, self.fault, self.torn = 0, at, fault, torn
        self.unsynced: dict[int, Path] = {}  # inode of a file whose content may not have reached the disk
        self.unnamed: dict[int, Path] = {}  # inode of a file whose name in its folder may not have reached it
        self.system: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in self.CHANGES}
        for name in self.CHANGES:
            patch.setattr(os, name, self._watched(name))

    def _watched(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return self.system[name](*args, **kwargs)
            self.calls += 1
            if self.calls == self.at or (self.calls > self.at and isinstance(self.fault, Killed)):
                if name == "write" and self.torn and self.calls == self.at:
                    self.system[name](args[0], args[1][: len(args[1]) // 2])
                raise self.fault
            answer = self.system[name](*args, **kwargs)
            self._remember(name, args, answer)
            return answer

        return call

    def _remember(self, name: str, args: tuple[Any, ...], answer: Any) -> None:
        if name == "open":
            self.unnamed[os.fstat(answer).st_ino] = Path(args[0])
        elif name == "write":
            self.unsynced[os.fstat(args[0]).st_ino] = Path(os.readlink(f"/proc/self/fd/{args[0]}"))
        elif name == "fsync":
            self.unsynced.pop(os.fstat(args[0]).st_ino, None)
            folder = Path(os.readlink(f"/proc/self/fd/{args[0]}"))
            self.unnamed = {inode: path for inode, path in self.unnamed.items() if path.parent != folder}

    def cut_power(self, folder: Path) -> None:
        """Take away whatever was not synced."""
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.stat().st_ino in self.unnamed:
                path.unlink()
            elif path.stat().st_ino in self.unsynced:
                os.truncate(path, 0)


def every_call(run: Callable[[int], bool]) -> int:
    """Call ``run(k)`` for k = 1, 2, … until it says that there was no k-th call; how many there were."""
    k = 1
    while run(k):
        k += 1
    return k - 1


@pytest.mark.parametrize("step", [20, 30], ids=["same step again", "a new step"])
@pytest.mark.parametrize("how", ["killed", "killed in a write", "power cut"])
def test_a_save_that_dies_at_any_call_leaves_the_old_or_the_new_checkpoint(tmp_path: Path, how: str, step: int) -> None:
    def run(k: int) -> bool:
        folder = tmp_path / f"{k}"
        folder.mkdir()
        put(folder, 10)
        put(folder, 20)
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, k, Killed(), torn=how == "killed in a write")
            try:
                put(folder, step)
                died = False
            except Killed:
                died = True
        if how == "power cut":
            disk.cut_power(folder)
        found = latest(folder)
        assert_whole(found)
        assert found is not None and found.step in {20, step} and found.skipped == []
        for path in folder.glob("step-*"):
            assert_whole(checkpoint._read(path, []))
        put(folder, step)
        assert not unfinished(folder)
        assert names(folder) == (
            ["step-000000010", "step-000000020"] if step == 20 else ["step-000000020", "step-000000030"]
        )
        return died

    assert every_call(run) >= 20  # 4 files of 3 calls each, and what is around them


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES])
def test_a_save_that_is_refused_at_any_call_says_why_and_loses_nothing(tmp_path: Path, number: int) -> None:
    def run(k: int) -> bool:
        folder = tmp_path / f"{k}"
        folder.mkdir()
        put(folder, 10)
        put(folder, 20)
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, k, OSError(number, os.strerror(number)))
            try:
                put(folder, 30)
                refused = False
            except CannotSave as error:
                refused = True
                assert os.strerror(number) in error.what
                assert re.search(r"[\d,]+ bytes needed, [\d,]+ bytes free", error.what)
                assert error.where.startswith(str(folder))
        found = latest(folder)
        assert_whole(found)
        assert found is not None and found.step in {20, 30} and found.skipped == []
        put(folder, 30)
        assert not unfinished(folder)
        return refused

    assert every_call(run) >= 15


def test_a_file_size_limit_is_named_and_loses_nothing(tmp_path: Path) -> None:
    put(tmp_path, 10)
    largest = max(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in range(0, largest, largest // 20):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            with pytest.raises(CannotSave, match="File too large"):
                put(tmp_path, 20)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert names(tmp_path) == ["step-000000010"]
        assert_whole(latest(tmp_path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``small_disk(bytes)``: a real file system of that size with one checkpoint (step 10) on it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    put(folder, 10)

    def sized(size: int) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True, capture_output=True)
        return folder

    yield sized
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_named_and_loses_nothing(small_disk: Callable[[int], Path]) -> None:
    full = 0
    for pages in range(4, 24):
        folder = small_disk(4096 * pages)
        try:
            put(folder, 20)
        except CannotSave as error:
            full += 1
            assert "No space left on device" in error.what and "the checkpoints before it are intact" in error.what
            assert not unfinished(folder)
        assert_whole(latest(folder))
    assert 0 < full < 20


def test_too_little_space_is_seen_before_the_start(small_disk: Callable[[int], Path]) -> None:
    folder = small_disk(2**20)
    writable(folder, 100_000)
    with pytest.raises(CannotSave, match=r"No space left on device; 3,000,000 bytes needed, [\d,]+ bytes free"):
        writable(folder, 1_000_000)


def test_a_folder_one_may_not_write_is_seen_before_the_start(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(CannotSave, match="Permission denied") as caught:
            writable(tmp_path / "checkpoints", 10)
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)
    assert str(tmp_path) in caught.value.where


def test_the_start_clears_what_a_kill_left(tmp_path: Path) -> None:
    put(tmp_path, 10)
    (tmp_path / f"{UNFINISHED}step-000000020").mkdir()
    (tmp_path / f"{UNFINISHED}step-000000020" / "model.safetensors").write_bytes(b"half")
    (tmp_path / f"{UNFINISHED}probe").write_bytes(b"half")
    writable(tmp_path, 10)
    assert names(tmp_path) == ["step-000000010"]


def mutated(path: Path, draw: random.Random) -> str:
    """Damage one file of a checkpoint in one way; what was done."""
    file = draw.choice(sorted(path.iterdir()))
    content = file.read_bytes()
    place = draw.randrange(len(content))
    how = draw.choice(["cut", "cut", "flip", "flip", "flip", "insert", "remove", "link"])
    file.unlink()
    if how == "cut":
        file.write_bytes(content[:place])
    elif how == "flip":
        file.write_bytes(content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :])
    elif how == "insert":
        file.write_bytes(content[:place] + draw.randbytes(1) + content[place:])
    elif how == "link":
        file.symlink_to("/dev/zero")
    return f"{how} {file.name} at {place}"


def test_no_damaged_checkpoint_is_loaded(tmp_path: Path) -> None:
    draw = random.Random(1)
    silent = []
    for mutant in range(300):
        folder = tmp_path / f"{mutant}"
        folder.mkdir()
        put(folder, 10)
        put(folder, 20)
        damage = mutated(folder / "step-000000020", draw)
        found = latest(folder)
        assert_whole(found)
        assert found is not None
        if found.step == 20:
            silent.append(damage)
        else:
            assert len(found.skipped) == 1 and damage.split()[1] in found.skipped[0], (damage, found.skipped)
    assert silent == []


def test_where_all_are_damaged_the_error_names_each_with_its_reason(tmp_path: Path) -> None:
    os.truncate(put(tmp_path, 10) / "model.safetensors", 100)
    (put(tmp_path, 20) / "state.json").unlink()
    with pytest.raises(UserError) as caught:
        latest(tmp_path)
    assert "all 2 checkpoints are damaged" in caught.value.what
    assert re.search(r"step-000000010: model.safetensors has 100 of \d+ bytes", caught.value.what)
    assert "step-000000020: state.json is missing" in caught.value.what


def test_damage_after_the_check_is_seen_when_the_tensors_are_read(tmp_path: Path) -> None:
    path = put(tmp_path, 10) / "model.safetensors"
    found = latest(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert found is not None
    with pytest.raises(UserError, match=r"model\.safetensors has SHA-256"):
        found.tensors("model")


def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    path = put(tmp_path, 10)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"]["../../secret"] = {"bytes": 5, "sha256": "0"}
    del manifest["manifest"]
    (path / "manifest.json").write_bytes(checkpoint._manifest(manifest))
    with pytest.raises(UserError, match=r"\.\./\.\./secret would lie outside the checkpoint"):
        latest(tmp_path)


def test_another_programs_checkpoint_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "epoch3.pt").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(UserError, match=r"epoch3\.pt: not our format"):
        latest(tmp_path)
    put(tmp_path, 10)
    assert_whole(latest(tmp_path))


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    assert latest(tmp_path / "missing") is None


def test_two_are_kept(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        put(tmp_path, step)
    assert names(tmp_path) == ["step-000000030", "step-000000040"]


def test_a_damaged_later_one_does_not_push_out_good_ones(tmp_path: Path) -> None:
    put(tmp_path, 10)
    os.truncate(put(tmp_path, 20) / "state.json", 1)
    put(tmp_path, 15)
    assert names(tmp_path) == ["step-000000010", "step-000000015"]


def test_tied_sliced_empty_and_odd_tensors_come_back(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {
        "base": base, "tied": base, "slice": base[1:], "turned": base.T, "empty": torch.empty(0, 3), "flag": torch.tensor(True),
        "half": torch.randn(3).bfloat16(), "last": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
    }  # fmt: skip
    save(tmp_path, 1, {"model": tensors}, {})
    found = latest(tmp_path)
    assert found is not None
    loaded = found.tensors("model")
    assert all(
        torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, foreach=True),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.95), fused=True),
}


def network() -> torch.nn.Module:
    torch.manual_seed(3)
    layers = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 3))
    return layers.to(memory_format=torch.channels_last)


def steps(net: torch.nn.Module, optimizer: torch.optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        inputs = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        net(inputs).square().mean().backward()
        optimizer.param_groups[0]["lr"] = 0.01 * (step + 1)
        optimizer.step()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_comes_back_to_the_bit(tmp_path: Path, kind: str) -> None:
    net = network()
    optimizer = OPTIMIZERS[kind](net.parameters())
    steps(net, optimizer, 0, 4)
    tensors, state = optimizer_tensors(optimizer)
    save(tmp_path, 4, {"model": net.state_dict(), "optimizer": tensors}, {"optimizer": state})
    steps(net, optimizer, 4, 8)

    found = latest(tmp_path)
    assert found is not None
    resumed = network()
    resumed.load_state_dict(found.tensors("model"))
    again = OPTIMIZERS[kind](resumed.parameters())
    restore_optimizer(again, found.tensors("optimizer"), found.state["optimizer"])
    assert again.param_groups[0]["lr"] == 0.04
    for mine in again.state.values():
        for name, value in mine.items():
            if isinstance(value, Tensor) and value.ndim == 4:
                assert value.is_contiguous(memory_format=torch.channels_last), name
    steps(resumed, again, 4, 8)
    expected, found_state = optimizer.state_dict(), again.state_dict()
    assert found_state["param_groups"] == expected["param_groups"]
    for place, values in expected["state"].items():
        for name, value in values.items():
            other = found_state["state"][place][name]
            assert torch.equal(other, value) if isinstance(value, Tensor) else other == value
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), resumed.parameters(), strict=True))


def test_a_network_that_does_not_fit_is_told_by_its_first_difference(tmp_path: Path) -> None:
    save(tmp_path, 4, {"model": network().state_dict()}, {})
    found = latest(tmp_path)
    assert found is not None
    wider = torch.nn.Sequential(torch.nn.Conv2d(2, 6, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(96, 3))
    with pytest.raises(
        UserError, match=r"0\.weight is \(4, 2, 3, 3\) in the checkpoint and \(6, 2, 3, 3\) in the network"
    ):
        found.restore("model", wider)
    shorter = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3))
    with pytest.raises(UserError, match=r"3\.bias is \(3,\) in the checkpoint and missing in the network"):
        found.restore("model", shorter)


def test_an_optimizer_for_other_parameters_is_refused() -> None:
    net = network()
    optimizer = OPTIMIZERS["adam"](net.parameters())
    steps(net, optimizer, 0, 1)
    saved = optimizer_tensors(optimizer)
    fewer = OPTIMIZERS["adam"](torch.nn.Linear(64, 3).parameters())
    with pytest.raises(UserError, match="optimizer has 4 parameters, the run's 2"):
        restore_optimizer(fewer, *saved)
    other = OPTIMIZERS["adam"]([torch.nn.Parameter(torch.zeros(9)) for _ in range(4)])
    with pytest.raises(UserError, match=r"exp_avg is \(4, 2, 3, 3\), its parameter \(9,\)"):
        restore_optimizer(other, *saved)
