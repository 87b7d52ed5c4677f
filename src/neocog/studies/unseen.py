"""None of these: classes that were set aside say where to cut, and how well that works."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.dataset import Dataset
from neocog.data.feed import Streamed
from neocog.data.normalise import normalise
from neocog.data.preprocessing import Preprocessing
from neocog.measures import wilson
from neocog.measures.unseen import best_cut, known_from_unseen
from neocog.run import Measure, Section, Table, Text

BATCH = 512


@torch.no_grad()
def surety(network: torch.nn.Module, data: Dataset, recipe: Preprocessing) -> NDArray[np.float32]:
    """(n,) the largest logit of every sample: Hendrycks et al. 2022, "Scaling out-of-distribution detection"."""
    network.eval()
    device = next(network.parameters()).device
    wanted = (np.arange(start, min(start + BATCH, len(data))) for start in range(0, len(data), BATCH))
    found = [
        network(normalise(torch.as_tensor(pixels).to(device), recipe)).float().amax(1).cpu().numpy()
        for pixels in Streamed(data.images, recipe).stream(wanted)
    ]
    return np.concatenate(found)


def judge_unseen(
    scores: NDArray[np.float32], unseen: Dataset, validation: NDArray[np.float32], test: NDArray[np.float32]
) -> tuple[float, dict[str, Measure], Section]:
    """The threshold, its measures on the test part, and their chapter. Scores: largest logits.

    Every other class that was set aside sets the threshold, together with the validation part; the others and the test
    part judge it, so that nothing is judged by what it was chosen with.
    """
    sets = unseen.labels % 2 == 0
    cut = best_cut(validation, scores[sets])
    strangers = scores[~sets]
    names = np.array(unseen.classes)[unseen.labels[~sets]]
    groups = np.concatenate([np.array([f"known {i}" for i in range(len(test))]), np.char.add("unseen ", names)])
    refused, kept = int((strangers < cut).sum()), int((test >= cut).sum())
    measures = {
        "unseen_auroc": known_from_unseen(test, strangers, groups),
        "unseen_refused": Measure(refused / len(strangers), *wilson(refused, len(strangers)), len(strangers)),
        "known_kept": Measure(kept / len(test), *wilson(kept, len(test)), len(test)),
    }
    away = len(unseen.classes)
    text = (
        f"{away} classes were set aside, and no network saw them: {(away + 1) // 2} of them set the threshold on the largest "
        f"logit ({cut:.3g}), the other {away // 2} judge it. Below it the answer is “none of these”."
    )
    rows = tuple(
        (name, f"{m.value:.4f}", m.interval, m.n)
        for name, m in zip(("AUROC, known from unseen", "unseen refused", "known kept"), measures.values(), strict=True)
    )
    table = Table(("measure", "value", "95 % interval", "n"), rows, "AUROC's interval is over classes and samples.")
    return cut, measures, Section("None of these", (Text(text), table), "unseen")
