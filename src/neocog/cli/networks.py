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
    channels: Annotated[
        int | None, Parameter(help="Channels of the images. Default: as in each network's paper.")
    ] = None,
    size: Annotated[int | None, Parameter(help="Height and width of the images.")] = None,
    outputs: Annotated[int | None, Parameter(help="Number of classes.")] = None,
    lecture: Annotated[
        bool, Parameter(negative=(), help="Show eighteen well-known classifiers: depth, parameters, size.")
    ] = False,
    time: Annotated[
        bool, Parameter(negative=(), help="With --lecture: measure how long each takes per image.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the networks with their parameters and size, or one network's options.

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
    to: Annotated[Literal["keras", "onnx", "numpy"], Parameter(help="Format: the library that will run the network.")],
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Export a trained network to a file that takes pixels as stored and gives calibrated probabilities.

    Only classifiers of images can be exported (no volumes, no sequences, no --scaling image): to onnx any network, to keras
    and numpy chains of layers such as cnn and mlp.

    The exported files are loaded again and compared with the run before they are kept.

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
    model: Annotated[str, Parameter(help="The network, if a weights file does not name it.")] = "auto",
    near: Annotated[int, Parameter(help="Number of nearest neighbours of each image.")] = 5,
    map: Annotated[Literal["pca", "tsne", "umap"], Parameter(help="How the images are placed on the map.")] = "pca",
    parquet: Annotated[bool, Parameter(negative=(), help="Also write features.parquet.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the features that a network computes from each image: features.npy, names.csv with nearest neighbours, map.html.

    The network is that of a run, or of any weights that `train --from` takes. No labels are needed.

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
    port: Annotated[int, Parameter(help="Port; 0: any free one.")] = 0,
    host: Annotated[
        str,
        Parameter(
            help="Address to listen on. One other than 127.0.0.1 lets others in, who need the token in the printed address."
        ),
    ] = "127.0.0.1",
    browser: Annotated[bool, Parameter(negative="--no-browser", help="Open the page in a browser.")] = True,
    export: Annotated[
        Path | None, Parameter(help="Instead, write the page of one run to this file, which needs no server.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Explore every layer of a trained network in the browser: draw or drop a picture, and watch it go forward and backward.

    SOURCE is a run, a folder with runs in it, or data to train on; default: this folder. Needs the extra `studio`. Runs that
    are done are never changed; Ctrl-C saves those that the page has begun.

    For example:

        neocog studio runs/classification/digits-lenet5
        neocog studio photos/
        neocog studio runs/ --port 8000 --no-browser
        neocog studio runs/classification/digits-lenet5 --export page.html
    """
    from neocog.server.studio import studio as serve

    serve(source, host=host, port=port, browser=browser, export=export, quiet=quiet)
