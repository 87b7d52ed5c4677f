"""One number that was clicked, as the terms that it is the sum of, and the kernels of a map, as binary messages."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from neocog import scratch
from neocog.attribution.backward import explain_gradient, explain_weight
from neocog.attribution.forward import explain_value, softmax
from neocog.attribution.layers import Layer
from neocog.attribution.receptive import receptive_field
from neocog.attribution.terms import Array, Terms, numbers, summed
from neocog.data.dataset import Array as Stored
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.server.asked import RELOAD, Asked
from neocog.server.frame import pack
from neocog.server.look import Pass, coded, edited, leaves, passed
from neocog.tasks import task_of_run

MOST_KERNELS = 256
INPUT = -1  # the position of the network's input among its layers


def number(predictor: Predictor, stored: Stored, asked: Asked) -> bytes:
    """Where the number at ``asked.index`` comes from: of a layer's output, of the gradient by it, or by one of its weights."""
    found = passed(predictor, stored, asked)
    at_input = asked.layer == INPUT and asked.direction == "backward"
    layer, index = None if at_input else chosen(found.layers, asked.layer), asked.index
    off = switched_off(predictor, asked)
    with edited(predictor, asked.edits):
        if asked.direction == "forward":
            shown, parts = of_value(found, asked, off)
        elif asked.direction == "backward":
            shown, parts = of_gradient(found, asked, off)
        else:
            shown, parts = of_weight(found, asked, off)
    place = index[1:] if asked.direction != "weight" else ()
    sides = tuple(found.inputs.shape[2:])
    placed = layer is not None and len(place) == len(layer.sides)
    field = receptive_field(found.layers, asked.layer, place, sides) if placed and sides else None
    each = [{"about": about, **_as_plain(terms)} for about, terms in parts]
    header = {"shown": shown, "parts": each, "field": field, "kind": "" if layer is None else layer.kind}
    header["code"] = [] if layer is None else code_of(found.layers, asked, layer)
    arrays: dict[str, Array] = {}
    for position, (_, terms) in enumerate(parts):
        arrays[f"{position}.places"] = terms.places.astype(np.int32)
        arrays[f"{position}.values"], arrays[f"{position}.weights"] = terms.values, terms.weights
    return pack(header, arrays)


def chosen(layers: Sequence[Layer], position: int) -> Layer:
    if not 0 <= position < len(layers):
        raise UserError(f"there is no layer {position}", "the message", RELOAD)
    return layers[position]


def at(array: Array, index: Sequence[int]) -> float:
    """Raises UserError where there is no such place."""
    if len(index) != array.ndim or any(not 0 <= i < n for i, n in zip(index, array.shape, strict=True)):
        raise UserError(
            f"there is no place {list(index)} in {' × '.join(map(str, array.shape))}", "the message", RELOAD
        )
    return float(array[tuple(index)])


def given_to(layer: Layer) -> tuple[Array, tuple[Array, ...]]:
    """A layer's input (C, …), and what its arithmetic needs beside."""
    maps, *more = (numbers(each[0]) for each in layer.given)
    return maps, (*more, np.array(layer.output.shape[2:]))


def code_of(layers: Sequence[Layer], asked: Asked, layer: Layer) -> list[dict[str, str]]:
    """The NumPy lines that compute such a number: of the layer itself forward, of the layers after it backward."""
    if asked.direction == "backward":
        kinds = [type(each.module) for each in layers if each.sources == (asked.layer,)]
        return numpy_lines(kinds, "input_gradient")
    return numpy_lines([type(layer.module)], "forward" if asked.direction == "forward" else "parameter_gradients")


