"""Packages that add to neocog: the example is installed and used as a user would, and a broken one hurts nobody else."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog import plugins, traits
from neocog.cli.main import main
from neocog.config import Config, configured, from_run, from_toml
from neocog.data.readers.detect import open_dataset
from neocog.effects import without_effect
from neocog.errors import UserError
from neocog.predictor import load_predictor
from neocog.run import Run

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "plugin"
BROKEN = {"neocog.tasks": "sums", "neocog.models": "bad", "neocog.readers": "any"}


def dots(root: Path, count: int = 40) -> Path:
    """Dark images of 16 × 16 pixels with up to 5 bright squares, and counts.json."""
    root.mkdir()
    draws, counts = np.random.default_rng(0), {}
    for index in range(count):
        pixels, wanted = draws.integers(0, 40, (16, 16)).astype(np.uint8), int(draws.integers(0, 6))
        for y, x in draws.integers(1, 14, (wanted, 2)):
            pixels[y : y + 2, x : x + 2] = 255
        Image.fromarray(pixels).save(root / f"{index:02}.png")
        counts[f"{index:02}.png"] = wanted
    (root / "counts.json").write_text(json.dumps(counts))
    return root


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example, without a network."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", target, source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture(scope="module")
def run(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the example's task, on data of its reader, with its network."""
    folder = tmp_path_factory.mktemp("counting")
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(site))
        return neocog.train(
            dots(folder / "dots"), folder / "run", task="counting", epochs=2, threads=1, width=8, quiet=True
        )


