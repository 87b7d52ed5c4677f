"""The backends of the benchmark: one training step of the same network in each engine, timed in a process of its own.

    python -m neocog.interop.backends BACKEND NETWORK BATCH THREADS SECONDS      one JSON line

Every backend starts from the same weights and images. "lenet": LeNet-5 on 28 × 28; "lstm": the 28 rows of such an image read one
after another by 128 long short-term memory cells (Hochreiter and Schmidhuber 1997), a linear layer on the last state.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog import scratch
from neocog.errors import install
from neocog.interop import extras, nested_loops
from neocog.interop.keras import to_keras
from neocog.networks import build

Array = NDArray[Any]
Step = Callable[[], Any]  # one step of training; the loss, or a tensor with it
Start = tuple[Array, Array, dict[str, Array]]  # images (B, 1, 28, 28), labels (B,), weights under torch's names

RATE, CELLS, CLASSES = 0.1, 128, 10


@dataclass(frozen=True)
class Backend:
    """An engine: its name for people, the networks that it trains, how to make a step, and how exact its losses are."""

    name: str
    networks: tuple[str, ...]
    step: Callable[[str, int, int], Step]
    tolerance: float = 1e-4  # of the loss; bf16 keeps 3 digits
    images: int = 0  # a step; 0: the batch
    block: int = 1  # steps between two looks at the clock: a GPU works ahead of Python, and is waited for there


def start(network: str, batch: int) -> Start:
    """The same images, labels and weights for every engine."""
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((batch, 1, 28, 28), dtype=np.float32), rng.integers(0, CLASSES, batch)
    if network == "lenet":
        return images, labels, scratch.lenet5(seed=0).state_dict()
    shapes = {"lstm.weight_ih_l0": (4 * CELLS, 28), "lstm.weight_hh_l0": (4 * CELLS, CELLS), "lstm.bias_ih_l0": (4 * CELLS,),
              "output.weight": (CLASSES, CELLS), "output.bias": (CLASSES,)}  # fmt: skip
    bound = CELLS**-0.5
    return images, labels, {name: rng.uniform(-bound, bound, s).astype(np.float32) for name, s in shapes.items()}


def loops_step(network: str, batch: int, threads: int) -> Step:
    images, labels, state = start(network, batch)
    return lambda: nested_loops.step(state, images, labels, RATE)


def numpy_step(network: str, batch: int, threads: int) -> Step:
    images, labels, state = start(network, batch)
    model, criterion = scratch.lenet5(), scratch.CrossEntropyLoss()
    model.load_state_dict(state)
    model.threads = threads
    optimizer = scratch.SGD(model.parameters(), lr=RATE)

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        model.backward(criterion.backward())
        optimizer.step()
        return loss

    return step


class RowReader(nn.Module):
    """(B, 1, 28, 28) → (B, 10). Torch adds two biases in each gate; the second stays 0, since Keras has one."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, CELLS, batch_first=True)
        self.output = nn.Linear(CELLS, CLASSES)
        second: Any = self.lstm.bias_hh_l0
        nn.init.zeros_(second).requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        states, _ = self.lstm(images[:, 0])  # (B, 28, cells)
        scores: Tensor = self.output(states[:, -1])
        return scores


def torch_network(network: str, state: Mapping[str, Array]) -> nn.Module:
    model = build("lenet5", 1, (28, 28), CLASSES) if network == "lenet" else RowReader()
    model.load_state_dict({name: torch.tensor(value) for name, value in state.items()}, strict=network == "lenet")
    return model


def torch_step(network: str, batch: int, threads: int, device: str = "cpu", bf16: bool = False) -> Step:
    torch.set_num_threads(threads)
    x, y, state = start(network, batch)
    model, criterion = torch_network(network, state).to(device), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=RATE)
    images, labels = torch.tensor(x, device=device), torch.tensor(y, device=device)

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss: Tensor = criterion(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step


def keras_step(network: str, batch: int, threads: int) -> Step:
    keras = extras.keras()
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    x, y, state = start(network, batch)
    if network == "lenet":
        model, x = to_keras(torch_network(network, state), 1, (28, 28)), x.transpose(0, 2, 3, 1)
    else:
        rows = keras.Input((28, 28))
        model, x = keras.Model(rows, keras.layers.Dense(CLASSES)(keras.layers.LSTM(CELLS)(rows))), x[:, 0]
        model.set_weights([value.T for value in state.values()])  # gates in torch's order: i, f, g, o
    model.compile(keras.optimizers.SGD(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = tensorflow.constant(x), tensorflow.constant(y)

    def step() -> float:
        model.reset_metrics()  # else Keras gives the mean loss of all steps so far
        return float(model.train_on_batch(images, labels))

    return step


def bf16_step(network: str, batch: int, threads: int) -> Step:
    return torch_step(network, batch, threads, bf16=True)


def gpu_step(network: str, batch: int, threads: int) -> Step:
    return torch_step(network, batch, threads, "cuda")


BOTH = ("lenet", "lstm")
BACKENDS = {
    "loops": Backend("nested loops", ("lenet",), loops_step, images=2),
    "numpy": Backend("NumPy by hand", ("lenet",), numpy_step),
    "keras": Backend("Keras/TensorFlow", BOTH, keras_step),
    "torch": Backend("PyTorch fp32", BOTH, torch_step),
    "bf16": Backend("PyTorch bf16", BOTH, bf16_step, tolerance=0.05),
    "gpu": Backend("PyTorch on the GPU", BOTH, gpu_step, tolerance=0.01, block=20),
}


def missing(backend: str, network: str) -> tuple[str, str] | None:
    """Why a backend cannot run on this machine, and the command that mends it; None where it can."""
    if backend == "keras" and not (find_spec("keras") and find_spec("tensorflow")):
        return "Keras and TensorFlow are not installed", install("keras")
    if backend == "gpu" and not torch.cuda.is_available():
        if torch.version.cuda is None:
            return "this PyTorch is built for the processor alone", "pip install --force-reinstall torch torchvision"
        return "there is no GPU that PyTorch can use", "nvidia-smi says what the driver sees"
    if (backend, network) == ("bf16", "lstm"):
        try:
            bf16_step(network, 1, 1)()
        except RuntimeError:
            return "PyTorch has no bf16 LSTM for this processor", "neocog device says what the processor has (AVX-512)"
    return None


def measure(backend: str, network: str, batch: int, threads: int, seconds: float) -> dict[str, Any]:
    """In this process: the losses of two steps on 2 images, then images a second over steps of a whole batch."""
    engine = BACKENDS[backend]
    check = engine.step(network, 2, threads)
    losses = [float(check()), float(check())]
    images = engine.images or batch
    step = check if images == 2 else engine.step(network, images, threads)
    for _ in range(0 if engine.images else 3):  # compiling, and filling caches
        settled(step())
    steps, began = 0, time.perf_counter()
    while steps < 2 or time.perf_counter() - began < seconds:
        for _ in range(engine.block):
            last = step()
        settled(last)
        steps += engine.block
    return {"speed": steps * images / (time.perf_counter() - began), "losses": losses}


def settled(loss: Any) -> None:
    """Wait until a GPU has done what it was told."""
    if isinstance(loss, Tensor) and loss.is_cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    backend, network, batch, threads, seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(measure(backend, network, int(batch), int(threads), float(seconds))) + "\n")
