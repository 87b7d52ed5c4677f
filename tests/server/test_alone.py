"""The page as one file: its own engine answers as torch does, in a browser without a network; what it does not know is refused."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import neocog
from neocog.cli.main import main
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit
from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.layers import Maxout, MinPool2d
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.server.alone import write_page
from neocog.server.frame import unpack
from neocog.server.graph import graph_of

Axe = Callable[[Any], list[Any]]
PICTURES = 100
CLOSE = 1e-4


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("alone") / "digits-cnn"
    return neocog.train(
        "digits", model="cnn", widths=(4, 6), hidden=8, size=(12,), epochs=1, threads=1, out=folder, quiet=True
    )


@pytest.fixture(scope="module")
def pages(lenet: Run, cnn: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, run in {"lenet": lenet, "cnn": cnn}.items():
        write_page(run, folder / f"{name}.html")
    return {path.stem: path for path in folder.iterdir()}


def message(page: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What stands in a page."""
    found = re.search('id="run-data">([^<]*)<', page.read_text(encoding="utf-8"))
    assert found is not None
    return unpack(base64.b64decode(found[1]))


def opened(browser: Any, page: Path, width: int = 1280, scheme: str = "light") -> Any:
    """The file in a browser without a network."""
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme_now = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme_now})
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(page.as_uri())
    until(browser, "return window.studioTimes && window.studioTimes.length > 0")
    return browser


def until(page: Any, script: str) -> None:
    """Wait until a script returns what is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 60, 0.05).until(lambda driver: driver.execute_script(script))


@pytest.fixture(autouse=True)
def online(request: pytest.FixtureRequest) -> Any:
    """The browser is shared: it gets its network back."""
    yield
    if "browser" in request.fixturenames:
        on = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        request.getfixturevalue("browser").execute_cdp_cmd("Network.emulateNetworkConditions", on)


def computed(page: Any, script: str, *given: Any) -> Any:
    """What a script returns in the page, which can import the page's modules."""
    page.set_script_timeout(120)
    code = (
        f"const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, e => done(`${{e}}`))"
    )
    return page.execute_async_script(code, *given)


ANSWERS = """
const { ask } = await import("neocog/api.js");
const found = [];
for (let sample = 0; sample < arguments[0]; sample++) {
  const plain = { source: "sample", sample, target: sample % 3 - 1, loss: true, gradients: true, most: 64, edits: [], index: [] };
  const asked = (more) => ({ header: { ...plain, ...more }, arrays: {} });
  const { header: { answer } } = await ask("api/runs/0/look", asked({}));
  const pixel = await ask("api/runs/0/number", asked({ layer: -1, direction: "backward", index: [0, 5, sample % 12] }));
  const { arrays } = await ask("api/runs/0/kernels", asked({ layer: 0, index: [1] }));
  const kernel = Array.from(arrays["weight.gradient.exact"].data);
  found.push({ logits: answer.logits, probabilities: answer.probabilities, pixel: pixel.header.shown, kernel });
}
return found;
"""


@pytest.mark.browser
@pytest.mark.parametrize("name", ["lenet", "cnn"])
def test_answers_and_gradients_are_torchs(
    browser: Any, pages: dict[str, Path], lenet: Run, cnn: Run, name: str
) -> None:
    run = {"lenet": lenet, "cnn": cnn}[name]
    found = computed(opened(browser, pages[name]), ANSWERS, PICTURES)
    assert len(found) == PICTURES, found
    predictor, (header, arrays) = load_predictor(run), message(pages[name])
    with run.predictions_csv.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    mean, std = (
        torch.tensor(each).view(-1, 1, 1) for each in (predictor.preprocessing.mean, predictor.preprocessing.std)
    )
    for sample, each in enumerate(found):
        inputs = ((torch.from_numpy(arrays["pictures"][sample].copy()).float() - mean) / std)[None].requires_grad_(True)
        logits = predictor.network(inputs)
        target = sample % 3 - 1
        score = logits[0].max() if target < 0 else F.cross_entropy(logits, torch.tensor([target]))
        first = next(iter(predictor.network.parameters()))
        by_input, by_weight = torch.autograd.grad(score, [inputs, first])
        np.testing.assert_allclose(each["logits"], logits[0].detach(), rtol=CLOSE, atol=CLOSE)
        assert each["pixel"] == pytest.approx(float(by_input[0, 0, 5, sample % 12]), rel=CLOSE, abs=CLOSE)
        np.testing.assert_allclose(each["kernel"], by_weight[1].flatten(), rtol=CLOSE, atol=CLOSE)
        told = float(rows[sample]["probability"])  # as the run itself was evaluated
        assert (
            max(each["probabilities"]) == pytest.approx(told, abs=CLOSE)
            and header["tests"][sample]["path"] == rows[sample]["path"]
        )


