"""``explain``: what of a file an answer rests on, and what each layer makes of it, as pictures and one page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neocog.attribution import pictures
from neocog.attribution.attribution import Score, class_activation, gradient_input, saliency
from neocog.attribution.layers import Layer, features, weights
from neocog.data.cells import csv_of
from neocog.data.dataset import Array
from neocog.errors import UserError, did_you_mean, printable
from neocog.pages.page import Head, page
from neocog.predictor import Predictor, load_predictor, path_of
from neocog.progress import Progress
from neocog.records import Picture, Pictures, Section, Text
from neocog.run import Run, write_atomically
from neocog.tasks import task_of_run
from neocog.tasks.classification.reading import smoothed
from neocog.tasks.classification.sequences import strip
from neocog.tasks.files import FileSample, chunks
from neocog.tasks.segmentation.report import grey_levels
from neocog.tasks.task import Task
from neocog.verbs.outputs import insist_on_new
from neocog.verbs.predict import named

LEAST, MOST = 192, 768  # pixels: smaller samples are enlarged to at least this, larger ones reduced to at most that


@dataclass(frozen=True)
class Explained:
    """One sample: the prediction, and the pictures that were written; or the fault."""

    name: str
    prediction: str = ""
    written: tuple[Path, ...] = ()
    skipped: str = ""


@dataclass(frozen=True)
class Explanation:
    """Everything that was explained, and the page that shows it."""

    page: Path
    samples: tuple[Explained, ...]


def explain(
    run: str | Path | Run,
    files: Any,
    out: str | Path | None = None,
    *,
    about: str = "",
    layers: bool | Sequence[str] = False,
    quiet: bool = False,
    any_range: bool = False,
) -> Explanation:
    """Write maps of every sample among ``files`` and explanation.html into the new folder ``out``.

    ``files``: paths, folders, globs, or images in memory, as ``predict`` takes them.

    Each sample gets its own picture, one with Grad-CAM and one with saliency over it; volumes as slices through the
    strongest place, sequences as letters. ``about``: the class or target to explain; default: what the network says.
    ``layers``: also the weights and feature maps of all layers, or of those named. Raises UserError.
    """
    chosen = path_of(run)
    predictor = load_predictor(chosen).watching(strict=not any_range)
    task = task_of_run(predictor)
    if task.purpose == "generation":  # a generator takes latent vectors: there is nothing of an image to explain
        what = f"a run of --task {predictor.task} answers nothing that could be explained"
        raise UserError(what, fix=f"`neocog sample {chosen.folder} --traverse` shows what its latent space holds")
    target = Path(out or f"explain-{chosen.folder.resolve().name}")
    insist_on_new(target)
    known = sorted(
        {layer.name for layer in features(predictor.network, blank(predictor))} | {*weights(predictor.network)}
    )
    wanted = known if layers is True else list(layers or ())
    for name in wanted:
        if name not in known and not any(other.startswith(f"{name}.") for other in known):
            raise UserError(f"no layer {name}", fix=f"{did_you_mean(name, known)}known: {', '.join(known)}")
    progress = Progress(quiet)
    samples: list[Explained] = []
    sections: list[Section] = []
    with named(files, predictor.preprocessing) as paths, progress.bar("explaining", len(paths)) as advance:
        for sample in (one for several in chunks(paths, predictor, advance) for one in several):
            folder = target / f"{len(samples):04d}-{Path(sample.name).stem}"
            made, section = one_sample(task, predictor, sample, about, wanted, folder)
            samples.append(made)
            sections += [section] if section else []
    for line in predictor.watch.differences() if predictor.watch else ():
        progress.say(f"  differs from the training data: {line}", "yellow")
    if not sections:
        raise UserError(f"none of {len(samples)} files can be read: {samples[0].skipped}", samples[0].name)
    if wanted:
        sections.append(weights_section(predictor, wanted, target / "weights"))
    skipped = sum(bool(sample.skipped) for sample in samples)
    if skipped:
        progress.say(f"{skipped} of {len(samples)} files were skipped: explanations.csv says why", "yellow")
    write_atomically(target / "explanations.csv", table(samples))
    count = f"{len(samples) - skipped:,}"
    head = Head(
        f"{chosen.folder.name}, explained · neocog", f"{predictor.task} · {chosen.folder.name}", count, "explained"
    )
    write_atomically(target / "explanation.html", page(head, sections))
    return Explanation(target / "explanation.html", tuple(samples))


def blank(predictor: Predictor) -> Tensor:
    """(1, C, …) zeros of the network's input."""
    return torch.zeros(1, predictor.preprocessing.inputs, *predictor.preprocessing.size)


