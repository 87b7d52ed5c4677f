"""What the page must know of a run before it asks: its classes, its layers, the rooms that it has."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch

from neocog.attribution.layers import Layer, traced
from neocog.predictor import Predictor
from neocog.run import Run
from neocog.server.look import leaves
from neocog.server.seen import form_of
from neocog.server.stressed import corruptions_for
from neocog.tasks import task_of_run
from neocog.tasks.generative import Generative


def described(run: Run, predictor: Predictor) -> dict[str, Any]:
    """Of a run and its network. What a kind of run does not have is absent."""
    preprocessing, task = predictor.preprocessing, task_of_run(predictor)
    middle = (preprocessing.low + preprocessing.high) / 2
    form = form_of(predictor)
    return {
        "name": run.folder.resolve().name,
        "task": predictor.task,
        "model": predictor.facts["model"],
        "parameters": predictor.facts["parameters"],
        "classes": list(predictor.classes),
        "temperature": predictor.temperature,
        "form": form,
        "size": list(preprocessing.size),
        "channels": preprocessing.channels,
        "steps": task.logits,
        "scored": task.scored,
        "asked": list(task.asked_about(predictor)) if task.scored else [],
        "draws": form == "images" and preprocessing.channels in (1, 3),
        "dark": sum(preprocessing.mean) / len(preprocessing.mean) < middle,  # a light pen on a dark ground
        "layers": layers_of(predictor),
        **rooms_of(predictor),
    }


def rooms_of(predictor: Predictor) -> dict[str, Any]:
    """The page's rooms, and what these need to know."""
    task, form = task_of_run(predictor), form_of(predictor)
    latent = latent_of(task, predictor) if isinstance(task, Generative) else None
    attacks = task.logits and form == "images"
    rooms = {"layers": True, "latent": latent, "samples": task.sees, "stress": attacks, "compare": task.sees}
    return {
        "rooms": [name for name, there in rooms.items() if there],
        "corruptions": corruptions_for(predictor.preprocessing) if attacks else [],
        "latent": latent,
    }


def latent_of(task: Generative, predictor: Predictor) -> dict[str, Any]:
    """``start``: a latent vector; ``living``: its numbers that say something, the most telling first; ``asks``: whether a class
    can be asked for; ``finds``: whether there is a way from a picture to its vector."""
    start, _ = task.axes(predictor, 0)
    return {
        "start": start.tolist(),
        "living": task.living(predictor),
        "asks": bool(getattr(predictor.network, "classes", 0)),
        "finds": task.sees,
    }


def layers_of(predictor: Predictor) -> list[dict[str, Any]]:
    """What is known of each layer before a picture is there: kind, shapes, parameters, multiplications, settings."""
    preprocessing = predictor.preprocessing
    shape = getattr(predictor.network, "takes", (preprocessing.inputs, *preprocessing.size))
    inputs = torch.zeros(1, *shape, requires_grad=True)
    with torch.enable_grad():
        layers, _ = traced(predictor.network, inputs)
    names = [name for name, _ in leaves(predictor.network)]
    return [_of_layer(layer, names) for layer in layers]


def _of_layer(layer: Layer, names: Sequence[str]) -> dict[str, Any]:
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
