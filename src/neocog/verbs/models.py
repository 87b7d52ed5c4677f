"""``models``: the networks that can be named, with their parameters and what they cost."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from neocog.checked import describe
from neocog.errors import UserError, install
from neocog.networks import MODELS, OTHERS, form_of, model_class, options

TABLE = Path(__file__).parent.parent / "networks" / "table.json"  # bench/generated.py counted it
USUAL = ((3, 32, 32), 10)  # (C, H, W) and outputs of networks whose class names none in ``counted``


def models(
    channels: int | None = None, size: tuple[int, ...] | None = None, outputs: int | None = None
) -> list[dict[str, Any]]:
    """One row a network of our own, in the order of ``MODELS`` and ``OTHERS``.

    Counted for the input and the outputs of its paper, unless ``channels``, ``size`` (height and width; of as many pixels a
    side as a network says it needs at ``least``) or ``outputs`` say otherwise; networks of volumes and sequences keep their own.
    Where none of these is given, a stored table is read.

    ``name``, ``input``, ``outputs``, ``parameters``, ``megabytes`` (of float32 weights), ``multiply_adds`` (of one image
    forward; convolutions and linear layers), ``paper``, and ``note`` with None in the counts where the size is below the
    network's minimum.
    """
    stored = stored_table()["networks"] if (channels, size, outputs) == (None, None, None) else {}
    names = (*MODELS, *OTHERS)
    rows = [stored[name] if name in stored else counted(name, channels, size, outputs) for name in names]
    return rows + [by_package(name, channels, size, outputs) for name in sorted(MODELS.installed())]


def by_package(name: str, channels: int | None, size: tuple[int, ...] | None, outputs: int | None) -> dict[str, Any]:
    """The row of an installed package's network; where that is broken the row says so, and the others stand."""
    package = MODELS.package(name)
    try:
        found = counted(name, channels, size, outputs)
        return found | {"paper": ", ".join(filter(None, [found["paper"], package]))}
    except UserError as error:
        blank = dict.fromkeys(("outputs", "parameters", "megabytes", "multiply_adds"))
        return {"name": name, "input": "", **blank, "paper": package, "note": error.what}


def stored_table() -> dict[str, Any]:
    """{"networks": {name: its row}, "torchvision": {family: names}} without an import of torch."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def counted(name: str, channels: int | None, size: tuple[int, ...] | None, outputs: int | None) -> dict[str, Any]:
    """The row of one network, for the input and the outputs of its paper where nothing else is given."""
    kind = model_class(name)
    (depth, *plane), wanted = getattr(kind, "counted", USUAL)
    if form_of(name) == "images":
        plane = [max(side, getattr(kind, "least", 1)) for side in size or plane]
        depth = channels or depth
    return row(name, depth, tuple(plane), wanted if outputs is None else outputs)


def row(name: str, channels: int, size: tuple[int, ...], outputs: int) -> dict[str, Any]:
    """The row of one network, built and run without numbers."""
    from neocog.networks import build
    from neocog.networks.shapes import shapes_only

    shape = " × ".join(map(str, (channels, *size)))
    result: dict[str, Any] = {
        "name": name,
        "input": shape,
        "outputs": outputs,
        "parameters": None,
        "megabytes": None,
        "multiply_adds": None,
    }
    note = ""
    try:
        with shapes_only():
            model = build(name, channels, size, outputs)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        result |= {"parameters": parameters, "megabytes": round(parameters * 4 / 1e6, 3)}
        takes = getattr(model, "takes", (channels, *size))
        result["input"] = " × ".join(map(str, takes))
        result["multiply_adds"] = multiply_adds(model, takes[0], takes[1:])
    except UserError as error:
        note = error.what
    paper = getattr(model_class(name), "paper", "")
    return result | {"paper": paper, "note": note}


def multiply_adds(model: Any, channels: int, size: tuple[int, ...]) -> int:
    """Multiplications (each with its addition) that one image takes forward, in convolutions and linear layers."""
    import torch
    from torch import Tensor, nn

    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = layer.weight  # (out, in / groups, …): each output value takes as many products as a row has weights
        assert isinstance(weight, Tensor)
        turned = isinstance(layer, nn.ConvTranspose2d)  # (in, out / groups, …): of these, each input value does
        total += (inputs[0] if turned else output)[0].numel() * math.prod(weight.shape[1:])

    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
    hooks = [layer.register_forward_hook(count) for layer in model.modules() if isinstance(layer, kinds)]
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, channels, *size, device=device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return total


def show(rows: list[dict[str, Any]], console: Console | None = None) -> None:
    """A table of our own networks, then the names that torchvision has, grouped, and the other forms."""
    console = console or Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("name", no_wrap=True)
    for head in ("input → outputs", "parameters", "MB", "10⁶ mult-adds"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("paper")
    for item in rows:
        shape = f"{item['input'].replace(' ', '')} → {item['outputs']}"
        if item["note"]:
            table.add_row(item["name"], shape, "–", "–", "–", f"{item['paper']}: {item['note']}")
            continue
        counts = (f"{item['parameters']:,}", f"{item['megabytes']:,.1f}", f"{item['multiply_adds'] / 1e6:,.1f}")
        table.add_row(item["name"], shape, *counts, item["paper"])
    console.print(table)
    console.print("\nunet:ENCODER, deeplabv3plus:ENCODER, segformer:ENCODER for masks", markup=False)
    console.print("torchvision:NAME for a NAME out of", markup=False)
    grid = Table.grid(padding=(0, 2))
    for family, names in stored_table()["torchvision"].items():
        grid.add_row("", family, " ".join(names))
    console.print(grid)
    console.print(f"timm:NAME for any NAME of timm ({install('timm')})", markup=False)
    console.print("path/to/file.py:Class for a network of your own", markup=False)
    console.print("neocog models --lecture [--time] compares eighteen known classifiers", markup=False)


def torchvision_families() -> dict[str, list[str]]:
    """torchvision's classification networks by their first letters: {"resnet": ["resnet18", …], …}; none is built."""
    from neocog.networks.external import torchvision_names

    families: dict[str, list[str]] = defaultdict(list)
    for name in torchvision_names():
        families[name.rstrip("0123456789").split("_")[0].rstrip("0123456789")].append(name)
    return dict(families)


def show_options(name: str, console: Console | None = None) -> None:
    """The options of one network: kind of value and default."""
    console = console or Console(highlight=False)
    found = options(name)
    if not found:
        console.print(f"{name} has no options", markup=False)
        return
    table = Table("option", "value", "default", box=None, pad_edge=False)
    for option, parameter in found.items():
        default = "" if parameter.default is parameter.empty else default_text(parameter.default)
        table.add_row(f"--{option.replace('_', '-')}", describe(parameter.annotation), default)
    console.print(table)


def default_text(value: Any) -> str:
    """A default as one would type it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
