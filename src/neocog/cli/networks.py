"""models, export, embed: networks by name, taken elsewhere, and what they see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Out, Quiet, app, console, show
from neocog.errors import UserError


@app.command
def models(
    name: str | None = None,
    /,
    *,
    channels: Annotated[int | None, Parameter(help="Of the images; default: as each network's paper has it.")] = None,
    size: Annotated[int | None, Parameter(help="Pixels a side.")] = None,
    outputs: Annotated[int | None, Parameter(help="Classes.")] = None,
    lecture: Annotated[
        bool, Parameter(negative=(), help="Eighteen known classifiers: depth, parameters, size.")
    ] = False,
    time: Annotated[bool, Parameter(negative=(), help="With --lecture: measure an image's time in each.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the networks with their parameters and size, or the options of one.

    For example:

        neocog models
        neocog models cnn
        neocog models --lecture --time
    """
    if lecture or time:
        from neocog.verbs import lecture as known

        if not lecture or name is not None:
            raise UserError("--time and --lecture are for the table alone", fix="neocog models --lecture --time")
        table = known.lecture(time, quiet)
        show({"models": table}, json, lambda: known.show(table, console()))
        return
    from neocog.verbs import models as verb

    if name is not None:
        verb.show_options(name, console())
        return
    rows = verb.models(channels, None if size is None else (size, size), outputs)
    show({"models": rows}, json, lambda: verb.show(rows, console()))


@app.command
def export(
    run: Path,
    /,
    *,
    to: Annotated[Literal["keras", "onnx", "numpy"], Parameter(help="The library that will run it.")],
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Take a trained network elsewhere: files that take pixels as stored and give calibrated probabilities.

    Each takes classification of images (no volumes or sequences, nor --scaling image) and no other task: onnx any network, keras
    and numpy chains of layers such as cnn and mlp.

    What is written is reloaded and compared with the run before it is handed out.

    For example:

        neocog export runs/classification/digits-cnn --to onnx
    """
    from neocog.verbs.export import export as write

    print(write(run, to, out, quiet))


@app.command
def embed(
    source: str,
    /,
    *files: Path,
    out: Out = None,
    model: Annotated[str, Parameter(help="The network of a file of weights that does not tell its own.")] = "auto",
    near: Annotated[int, Parameter(help="Nearest neighbours of each image.")] = 5,
    map: Annotated[Literal["pca", "tsne", "umap"], Parameter(help="How images are placed on the map.")] = "pca",
    parquet: Annotated[bool, Parameter(negative=(), help="Write features.parquet too.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write what a network sees of each image: features.npy, names.csv with nearest neighbours, and map.html.

    The network is a run's, or that of any weights that `train --from` takes; no label is needed.

    For example:

        neocog embed imagenet photos/
        neocog embed runs/classification/photos-cnn new/ --near 3 --map tsne --out seen
    """
    from neocog.verbs.embed import embed as see

    if not files:
        raise UserError("no files to embed", fix="neocog embed RUN FILES…")
    made = see(source, files, out, model=model, near=near, map=map, parquet=parquet, quiet=quiet)
    show(made.to_json(), json, lambda: print(made.folder / "map.html"))


@app.command
def studio(
    source: Path | None = None,
    /,
    *,
    port: Annotated[int, Parameter(help="Where it listens; 0: a free one.")] = 0,
    host: Annotated[
        str, Parameter(help="Another address lets others in, who need the token that the printed address carries.")
    ] = "127.0.0.1",
    browser: Annotated[bool, Parameter(negative="--no-browser", help="Open the page in a browser.")] = True,
    quiet: Quiet = False,
) -> None:
    """Look through every layer of a run's own network, in the browser: draw or drop a picture and watch, forward and backward.

    SOURCE is a run, or a folder with runs below it; default: this folder. Needs the extra `studio`. Nothing of a run is written.

    For example:

        neocog studio runs/classification/digits-lenet5
        neocog studio runs/ --port 8000 --no-browser
    """
    from neocog.server.studio import studio as serve

    serve(source, host=host, port=port, browser=browser, quiet=quiet)
