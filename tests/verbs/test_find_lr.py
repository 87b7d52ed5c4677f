"""``--find-lr``: the rates that are tried are those that are learned at, from where a training begins; nothing else is left."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neocog
from neocog.cli.main import main
from neocog.documents import rows
from neocog.engine import loop
from neocog.errors import UserError

CNN: dict[str, Any] = {"model": "cnn", "widths": (4, 8), "hidden": 16, "threads": 1, "quiet": True}


@pytest.fixture(scope="module")
def photos(dark_and_light: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dark_and_light(tmp_path_factory.mktemp("photos"), (90, 150), 20, 60, 12)


def test_it_learns_at_the_rates_that_it_tells_and_leaves_two_files(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used, apply_update = [], loop.apply_update

    def noted(net: Any, optimizer: Any, config: Any, lr: float) -> None:
        used.append(lr)
        apply_update(net, optimizer, config, lr)

    monkeypatch.setattr(loop, "apply_update", noted)
    found = neocog.find_lr(photos, tmp_path / "rates", **CNN)
    assert used[: len(found.rates)] == pytest.approx(found.rates) and found.rates[0] == pytest.approx(1e-6)
    assert sorted(path.name for path in found.folder.iterdir()) == ["range-test.csv", "range-test.html"]
    assert not list(tmp_path.glob("neocog*")) and not list(tmp_path.rglob("*.safetensors"))
    table = rows(found.folder / "range-test.csv")
    assert [float(row["loss"]) for row in table] == list(found.losses)
    assert f"--lr {found.suggestion:.2g}" in (found.folder / "range-test.html").read_text()


def test_it_is_a_function_of_data_and_settings(photos: Path, tmp_path: Path) -> None:
    first, second = (neocog.find_lr(photos, tmp_path / name, **CNN) for name in "ab")
    other = neocog.find_lr(photos, tmp_path / "c", seed=1, **CNN)
    assert first.losses == second.losses != other.losses


def test_the_first_loss_is_that_of_a_training_that_begins_so(photos: Path, tmp_path: Path) -> None:
    """At a rate of 10⁻⁶ next to nothing is learned in one step."""
    run = neocog.train(photos, out=tmp_path / "run", epochs=1, optimizer="gd", lr=1e-9, **CNN)
    found = neocog.find_lr(photos, tmp_path / "rates", optimizer="gd", **CNN)
    assert found.losses[0] == pytest.approx(float(rows(run.metrics_csv)[0]["train_loss"]), rel=1e-4)


def test_with_pretrained_weights_it_begins_from_them_and_their_probe(photos: Path, tmp_path: Path) -> None:
    run = neocog.train(photos, out=tmp_path / "run", epochs=8, **CNN)
    options = {"threads": 1, "quiet": True}
    pretrained = neocog.find_lr(photos, tmp_path / "from", pretrained=str(run.folder), tune="all", **options)
    fresh = neocog.find_lr(photos, tmp_path / "fresh", **CNN)
    assert np.mean(pretrained.losses[:5]) < 0.8 * np.mean(fresh.losses[:5])


def test_a_training_at_the_rate_suggested_learns(tmp_path: Path) -> None:
    found = neocog.find_lr("digits", tmp_path / "rates", **CNN)
    assert found.suggestion is not None and 2e-4 < found.suggestion < 5e-2
    assert len(found.losses) < 120 or found.smooth[-1] > 1.2 * min(found.smooth), "the largest rates are too large"
    reached = []
    for name, lr in (("suggested", found.suggestion), ("tiny", 1e-5)):
        run = neocog.train("digits", out=tmp_path / name, lr=lr, epochs=2, **CNN)
        reached.append(json.loads(run.result.read_text())["measures"]["test"]["accuracy"]["value"])
    assert reached[0] > reached[1] + 0.2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lr": 0.1}, "--lr has no effect with --find-lr"),
        (
            {"folds": 3, "epochs": 4},
            "--epochs has no effect with --find-lr[\\s\\S]*--folds has no effect with --find-lr",
        ),
        ({"task": "gan", "model": "auto", "options": {}}, "tell of a contest"),
        ({"out": "."}, "exists already"),
    ],
)
def test_what_would_do_nothing_is_refused(given: dict[str, Any], says: str, photos: Path, tmp_path: Path) -> None:
    base = {"threads": 1, "quiet": True} if "task" in given else CNN
    with pytest.raises(UserError, match=says):
        neocog.find_lr(photos, **{"out": tmp_path / "rates", **base, **given})
    assert not (tmp_path / "rates").exists()


def test_a_head_that_is_solved_for_has_no_rate(photos: Path, tmp_path: Path) -> None:
    run = neocog.train(photos, out=tmp_path / "run", epochs=1, **CNN)
    with pytest.raises(UserError, match="nothing is learned in steps with --tune head"):
        neocog.find_lr(photos, tmp_path / "rates", pretrained=str(run.folder), tune="head", quiet=True)


def test_the_option_of_train_prints_it(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", str(photos), "--find-lr", "--out", str(tmp_path / "rates"), "--model", "mlp", "--threads", "1"]
    main([*words, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert len(told["rates"]) == len(told["losses"]) == len(told["smooth"]) and "suggestion" in told
    with pytest.raises(SystemExit) as left:
        main([*words, "--go-on"])
    assert left.value.code == 2 and "--find-lr keeps nothing" in capsys.readouterr().err
