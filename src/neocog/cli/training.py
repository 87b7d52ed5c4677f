"""train, resume, evaluate, predict, explain, report: from data to an evaluated network, and its use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Out, Quiet, Reading, Settings, app, console, given, settings_file, show
from neocog.cli.settings import by_section, with_settings
from neocog.errors import UserError, faults_of, raise_all

AnyRange = Annotated[
    bool,
    Parameter(
        negative=(),
        help="Accept images whose values have another range than in training. 16 bits in place of 8 must be converted first.",
    ),
]

Precision = Annotated[
    Literal["fp32", "bf16", "auto"],
    Parameter(
        help="Numbers the network computes in. bf16: faster and less exact; auto: bf16 if the processor is fast at it."
    ),
]


@app.command
@with_settings
def train(
    data: str,
    /,
    *,
    config: Settings = None,
    out: Out = None,
    go_on: Annotated[bool, Parameter(negative=(), help="Continue this run if --out already holds it.")] = False,
    fold: Annotated[
        int | None,
        Parameter(help="Train only this one of --folds, from 1, below --out. The last one to end writes the summary."),
    ] = None,
    find_lr: Annotated[
        bool, Parameter(negative=(), help="Only test a range of learning rates, and suggest one.")
    ] = False,
    set: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, negative=(), help="Any setting: training.momentum=0.8 model.widths=32,64."),
    ] = (),
    json: Json = False,
    quiet: Quiet = False,
    **settings: Annotated[str, Parameter(help="An option of the chosen model, such as --widths 32,64 for cnn.")],
) -> None:
    """Train a network on labelled data, evaluate it, and write a run with report.html.

    The layout is detected: class folders (with or without train/ val/ test/), a CSV with image and label (or value)
    columns, images with masks, labelme files, FASTA, volumes, MNIST or CIFAR files, an NPZ, or one of digits, mnist,
    fashion-mnist, cifar10. A table shows first how the data were read; --kind, --task and others override it.

    For example:

        neocog train digits
        neocog train photos/ --from imagenet
        neocog train table.csv --model resnet --size 128 --minutes 20
        neocog train photos/ --task orientation
        neocog train mnist --model cnn --widths 16,32 --activation maxout --augment turn=15 flip=off

    Parameters
    ----------
    data
        A folder, a file, or the name of a known data set.
    """
    from neocog.verbs.ahead import planned
    from neocog.verbs.find_lr import rates_tried
    from neocog.verbs.nodes import together
    from neocog.verbs.train import command_line, start

    with together() as ranks:
        with ranks.all_or_none():
            base, own = settings_file(config), None if go_on or fold is not None else out
            more, faults = by_section(set, {"data": data, **settings})
            if faults:
                raise_all([*faults, *faults_of(lambda: planned(base, {**more, "data": data, **settings}, own))])
            asked = planned(base, {**more, "data": data, **settings}, own)
        if find_lr:
            tried = rates_tried(asked, out, quiet, go_on or fold is not None, ranks.world)
            show(tried.to_json(), json, lambda: print(tried.folder))
            return
        run = start(asked, out, quiet, command_line(), go_on, fold)
    print_result(run.result, json)


@app.command
def resume(
    run: Path,
    /,
    *,
    allow_changed: Annotated[
        bool, Parameter(negative=(), help="Continue even if the data have changed since.")
    ] = False,
    change: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, negative=(), help="Settings to change from here on. The report lists them."),
    ] = (),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Continue a run where it stopped. The result has the same bytes as without the stop.

    For example:

        neocog resume runs/classification/digits-cnn
        neocog resume runs/classification/digits-cnn --change lr=0.0005 epochs=40
    """
    from neocog.verbs.resume import resume as go_on

    pairs = [each.partition("=") for each in change]
    raise_all(
        UserError(f"--change {each}: no value", fix="write --change lr=0.01")
        for each, (_, eq, _) in zip(change, pairs, strict=True)
        if not eq
    )
    print_result(go_on(run, quiet, allow_changed, {name: value for name, _, value in pairs}).result, json)


