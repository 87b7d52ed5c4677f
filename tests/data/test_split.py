"""The split and the folds: what may never happen, whatever the data; and how near to the asked fractions they come."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neocog.data.dataset import SPLITS, ArrayImages, Dataset
from neocog.data.split import folds, notes, split
from neocog.data.stratify import bind
from neocog.errors import UserError


def make(labels, groups=None, splits=None, classes=None) -> Dataset:
    labels = np.array(labels, np.int64)
    names = [f"{i}.png" for i in range(len(labels))]
    classes = classes or tuple(f"class{k}" for k in range(max(labels.max() + 1, 2)))
    images = ArrayImages(np.zeros((len(labels), 1, 1, 1), np.uint8), names)
    texts = [None if column is None else np.array(column, np.str_) for column in (splits, groups)]
    return Dataset("made", None, names, labels, classes, images, *texts)


def content(n, copies=None) -> list[str]:
    """A digest for each sample; ``copies`` numbers the contents, so that equal numbers are equal bytes."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in (copies if copies is not None else range(n))]


def reordered(dataset: Dataset, order) -> Dataset:
    pick = lambda column: None if column is None else column[order]  # noqa: E731
    return replace(
        dataset,
        names=[f"other/{i}.tif" for i in range(len(order))],
        labels=dataset.labels[order],
        groups=pick(dataset.groups),
        splits=pick(dataset.splits),
    )


