"""What each of two processes computes for test_ranks.py: ``two_ranks.py FOLDER``. Results as rank-R.safetensors and .json."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from neocog.engine.batchnorm import synchronise_batchnorm
from neocog.engine.ranks import Ranks
from neocog.errors import UserError

SPLITS = {"equal": [4, 4], "unequal": [3, 5], "one and many": [1, 7], "none and all": [0, 8]}


def network(kind: str) -> nn.Sequential:
    """A network with batch norm in the middle, so that its gradient must pass through the other rank."""
    torch.manual_seed(5)
    if kind == "images":
        layers = [nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Tanh(), nn.Conv2d(6, 3, 3), nn.BatchNorm2d(3, affine=False)]
        return nn.Sequential(*layers).double()
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, momentum=None), Activated(6), nn.Linear(6, 3))


class Activated(nn.BatchNorm1d):
    """A layer that extends batch norm, as timm's do."""

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.tanh(super().forward(inputs))


def data(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    if (
        kind == "images"
    ):  # a mean far from 0, as unnormalised images have: float64 tells cancellation from a wrong formula
        return torch.randn((8, 2, 7, 7), generator=generator).double() * 3 + 20
    return torch.randn((8, 4), generator=generator)


def learn(net: nn.Module, inputs: Tensor, whole: int, ranks: Ranks) -> dict[str, Tensor]:
    """Outputs, gradients and running statistics of two steps, with the loss scaled by this rank's share."""
    results = {}
    for step in range(2):
        net.zero_grad()
        rows = (inputs * (1 + step)).requires_grad_()
        outputs = net(rows)
        outputs.square().sin().flatten(1).sum(1).sum().div(whole).backward()
        ranks.sum_gradients(net.parameters())
        results |= {f"{step}.output": outputs.detach(), f"{step}.slope": rows.grad}
        results |= {f"{step}.gradient.{name}": p.grad.clone() for name, p in net.named_parameters()}
        results |= {f"{step}.buffer.{name}": b.clone() for name, b in net.named_buffers()}
    net.eval()
    results["evaluated"] = net(inputs).detach()
    return results


def gradients(ranks: Ranks) -> dict[str, Tensor]:
    """Gradients that all, one and none of the ranks have, in several buckets and layouts."""
    torch.manual_seed(ranks.rank)
    shapes = [(5, 3, 2, 2), (2000, 2000), (1500, 2000), (3,), (2,), (7,)]
    parameters = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    parameters[0] = nn.Parameter(torch.zeros(shapes[0]).to(memory_format=torch.channels_last))
    for place in (0, 1, 2):
        parameters[place].grad = torch.randn_like(parameters[place])
    if ranks.rank == 1:
        parameters[3].grad = torch.tensor([1.0, 2.0, 3.0])
    before = {f"before.{place}": p.grad.clone() for place, p in enumerate(parameters) if p.grad is not None}
    ranks.sum_gradients(parameters)
    assert parameters[4].grad is None
    assert parameters[0].grad.is_contiguous(memory_format=torch.channels_last)
    return before | {f"after.{place}": p.grad for place, p in enumerate(parameters) if p.grad is not None}


def plain(ranks: Ranks) -> dict[str, Any]:
    lone = ranks.sum_tally({"n": torch.tensor(2**53 + 1), "x": torch.ones(2, 2)} if ranks.rank else {})
    both = ranks.sum_tally({"n": torch.tensor(2**53 + ranks.rank)})
    return {
        "sum": ranks.sum(0.1 + ranks.rank), "any": [ranks.any(0), ranks.any(15 * ranks.rank), ranks.any(15 - 13 * ranks.rank)],
        "told": [ranks.broadcast_text(f"runs/Größe {ranks.rank}"), ranks.broadcast_text("" if ranks.is_writer else "x")],
        "lone": {name: value.tolist() for name, value in lone.items()}, "both": both["n"].item(), "none": ranks.sum_tally({}),
    }  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    ranks = Ranks.from_environment()
    ranks.start()
    tensors = gradients(ranks)
    for kind in ("images", "rows"):
        for split, sizes in SPLITS.items():
            net = network(kind)
            synchronise_batchnorm(net, ranks)
            start = sum(sizes[: ranks.rank])
            own = data(kind)[start : start + sizes[ranks.rank]]
            tensors |= {f"{kind}.{split}.{name}": value for name, value in learn(net, own, 8, ranks).items()}
    torch.manual_seed(ranks.rank)
    told = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    ranks.broadcast(told)
    tensors |= {f"told.{name}": value for name, value in told.state_dict().items()}
    single = nn.BatchNorm1d(3)
    synchronise_batchnorm(single, ranks)
    facts = plain(ranks)
    try:
        single(torch.ones(1 - ranks.rank, 3))
    except ValueError as error:
        facts["too few"] = str(error)
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / f"rank-{ranks.rank}.safetensors")
    (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(facts))
    half = nn.BatchNorm1d(3)
    synchronise_batchnorm(half, ranks)
    loss = half(torch.randn(4, 3)).square().sum()
    ranks.barrier()
    if ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    started = time.monotonic()
    messages = {"backward": loss.backward, "forward": lambda: half(torch.randn(4, 3)), "any": lambda: ranks.any(0)}
    lost: dict[str, Any] = {name: failing(message) for name, message in messages.items()}
    (folder / "lost.json").write_text(json.dumps({**lost, "seconds": time.monotonic() - started}))
    ranks.stop()


def failing(message: Callable[[], object]) -> str:
    """What is said where a message finds that the other rank is gone, which it may notice a little later."""
    try:
        while True:
            message()
    except UserError as error:
        return str(error)


if __name__ == "__main__":
    main()
