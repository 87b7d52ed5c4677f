"""Which network learns images where none is named."""

from __future__ import annotations

from neocog.config import Config, ModelConfig
from neocog.data.dataset import BadImage, Dataset

MANY = 10_000  # images from which on the deeper network is worth its time
LEAST, MOST = 17, 64  # pixels a side
SMALL_PICTURES = ModelConfig("airbench", {"widths": (32, 128, 128)})


def learns_small_pictures(config: Config, dataset: Dataset) -> bool:
    """Whether these are many small pictures in colour, such as CIFAR-10's, which a narrow ``airbench`` tells better than ``cnn``
    in the same time (bench/README.md). Options of a network that is not named are those of ``cnn``, which then stays."""
    if config.model.model != "auto" or config.model.options or config.training.engine != "torch":
        return False
    if dataset.form != "images" or len(dataset) < MANY or config.transfer.pretrained:
        return False
    try:
        head = dataset.images.header(0)
    except BadImage:  # which is told, and left out if that is wanted, where all are read
        return False
    sides = config.data.size or (head.height, head.width)
    colours = (config.data.channels or head.channels) == 3 and head.dtype == "uint8"
    return colours and min(sides) >= LEAST and max(sides) <= MOST
