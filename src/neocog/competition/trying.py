"""``python -m neocog.competition.trying JOB RESULT``: an entry's network built and tried on blank samples, inside its room.

JOB and RESULT are JSON: {"file", "network", "channels", "size", "outputs", "masks", "options"} →
{"parameters", "multiplications"} or {"faults"}.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from neocog.documents import read_json
from neocog.errors import UserError
from neocog.networks import build
from neocog.plugins import own_code
from neocog.run import to_json


def tried(job: dict[str, Any]) -> dict[str, Any]:
    """What is known of the network after one pass. Raises UserError for one that cannot take part."""
    torch.manual_seed(0)
    size, file = tuple(job["size"]), Path(job["file"])
    name, outputs, masks = f"{file}:{job['network']}", job["outputs"], job["masks"]
    made = build(name, job["channels"], size, outputs, masks=masks, **job["options"])
    parameters = sum(each.numel() for each in made.parameters() if each.requires_grad)
    if not parameters:
        raise UserError("a network without parameters: there is nothing to learn", str(file), "add layers")
    with own_code(file), torch.no_grad(), FlopCounterMode(display=False) as counter:
        outputs = made.eval()(torch.zeros(1, job["channels"], *size))
    if not bool(torch.isfinite(outputs).all()):
        raise UserError("outputs that are not finite for a blank sample", str(file), "forward returns finite numbers")
    return {"parameters": parameters, "multiplications": counter.get_total_flops() // 2}


def main(arguments: list[str]) -> None:
    """Write the result, whatever comes of it."""
    job, result = map(Path, arguments)
    try:
        found = tried(read_json(job))
    except UserError as error:
        found = {"faults": error.facts}
    result.write_text(to_json(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
