"""The network for ``neocog.scratch`` alone: weights, a list of layers, and the few lines that put them together. No torch."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.numpy
from numpy.typing import NDArray

from neocog.interop.scratch import layer_specs, to_scratch
from neocog.predictor import Predictor
from neocog.run import to_json

Array = NDArray[Any]

CODE = '''\
"""A trained network in NumPy: predict(pixels) gives probabilities. Needs neocog.scratch and nothing else."""

import json
from pathlib import Path

import numpy as np
from neocog import scratch

folder = Path(__file__).parent
facts = json.loads((folder / "network.json").read_text(encoding="utf-8"))
network = scratch.Sequential({row["name"]: getattr(scratch, row["layer"])(**row["arguments"]) for row in facts["layers"]})
scratch.load(network, folder / "weights.safetensors")
network.eval()
mean, std = (np.array(facts["preprocessing"][name], np.float32)[:, None, None] for name in ("mean", "std"))


def predict(pixels):
    """Pixels (B, C, H, W) as the files hold them → probabilities (B, classes)."""
    logits = network((pixels.astype(np.float32) - mean) / std)
    return scratch.Softmax()(logits / facts["temperature"] + np.array(facts["offsets"], np.float32))
'''

README = """\
# A network for NumPy

`weights.safetensors` holds the weights, `network.json` the layers, the classes and the preprocessing. `predict.py` puts
them together, in {lines} lines of NumPy (`pip install neocog`):

```python
from predict import facts, predict

probabilities = predict(pixels)  # (B, {outputs}); facts["classes"] names the columns
```

`pixels` is an array (B, {channels}, {height}, {width}) of {dtype}: B images in the units of their files, channels first.
"""


def write(predictor: Predictor, folder: Path, facts: dict[str, Any]) -> None:
    """weights.safetensors, network.json, predict.py, README.md. Raises UserError where a layer has no counterpart."""
    layers = [
        {"name": name, "layer": kind.__name__, "arguments": arguments}
        for name, (kind, arguments) in layer_specs(predictor.network).items()
    ]
    weights = to_scratch(predictor.network).state_dict()
    (folder / "weights.safetensors").write_bytes(safetensors.numpy.save(weights))
    (folder / "network.json").write_text(to_json({**facts, "layers": layers}), encoding="utf-8")
    (folder / "predict.py").write_text(CODE, encoding="utf-8")
    preprocessing, lines = predictor.preprocessing, len([line for line in CODE.splitlines() if line])
    height, width = preprocessing.size
    readme = README.format(
        lines=lines, outputs=len(predictor.classes), channels=preprocessing.channels, height=height, width=width,
        dtype=preprocessing.dtype,
    )  # fmt: skip
    (folder / "README.md").write_text(readme, encoding="utf-8")


def reader(folder: Path) -> Callable[[Array], Array]:
    """What was exported, reloaded: stored pixels (B, C, H, W) → probabilities (B, K)."""
    predict: Callable[[Array], Array] = runpy.run_path(str(folder / "predict.py"))["predict"]
    return predict