def one_sample(
    task: Task, predictor: Predictor, sample: FileSample, about: str, layers: Sequence[str], folder: Path
) -> tuple[Explained, Section | None]:
    """Its pictures, written below ``folder``, and its section of the page."""
    if sample.pixels is None:
        return Explained(sample.name, skipped=sample.fault), None
    inputs = task.inputs(predictor, torch.from_numpy(np.array(sample.pixels))[None])

    def score(outputs: Tensor) -> Tensor:
        return task.asked(predictor, outputs, about)[0]

    with torch.no_grad():
        answer = task.asked(predictor, predictor.network(inputs), about)[1][0]
    found = dict(maps_of(predictor, sample.pixels, inputs, score))
    written, shown = [], []
    for name, (png, caption) in found.items():
        written.append(put(folder / f"{name}.png", png))
        shown.append(Picture(base64.b64encode(png).decode(), caption))
    items: list[Text | Pictures] = [Text(f"Prediction: {answer}."), Pictures(tuple(shown), large=True)]
    if layers:
        files, drawn = feature_maps(features(predictor.network, inputs), layers, folder)
        written += files
        note = "Feature maps, from the first layer to the last; dark: low, bright: high activation."
        items.append(Pictures(tuple(drawn), note, large=True))
    title = printable(Path(sample.name).name)
    return Explained(sample.name, answer, tuple(written)), Section(title, tuple(items), folder.name)


def maps_of(
    predictor: Predictor, pixels: Array, inputs: Tensor, score: Score
) -> Iterator[tuple[str, tuple[bytes, str]]]:
    """(name, (PNG, caption)) of the sample itself and of each map over it."""
    preprocessing, network = predictor.preprocessing, predictor.network
    if preprocessing.encoding == "nucleotides":
        shares = inputs[0, :, 0].numpy()
        strength = smoothed(gradient_input(network, inputs, score))[0]
        yield "input", (base64.b64decode(strip(shares)), "as the network sees it: A green, C blue, G orange, T red")
        yield (
            "saliency",
            (base64.b64decode(strip(shares, strength)), "gradient × input: letters that contribute less are paler"),
        )
        return
    cam, layer = class_activation(network, inputs, score)
    gradient = saliency(network, inputs, score)
    if len(preprocessing.size) == 3:
        picture = grey_volume(pixels, preprocessing.low, preprocessing.high)
        plain = pictures.strongest_slices(picture, cam[0].numpy())[0]
        pair = [pictures.strongest_slices(picture, strength[0].numpy()) for strength in (cam, gradient)]
    else:
        plain = grey_levels(pixels, preprocessing.low, preprocessing.high)
        pair = [(plain, strength[0].numpy()) for strength in (cam, gradient)]
    where = ", slices through the maximum" if len(preprocessing.size) == 3 else ""
    yield "input", (png(plain), f"as the network sees it{where}")
    if layer:
        yield "grad-cam", (png(pictures.over(*pair[0])), f"Grad-CAM at {layer}{where}: evidence for the prediction")
    yield (
        "saliency",
        (png(pictures.over(*pair[1])), f"saliency{where}: where a small change affects the prediction most"),
    )


def grey_volume(pixels: Array, low: float, high: float) -> Array:
    """(C, D, H, W) → (D, H, W, 3) uint8."""
    channels, depth, height, width = pixels.shape
    flat = grey_levels(pixels.reshape(channels, depth * height, width), low, high)
    return flat.reshape(depth, height, width, 3)


def feature_maps(found: Sequence[Layer], wanted: Sequence[str], folder: Path) -> tuple[list[Path], list[Picture]]:
    """A picture of each wanted layer's output, numbered in the order of execution."""
    files, drawn = [], []
    for number, layer in enumerate(found):
        if chosen(layer.name, wanted):
            picture, more = pictures.activations(layer.output[0].numpy())
            content = png(picture, enlarge=False)
            files.append(put(folder / "layers" / f"{number:03d}-{layer.name}.png", content))
            shape = " × ".join(map(str, layer.output.shape[1:]))
            caption = f"{layer.name}\n{layer.kind}, {shape}" + (f"\n{more}" if more else "")
            drawn.append(Picture(base64.b64encode(content).decode(), caption))
    return files, drawn


def weights_section(predictor: Predictor, wanted: Sequence[str], folder: Path) -> Section:
    """The weights of the wanted layers, as pictures."""
    drawn = []
    for name, weight in weights(predictor.network).items():
        if chosen(name, wanted):
            picture, more = pictures.kernels(weight.numpy())
            content = png(picture, enlarge=False)
            put(folder / f"{name}.png", content)
            caption = f"{name}\n{' × '.join(map(str, weight.shape))}" + (f"\n{more}" if more else "")
            drawn.append(Picture(base64.b64encode(content).decode(), caption))
    note = "Blue: negative, red: positive. Kernels on colour images are shown in colour, with grey for zero."
    return Section("Weights", (Pictures(tuple(drawn), note, large=True),), "weights")


def chosen(name: str, wanted: Sequence[str]) -> bool:
    """Whether a layer, or the block that it is part of, is asked for."""
    return any(name == one or name.startswith((f"{one}.", f"{one} (")) for one in wanted)


def png(picture: Array, enlarge: bool = True) -> bytes:
    """(h, w, 3) as PNG; samples enlarged by whole pixels or averaged down to a size that people can look at."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    longest = max(image.size)
    if enlarge and longest < LEAST:
        times = -(-LEAST // longest)
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    elif enlarge and longest > MOST:
        image = image.resize([max(1, round(side * MOST / longest)) for side in image.size], Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def table(samples: Sequence[Explained]) -> str:
    """One row a sample: the prediction, and why others were skipped."""
    rows = ([sample.name, sample.prediction, sample.skipped] for sample in samples)
    return csv_of(("path", "prediction", "skipped"), rows)
