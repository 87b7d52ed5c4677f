"""What an explanation is asked about: a class or target by its name."""

from __future__ import annotations

from collections.abc import Sequence

from neocog.errors import UserError, did_you_mean, listed


def position(about: str, names: Sequence[str]) -> int | None:
    """Where ``about`` stands among the names; None for "". Raises UserError."""
    if about and about not in names:
        raise UserError(
            f"--about {about} is none of the run's", fix=f"{did_you_mean(about, names)}known: {listed(names)}"
        )
    return list(names).index(about) if about else None
