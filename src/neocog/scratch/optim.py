"""How the weights move: each optimizer is a few lines from gradient to step, in order of increasing complexity.

``step()`` moves every parameter in place by its ``grad``; ``step(lr=…)`` does so at another rate (a schedule is the caller's).
Weight decay λ adds λw to the gradient, the derivative of the L2 penalty λ/2 ‖w‖²; ``l1`` adds l1·sign(w), that of l1·Σ|w|.
Gradient descent on the whole data is ``SGD`` whose one batch is all the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from neocog.scratch.module import Array, Parameter


class Optimizer:
    """Parameters, a rate, the penalties' gradient, and a memory of arrays for each parameter."""

    def __init__(self, parameters: Iterable[Parameter], lr: float, weight_decay: float, l1: float) -> None:
        self.parameters = list(parameters)
        self.lr, self.weight_decay, self.l1 = lr, weight_decay, l1
        self.memory: list[dict[str, Array]] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients, which otherwise add up."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self, lr: float | None = None) -> None:
        """Move every parameter that has a gradient."""
        for parameter, memory in zip(self.parameters, self.memory, strict=True):
            if parameter.grad is not None:
                self.move(parameter.data, parameter.grad, memory, self.lr if lr is None else lr)

    def move(self, w: Array, grad: Array, memory: dict[str, Array], lr: float) -> None:
        raise NotImplementedError

    def penalised(self, w: Array, grad: Array, weight_decay: float) -> Array:
        """∂(loss + penalties)/∂w."""
        if weight_decay:
            grad = grad + weight_decay * w
        if self.l1:
            grad = grad + self.l1 * np.sign(w)
        return grad

    def state_dict(self) -> dict[str, Array]:
        """The whole memory as a flat dict of arrays, ``{"0.momentum_buffer": …}``: with it, a resumed run goes on exactly."""
        return {f"{i}.{name}": array.copy() for i, memory in enumerate(self.memory) for name, array in memory.items()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raises ValueError for names or shapes that are not of these parameters; then nothing has been changed."""
        memory: list[dict[str, Array]] = [{} for _ in self.parameters]
        for key, value in state.items():
            number, _, name = key.partition(".")
            if not number.isdecimal() or int(number) >= len(memory):
                raise ValueError(f"optimizer state '{key}' has no parameter: there are {len(memory)}")
            shape = self.parameters[int(number)].data.shape
            if value.shape not in (shape, ()):
                raise ValueError(f"optimizer state '{key}' is {value.shape}, its parameter {shape}")
            memory[int(number)][name] = value.copy()
        self.memory = memory


class SGD(Optimizer):
    """w ← w − lr·v, v ← momentum·v + (1 − dampening)·grad; Nesterov looks ahead: w ← w − lr·(grad + momentum·v)."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, l1)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(f"Nesterov needs momentum > 0 and no dampening; these are {momentum} and {dampening}")
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov

    def move(self, w: Array, grad: Array, memory: dict[str, Array], lr: float) -> None:
        grad = self.penalised(w, grad, self.weight_decay)
        if self.momentum:
            if "momentum_buffer" not in memory:
                memory["momentum_buffer"] = grad.copy()  # the first step is not dampened, as in PyTorch
            else:
                memory["momentum_buffer"] *= self.momentum
                memory["momentum_buffer"] += (1 - self.dampening) * grad
            v = memory["momentum_buffer"]
            grad = grad + self.momentum * v if self.nesterov else v
        w -= lr * grad


class RMSprop(Optimizer):
    """w ← w − lr · grad / (√v + ε), v ← αv + (1 − α)grad²: each weight's step by its own usual gradient. Hinton (2012).

    With ``momentum``, u ← momentum·u + grad / (√v + ε) takes the fraction's place, as in PyTorch.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        *,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, l1)
        self.alpha, self.eps, self.momentum = alpha, eps, momentum

    def move(self, w: Array, grad: Array, memory: dict[str, Array], lr: float) -> None:
        grad = self.penalised(w, grad, self.weight_decay)
        v = memory.setdefault("square_avg", np.zeros_like(w))
        v *= self.alpha
        v += (1 - self.alpha) * grad * grad
        towards = grad / (np.sqrt(v) + self.eps)
        if self.momentum:
            u = memory.setdefault("momentum_buffer", np.zeros_like(w))
            u *= self.momentum
            u += towards
            towards = u
        w -= lr * towards


class Adam(Optimizer):
    """w ← w − lr · m̂ / (√v̂ + ε), with m and v the running means of grad and grad², without their bias towards 0.

    m ← β₁m + (1 − β₁)grad, v ← β₂v + (1 − β₂)grad², m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ). Kingma and Ba (2015).
    """

    decoupled = False  # True: weight decay acts on the weights themselves

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, l1)
        self.betas, self.eps = betas, eps

    def move(self, w: Array, grad: Array, memory: dict[str, Array], lr: float) -> None:
        if self.decoupled:
            w *= 1 - lr * self.weight_decay
        grad = self.penalised(w, grad, 0.0 if self.decoupled else self.weight_decay)
        if not memory:
            memory.update(step=np.zeros((), np.int64), exp_avg=np.zeros_like(w), exp_avg_sq=np.zeros_like(w))
        memory["step"] += 1
        t, m, v, (one, two) = int(memory["step"]), memory["exp_avg"], memory["exp_avg_sq"], self.betas
        m += (1 - one) * (grad - m)
        v *= two
        v += (1 - two) * grad * grad
        w -= lr / (1 - one**t) * m / (np.sqrt(v) / np.sqrt(1 - two**t) + self.eps)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly, w ← (1 − lr·λ)w, not through m and v. Loshchilov and Hutter (2019)."""

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        l1: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, l1=l1)


class L1:
    """The penalty λ Σ|w|, to add to the loss; ``backward`` adds its gradient λ sign(w) to each parameter's."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, parameters: Iterable[Parameter]) -> float:
        self.parameters = list(parameters)
        return self.strength * float(sum(np.abs(p.data).sum() for p in self.parameters))

    def backward(self) -> None:
        for p in self.parameters:
            p.accumulate(self.strength * np.sign(p.data))


class L2:
    """The penalty λ ‖w‖² = λ Σ w²; its gradient is 2λw: the same as ``weight_decay=2λ``."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, parameters: Iterable[Parameter]) -> float:
        self.parameters = list(parameters)
        return self.strength * float(sum((p.data * p.data).sum() for p in self.parameters))

    def backward(self) -> None:
        for p in self.parameters:
            p.accumulate(2 * self.strength * p.data)