def numpy_lines(kinds: Sequence[type], method: str) -> list[dict[str, str]]:
    """Of ``neocog.scratch``'s classes of the same names: {"name", "text"}; [] where there is none."""
    found = {}
    for kind in kinds:
        theirs = next(
            (getattr(scratch, each.__name__) for each in kind.__mro__ if each.__name__ in scratch.__all__), None
        )
        if theirs is not None and issubclass(theirs, scratch.Module) and theirs is not scratch.Module:
            written = getattr(theirs, method)
            name = f"neocog.scratch.{theirs.__name__}.{method}"
            found[name] = textwrap.dedent(inspect.getsource(written))
    return [{"name": name, "text": text} for name, text in found.items()]


def switched_off(predictor: Predictor, asked: Asked) -> dict[nn.Module, list[int]]:
    """The maps of each layer that an edit switches off."""
    modules, found = leaves(predictor.network), dict[nn.Module, list[int]]()
    for edit in asked.edits:
        if edit.off:
            found.setdefault(modules[edit.layer][1], []).append(edit.map)
    return found


Off = Mapping[nn.Module, list[int]]


def kept(flow: Array, layer: Layer, off: Off) -> Array:
    """A gradient by a layer's output, 0 for the maps that are switched off: nothing goes back through them."""
    found = flow.copy()
    found[off.get(layer.module, [])] = 0
    return found


Parts = list[tuple[dict[str, Any], Terms]]


def of_value(found: Pass, asked: Asked, off: Off) -> tuple[float, Parts]:
    layer = found.layers[asked.layer]
    shown = at(numbers(layer.output[0]), asked.index)
    if asked.index[0] in off.get(layer.module, []):
        return shown, [({"off": True}, summed("copy", (1,), [asked.index], [0.0], [1.0]))]
    x, more = given_to(layer)
    terms = explain_value(layer.module, x, asked.index, *more)
    return shown, [] if terms is None else [({"in": _input_of(found.layers, layer)}, terms)]


def _input_of(layers: Sequence[Layer], layer: Layer) -> int | None:
    """The position of the layer whose very output this one got, −1 of the picture; None where it was joined of several."""
    return layer.sources[0] if layer.direct and len(layer.sources) == 1 else None


def of_gradient(found: Pass, asked: Asked, off: Off) -> tuple[float, Parts]:
    """What every layer that got this output passes back, and what comes by other ways: sums, concatenations, the score."""
    after = [
        (position, layer)
        for position, layer in enumerate(found.layers)
        if layer.direct and layer.sources == (asked.layer,)
    ]
    here = found.inputs if asked.layer == INPUT else found.layers[asked.layer].output
    gradient, *flows = found.gradients([here, *(layer.output for _, layer in after)])
    shown = 0.0 if gradient is None else at(numbers(gradient[0]), asked.index)
    parts: Parts = []
    for (position, layer), flow in zip(after, flows, strict=True):
        if flow is not None:
            x, more = given_to(layer)
            terms = explain_gradient(layer.module, x, kept(numbers(flow[0]), layer, off), asked.index, *more)
            parts += [] if terms is None else [({"through": position, "in": position}, terms)]
    rest = shown - sum(terms.value for _, terms in parts)
    if asked.layer == len(found.layers) - 1 and found.outputs.ndim == 2:
        return shown, [*parts, ({"score": True}, _of_score(found, asked))]
    if abs(rest) > 1e-5 * max(1.0, abs(shown)) or not parts:
        place = [asked.index]
        parts.append(({"rest": True}, summed("copy", (1,), place, [rest], [1.0])))
    return shown, parts


def _of_score(found: Pass, asked: Asked) -> Terms:
    """∂S/∂z of the score itself: of a logit 1 or 0, of the loss p − [k is the label]."""
    k = asked.index[0]
    if not asked.loss or asked.target < 0:
        (gradient,) = found.gradients([found.layers[-1].output])
        value = 0.0 if gradient is None else float(gradient[0, k])
        return summed("logit", (1,), [[k]], [value], [1.0])
    share = float(F.softmax(found.outputs.detach().double(), 1)[0, k])
    return summed("loss", (2,), [[k], [k]], [share, float(k == asked.target)], [1.0, -1.0])


