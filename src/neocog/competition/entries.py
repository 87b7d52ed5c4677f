"""Entries in a competition's folder: entries/NAME-ATTEMPT/ with net.py, settings.toml and entry.json."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from neocog.competition.entry_check import network_in
from neocog.competition.entry_settings import settings_of
from neocog.competition.rules import Rules
from neocog.config import Config
from neocog.documents import read_json
from neocog.errors import UserError, printable
from neocog.typed import typed

FOLDER, FILE, SETTINGS, RECORD = "entries", "net.py", "settings.toml", "entry.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
FIX = "enter it again, as the next attempt"


@dataclass(frozen=True)
class Entry:
    """One attempt of a name, as it was entered. ``sha256``: of its file and its settings."""

    name: str
    attempt: int  # from 1
    network: str  # the class in net.py
    sha256: str
    parameters: int
    multiplications: int  # of one sample

    @property
    def key(self) -> str:
        return f"{self.name}-{self.attempt}"


def entry_hash(content: bytes, settings: str) -> str:
    """SHA-256 of an entry's file and settings."""
    return hashlib.sha256(content + b"\0" + settings.encode()).hexdigest()


def folder_of(contest: Path, entry: Entry) -> Path:
    return contest / FOLDER / entry.key


def all_entries(contest: Path) -> list[Entry]:
    """All entries of a competition, in the order of names and attempts. Raises UserError for a damaged one."""
    folder = contest / FOLDER
    found = (
        [_read(path) for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
        if folder.is_dir()
        else []
    )
    return sorted(found, key=lambda entry: (entry.name.casefold(), entry.name, entry.attempt))


def _read(folder: Path) -> Entry:
    path = folder / RECORD
    entry: Entry = typed(Entry, read_json(path, FIX), "entry")
    if entry.key != folder.name or not NAME.fullmatch(entry.name):
        raise UserError(f"it says that it is {printable(entry.key)}", str(path), "give the folder its own name")
    return entry


def next_attempt(contest: Path, name: str, rules: Rules) -> int:
    """The number of a name's next attempt. Raises UserError for a bad name, or where all attempts are used."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"--name {printable(name)[:60]}", fix="letters, digits, dots and dashes, at most 40: --name ada"
        )
    used = [entry for entry in all_entries(contest) if entry.name.casefold() == name.casefold()]
    if used and used[0].name != name:
        raise UserError(f"the name {used[0].name} is taken", str(contest), "choose another --name")
    if len(used) >= rules.entries.attempts:
        what = f"{name} has used all {rules.entries.attempts} attempts"
        raise UserError(what, str(contest / FOLDER), "the rules say how many there are (neocog compete new --attempts)")
    return len(used) + 1


def checked(contest: Path, entry: Entry, rules: Rules) -> Config:
    """The settings of an entry whose files are as they were entered, and within the rules. Raises UserError."""
    folder = folder_of(contest, entry)
    file, settings = folder / FILE, folder / SETTINGS
    network_in(file, rules.entries.imports, entry.network)
    config, text = settings_of(settings if settings.is_file() else None)
    if entry_hash(file.read_bytes(), text) != entry.sha256:
        raise UserError(f"{entry.key} was changed after it was entered", str(folder), FIX)
    return config