def broken(folder: Path, name: str = "neocog-broken", code: str = "raise ImportError('no such library')") -> str:
    """A package on a path of its own whose only module fails as it is imported."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    points = "".join(f"[{group}]\n{what} = {module}:thing\n" for group, what in BROKEN.items())
    (info / "entry_points.txt").write_text(points)
    return str(folder)


def test_the_examples_task_is_short_and_its_readme_says_how_to_install_it() -> None:
    lines = (EXAMPLE / "neocog_counting" / "task.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 40 and "pip install" in (EXAMPLE / "README.md").read_text(
        encoding="utf-8"
    )


def test_a_run_of_a_packages_task_network_and_reader_evaluates_to_what_its_result_says(
    run: Run, installed: Path, tmp_path: Path
) -> None:
    result = json.loads(run.result.read_text())
    found = neocog.evaluate(run, quiet=True)
    assert result["task"] == "counting" and result["model"] == "density" and result["measures"]["test"]["mae"]["n"] == 4
    stored = found["measures"]["test"]["mae"]
    assert {name: stored[name] for name in ("value", "low", "high", "n")} == {
        name: result["measures"]["test"]["mae"][name] for name in ("value", "low", "high", "n")
    }
    assert result["data"]["kind"] == "images with counts.json"
    assert any("neocog-counting 1.0" in each["role"] for each in result["taken"])
    rows = neocog.predict(run, [run.folder.parent / "dots" / "00.png"], quiet=True).rows
    assert rows[0]["count"] > 0 and not rows[0]["skipped"]
    page = neocog.report([run], None)
    assert "counting" in page.read_text(encoding="utf-8")
    assert json.loads(run.model_json.read_text())["packages"] == dict.fromkeys(("task", "model"), "neocog-counting 1.0")


def test_without_its_package_a_run_says_what_to_install(run: Run) -> None:
    for opened in (lambda: load_predictor(run), lambda: from_run(run.config), lambda: neocog.evaluate(run, quiet=True)):
        with pytest.raises(UserError, match="task 'counting' is of a package that is not installed") as error:
            opened()
        assert "install neocog-counting 1.0" in error.value.fix


def test_help_of_a_packages_task_has_its_flags_and_losses(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--task", "counting", "--help"])
    page = capsys.readouterr().out
    own = page[page.index("For --task counting:") : page.index("\nRun:")]
    assert "--empty" in own and "an image without objects. [0.001]" in own
    assert "--targets" in own and "poisson, mse" in own and "--label-smoothing" not in page


def test_a_task_in_a_file_is_trained_and_found_again_from_another_folder(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EXAMPLE / "neocog_counting" / "task.py", tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    dots(tmp_path / "dots", 24)
    main(["train", "dots", "--task", "mine.py:Counting", "--epochs", "1", "--threads", "1", "--out", "run", "--quiet"])
    monkeypatch.chdir(tmp_path.parent)
    run = Run(tmp_path / "run")
    assert json.loads(run.model_json.read_text())["task"] == f"{tmp_path.resolve() / 'mine.py'}:Counting"
    measures = json.loads((tmp_path / "run" / "result.json").read_text())["measures"]["test"]
    assert neocog.evaluate(tmp_path / "run")["measures"]["test"] == measures
    with pytest.raises(UserError, match="--label-smoothing belongs to --task classification"):
        neocog.train(tmp_path / "dots", task=f"{tmp_path / 'mine.py'}:Counting", label_smoothing=0.1, quiet=True)


def test_a_packages_task_whose_answers_are_images_learns_evaluates_goes_on_and_writes_them(
    installed: Path, tmp_path: Path
) -> None:
    """Begun as the image itself, the network is nearer to the negative after a few steps."""
    images = dots(tmp_path / "dots", 24)
    (images / "counts.json").unlink()
    run = neocog.train(
        images, tmp_path / "run", task="negatives", epochs=4, batch=4, lr=0.01, threads=1, width=4, blocks=1, quiet=True
    )
    rows = [float(row.split(",")[-1]) for row in (run.folder / "predictions.csv").read_text().splitlines()[1:]]
    result = json.loads(run.result.read_text())
    stored = result["measures"]["test"]["mae"]
    assert (
        result["task"] == "negatives"
        and stored["value"] == pytest.approx(float(np.mean(rows)))
        and stored["value"] < 0.5
    )
    assert neocog.evaluate(run, quiet=True)["measures"]["test"]["mae"]["value"] == stored["value"]
    found = neocog.predict(run, [images / "00.png"], out=tmp_path / "out", quiet=True)
    before, after = (np.asarray(Image.open(path), float) for path in (images / "00.png", found.written[0]))
    assert after.shape == before.shape and np.abs(after - (255 - before)).mean() < np.abs(255 - 2 * before).mean()
    weights = run.weights.read_bytes()
    shutil.rmtree(run.folder / "checkpoints")
    run.result.unlink()
    assert neocog.resume(run, quiet=True).weights.read_bytes() == weights


def test_a_setting_that_a_packages_task_does_not_know_is_refused(installed: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--label-smoothing belongs to --task classification, not to counting"):
        neocog.train(dots(tmp_path / "dots", 4), tmp_path / "run", task="counting", label_smoothing=0.1, quiet=True)
    with pytest.raises(UserError, match="--loss dice is not for --task counting"):
        neocog.train(tmp_path / "dots", tmp_path / "run", task="counting", loss="dice", quiet=True)


def test_a_setting_of_a_packages_task_reaches_training_evaluation_prediction_and_resumption(
    installed: Path, tmp_path: Path
) -> None:
    """``empty`` is added to what is counted, so that no answer can be below it; nothing else would make these so large."""
    images = dots(tmp_path / "dots", 24)
    words = ["--task", "counting", "--empty", "7", "--width", "4", "--epochs", "1", "--threads", "1", "--quiet"]
    main(["train", str(images), *words, "--out", str(tmp_path / "run")])
    run = Run(tmp_path / "run")
    assert from_run(run.config).data.task_options == {"empty": 7.0}
    assert json.loads(run.model_json.read_text())["task_options"] == {"empty": 7.0}
    assert from_run(run.config).model.options == {"width": "4"}
    assert all(float(row.split(",")[2]) >= 7 for row in (run.folder / "predictions.csv").read_text().splitlines()[1:])
    assert neocog.predict(run, [images / "00.png"], quiet=True).rows[0]["count"] >= 7
    stored = json.loads(run.result.read_text())["measures"]["test"]["mae"]["value"]
    assert neocog.evaluate(run, quiet=True)["measures"]["test"]["mae"]["value"] == stored
    shutil.rmtree(run.folder / "report.html", ignore_errors=True)
    run.result.unlink()
    assert json.loads(neocog.resume(run, quiet=True).result.read_text())["measures"]["test"]["mae"]["value"] == stored


def test_what_is_wrong_with_a_setting_of_a_packages_task_is_told_before_anything_begins(
    installed: Path, tmp_path: Path
) -> None:
    images = dots(tmp_path / "dots", 4)
    with pytest.raises(UserError, match="--empty much"):
        neocog.train(images, tmp_path / "run", task="counting", empty="much", quiet=True)
    with pytest.raises(UserError, match="unknown option --emty"):
        neocog.train(images, tmp_path / "run", task="counting", emty=1.0, quiet=True)
    settings = '[data]\ntask = "counting"\n[data.task_options]\nfull = 1\n'
    with pytest.raises(UserError, match="--task counting has no option 'full'"):
        from_toml(settings, "settings.toml")
    with pytest.raises(UserError, match="unknown option --empty"):
        neocog.train(images, tmp_path / "run", task="regression", empty=1.0, quiet=True)
    assert not (tmp_path / "run").exists()


def test_models_lists_a_packages_network_and_its_options(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in neocog.models()}
    assert rows["density"]["parameters"] == 2938 and "neocog-counting 1.0" in rows["density"]["paper"]
    main(["models", "density"])
    assert "--width" in capsys.readouterr().out


def test_a_packages_network_learns_one_of_our_own_tasks(installed: Path, tmp_path: Path) -> None:
    made = neocog.train("digits", tmp_path / "run", model="density", epochs=1, threads=1, quiet=True)
    packages = json.loads(made.model_json.read_text())["packages"]
    assert packages == {"model": "neocog-counting 1.0"}
    assert load_predictor(made).classes[0] == "0"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [entry for entry in sys.path if entry != str(installed)])
        with pytest.raises(UserError, match="model 'density' is of a package that is not installed"):
            load_predictor(made)


def test_a_broken_package_is_one_error_that_names_it_and_hurts_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(broken(tmp_path))
    assert neocog.train("digits", tmp_path / "run", model="mlp", epochs=1, threads=1, quiet=True).result.is_file()
    rows = {row["name"]: row for row in neocog.models()}
    assert "neocog-broken 2.0 fails: ImportError: no such library" in rows["bad"]["note"] and rows["cnn"]["parameters"]
    for settings in ({"task": "sums"}, {"model": "bad"}):
        with pytest.raises(UserError) as error:
            neocog.train("digits", tmp_path / "other", quiet=True, **settings)
        assert str(error.value).count("neocog-broken 2.0 fails: ImportError: no such library") == 1, error.value
    (tmp_path / "strange.xyz").write_text("?")
    with pytest.raises(UserError, match=r"reader 'any' of the package neocog-broken 2\.0 fails"):
        open_dataset(tmp_path / "strange.xyz")


def test_a_reader_that_works_is_not_hurt_by_a_broken_one(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(broken(tmp_path))
    assert open_dataset(dots(tmp_path / "dots", 4)).kind == "images with counts.json"


def test_one_name_in_two_packages_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.syspath_prepend(broken(tmp_path / name, f"neocog-{name}"))
    with pytest.raises(UserError, match=r"in several packages: neocog-two 2\.0, neocog-one 2\.0"):
        traits.TASKS.load("sums")


def test_one_of_our_names_stays_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BROKEN, "neocog.models", "cnn")
    monkeypatch.syspath_prepend(broken(tmp_path))
    from neocog.networks import MODELS, model_class

    assert model_class("cnn").__module__ == "neocog.networks.cnn" and "cnn" not in MODELS.installed()


def test_entry_points_are_looked_up_only_where_a_name_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr(plugins, "entry_points", refuse)
    main(["train", "--help"])
    assert traits.traits("vae").labels == "any" and traits.losses("auto")
    from neocog.networks import check_purpose, model_class

    model_class("unet")
    check_purpose("cnn", "prediction")
    assert open_dataset("digits").kind
    assert not list(without_effect(configured(Config(), {"lr": 0.1, "model": "cnn"})))


def test_a_wrong_object_is_refused_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(broken(tmp_path, "neocog-odd", "def thing(*_, **__):\n    return 3\n"))
    with pytest.raises(UserError, match=r"task 'sums' of neocog-odd 2\.0 is not a neocog\.tasks\.task\.Task"):
        traits.traits("sums")
    (tmp_path / "strange.xyz").write_text("?")
    with pytest.raises(UserError, match=r"neocog-odd 2\.0 fails: TypeError: it gave a int, not a Dataset or None"):
        open_dataset(tmp_path / "strange.xyz")
    with pytest.raises(UserError, match=r"model 'bad' of neocog-odd 2\.0 made a int, not a torch\.nn\.Module"):
        neocog.train("digits", tmp_path / "run", model="bad", quiet=True)


# Strings that are a task's name and mean something else
OTHERS = {
    ("__init__.py", "style"): "the verb",
    ("networks/names.py", "vae"): "a network of that name",
    ("networks/backbones.py", "segmentation"): "the extra of that name",
    ("data/readers/mask_table.py", "segmentation"): "a column of that name",
}


def test_no_tasks_name_stands_outside_its_folder_and_the_registry() -> None:
    source = ROOT / "src" / "neocog"
    if not source.is_dir():
        pytest.skip("no checkout")
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source).as_posix()
        if place == "traits.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in traits.TASKS:
                own = place.startswith(f"tasks/{node.value}/")
                assert own or (place, node.value) in OTHERS, f"{place}:{node.lineno} names the task '{node.value}'"


def test_a_task_has_the_name_by_which_it_is_registered() -> None:
    assert [traits.traits(name).name for name in traits.TASKS] == list(traits.TASKS)