@st.composite
def datasets(draw):
    """Any labels, groups and duplicates, as long as each class can stand on two sides."""
    n, classes = draw(st.integers(8, 120)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(classes, size=n)
    groups = rng.integers(draw(st.integers(1, n)), size=n).astype(str) if draw(st.booleans()) else None
    copies = rng.integers(draw(st.integers(n // 2, 4 * n)), size=n)
    if groups is not None:
        groups[rng.random(n) < 0.2] = ""
    ends = np.repeat(np.arange(classes), 2)  # two samples of each class that nothing binds
    labels, copies = np.append(labels, ends), np.append(copies, 10_000 + np.arange(2 * classes))
    groups = None if groups is None else np.append(groups, [f"end{i}" for i in range(2 * classes)])
    return make(labels, groups), content(len(labels), copies), rng


@settings(max_examples=150, deadline=None)
@given(datasets(), st.integers(0, 5), st.booleans())
def test_no_group_and_no_content_stands_on_two_sides(case, seed, cross):
    dataset, digests, _ = case
    parts = folds(dataset, digests, 2, seed).astype(str) if cross else split(dataset, digests, seed=seed)
    assert (parts != "").all() and (parts != "-1").all()
    for bound in (digests, digests if dataset.groups is None else dataset.groups.tolist()):
        sides: dict[str, set[str]] = {}
        for label, part in zip(bound, parts.tolist(), strict=True):
            sides.setdefault(label, set()).add(part)
        assert all(len(found) == 1 for label, found in sides.items() if label)


@settings(max_examples=100, deadline=None)
@given(datasets(), st.integers(0, 5))
def test_the_order_of_files_and_their_names_change_nothing(case, seed):
    dataset, digests, rng = case
    order = rng.permutation(len(dataset))
    shuffled, moved = reordered(dataset, order), [digests[i] for i in order]
    assert (split(shuffled, moved, seed=seed) == split(dataset, digests, seed=seed)[order]).all()
    assert (folds(shuffled, moved, 3, seed) == folds(dataset, digests, 3, seed)[order]).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(2, 300), min_size=2, max_size=12), st.integers(0, 99))
def test_each_class_meets_its_fractions_to_within_a_sample_and_so_does_the_whole(sizes, seed):
    dataset = make(np.repeat(np.arange(len(sizes)), sizes))
    parts = split(dataset, content(len(dataset)), seed=seed)
    for k, size in enumerate(sizes):
        counts = [(parts[dataset.labels == k] == part).sum() for part in SPLITS]
        assert sum(counts) == size
        assert counts[0] >= 1 and counts[2] >= 1 and counts[1] >= (size > 2)
        for count, fraction in zip(counts, (0.8, 0.1, 0.1), strict=True):
            assert abs(count - fraction * size) <= (1 if size >= 10 else 2)
    if min(sizes) >= 10:  # rounding does not add up over the classes
        for part, fraction in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
            assert abs((parts == part).sum() - fraction * len(dataset)) <= 2


def test_rounding_favours_no_part():
    dataset = make(np.repeat(np.arange(100), 15))  # 1.5 + 1.5 samples of each class
    parts = split(dataset, content(1500))
    assert [(parts == part).sum() for part in SPLITS] == [1200, 150, 150]


@pytest.mark.parametrize("seed", range(10))
def test_groups_keep_class_proportions(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, size=3000, p=[0.6, 0.25, 0.1, 0.05])
    groups = rng.integers(200, size=3000).astype(str)
    parts = split(make(labels, groups), content(3000), seed=seed)
    for k in range(4):
        for part, fraction in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
            assert abs((parts[labels == k] == part).mean() - fraction) < 0.03, (k, part)


@pytest.mark.parametrize("sizes", [(33, 33, 34), (90, 5, 5), (1, 1, 98), (50, 50, 1)])
def test_three_groups_give_three_parts(sizes):
    groups = np.repeat(list("abc"), sizes)
    parts = split(make(np.arange(sum(sizes)) % 2, groups), content(sum(sizes)), stratify=False)
    assert set(parts) == set(SPLITS)


def test_a_seed_draws_another_split_of_the_same_sizes():
    dataset, digests = make(np.arange(200) % 2), content(200)
    one, two = split(dataset, digests, seed=0), split(dataset, digests, seed=1)
    assert (one != two).any() and (np.unique(one, return_counts=True)[1] == np.unique(two, return_counts=True)[1]).all()
    assert (one == split(dataset, digests, seed=0)).all()


def test_given_parts_are_honoured():
    given_parts = np.array(["train", "validation", "test"] * 20)
    dataset = make(np.arange(60) % 2, splits=given_parts)
    assert (split(dataset, content(60)) == given_parts).all()
    assert notes(dataset, given_parts)[0] == "the given train part is kept: 20 samples"


@pytest.mark.parametrize(("given_part", "cut"), [("test", "validation"), ("validation", "test")])
def test_a_missing_part_is_cut_from_train(given_part, cut):
    dataset = make(np.arange(1200) % 2, splits=["train"] * 1000 + [given_part] * 200)
    parts = split(dataset, content(1200))
    assert (parts[1000:] == given_part).all()
    assert (parts == cut).sum() == 100 and (parts[:1000] == "train").sum() == 900
    assert f"no {cut} part is given: 100 samples are taken from train" in notes(dataset, parts)


def test_a_class_with_one_training_sample_trains_when_the_test_is_given():
    dataset = make([0] * 50 + [1] + [0, 1] * 5, splits=["train"] * 51 + ["test"] * 10)
    assert split(dataset, content(61))[50] == "train"


def test_samples_without_a_given_part_count_as_train():
    dataset = make(np.arange(100) % 2, splits=["test"] * 20 + [""] * 80)
    parts = split(dataset, content(100))
    assert (parts[:20] == "test").all() and [(parts == part).sum() for part in SPLITS] == [72, 8, 20]
    assert "80 samples without a given part count as train" in notes(dataset, parts)


def test_left_out_samples_have_no_part_and_no_fold():
    dataset, digests = make(np.arange(50) % 2), content(50)
    digests[7] = ""  # could not be read
    keep = np.ones(50, bool)
    keep[3] = False
    assert np.flatnonzero(split(dataset, digests, keep=keep) == "").tolist() == [3, 7]
    assert np.flatnonzero(folds(dataset, digests, 5, keep=keep) < 0).tolist() == [3, 7]


def test_folds_share_each_class_evenly():
    dataset = make(np.repeat([0, 1, 2], [52, 31, 17]))
    held = folds(dataset, content(100), 5)
    for k in range(3):
        counts = np.bincount(held[dataset.labels == k], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(held)) <= 1


def test_a_class_with_one_sample_is_told_with_its_counts():
    with pytest.raises(UserError) as error:
        split(make([0] * 9 + [1] + [2] * 5 + [3], classes=("a", "b", "c", "d")), content(16))
    assert error.value.what == "2 of 4 classes have 1 sample; to train and to test takes at least 2"
    assert error.value.where == "b (1), d (1)"


@pytest.mark.parametrize("binding", ["groups", "copies"])
def test_a_class_in_one_group_or_of_one_content_is_told(binding):
    labels, bound = [0] * 10 + [1] * 6, list(range(10)) + [99] * 6
    dataset = make(labels, groups=[str(b) for b in bound] if binding == "groups" else None)
    with pytest.raises(UserError, match="all samples in one group or alike") as error:
        split(dataset, content(16, bound if binding == "copies" else None))
    assert error.value.where == "class1 (6)"
    assert ("--together" in error.value.fix) == (binding == "copies") != ("--groups none" in error.value.fix)


def test_one_class_is_told_and_accepted_where_labels_do_not_count():
    dataset = make([0] * 20, classes=("cell",))
    for attempt in (lambda: split(dataset, content(20)), lambda: folds(dataset, content(20), 4)):
        with pytest.raises(UserError) as error:
            attempt()
        assert (error.value.what, error.value.where) == ("1 class, at least 2 are needed", "cell (20)")
    assert set(split(dataset, content(20), stratify=False)) == set(SPLITS)


@pytest.mark.parametrize("fractions", [(0, 0.5, 0.5), (1.1, -0.1, 0), (0.8, 0.2), (0.8, 0.1, float("nan"))])
def test_fractions_that_make_no_split_are_told(fractions):
    with pytest.raises(UserError, match="three shares are needed, train above 0 and none below 0"):
        split(make([0, 1] * 20), content(40), fractions)


def test_only_the_ratio_of_fractions_matters():
    dataset, digests = make([0, 1] * 50), content(100)
    assert (split(dataset, digests, (80, 10, 10)) == split(dataset, digests, (0.8, 0.1, 0.1))).all()


def test_a_part_of_fraction_zero_stays_empty():
    parts = split(make([0, 1] * 50), content(100), (0.8, 0.2, 0))
    assert [(parts == part).sum() for part in SPLITS] == [80, 20, 0]


def test_no_training_sample_is_told():
    with pytest.raises(UserError, match="no sample to train on") as error:
        split(make([0, 1] * 5, splits=["test"] * 10), content(10))
    assert error.value.where == "0 train, 0 validation, 10 test"


@pytest.mark.parametrize("k", [1, 21])
def test_folds_that_cannot_be_made_are_told(k):
    with pytest.raises(UserError, match=f"--folds {k}: there are 20 samples or groups"):
        folds(make([0, 1] * 10), content(20), k)


def test_old_runs_find_their_split_again():
    """Made by the first version, which knew digests of files, groups and one seed; without families nothing has changed."""
    groups = [f"g{i // 5}" if i < 20 else "" for i in range(40)]
    dataset, digests = make(np.arange(40) % 2, groups), content(40, [min(i, 37) for i in range(40)])
    parts = "".join(part[1] for part in split(dataset, digests, seed=3).tolist())
    assert parts == "rrrrrrrrrrrrrrrrrrrrerrararrrrrrarrraeee"
    assert "".join(map(str, folds(dataset, digests, 4, 3))) == "2222200000111113333330032301102232023111"


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 120), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_no_family_stands_on_two_sides(n, draw, seed):
    rng = np.random.default_rng(draw)
    families = [f"f{i // 5}" if i >= 8 and i % 5 < rng.integers(6) else "" for i in range(n)]
    dataset, digests = make(np.append([0, 1] * 4, rng.integers(2, size=n - 8))), content(n)
    order = rng.permutation(n)
    for cut in (
        lambda *given: split(*given[:2], seed=seed, families=given[2]),
        lambda *given: folds(*given[:2], 2, seed, families=given[2]),
    ):
        parts = cut(dataset, digests, families)
        for family in set(families) - {""}:
            assert len({part for part, name in zip(parts.tolist(), families, strict=True) if name == family}) == 1
        moved = cut(reordered(dataset, order), [digests[i] for i in order], [families[i] for i in order])
        assert (moved == parts[order]).all()


def test_near_copies_never_chain_groups_into_one_unit():
    """Discs of few sizes, each patient with four: all alike to someone of another group."""
    rng = np.random.default_rng(0)
    groups, sizes = [f"p{i // 4}" for i in range(400)], rng.integers(60, size=400)
    units = bind(content(400), groups, [f"size {size}" for size in sizes], np.zeros(400, np.int64), 1, 0)
    assert 4 < units.sizes.max() <= 20
    dataset = make(np.arange(400) % 2, groups)
    parts = split(dataset, content(400), families=[f"size {size}" for size in sizes])
    assert [
        abs((parts == part).mean() - share) < 0.03 for part, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True)
    ] == [True] * 3
    assert all(len(set(parts[i : i + 4].tolist())) == 1 for i in range(0, 400, 4))
