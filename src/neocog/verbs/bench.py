"""``bench backends``: how fast the same network trains in each engine, from nested loops to a GPU, on this machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from neocog.environment import environment
from neocog.errors import UserError
from neocog.limits import cores
from neocog.out_of_memory import killed
from neocog.progress import Progress
from neocog.verbs.outputs import insist_on_new

NETWORKS = {"lenet": "LeNet-5, 28 × 28", "lstm": "LSTM, 28 rows"}
FORMATS = (".png", ".svg")


def backends(
    networks: Sequence[str] = ("lenet", "lstm"),
    rounds: int = 6,
    seconds: float = 2.0,
    batch: int = 512,
    threads: int = 0,
    out: Path | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Images a second in training, of every engine that is installed, each measurement in a process of its own.

    The engines take turns (A B C A B C …); the first of ``rounds`` is thrown away. Rows: median, low and high (the least
    and the largest) over the n rounds that are left; ``ratio`` to the row before, the median of the rounds' own ratios,
    since a shared machine changes pace between rounds. Before the clock starts every engine must find the same losses.
    ``seconds`` of each measurement; ``threads`` 0: one a core; ``out``: a bar chart, PNG or SVG. {"rows": [{"network",
    "name", "median", "low", "high", "n", "ratio"}], "missing": [{"network", "name", "why", "fix"}], "machine": {…}}.
    Raises UserError.
    """
    from neocog.interop.backends import BACKENDS, missing

    check(networks, rounds, seconds, batch, threads, out)
    threads = threads or cores()
    wanted = [
        (network, backend) for network in networks for backend in BACKENDS if network in BACKENDS[backend].networks
    ]
    absent = {place: why for place in wanted if (why := missing(place[1], place[0]))}
    present = [place for place in wanted if place not in absent]
    speeds: dict[tuple[str, str], list[float]] = {place: [] for place in present}
    progress = Progress(quiet)
    with progress.bar("measuring", rounds * len(present)) as advance:
        for number in range(rounds):
            losses: dict[str, list[float]] = {}
            for network, backend in present:
                advance(0, note=f"round {number + 1} of {rounds}: {network}, {BACKENDS[backend].name}")
                speed, seen = timed(backend, network, batch, threads, seconds)
                same(losses.setdefault(network, seen), seen, BACKENDS[backend].tolerance, backend)
                if number:
                    speeds[network, backend].append(speed)
                advance(1)
    rows: list[dict[str, Any]] = []
    for place, (network, backend) in enumerate(present):
        before = speeds[present[place - 1]] if place and present[place - 1][0] == network else None
        rows.append({"network": network, "name": BACKENDS[backend].name, **summary(speeds[network, backend], before)})
    result = {
        "rows": rows,
        "missing": [
            {"network": network, "name": BACKENDS[backend].name, "why": why, "fix": fix}
            for (network, backend), (why, fix) in absent.items()
        ],
        "machine": machine(batch, threads),
    }
    if out is not None:
        chart(result, out)
    return result


def check(networks: Sequence[str], rounds: int, seconds: float, batch: int, threads: int, out: Path | None) -> None:
    """Raise UserError for what cannot be measured."""
    unknown = [name for name in networks if name not in NETWORKS]
    if unknown or not networks:
        raise UserError(
            f"no network '{unknown[0] if unknown else ''}' in the benchmark", fix=f"known: {', '.join(NETWORKS)}"
        )
    for name, value, least in (("rounds", rounds, 2), ("batch", batch, 1), ("threads", threads, 0)):
        if value < least:
            raise UserError(f"--{name} {value} is below {least}", fix=f"give {least} or more")
    if not seconds > 0:
        raise UserError(f"--seconds {seconds:g} is not above 0", fix="give 2, say")
    if out is not None and out.suffix.lower() not in FORMATS:
        raise UserError(f"{out} is neither PNG nor SVG", fix="--out backends.png or --out backends.svg")
    insist_on_new(out)


def timed(backend: str, network: str, batch: int, threads: int, seconds: float) -> tuple[float, list[float]]:
    """One measurement in a fresh process: images a second, and the losses of two steps on 2 images."""
    command = [
        sys.executable,
        "-m",
        "neocog.interop.backends",
        backend,
        network,
        str(batch),
        str(threads),
        str(seconds),
    ]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    hidden = {} if backend == "gpu" else {"CUDA_VISIBLE_DEVICES": ""}
    surroundings = {**os.environ, **limits, **hidden}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        if ended := killed(done.returncode, f"the engine '{backend}' on {network}"):
            raise ended
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise UserError(
            f"the engine '{backend}' broke on {network}", reason[0], f"run it alone: {' '.join(command[1:])}"
        )
    found = json.loads(done.stdout.splitlines()[-1])
    return found["speed"], found["losses"]


