"""Features of a run's training part by its pretrained network, computed once and kept in a file that all its trainings share.

The file is bound to what the features depend on: the network before its head, the preprocessing, the precision, the random changes
of further views, and of each sample the digest of its content. It goes when the run is complete. Letters: n samples, F features,
V views of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch.nn import Module

from neocog.engine.precision import Precision
from neocog.engine.probe import features_of
from neocog.errors import UserError
from neocog.networks.head import head_of
from neocog.progress import Progress
from neocog.run import Run, write_atomically
from neocog.tasks.task import Session

MOST = 1 << 30  # bytes of a file that is worth its place on the disk
Features = tuple[NDArray[np.float32], NDArray[Any], NDArray[np.int64]]


def features_file(run: Run) -> Path:
    return run.folder / "features.safetensors"


def training_features(session: Session, net: Module, precision: Precision, run: Run, progress: Progress) -> Features:
    """((V, n, F) features, (n,) targets, (n,) positions) of the training part, from the file of this run, or of the run that this
    is a stage of; else computed and written there. Several processes compute them each, as their disks may differ."""
    loader = session.loader
    samples, alone = loader.parts["train"], loader.world == 1
    contents, key = session.data.contents.take(samples).stored, _key(net, session, precision)
    for place in (run, Run(run.folder.parent)) if alone else ():
        rows = _rows(features_file(place), key, contents)
        if rows is not None:
            targets = np.concatenate([np.asarray(each) for each in loader.targets.stream([samples])])
            return rows, targets, samples
    views = session.config.transfer.probe_views
    with progress.bar("features", views * len(samples)) as advance:
        every = [features_of(net, loader, "train", precision, advance, view or None) for view in range(views)]
    found, (_, targets, samples) = np.stack([of_view for of_view, *_ in every]), every[0]
    if len(samples) > 1 and not np.ptp(found[0], axis=0).any():
        what = f"these weights make the same features of all {len(samples):,} training images"
        raise UserError(
            what, session.config.transfer.pretrained, "give other weights: there is nothing to tell them apart by"
        )
    if alone and found.nbytes <= MOST and run.folder.is_dir():
        content = save({"features": found, "contents": contents}, {"key": key})
        with suppress(OSError):  # without it they are computed again
            write_atomically(features_file(run), content)
    return found, targets, samples


def _key(net: Module, session: Session, precision: Precision) -> str:
    """What the features depend on beside the samples."""
    head, hashed = head_of(net)[0], hashlib.sha256()
    for name, tensor in net.state_dict().items():
        if not name.startswith(f"{head}."):
            hashed.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    loader, views = session.loader, session.config.transfer.probe_views
    changed = (views, loader.changes, loader.batches.seed) if views > 1 else ()
    for fact in (session.preprocessing, precision.name, loader.device.type, changed):
        hashed.update(repr(fact).encode())
    return hashed.hexdigest()


def _rows(file: Path, key: str, contents: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """The (V, n, F) features of samples with these ``contents`` (n, W); None where the file lacks one, is another's or damaged."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, "numpy") as opened:
            if (opened.metadata() or {}).get("key") != key:
                return None
            there, features = _texts(opened.get_tensor("contents")), opened.get_tensor("features")
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    place = {content: index for index, content in enumerate(there)}
    wanted = _texts(contents)
    if any(content not in place for content in wanted) or features.ndim != 3 or features.shape[1] != len(there):
        return None
    rows: NDArray[np.float32] = features[:, [place[content] for content in wanted]]
    return rows


def _texts(contents: NDArray[np.uint8]) -> Sequence[bytes]:
    return [row.tobytes() for row in contents]
