"""One look through a network: a picture's way through every layer, and the gradient's way back, as one binary message.

Maps are sent as signed bytes, ±127 for the largest absolute value of each map, which is sent beside. Letters: C maps, H × W places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neocog.attribution.layers import Layer, traced
from neocog.data.dataset import Array
from neocog.data.nucleotides import text
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.server.asked import RELOAD, Asked, Edit
from neocog.server.frame import pack
from neocog.server.panels import in_colours, panel
from neocog.server.seen import fitted_pixels, form_of, painted, slice_at
from neocog.tasks import task_of_run
from neocog.tasks.generative import Generative
from neocog.tasks.shown import Shown

LARGEST = 127  # of a signed byte


@dataclass(frozen=True)
class Pass:
    """One picture's way through the network. ``score`` () is what the gradients are of, ``prediction`` what it is in words."""

    pixels: Array | None  # (C, …) fitted, in stored units; None: a latent vector was given
    layers: list[Layer]
    inputs: Tensor  # (1, C, …) normalised
    outputs: Tensor  # (1, …)
    score: Tensor
    prediction: str

    def gradients(self, wanted: Sequence[Tensor]) -> list[Tensor | None]:
        """The derivative of the score by each tensor; None where it does not depend on it."""
        needed = [each for each in wanted if each.requires_grad]
        found = torch.autograd.grad(self.score, needed, allow_unused=True, retain_graph=True) if needed else ()
        given = iter(found)
        return [next(given) if each.requires_grad else None for each in wanted]


def passed(predictor: Predictor, stored: Array, asked: Asked, graph: bool = True) -> Pass:
    """The picture's way, with what ``asked`` changes in the layers. Raises UserError.

    Without ``graph`` it is sooner there, and neither gradients nor the layers' sources can be had of it.
    """
    task, pixels = task_of_run(predictor), None
    if form_of(predictor) != "codes":
        pixels = fitted_pixels(predictor, stored, asked.name, asked.source == "drawn")
    with torch.set_grad_enabled(graph), edited(predictor, asked.edits):
        given = torch.from_numpy(np.array(stored if pixels is None else pixels))[None]
        inputs = (given if pixels is None else task.inputs(predictor, given)).requires_grad_(True)
        layers, outputs = traced(predictor.network, inputs)
        score, predictions = outputs.sum(), [""]
        if task.scored:
            score, predictions = task.asked(predictor, outputs, class_named(predictor, asked.target))
        if asked.loss and asked.target >= 0 and task.logits:
            score = F.cross_entropy(outputs, torch.tensor([asked.target]), reduction="none")
    return Pass(pixels, layers, inputs, outputs, score.sum(), predictions[0])


def class_named(predictor: Predictor, target: int) -> str:
    """What a score is asked about: a class, or a target of a regression; "": what the network says."""
    names = task_of_run(predictor).asked_about(predictor)
    if target >= max(len(names), len(predictor.classes)):
        raise UserError(f"there is no class {target}", "the message", RELOAD)
    return names[target] if 0 <= target < len(names) else ""


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
    """Every layer's maps, their gradients where these are asked for, and the answer. Of volumes one slice of each."""
    wanted = asked.gradients and task_of_run(predictor).scored
    found = passed(predictor, stored, asked, graph=wanted)
    outputs = found.outputs.detach()
    shown = Shown() if found.pixels is None else task_of_run(predictor).shown(predictor, found.pixels, outputs)
    arrays = {"picture": picture_of(predictor, found, asked)}
    drawn = panel(predictor, shown, arrays)
    layers = []
    gradients = found.gradients([found.inputs, *(layer.output for layer in found.layers)]) if wanted else []
    if gradients and gradients[0] is not None:
        arrays["picture.gradient"], arrays["picture.gradient.scale"] = coded(sliced(gradients[0][0], asked.depth))
    for number, layer in enumerate(found.layers):
        maps = layer.output[0]
        arrays[f"{number}"], arrays[f"{number}.scale"] = coded(few(maps, asked))
        gradient = gradients[number + 1] if gradients else None
        if gradient is not None:
            arrays[f"{number}.gradient"], arrays[f"{number}.gradient.scale"] = coded(few(gradient[0], asked))
        layers.append({"name": layer.name, "shape": list(maps.shape), "slice": slice_of(maps, asked.depth)})
    header = {
        "answer": answer(predictor, found),
        "panel": drawn,
        "layers": layers,
        **(
            {"letters": text(found.pixels.reshape(-1))}
            if form_of(predictor) == "sequences" and found.pixels is not None
            else {}
        ),
        "slice": None if found.pixels is None else slice_of(found.pixels, asked.depth),
        "fitted": "" if found.pixels is None else fitted(stored, found.pixels, cut=cut(predictor, asked)),
        "score": float(found.score.detach()),
    }
    return pack(header, arrays)


