"""Types that settings share: with what may be typed on a command line, and what range holds everywhere."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from neocog.checked import OneOf, Range
from neocog.traits import TASKS

Several = Parameter(consume_multiple=True, negative=())
Count = Annotated[int, Range(0, 10**9)]
Share = Annotated[float, Range(0, 1)]
TaskName = Annotated[str, OneOf(lambda: ["auto", *TASKS], TASKS.knows)]