def of_weight(found: Pass, asked: Asked, off: Off) -> tuple[float, Parts]:
    layer = found.layers[asked.layer]
    own = dict(layer.module.named_parameters(recurse=False))
    if asked.parameter not in own:
        raise UserError(f"layer {layer.name} has no {asked.parameter[:40]}", "the message", RELOAD)
    gradient, flow = found.gradients([own[asked.parameter], layer.output])
    shown = 0.0 if gradient is None else at(numbers(gradient), asked.index)
    if flow is None:
        return shown, []
    x, _ = given_to(layer)
    terms = explain_weight(layer.module, x, kept(numbers(flow[0]), layer, off), asked.parameter, asked.index)
    return shown, [] if terms is None else [({"in": asked.layer}, terms)]


def _as_plain(terms: Terms) -> dict[str, Any]:
    return {
        "operation": terms.operation,
        "shape": list(terms.shape),
        "value": terms.value,
        "constant": terms.constant,
        "facts": dict(terms.facts),
    }


def share(predictor: Predictor, stored: Stored, asked: Asked) -> bytes:
    """The calibrated probability of the class ``asked.index``, from the logits."""
    if not task_of_run(predictor).logits:
        raise UserError("only answers with classes have probabilities", "the message", RELOAD)
    found = passed(predictor, stored, asked)
    logits = found.outputs.detach().float().numpy()
    at(logits[0], asked.index)
    offsets = predictor.offsets
    terms = softmax(logits[0], predictor.temperature, offsets, asked.index[0])
    shown = float(predictor.probabilities(logits)[0, asked.index[0]])
    header = {"shown": shown, "parts": [{"about": {"in": len(found.layers) - 1}, **_as_plain(terms)}], "field": None}
    header["kind"] = "Softmax"
    arrays = {"0.places": terms.places.astype(np.int32), "0.values": terms.values, "0.weights": terms.weights}
    return pack(header, arrays)


def kernels(predictor: Predictor, stored: Stored, asked: Asked) -> bytes:
    """A layer's weights and biases, and the score's gradient by them: ``weight`` (O, C, …) as far as ``MOST_KERNELS`` go.

    ``asked.index`` (o,): of the output map o alone, exact numbers beside.
    """
    found = passed(predictor, stored, asked)
    layer = chosen(found.layers, asked.layer)
    own = dict(layer.module.named_parameters(recurse=False))
    arrays: dict[str, Array] = {}
    shapes: dict[str, list[int]] = {}
    with torch.no_grad():
        for (name, weight), gradient in zip(own.items(), found.gradients(list(own.values())), strict=True):
            for kind, tensor in (("", weight), (".gradient", gradient)):
                if tensor is None:
                    continue
                part, shape = _part(tensor.detach(), asked.index)
                shapes[name] = shape
                arrays |= dict(_coded(name + kind, part))
                if asked.index:
                    arrays[f"{name}{kind}.exact"] = part.numpy()
    return pack({"shapes": shapes}, arrays)


def _part(tensor: torch.Tensor, index: Sequence[int]) -> tuple[torch.Tensor, list[int]]:
    """What of (O, C, …) or (O,) is sent, and the whole shape."""
    if index:
        if not 0 <= index[0] < len(tensor):
            raise UserError(f"there is no map {index[0]}", "the message", RELOAD)
        return tensor[index[0]].reshape(1, -1) if tensor.ndim < 2 else tensor[index[0]][:MOST_KERNELS], list(
            tensor.shape
        )
    if tensor.ndim < 3:
        return tensor[:MOST_KERNELS], list(tensor.shape)
    most = max(1, MOST_KERNELS // tensor.shape[1])
    return tensor[:most, :MOST_KERNELS], list(tensor.shape)


def _coded(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, Array]]:
    """All on one scale, so that weights can be compared."""
    codes, scale = coded(tensor.reshape(1, -1))
    yield name, codes.reshape(tensor.shape)
    yield f"{name}.scale", scale
