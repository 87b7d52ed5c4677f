"""device, bench …: what this machine is, and how fast."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from neocog.cli.app import Json, Out, Quiet, app, console, show


@app.command
def device(*, json: Json = False) -> None:
    """Show what this machine offers: versions, processor, GPUs, memory, and which precision will be used and why.

    For example:

        neocog device
        neocog device --json
    """
    from neocog.verbs import device as verb

    facts = verb.device()
    show(facts, json, lambda: verb.show(facts, console()))


bench = App(name="bench", help="Measure speed on this machine.\n\nFor example:\n\n    neocog bench backends")
app.command(bench)


@bench.command
def backends(
    *,
    networks: Annotated[tuple[Literal["lenet", "lstm"], ...], Parameter(consume_multiple=True, negative=())] = (
        "lenet",
        "lstm",
    ),
    rounds: int = 6,
    seconds: float = 2.0,
    batch: int = 512,
    threads: int = 0,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Time the training of one network in every engine: nested loops, NumPy, Keras, PyTorch in fp32, bf16 and on the GPU.

    For example:

        neocog bench backends --out backends.png
        neocog bench backends --networks lenet --rounds 3 --json

    Parameters
    ----------
    networks
        LeNet-5, a simple LSTM, or both.
    rounds
        Measurements of each engine, in turn. The first is discarded.
    seconds
        Length of each measurement.
    batch
        Batch size.
    threads
        Threads per engine. 0: one per core.
    """
    from neocog.verbs import bench as verb

    measured = verb.backends(networks, rounds, seconds, batch, threads, out, quiet)
    show(measured, json, lambda: verb.show(measured, console()))
