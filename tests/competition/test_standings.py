"""Scores and ranks: ties where a paired test finds no difference, and a public score that guesses cannot climb."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from neocog.competition.board import Board, hardest, write_board
from neocog.competition.entries import Entry
from neocog.competition.ladder import Ladder
from neocog.competition.result import Result, Status
from neocog.competition.rules import IMPORTS, DataRules, EntryRules, Hashes, LimitRules, Rules
from neocog.competition.sealed import Answers
from neocog.competition.standings import final_standings, public_standings

N = 400
RULES = Rules(
    DataRules("photos", "images", ("cat", "dog"), 1, (8, 8), 900, N, "random:0.3", 3, False, ()),
    LimitRules(60.0, 1, 4.0, 4.0), EntryRules(1, IMPORTS), Hashes("", ""),
)  # fmt: skip
LABELS = np.random.default_rng(0).integers(0, 2, N)


def answers(final: int = N, groups: Sequence[str] | None = None) -> Answers:
    """Of all samples; the last ``final`` are those of the final score."""
    parts = np.array(["board"] * (N - final) + ["final"] * final)
    return Answers(RULES.data.kind, LABELS, np.array(groups or [""] * N), parts)


def made(name: str, wrong: Sequence[int], attempt: int = 1, status: Status = "scored") -> tuple[Entry, Result]:
    """An attempt that is wrong at these positions."""
    given = LABELS.copy()
    given[list(wrong)] = 1 - given[list(wrong)]
    return attempted(name, given if status == "scored" else np.array([]), attempt, status)


def attempted(name: str, given: np.ndarray, attempt: int = 1, status: Status = "scored") -> tuple[Entry, Result]:
    """An attempt with these answers."""
    entry, told = Entry(name, attempt, "Net", "hash", 10, 20), tuple(given.tolist())
    return entry, Result(
        name, attempt, "hash", status, "" if told else "it crashed", 12.0, told, (1.0, 0.5), (0.5, 0.75)
    )


def test_names_that_no_test_tells_apart_share_a_rank_and_others_do_not() -> None:
    attempts = [
        made("a", range(20)),
        made("b", range(2, 24)),
        made("c", range(100, 200)),
        made("d", (), status="crashed"),
    ]
    found, tests = final_standings(attempts, answers())
    assert [(one.entry.name, one.rank) for one in found] == [("a", 1), ("b", 1), ("c", 3), ("d", None)]
    assert found[0].shown == pytest.approx(0.95) and found[0].measure is not None and found[0].measure.n == N
    by_pair = {(test.first, test.second): test for test in tests}
    assert by_pair["a", "b"].p > 0.05 > by_pair["a", "c"].p and by_pair["a", "c"].difference == pytest.approx(0.2)


def test_p_values_are_corrected_for_the_number_of_questions() -> None:
    # a is right where b is wrong 12 times, and the other way round 3 times: p = 0.035 alone, and not among many
    pair = [made("a", range(3)), made("b", range(3, 15))]
    assert [one.rank for one in final_standings(pair, answers())[0]] == [1, 2]
    crowd = [*pair, *(made(f"c{i}", [*range(20 + i), 350]) for i in range(6))]
    ranks = {one.entry.name: one.rank for one in final_standings(crowd, answers())[0]}
    assert ranks["a"] == ranks["b"] == 1


def test_samples_of_one_group_are_not_counted_as_many_witnesses() -> None:
    attempts = [made("a", ()), made("b", range(60))]
    groups = [f"patient {i // 100}" for i in range(N)]  # all that differs is of one patient of four
    assert [one.rank for one in final_standings(attempts, answers())[0]] == [1, 2]
    found, tests = final_standings(attempts, answers(groups=groups))
    assert [one.rank for one in found] == [1, 1] and np.isnan(tests[0].p)
    assert found[1].measure is not None and found[1].measure.units == 4


def test_the_final_score_is_on_samples_that_the_public_board_never_counted() -> None:
    attempts = [made("a", range(200, 220)), made("b", range(40))]  # a is perfect on the board, b on the rest
    public = public_standings(attempts, answers(final=200))
    assert [(one.entry.name, one.rank, one.shown) for one in public] == [("a", 1, 1.0), ("b", 2, 0.8)]
    final, _ = final_standings(attempts, answers(final=200))
    assert [(one.entry.name, one.shown) for one in final] == [("b", 1.0), ("a", 0.9)]


def test_of_several_attempts_the_last_that_was_a_step_on_the_board_is_the_one_that_counts() -> None:
    attempts = [made("a", range(60), 1), made("a", range(20), 2), made("a", range(19), 3), made("a", (), 4, "time")]
    found = public_standings(attempts, answers(final=200))
    assert found[0].entry.attempt == 2 and found[0].shown == 0.9 and found[0].attempts == 4
    final, _ = final_standings(attempts, answers(final=200))
    assert final[0].entry.attempt == 2


def test_an_attempt_that_is_no_real_step_shows_the_old_score() -> None:
    ladder, right = Ladder(), np.arange(N) % 2 == 0
    assert ladder.score(right) == 0.5
    luckier = right.copy()
    luckier[1] = True
    assert ladder.score(luckier) == 0.5 and ladder.score(~right) == 0.5
    better = right.copy()
    better[:200] = True
    assert ladder.score(better) == 0.75 and ladder.score(right) == 0.75
    assert ladder.steps == [True, False, False, True, False]


def test_an_entry_that_guesses_and_keeps_what_helps_gains_on_a_naive_board_and_not_on_ours() -> None:
    """The attack of Blum & Hardt 2015, section 4: vote over all random guesses that seemed better than chance."""
    draw = np.random.default_rng(1)
    guesses = draw.integers(0, 2, (300, N))
    seen = answers(final=200)
    board, fresh = (np.flatnonzero(seen.parts == part) for part in ("board", "final"))

    def vote(kept: list[np.ndarray]) -> np.ndarray:
        return (np.mean(kept, axis=0) > 0.5).astype(int)

    def naive(guess: np.ndarray) -> float:
        return float((guess == LABELS)[board].mean())

    told = [naive(guess) for guess in guesses]
    attacked = vote([guess for guess, score in zip(guesses, told, strict=True) if score > 0.5])
    assert naive(attacked) > 0.65 and abs((attacked == LABELS)[fresh].mean() - 0.5) < 0.1

    ladder, kept, before = Ladder(), [guesses[0]], 0.0
    for guess in guesses:
        shown = ladder.score((guess == LABELS)[board])
        kept, before = ([*kept, guess] if shown > before else kept), shown
    ladder.score((vote(kept) == LABELS)[board])
    honest = max(told)  # the luckiest single guess, which no board can hide
    assert ladder.shown <= honest < 0.62 and naive(vote(kept)) < 0.62


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "leaderboard.csv").read_text(encoding="utf-8"))))


def test_the_board_says_who_why_not_and_what_nobody_got_right(tmp_path: Path) -> None:
    attempts = [made("a", range(20)), made("=b()", range(2, 24)), made("d", (), status="crashed")]
    seen = answers()
    found, tests = final_standings(attempts, seen)
    board = Board(RULES, found, tests, seen, True)
    scored = [one for one in found if one.points is not None]
    assert hardest(board, scored) == (list(range(2, 20)), "18 of 400 samples.")
    asked: list[list[int]] = []

    def pictures(places: Sequence[int]) -> list[str]:
        asked.append(list(places))
        return ["aGk="] * len(places)

    text = write_board(tmp_path, board, pictures).read_text(encoding="utf-8")
    assert asked == [list(range(2, 20))]
    for part in (
        "share first place",
        "it crashed",
        "18 of 400 samples",
        "3 held-out samples are in the public part",
        "McNemar",
    ):
        assert part in text, part
    table = rows(tmp_path)
    assert [(row["rank"], row["status"]) for row in table] == [("1", "scored"), ("1", "scored"), ("", "crashed")]
    assert table[0]["accuracy"] == "0.95" and table[1]["name"] == "'=b()" and table[2]["reason"] == "it crashed"


def test_the_public_board_tells_nothing_of_single_samples(tmp_path: Path) -> None:
    attempts, seen = [made("a", range(20)), made("b", range(2, 24))], answers(final=200)
    board = Board(RULES, public_standings(attempts, seen), (), seen, False)

    def pictures(places: Sequence[int]) -> list[str]:
        raise AssertionError("a picture of a held-out sample")

    text = write_board(tmp_path, board, pictures).read_text(encoding="utf-8")
    assert "the final score is on others" in text and 'id="classes"' not in text and 'id="nobody"' not in text
    assert rows(tmp_path)[0]["low"] == ""
