"""The small numbers of a training that its checkpoints hold, and what has been decided on the way."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Counters:
    """The small numbers of a checkpoint. Losses are exact: JSON keeps every digit of a float."""

    step: int = 0
    steps: int = 0
    per_epoch: int = 0  # steps of an epoch; 0: saved before they were counted
    loss: float = 0.0  # sum over the samples of this epoch so far
    seen: int = 0
    best: float | None = None
    best_epoch: int = 0
    improved_epoch: int = 0  # the last one that was better than all before, for patience
    stopped: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)  # metrics.csv
    plans: list[list[int]] = field(default_factory=list)  # of --minutes: [step, steps in all, from there on]
    threads: list[list[int]] = field(default_factory=list)  # [step, threads from there on], where they are not given
    precision: str = ""  # in which the steps are quicker, where a trial said
    inverse_penalty: float = 0.0  # of the probe that came first; 0: there was none
    groups: list[float] = field(default_factory=list)  # how much each counts, of --group-weights dro
    used: float = 0.0  # seconds of --minutes; 0 where the steps are given

    @property
    def epochs(self) -> int:
        """Epochs that have a row; a probe before the first is epoch 0."""
        return int(self.rows[-1]["epoch"]) if self.rows else 0

    def replan(self, steps: int) -> None:
        """From here on there are to be so many steps in all."""
        self.steps = steps
        self.plans.append([self.step, steps])

    def place(self, step: int) -> tuple[float, int]:
        """Where ``step`` stands in the schedule as it was planned at first, and the length of that.

        After each change of plan the rest of the schedule is passed through evenly in the steps that are left, so that the
        rate never jumps and has always come down at the end.

        >>> counters = Counters(plans=[[0, 100], [50, 75]])
        >>> [counters.place(step) for step in (0, 50, 60, 75)]
        [(0.0, 100), (50.0, 100), (70.0, 100), (100.0, 100)]
        """
        if not self.plans:
            return step, self.steps
        whole, place, pace, since = self.plans[0][1], 0.0, 1.0, 0
        for at, steps in self.plans[1:]:
            if at > step:
                break
            place += (at - since) * pace
            pace, since = (whole - place) / max(1, steps - at), at
        return place + (step - since) * pace, whole
