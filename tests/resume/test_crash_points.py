"""Killed, stopped or out of room at the calls by which a run changes its folder: gone on with, it ends in the same bytes.

All calls of every kind of run are tried by ``bench/crash_points.py``; here are those of a beginning and of a stage's end.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """``trial(kind)``: a run of that kind that was left alone, and the calls by which it changed its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        from disturbed import Trial  # type: ignore[import-not-found, unused-ignore]

        known: dict[str, tuple[Any, list[str]]] = {}

        def of(kind: str) -> tuple[Any, list[str]]:
            if kind not in known:
                made = Trial(kind, tmp_path_factory.mktemp(kind))
                made.undisturbed()
                known[kind] = made, made.calls()
            return known[kind]

        yield of


def disturbed(trial: Any, at: int, action: str) -> str:
    """What is wrong with a run that meets ``action`` before its call ``at`` and then goes on; "" where nothing is."""
    left = sys.modules["disturbed"].left
    trial.clean()
    code = left(trial.train(at=at, action=action))
    assert code != 0, f"nothing came of {action} before call {at}"
    found: str = trial.told(action, code) or trial.fault()
    return found


def test_a_kill_at_any_call_of_the_beginning_loses_nothing(trial: Any) -> None:
    run, calls = trial("baseline")
    beginning = next(number for number, call in enumerate(calls, 1) if call.startswith("os.rename .splits.csv"))
    assert beginning > 10
    places = [at for at in range(1, beginning + 1) if not calls[at - 1].startswith(("fsync", "os.chmod"))]
    assert not {at: fault for at in places if (fault := disturbed(run, at, "SIGKILL"))}


def test_a_kill_at_any_call_where_a_stage_ends_loses_nothing(trial: Any) -> None:
    run, calls = trial("baseline")
    first = next(number for number, call in enumerate(calls, 1) if call.startswith("open baseline/.result.json"))
    last = next(number for number, call in enumerate(calls, 1) if number > first and call.endswith(" checkpoints"))
    assert first < last < len(calls)
    assert not {at: fault for at in range(first, last + 1) if (fault := disturbed(run, at, "SIGKILL"))}


def test_a_stage_is_locked_before_it_begins(trial: Any) -> None:
    _, calls = trial("baseline")
    begun = next(number for number, call in enumerate(calls) if "baseline/.plan.json" in call)
    assert "open baseline/lock" in calls[:begun], "another process could resume RUN/baseline at the same time"


def test_a_fold_that_was_killed_before_its_report_is_finished(trial: Any) -> None:
    run, calls = trial("folds")
    report = next(number for number, call in enumerate(calls, 1) if call.startswith("open fold-2/.report.html"))
    assert not disturbed(run, report, "SIGKILL")


@pytest.mark.parametrize("action", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_while_judging_or_reporting_says_how_to_go_on(trial: Any, action: str) -> None:
    run, calls = trial("baseline")
    places = [f"open {name}." for name in (".plan.json", "baseline/.weights.safetensors", ".sections.json")]
    numbers = [next(n for n, call in enumerate(calls, 1) if call.startswith(place)) for place in places]
    assert not {at: fault for at in numbers if (fault := disturbed(run, at, action))}
    assert 128 + signal.Signals[action] in (129, 130, 143)


def test_a_disk_that_is_full_at_its_start_leaves_nothing_and_later_what_can_go_on(trial: Any) -> None:
    run, calls = trial("masks")
    middle = [
        number
        for number, call in enumerate(calls, 1)
        if call.startswith(("open .plan", "open .metrics", "fsync .report"))
    ]
    assert not {at: fault for at in (1, *middle[:3]) if (fault := disturbed(run, at, "ENOSPC"))}


def test_of_two_that_begin_in_one_folder_one_wins_however_slow_the_other_is_in_reading(trial: Any) -> None:
    run, _ = trial("masks")
    left = sys.modules["disturbed"].left
    run.clean()
    data = str(next(path for path in run.folder.iterdir() if path.name.startswith("data-")) / "images")
    slow = run.train(slow=data, seconds=2.0 + 3 * run.seconds)
    assert left(run.train()) == 0
    assert left(slow) == 2
    assert f"{run.run} exists already" in run.log.read_text()
    assert not run.fault()
