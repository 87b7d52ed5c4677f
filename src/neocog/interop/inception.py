"""Inception-v3 with the weights of 2015 that the literature's FID is taken on (Heusel et al. 2017), through torch-fidelity."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.errors import UserError
from neocog.interop.extras import extra, quiet

CHUNK = 32  # images of 299 × 299 at once


class Inception:
    """Raises UserError where torch-fidelity is missing, or its weights can be neither found nor fetched."""

    def __init__(self) -> None:
        with quiet():
            (module,) = extra("fidelity", "torch_fidelity.feature_extractor_inceptionv3")
            path = weights(module.URL_INCEPTION_V3)
            net = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net: Any = net.to(self.device)

    @torch.no_grad()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """RGB (n, 3, H, W) → (n, 2048), after the last pooling."""
        chunks = [torch.from_numpy(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]
        found: NDArray[np.float64] = (
            torch.cat([self.net(piece.to(self.device))[0].cpu() for piece in chunks]).double().numpy()
        )
        return found


def weights(url: str) -> Path:
    """The published file, where torch.hub keeps such: fetched once, its hash (a part of its name) checked each time."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    published = path.stem.rsplit("-", 1)[-1]  # the first letters of the SHA-256
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), published)
        except (URLError, OSError, RuntimeError) as error:
            if isinstance(error, HTTPError):
                error.close()
            reason = getattr(error, "reason", error)
            raise UserError(f"no download of Inception's weights: {reason}", url, f"put the file at {path}") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        # torch-fidelity unpickles without care: a file that holds more than tensors never gets there
        with quiet():
            safe = digest.startswith(published) and bool(torch.load(path, map_location="meta", weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        safe = False
    if not safe:
        raise UserError("not the published weights of Inception", str(path), "delete the file: it is fetched again")
    return path
