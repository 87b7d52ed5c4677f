"""Which column of a table plays which part: by the user's word, by its name, by what its cells hold.

What is taken is said with its evidence. Where two readings are plausible and lead to another task or other classes, it
stops and names both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neocog.data.dataset import Taken
from neocog.data.readers.column_names import IMAGE, LABEL, PEOPLE, SPLIT, THINGS, WEIGHT, given_roles, plain
from neocog.data.readers.folders import SPLIT_NAMES, is_image
from neocog.data.readers.kinds import ABOUT_1, FEW, Kind, kind_of, label_kind
from neocog.data.readers.labels import same_partition
from neocog.data.readers.reading import Reading, ambiguous
from neocog.data.readers.rows import Rows
from neocog.data.readers.table_paths import Folder
from neocog.errors import UserError, did_you_mean, listed, printable

COUNTED = re.compile(
    "count|num|anzahl|age|year|size|length|width|height|area|volume|weight|mass|temp|angle|dist|depth|value|amount|dose|"
    "day|hour|time|price|speed|cells|^n$|^n_|target"
)
LEAST_THINGS = 5  # different slides, sites …: fewer are not taken for what repeats


@dataclass
class Columns:
    """What was decided. ``one_hot``: columns of 0 and 1, a class each. ``values``: columns of numbers that are learned."""

    roles: dict[str, int] = field(default_factory=dict)  # role → its column
    values: list[int] = field(default_factory=list)
    one_hot: list[int] = field(default_factory=list)
    taken: dict[int, Taken] = field(default_factory=dict)  # by column


def columns_of(file: Path, table: Rows, reading: Reading, sample: Sequence[str] = IMAGE) -> Columns:
    """The role of every column of a table. ``sample``: names of the column that says which sample a row is about."""
    return _Deciding(file, table, reading, sample).decide()


class _Deciding:
    """One table, its columns taken one role after the other; ``free``: those that have none yet."""

    def __init__(self, file: Path, table: Rows, reading: Reading, sample: Sequence[str]) -> None:
        self.file, self.table, self.reading, self.sample = file, table, reading, sample
        self.where = printable(str(file))
        self.given = given_roles(reading.columns, table.header, f"{self.where}: line 1")
        self.names = [plain(name) for name in table.header]
        self.found = Columns()
        self.free = list(range(len(table.header)))
        self._below = Folder(file.parent)
        self._cells: dict[int, list[str]] = {}
        self._kinds: dict[int, Kind] = {}

    def cells(self, place: int) -> list[str]:
        if place not in self._cells:
            self._cells[place] = self.table.cells(place)
        return self._cells[place]

    def kind(self, place: int) -> Kind:
        if place not in self._kinds:
            self._kinds[place] = kind_of(
                self.table.header[place], self.cells(place), self.table.delimiter, self.reading.decimal
            )
        return self._kinds[place]

    def take(self, place: int, role: str, evidence: str, flag: str = "") -> None:
        if place in self.free:
            self.free.remove(place)
        name = self.table.header[place]
        self.found.taken[place] = Taken(f"column '{name}'", role, evidence, flag)

    def play(self, role: str, place: int, evidence: str) -> None:
        self.found.roles[role] = place
        self.take(place, role, evidence, f"--columns {role}=NAME")

    def decide(self) -> Columns:
        for place in self.given.get("ignore", []):
            self.take(place, "not used", "as asked")
        self._sample()
        for role in ("group", "split", "weight"):
            for place in self.given.get(role, []):
                self.play(role, place, "as asked")
        self._targets()
        for role, by_name in (("split", self._split), ("group", self._group), ("weight", self._weight)):
            if role not in self.given:
                by_name()
        for place in self.free.copy():
            self.take(place, "not used", self.kind(place).evidence, self._flag(place))
        return self.found

    def _flag(self, place: int) -> str:
        name, number = self.table.header[place], self.kind(place).number
        return f"--targets '{name}'" if number and name else f"--columns group='{name}'" if name else ""

    def _sample(self) -> None:
        role = self.sample[0]
        if asked := self.given.get(role, []):
            self.play(role, asked[0], "as asked")
            return
        named = [place for known in self.sample for place in self.free if self.names[place] == known]
        if role == "image":
            holding = [place for place in named or self.free if self._names_files(place)]
            if not holding and not named:
                holding = [place for place in self.free if self._names_stems(place)]
            if len(holding) > 1 and len({tuple(self.cells(place)) for place in holding}) > 1:
                raise self._either(role, holding, "names the pictures")
            if not named and holding:
                self.play(role, holding[0], "its cells name image files")
                return
            named = holding or named
        if named:
            self.play(role, named[0], "named so")

    def _names_files(self, place: int) -> bool:
        """Whether the first cells of a column name files below the table's folder, or at least image files."""
        few = [cell for cell in self.cells(place)[:20] if cell.strip()]
        folder = self.file.parent
        there = sum(os.path.isfile(folder / cell.replace("\\", "/")) for cell in few if "\0" not in cell)  # noqa: PTH113
        return bool(few) and (2 * there >= len(few) or all(is_image(cell) for cell in few))

    def _names_stems(self, place: int) -> bool:
        """Whether the first cells are names of image files below the table's folder, without their suffix."""
        few = [cell for cell in self.cells(place)[:20] if cell]
        return bool(few) and all(cell in self._below.by_name for cell in few)

    def _either(self, role: str, places: Sequence[int], what: str) -> UserError:
        names = [self.table.header[place] for place in places]
        ways = [(f"the one that {what}: '{name}'", f"--columns {role}='{name}'") for name in names[:2]]
        return ambiguous(f"the columns {listed(names)}", f"{self.where}: line 1", ways[0], ways[1])

    def _targets(self) -> None:
        """What is learned: a label, columns of numbers, or columns of 0 and 1 of which each row has a single 1."""
        asked = list(dict.fromkeys([*self._by_name(self.reading.targets), *self.given.get("value", [])]))
        for place in asked:
            self._value(place, "as asked")
        labels = self.given.get("label")
        if labels:
            self._asked_labels(labels)
        if asked or labels:
            return
        named = [place for known in LABEL for place in self.free if self.names[place] == known]
        if named and labels is None:
            self._named_label(named)
        elif self.reading.labels in ("auto", "values", "classes"):
            self._by_evidence()

    def _by_name(self, targets: Sequence[str]) -> list[int]:
        header = self.table.header
        missing = [name for name in targets if header.count(name) != 1]
        if missing:
            what = f"no column, or more than one, called {listed(missing)}"
            hint = did_you_mean(missing[0], header)
            raise UserError(what, f"{self.where}: line 1", f"{hint}the columns are: {listed(header, 30)}")
        return [header.index(name) for name in targets]

    def _value(self, place: int, evidence: str) -> None:
        self.found.values.append(place)
        self.take(place, "target", evidence, "--targets NAME …")

    def _asked_labels(self, places: Sequence[int]) -> None:
        if len(places) == 1 and self.reading.labels == "values" and self.kind(places[0]).number:
            self._value(places[0], "as asked")
            return
        if len(places) == 1:
            self._asked_label(places[0])
            return
        self.found.one_hot = list(places)
        for place in places:
            self.take(place, "class", "as asked", "--columns label=NAME …")

    def _asked_label(self, place: int) -> None:
        """Of numbers that are hardly the codes of classes it is said how they are values."""
        kind = self.kind(place)
        self.play("label", place, "as asked")
        if kind.number and not kind.codes and not kind.binary and self.reading.labels == "auto":
            evidence = f"as asked, each a class; {kind.evidence}"
            self.found.taken[place] = Taken(
                f"column '{self.table.header[place]}'", "label", evidence, "--task regression"
            )

    def _named_label(self, named: Sequence[int]) -> None:
        """Of several such columns the first, if they say the same; of numbers with decimals values, not classes."""
        first = named[0]
        others = [place for place in named[1:] if not same_partition(self.cells(first), self.cells(place))]
        rivals = [place for place in others if self.kind(place).classes and self.reading.labels != "values"]
        if rivals:
            raise self._either("label", [first, *rivals], "is learned")
        name = self.table.header[first]
        role, evidence = label_kind(name, self.cells(first), self.table.delimiter, self.reading, self.where)
        if role == "value":
            self._value(first, evidence)
            self.found.taken[first] = Taken(f"column '{name}'", "target", evidence, "--task classification")
        else:
            self.play("label", first, f"named so; {evidence}")
        for place in named[1:]:
            same = place not in others
            self.take(place, "not used", f"says the same as '{name}'" if same else f"'{name}' is the label")

    def _by_evidence(self) -> None:
        """No column is named label: what could be learned is told by what the columns hold."""
        named = {"group": (*PEOPLE, *THINGS), "split": SPLIT, "weight": WEIGHT}
        other = {name for role, names in named.items() if role not in self.given for name in names}
        spare = [place for place in self.free if self.names[place] not in other]
        binary = [place for place in spare if self.kind(place).binary]
        numbers = [place for place in spare if self.kind(place).number and place not in binary]
        texts = [place for place in spare if self.kind(place).classes and not self.kind(place).number]
        if not numbers and not texts and not binary:
            numbers = [place for place in spare if self.kind(place).constant]  # refused by its name when it is read
        if self.reading.labels == "values":
            for place in [*numbers, *binary]:
                self._value(place, self.kind(place).evidence)
            return
        if len(binary) > 1:
            if all(sum(self.kind(place).ones[row] for place in binary) == 1 for row in range(len(self.table))):
                self.found.one_hot = binary
                for place in binary:
                    self.take(place, "class", "0 and 1, a single 1 in each row", "--targets NAME …")
                return
            if not numbers and not texts:
                raise self._several_labels(binary)
        texts += binary if len(binary) == 1 else []
        whole = [place for place in numbers if self._could_be_classes(place)]
        if len(numbers) == 1 and whole and not texts and self.reading.labels == "auto":
            raise self._class_or_value(whole[0], whole[0])
        if self.reading.labels == "classes":
            texts, numbers = texts or whole, []
        if texts and numbers:
            raise self._class_or_value(texts[0], numbers[0])
        for place in numbers:
            self._value(place, self.kind(place).evidence)
        if texts and any(not same_partition(self.cells(texts[0]), self.cells(place)) for place in texts[1:]):
            raise self._either("label", texts, "is learned")
        if texts:
            self.play("label", texts[0], f"the only such column: {self.kind(texts[0]).evidence}")

    def _could_be_classes(self, place: int) -> bool:
        return self.kind(place).codes and not COUNTED.search(self.table.header[place].lower())

    def _class_or_value(self, text: int, number: int) -> UserError:
        names = [self.table.header[place] for place in (text, number)]
        what = f"column '{names[0]}'" if text == number else f"the columns {names[0]} and {names[1]}"
        where = f"{self.where}: '{names[0]}' has {self.kind(text).evidence}"
        label = (f"a class for each image ('{names[0]}')", f"--columns label='{names[0]}'")
        return ambiguous(what, where, label, (f"a value for each image ('{names[1]}')", f"--targets '{names[1]}'"))

    def _several_labels(self, places: Sequence[int]) -> UserError:
        names = [self.table.header[place] for place in places]
        sums = [sum(self.kind(place).ones[row] for place in places) for row in range(len(self.table))]
        row = next(i for i, total in enumerate(sums) if total != 1)
        what = f"columns of 0 and 1 whose rows do not sum to 1: several labels an image are not supported ({listed(names)})"
        where = (
            f"{self.where}: line {self.table.lines[row]} has {sums[row]} labels, as {sum(t != 1 for t in sums)} rows"
        )
        fix = f"learn one of them (--columns label='{names[0]}'), or all as values (--task regression)"
        return UserError(what, where, fix)

    def _split(self) -> None:
        for place in [place for known in SPLIT for place in self.free if self.names[place] == known]:
            words = {cell.strip().lower() for cell in self.cells(place)} - {""}
            if self.names[place] == "split" or (words and words <= SPLIT_NAMES.keys()):
                self.play("split", place, f"named so: {listed(sorted(words), 5)}")
                return

    def _group(self) -> None:
        named = [place for known in PEOPLE for place in self.free if self.names[place] == known]
        things = [place for known in THINGS for place in self.free if self.names[place] == known]
        for place in named or things:
            different = len(set(self.cells(place)))
            if place in named or LEAST_THINGS <= different < len(self.table):
                self.play("group", place, f"named so: {different:,} different")
                return

    def _weight(self) -> None:
        """Sample weights are few different numbers, or about 1; grams and kilograms are neither."""
        for place in [place for place in self.free if self.names[place] in WEIGHT]:
            name, kind = self.table.header[place], self.kind(place)
            sure = kind.weights == FEW or (kind.weights == ABOUT_1 and not self.found.values)
            if self.names[place] == "weight" and kind.number and not sure:
                measured = ("a quantity of what is shown", "--columns weight=none (or --targets, to learn it)")
                weights = ("the weight of each image in the loss", f"--columns weight='{name}'")
                raise ambiguous(f"column '{name}'", f"{self.where}: {kind.evidence}", weights, measured)
            self.play("weight", place, f"named so; {kind.evidence}")
            return


def shown(found: Columns, header: Sequence[str]) -> Iterator[Taken]:
    """What was taken, in the order of the table's columns."""
    for place in range(len(header)):
        if place in found.taken:
            yield found.taken[place]
