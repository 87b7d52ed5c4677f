"""``models --lecture``: eighteen known classifiers, their depth, parameters and size, and what an image costs here."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from neocog.errors import UserError
from neocog.networks.lecture import TABLE, TIMES, Known
from neocog.progress import Progress

SECONDS, MOST, LEAST = 1.0, 30, 3  # of one network: repetitions end after so long, or after so many; at least so many
FIRST = "squeezenet"  # times are told relative to it
LEGEND = (
    "depth: the most convolutions and linear layers on one path; million: parameters; MB: as float32; input: pixels a "
    "side; in round brackets: as published, where that is known and something else"
)
MEASURED = "; times: as long as squeezenet's for one image forward, measured once on one thread (--time: here)."
HERE = "; ms: one image forward on this processor; times: as long as squeezenet's."


def lecture(timed: bool = False, quiet: bool = False) -> list[dict[str, Any]]:
    """A row a network: ``name``, ``model`` (what to train it by), ``depth``, ``parameters``, ``megabytes`` (10⁶ bytes of
    float32 weights), ``side`` of its input in pixels, each as counted here; ``known``, the same as published, with None for
    what is not known; ``why``, the reason where they differ; ``time`` of one image forward relative to squeezenet.

    ``timed``: with ``milliseconds`` of one image forward on this processor, the median of repetitions, and ``time`` from them.
    About a minute on two cores; otherwise nothing is computed, no weights are made, and ``time`` is what was once measured.
    """
    rows, progress = [], Progress(quiet)
    with progress.bar("timing" if timed else "counting", len(TABLE)) as advance:
        for known in TABLE:
            rows.append(row(known, timed))
            advance(1, known.name)
    if timed:
        unit = next(row["milliseconds"] for row in rows if row["name"] == FIRST)
        for item in rows:
            item["time"] = None if item["milliseconds"] is None else round(item["milliseconds"] / unit, 2)
    else:
        for item in rows:
            item["time"] = TIMES[item["name"]]
    return rows


def row(known: Known, timed: bool) -> dict[str, Any]:
    """What is counted of one network, on shapes alone, beside what is published of it; no counts where its library is absent."""
    from neocog.networks.lecture import depth, parameters, reason, sketch

    published = {
        "depth": known.depth,
        "parameters": round(known.parameters * 1e6),
        "megabytes": known.megabytes,
        "time": known.time,
    }
    found: dict[str, Any] = dict.fromkeys(("depth", "parameters", "megabytes", *["milliseconds"] * timed))
    try:
        model = sketch(known)
        count = parameters(model)
        found |= {"depth": depth(model, 3, known.side), "parameters": count, "megabytes": round(count * 4 / 1e6, 1)}
        why = "; ".join(filter(None, (reason(known, model), known.why_depth)))
        if timed:
            found["milliseconds"] = milliseconds(model, known.side)
    except UserError as error:
        why = f"{error.what}: {error.fix}"
    return {"name": known.name, "model": known.model, "side": known.side, **found, "known": published, "why": why}


def milliseconds(model: Any, side: int) -> float:
    """Median time of one image forward in float32, after one pass to warm up; the sketch ``model`` gets weights for it."""
    import statistics

    import torch

    model.to_empty(device="cpu")
    with torch.random.fork_rng(devices=[]):
        for layer in model.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        image = torch.rand(1, 3, side, side)
    took: list[float] = []
    with torch.inference_mode():
        model(image)
        start = time.perf_counter()
        while len(took) < LEAST or (len(took) < MOST and time.perf_counter() - start < SECONDS):
            before = time.perf_counter()
            model(image)
            took.append(time.perf_counter() - before)
    return round(statistics.median(took) * 1000, 2)


def show(rows: list[dict[str, Any]], console: Console | None = None) -> None:
    """The table for people: what is counted or measured here, and in brackets what is published where that is something else."""
    console = console or Console(highlight=False)
    timed = "milliseconds" in rows[0]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("name", no_wrap=True)
    for head in ["depth", "million", "MB", "input"] + ["ms"] * timed + ["times"]:
        table.add_column(head, justify="right", no_wrap=True)
    notes = list(dict.fromkeys(item["why"] for item in rows if item["why"]))
    for item in rows:
        mark = f" [{notes.index(item['why']) + 1}]" if item["why"] else ""
        table.add_row(escape(item["name"] + mark), *cells(item, timed))
    console.print(table)
    console.print(f"\n{LEGEND}{HERE if timed else MEASURED}", markup=False)
    for number, note in enumerate(notes, start=1):
        console.print(f"[{number}] {note}", markup=False)
    console.print("\nTrain them by --model:", ", ".join(item["model"] for item in rows), markup=False)


def cells(item: dict[str, Any], timed: bool) -> list[str]:
    """Depth, millions of parameters, megabytes, input and times of one network as text; – where they are not known."""
    known = item["known"]
    if item["parameters"] is None:
        return ["–", "–", "–", str(item["side"]), *["–"] * timed, f"{item['time']:.1f}" if item["time"] else "–"]
    row = next(row for row in TABLE if row.name == item["name"])
    shown = [
        beside(str(item["depth"]), known["depth"]),
        beside(f"{item['parameters'] / 1e6:.2f}", None if row.agrees(item["parameters"]) else row.parameters),
        beside(f"{item['megabytes']:.{0 if item['megabytes'] > 100 else 1}f}", known["megabytes"]),
        str(item["side"]),
    ]
    spent = [f"{item['milliseconds']:.0f}"] if timed else []
    return [*shown, *spent, beside(f"{item['time']:.1f}", known["time"])]


def beside(ours: str, published: float | None) -> str:
    """ "53", or "176 (164)" where the published figure is another."""
    return ours if published is None or f"{published:g}" == ours else f"{ours} ({published:g})"
