"""Exported networks: reloaded by the other library, they give the run's probabilities for stored pixels."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, install
from neocog.facts import sealed
from neocog.interop import extras
from neocog.interop import numpy as to_numpy
from neocog.networks import build
from neocog.predictor import Predictor, load_predictor, save_predictor
from neocog.run import Run
from neocog.verbs import export as verb
from neocog.verbs.export import export


def needs(extra: str, *modules: str) -> Any:
    missing = [name for name in modules if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f'no {missing}: pip install "neocog[{extra}]"')


KERAS = [pytest.mark.keras, needs("keras", "keras", "tensorflow")]
ONNX = needs("onnx", "onnx", "onnxscript", "onnxruntime")
CLASSES = ("ant", "bee", "cat")
OWN = """\
from torch import nn

class Own(nn.Module):
    def __init__(self, channels, size, outputs):
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(channels, outputs, side) for side in (1, 3))

    def forward(self, images):
        return sum(head(images).amax((2, 3)) for head in self.heads)
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """``run(model, …)``: a run folder with a network of random weights, and no data behind it."""

    def make(model: str, dtype: str = "uint8", channels: int = 3, **options: Any) -> Run:
        torch.manual_seed(1)
        network = build(model, channels, (12, 14), len(CLASSES), **options)
        for module in network.modules():  # statistics that differ from the start
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        high = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}[dtype]
        mean, std = (0.3 * high, 0.4 * high, 0.5 * high)[:channels], (0.2 * high, 0.1 * high, 0.3 * high)[:channels]
        preprocessing = Preprocessing(channels, (12, 14), dtype, mean, std, low=0.0, high=high)
        folder = tmp_path / "run"
        folder.mkdir()
        save_predictor(
            Run(folder),
            network,
            model,
            options,
            preprocessing,
            {"task": "classification", "classes": CLASSES, "temperature": 1.7},
        )
        return Run(folder)

    return make


def stored(predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """Random stored pixels (B, C, H, W), and the run's probabilities."""
    preprocessing = predictor.preprocessing
    noise = np.random.default_rng(3).uniform(0, preprocessing.high, (5, preprocessing.channels, *preprocessing.size))
    pixels = noise.astype(preprocessing.dtype)
    return pixels, predictor.probabilities(predictor.of_pixels(torch.from_numpy(pixels)))


@pytest.mark.parametrize(
    ("to", "dtype"),
    [
        ("numpy", "uint8"),
        ("numpy", "float32"),
        pytest.param("onnx", "uint16", marks=ONNX),
        pytest.param("keras", "uint16", marks=KERAS),
    ],
)
def test_exported_files_give_the_runs_probabilities(
    run: Callable[..., Run], to: str, dtype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = export(run("cnn", dtype, widths=(4, 6), dropout=0.2), to)
    assert folder.name == to and folder.parent.name == "export"
    assert "reloaded, and on 64 random images, since its data are gone, it differs" in capsys.readouterr().err
    facts = json.loads((folder / "network.json").read_text())
    assert facts["classes"] == list(CLASSES) and facts["preprocessing"]["dtype"] == dtype


def test_images_scaled_by_themselves_are_refused_rather_than_scaled_wrongly(run: Callable[..., Run]) -> None:
    made = run("cnn", widths=(4,))
    facts = json.loads(made.model_json.read_text())
    facts["preprocessing"]["scaling"] = "image"
    made.model_json.write_text(json.dumps(sealed(facts)))
    with pytest.raises(UserError, match="scales each image by itself"):
        export(made, "numpy")
    assert not (made.folder / "export").exists()


@ONNX
@pytest.mark.parametrize("model", ["resnet", "own"])
def test_onnx_takes_every_network_any_batch_and_carries_its_facts(
    run: Callable[..., Run], model: str, tmp_path: Path
) -> None:
    import onnxruntime

    if model == "own":
        (tmp_path / "own.py").write_text(OWN)
        model = f"{tmp_path / 'own.py'}:Own"
    made = run(model, channels=1)
    folder = export(made, "onnx", quiet=True)
    session = onnxruntime.InferenceSession(folder / "network.onnx", providers=["CPUExecutionProvider"])
    pixels, expected = stored(load_predictor(made))
    for count in (1, 5):
        (found,) = session.run(None, {"pixels": pixels[:count]})
        np.testing.assert_allclose(found, expected[:count], rtol=0, atol=1e-4)
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape[1:]) == ("pixels", "tensor(uint8)", [1, 12, 14])
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["classes"]) == list(CLASSES)
    assert json.loads(properties["preprocessing"])["size"] == [12, 14]
    assert [path.name for path in sorted(folder.iterdir())] == ["network.json", "network.onnx"]  # weights inside


