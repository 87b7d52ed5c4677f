"""Inception's features through torch-fidelity: weights fetched once, checked, and never unpickled unseen.

The published weights cannot be had on a machine without a network; the same file with random numbers stands for them.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_fidelity import feature_extractor_inceptionv3 as published

import neocog
from neocog.errors import UserError
from neocog.interop.inception import Inception, weights
from neocog.tasks.gan import features


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(address of a file of weights, the folder that is served)."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "load_state_dict_from_url", lambda *_args, **_kwargs: {})
        patch.setattr(published.FeatureExtractorInceptionV3, "load_state_dict", lambda *_args: None)
        torch.manual_seed(0)
        net = published.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)  # else nothing would be left of the image at the end
    torch.save(net.state_dict(), folder / "weights")
    digest = hashlib.sha256((folder / "weights").read_bytes()).hexdigest()
    name = f"weights-inception-{digest[:8]}.pth"
    (folder / "weights").rename(folder / name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/{name}", folder
        running.shutdown()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: tuple[str, Path]) -> Path:
    """Where the weights will lie; the published address is the local server's."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setattr(published, "URL_INCEPTION_V3", server[0])
    return tmp_path / "hub" / "checkpoints" / server[0].rsplit("/", 1)[-1]


def test_the_features_are_those_of_the_published_network(hub: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 20, 24), dtype=np.uint8)
    found = Inception()(images)
    net = published.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(hub))
    assert found.shape == (3, 2048) and np.allclose(found, net(torch.from_numpy(images))[0].numpy(), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_a_gan_is_judged_by_them(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "FEW", 8)
    settings = {"task": "gan", "epochs": 1, "width": 4, "latent": 8, "threads": 1, "batch": 256, "quiet": True}
    run = neocog.train("digits", tmp_path / "run", extractor="inception", **settings)
    found = json.loads(run.result.read_text())
    test = found["measures"]["test"]
    assert found["extractor"].startswith("Inception-v3") and "Inception-v3" in run.report.read_text()
    assert test["fid"]["n"] == 8 and test["fid"]["value"] > 0 and "recognised" not in test
    assert not (run.folder / "extractor").exists()
    again = neocog.evaluate(run, quiet=True)
    assert again["measures"]["test"]["fid"]["value"] == pytest.approx(test["fid"]["value"], rel=1e-6)


def test_the_weights_are_fetched_once(hub: Path, server: tuple[str, Path]) -> None:
    assert weights(server[0]) == hub
    assert weights(server[0].replace("127.0.0.1", "nowhere.invalid")) == hub


def test_without_a_network_the_error_says_where_to_put_the_file(hub: Path, server: tuple[str, Path]) -> None:
    with pytest.raises(UserError, match="no download of Inception's weights") as error:
        weights(server[0].replace("weights", "none"))
    assert str(hub.parent / f"none{hub.name[len('weights') :]}") in str(error.value)


def test_another_content_is_refused_and_nothing_in_it_is_run(
    hub: Path, server: tuple[str, Path], tmp_path: Path
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    payload = pickle.dumps(Trap())
    trap = f"trap-{hashlib.sha256(payload).hexdigest()[:8]}.pth"  # even under a name that agrees
    hub.parent.mkdir(parents=True)
    for path, content in ((hub, b"changed"), (hub.with_name(trap), payload)):
        path.write_bytes(content)
        with pytest.raises(UserError, match="not the published weights"):
            weights(f"http://127.0.0.1/{path.name}")
    assert not (tmp_path / "sprung").exists()