def picture_of(predictor: Predictor, found: Pass, asked: Asked) -> Array:
    """(H, W, 3) of what was looked at; of a latent vector what the network draws of it."""
    if found.pixels is not None:
        return painted(found.pixels, predictor.preprocessing, asked.depth)
    task = task_of_run(predictor)
    assert isinstance(task, Generative)
    drawn: Array = in_colours(task.in_bytes(found.outputs.detach()))[0]
    return drawn


def few(maps: Tensor, asked: Asked) -> Tensor:
    """As many maps (C, …) as are shown, of volumes one slice of each."""
    return sliced(maps[: asked.most] if maps.ndim > 1 else maps, asked.depth)


def sliced(maps: Tensor, depth: float) -> Tensor:
    """(C, D, H, W) → (C, H, W)."""
    return maps[:, slice_at(depth, maps.shape[1])] if maps.ndim == 4 else maps


def slice_of(maps: Tensor | Array, depth: float) -> int | None:
    """Which slice of maps (C, D, H, W) is shown; None where they have none."""
    return slice_at(depth, maps.shape[1]) if maps.ndim == 4 else None


def answer(predictor: Predictor, found: Pass) -> dict[str, Any]:
    """What the run says: of a classifier calibrated probabilities and logits."""
    if not task_of_run(predictor).logits:
        return {"prediction": found.prediction}
    logits = found.outputs.detach().float().numpy()
    if "views" in predictor.facts and found.pixels is not None:  # the layers show the first of several views
        logits = predictor.of_pixels(torch.from_numpy(np.array(found.pixels))[None])
    return {
        "prediction": found.prediction,
        "logits": logits[0].tolist(),
        "probabilities": predictor.probabilities(logits)[0].tolist(),
        "views": predictor.facts.get("views", {}).get("count", 1),
        "temperature": predictor.temperature,
    }


def cut(predictor: Predictor, asked: Asked) -> bool:
    """Whether a picture keeps its scale, and is cut."""
    return predictor.preprocessing.fit == "corner" and asked.source != "drawn"


def fitted(stored: Array, pixels: Array, cut: bool = False) -> str:
    """What was done to make the picture fit, for people; "" where nothing was."""
    done = []
    before, after = stored.shape[:-1], pixels.shape[1:]
    if before != after:
        unit = "letters" if len(before) == 2 and before[0] == after[0] == 1 else "pixels"
        sides = [" × ".join(map(str, shape[-1:] if unit == "letters" else shape)) for shape in (before, after)]
        how = "{0} {2}, of which the middle {1} are seen" if cut else "{0} {2} became {1}"
        done.append(how.format(*sides, unit))
    if stored.shape[-1] != len(pixels):
        done.append("colours became grey" if len(pixels) == 1 else f"{stored.shape[-1]} channels became {len(pixels)}")
    return ", ".join(done)


def coded(maps: Tensor) -> tuple[Array, Array]:
    """(C, …) or (F,) → signed bytes of the same shape, and the largest absolute value of each map (C,), of a vector (1,)."""
    maps = maps.detach().float()
    flat = maps.flatten(1) if maps.ndim > 1 else maps[None]
    flat = flat.nan_to_num(0.0, 3e38, -3e38)
    largest = flat.abs().amax(1)
    codes = (flat * (LARGEST / largest.clamp(min=1e-37))[:, None]).round_().to(torch.int8)
    return codes.view(maps.shape).numpy(), largest.numpy()
