"""Several processes that learn one network: torchrun (or any launcher with its variables) starts them.

Every rank holds all the weights and its share of each batch. Losses are scaled so that the shares add up to the whole
batch's loss; hence gradients, losses and tallies are all *summed*, explicitly, here. Where there is only one process
nothing is sent. Letters: R ranks.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn import Module, Parameter

from neocog.engine.interrupt import Abandoned
from neocog.engine.launcher import torchrun_variables
from neocog.errors import UserError, raise_all

BUCKET = 25 * 2**20  # bytes of gradients in one message: large enough to fill the line, small enough to copy
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>: the signal that a process gets when its parent has died
PATIENCE = timedelta(minutes=5)  # a rank that is killed is noticed at once, one that is frozen after this
READING = timedelta(days=2)  # between steps; before the first, one node may read its data for hours longer than another


@dataclass(frozen=True)
class Ranks:
    """This process's place among all of them. With ``world`` 1 every method returns what it was given."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0  # place on this machine: which GPU
    groups: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # "reading": waits for READING

    @staticmethod
    def from_environment() -> Ranks:
        """What torchrun or srun says; one process alone where they say nothing."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        os.environ.update(torchrun_variables(os.environ))
        if names[1] not in os.environ:
            return Ranks()
        try:
            rank, world, local_rank = (int(os.environ.get(name, "0")) for name in names)
        except ValueError:
            seen = ", ".join(f"{name}={os.environ.get(name)}" for name in names)
            raise UserError(f"the launcher's variables are not numbers: {seen}", fix="start with torchrun") from None
        if not (0 <= rank < world and 0 <= local_rank < world):
            what = f"RANK {rank} and LOCAL_RANK {local_rank} do not fit WORLD_SIZE {world}"
            raise UserError(what, fix="start with torchrun")
        return Ranks(rank, world, local_rank)

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the run folder and talks to the user."""
        return self.rank == 0

    def start(self, device: torch.device | str = "cpu", patience: timedelta = PATIENCE) -> None:
        """Meet the other ranks: gloo between CPUs, NCCL between GPUs."""
        if self.world == 1:
            return
        if "TORCHELASTIC_RUN_ID" in os.environ and sys.platform == "linux":
            # torchrun gives each rank a session of its own: were it killed, they would live on unseen
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        backend = "gloo"
        if torch.device(device).type == "cuda":
            torch.cuda.set_device(self.local_rank % torch.cuda.device_count())  # SLURM may show each task its own only
            backend = "cpu:gloo,cuda:nccl"
        with self._together():
            _meet(backend, patience)
            self.groups["reading"] = dist.new_group(backend="gloo", timeout=READING)

    def stop(self) -> None:
        """Leave. Safe to call at any time, also where the others are gone."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        self.sum(0.0)

    def sum(self, value: float) -> float:
        """The sum of a number over the ranks."""
        return float(self._reduced(value, dist.ReduceOp.SUM))

    def any(self, number: int) -> int:
        """The largest of a small number over the ranks: 0 where no rank was signalled, so that all leave together."""
        return int(self._reduced(float(number), dist.ReduceOp.MAX))

    def broadcast_text(self, text: str) -> str:
        """What rank 0 says, on every rank: a path, a plan."""
        return text if self.world == 1 else self._text(text if self.is_writer else "", self.groups["reading"])

    def texts(self, own: str) -> list[str]:
        """What each rank says, by rank."""
        if self.world == 1:
            return [own]
        group = self.groups["reading"]
        return [self._text(own if rank == self.rank else "", group) for rank in range(self.world)]

    def agree(self, own: str, differs: Callable[[str], UserError], details: Callable[[], str] | None = None) -> None:
        """See that ``own`` is on every rank what it is on rank 0; raise UserError on all of them where it is not.

        Each rank whose text is another one explains itself by ``differs``, which gets rank 0's ``details`` (or its text).
        """
        if self.world == 1:
            return
        mine = hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()
        other = self.broadcast_text(mine) != mine
        if self._reduced(float(other), dist.ReduceOp.MAX, self.groups["reading"]):
            first = self.broadcast_text((own if details is None else details()) if self.is_writer else "")
            with self.all_or_none():
                if other:
                    raise differs(first)

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """What is wrong on one rank ends the block on all: each raises the UserErrors of every rank.

        Within the block no messages may be sent: a rank that fails would not be there to answer.
        """
        own: UserError | None = None
        try:
            yield
        except UserError as error:
            if self.world == 1:
                raise
            own = error
        if self.world > 1 and self._reduced(float(own is not None), dist.ReduceOp.MAX, self.groups["reading"]):
            raise_all(self._of_all(own))

    def _of_all(self, own: UserError | None) -> list[UserError]:
        """The errors of all ranks, each once; those that not all have say whose they are."""
        everyone = map(json.loads, self.texts(json.dumps([socket.gethostname(), [] if own is None else own.facts])))
        places: dict[tuple[str, str, str], list[str]] = {}
        for rank, (host, facts) in enumerate(everyone):
            for fact in facts:
                key = fact["what"], fact["where"], fact["fix"]
                places.setdefault(key, []).append(f"rank {rank} on {host}")
        return [
            UserError(what, where if len(who) == self.world else " · ".join([*filter(None, [where]), *who]), fix)
            for (what, where, fix), who in places.items()
        ]

    def sum_gradients(self, parameters: Iterable[Parameter]) -> None:
        """Sum every ``grad`` over the ranks, in place. One that is None on all ranks stays None."""
        if self.world == 1:
            return
        for bucket in _buckets(parameters):
            self._sum_bucket(bucket)

    def sum_tally(self, tally: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Sum tensors of the same name over the ranks; integers stay exact. A rank without samples may give ``{}``."""
        if self.world == 1:
            return dict(tally)
        total = {}
        for name, (dtype, shape, device) in self._agreed_shapes(tally).items():
            value = tally[name] if name in tally else torch.zeros(shape, dtype=dtype, device=device)
            total[name] = self.sum_tensor(value)
        return total

    def sum_tensor(self, value: Tensor) -> Tensor:
        """The sum of a tensor over the ranks, which all give one of the same shape."""
        total = value.clone().contiguous()
        if self.world > 1:
            with self._together():
                dist.all_reduce(total)
        return total

    def gather(self, value: Tensor) -> Tensor:
        """(R, …) the tensors of all ranks, which are of one shape, by rank."""
        if self.world == 1:
            return value[None]
        each = [torch.empty_like(value) for _ in range(self.world)]
        with self._together():
            dist.all_gather(each, value)
        return torch.stack(each)

    def broadcast(self, *nets: Module) -> None:
        """Give every rank the weights and buffers of rank 0."""
        if self.world == 1:
            return
        for net in nets:
            for tensor in net.state_dict().values():
                packed = tensor.detach().contiguous()
                with self._together():
                    dist.broadcast(packed, src=0)
                tensor.copy_(packed)

    def _sum_bucket(self, parameters: list[Parameter]) -> None:
        first = parameters[0]
        # Appended to the gradients: a 1 for each that exists, so that the sum says whether any rank has it
        exists = torch.tensor([p.grad is not None for p in parameters], dtype=first.dtype, device=first.device)
        parts = [torch.zeros_like(p).reshape(-1) if p.grad is None else p.grad.reshape(-1) for p in parameters]
        message = torch.cat([*parts, exists])
        with self._together():
            dist.all_reduce(message)
        *sums, exists = torch.split_with_sizes(message, [*(p.numel() for p in parameters), len(parameters)])
        for parameter, total, present in zip(parameters, sums, exists.tolist(), strict=True):
            if present:
                grad = torch.empty_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = grad.copy_(total.view(parameter.shape))

    def _reduced(self, value: float, how: Any, group: Any = None) -> float:
        if self.world == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        with self._together():
            dist.all_reduce(number, op=how, group=group)
        return number.item()

    def _agreed_shapes(self, tally: Mapping[str, Tensor]) -> dict[str, tuple[torch.dtype, list[int], str]]:
        """What is to be summed, for ranks that have nothing: name → (dtype, shape, kind of device)."""
        own = [(name, str(v.dtype)[6:], list(v.shape), v.device.type) for name, v in sorted(tally.items())]
        text = json.dumps(own) if tally else ""
        agreed = self._text(text)
        assert text in ("", agreed), "ranks tally different things"
        rows = json.loads(agreed or "[]")
        return {name: (getattr(torch, dtype), shape, device) for name, dtype, shape, device in rows}

    def _text(self, text: str, group: Any = None) -> str:
        """The text of the ranks that have one; the others give ""."""
        own = bytearray(text.encode("utf-8", "surrogatepass"))
        letters = torch.zeros(int(self._reduced(float(len(own)), dist.ReduceOp.MAX, group)), dtype=torch.uint8)
        if own:
            letters[: len(own)] = torch.frombuffer(own, dtype=torch.uint8)
        with self._together():
            dist.all_reduce(letters, op=dist.ReduceOp.MAX, group=group)
        return letters.numpy().tobytes().decode("utf-8", "surrogatepass")

    @contextmanager
    def _together(self) -> Iterator[None]:
        """A message that cannot be delivered means that another rank is gone; this one says so and ends too."""
        try:
            yield
        except RuntimeError as error:
            # gloo begins with its source file in brackets and goes on with advice
            reason = re.sub(r"^\[[^]]*\] ", "", str(error).strip() or type(error).__name__).split(". ")[0]
            raise Abandoned(
                f"another of the {self.world} processes is gone: {reason}",
                where=f"rank {self.rank} on {socket.gethostname()}",
                fix="see that process's own message; neocog resume goes on from the last checkpoint",
            ) from error


def _meet(backend: str, patience: timedelta) -> None:
    """Find each other by the store that torchrun names.

    torchrun's agent keeps one store over all its restarts, where the addresses of processes that are dead still stand: each
    start gets a part of its own. Of several agents each counts its restarts by itself (docs/cluster.md says what to set there).
    """
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if attempt == "0" or os.environ.get("GROUP_WORLD_SIZE") != "1":
        dist.init_process_group(backend, timeout=patience)
        return
    store, rank, world = next(rendezvous("env://", timeout=patience))
    own = PrefixStore(f"attempt-{attempt}", store)
    dist.init_process_group(backend, store=own, rank=rank, world_size=world, timeout=patience)


def _buckets(parameters: Iterable[Parameter]) -> Iterator[list[Parameter]]:
    """Parameters of one type and device in their order, about ``BUCKET`` bytes at a time."""
    groups: dict[tuple[torch.dtype, torch.device], list[Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            groups.setdefault((parameter.dtype, parameter.device), []).append(parameter)
    for group in groups.values():
        bucket, size = [], 0
        for parameter in group:
            bucket.append(parameter)
            size += parameter.numel() * parameter.element_size()
            if size >= BUCKET:
                yield bucket
                bucket, size = [], 0
        if bucket:
            yield bucket
