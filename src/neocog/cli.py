"""The command line: one sub-command a verb; each parses, calls and prints. torch is imported only by verbs that need it.

Progress goes to stderr; with --json standard output is exactly one JSON object. Exit codes: 0 done, 2 the user's mistake,
130/143/129 interrupted with the run saved, 1 a defect of ours.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from neocog import __version__
from neocog.config import SECTIONS, Config, DataConfig, ModelConfig, Task, TrainConfig, configured, from_toml
from neocog.engine.interrupt import Abandoned, Interrupted
from neocog.errors import UserError, did_you_mean

app = App(
    name="neocog",
    version=__version__,
    help="From labelled images to a convolutional network whose numbers you can trust.",
    help_epilogue="Start with `neocog train digits`, then `neocog audit MY-IMAGES` and `neocog train MY-IMAGES`.",
    result_action="return_value",
)
app["--help"].group = app["--version"].group = Group("Options", sort_key=99)

Json = Annotated[bool, Parameter(negative=(), help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, Parameter(negative=(), help="No progress, no remarks.")]
Out = Annotated[Path | None, Parameter(help="Where the output goes; never written over.")]
Kind = Annotated[Literal["auto", "images", "sequences", "volumes"], Parameter(help="What the samples are.")]
Frames = Annotated[Literal["error", "first", "stack"], Parameter(help="Animated or multi-page files.")]


def flat(group: str) -> Parameter:
    """The fields of a section are flags of their own, under one heading of ``--help``."""
    return Parameter(name="*", group=group)


@app.command
def train(
    data: str,
    /,
    *,
    data_config: Annotated[DataConfig | None, flat("Data")] = None,
    model_config: Annotated[ModelConfig | None, flat("Model")] = None,
    train_config: Annotated[TrainConfig | None, flat("Training")] = None,
    config: Annotated[Path | None, Parameter(help="Settings from a TOML file; flags go before it.")] = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    **options: Annotated[str, Parameter(help="An option of the chosen model, such as --widths 32,64 for cnn.")],
) -> None:
    """Train a network on labelled data, judge it, and write a run folder with report.html.

    The layout is detected: class folders (with or without train/ val/ test/), a CSV with image and label (or value)
    columns, images with masks, labelme files, FASTA, volumes, MNIST or CIFAR files, an NPZ, or one of digits, mnist,
    fashion-mnist, cifar10. The first line of output says what was taken for what; --kind and --task overrule it.

    Examples:

        neocog train digits

        neocog train photos/ --model resnet --minutes 20

        neocog train table.csv --model torchvision:resnet18 --size 224 --folds 5

        neocog train photos/ --task orientation

        neocog train mnist --model cnn --widths 16,32 --activation maxout --augment turn=15 flip=off

    Parameters
    ----------
    data
        A folder or file, or the name of a known data set.
    """
    base = from_toml(_text(config), str(config)) if config else Config()
    given = _given(sys.argv[1:] if _tokens is None else _tokens)
    settings: dict[str, Any] = {"data": data}
    for section in (data_config, model_config, train_config):
        if section is not None:
            settings |= {f.name: getattr(section, f.name) for f in fields(section) if f.name in given}
    chosen = configured(base, {**settings, **options})
    if options:
        _check_options(options, chosen.model.model)
    from neocog.verbs.train import command_line, start

    run = start(chosen, out, quiet, command_line())
    _print_result(run.result, json)


@app.command
def resume(
    run: Path,
    /,
    *,
    allow_changed: Annotated[bool, Parameter(negative=(), help="Also on data that have changed since.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on exactly where a run stopped: the same bytes as if it had never stopped.

    Examples:

        neocog resume runs/classification/digits-cnn
    """
    from neocog.verbs.train import resume as go_on

    _print_result(go_on(run, quiet, allow_changed).result, json)


