"""Keras behind torch's names, so that one loop, one checkpoint and one report serve all engines.

``ByKeras`` is a torch module whose output and gradients Keras computes on TensorFlow. The weights are torch's: its twin in
Keras gets them anew before each pass, and gives the running statistics of batch norm back. It begins with the weights that
Keras begins with: Glorot's (2010) uniform ones, and biases of 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neocog.interop import extras
from neocog.interop.keras import from_keras, give_weights, through, turned_back, weights_of
from neocog.interop.keras_layers import TARGET, label
from neocog.interop.layers import chain, one_by_one


class Twin:
    """The Keras model, and the way through it as a graph. It keeps nothing between passes: copies of a module share it."""

    def __init__(self, network: nn.Module, channels: int, size: tuple[int, ...]) -> None:
        keras = extras.keras()
        import tensorflow

        with extras.quiet():
            if not tensorflow.executing_eagerly():
                raise RuntimeError("TensorFlow does not run eagerly")
            tensorflow.config.experimental.enable_op_determinism()
            keras.utils.set_random_seed(int(torch.randint(2**31, ())))  # a function of the run's seed
            images = keras.Input((*size, channels))
            self.model = keras.Model(images, through(network, images))
            self.forward = tensorflow.function(self.model, reduce_retracing=True)
        self.tensorflow = tensorflow
        self.seeds = [layer.seed_generator.state for layer in self.model.layers if hasattr(layer, "seed_generator")]

    def __deepcopy__(self, memo: Any) -> Twin:
        return self

    def seed(self) -> None:
        """Give every dropout its draws of this step, from torch's generator, which is seeded at each step."""
        for state in self.seeds:
            state.assign(torch.randint(2**31, (2,)).numpy().astype(state.dtype))


class ByKeras(nn.Module):
    """``network`` with its names and tensors, computed by Keras. (B, C, H, W) → (B, outputs), float32.

    Raises UserError where ``network`` is not a chain of layers that Keras has, or Keras is not installed. Where hooks listen to
    a layer, torch computes the layers one by one, so that there is something to hear.
    """

    def __init__(self, network: nn.Module, channels: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self._twin = Twin(network, channels, size)
        from_keras(self._twin.model, network)
        self._links = chain(network, TARGET)
        for name, child in network.named_children():
            self.add_module(name, child)

    def forward(self, images: Tensor) -> Tensor:
        if any(link.layer._forward_hooks for link in self._links):
            return one_by_one(self._links, images)
        scores: Tensor = _Pass.apply(images, self, *self.parameters())
        return scores

    def variables(self) -> list[tuple[Tensor, Any]]:
        """Each tensor with its variable in Keras."""
        pairs: list[tuple[Tensor, Any]] = []
        for link in self._links:
            if tensors := weights_of(link.layer):
                pairs += zip(
                    tensors, self._twin.model.get_layer(label(link)).weights, strict=False
                )  # after them: seeds
        return pairs


class _Pass(torch.autograd.Function):
    """The way forward and the way back, told to torch as if the network were one function of images and parameters."""

    @staticmethod
    def forward(context: Any, images: Tensor, net: ByKeras, *parameters: Tensor) -> Tensor:
        twin, wanted = net._twin, any(context.needs_input_grad)
        give_weights(net._links, twin.model)
        if net.training:
            twin.seed()
        pixels = twin.tensorflow.constant(images.detach().float().numpy().transpose(0, 2, 3, 1))
        with twin.tensorflow.GradientTape() as tape:
            if wanted:
                tape.watch(pixels)
            scores = twin.forward(pixels, training=net.training)
        context.net, context.tape, context.pixels, context.scores = net, tape, pixels, scores
        if net.training:
            for tensor, variable in net.variables():
                if not variable.trainable:  # batch norm's running statistics
                    tensor.copy_(torch.from_numpy(variable.numpy()))
        return torch.tensor(scores.numpy())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        net: ByKeras = context.net
        variables = {id(tensor): variable for tensor, variable in net.variables()}
        mine = [variables[id(parameter)].value for parameter in net.parameters()]
        given = net._twin.tensorflow.constant(gradients[0].numpy())
        to_images, *found = context.tape.gradient(context.scores, [context.pixels, *mine], output_gradients=given)
        back = torch.tensor(to_images.numpy().transpose(0, 3, 1, 2)) if context.needs_input_grad[0] else None
        return (back, None, *(torch.tensor(turned_back(array.numpy())) for array in found))
