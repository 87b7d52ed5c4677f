"""The same network in Keras 3 on TensorFlow, and weights both ways.

Keras keeps the channels last: images are (B, H, W, C), kernels (k, k, C, O) where torch has (O, C, k, k), dense weights
(in, out). Before a flatten the axes are put back into torch's order, so that every weight fits as it is. Built from Keras's
own layers alone: a saved model loads anywhere, without neocog and without any code in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neocog.errors import UserError
from neocog.interop import extras
from neocog.interop.keras_layers import KNOWN, TARGET, label
from neocog.interop.layers import Link, chain, converted
from neocog.networks.lenet5 import TableConv2d
from neocog.predictor import Predictor
from neocog.run import to_json

FILE = "network.keras"
Array = NDArray[Any]


def to_keras(model: nn.Module, channels: int, size: tuple[int, int]) -> Any:
    """A ``keras.Model`` of (B, H, W, C) normalised images → (B, outputs) logits, with a copy of the weights.

    Raises UserError where ``model`` is not a chain of layers, one of them has no counterpart, or Keras is not installed. What
    differs in training: Keras moves batch norm's running variance by the biased estimate, (n − 1) / n of torch's.
    """
    keras = extras.keras()
    images = keras.Input((*size, channels))
    twin = keras.Model(images, through(model, images), name=type(model).__name__.lower())
    give_weights(chain(model, TARGET), twin)
    return twin


def through(model: nn.Module, images: Any) -> Any:
    """The layers of ``model`` applied to a Keras tensor (B, H, W, C), with start weights of Keras's own."""
    keras, links = extras.keras(), chain(model, TARGET)
    converted(links, KNOWN, TARGET)
    for link in links:
        images = KNOWN[type(link.layer)](link, keras, images)
    return images


def give_weights(links: Iterable[Link], twin: Any) -> None:
    """Copy the weights of these layers into their Keras twin."""
    for link in links:
        if weights_of(link.layer):
            arrays = [turned(tensor.detach().cpu().numpy()) for tensor in weights_of(link.layer)]
            twin.get_layer(label(link)).set_weights(arrays)


def from_keras(twin: Any, model: nn.Module) -> None:
    """Copy the weights of a Keras twin back into ``model``.

    Raises UserError where the layers are not the same, or Keras has trained connections that a sparse layer does not have.
    Then nothing has been changed.
    """
    found: list[tuple[torch.Tensor, Array]] = []
    for link in chain(model, TARGET):
        tensors = weights_of(link.layer)
        if not tensors:
            continue
        try:
            layer = twin.get_layer(label(link))
        except ValueError:
            raise UserError(f"the Keras model has no layer '{label(link)}'", f"{link} needs it") from None
        with extras.quiet():
            arrays = [turned_back(array) for array in layer.get_weights()]
        theirs, ours = [array.shape for array in arrays], [tuple(tensor.shape) for tensor in tensors]
        if theirs != ours:
            raise UserError(f"the Keras layer '{label(link)}' has weights of {theirs}, torch's {link} of {ours}")
        if isinstance(link.layer, TableConv2d) and (arrays[0] * (1 - link.layer.table.cpu().numpy())).any():
            raise UserError(f"Keras has trained connections that {link} does not have", fix="train the table in torch")
        found += zip(tensors, arrays, strict=True)
    with torch.no_grad():
        for tensor, array in found:
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def weights_of(layer: nn.Module) -> list[torch.Tensor]:
    """A layer's tensors in the order in which Keras lists them."""
    found = (getattr(layer, name, None) for name in ("weight", "bias", "running_mean", "running_var"))
    return [tensor for tensor in found if isinstance(tensor, torch.Tensor)]


def turned(array: Array) -> Array:
    """Torch's (O, C, k, k) → (k, k, C, O); transposed convolution's (C, O, k, k) → (k, k, O, C); (out, in) → (in, out)."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def turned_back(array: Array) -> Array:
    """The inverse."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T


def write(predictor: Predictor, folder: Path, facts: Mapping[str, Any]) -> None:
    """network.keras, with normalisation and softmax inside: stored pixels (B, H, W, C) → calibrated probabilities (B, K).

    ``facts`` go into network.json. Raises UserError where a layer has no counterpart, or Keras is not installed.
    """
    keras, preprocessing = extras.keras(), predictor.preprocessing
    pixels = keras.Input((*preprocessing.size, preprocessing.channels), name="pixels")
    variance = [std * std for std in preprocessing.std]
    images = keras.layers.Normalization(mean=preprocessing.mean, variance=variance, name="preprocessing")(pixels)
    logits = through(predictor.network, images)
    offsets = predictor.facts.get("offsets", 0.0)
    calibrated = keras.layers.Rescaling(1 / predictor.temperature, offsets, name="calibration")(logits)
    model = keras.Model(pixels, keras.layers.Softmax(name="probabilities")(calibrated), name="network")
    give_weights(chain(predictor.network, TARGET), model)
    with extras.quiet():
        model.save(folder / FILE)
    (folder / "network.json").write_text(to_json(facts), encoding="utf-8")


def reader(folder: Path) -> Callable[[Array], Array]:
    """The exported file, reloaded: stored pixels (B, C, H, W) → probabilities (B, K)."""
    keras = extras.keras()
    with extras.quiet():
        model = keras.saving.load_model(folder / FILE)  # in safe mode: a file with code in it is refused

    def probabilities(pixels: Array) -> Array:
        found: Array = model.predict_on_batch(pixels.transpose(0, 2, 3, 1).astype(np.float32))
        return np.asarray(found)

    return probabilities