@pytest.mark.keras
@needs("keras", "keras", "tensorflow")
def test_the_keras_file_holds_keras_layers_alone_and_takes_stored_pixels(run: Callable[..., Run]) -> None:
    made = run("cnn", widths=(4,), activation="maxout", pooling="min")
    folder = export(made, "keras", quiet=True)
    with zipfile.ZipFile(folder / "network.keras") as archive:
        text = archive.read("config.json").decode()
    modules = set(re.findall(r'"module": "([^"]+)"', text))
    assert modules and all(name.split(".")[0] == "keras" for name in modules)
    assert '"registered_name": null' in text and "Lambda" not in text
    pixels, expected = stored(load_predictor(made))
    model = extras.keras().saving.load_model(folder / "network.keras")
    found = model.predict_on_batch(pixels.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_the_numpy_export_needs_no_torch(run: Callable[..., Run]) -> None:
    made = run("lenet5", sparse=True)
    folder = export(made, "numpy", quiet=True)
    pixels, expected = stored(load_predictor(made))
    np.save(folder / "pixels.npy", pixels)
    code = (
        "import sys, numpy as np; from predict import facts, predict\n"
        "np.save('found.npy', predict(np.load('pixels.npy')))\n"
        "sys.exit('torch' in sys.modules or facts['classes'] != ['ant', 'bee', 'cat'])"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0
    np.testing.assert_allclose(np.load(folder / "found.npy"), expected, rtol=0, atol=1e-5)
    assert "from predict import facts, predict" in (folder / "README.md").read_text()


@pytest.mark.parametrize("to", ["numpy", pytest.param("keras", marks=KERAS)])
def test_a_network_that_does_not_fit_leaves_nothing_behind(run: Callable[..., Run], to: str) -> None:
    made = run("resnet", widths=(4, 8), blocks=1)
    with pytest.raises(UserError, match=r"layer 'stage1.0', a Block"):
        export(made, to, quiet=True)
    assert list((made.folder / "export").iterdir()) == []


def test_a_file_that_predicts_otherwise_is_not_handed_over(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, plain = run("lenet5"), to_numpy.write

    def wrong(predictor: Predictor, folder: Path, facts: dict[str, Any]) -> None:
        plain(dataclasses.replace(predictor, temperature=1.0), folder, {**facts, "temperature": 1.0})

    monkeypatch.setattr(to_numpy, "write", wrong)
    with pytest.raises(UserError, match=r"differ from the run's by .* more than 1e-04"):
        export(made, "numpy", quiet=True)
    assert list((made.folder / "export").iterdir()) == []


def test_not_a_number_is_a_difference(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    made = run("lenet5")
    monkeypatch.setattr(to_numpy, "reader", lambda folder: lambda pixels: np.full((len(pixels), 3), np.nan))
    with pytest.raises(UserError, match="differ from the run's by nan"):
        export(made, "numpy", quiet=True)


def test_nothing_is_written_over(run: Callable[..., Run], tmp_path: Path) -> None:
    made = run("lenet5")
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="exists already"):
        export(made, "numpy", tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_place_where_nothing_can_be_made_is_told(run: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the folder"):
        export(run("lenet5"), "numpy", tmp_path / "file" / "out")


def test_a_run_is_compared_on_its_own_test_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from neocog.verbs.train import train

    made = train("digits", out=tmp_path / "run", quiet=True, model="mlp", hidden="8", epochs=1, threads=1)
    export(made, "numpy", tmp_path / "out")
    assert "on 64 of its own test images" in capsys.readouterr().err


@pytest.mark.parametrize(("extra", "modules"), [("keras", ["keras"]), ("onnx", ["onnx", "onnxscript", "onnxruntime"])])
def test_a_missing_extra_is_told_with_its_command(extra: str, modules: list[str], monkeypatch: Any) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError) as told:
        extras.extra(extra, *modules)
    assert install(extra) in str(told.value)


def test_samples_are_random_only_where_the_data_are_gone() -> None:
    preprocessing = Preprocessing(1, (4, 4), "uint8", (0.0,), (1.0,))
    pixels, which = verb.samples(Run(Path("nowhere")), preprocessing)
    assert pixels.shape == (64, 1, 4, 4) and "random" in which
