"""A picture that is changed until the answer breaks: by an attack of a given size, or by a corruption of a given severity.

Both are those of `neocog stress`: Auto-PGD within a ball of the largest change of a pixel, and its corruptions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neocog.attacks.apgd import apgd
from neocog.attacks.ball import Ball
from neocog.attacks.goal import Goal, any_other, only
from neocog.data.dataset import Array
from neocog.data.normalise import from_unit_range, in_unit_range
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from neocog.server.asked import Asked
from neocog.server.frame import pack
from neocog.server.seen import form_of
from neocog.tasks import task_of_run
from neocog.tasks.segmentation.report import grey_levels

STRONGEST = 16 / 255
STEPS = 50  # of the attack, as part ``adversarial`` takes
MAGNIFIED = 20  # times the change is shown


def corruptions_for(preprocessing: Preprocessing) -> list[str]:
    """Names of the corruptions that pictures of this kind can have."""
    return [
        name
        for name, each in CORRUPTIONS.items()
        if "images" in each.forms and preprocessing.dtype in each.depths
        if preprocessing.colours == 3 or not each.colour
    ]


def stressed(predictor: Predictor, stored: Array, asked: Asked) -> bytes:
    """The picture, what was changed (magnified about mid-grey), the changed picture; and both answers. Raises UserError."""
    if not task_of_run(predictor).logits or form_of(predictor) != "images":
        what = "only networks that classify images are attacked here"
        raise UserError(what, str(predictor.folder), "`neocog stress RUN` tries the others")
    preprocessing = predictor.preprocessing
    pixels = torch.from_numpy(np.array(fit(stored, preprocessing, asked.name or "the picture")))[None]
    before = in_unit_range(pixels, preprocessing).clamp(0, 1)
    if asked.corruption:
        after, times = in_unit_range(with_corruption(pixels, asked, preprocessing), preprocessing), 1
    else:
        after, times = attacked(predictor, before, asked), MAGNIFIED
    change = (after - before).detach()
    header = {
        "before": answer_to(predictor, before),
        "after": answer_to(predictor, after),
        "largest": float(change.abs().max()) * 255,
        "times": times,
    }
    shown = {"picture": before, "change": 0.5 + times * change, "changed": after}
    return pack(header, {name: grey_levels(each[0].numpy(), 0, 1) for name, each in shown.items()})


def with_corruption(pixels: Tensor, asked: Asked, preprocessing: Preprocessing) -> Tensor:
    if asked.corruption not in corruptions_for(preprocessing) or not 0 <= asked.amount <= len(SEVERITIES):
        raise UserError("there is no such corruption for these pictures", "the message", "load the page again")
    if not int(asked.amount):
        return pixels
    return corrupted(pixels, torch.zeros(1, dtype=torch.int64), asked.corruption, int(asked.amount), preprocessing, 0)


def attacked(predictor: Predictor, images: Tensor, asked: Asked) -> Tensor:
    """The attacked images (1, C, …) in 0 … 1: towards class ``asked.target``, or where this is −1 away from the answer."""
    if not 0 <= asked.amount <= STRONGEST + 1e-9:
        raise UserError(f"changes of {asked.amount * 255:g}/255", "the message", "0 to 16/255")
    if asked.target >= len(predictor.classes):
        raise UserError(f"there is no class {asked.target}", "the message", "load the page again")
    if not asked.amount:
        return images

    def network(given: Tensor) -> Tensor:
        return predictor.outputs(from_unit_range(given, predictor.preprocessing))

    with torch.no_grad():
        answer = network(images).argmax(1)
    goal: Goal = any_other(answer) if asked.target < 0 else only(answer, torch.tensor([asked.target]))
    return apgd(network, images, goal, Ball("linf", asked.amount), [0], STEPS)


def answer_to(predictor: Predictor, images: Tensor) -> dict[str, Any]:
    """The answer to images (1, C, …) in 0 … 1."""
    logits = predictor.of_pixels(from_unit_range(images, predictor.preprocessing))
    shares = predictor.probabilities(logits)[0]
    return {"prediction": predictor.classes[int(logits[0].argmax())], "probabilities": shares.tolist()}
