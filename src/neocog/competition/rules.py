"""rules.toml: what a competition is about, what an entry may use, and the hashes that hold both to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import tomli_w

from neocog.competition.contained import Limits
from neocog.competition.kinds import KINDS, Kind
from neocog.documents import parse_toml, read_text
from neocog.errors import UserError, did_you_mean, printable, raise_all
from neocog.pretrained.tensors import sha256 as file_hash
from neocog.typed import typed

NAME, PUBLIC = "rules.toml", "public"
FIX = "take the folder as `neocog compete new` wrote it"
GIGA = 10**9
IMPORTS = (
    "__future__", "collections", "collections.abc", "dataclasses", "enum", "functools", "itertools", "math", "numpy", "operator",
    "torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.nn.utils.parametrizations",
    "torch.nn.utils.parametrize", "torch.fft", "torch.linalg", "torch.utils.checkpoint", "typing",
)  # fmt: skip


@dataclass(frozen=True)
class DataRules:
    """What is learned, and how much of it is held out. ``size``: what the samples become unless an entry says otherwise."""

    name: str
    form: str
    classes: tuple[str, ...]  # of samples or pixels; () of values
    channels: int  # that a network sees
    size: tuple[int, ...]
    samples: int  # of the public part
    held_out: int
    hold_out: str
    identical: int  # held-out samples whose pixels stand in the public part, too
    grouped: bool
    reading: tuple[str, ...]  # settings with which the files are to be read: "kind=volumes"
    learned: Literal["classes", "values", "masks"] = "classes"
    values: tuple[str, ...] = ()  # what the values are, with their units
    spread: tuple[float, ...] = ()  # … and their standard deviations in the public part

    @property
    def kind(self) -> Kind:
        """How answers are scored."""
        return KINDS[self.learned](self.classes or self.values, self.spread)


@dataclass(frozen=True)
class LimitRules:
    """What an entry may use, from its first import to its last prediction."""

    seconds: float
    cores: int
    memory_gb: float
    disk_gb: float


@dataclass(frozen=True)
class EntryRules:
    """What an entry may be. ``attempts``: of one name; with more than one a public board is kept beside the final score."""

    attempts: int
    imports: tuple[str, ...]


@dataclass(frozen=True)
class Hashes:
    """SHA-256 of what must not change. ``public``: of the public part's files in their order."""

    public: str
    sealed: str


@dataclass(frozen=True)
class Rules:
    """All of a competition's rules."""

    data: DataRules
    limits: LimitRules
    entries: EntryRules
    sha256: Hashes

    def to_toml(self) -> str:
        return tomli_w.dumps(asdict(self), multiline_strings=False)

    def sealed_text(self) -> str:
        """The rules as the sealed part repeats them: without the hash of that part."""
        tables = asdict(self)
        del tables["sha256"]["sealed"]
        return tomli_w.dumps(tables)

    def contained(self) -> Limits:
        """The limits in bytes and seconds."""
        at = self.limits
        return Limits(at.seconds, round(at.memory_gb * GIGA), round(at.disk_gb * GIGA), at.cores)


def read_rules(contest: Path) -> Rules:
    """The rules of a competition. Raises UserError where there is none, or they are damaged."""
    if not contest.is_dir():
        raise UserError("no such folder", printable(str(contest)), "give the folder that `neocog compete new` wrote")
    path = contest / NAME
    if not path.is_file():
        raise UserError(f"no {NAME} in it", printable(str(contest)), "give the folder that `neocog compete new` wrote")
    try:
        return _rules(parse_toml(read_text(path, FIX), path, FIX))
    except UserError as error:
        raise UserError(error.what, f"{path}: {error.where}", FIX) from None


def _rules(tables: Any) -> Rules:
    """Raises UserError, also for what fits no kind."""
    rules: Rules = typed(Rules, tables, "rules")
    data = rules.data
    own, other = (data.values, data.classes) if data.learned == "values" else (data.classes, data.values)
    if not own or other or len(data.spread) != len(data.values):
        raise UserError(f"learned = {data.learned}, with the names of another kind", "rules.data")
    return rules


def raise_if_changed(rules: Rules, contest: Path, sealed_text: str) -> None:
    """Raise UserError, naming the settings, where the rules are not those that the sealed part repeats, or the public part is not
    the one that they were made for."""
    sealed = parse_toml(sealed_text, NAME)
    sealed["sha256"]["sealed"] = rules.sha256.sealed
    # as rules both, since a copy of before there were values has none of them
    now, then = _flat(asdict(rules)), _flat(asdict(_rules(sealed)))
    changed = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
    raise_all(
        UserError(f"changed rules: {key} is {now.get(key)}, and was {then.get(key)}", str(contest / NAME), FIX)
        for key in changed
    )
    if public_hash(contest) != rules.sha256.public:
        raise UserError("the public part was changed: its SHA-256 differs", str(contest / PUBLIC), FIX)


def public_hash(contest: Path) -> str:
    """SHA-256 over names and contents of the public part."""
    found, folder = hashlib.sha256(), contest / PUBLIC
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder).as_posix()}\0{file_hash(path)}\0".encode())
    return found.hexdigest()


def new_limits(seconds: float, cores: int, memory_gb: float, disk_gb: float, attempts: int) -> LimitRules:
    """Raises UserError for limits that leave nothing, all at once."""
    least: Mapping[str, tuple[float, float]] = {
        "seconds": (seconds, 10), "cores": (cores, 1), "memory": (memory_gb, 1), "disk": (disk_gb, 0.01), "attempts": (attempts, 1),
    }  # fmt: skip
    raise_all(
        UserError(f"--{name} {value:g} is too little", fix=f"give at least {most:g}")
        for name, (value, most) in least.items()
        if not most <= value < 10**9
    )
    return LimitRules(float(seconds), cores, float(memory_gb), float(disk_gb))


def hold_out_of(text: str) -> tuple[str, str]:
    """("last" or "random", share), ("group", name) or ("file", path) of ``--hold-out``. Raises UserError."""
    kind, sign, value = text.partition(":")
    if kind == "group" and value:
        return kind, value
    if sign and kind in ("last", "random"):
        try:
            if 0 < float(value) < 1:
                return kind, value
        except ValueError:
            pass
        raise UserError(f"--hold-out {printable(text)}: no share between 0 and 1", fix=f"--hold-out {kind}:0.2")
    if Path(text).is_file():
        return "file", text
    fix = f"{did_you_mean(kind, ('last', 'random', 'group'))}last:0.2, random:0.2, group:NAME, or a file with a name a line"
    raise UserError(f"--hold-out {printable(text)} is neither a share, a group nor a file", fix=fix)


def _flat(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{section}.{name}": value for section, table in tables.items() for name, value in table.items()}
