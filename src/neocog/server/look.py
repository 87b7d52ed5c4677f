"""One look through a network: a picture's way through every layer, and the gradient's way back, as one binary message.

Maps are sent as signed bytes, ±127 for the largest absolute value of each map, which is sent beside. Letters: C maps, H × W places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neocog.attribution.layers import Layer, traced
from neocog.data.dataset import Array
from neocog.data.resize import fit
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.run import Run
from neocog.server.asked import Asked, Edit
from neocog.server.frame import pack
from neocog.tasks import task_of_run
from neocog.tasks.segmentation.report import grey_levels

LARGEST = 127  # of a signed byte
RELOAD = "load the page again"


@dataclass(frozen=True)
class Pass:
    """One picture's way through the network. ``score`` () is what the gradients are of."""

    pixels: Array  # (C, H, W) fitted, in stored units
    layers: list[Layer]
    inputs: Tensor  # (1, C, H, W) normalised
    outputs: Tensor  # (1, …)
    score: Tensor
    prediction: str

    def gradients(self, wanted: Sequence[Tensor]) -> list[Tensor | None]:
        """The derivative of the score by each tensor; None where it does not depend on it."""
        needed = [each for each in wanted if each.requires_grad]
        found = torch.autograd.grad(self.score, needed, allow_unused=True, retain_graph=True) if needed else ()
        given = iter(found)
        return [next(given) if each.requires_grad else None for each in wanted]


def passed(predictor: Predictor, stored: Array, asked: Asked) -> Pass:
    """The picture's way, with what ``asked`` changes in the layers. Raises UserError."""
    pixels = fit(stored, predictor.preprocessing, asked.name or "the picture")
    task = task_of_run(predictor)
    with torch.enable_grad(), edited(predictor, asked.edits):
        inputs = task.inputs(predictor, torch.from_numpy(np.array(pixels))[None]).requires_grad_(True)
        layers, outputs = traced(predictor.network, inputs)
        score, predictions = task.asked(predictor, outputs, class_named(predictor, asked.target))
        if asked.loss and asked.target >= 0:
            score = F.cross_entropy(outputs, torch.tensor([asked.target]), reduction="none")
    return Pass(pixels, layers, inputs, outputs, score.sum(), predictions[0])


def class_named(predictor: Predictor, target: int) -> str:
    if target >= len(predictor.classes):
        raise UserError(f"there is no class {target}", "the message", RELOAD)
    return "" if target < 0 or not task_of_run(predictor).logits else predictor.classes[target]