class Everything(nn.Module):
    """Each layer and setting that the engine knows, and a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.drop = nn.Dropout2d(0.5)
        activations = [
            nn.ReLU(),
            nn.ReLU6(),
            nn.LeakyReLU(0.2),
            nn.ELU(0.7),
            nn.Tanh(),
            nn.Sigmoid(),
            nn.SiLU(),
            nn.GELU(),
            nn.Hardswish(),
        ]
        self.bends = nn.ModuleList(activations)
        self.pools = nn.Sequential(
            nn.MaxPool2d(3, 1, 1),
            nn.AvgPool2d(3, 2, 1),
            nn.AvgPool2d(2, 1, 1, count_include_pad=False),
            MinPool2d(2, 1),
        )
        self.powers, self.some = nn.LPPool2d(2, 2, 1), nn.AdaptiveAvgPool2d((3, None))
        self.maxout, self.flatten = Maxout(2), nn.Flatten()
        self.head = nn.Linear(4 * 3 * 5, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        for bend in self.bends:
            x = x + bend(self.depth(x))
        x = self.maxout(self.some(self.powers(self.pools(self.drop(x)))))
        out: Tensor = self.head(self.flatten(x))
        return out


EVERYTHING = """
const { Pass } = await import("neocog/engine.js");
const [graph, weights, inputs, flow] = arguments;
const tensor = ({ data, shape }) => ({ data: Float32Array.from(data), shape });
const own = Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, tensor(value)]));
const pass = new Pass(graph, own, tensor(inputs), []);
const { nodes, inputs: first } = pass.gradients(Float32Array.from(flow));
const list = (each) => Array.from(each.data);
const named = (node, found) => Object.entries(found).map(([name, value]) => [`${node.name}.${name}`, list(value)]);
const kernels = graph.flatMap((node, n) => named(node, pass.weightGradients(n, nodes)));
return { logits: list(pass.result), inputs: list(first), kernels };
"""


@pytest.mark.browser
def test_every_layer_and_setting_that_it_knows_is_torchs(browser: Any, pages: dict[str, Path]) -> None:
    torch.manual_seed(0)
    network = Everything().double()
    network.norm.running_mean.normal_()  # type: ignore[union-attr, operator]
    network.norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
    network = network.float().eval()
    inputs, flow = torch.randn(1, 4, 11, 9, requires_grad=True), torch.randn(5)
    parameters = dict(network.named_parameters())
    logits = network(inputs)
    by_input, *by_weights = torch.autograd.grad(logits[0] @ flow, [inputs, *parameters.values()])
    plain = {
        name: {"data": value.flatten().tolist(), "shape": list(value.shape)}
        for name, value in network.state_dict().items()
    }
    given = {"data": inputs.flatten().tolist(), "shape": [4, 11, 9]}
    found = computed(opened(browser, pages["lenet"]), EVERYTHING, graph_of(network), plain, given, flow.tolist())
    assert isinstance(found, dict), found
    np.testing.assert_allclose(found["logits"], logits[0].detach(), rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(found["inputs"], by_input.flatten(), rtol=CLOSE, atol=CLOSE)
    kernels: dict[str, Any] = {}
    for name, values in found["kernels"]:  # a layer that is called again adds its own
        kernels[name] = kernels.get(name, 0) + np.array(values)
    for name, gradient in zip(parameters, by_weights, strict=True):
        np.testing.assert_allclose(kernels[name], gradient.flatten(), rtol=1e-3, atol=CLOSE, err_msg=name)


@pytest.mark.browser
def test_pictures_of_any_size_become_what_the_network_takes(browser: Any, pages: dict[str, Path]) -> None:
    page, rng = opened(browser, pages["lenet"]), np.random.default_rng(0)
    base = Preprocessing(1, (16, 16), "uint8", (0.0,), (1.0,))
    script = 'const { fitted } = await import("neocog/fitted.js"); return Array.from(fitted(...arguments).data);'
    for shape, changes in (
        ((40, 30, 3), {}),
        ((9, 64, 1), {"channels": 3}),
        ((31, 50, 1), {"fit": "crop", "crop_share": 0.875}),
        ((31, 50, 1), {"fit": "pad"}),
        ((64, 64, 3), {"channels": 3, "interpolation": "bicubic"}),
        ((16, 16, 1), {}),
    ):
        picture = rng.integers(0, 256, shape, dtype=np.uint8)
        to = replace(base, **changes)
        settings = {name: getattr(to, name) for name in ("channels", "size", "fit", "interpolation", "crop_share")}
        found = computed(page, script, {"data": picture.flatten().tolist(), "shape": list(shape)}, settings)
        apart = np.abs(np.array(found).reshape(to.channels, 16, 16) - fit(picture, to).astype(int))
        assert apart.max() <= 1, (shape, changes)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_file_is_the_studio_without_a_server_and_asks_nobody(
    browser: Any, pages: dict[str, Path], axe: Axe, width: int, scheme: str
) -> None:
    page = opened(browser, pages["lenet"], width, scheme)
    maps = "document.querySelector('.learns .grid').toDataURL()"
    before = page.execute_script(f"return [{maps}, document.querySelector('#bars').textContent]")
    page.execute_script("document.querySelector('#next').click(); document.querySelector('#backward').click()")
    page.execute_script("document.querySelector('.head .more').click()")
    after = page.execute_script(f"return [{maps}, document.querySelector('#bars').textContent]")
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert page.execute_script("return document.querySelectorAll('.back:not([hidden])').length") > 10
    page.execute_script("document.querySelector('#bars button').click()")
    assert "adds up" in page.find_element("id", "explained").text
    assert axe(page) == [] and page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert urls and all(url.startswith(("file:", "data:")) for url in urls)


def test_the_page_is_small_beside_its_weights_and_lets_nobody_be_asked(pages: dict[str, Path], lenet: Run) -> None:
    text = pages["lenet"].read_text(encoding="utf-8")
    assert len(text) <= 2_000_000 + lenet.weights.stat().st_size * 4 / 3
    assert "default-src 'none'" in text and "connect-src" not in text and "http://127" not in text
    header, arrays = message(pages["lenet"])
    assert len(header["tests"]) == len(arrays["pictures"]) == 180


def test_a_network_with_something_else_is_refused_and_the_layer_named() -> None:
    for layers, says in (
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.PReLU()), r"PReLU.*layer 1"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")), r"this padding.*layer 0"),
        (nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), r"rounds up.*layer 0"),
        (build("lenet5", 1, (28, 28), 10, sparse=True), r"TableConv2d.*layer c3"),
        (build("unet", 1, (32, 32), 2, masks=True), r"between its layers|depends on the picture|does not know"),
    ):
        with pytest.raises(UserError, match=rf"(?s){says}"):
            graph_of(layers)


def test_the_command_writes_a_file_and_tells_what_does_not_go(
    tmp_path: Path, lenet: Run, hostile: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    main(["studio", str(hostile.folder), "--export", str(out)])  # its data were in memory: a page without test pictures
    text = out.read_text(encoding="utf-8")
    assert "0 pictures" in capsys.readouterr().err and "<script>document" not in text
    for words, says in (
        ([str(lenet.folder), "--export", str(out)], "exists already"),
        ([str(lenet.folder), "--export", str(out)], "give another --export"),
        ([str(lenet.folder), "--export", "x", "--port", "1"], "--port"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["studio", *words])
        assert says in capsys.readouterr().err


def test_in_a_notebook_the_page_stands_in_the_cell(
    browser: Any, lenet: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    display = pytest.importorskip("IPython.display", reason="no IPython: pip install '.[test]'")
    cells: list[Any] = []
    monkeypatch.setattr(display, "display", cells.append)
    monkeypatch.setattr("neocog.server.studio.in_notebook", lambda: True)
    neocog.studio(lenet.folder)
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><title>notebook</title>{cells[0].data}", encoding="utf-8")
    browser.get(notebook.as_uri())
    browser.switch_to.frame(browser.find_element("css selector", "iframe"))
    until(browser, "return window.studioTimes && window.studioTimes.length > 0")
    assert browser.execute_script("return document.querySelectorAll('#bars li').length") == 10
    assert browser.execute_script("return document.querySelector('#rooms').hidden")
    browser.switch_to.default_content()
