"""What a network for sequences looks at: gradient × input along a sequence, and the motifs of its first filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neocog.attribution.attribution import gradient_input, scaled
from neocog.data.dataset import Array
from neocog.data.normalise import normalise
from neocog.predictor import Predictor
from neocog.records import Section
from neocog.tasks.classification.sequences import sequences_section
from neocog.tasks.task import Session

SHOWN, SEEN = 6, 256  # examples; sequences in which motifs are looked for
MOTIFS = 24
STRONG = 0.7  # of a filter's largest answer: windows above it make its motif


def reading_section(session: Session, predictor: Predictor, samples: NDArray[np.int64], predicted: Array) -> Section:
    """``samples`` (n,) of the test part and the classes (n,) predicted for them."""
    network = predictor.network
    chosen = np.unique(np.linspace(0, len(samples) - 1, min(SEEN, len(samples))).astype(int))
    pixels = torch.as_tensor(next(iter(session.loader.store.stream([samples[chosen]])))).to(session.loader.device)
    inputs = normalise(pixels, session.preprocessing)  # (n, 4, 1, L)
    places = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(SHOWN, len(chosen))).astype(int))]
    rows = np.searchsorted(chosen, places)
    strengths = saliency(network, inputs[rows], torch.as_tensor(predicted[places]))
    names, classes = session.dataset.names, session.dataset.classes
    examples = [
        (str(names[samples[place]]), classes[predicted[place]], inputs[row, :, 0].cpu().numpy(), strength)
        for place, row, strength in zip(places, rows, strengths, strict=True)
    ]
    return sequences_section(examples, motifs(network, inputs))


def saliency(network: nn.Module, inputs: Tensor, classes: Tensor) -> Array:
    """(n, L) in 0 … 1: |gradient × input| of each sample's class, smoothed over 5 letters, its largest 1."""
    return smoothed(gradient_input(network, inputs, lambda out: out.float().gather(1, classes.to(out.device)[:, None])))


def smoothed(strength: Tensor) -> Array:
    """(n, 1, L) → (n, L): means over 5 letters, each sample's largest 1."""
    found: Array = scaled(nn.functional.avg_pool1d(strength, 5, 1, 2)[:, 0]).cpu().numpy()
    return found


@torch.no_grad()
def motifs(network: nn.Module, inputs: Tensor) -> list[tuple[int, Array, int]]:
    """(filter, frequencies (4, k), windows) of the first convolution: the mean letters where it answers most strongly.

    Alipanahi et al. 2015 (DeepBind): windows whose answer exceeds a share of the filter's largest.
    """
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None:
        return []
    caught: list[Any] = []
    hook = first.register_forward_hook(lambda _layer, given, answer: caught.append((given[0], answer)))
    try:
        network(inputs)
    finally:
        hook.remove()
    answer = caught[0][1][:, :, 0]  # (n, filters, places)
    width, step, pad = first.kernel_size[1], first.stride[1], int(first.padding[1])
    letters = nn.functional.pad(inputs[:, :, 0], (pad, pad))  # (n, 4, L)
    windows = letters.unfold(2, width, step)  # (n, 4, places, k)
    found = []
    for index in range(min(MOTIFS, answer.shape[1])):
        largest = answer[:, index].max()
        strong = answer[:, index] >= STRONG * largest
        if largest <= 0 or not strong.any():
            continue
        frequencies = windows.movedim(1, 2)[strong].mean(0)  # (4, k)
        found.append((index, frequencies.cpu().numpy(), int(strong.sum())))
    return found