@app.command
def evaluate(
    run: Path,
    data: str | None = None,
    /,
    *,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a trained run on its test part, or on other labelled data of the same classes.

    Examples:

        neocog evaluate runs/classification/photos-cnn

        neocog evaluate runs/classification/photos-cnn photos-of-another-camera/
    """
    from neocog.verbs import evaluate as verb

    measured = verb.evaluate(run, data, out, quiet)
    _print(measured, json, lambda: verb.show(measured, _console()))


@app.command
def predict(run: Path, /, *files: Path, out: Out = None, json: Json = False, quiet: Quiet = False) -> None:
    """Predict the class of files, folders or globs; write a CSV (path, label, probability, runners-up).

    Files that cannot be read are skipped, with a row that says why.

    Examples:

        neocog predict runs/classification/photos-cnn new/*.jpg

        neocog predict runs/classification/photos-cnn new/ --out new.csv
    """
    from neocog.verbs import predict as verb

    if not files:
        raise UserError("no files to predict", fix="neocog predict RUN FILES…")
    predicted = verb.predict(run, files, out, quiet)
    _print(predicted.to_json(), json, lambda: predicted.show(out))


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

    Examples:

        neocog audit photos/

        neocog audit table.csv --json > findings.json

        neocog audit first-annotator/ --against second-annotator/ --out differences/
    """
    if against:
        from neocog.verbs.agreement import agreement

        pairs = agreement([Path(data), *against], out)
        _print(pairs, json, lambda: print("\n".join(_agreement_told(pair) for pair in pairs)))
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
    _print(found.to_json(), json, lambda: verb.show(found, _console()))
    if any(finding.severity == "error" for finding in found.findings):
        raise SystemExit(2)


def _agreement_told(pair: Any) -> str:
    lines = [f"{pair.first} and {pair.second}: {pair.images} images, kappa {pair.kappa:.3f}"]
    lines += [f"  {name}: Dice {value:.3f}, IoU {pair.iou[name]:.3f}" for name, value in pair.dice.items()]
    return "\n".join([*lines, *(f"  {share:.1%} of {image} differ" for image, share in pair.differing)])


@app.command
def preview(
    data: str, /, *, out: Out = None, augment: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    kind: Kind = "auto", seed: int = 0, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Write a contact sheet (PNG) of what the network will be shown, before and after augmentation.

    Examples:

        neocog preview photos/ --augment turn=30 flip=off

    Parameters
    ----------
    augment
        Changes to the default augmentation: turn=15, flip=off, or off.
    """
    from neocog.verbs.preview import preview as sheet

    print(sheet(data, out=out, augment=augment, kind=kind, seed=seed, quiet=quiet))


@app.command
def report(*runs: Path, out: Out = None) -> None:
    """Write the HTML page of a run again, or one page that compares several runs, with paired tests.

    Examples:

        neocog report runs/classification/digits-cnn

        neocog report runs/classification/digits-*
    """
    from neocog.verbs.report import report as write

    if not runs:
        raise UserError("no run to report on", fix="neocog report RUN [RUN…]")
    print(write(list(runs), out))


@app.command
def models(
    name: str | None = None, /, *, channels: int = 3, size: int = 32, outputs: int = 10, json: Json = False
) -> None:
    """List the networks with their parameters and size, or the options of one.

    Examples:

        neocog models

        neocog models cnn
    """
    from neocog.verbs import models as verb

    if name is not None:
        verb.show_options(name, _console())
        return
    rows = verb.models(channels, (size, size), outputs)
    _print({"models": rows}, json, lambda: verb.show(rows, _console()))


@app.command
def device(*, json: Json = False) -> None:
    """Say what this machine offers: versions, processor, GPUs, memory, and which precision will be used and why."""
    from neocog.verbs import device as verb

    facts = verb.device()
    _print(facts, json, lambda: verb.show(facts, _console()))


@app.command
def filters(image: Path, /, *, out: Out = None) -> None:
    """Write a sheet of an image under the filter bank, and under choices of kernel, stride and padding.

    Examples:

        neocog filters portrait.png
    """
    from neocog.verbs.filters import filters as sheet

    print(sheet(image, out))


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

    What is written is reloaded and compared with the run before it is handed out.

    Examples:

        neocog export runs/classification/digits-cnn --to onnx
    """
    from neocog.verbs.export import export as write

    print(write(run, to, out, quiet))


convert = App(name="convert", help="Data turned into other data; what is given is only read.")
app.command(convert)


@convert.command
def upright(run: Path, /, *files: Path, out: Path, quiet: Quiet = False) -> None:
    """Turn pictures back upright with a run of --task orientation; write them and angles.csv into a new folder.

    Examples:

        neocog train upright-photos/ --task orientation

        neocog convert upright runs/orientation/upright-photos-cnn scans/ --out straight/

    Parameters
    ----------
    run
        A run of `neocog train … --task orientation`.
    files
        Pictures, folders or globs.
    out
        A new folder.
    """
    from neocog.verbs.upright import upright as turn

    if not files:
        raise UserError("no pictures to turn", fix="neocog convert upright RUN FILES… --out FOLDER")
    rows = turn(run, files, out, quiet)
    print(f"{out}: {sum(not row.skipped for row in rows)} of {len(rows)} pictures")


@convert.command
def labelme(
    data: Path, out: Path, /, *, on_bad: Literal["stop", "skip"] = "stop", json: Json = False, quiet: Quiet = False
) -> None:
    """Draw the shapes of labelme files: index PNGs with a palette, one class map for all, copies of the images, overlays.

    Examples:

        neocog convert labelme annotated/ masks/

    Parameters
    ----------
    data
        A folder with labelme's JSON files.
    out
        A new folder.
    on_bad
        skip leaves out shapes that cannot be drawn.
    """
    from neocog.verbs.convert import labelme as draw

    done = draw(data, out, on_bad=on_bad, quiet=quiet)
    _print(done, json, lambda: print(_labelme_told(done)))


def _labelme_told(done: Any) -> str:
    told = f"{done.out}: {done.masks} masks of {len(done.classes)} classes"
    return f"{told}; train with --ignore 255 ({done.ignored:,} pixels of __ignore__)" if done.ignored else told


@app.command
def kmeans(
    image: Path, /, *, clusters: Annotated[int, Parameter(name=("--clusters", "-k"))] = 5,
    space: Literal["rgb", "hsv", "lab"] = "rgb", out: Out = None, seed: int = 0, json: Json = False,
) -> None:  # fmt: skip
    """Divide a picture by colour, without a network: index PNG, picture in mean colours, table of clusters.

    Examples:

        neocog kmeans leaf.jpg -k 5 --space lab
    """
    from neocog.verbs.kmeans import kmeans as divide
    from neocog.verbs.kmeans import table

    found, folder = divide(image, clusters, space, out, seed)
    told = {"out": str(folder), "inertia": found.inertia, "pixels": found.counts, "colours": found.colours}
    _print(told, json, lambda: print(f"{folder}\n{table(found)}", end=""))


bench = App(name="bench", help="Speed, measured here.")
app.command(bench)


@bench.command
def ladder(
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
    """Train one network in every engine: nested loops, NumPy, Keras, PyTorch in fp32 and bf16, and on the GPU.

    Examples:

        neocog bench ladder --out ladder.png

        neocog bench ladder --networks lenet --rounds 3 --json

    Parameters
    ----------
    networks
        LeNet-5, a simple LSTM, or both.
    rounds
        Measurements of each engine, in turn; the first is thrown away.
    seconds
        Length of each measurement.
    batch
        Images a step.
    threads
        Threads of each engine; 0: one a core.
    """
    from neocog.verbs import bench as verb

    climbed = verb.ladder(networks, rounds, seconds, batch, threads, out, quiet)
    _print(climbed, json, lambda: verb.show(climbed, _console()))


_tokens: list[str] | None = None


REFUSALS = {
    errno.ENOSPC: "free some space; `neocog resume RUN` goes on with a training",
    errno.EDQUOT: "free some of your quota; `neocog resume RUN` goes on with a training",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "write elsewhere with --out",
    errno.EACCES: "mend the permissions, or write elsewhere with --out",
    errno.EIO: "look after this disk: it reports errors",
}


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    global _tokens
    _tokens = None if tokens is None else list(tokens)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(_tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (Interrupted, Abandoned) as stop:
        print(stop, file=sys.stderr, flush=True)
        os._exit(stop.code)  # all is saved; taking torch's modules apart would last seconds
    except UserError as error:
        _fail(str(error))
    except CycloptsError as error:
        command = next((token for token in (_tokens or sys.argv[1:]) if token in app), "")
        _fail(f"{error}\n  fix:   see `neocog {command}{' ' if command else ''}--help`")
    except BrokenPipeError:  # `neocog … | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        where = f"\n  where: {error.filename}" if error.filename else ""
        _fail(f"the system refused: {error.strerror}{where}\n  fix:   {REFUSALS[error.errno]}")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)


def _given(tokens: Sequence[str]) -> set[str]:
    """Names of the flags on the command line: only these replace what a TOML file says."""
    return {token[2:].split("=")[0].replace("-", "_") for token in tokens if token.startswith("--")}


def _check_options(options: dict[str, str], model: str) -> None:
    """A misspelt flag must not be taken for an option of the model: tell of both."""
    from neocog.networks import options as options_of

    if model == "auto":
        from neocog.studies import STUDIES, study_of

        found = {name for task in STUDIES for name in study_of(task).models.values()}
        known = [option for name in sorted(found) for option in options_of(name)]
    else:
        known = list(options_of(model))
    flags = [f.name for section in SECTIONS.values() for f in fields(section)]
    for name in options:
        if name.replace("-", "_") not in known:
            hint = did_you_mean(name, [*flags, *known]).replace("_", "-")
            which = "the default models have" if model == "auto" else f"model {model} has"
            raise UserError(f"unknown option --{name}", fix=f"{hint}{which} the options: {', '.join(known) or 'none'}")


def _print(value: Any, json: bool, show: Any) -> None:
    from neocog.run import to_json

    if json:
        print(to_json(value), end="")
    else:
        show()


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


def _print_result(result: Path, json: bool) -> None:
    """The result as JSON, or nothing more: the verb has said what people want to know."""
    if json and result.is_file():
        print(result.read_text(encoding="utf-8"), end="")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"cannot read the settings: {error}", str(path), "give a TOML file such as a run's config.toml"
        ) from None
