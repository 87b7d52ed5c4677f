"""sample, style: images out of a run that generates, and photographs repainted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Out, Quiet, app, show


def several(help: str) -> Parameter:
    return Parameter(consume_multiple=True, negative=(), help=help)


@app.command
def sample(
    run: Path,
    /,
    *,
    count: Annotated[int, Parameter(name=("--count", "-n"), help="Number of new images.")] = 64,
    out: Out = None,
    seed: Annotated[int, Parameter(help="Seed of the latent vectors.")] = 0,
    of: Annotated[tuple[str, ...], several("Classes to draw, in turn (a GAN trained with --conditional).")] = (),
    single: Annotated[bool, Parameter(negative=(), help="Also write each image as a file, into a new folder.")] = False,
    interpolate: Annotated[tuple[str, ...], several("Interpolate between two seeds, or (VAE) two images.")] = (),
    traverse: Annotated[
        bool, Parameter(negative=(), help="Vary one latent dimension in each row (VAE: the active ones).")
    ] = False,
    direction: Annotated[
        tuple[str, ...], several("from:CLASS to:CLASS: from the mean code of one class to that of the other (VAE).")
    ] = (),
    apply: Annotated[tuple[Path, ...], several("Images to move in that direction.")] = (),
    reconstruct: Annotated[tuple[Path, ...], several("Images to show beside their reconstructions (VAE).")] = (),
    steps: Annotated[int, Parameter(help="Number of images from one end to the other.")] = 10,
    strength: Annotated[float, Parameter(help="How far to go: 1 is the whole way between the classes.")] = 1.0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw new images with a trained VAE or GAN, interpolate between images, or move your own in its latent space.

    For example:

        neocog train mnist --task vae
        neocog sample runs/vae/mnist-vae -n 64
        neocog sample runs/vae/mnist-vae --interpolate 3 8 --steps 12
        neocog sample runs/vae/mnist-vae --direction from:3 to:8 --apply my-three.png
        neocog train mnist --task gan --conditional
        neocog sample runs/gan/mnist-dcgan --of 7
    """
    from neocog.verbs.sample import sample as draw

    found = draw(
        run, count, out, seed=seed, of=of, single=single, interpolate=interpolate, traverse=traverse, direction=direction,
        apply=apply, reconstruct=reconstruct, steps=steps, strength=strength, quiet=quiet or json,
    )  # fmt: skip
    written = [str(path) for path in found.written]
    show({"images": len(found.images), "written": written}, json, lambda: print(written[0]))


@app.command
def style(
    photo: Path,
    painting: Path,
    /,
    *,
    out: Out = None,
    size: Annotated[int, Parameter(help="Pixels of the longer side; a smaller photo keeps its own.")] = 512,
    weight: Annotated[
        float, Parameter(help="Of the style beside the content: 0.3 hints at it, 10 drowns the photo.")
    ] = 1.0,
    steps: Annotated[int, Parameter(help="Steps of L-BFGS, over all scales.")] = 80,
    colours: Annotated[
        Literal["painting", "keep"], Parameter(help="keep: the photo's colours, only brightness is painted.")
    ] = "painting",
    mask: Annotated[
        Path | None, Parameter(help="A picture of the photo's size, white where it is to be painted.")
    ] = None,
    features: Annotated[
        str | None,
        Parameter(
            help="A run whose network is to see the pictures, or torchvision:vgg19 in torch's cache. Default: random."
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="Of the random network.")] = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Repaint a photo in the style of a painting (Gatys, Ecker & Bethge 2016), by a network of random weights: no download.

    Writes styled.png, a strip of the steps, the loss of each layer, and a page on what the layers hold. Ctrl-C keeps what is there.

    For example:

        neocog style china.jpg wave.jpg
        neocog style china.jpg wave.jpg --colours keep --weight 3
        neocog style china.jpg wave.jpg --features runs/classification/photos-cnn --out by-my-network
    """
    from neocog.verbs.style import style as repaint

    made = repaint(
        photo, painting, out, size=size, weight=weight, steps=steps, colours=colours, mask=mask, features=features,
        seed=seed, quiet=quiet or json,
    )  # fmt: skip
    show({**made.to_json(), "seconds": made.seconds}, json, lambda: print(made.folder / "styled.png"))
