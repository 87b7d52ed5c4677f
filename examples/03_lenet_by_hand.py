"""The LeNet that is written out by hand, at too high a rate: its weights explode. A penalty mends it; so does a lower rate.

    python examples/03_lenet_by_hand.py [OUT] [--quick]

About 20 seconds on two cores. Writes curves.png and predicted.csv into OUT. Test accuracy: about 0.92 at rate 1.5, 0.85 at
rate 3 with an L2 penalty, and 0.1, that of guessing, at rate 3 without one, where weights pass 10⁴ after a dozen iterations.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from neocog.scratch import L2, SGD, MSELoss, lenet5, predict

plt.switch_backend("Agg")
digits = load_digits()  # 1,797 of 8 × 8 pixels; each pixel becomes 3 × 3, and a border of 2 makes 28 × 28
order = np.random.default_rng(0).permutation(len(digits.target))
images = np.pad(np.kron(digits.images[order] / 16, np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
(train_x, test_x), (train_y, test_y) = np.split(images[:, None], [1400]), np.split(digits.target[order], [1400])
RUNS = {"rate 3": (3.0, 0.0), "rate 3, L2 penalty 0.003": (3.0, 0.003), "rate 1.5": (1.5, 0.0)}
MEASURES = ("loss", "test accuracy", "largest weight", "norm of all weights")


class SquaredError(MSELoss):
    """LeNet's own loss of 1998: the squared difference to a 1 for the right class and a 0 for each other."""

    def __call__(self, scores, labels):
        return super().__call__(scores, np.eye(10)[labels])


def train(rate: float, strength: float, iterations: int, seed: int = 0, loss_of=SquaredError):
    """256 digits at a time, 10 iterations on each lot; the network, and MEASURES of every iteration until all is lost."""
    model, criterion, penalty = lenet5(seed=seed), loss_of(), L2(strength)
    optimizer, rng, rows = SGD(model.parameters(), rate), np.random.default_rng(seed + 1), []
    for iteration in range(iterations):
        if iteration % 10 == 0:
            batch = rng.permutation(len(train_x))[:256]
        optimizer.zero_grad()
        loss = criterion(model(train_x[batch]), train_y[batch])
        penalty(model.parameters())  # λ Σ w²
        model.backward(criterion.backward())
        penalty.backward()  # adds 2 λ w to every gradient
        optimizer.step()
        right = predict(model, test_x).argmax(axis=1) == test_y
        weights = np.concatenate([parameter.data.ravel() for parameter in model.parameters()])
        rows.append((loss, right.mean(), np.abs(weights).max(), np.linalg.norm(weights)))
        if np.abs(weights).max() > 1e6:
            break
    return model, np.array(rows)


def main(out: Path, iterations: int = 100):
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.4), layout="constrained")
    ends = {}
    for name, how in RUNS.items():
        model, rows = train(*how, iterations)
        ends[name] = dict(zip(MEASURES, rows[-1].tolist(), strict=True))
        print(f"{name:28}", *(f"{measure} {value:8.3g}" for measure, value in ends[name].items()), sep="   ")
        for axis, measure, line in zip(axes, MEASURES, rows.T, strict=True):
            axis.plot(line, label=name)
            axis.set_title(f"{measure}, by iteration", fontsize=10)
            axis.set_yscale("linear" if measure == "test accuracy" else "log")
    axes[0].legend(fontsize=8)
    figure.savefig(out / "curves.png", dpi=110)
    predicted = predict(model, test_x[:50]).argmax(axis=1)
    np.savetxt(out / "predicted.csv", np.c_[predicted, test_y[:50]], "%d", ",", header="predicted,actual", comments="")
    print(f"at rate 1.5, {(predicted == test_y[:50]).sum()} of 50 digits are taken for what they are; look into {out}")
    return ends


if __name__ == "__main__":
    folder = Path(next((name for name in sys.argv[1:] if name != "--quick"), tempfile.mkdtemp()))
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, 20 if "--quick" in sys.argv else 100)
