"""What a run keeps of familiarity: saved, read again, held to its network, and refusing no more than was allowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neocog.errors import UserError
from neocog.metrics.outlier_scores import SCORES, Familiar
from neocog.refusal import FILE, Familiarity, read_familiarity

RNG = np.random.default_rng(0)
FEATURES, LABELS = RNG.normal(0, 1, (400, 5)), RNG.integers(0, 3, 400)
FAMILIAR = Familiar.of(FEATURES, LABELS)


@pytest.mark.parametrize("score", SCORES)
def test_what_is_kept_scores_as_before(score: str, tmp_path: Path) -> None:
    logits = RNG.normal(0, 1, (30, 3)).astype(np.float32)
    known = FAMILIAR.score(score, np.repeat(logits, 10, 0), FEATURES[:300])
    before = Familiarity.of(score, FAMILIAR, "abc", known)
    before.save(tmp_path)
    first, again = before.refusal(0.05), read_familiarity(tmp_path, "abc").refusal(0.05)
    assert again.score == score and again.cut == first.cut
    wanted = FAMILIAR.score(score, logits, FEATURES[:30])
    assert again.scores(logits, FEATURES[:30]) == pytest.approx(wanted, abs=1e-5)


def test_at_most_the_share_is_refused_on_average() -> None:
    refused = []
    for _ in range(400):
        known, new = RNG.normal(0, 1, 39), RNG.normal(0, 1, 200)
        refused.append((new < Familiarity.of("energy", FAMILIAR, "", known).refusal(0.05).cut).mean())
    assert 0.03 < np.mean(refused) < 0.055  # 2 of 40


def test_too_few_and_other_networks_are_refused(tmp_path: Path) -> None:
    kept = Familiarity.of("energy", FAMILIAR, "abc", RNG.normal(0, 1, 10))
    with pytest.raises(UserError, match="19 are needed") as caught:
        kept.refusal(0.05)
    assert "0.091" in caught.value.fix
    with pytest.raises(UserError, match="how familiar") as caught:
        read_familiarity(tmp_path, "abc")
    assert "neocog stress" in caught.value.fix
    kept.save(tmp_path)
    with pytest.raises(UserError, match="another network"):
        read_familiarity(tmp_path, "abd")
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(UserError, match="damaged"):
        read_familiarity(tmp_path, "abc")
