"""What an answer has beside classes, as the page shows it: values, a mask in colours, boxes, a picture; and drawn pictures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from neocog.data.dataset import Array
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.server.asked import RELOAD, Asked
from neocog.server.frame import pack
from neocog.tasks import task_of_run
from neocog.tasks.generative import Generative
from neocog.tasks.segmentation.report import palette
from neocog.tasks.shown import Shown

MOST_DRAWN = 256  # pictures of one request


def panel(predictor: Predictor, shown: Shown, arrays: dict[str, Array]) -> dict[str, Any]:
    """What the header tells of an answer; its pictures are added to ``arrays``. Only what is there."""
    parts: dict[str, Any] = {"values": [asdict(value) for value in shown.values]} if shown.values else {}
    if shown.mask is not None:
        arrays["mask"] = shown.mask
        parts["colours"] = palette(int(max(shown.mask.max(initial=0) + 1, len(predictor.classes)))).tolist()
        parts["objects"] = shown.objects
    if shown.thresholds:
        parts["boxes"], parts["thresholds"] = [asdict(box) for box in shown.boxes], list(shown.thresholds)
        parts["colours"] = palette(len(predictor.classes) + 1)[1:].tolist()
    if shown.image is not None:
        arrays["image"] = shown.image
    return parts | ({"code": list(shown.code)} if shown.code else {})


def decoded(predictor: Predictor, codes: Array, asked: Asked) -> bytes:
    """Pictures (n, H, W, 3) of latent vectors (n, L), and these as they are where a class was asked for. Raises UserError."""
    task = task_of_run(predictor)
    if not isinstance(task, Generative):
        raise UserError(f"a run of {predictor.task} draws no pictures", str(predictor.folder), RELOAD)
    codes = vectors(codes, task.latent(predictor))
    if 0 <= asked.target < len(predictor.classes):
        codes = task.of_classes(predictor, codes, [predictor.classes[asked.target]])
    return pack({}, {"pictures": in_colours(task.decode(predictor, codes)), "codes": codes})


def vectors(codes: Array, latent: int) -> Array:
    """(n, ``latent``) float32, finite. Raises UserError for what the page does not send."""
    sound = codes.ndim == 2 and codes.shape[1] == latent and 0 < len(codes) <= MOST_DRAWN
    if not sound or codes.dtype != np.float32 or not np.isfinite(codes).all():
        raise UserError(f"these are no latent vectors of {latent:,} numbers", "the message", RELOAD)
    return torch.from_numpy(np.array(codes)).clamp(-100, 100).numpy()


def in_colours(pictures: Array) -> Array:
    """(n, H, W, C) bytes → (n, H, W, 3): one channel as grey."""
    return pictures if pictures.shape[-1] == 3 else np.repeat(pictures[..., :1], 3, axis=-1)
