"""How fast does LeNet-5 train? The self-made NumPy engine, PyTorch, Keras on TensorFlow, and the lecture's nested loops.

    python bench/lenet.py [--rounds 6] [--seconds 3] [--threads 2] [--batch 512] [--clock wall]

tanh, average pooling, 28 × 28, SGD, float32. Each measurement is a process of its own, in turn (A B C A B C …); the first
round is thrown away; figures are medians, and ratios are taken within a round, since a shared machine changes pace between
rounds. On a busy machine ``--threads 1 --clock cpu`` counts seconds of the processor instead. Before the clock starts, every
engine takes the same step from the same weights and must end in the same loss.
JSON lines on stdout, a table on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ENGINES = ("NumPy", "PyTorch", "Keras", "nested loops")
Step = Callable[[], float]


def numpy_step(batch: int, threads: int) -> Step:
    from neocog.scratch import SGD, CrossEntropyLoss, lenet5

    x, y, _ = start(batch)
    model, criterion = lenet5(), CrossEntropyLoss()
    model.threads = threads
    optimizer = SGD(model.parameters(), lr=0.1)

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        model.backward(criterion.backward())
        optimizer.step()
        return loss

    return step


def torch_step(batch: int, threads: int) -> Step:
    import torch

    from neocog.networks.lenet5 import LeNet5

    torch.set_num_threads(threads)
    x, y, state = start(batch)
    model, criterion = LeNet5(1, (28, 28), 10), torch.nn.CrossEntropyLoss()
    model.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, labels = torch.tensor(x), torch.tensor(y)

    def step() -> float:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def keras_step(batch: int, threads: int) -> Step:
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    x, y, state = start(batch)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="tanh"),
            layers.Dense(84, activation="tanh"),
            layers.Dense(10),
        ]
    )
    weights = []
    for name, value in state.items():  # (O, C, k, k) → (k, k, C, O), (out, in) → (in, out)
        if name == "c5.weight":  # Keras flattens (H, W, C), PyTorch (C, H, W)
            value = value.reshape(120, 16, 5, 5).transpose(0, 2, 3, 1).reshape(120, 400)
        weights.append(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
    model.set_weights(weights)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = tf.constant(x.transpose(0, 2, 3, 1)), tf.constant(y)

    def step() -> float:
        model.reset_metrics()  # else Keras gives the mean loss of all steps so far
        return float(model.train_on_batch(images, labels))

    return step


def loops_step(batch: int, threads: int) -> Step:
    from neocog.interop import nested_loops

    x, y, state = start(batch)
    return lambda: nested_loops.step(state, x, y, 0.1)


def start(batch: int) -> tuple[Any, ...]:
    """The same images, labels and weights for everyone."""
    import numpy as np

    from neocog.scratch import lenet5

    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, 1, 28, 28), dtype=np.float32)
    return x, rng.integers(0, 10, batch), lenet5(seed=0).state_dict()


STEPS = {"NumPy": numpy_step, "PyTorch": torch_step, "Keras": keras_step, "nested loops": loops_step}


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def measure(engine: str, batch: int, threads: int, seconds: float, now: Callable[[], float]) -> dict[str, object]:
    """In this process: the loss of a second step on 2 images (a check), then images/s over steps of a whole batch."""
    check = STEPS[engine](2, threads)
    losses = [check(), check()]
    count = 2 if engine == "nested loops" else batch
    step = check if engine == "nested loops" else STEPS[engine](count, threads)
    warm = 0 if engine == "nested loops" else 3
    for _ in range(warm):
        step()
    steps, began = 0, now()
    while steps < 2 or now() - began < seconds:
        step()
        steps += 1
    took = now() - began
    return {"engine": engine, "images_per_second": steps * count / took, "steps": steps, "losses": losses}


def in_process(engine: str, args: argparse.Namespace) -> Any:
    command = [sys.executable, __file__, "--engine", engine, "--seconds", str(args.seconds)]
    command += ["--batch", str(args.batch), "--threads", str(args.threads), "--clock", args.clock]
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
    }
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(args.threads))
    done = subprocess.run(command, env={**os.environ, **quiet, **limits}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def machine(threads: int) -> dict[str, object]:
    def found(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    packages = {name: found(name) for name in ("numpy", "torch", "keras", "tensorflow")}
    return {
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        **packages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6, help="the first is thrown away")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: of all its threads together")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.engine:
        print(json.dumps(measure(args.engine, args.batch, args.threads, args.seconds, CLOCKS[args.clock])))
        return
    rounds: list[dict[str, float]] = []
    for number in range(args.rounds):
        measured = {engine: in_process(engine, args) for engine in args.engines}
        first = next(iter(measured.values()))["losses"]
        for engine, result in measured.items():
            if max(abs(a - b) for a, b in zip(first, result["losses"], strict=True)) > 1e-5:
                raise SystemExit(f"{engine} computes other losses: {result['losses']}, not {first}")
            print(json.dumps({"round": number, "kept": number > 0, **result}), flush=True)
        if number:
            rounds.append({engine: result["images_per_second"] for engine, result in measured.items()})
    print(json.dumps({"machine": machine(args.threads)}))
    table(rounds, args.engines)


def table(rounds: list[dict[str, float]], engines: list[str]) -> None:
    """Medians with lowest and highest, and NumPy's ratio to each, taken round by round."""
    print(
        f"{'':14}{'images/s':>10}{'low':>10}{'high':>10}{'NumPy is × as fast':>22}{'low':>8}{'high':>8}   n",
        file=sys.stderr,
    )
    for engine in engines:
        speeds = [r[engine] for r in rounds]
        ratios = [r["NumPy"] / r[engine] for r in rounds] if "NumPy" in engines else [float("nan")]
        summary: dict[str, Any] = {
            "engine": engine,
            "n": len(rounds),
            "median": statistics.median(speeds),
            "low": min(speeds),
            "high": max(speeds),
        }
        ratio = {"numpy_ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}
        print(json.dumps(summary | ratio))
        line = "".join(
            f"{summary[key]:10,.0f}" if summary[key] > 100 else f"{summary[key]:10.2f}"
            for key in ("median", "low", "high")
        )
        print(
            f"{engine:14}{line}{ratio['numpy_ratio']:22,.2f}{ratio['ratio_low']:8,.2f}{ratio['ratio_high']:8,.2f}   {len(rounds)}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
