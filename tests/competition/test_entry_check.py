"""What an entry's file may hold: cheats are refused by their text, with the line, before any of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from neocog.competition.entry_check import network_in
from neocog.competition.entry_settings import settings_of
from neocog.competition.rules import IMPORTS
from neocog.errors import UserError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "competition"
# six lines, and the seventh begins
HEAD = "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        "

CHEATS = {
    "reads the sealed file": "return open('contest.sealed', 'rb').read()",
    "downloads": "return __import__('urllib.request').request.urlopen('http://example.org')",
    "takes a network of a hub": "return torch.hub.load('pytorch/vision', 'resnet18')(x)",
    "unpickles weights": "return self.load_state_dict(torch.load('w.pt'))",
    "memory-maps weights": "return torch.from_file('w.bin', size=10)",
    "goes by way of the class tree": "return ().__class__.__bases__[0].__subclasses__()",
    "goes by way of torch's own imports": "return torch.os.system('id')",
    "makes a name while it runs": "return getattr(torch, 'lo' + 'ad')('w.pt')",
    "names it in getattr": "return getattr(torch, 'hub')",
    "runs text": "return eval('1')",
    "reads a frame": "return (lambda: 0).__globals__",
}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "net.py"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, name: str = "") -> str:
    with pytest.raises(UserError) as error:
        network_in(path, IMPORTS, name)
    return str(error.value)


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_line_that_reaches_outside_is_refused_with_its_number(cheat: str, tmp_path: Path) -> None:
    message = refused(written(tmp_path, HEAD + CHEATS[cheat] + "\n"))
    assert message.startswith("refused: ") and f"{tmp_path / 'net.py'}, line 7" in message and "fix:" in message


def test_all_lines_that_are_refused_are_told_at_once(tmp_path: Path) -> None:
    message = refused(
        written(tmp_path, "import os\nimport timm\n" + HEAD + "return open('x') or torch.os.system('id')\n")
    )
    assert [line.rpartition(" ")[2] for line in message.splitlines() if "where:" in line] == ["1", "2", "9"]
    many = refused(written(tmp_path, "import os\n" * 50 + HEAD + "return x\n"))
    assert many.count("refused: import of os") == 20 and "30 more lines" in many


@pytest.mark.parametrize(
    "line",
    [
        "import torchvision", "from torchvision.models import resnet18", "import timm", "import os", "import torch.hub",
        "from torch import hub", "from torch.utils import cpp_extension", "from numpy import load", "import numpy.ctypeslib as n",
        "from . import other", "from torch import *", "from neocog.networks import build", "import requests",
    ],
)  # fmt: skip
def test_what_may_be_imported_is_what_the_rules_allow(line: str, tmp_path: Path) -> None:
    text = f"{line}\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    pass\n"
    assert "line 1" in refused(written(tmp_path, text))


def test_weights_in_the_source_are_refused_as_numbers_and_as_text(tmp_path: Path) -> None:
    numbers = f"W = [{', '.join(f'{i / 7:.4f}' for i in range(650))}]\n"
    text = f"W = '{'k9' * 4000}'\n"
    digits = f"W = 0x{'7f' * 5000}\n"
    for each in (numbers, text, digits):
        assert "weights are learned here" in refused(written(tmp_path, each + HEAD + "return x\n"))
    assert "64,000" in refused(written(tmp_path, "# " + "a" * 70_000 + "\n" + HEAD + "return x\n"))


def test_a_long_docstring_is_no_weights(tmp_path: Path) -> None:
    assert network_in(written(tmp_path, f'"""{"word " * 2000}"""\n' + HEAD + "return x\n"), IMPORTS) == "Net"


def test_the_network_is_the_class_that_no_other_uses(tmp_path: Path) -> None:
    for name, network in (("mlp", "MLP"), ("lenet", "LeNet"), ("resnet", "ResNet")):
        assert network_in(EXAMPLES / f"{name}.py", IMPORTS) == network
    text = "from torch.nn import Module\nclass Base(Module): pass\nclass Net(Base): pass\n"
    assert network_in(written(tmp_path, text), IMPORTS) == "Net"


def test_no_network_two_networks_and_no_python_are_told_with_what_to_do(tmp_path: Path) -> None:
    assert "no network" in refused(written(tmp_path, "import torch\n\n\ndef f(x):\n    return x\n"))
    two = written(tmp_path, "from torch import nn\nclass A(nn.Module): pass\nclass B(nn.Module): pass\n")
    assert "A (line 2), B (line 3)" in refused(two) and "net.py:A" in refused(two)
    assert network_in(two, IMPORTS, "B") == "B" and "no network 'C'" in refused(two, "C")
    assert "line 2" in refused(written(tmp_path, "import torch\nclass Net(:\n"))
    other = tmp_path / "net.txt"
    other.write_text("x")
    assert "Python file" in refused(other)


def test_settings_change_how_its_own_network_learns_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[training]\nlr = 0.01\nepochs = 3\n[model.options]\nwidth = 8\n[data]\nsize = [16, 16]\n")
    config, text = settings_of(path)
    assert config.training.lr == 0.01 and config.model.options == {"width": 8} and config.data.size == (16, 16) and text
    for table in (
        '[model]\nmodel = "torchvision:resnet18"\n', '[transfer]\npretrained = "imagenet"\n', '[data]\ndata = "/elsewhere"\n',
        '[training]\nextractor = "run"\n', '[data]\ncorrections = "c.csv"\n', "[training]\nnonsense = 1\n", "[training\n",
    ):  # fmt: skip
        path.write_text(table)
        with pytest.raises(UserError):
            settings_of(path)
