"""From what ``--from`` names to weights on this machine."""

from __future__ import annotations

from neocog.config import Config
from neocog.networks import encoder_of
from neocog.networks.backbones import segmenter_of
from neocog.pretrained.download import fetched
from neocog.pretrained.origin import Origin, origin_of
from neocog.pretrained.source import Source
from neocog.pretrained.tensors import sha256
from neocog.progress import Progress


def source_of(config: Config, purpose: str, progress: Progress) -> Source | None:
    """The weights that ``--from`` names, on this machine; None without it. ``purpose``: of the network, one of
    ``networks.PURPOSES``. Raises UserError."""
    if not config.transfer.pretrained:
        return None
    origin = origin_of(config, progress)
    needs = origin.needs.whole() if purpose == "masks" else origin.needs
    model = config.model.model if config.model.model != "auto" else model_for(origin, purpose)
    file = origin.file or fetched(origin.url, origin.cached, progress)
    options = origin.options if model == model_for(origin, purpose) else {}
    return Source(origin.name, model, file, sha256(file), needs, options, not origin.file, origin.note)


def model_for(origin: Origin, purpose: str) -> str:
    """The network that gives what the task needs and holds what these weights are of. Raises UserError."""
    return segmenter_of(origin.model) if purpose == "masks" else encoder_of(origin.model)
