"""Whether a network with depthwise convolutions learns sooner in bf16 or in fp32, by trying: their way backward in bf16 is several
times slower on some processors that multiply it fast everywhere else. All other networks take what the processor has."""

from __future__ import annotations

import json
from dataclasses import replace

import torch
from torch import nn

from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.precision import by_trial
from neocog.engine.threads import FEW, timed

CLEARLY = 0.9  # of the time in bf16 that fp32 must need at most, so that chance decides seldom
PATIENCE = 3.0  # s of each of the two, after two steps


def settled(loop: Loop, learner: Learner) -> Loop:
    """``loop`` in the precision that a trial before the first step finds quicker, which the counters keep. Only on a processor,
    where bf16 was chosen for it, and nobody named a precision. The first of several processes decides for all."""
    counters, open_ = learner.counters, loop.config.precision == "auto" and loop.precision.name == "bf16"
    if not open_ or loop.loader.device.type != "cpu" or not is_depthwise(learner):
        return loop
    if not counters.precision and not 0 < counters.steps - counters.step < FEW:
        plain, number = by_trial(loop.precision, "fp32"), torch.get_num_threads()
        times = [
            timed(replace(loop, precision=one), learner, [number], PATIENCE)[number] for one in (loop.precision, plain)
        ]
        slow, quick = json.loads(loop.ranks.broadcast_text(json.dumps(times)))
        counters.precision = "fp32" if quick < CLEARLY * slow else "bf16"
    return replace(loop, precision=by_trial(loop.precision, counters.precision or "bf16"))


def is_depthwise(learner: Learner) -> bool:
    """Whether a network has convolutions of a channel each."""
    modules = (module for net in learner.nets.values() for module in net.modules())
    return any(isinstance(one, nn.Conv2d | nn.Conv3d) and one.groups == one.in_channels > 1 for one in modules)
