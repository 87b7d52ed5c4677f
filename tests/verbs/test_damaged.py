"""Damaged run folders are answered with a result or three facts: a sample of what ``bench/damaged.py`` tries whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def damaged() -> Iterator[Any]:
    """The bench, whose neighbours are found while it runs, and not by later tests: one is called as a package is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "bench")
        import damaged

        yield damaged


@pytest.fixture(scope="module")
def place(damaged: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return damaged.prepared(tmp_path_factory.mktemp("damaged"))


SAMPLE = [
    ("plan.json", "resume", "one value"), ("plan.json", "resume", "FIFO"), ("environment.json", "resume", "other type"),
    ("config.toml", "resume", "nested"), ("splits.csv", "resume", "cut"), ("checkpoint/state.json", "resume", "cut"),
    ("checkpoint/model.safetensors", "resume", "forged"), ("lock", "resume", "link"), ("config.toml", "evaluate", "empty"),
    ("model.json", "evaluate", "one value"), ("weights.safetensors", "predict", "forged"), ("model.json", "predict", "huge"),
    ("model.json", "explain", "flipped"), ("thumbnails.npz", "evaluate others", "cut"), ("result.json", "report", "one value"),
    ("sections.json", "report", "nested"), ("metrics.csv", "report", "not UTF-8"), ("predictions.csv", "compare", "one value"),
    ("model.json", "sample", "one value"), ("result.json", "report", "link to /dev/zero"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "verb", "mutant"), SAMPLE)
def test_a_damaged_file_is_no_traceback(damaged: Any, place: Any, file: str, verb: str, mutant: str) -> None:
    for seed in range(3 if "one value" in mutant or "forged" in mutant else 1):
        kind, said = damaged.trial(place, file, verb, mutant, seed)
        assert kind in ("result", "refused"), said
        if kind == "refused":
            assert "error: " in said and "where: " in said and "fix: " in said, said


@pytest.mark.parametrize("name", ["checkpoints", "metrics.csv"])
def test_training_follows_no_link_out_of_the_run_folder(damaged: Any, place: Any, name: str, tmp_path: Path) -> None:
    import shutil

    run, away = tmp_path / "run", tmp_path / "away"
    shutil.copytree(place.root / "stopped", run)
    (run / name).rename(away)
    (run / name).symlink_to(away)
    before = damaged.contents(tmp_path)
    kind, said = damaged.answer(["resume", str(run), "--quiet"])
    assert kind == "refused" and "a link" in said and damaged.contents(tmp_path) == before


@pytest.mark.parametrize("kind", range(5))
def test_weights_of_another_network_are_refused_with_the_first_tensor_that_differs(
    place: Any, kind: int, tmp_path: Path
) -> None:
    """Names, shapes, types and numbers that are none, in a valid file that model.json vouches for."""
    import shutil

    import safetensors.torch

    import damaged
    from neocog.errors import UserError
    from neocog.predictor import load_predictor
    from neocog.run import Run

    shutil.copytree(place.root / "run", tmp_path / "run")
    run = Run(tmp_path / "run")
    state = safetensors.torch.load(run.weights.read_bytes())
    name = next(name for name, value in sorted(state.items()) if value.is_floating_point())
    old = state.pop(name)
    changed = {
        0: {},
        1: {f"{name}.x": old},
        2: {name: old[None]},
        3: {name: old.double()},
        4: {name: old * float("nan")},
    }
    content = safetensors.torch.save({**state, **changed[kind]})
    run.weights.write_bytes(content)
    damaged.vouch(run.weights, content)
    with pytest.raises(UserError, match=r"another network|not finite") as error:
        load_predictor(run)
    assert name in error.value.what and error.value.where == str(run.weights)


@pytest.mark.parametrize(
    "edit",
    [
        lambda facts: facts["classes"].reverse(),
        lambda facts: facts.update(temperature=2 * facts["temperature"]),
        lambda facts: facts["preprocessing"]["mean"].__setitem__(0, 0.0),
    ],
    ids=["classes swapped", "another calibration", "another mean"],
)
def test_an_edited_model_json_is_told(place: Any, edit: Callable[[dict[str, Any]], object], tmp_path: Path) -> None:
    """What is of the right type all the same; runs that are older than the seal open as they did."""
    import shutil

    from neocog.errors import UserError
    from neocog.facts import sealed
    from neocog.predictor import load_predictor
    from neocog.run import Run

    shutil.copytree(place.root / "run", tmp_path / "run")
    run = Run(tmp_path / "run")
    facts = json.loads(run.model_json.read_text())
    assert sealed(facts) == facts
    edit(facts)
    run.model_json.write_text(json.dumps(facts))
    with pytest.raises(UserError, match="edited since it was written") as error:
        load_predictor(run)
    assert error.value.where == str(run.model_json) and error.value.fix
    del facts["sha256"]
    run.model_json.write_text(json.dumps(facts))
    load_predictor(run)