@app.command
def evaluate(
    run: Path,
    data: str | None = None,
    /,
    *,
    reading: Reading = None,
    out: Out = None,
    any_range: AnyRange = False,
    precision: Precision = "fp32",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a trained run on its test part, or on other labelled data of the same classes.

    The data are read in the same way as those of the run, unless flags say otherwise.

    For example:

        neocog evaluate runs/classification/photos-cnn
        neocog evaluate runs/classification/photos-cnn photos-of-another-camera/
    """
    from neocog.verbs import evaluate as verb

    measured = verb.evaluate(run, data, out, quiet, any_range, precision, **given(reading))
    show(measured, json, lambda: verb.show(measured, console()))


@app.command
def predict(
    run: Path,
    /,
    *files: Path,
    out: Out = None,
    tiled: Annotated[
        bool, Parameter(negative=(), help="Cut samples larger than those of the training into blocks.")
    ] = False,
    coverage: Annotated[
        float | None, Parameter(help="Predict sets of classes, or intervals, that contain the truth this often: 0.95.")
    ] = None,
    refuse: Annotated[
        float | None,
        Parameter(help="Flag samples of none of the classes, refusing at most this share of the known ones: 0.05."),
    ] = None,
    format: Annotated[
        str, Parameter(help="Also write images and boxes to correct and train on: csv, coco, labelme or yolo.")
    ] = "",
    any_range: AnyRange = False,
    precision: Precision = "fp32",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict files, folders or globs, as CSV: label, probability and runners-up; or values, angles, mask areas, counts.

    Files that cannot be read are skipped, with a row that says why. If all are, the exit code is 2.

    For example:

        neocog predict runs/classification/photos-cnn new/*.jpg
        neocog predict runs/classification/photos-cnn new/ --out new.csv --coverage 0.95
        neocog predict runs/classification/glands-resnet3d whole-body.nii.gz --tiled --out glands.csv
    """
    from neocog.verbs import predict as verb

    if not files:
        raise UserError("no files to predict", fix="neocog predict RUN FILES…")
    predicted = verb.predict(run, files, out, quiet, tiled, any_range, coverage, refuse, format, precision)
    show(predicted.to_json(), json, lambda: predicted.show(out))
    if all(row["skipped"] for row in predicted.rows):
        raise SystemExit(2)  # said already, and why


@app.command
def explain(
    run: Path,
    /,
    *files: Path,
    out: Out = None,
    about: Annotated[str, Parameter(help="The class or target to explain. Default: the prediction.")] = "",
    layers: Annotated[bool, Parameter(negative=(), help="Also show weights and feature maps of every layer.")] = False,
    layer: Annotated[
        tuple[str, ...],
        Parameter(consume_multiple=True, negative=(), help="The same, for these layers or blocks only."),
    ] = (),
    any_range: AnyRange = False,
    quiet: Quiet = False,
) -> None:
    """Show which parts of each file a prediction rests on (Grad-CAM, saliency), and what the layers see: a page, and PNGs.

    For images, volumes (slices through the strongest point) and sequences (letters that matter less are paler).

    For example:

        neocog explain runs/classification/photos-cnn cat.jpg
        neocog explain runs/classification/photos-cnn cat.jpg --about dog --layers
        neocog explain runs/segmentation/cells-unet plate.tif --layer encoder.0 --out plate-explained
    """
    from neocog.verbs.explain import explain as verb

    if not files:
        raise UserError("no files to explain", fix="neocog explain RUN FILES…")
    print(verb(run, files, out, about=about, layers=layer or layers, quiet=quiet, any_range=any_range).page)


@app.command
def report(*runs: Path, out: Out = None) -> None:
    """Rewrite the HTML report of a run, or write one that compares several runs by paired tests.

    For example:

        neocog report runs/classification/digits-cnn
        neocog report runs/classification/digits-*
    """
    from neocog.verbs.report import report as write

    if not runs:
        raise UserError("no run to report on", fix="neocog report RUN [RUN…]")
    print(write(list(runs), out))


def print_result(result: Path, json: bool) -> None:
    """The result as JSON, or nothing more: the verb has said what people want to know."""
    if json and result.is_file():
        print(result.read_text(encoding="utf-8"), end="")
