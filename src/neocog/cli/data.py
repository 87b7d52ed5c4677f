"""audit, preview, filters, kmeans: looking at data, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Out, Quiet, Reading, Settings, app, console, flags, flat, given, settings_file, show
from neocog.cli.settings import OwnOption, of_task
from neocog.config import DataConfig
from neocog.errors import count


@app.command
def audit(
    data: str,
    /,
    *,
    reading: Reading = None,
    strict: Annotated[bool, Parameter(negative=(), help="Treat leaks between given splits as errors.")] = False,
    verify: Annotated[
        Path | None, Parameter(help="A run, or its splits.csv: report files that have changed since.")
    ] = None,
    against: Annotated[
        tuple[Path, ...],
        Parameter(
            consume_multiple=True, negative=(), help="Masks of the same images by other annotators, to compare with."
        ),
    ] = (),
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    **options: OwnOption,
) -> None:
    """Report what is in the data and what is wrong with them: everything, in one pass. Exit code 2 if there are errors.

    For example:

        neocog audit photos/
        neocog audit table.csv --json > findings.json
        neocog audit masks/ --ignore 255
        neocog audit first-annotator/ --against second-annotator/ --out differences/
    """
    settings = given(reading) | of_task("audit", options, reading)
    if against:
        from neocog.verbs.agreement import agreement

        pairs = agreement([data, *map(str, against)], out, **settings)
        show({"pairs": pairs}, json, lambda: print("\n".join(_agreement_summary(pair) for pair in pairs)))
        return
    from neocog.verbs import audit as verb

    found = verb.audit(data, strict=strict, verify=verify, quiet=quiet, **settings)
    show(found.to_json(), json, lambda: verb.show(found, console()))
    if any(finding.severity == "error" for finding in found.findings):
        raise SystemExit(2)


def _agreement_summary(pair: Any) -> str:
    lines = [f"{pair.first} and {pair.second}: {count(pair.images, 'image')}, kappa {pair.kappa:.3f}"]
    lines += [f"  {name}: Dice {value:.3f}, IoU {pair.iou[name]:.3f}" for name, value in pair.dice.items()]
    return "\n".join([*lines, *(f"  {share:.1%} of {image} differ" for image, share in pair.differing)])


@app.command
def preview(
    data: str,
    /,
    *,
    data_config: Annotated[DataConfig | None, flat("Data")] = None,
    augment: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    patch: Annotated[tuple[int, ...], Parameter(consume_multiple=True, negative=())] = (),
    batch: int = 0,
    seed: int = 0,
    config: Settings = None,
    n: int = 10,
    draws: int = 6,
    out: Out = None,
    quiet: Quiet = False,
    **options: OwnOption,
) -> None:
    """Write a contact sheet (PNG) of the first training batches, before and after augmentation.

    Flags mean the same as for train: the data are read, checked and split in the same way.

    For example:

        neocog preview photos/ --augment turn=30 flip=off

    Parameters
    ----------
    augment
        Changes to the default augmentation: turn=15, flip=off, or just off.
    patch
        Height and width of the windows, as in train --patch.
    batch
        Batch size. 0: what train would choose.
    seed
        Seed of everything random.
    n
        Number of samples: the rows.
    draws
        Number of epochs: the columns.
    """
    from neocog.verbs.preview import preview as sheet

    base = settings_file(config)
    training = {"augment": augment, "patch": patch, "batch": batch, "seed": seed}
    settings = given(data_config) | {name: value for name, value in training.items() if name in flags()}
    settings |= of_task("preview", options, data_config)
    print(sheet(data, out, n=n, draws=draws, quiet=quiet, base=base, **settings))


@app.command
def filters(image: Path, /, *, out: Out = None) -> None:
    """Draw an image after a bank of filters, and after various kernels, strides and paddings.

    For example:

        neocog filters portrait.png
    """
    from neocog.verbs.filters import filters as sheet

    print(sheet(image, out))


@app.command
def kmeans(
    image: Path, /, *,
    clusters: Annotated[int, Parameter(name=("--clusters", "-k"), help="Number of clusters.")] = 5,
    space: Annotated[Literal["rgb", "hsv", "lab"], Parameter(help="Colour space of the distances.")] = "rgb",
    out: Out = None,
    seed: Annotated[int, Parameter(help="Seed of the initial centres.")] = 0,
    json: Json = False,
) -> None:  # fmt: skip
    """Cluster the pixels of an image by colour (k-means): an index PNG, the image in mean colours, a table of clusters.

    For example:

        neocog kmeans leaf.jpg -k 5 --space lab
    """
    from neocog.verbs.kmeans import kmeans as divide
    from neocog.verbs.kmeans import table

    found, folder = divide(image, clusters, space, out, seed)
    facts = {
        "out": str(folder),
        "inertia": found.inertia,
        "pixels": found.counts.tolist(),
        "colours": found.colours.tolist(),
    }
    show(facts, json, lambda: print(f"{folder}\n{table(found)}", end=""))