def leaves(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Modules that hold no others, which are those that edits name by their place."""
    return [(name, module) for name, module in network.named_modules() if name and not list(module.children())]


@contextmanager
def edited(predictor: Predictor, edits: Sequence[Edit]) -> Iterator[None]:
    """Within this block the layers are changed; afterwards they are as the run has them. Nothing is written to the run."""
    if not edits:
        yield
        return
    modules = [module for _, module in leaves(predictor.network)]
    with ExitStack() as stack:
        for edit in edits:
            if edit.layer >= len(modules):
                raise UserError(f"there is no layer {edit.layer}", "the message", RELOAD)
            stack.enter_context(_changed(modules[edit.layer], edit))
        yield


@contextmanager
def _changed(module: nn.Module, edit: Edit) -> Iterator[None]:
    if edit.off:

        def switched_off(_module: nn.Module, _given: object, output: Tensor) -> Tensor:
            if edit.map >= output.shape[1]:
                raise UserError(f"there is no map {edit.map}", f"layer {edit.layer}", RELOAD)
            kept = torch.ones(output.shape[1])
            kept[edit.map] = 0
            return output * kept.view(-1, *[1] * (output.ndim - 2))

        hook = module.register_forward_hook(switched_off)
        try:
            yield
        finally:
            hook.remove()
        return
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or not fits(weight, edit):
        raise UserError("this kernel has another size", f"layer {edit.layer}", RELOAD)
    before = weight.detach().clone()
    with torch.no_grad():
        weight[edit.map, edit.given] = torch.tensor(edit.kernel).view(weight.shape[2:])
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(before)


def fits(weight: Tensor, edit: Edit) -> bool:
    """Whether a layer has such a kernel."""
    if weight.ndim < 2 or edit.map >= len(weight) or edit.given >= weight.shape[1]:
        return False
    return weight[edit.map, edit.given].numel() == len(edit.kernel)


def look(predictor: Predictor, stored: Array, asked: Asked) -> bytes:
    """Every layer's maps, their gradients where these are asked for, and the answer."""
    found = passed(predictor, stored, asked)
    low, high = predictor.preprocessing.low, predictor.preprocessing.high
    arrays = {"picture": grey_levels(found.pixels, low, high)}
    layers = []
    gradients = found.gradients([found.inputs, *(layer.output for layer in found.layers)]) if asked.gradients else []
    if gradients and gradients[0] is not None:
        arrays["picture.gradient"], arrays["picture.gradient.scale"] = coded(gradients[0][0])
    for number, layer in enumerate(found.layers):
        maps = layer.output[0]
        arrays[f"{number}"], arrays[f"{number}.scale"] = coded(maps[: asked.most] if maps.ndim > 1 else maps)
        gradient = gradients[number + 1] if gradients else None
        if gradient is not None:
            shown = gradient[0][: asked.most] if maps.ndim > 1 else gradient[0]
            arrays[f"{number}.gradient"], arrays[f"{number}.gradient.scale"] = coded(shown)
        layers.append({"name": layer.name, "shape": list(maps.shape)})
    header = {
        "answer": answer(predictor, found),
        "layers": layers,
        "fitted": fitted(stored, found.pixels),
        "score": float(found.score.detach()),
    }
    return pack(header, arrays)


def answer(predictor: Predictor, found: Pass) -> dict[str, Any]:
    """What the run says: of a classifier calibrated probabilities and logits, else the outputs where these are few."""
    if not task_of_run(predictor).logits:
        outputs = found.outputs.detach().float().flatten()
        values = outputs.tolist() if outputs.numel() <= 100 else []
        return {"prediction": found.prediction, "values": values}
    logits = found.outputs.detach().float().numpy()
    if "views" in predictor.facts:  # the layers show the first of several views
        logits = predictor.of_pixels(torch.from_numpy(np.array(found.pixels))[None])
    return {
        "prediction": found.prediction,
        "logits": logits[0].tolist(),
        "probabilities": predictor.probabilities(logits)[0].tolist(),
        "views": predictor.facts.get("views", {}).get("count", 1),
        "temperature": predictor.temperature,
    }


def fitted(stored: Array, pixels: Array) -> str:
    """What was done to make the picture fit, for people; "" where nothing was."""
    done = []
    before, after = stored.shape[:2], pixels.shape[1:]
    if before != after:
        done.append(f"{before[0]} × {before[1]} pixels became {after[0]} × {after[1]}")
    if stored.shape[2] != len(pixels):
        done.append("colours became grey" if len(pixels) == 1 else f"{stored.shape[2]} channels became {len(pixels)}")
    return ", ".join(done)


def coded(maps: Tensor) -> tuple[Array, Array]:
    """(C, …) or (F,) → signed bytes of the same shape, and the largest absolute value of each map (C,), of a vector (1,)."""
    maps = maps.detach().float()
    flat = maps.flatten(1) if maps.ndim > 1 else maps[None]
    flat = flat.nan_to_num(0.0, 3e38, -3e38)
    largest = flat.abs().amax(1)
    codes = (flat * (LARGEST / largest.clamp(min=1e-37))[:, None]).round_().to(torch.int8)
    return codes.view(maps.shape).numpy(), largest.numpy()


def described(run: Run, predictor: Predictor) -> dict[str, Any]:
    """What the page must know of a run before it asks."""
    preprocessing = predictor.preprocessing
    middle = (preprocessing.low + preprocessing.high) / 2
    return {
        "name": run.folder.resolve().name,
        "task": predictor.task,
        "model": predictor.facts["model"],
        "parameters": predictor.facts["parameters"],
        "classes": list(predictor.classes),
        "temperature": predictor.temperature,
        "size": list(preprocessing.size),
        "channels": preprocessing.channels,
        "steps": task_of_run(predictor).logits,
        "draws": preprocessing.channels in (1, 3),
        "dark": sum(preprocessing.mean) / len(preprocessing.mean) < middle,  # a light pen on a dark ground
        "layers": layers_of(predictor),
    }


def layers_of(predictor: Predictor) -> list[dict[str, Any]]:
    """What is known of each layer before a picture is there: kind, shapes, parameters, multiplications, settings."""
    preprocessing = predictor.preprocessing
    inputs = torch.zeros(1, preprocessing.inputs, *preprocessing.size, requires_grad=True)
    with torch.enable_grad():
        layers, _ = traced(predictor.network, inputs)
    names = [name for name, _ in leaves(predictor.network)]
    return [_described(layer, names) for layer in layers]


def _described(layer: Layer, names: Sequence[str]) -> dict[str, Any]:
    own = dict(layer.module.named_parameters(recurse=False))
    weight, outputs = own.get("weight"), layer.output[0]
    multiplications = 0
    if weight is not None and weight.ndim > 1:
        transposed = "Transpose" in layer.kind
        places = prod((layer.given[0] if transposed else layer.output).shape[2:])
        multiplications = weight.numel() * places
    elif weight is not None:
        multiplications = outputs.numel()
    return {
        "name": layer.name,
        "kind": layer.kind,
        "settings": layer.module.extra_repr(),
        "shape": list(outputs.shape),
        "parameters": sum(each.numel() for each in own.values()),
        "weights": {name: list(each.shape) for name, each in own.items()},
        "multiplications": multiplications,
        "sources": list(layer.sources),
        "direct": layer.direct,
        "module": names.index(layer.name.split(" (")[0]),
    }
