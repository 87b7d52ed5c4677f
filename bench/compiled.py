"""Does torch.compile pay on a processor? A training step as neocog takes it, and of the same network after ``net.compile()``.

    python bench/compiled.py cifarcnn 64 32 --steps 8      # network, batch, side of the images
    python bench/compiled.py unet 8 128 --steps 5

Forward, backward and SGD in the precision that this machine's processor gets, channels last, one thread, in turn; median
processor milliseconds of a step, and processor seconds of compiling, over all processes. Clear torch's cache of what was compiled
before (TORCHINDUCTOR_CACHE_DIR names another), or those are too few.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Callable

import torch
from torch.nn import functional as F

from neocog.engine.precision import choose
from neocog.networks import SEGMENTERS, build
from neocog.networks.memory_format import reorder


def used() -> float:
    """Processor seconds so far, of this process and of those that it had compile."""
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def steps(name: str, batch: int, side: int, compiled: bool) -> Callable[[], None]:
    """What takes one step of a fresh network."""
    torch.manual_seed(0)
    masks, device, precision = name in SEGMENTERS, torch.device("cpu"), choose("cpu")
    net = build(name, 3, (side, side), 4 if masks else 10, masks=masks)
    reorder(net)
    if compiled:
        net.compile()
    inputs, targets = torch.randn(batch, 3, side, side), torch.randint(0, 4, (batch, side, side) if masks else (batch,))
    optimizer = torch.optim.SGD(net.parameters(), 1e-3)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with precision.learning(device):
            loss = F.cross_entropy(net(inputs).float(), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def timed(work: Callable[[], None]) -> float:
    begun = used()
    work()
    return used() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("batch", type=int)
    parser.add_argument("side", type=int)
    parser.add_argument("--steps", type=int, default=8)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    plain, compiled = (steps(asked.network, asked.batch, asked.side, each) for each in (False, True))
    first = timed(compiled)
    for work in (compiled, plain, plain):
        work()
    took = [(timed(plain), timed(compiled)) for _ in range(asked.steps)]
    before, after = (1000 * statistics.median(each) for each in zip(*took, strict=True))
    print(f"{asked.network} of {asked.batch} × {asked.side} × {asked.side}, in {choose('cpu').name}, n = {asked.steps}")
    print(f"a step {before:.0f} ms, compiled {after:.0f} ms: {before / after:.2f} ×; the first step {first:.0f} s")


if __name__ == "__main__":
    main()
