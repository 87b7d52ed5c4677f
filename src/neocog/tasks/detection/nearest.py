"""What needs no network: the boxes of the training image that looks most like the one at hand.

Who is better than this has not only learned how many objects such images usually have, and where. Letters: n images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neocog.data.boxes import Boxes
from neocog.data.thumbnails import CELLS, Floats, thumbnails, unpacked
from neocog.metrics.counted_boxes import Compared, precision_measures, threshold_measures
from neocog.metrics.detection import Objects, match
from neocog.predictor import Predictor
from neocog.records import Measure
from neocog.tasks.evaluation import Samples

MOST = 2_000  # training images among which the nearest is sought


def nearest(predictor: Predictor, samples: Samples) -> NDArray[np.int64]:
    """(n,) the training image whose small picture is nearest to that of each sample, as the network gets them; −1 where one has
    nothing in it. Of many training images ``MOST`` are looked at, spread over all."""
    assert samples.trained is not None
    known = np.sort(samples.trained)[:: -(-len(samples.trained) // MOST)]
    both = [_small(predictor, samples, positions) for positions in (known, samples.positions)]
    (first, there), (second, shown) = both
    found = np.full(len(samples), -1, np.int64)
    if there.any():
        apart = (
            np.square(first[there]).sum(axis=1)[None] - 2 * second[shown] @ first[there].T
        )  # less what is the same for all
        found[shown] = known[there][apart.argmin(axis=1)]
    return found


def _small(predictor: Predictor, samples: Samples, positions: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Thumbnails (n, 304) in the order of ``positions`` (n,), and where there are any: nothing is seen in a plain image."""
    kept = dict[int, bytes]()
    for where, pixels in samples.batches(predictor.preprocessing, positions):
        kept |= zip(where.tolist(), thumbnails(np.moveaxis(pixels.numpy(), 1, -1)), strict=True)
    texts = [kept[index] for index in positions.tolist()]
    there = np.array([bool(text) for text in texts], np.bool_)
    cells = np.zeros((len(texts), CELLS), np.float32)
    if there.any():
        cells[there] = unpacked([text for text in texts if text])[0]
    return cells, there


def boxes_of_nearest(boxes: Boxes, samples: NDArray[np.int64], near: NDArray[np.int64]) -> Objects:
    """The boxes of ``near`` (n,) at the sizes of ``samples`` (n,), whose places are their images; what is ignored left out."""
    image, label, corners = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 4))]
    for place, (index, other) in enumerate(zip(samples.tolist(), near.tolist(), strict=True)):
        if other < 0:
            continue
        four, labels, ignored = boxes.of(other)
        scale = np.tile((boxes.sizes[index] / boxes.sizes[other])[::-1], 2)
        image.append(np.full(int((~ignored).sum()), place, np.int64))
        label.append(labels[~ignored])
        corners.append(four[~ignored] * scale)
    where = np.concatenate(image)
    ones, none = np.ones(len(where)), np.zeros(len(where), np.bool_)
    return Objects(where, np.concatenate(label), np.concatenate(corners), ones, none)


def measures_of_nearest(compared: Compared, predictor: Predictor, samples: Samples) -> dict[str, Measure]:
    """What the network is measured by, of the nearest training images' boxes instead. ``compared``: its own boxes and the truth."""
    boxes = samples.dataset.boxes
    assert boxes is not None
    found = boxes_of_nearest(boxes, samples.positions, nearest(predictor, samples))
    own = Compared(compared.truth, found, match(compared.truth, found), compared.n, compared.classes)
    every = [0.0] * len(compared.classes)
    measures = precision_measures(own, samples.groups, samples.seed)[0]
    return measures | threshold_measures(own, every, samples.groups, samples.seed)[0]
