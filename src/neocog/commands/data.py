"""audit, preview, filters, kmeans: looking at data, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from neocog.commands.app import Frames, Json, Kind, Out, Quiet, app, console, show
from neocog.config import Task


@app.command
def audit(
    data: str,
    /,
    *,
    frames: Frames = "error",
    axes: Annotated[str, Parameter(help="Axes of TIFF files whose own tags do not say, such as CYX.")] = "",
    max_pixels: Annotated[int, Parameter(help="Most pixels of one file.")] = 178_956_970,
    strict: Annotated[bool, Parameter(negative=(), help="Leaks between given splits are errors.")] = False,
    verify: Annotated[
        Path | None, Parameter(help="A run, or its splits.csv: report files that have changed since.")
    ] = None,
    against: Annotated[
        tuple[Path, ...],
        Parameter(consume_multiple=True, negative=(), help="Other annotators' masks of the same images."),
    ] = (),
    task: Task = "auto",
    kind: Kind = "auto",
    label_field: Annotated[str, Parameter(help="Field of FASTA headers that is the label.")] = "",
    ignore: Annotated[int, Parameter(help="Mask value that does not count; -1: none.")] = -1,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what is in the data and what is wrong with it: everything, in one pass. Exit code 2 where there are errors.

    For example:

        neocog audit photos/
        neocog audit table.csv --json > findings.json
        neocog audit first-annotator/ --against second-annotator/ --out differences/
    """
    if against:
        from neocog.verbs.agreement import agreement

        pairs = agreement([Path(data), *against], out)
        show({"pairs": pairs}, json, lambda: print("\n".join(_agreement_told(pair) for pair in pairs)))
        return
    from neocog.data.reading import Reading
    from neocog.verbs import audit as verb

    reading = Reading(
        task=task, kind=kind, label_field=label_field, ignore=ignore if ignore >= 0 else None, least_classes=1
    )
    found = verb.audit(
        data,
        frames=frames,
        axes=axes,
        max_pixels=max_pixels,
        strict=strict,
        verify=verify,
        reading=reading,
        quiet=quiet,
    )
    show(found.to_json(), json, lambda: verb.show(found, console()))
    if any(finding.severity == "error" for finding in found.findings):
        raise SystemExit(2)


def _agreement_told(pair: Any) -> str:
    lines = [f"{pair.first} and {pair.second}: {pair.images} images, kappa {pair.kappa:.3f}"]
    lines += [f"  {name}: Dice {value:.3f}, IoU {pair.iou[name]:.3f}" for name, value in pair.dice.items()]
    return "\n".join([*lines, *(f"  {share:.1%} of {image} differ" for image, share in pair.differing)])


@app.command
def preview(
    data: str, /, *, out: Out = None, augment: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    patch: Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative=())] = (),
    kind: Kind = "auto", seed: int = 0, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Write a contact sheet (PNG) of what the network will be shown, before and after augmentation.

    For example:

        neocog preview photos/ --augment turn=30 flip=off

    Parameters
    ----------
    augment
        Changes to the default augmentation: turn=15, flip=off, or off.
    patch
        Height and width of the windows that train --patch would cut out.
    """
    from neocog.verbs.preview import preview as sheet

    print(sheet(data, out=out, augment=augment, patch=patch, kind=kind, seed=seed, quiet=quiet))


@app.command
def filters(image: Path, /, *, out: Out = None) -> None:
    """Write a sheet of an image under the filter bank, and under choices of kernel, stride and padding.

    For example:

        neocog filters portrait.png
    """
    from neocog.verbs.filters import filters as sheet

    print(sheet(image, out))


@app.command
def kmeans(
    image: Path, /, *, clusters: Annotated[int, Parameter(name=("--clusters", "-k"))] = 5,
    space: Literal["rgb", "hsv", "lab"] = "rgb", out: Out = None, seed: int = 0, json: Json = False,
) -> None:  # fmt: skip
    """Divide a picture by colour, without a network: index PNG, picture in mean colours, table of clusters.

    For example:

        neocog kmeans leaf.jpg -k 5 --space lab
    """
    from neocog.verbs.kmeans import kmeans as divide
    from neocog.verbs.kmeans import table

    found, folder = divide(image, clusters, space, out, seed)
    told = {
        "out": str(folder),
        "inertia": found.inertia,
        "pixels": found.counts.tolist(),
        "colours": found.colours.tolist(),
    }
    show(told, json, lambda: print(f"{folder}\n{table(found)}", end=""))
