"""What ``bench/transfer.py --ways fastai`` runs, by the Python of an environment that has fastai: its usual recipe.

    python bench/fastai_beside.py FOLDER WEIGHTS EPOCHS SEED THREADS

``vision_learner(…).fine_tune(EPOCHS)`` as its documentation begins, from the same weights, on FOLDER/train, measured once on
FOLDER/test: nothing is validated before. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fastai.callback.progress  # gives a learner no_bar
import fastai.callback.schedule  # noqa: F401 … and fine_tune
import torch
from fastai.callback.core import Callback, CancelValidException
from fastai.data.transforms import Normalize
from fastai.metrics import accuracy
from fastai.torch_core import set_seed
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.data import ImageDataLoaders
from fastai.vision.learner import vision_learner
from safetensors.torch import load_file


class Unvalidated(Callback):  # type: ignore[misc]
    """The test pictures are looked at once, at the end."""

    def before_validate(self) -> None:
        raise CancelValidException


folder, weights, epochs, seed, threads = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
set_seed(seed, reproducible=True)
changes = [*aug_transforms(size=224), Normalize.from_stats([0.5] * 3, [0.5] * 3)]  # as these weights need it
batch = min(
    64, max(8, len([*(folder / "train").glob("*/*")]) // 10)
)  # as neocog takes it: its own 64 leaves no step of few
data = ImageDataLoaders.from_folder(
    folder, train="train", valid="test", item_tfms=Resize(256), batch_tfms=changes, bs=batch, num_workers=0
)
learn = vision_learner(data, Path(weights).stem, metrics=accuracy, pretrained=False, normalize=False)
found = learn.model[0].model.load_state_dict(load_file(weights), strict=False)
assert not found.missing_keys, found.missing_keys
with learn.no_bar(), learn.no_logging():
    learn.fine_tune(epochs, cbs=Unvalidated())
    measured = learn.validate()
print(json.dumps({"accuracy": float(measured[1]), "epochs": epochs}))
