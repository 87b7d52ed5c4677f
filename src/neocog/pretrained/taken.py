"""What of a file of weights got into a network, and what did not."""

from __future__ import annotations

from dataclasses import dataclass

from neocog.errors import UserError, listed


@dataclass(frozen=True)
class Taken:
    """Names of the network's tensors that a file gives, of the file's that are ``left_out``, and of those in both whose shapes
    differ. ``fresh``: the network's that stay drawn; ``drawn``: those among them that are learned and not the head's; ``first``:
    the one adapted to other channels; ``share``: of the network's numbers without its head; ``pair``: the prefixes of the two."""

    taken: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    misfit: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    first: str = ""
    share: float = 1.0
    pair: tuple[str, str] = ("", "")
    drawn: tuple[str, ...] = ()

    def theirs(self, name: str) -> str:
        """The name in the file of a tensor of the network."""
        return self.pair[0] + name.removeprefix(self.pair[1])

    def insist_on_all(self, file: str, doing: str, otherwise: str = "") -> None:
        """Raise UserError where layers that nothing trains any further would stay random."""
        if self.drawn:
            what = f"{doing} takes layers as they are, and {len(self.drawn)} of their tensors are not in the file"
            raise UserError(f"{what}: {listed(self.drawn, 3)}", file, f"give weights of the whole network{otherwise}")

    def line(self) -> str:
        """One line for the progress."""
        total = len(self.taken) + len(self.left_out) + len(self.misfit)
        parts = [f"{len(self.taken)} of {total} tensors taken"]
        parts += [f"left out: {listed(self.left_out, 3)}"] if self.left_out else []
        parts += [f"of another shape: {listed(self.misfit, 3)}"] if self.misfit else []
        lacking = [name for name in self.drawn if name not in self.misfit]
        parts += [f"not in the file, and drawn at random: {listed(lacking, 3)}"] if lacking else []
        parts += [f"{self.first} adapted to the images' channels"] if self.first else []
        return "; ".join(parts) + f" ({100 * self.share:.0f} % of the network without its head)"
