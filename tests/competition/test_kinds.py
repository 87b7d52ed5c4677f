"""Competitions of values and of masks, from the data to the board; the processes of an entry run in this one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.cli.main import main
from neocog.competition import predicting, running, trying
from neocog.competition.contained import Ended
from neocog.competition.kinds import KINDS
from neocog.competition.kinds.masks import Masks
from neocog.competition.kinds.values import Values
from neocog.competition.ladder import Ladder
from neocog.competition.result import Failed
from neocog.competition.rules import read_rules
from neocog.competition.sealed import Answers, unseal
from neocog.competition.standings import final_standings, public_standings
from neocog.data.readers.detect import open_dataset
from neocog.errors import UserError
from neocog.verbs.compete import enter, score
from neocog.verbs.compete_new import new, sealed_beside

from .test_standings import attempted

LEVEL = """
import torch
from torch import nn


class Level(nn.Module):
    def __init__(self, channels, size, outputs):
        super().__init__()
        self.layer = nn.Linear(channels, outputs)

    def forward(self, x):
        return self.layer(x.mean((2, 3)))
"""
PIXELS = LEVEL.replace("nn.Linear(channels, outputs)", "nn.Conv2d(channels, outputs, 1)").replace(".mean((2, 3))", "")


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """A table of 60 pictures by five people with two values: how bright they are, and an angle without any sign in them."""
    draw, folder = np.random.default_rng(0), tmp_path / "bright"
    folder.mkdir()
    lines = ["image,light,angle [°],person"]
    for i in range(60):
        level = draw.uniform(20, 230)
        Image.fromarray((level + draw.integers(-9, 9, (8, 8))).astype(np.uint8)).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{level / 10:.3f},{draw.uniform(0, 360):.2f},person {i % 5}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Forty pictures of several sizes, each with a bright and a dark square on grey; the rim of a mask does not count."""
    draw, folder = np.random.default_rng(0), tmp_path / "squares"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    (folder / "classes.txt").write_text("background\nbright\ndark\n")
    for i in range(40):
        size = (12, 12 + 2 * (i % 2))
        mask = np.zeros(size, np.uint8)
        mask[2:5, 2:6], mask[6:10, 3:8] = 1, 2
        pixels = np.array([120, 230, 20])[mask] + draw.integers(-9, 9, size)
        mask[0] = 255
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{i}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{i}.png")
    return folder


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be contained runs in this process."""
    mains: dict[str, Callable[[list[str]], object]] = {
        "neocog.competition.trying": trying.main, "neocog": main, "neocog.competition.predicting": predicting.main,
    }  # fmt: skip

    def run(arguments: Sequence[str], *_: object) -> Ended:
        mains[arguments[1]](list(arguments[2:]))
        return Ended(0, "", "", 1.0)

    monkeypatch.setattr(running, "contained", run)


def entered(folder: Path, contest: Path, source: str, *names: str, settings: str = "epochs = 2") -> None:
    (folder / "net.py").write_text(source)
    (folder / "few.toml").write_text(f"[training]\n{settings}\n")
    for name in names:
        enter(contest, folder / "net.py", name, folder / "few.toml", quiet=True)


@pytest.mark.usefixtures("inside")
def test_values_are_learned_answered_and_ranked_by_their_error(values: Path, tmp_path: Path) -> None:
    contest = tmp_path / "contest"
    rules = new(values, contest, "random:0.4", cores=1, quiet=True, columns=("group=person",), targets=("light",))
    assert (rules.data.learned, rules.data.values, rules.data.classes) == ("values", ("light",), ())
    entered(tmp_path, contest, LEVEL, "ada", settings="epochs = 20\nlr = 0.3")
    entered(tmp_path, contest, LEVEL, "bob", settings='epochs = 1\nloss = "gaussian"')
    found = score(contest, quiet=True)
    ada, bob = found.standings
    assert (ada.entry.name, ada.entry.parameters, bob.entry.parameters) == (
        "ada",
        2,
        4,
    )  # the spread is an output of its own
    assert ada.shown < 2 and ada.shown < bob.shown and ada.measure is not None and ada.measure.units == 2
    truth = unseal(sealed_beside(contest), rules, tmp_path / "unsealed")[0].truth
    assert ada.shown == pytest.approx(np.abs(ada.result.rows(len(truth)) - truth).mean())  # in the values' own unit
    page = (contest / "leaderboard.html").read_text(encoding="utf-8")
    for text in ("mean absolute error, light", "Results by value", "Hardest samples", "nearest:"):
        assert text in page, text
    assert (contest / "leaderboard.csv").read_text().startswith("rank,name,attempt,attempts,mae,low,")


@pytest.mark.usefixtures("inside")
def test_masks_are_learned_answered_at_their_own_size_and_ranked_by_dice(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contest = tmp_path / "contest"
    new(masks, contest, "random:0.4", cores=1, quiet=True, ignore=255)
    entered(tmp_path, contest, PIXELS, "ada", settings="epochs = 30\nlr = 0.3")
    entered(tmp_path, contest, PIXELS, "bob", settings="epochs = 1\nlr = 0.000001")
    capsys.readouterr()
    main(["compete", "judge", str(contest), "--quiet", "--json"])
    first, second = json.loads(capsys.readouterr().out)["entries"]
    assert (first["name"], second["name"], second["rank"]) == ("ada", "bob", 2)
    assert first["image_dice"] > 0.9 > second["image_dice"] and first["measure"]["n"] == 16
    page = (contest / "leaderboard.html").read_text(encoding="utf-8")
    for text in ("Dice, mean over images", "Hardest samples", "the sign-flip test over samples", "at best, by"):
        assert text in page, text


def test_what_is_public_is_read_as_it_was_and_what_is_held_out_tells_nothing(
    values: Path, masks: Path, tmp_path: Path
) -> None:
    rules = new(values, tmp_path / "v", "random:0.4", cores=1, quiet=True)
    given, public = open_dataset(values), open_dataset(tmp_path / "v" / "public" / "data.csv")
    assert given.target_names == public.target_names == rules.data.values == ("light", "angle [°]")
    known, _ = unseal(sealed_beside(tmp_path / "v"), rules, tmp_path / "a")
    every = {tuple(row) for row in np.concatenate([public.values, known.truth.astype(np.float32)]).tolist()}
    assert given.values is not None and every == {tuple(row) for row in given.values.tolist()} and len(every) == 60

    values.write_text(values.read_text().replace("angle [°]", "angle"))
    rules = new(values, tmp_path / "d", "random:0.4", cores=1, quiet=True)
    assert rules.data.values == (
        "light",
        "angle [°]",
    )  # which the public part says, too, whatever values are left in it
    rules = new(masks, tmp_path / "m", "last:0.2", cores=1, quiet=True, ignore=255)
    known, _ = unseal(sealed_beside(tmp_path / "m"), rules, tmp_path / "b")
    shown = {path.relative_to(tmp_path / "b").as_posix() for path in (tmp_path / "b").rglob("*") if path.is_file()}
    assert shown == {"samples/data.csv", *(f"samples/images/{i:06d}.png" for i in range(1, 9))}
    drawn = {(masks / "masks" / f"{i}.png").read_bytes() for i in range(40)}
    public = {path.read_bytes() for path in (tmp_path / "m" / "public" / "masks").iterdir()}
    assert len(known.truth) == 8 and len(drawn) == 2 and public == set(known.truth)


def of_masks(*masks: list[list[int]]) -> tuple[Masks, np.ndarray]:
    """Two classes, and the masks as they are sealed."""
    from neocog.tasks.masks import png

    kind = Masks(("background", "object"))
    return kind, np.array([png(Image.fromarray(np.array(mask, np.uint8))) for mask in masks], object)


def test_pixels_that_do_not_count_and_images_without_anything_to_find_decide_nothing() -> None:
    kind, truth = of_masks([[0, 1], [1, 255]], [[0, 0]], [[0, 0]])
    rows = kind.rows(kind.names, np.array([0, 1, 1, 0, 0, 0, 0, 1], np.uint8), truth)
    np.testing.assert_array_equal(
        kind.points(rows, truth), [1, np.nan, 0]
    )  # all right, nothing to find, found where there is none
    found = kind.measured(rows, truth, None)
    assert (found.value, found.n) == (0.5, 2)
    swapped = kind.rows(("object", "background"), np.array([1, 0, 0, 1, 1, 1, 1, 0], np.uint8), truth)
    np.testing.assert_array_equal(swapped, rows)  # classes are taken by their names


def test_errors_are_of_the_shorter_way_round_and_of_several_values_in_their_own_spread() -> None:
    kind = Values(("light", "angle [°]"), (2.0, 90.0))
    rows, truth = np.array([[1.0, 359.0], [4.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 90.0]])
    np.testing.assert_allclose(kind.points(rows, truth), [-1 / 90, -1.5])
    assert kind.measured(rows, truth, None).value == pytest.approx((1 / 90 + 1.5) / 2)
    alone = Values(("angle [°]",), (90.0,))
    assert alone.measured(rows[:, 1:], truth[:, 1:], None).value == 46.0  # degrees
    given = np.array([[359.0, 1.0]], np.float32)
    np.testing.assert_array_equal(kind.rows(("angle [°]", "light"), given, truth[:1]), rows[:1])


def test_answers_that_are_none_are_told_by_kind() -> None:
    kind, truth = of_masks([[0, 1]])
    for names, given, says in (
        (kind.names, np.zeros(3, np.uint8), "not the classes of 2 pixels"), (kind.names, np.full(2, 2, np.uint8), "class 2, of 2"),
        (("a", "b"), np.zeros(2, np.uint8), "other classes"), (kind.names, np.zeros(2, np.float32), "not the classes of"),
    ):  # fmt: skip
        with pytest.raises(Failed, match=says):
            kind.rows(names, given, truth)
    values, one = Values(("light",), (1.0,)), np.zeros((1, 1))
    for names, numbers, says in (
        (("light",), np.zeros((1, 2), np.float32), "not 1 × 1 numbers"), (("dark",), np.zeros((1, 1), np.float32), "other values"),
        (("light",), np.full((1, 1), np.nan, np.float32), "1 answers are NaN"),
    ):  # fmt: skip
        with pytest.raises(Failed, match=says):
            values.rows(names, numbers, one)


@pytest.mark.parametrize(("kind", "source", "says"), [
    ("values", PIXELS, "not (2, 3)"), ("masks", LEVEL, "not (2, 3, 8, 8)"), ("masks", PIXELS + "        / 0\n", "not finite"),
])  # fmt: skip
def test_a_network_whose_output_is_not_of_the_kind_is_refused(
    kind: str, source: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text(source.replace("self.layer(x)\n        / 0", "self.layer(x) / 0"))
    job = {"file": str(tmp_path / "net.py"), "network": "Level", "channels": 1, "size": [8, 8], "outputs": 3}
    with pytest.raises(UserError) as error:
        trying.tried({**job, "masks": KINDS[kind].masks, "options": {}})
    assert says in str(error.value)


def test_scores_that_are_not_finite_are_no_answer(masks: Path) -> None:
    from torch import full
    from torch.nn import Identity

    from neocog.competition.kinds.masks import _insist_on_numbers

    network = Identity()
    network.register_forward_hook(_insist_on_numbers)
    with pytest.raises(UserError, match="NaN or infinite"):
        network(full((1, 2, 2, 2), float("nan")))


N = 60
TRUTH = np.random.default_rng(0).normal(10, 2, (N, 1))


def off(by: float, seed: int) -> np.ndarray:
    return TRUTH[:, 0] + by * np.random.default_rng(seed).choice([-1, 1], N)


def judged(final: int) -> Answers:
    return Answers(
        Values(("light",), (2.0,)), TRUTH, np.full(N, ""), np.array(["board"] * (N - final) + ["final"] * final)
    )


def test_less_error_is_better_and_names_that_no_test_tells_apart_share_a_rank() -> None:
    near = off(1.0, 1)
    near[:3] += 0.5
    attempts = [attempted("a", near), attempted("b", off(1.0, 2)), attempted("c", off(3.0, 3))]
    found, tests = final_standings(attempts, judged(N))
    assert {one.entry.name: one.rank for one in found} == {"a": 1, "b": 1, "c": 3}
    assert found[0].shown == pytest.approx(1.0) and found[0].entry.name == "b"
    assert next(test for test in tests if test.second == "c").difference < 0
    public = public_standings(attempts, judged(N // 2))
    assert [one.entry.name for one in public][2] == "c" and public[0].shown == pytest.approx(1.0, abs=2 / N)


def test_with_many_names_the_drawn_swaps_are_enough_to_tell_the_best() -> None:
    crowd = [
        attempted(f"c{i:02}", off(3.0, i)) for i in range(24)
    ]  # 300 pairs: 5,000 swaps could never tell 0.05 / 300
    ranks = {one.entry.name: one.rank for one in final_standings([attempted("a", off(0.1, 99)), *crowd], judged(N))[0]}
    assert ranks.pop("a") == 1 and set(ranks.values()) == {2}


def test_the_ladder_counts_points_of_any_unit_and_leaves_out_what_is_not_defined() -> None:
    ladder = Ladder(0.5)
    assert ladder.score(np.array([-3.0, -1.0, np.nan])) == -2.0
    assert ladder.score(np.array([-2.9, -1.0, np.nan])) == -2.0  # by less than the standard error
    assert ladder.score(np.array([-1.0, 0.9, np.nan])) == 0.0  # −0.05 in halves of a half
    assert Ladder().score(np.array([np.nan])) == -np.inf


def test_boxes_and_objects_are_refused_with_what_works(masks: Path, tmp_path: Path) -> None:
    lines = "image,xmin,ymin,xmax,ymax,label\n" + "".join(f"{i}.png,1,1,6,6,cell\n" for i in range(40))
    (masks / "images" / "boxes.csv").write_text(lines)
    with pytest.raises(UserError, match="no one raw output for boxes") as error:
        new(masks / "images" / "boxes.csv", tmp_path / "contest", cores=1, quiet=True)
    assert "counts per image" in str(error.value)
    (masks / "classes.txt").unlink()
    with pytest.raises(UserError, match="leave out --instances"):
        new(masks, tmp_path / "contest", cores=1, quiet=True, ignore=255, instances=True)
    assert not (tmp_path / "contest").exists() and not sealed_beside(tmp_path / "contest").exists()


def test_rules_of_before_there_were_values_are_still_read(arrays: Path, tmp_path: Path) -> None:
    contest = tmp_path / "contest"
    now = new(arrays, contest, "random:0.5", cores=1, quiet=True)
    path = contest / "rules.toml"
    old = [line for line in path.read_text().splitlines() if line.split(" ")[0] not in ("learned", "values", "spread")]
    path.write_text("\n".join(old))
    assert read_rules(contest) == now
    path.write_text(path.read_text().replace("[data]", '[data]\nlearned = "values"'))
    with pytest.raises(UserError, match="of another kind"):
        read_rules(contest)