def same(expected: Sequence[float], found: Sequence[float], tolerance: float, backend: str) -> None:
    """A backend that computes something else is not compared."""
    if not all(abs(a - b) <= tolerance for a, b in zip(expected, found, strict=True)):
        raise RuntimeError(f"the engine '{backend}' computes other losses: {found}, not {expected}")


def summary(speeds: Sequence[float], before: Sequence[float] | None) -> dict[str, Any]:
    """Median, least and largest; and the same of the ratios to the backend before, round by round."""
    ratios = [a / b for a, b in zip(speeds, before, strict=True)] if before else []
    return {
        "median": statistics.median(speeds),
        "low": min(speeds),
        "high": max(speeds),
        "n": len(speeds),
        "ratio": statistics.median(ratios) if ratios else None,
        "ratio_low": min(ratios, default=None),
        "ratio_high": max(ratios, default=None),
    }


def machine(batch: int, threads: int) -> dict[str, Any]:
    """What the figures hold for."""
    facts = environment()
    versions = {name: facts["versions"][name] for name in ("neocog", "numpy", "torch")}
    for name in ("keras", "tensorflow"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    found = {"cpu": facts["cpu"]["name"], "features": facts["cpu"]["features"], "cores": cores(), "threads": threads}
    return {**found, "gpus": facts["gpus"], "batch": batch, "python": facts["python"], "versions": versions}


def show(result: dict[str, Any], console: Console) -> None:
    """A table a network, for people."""
    facts = result["machine"]
    for name in NETWORKS:
        rows = [row for row in result["rows"] if row["network"] == name]
        title = f"{NETWORKS[name]}, batch {facts['batch']}, {counted(facts['threads'])} of {facts['cpu']}"
        table = Table("engine", title=title, title_justify="left", box=SIMPLE)
        for head in ("images/s", "low – high", "n", "× before", "low – high"):
            table.add_column(head, justify="right", no_wrap=True)
        for row in rows:
            ratio = ["", ""] if row["ratio"] is None else [figure(row["ratio"]), spread(row, "ratio_low", "ratio_high")]
            table.add_row(row["name"], figure(row["median"]), spread(row, "low", "high"), str(row["n"]), *ratio)
        if rows:
            console.print(table)
    absences = dict.fromkeys((absent["name"], absent["why"], absent["fix"]) for absent in result["missing"])
    for name, why, fix in absences:
        console.print(f"{name} is missing: {why}\n  fix:   {fix}", markup=False)


def spread(row: dict[str, Any], low: str, high: str) -> str:
    """1,008 – 1,954."""
    return f"{figure(row[low])} – {figure(row[high])}"


def figure(value: float) -> str:
    """12,345 or 8.15."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def counted(threads: int) -> str:
    """1 thread, 2 threads."""
    return f"{threads} thread{'' if threads == 1 else 's'}"


def chart(result: dict[str, Any], out: Path) -> None:
    """One bar a backend on a logarithmic axis, with low and high as a line across its end."""
    shown = [name for name in NETWORKS if any(row["network"] == name for row in result["rows"])]
    counts = [sum(row["network"] == name for row in result["rows"]) for name in shown]
    page = Figure(figsize=(8, 1.4 + 0.45 * sum(counts) + 0.5 * len(shown)), layout="constrained")
    FigureCanvasAgg(page)
    axes = page.subplots(len(shown), 1, sharex=True, squeeze=False, height_ratios=counts)[:, 0]
    least, largest = min(row["low"] for row in result["rows"]), max(row["high"] for row in result["rows"])
    for place, (axis, name) in enumerate(zip(axes, shown, strict=True)):
        rows = [row for row in result["rows"] if row["network"] == name]
        medians = [row["median"] for row in rows]
        whiskers = [[row["median"] - row["low"] for row in rows], [row["high"] - row["median"] for row in rows]]
        axis.barh(range(len(rows)), medians, color="#3b6ea5", height=0.62)
        axis.errorbar(medians, range(len(rows)), xerr=whiskers, fmt="none", ecolor="#222222", capsize=3, linewidth=1)
        for position, row in enumerate(rows):
            ratio = "" if row["ratio"] is None else f"   × {figure(row['ratio'])}"
            axis.text(row["high"] * 1.15, position, figure(row["median"]) + ratio, va="center", fontsize=9)
        axis.set_yticks(range(len(rows)), [row["name"] for row in rows])
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xlim(least / 3, largest * 12)
        axis.set_title(NETWORKS[name], loc="left", fontsize=10, fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
        if place == len(shown) - 1:
            axis.set_xlabel("images a second in training (logarithmic); × the engine before")
    facts = result["machine"]
    page.suptitle(
        f"batch {facts['batch']}, {counted(facts['threads'])} of {facts['cpu']}", fontsize=9, x=0.99, ha="right"
    )
    page.savefig(out, dpi=150)
