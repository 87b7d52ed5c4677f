"""The NumPy engine behind torch's names, so that one loop, one checkpoint and one report serve both engines.

``NumpyModule`` is a torch module whose output and gradients are computed by ``neocog.scratch``; ``NumpyOptimizer`` is a torch
optimizer that moves the weights by ``neocog.scratch``. Weights, running statistics and the optimizer's memory are torch
tensors and NumPy arrays at once: two views of the same numbers.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neocog import scratch
from neocog.interop.layers import chain, one_by_one
from neocog.interop.scratch import TARGET, share, to_scratch


class NumpyModule(nn.Module):
    """``model`` with its names and tensors, computed by the NumPy engine. (B, C, H, W) → (B, outputs), float32.

    Raises UserError where ``model`` is not a chain of layers that the engine has. Dropout follows torch's default generator.
    Where hooks listen to a layer, torch computes the layers one by one, so that there is something to hear.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._hand = to_scratch(model)
        self._links = chain(model, TARGET)
        self._passes = 0
        for name, child in model.named_children():
            self.add_module(name, child)

    def forward(self, images: Tensor) -> Tensor:
        if any(link.layer._forward_hooks for link in self._links):
            return one_by_one(self._links, images)
        share(self._hand, self)  # anew: moving, copying or loading a module may have given it other tensors
        self._hand.train(self.training)
        self._hand.threads = torch.get_num_threads()
        if self.training:
            self._hand.seed(int(torch.randint(2**62, ())))
        scores: Tensor = _Pass.apply(images, self, *self.parameters())
        return scores


class _Pass(torch.autograd.Function):
    """The way forward and the way back, told to torch as if the network were one function of images and parameters."""

    @staticmethod
    def forward(context: Any, images: Tensor, net: NumpyModule, *parameters: Tensor) -> Tensor:
        net._passes += 1
        context.net, context.number, context.count = net, net._passes, len(parameters)
        return torch.from_numpy(np.ascontiguousarray(net._hand.forward(images.detach().float().numpy())))

    @staticmethod
    def backward(context: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        net: NumpyModule = context.net
        if context.number != net._passes:  # the layers remember one pass
            raise RuntimeError("this is not the way back of the newest way forward, which is the only one remembered")
        hand = net._hand
        hand.zero_grad()
        to_images = hand.backward(grads[0].numpy(), to_input=context.needs_input_grad[0])
        found = {name: parameter.grad for name, parameter in hand.named_parameters()}
        hand.zero_grad()  # torch adds them up from here on
        gradients = (found[name] for name, _ in net.named_parameters())
        return (_tensor(to_images), None, *map(_tensor, gradients))


def _tensor(array: scratch.module.Array | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


class NumpyOptimizer(torch.optim.Optimizer):
    """``neocog.scratch``'s SGD, RMSprop, Adam or AdamW as a torch optimizer: ``state_dict`` holds all that it remembers."""

    RULES: ClassVar = {"SGD": scratch.SGD, "RMSprop": scratch.RMSprop, "Adam": scratch.Adam, "AdamW": scratch.AdamW}
    OPTIONS = ("lr", "momentum", "dampening", "nesterov", "alpha", "betas", "eps", "weight_decay")

    @classmethod
    def like(cls, optimizer: torch.optim.Optimizer) -> NumpyOptimizer:
        """The same rule, options and parameters as one of torch's that has not made a step."""
        groups = [
            {"params": group["params"], **{name: group[name] for name in (*cls.OPTIONS, "factor") if name in group}}
            for group in optimizer.param_groups
        ]
        return cls(groups, {"rule": type(optimizer).__name__})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            options = {name: group[name] for name in self.OPTIONS if name in group}
            rule = self.RULES[group["rule"]]([], **options)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    state = self.state[parameter]
                    memory = {name: tensor.numpy() for name, tensor in state.items()}
                    rule.move(parameter.numpy(), parameter.grad.numpy(), memory, group["lr"])
                    for name in memory.keys() - state.keys():  # made by the first step, and then changed in place
                        state[name] = torch.from_numpy(memory[name])
