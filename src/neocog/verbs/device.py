"""``neocog device``: what this machine offers, and what a run would use. Look here before a long one."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def device() -> dict[str, Any]:
    """Versions, processor, memory, GPUs, and the device, precision (with the reason) and most threads a run would take."""
    from neocog.engine.precision import choose
    from neocog.environment import environment

    facts = environment()
    name = "cuda" if facts["gpus"] else "cpu"
    precision = choose(name)
    return facts | {"device": name, "precision": precision.name, "why": precision.why, "threads": facts["cpu"]["cores"]}


def show(facts: dict[str, Any], console: Console) -> None:
    """The same for people."""
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(facts):
        table.add_row(f"[bold]{name}[/bold]", escape(value))
    console.print(table)


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    cpu, memory = facts["cpu"], facts["memory"]
    versions = [f"{name} {version or 'not installed'}" for name, version in facts["versions"].items()]
    gpus = [f"{gpu['name']}, {_gigabytes(gpu['memory'])}, capability {gpu['capability']}" for gpu in facts["gpus"]]
    rows = [
        ("versions", f"python {facts['python']}, {', '.join(versions)}"),
        ("platform", facts["platform"]),
        ("processor", f"{cpu['name']}, {cpu['cores']} cores for this process (limit: {cpu['limit']})"),
        ("its features", f"{', '.join(cpu['features']) or 'none known'} (torch uses {cpu['capability']})"),
        ("memory", f"{_gigabytes(memory['total'])}, {_gigabytes(memory['available'])} free"),
        ("usable memory", f"{_gigabytes(memory['usable'])} (limit: {memory['limit']})"),
        ("GPU", "; ".join(gpus) or "none that PyTorch can use"),
    ]
    if gpus:
        rows.append(("GPU software", f"driver {facts['driver']}, CUDA {facts['cuda']}, cuDNN {facts['cudnn']}"))
    return [
        *rows,
        ("a run uses", f"{facts['device']}, up to {facts['threads']} threads"),
        ("precision", f"{facts['precision']}: {facts['why']}"),
    ]


def _gigabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GiB"
