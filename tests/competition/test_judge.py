"""Entries from the command to the board: tried, trained and asked contained, judged once, and again only after a change."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neocog.cli.main import main
from neocog.competition import running
from neocog.competition.contained import Ended, Limits
from neocog.competition.entries import Entry, all_entries
from neocog.competition.result import Failed, Result
from neocog.competition.running import Court, attempt
from neocog.competition.sealed import unseal
from neocog.competition.trying import tried
from neocog.config import Config
from neocog.errors import UserError
from neocog.verbs import compete
from neocog.verbs.compete import enter, score
from neocog.verbs.compete_new import new, sealed_beside

TRIED = ({"parameters": 130, "multiplications": 128}, 1.0)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, npz: Callable[[Path], Path], linear: str) -> Path:
    """A competition of one entry, through the command line and with nothing left out."""
    folder = tmp_path_factory.mktemp("judged")
    npz(folder / "squares.npz")
    (folder / "linear.py").write_text(linear)
    (folder / "few.toml").write_text("[training]\nepochs = 3\n")
    contest = str(folder / "contest")
    words = ["--hold-out", "random:0.25", "--seconds", "600", "--cores", "1", "--memory", "3"]
    main(["compete", "new", str(folder / "squares.npz"), "--out", contest, *words, "--quiet"])
    words = ["--name", "ada", "--settings", str(folder / "few.toml")]
    main(["compete", "enter", contest, str(folder / "linear.py"), *words, "--quiet"])
    main(["compete", "judge", contest, "--quiet", "--json"])
    return folder / "contest"


def test_an_entry_is_tried_trained_and_scored_and_stands_on_the_board(judged: Path) -> None:
    entry = json.loads((judged / "entries" / "ada-1" / "entry.json").read_text())
    result = json.loads((judged / "results" / "ada-1.json").read_text())
    assert (entry["network"], entry["parameters"], entry["multiplications"]) == ("Linear", 130, 128)
    assert result["status"] == "scored" and len(result["answers"]) == 30 and len(result["losses"]) == 3
    assert (judged / "leaderboard.csv").read_text().splitlines()[1].startswith("1,ada,1,1,1,")
    assert "ada wins" in (judged / "leaderboard.html").read_text()


def test_what_was_judged_is_not_judged_again_and_the_board_is_the_same(
    judged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: (judged / name).read_bytes() for name in ("leaderboard.csv", "leaderboard.html")}
    monkeypatch.setattr(compete, "attempt", lambda *_: pytest.fail("judged twice"))
    capsys.readouterr()
    main(["compete", "judge", str(judged), "--quiet", "--json"])
    assert {name: (judged / name).read_bytes() for name in before} == before
    found = json.loads(capsys.readouterr().out)
    assert found["final"] and [one["name"] for one in found["entries"]] == ["ada"]
    assert found["entries"][0]["measure"]["n"] == 30


@pytest.fixture
def contest(tmp_path: Path, arrays: Path, net: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``contest(attempts)``: one whose entries are neither tried nor trained; ``answered[name]`` are their answers, or an error."""
    assert net.name == "linear.py"
    monkeypatch.setattr(compete, "trial", lambda *_: TRIED)

    def make(attempts: int = 1) -> Path:
        new(arrays, tmp_path / "contest", "random:0.5", cores=1, attempts=attempts, quiet=True)
        return tmp_path / "contest"

    return make


def answer(given: dict[str, object], asked: list[str]) -> Callable[[Court, Entry, Config], Result]:
    def fake(court: Court, entry: Entry, config: Config) -> Result:
        asked.append(entry.key)
        what = given.get(entry.key, 0)
        if isinstance(what, BaseException):
            raise what
        answers = tuple(int(what) for _ in range(court.rules.data.held_out))  # type: ignore[call-overload]
        return Result(entry.name, entry.attempt, entry.sha256, "scored", "", 1.0, answers, (), ())

    return fake


