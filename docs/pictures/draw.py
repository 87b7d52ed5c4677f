"""Draws the pictures of docs/how-the-gradient-flows.md.  python docs/pictures/draw.py [OUT]"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from neocog.scratch import Conv2d, CrossEntropyLoss, MaxPool2d

ROOT = Path(__file__).resolve().parents[2]


def figure(columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    drawing = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing, list(np.ravel(drawing.subplots(1, columns)))


def grid(axis: Axes, title: str, values: np.ndarray, numbers: bool = True, colours: str = "RdBu_r") -> None:
    """A small matrix as coloured squares, with its numbers in them."""
    most = np.abs(values).max() or 1
    low, high = (
        (-1.6 * most, 1.6 * most) if colours == "RdBu_r" else (min(0, values.min()), most)
    )  # numbers stay legible
    axis.imshow(values, colours, vmin=low, vmax=high)
    if numbers:
        for (row, column), value in np.ndenumerate(values):
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=11)
    axis.set_title(title, fontsize=11)
    axis.set(xticks=[], yticks=[])


def convolution() -> Figure:
    layer = Conv2d(1, 1, 2, bias=False, dtype=np.float64)
    layer.weight.data[:] = [[1, 2], [3, 4]]
    image = np.array([[12.0, 3, 19], [25, 10, 1], [9, 7, 17]])
    one, every = np.array([[0.0, 1], [0, 0]]), np.array([[1.0, 1], [1, 1]])
    drawing, axes = figure(7, (15, 2.6))
    grid(axes[0], "image", image)
    grid(axes[1], "kernel", layer.weight.data[0, 0])
    grid(axes[2], "output", layer(image[None, None])[0, 0])
    grid(axes[3], "blame of one pixel …", one)
    grid(axes[4], "… paints one kernel", layer.backward(one[None, None])[0, 0])
    grid(axes[5], "blame of all …", every)
    grid(axes[6], "… paints all, added up", layer.backward(every[None, None])[0, 0])
    return drawing


def pool() -> Figure:
    digit = np.kron(load_digits().images[12], np.ones((3, 3)))[None, None] / 16
    seen = Conv2d(1, 1, 5, padding=2, dtype=np.float64, seed=3)(digit)
    layer = MaxPool2d(5, stride=3)
    y = layer(seen)
    dy = np.random.default_rng(0).uniform(0.2, 1, y.shape)
    drawing, axes = figure(5, (15, 3.3))
    grid(axes[0], "what the pool saw", seen[0, 0], False, "gray")
    grid(axes[1], "the maxima (5 × 5, stride 3)", y[0, 0], False, "gray")
    grid(axes[2], "mask: who won", layer.mask[0, 0].astype(float), False, "Greys")
    grid(axes[3], "dy: the blame that comes back", dy[0, 0], False, "Reds")
    grid(axes[4], "dx: where it goes", layer.backward(dy)[0, 0], False, "Reds")
    return drawing


def dry(iterations: int) -> Figure:
    lesson, criterion = runpy.run_path(str(ROOT / "examples" / "03_lenet_by_hand.py")), CrossEntropyLoss()
    x, y = lesson["test_x"], lesson["test_y"]
    drawing, axes = figure(2, (13, 3.6))
    layers, bends = ("c1", "c3", "c5", "f6", "output"), ("tanh1", "tanh3", "tanh5", "tanh6")
    runs = {"rate 0.75": (0.75, 0.0), "rate 0.75, L2 penalty 0.028": (0.75, 0.028), "rate 0.3": (0.3, 0.0)}
    for place, (name, how) in enumerate(runs.items()):
        model, _ = lesson["train"](*how, iterations, loss_of=CrossEntropyLoss)
        model.zero_grad()
        criterion(model(x), y)
        model.backward(criterion.backward())
        sizes = [np.linalg.norm(model[layer].weight.grad) for layer in layers]
        axes[0].bar(np.arange(5) + 0.27 * place - 0.27, sizes, 0.25, label=name)
        factors, seen = [], x
        for layer_name, layer in zip(model.names, model.layers, strict=True):
            seen = layer(seen)
            if layer_name in bends:
                factors.append((1 - seen**2).mean())
        axes[1].bar(np.arange(4) + 0.27 * place - 0.27, factors, 0.25, label=name)
    axes[0].set(yscale="log", xticks=np.arange(5), xticklabels=layers)
    axes[0].set_title("norm of the gradient at each layer's weights", fontsize=11)
    axes[1].set(yscale="log", xticks=np.arange(4), xticklabels=bends)
    axes[1].set_title("what each tanh lets through: the mean of 1 − y²", fontsize=11)
    axes[0].legend(fontsize=9)
    return drawing


def main(out: Path, iterations: int = 60) -> None:
    for name, drawing in {"convolution": convolution(), "pool": pool(), "dry": dry(iterations)}.items():
        drawing.savefig(out / f"gradient-{name}.png", dpi=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
