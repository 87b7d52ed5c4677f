"""The table by which a file of weights tells its network: fingerprints of all of timm's and torchvision's networks that have
published weights. Four minutes on one core.

    python bench/architectures.py
"""

from __future__ import annotations

import json
import logging
import sys

import timm
import torch
import torchvision

from neocog.networks.external import torchvision_names
from neocog.pretrained.guess import TABLE, fingerprint


def shapes_of(source: str, name: str) -> dict[str, tuple[int, ...]]:
    """{tensor: shape} of a network that is laid out without numbers."""
    with torch.device("meta"):
        made = timm.create_model(name) if source == "timm" else torchvision.models.get_model(name, weights=None)
    return {tensor: tuple(value.shape) for tensor, value in made.state_dict().items()}


def main() -> None:
    found: dict[str, list[str]] = {}
    names = sorted({name.partition(".")[0] for name in timm.list_pretrained()})
    for source, name in [*(("torchvision", name) for name in torchvision_names()), *(("timm", name) for name in names)]:
        try:
            found.setdefault(fingerprint(shapes_of(source, name)), []).append(f"{source}:{name}")
        except Exception as error:
            print(f"{source}:{name} is left out: {error}", file=sys.stderr)
    TABLE.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{sum(map(len, found.values())):,} networks, {len(found):,} fingerprints")


if __name__ == "__main__":
    logging.disable()
    main()