def test_a_kill_leaves_whole_results_and_the_next_call_goes_on(
    contest: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = contest(), list[str]()
    for name in ("a", "b", "c"):
        enter(folder, tmp_path / "linear.py", name, quiet=True)
    monkeypatch.setattr(compete, "attempt", answer({"b-1": KeyboardInterrupt()}, asked))
    with pytest.raises(KeyboardInterrupt):
        score(folder, quiet=True)
    assert [path.name for path in (folder / "results").glob("*.json")] == ["a-1.json"]
    assert not (folder / "leaderboard.html").exists()
    monkeypatch.setattr(compete, "attempt", answer({}, asked))
    assert len(score(folder, quiet=True).standings) == 3
    assert asked == ["a-1", "b-1", "b-1", "c-1"]


def test_an_entry_that_was_changed_after_it_was_entered_is_not_run(
    contest: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = contest()
    enter(folder, tmp_path / "linear.py", "a", quiet=True)
    enter(folder, tmp_path / "linear.py", "b", quiet=True)
    net = folder / "entries" / "a-1" / "net.py"
    net.write_text(net.read_text() + "\n# more\n")
    asked = list[str]()
    monkeypatch.setattr(compete, "attempt", answer({}, asked))
    found = {one.entry.name: one.result for one in score(folder, quiet=True).standings}
    assert asked == ["b-1"] and found["a"].status == "refused" and "changed after it was entered" in found["a"].reason


def test_attempts_are_counted_the_board_is_public_and_the_final_score_closes(
    contest: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = contest(attempts=2)
    for _ in range(2):
        enter(folder, tmp_path / "linear.py", "ada", quiet=True)
    with pytest.raises(UserError, match="ada has used all 2 attempts"):
        enter(folder, tmp_path / "linear.py", "ada", quiet=True)
    with pytest.raises(UserError, match="the name ada is taken"):
        enter(folder, tmp_path / "linear.py", "Ada", quiet=True)
    with pytest.raises(UserError, match="--name"):
        enter(folder, tmp_path / "linear.py", "../ada", quiet=True)
    monkeypatch.setattr(compete, "attempt", answer({"ada-2": 1}, []))
    public = score(folder, quiet=True)
    assert not public.final and public.standings[0].measure is None
    assert score(folder, final=True, quiet=True).final
    with pytest.raises(UserError, match="this competition is over"):
        enter(folder, tmp_path / "linear.py", "bob", quiet=True)
    assert score(folder, quiet=True).final  # the public board does not come back
    assert [entry.key for entry in all_entries(folder)] == ["ada-1", "ada-2"]


BAD = {
    "a constructor that needs arguments": ("outputs):", "outputs, depth):", "needs depth"),
    "the wrong shape": ("flatten(1))", "flatten(1))[:, :1]", "not (2, 2)"),
    "NaN": ("flatten(1))", "flatten(1)) / 0 * 0", "not finite"),
    "nothing to learn": ("nn.Linear(channels * size[0] * size[1], outputs)", "lambda x: x[:, :2]", "nothing to learn"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_network_that_cannot_take_part_is_one_error(fault: str, net: Path, linear: str) -> None:
    """What ``trying`` says, in this process: that it runs contained is tested above."""
    job = {
        "file": str(net),
        "network": "Linear",
        "channels": 1,
        "size": [8, 8],
        "outputs": 2,
        "masks": False,
        "options": {},
    }
    assert tried(job) == {"parameters": 130, "multiplications": 128}
    old, new_text, says = BAD[fault]
    assert linear.count(old) == 1
    net.write_text(linear.replace(old, new_text))
    with pytest.raises(UserError) as error:
        tried(job)
    assert says in str(error.value) and "linear.py" in str(error.value)


@pytest.mark.parametrize(
    ("ended", "status", "says"),
    [
        (Ended(-9, "time", "", 60), "time", "not done after 60 s"), (Ended(-9, "memory", "", 1), "memory", "over 2 GB"),
        (Ended(-9, "disk", "", 1), "disk", "over 1 GB of files"), (Ended(139, "", "", 1), "crashed", "exit code 139"),
        (Ended(1, "", "Traceback\n  x\nValueError: odd\n", 1), "crashed", "ValueError: odd"),
        (Ended(2, "", "error: a\n  where: b\n  fix:   c\n", 1), "crashed", "a where: b fix: c"),
        (Ended(1, "", "RuntimeError: can't allocate memory: 1 bytes", 1), "memory", "can't allocate"),
    ],
)  # fmt: skip
def test_each_end_of_an_entry_has_its_reason(
    ended: Ended, status: str, says: str, contest: Callable[..., Path]
) -> None:
    rules = compete.read_rules(contest())
    rules = replace(rules, limits=replace(rules.limits, seconds=60.0, memory_gb=2.0, disk_gb=1.0))
    assert rules.contained() == Limits(60.0, 2 * 10**9, 10**9, 1)
    with pytest.raises(Failed) as failed:
        running._raise_failed(ended, "while it trained", rules)
    assert failed.value.status == status and says in failed.value.reason


@pytest.fixture
def court(contest: Callable[..., Path], tmp_path: Path) -> tuple[Court, Entry]:
    folder = contest()
    entry = enter(folder, tmp_path / "linear.py", "a", quiet=True)
    rules = compete.read_rules(folder)
    known, _ = unseal(sealed_beside(folder), rules, tmp_path / "unsealed")
    return Court(folder, rules, folder / "public" / "data.npz", tmp_path / "none.npz", known, ()), entry


def leaving(monkeypatch: pytest.MonkeyPatch, leave: Callable[[Path], None]) -> None:
    """Entries end well, and have left in their folder what ``leave`` puts there."""

    def fake(arguments: list[str], readable: list[Path], work: Path, *_: object) -> Ended:
        leave(work)
        return Ended(0, "", "", 1.0)

    monkeypatch.setattr(running, "contained", fake)
    monkeypatch.setattr(running, "trial", lambda *_: TRIED)


def good(work: Path) -> None:
    np.save(work / "answers.npy", np.tile(np.array([[0, 1]], np.float32), (60, 1)))
    (work / "names.txt").write_text("dark\nbright")


def test_answers_are_taken_by_the_names_of_their_classes(
    court: tuple[Court, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving(monkeypatch, good)
    result = attempt(*court, Config())
    assert result.status == "scored" and set(result.answers) == {0}  # bright, the rules' first class


def endless() -> bytes:
    """An .npy that promises more than any memory holds."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**14, 2)})
    return file.getvalue()


@pytest.mark.parametrize("left", ["[]", "3", '{"faults": 3}', '{"faults": ["x"]}', '{"parameters": "many"}'])
def test_what_a_trial_leaves_may_be_anything(
    left: str, court: tuple[Court, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fake(arguments: list[str], readable: list[Path], work: Path, *_: object) -> Ended:
        (work / "result.json").write_text(left)
        return Ended(0, "", "", 1.0)

    monkeypatch.setattr(running, "contained", fake)
    result = attempt(*court, Config())
    assert result.status == "answers" and "its trial gave no numbers" in result.reason


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda work: np.save(work / "answers.npy", np.zeros((59, 2), np.float32)), "not 60 × 2 numbers"),
        (lambda work: np.save(work / "answers.npy", np.full((60, 2), np.nan, np.float32)), "60 answers are NaN"),
        (lambda work: np.save(work / "answers.npy", np.array([{}] * 60, object), allow_pickle=True), "no array"),
        (lambda work: (work / "answers.npy").write_bytes(b""), "no array"),
        (lambda work: (work / "answers.npy").write_bytes(b"PK\3\4 and no zip"), "no array"),
        (lambda work: (work / "answers.npy").write_bytes(endless()), "no array"),
        (lambda work: (work / "answers.npy").unlink(), "no answers.npy"),
        (lambda work: (work / "names.txt").write_text("dark\ncat"), "classes that there are none of"),
        (lambda work: ((work / "names.txt").unlink(), (work / "names.txt").symlink_to("/etc/passwd")), "is a link"),
    ],
)  # fmt: skip
def test_what_an_entry_leaves_is_looked_at_as_if_it_were_hostile(
    spoil: Callable[[Path], object], says: str, court: tuple[Court, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(work: Path) -> None:
        good(work)
        spoil(work)

    leaving(monkeypatch, leave)
    result = attempt(*court, Config())
    assert result.status == "answers" and says in result.reason and result.answers == ()


def test_one_clock_counts_training_and_predicting(court: tuple[Court, Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    leaving(monkeypatch, good)
    ends, fake = [], running.contained

    def timed(
        arguments: list[str], readable: list[Path], work: Path, limits: Limits, end: float, *more: object
    ) -> Ended:
        ends.append((arguments[1:3], end, [str(path) for path in readable]))
        return fake(arguments, readable, work, limits, end, *more)

    monkeypatch.setattr(running, "contained", timed)
    attempt(*court, Config())
    (train, first, seen), (predict, second, shown) = ends
    assert train == ["neocog", "train"] and predict[0].endswith("predicting") and first == second
    assert any("public" in path for path in seen) and not any("none" in path for path in seen)  # no held-out sample
    assert not any("public" in path for path in shown)
    with pytest.raises(Failed, match="to start Python and torch took 300 s"):
        running._minutes(court[0].rules, 300.0)
