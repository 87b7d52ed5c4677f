"""sample: images out of a run that generates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neocog.commands.app import Json, Out, Quiet, app, show

Several = Parameter(consume_multiple=True, negative=())


@app.command
def sample(
    run: Path,
    /,
    *,
    count: Annotated[int, Parameter(name=("--count", "-n"))] = 64,
    out: Out = None,
    seed: int = 0,
    single: Annotated[bool, Parameter(negative=())] = False,
    interpolate: Annotated[tuple[str, ...], Several] = (),
    traverse: Annotated[bool, Parameter(negative=())] = False,
    direction: Annotated[tuple[str, ...], Several] = (),
    apply: Annotated[tuple[Path, ...], Several] = (),
    reconstruct: Annotated[tuple[Path, ...], Several] = (),
    steps: int = 10,
    strength: float = 1.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw new images with a trained VAE or GAN, ways between them, or the own pictures moved in its latent space.

    Examples:

        neocog train mnist --task vae

        neocog sample runs/vae/mnist-vae -n 64

        neocog sample runs/vae/mnist-vae --interpolate 3 8 --steps 12

        neocog sample runs/vae/mnist-vae --direction from:3 to:8 --apply my-three.png

    Parameters
    ----------
    count
        How many new images.
    seed
        Of their latent vectors: the same seed gives the same images.
    single
        Every image as a file too; --out is then a new folder.
    interpolate
        Two seeds, or for a VAE two pictures: images on the arc between their latent vectors.
    traverse
        A row for each living dimension of a VAE, or for each of 8 random directions of a GAN.
    direction
        from:CLASS to:CLASS, a step between the mean codes of two classes of the training data (VAE).
    apply
        Pictures that are moved in that direction.
    reconstruct
        Pictures beside what their codes become (VAE).
    steps
        Images of each way.
    strength
        How far to go: 1 is the whole step between the classes.
    """
    from neocog.verbs.sample import sample as draw

    found = draw(
        run, count, out, seed=seed, single=single, interpolate=interpolate, traverse=traverse, direction=direction,
        apply=apply, reconstruct=reconstruct, steps=steps, strength=strength, quiet=quiet or json,
    )  # fmt: skip
    written = [str(path) for path in found.written]
    show({"images": len(found.images), "written": written}, json, lambda: print(written[0]))
