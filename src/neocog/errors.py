"""The user's mistakes, told in three facts: what, where, fix. The command line prints them and leaves with exit code 2."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")


class UserError(Exception):
    """Something that the user can mend: ``what`` is wrong, ``where`` it is, and the ``fix``. Never a defect of ours.

    ``code`` is the exit status of the command line, ``kind`` what programs know it by.
    """

    code = 2
    kind = "mistake"

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)

    @property
    def facts(self) -> list[dict[str, str]]:
        """What --json prints of it: one entry a fault."""
        return [{"what": self.what, "where": self.where, "fix": self.fix, "kind": self.kind}]


class NotFinite(UserError):
    """A loss or gradient became infinite or NaN: the settings lead there, and others may not."""

    code = 3
    kind = "not-finite"


class CannotSave(UserError):
    """A checkpoint could not be written. What was saved before is untouched."""


class Changed(UserError):
    """A file is no longer what it was when it was first read."""


class Problems(UserError):
    """Several mistakes, all told at once."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        super().__init__(f"{len(errors)} problems")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    @property
    def facts(self) -> list[dict[str, str]]:
        return [fact for error in self.errors for fact in error.facts]


def raise_all(errors: Iterable[UserError]) -> None:
    """Raise what was found: nothing, the one error itself, or all of them in one ``Problems``."""
    found = list({(error.what, error.where, error.fix): error for error in errors}.values())  # each once
    if len(found) == 1:
        raise found[0]
    if found:
        raise Problems(found)


def faults_of(check: Callable[[], object]) -> list[UserError]:
    """What a check raises, one by one; [] where it passes."""
    try:
        check()
    except Problems as problems:
        return list(problems.errors)
    except UserError as error:
        return [error]
    return []


def listed(names: Iterable[str], most: int = 10) -> str:
    """Names for a message: printable (escaped where they are not), and cut after ``most`` with a count of the rest."""
    names = list(names)
    shown = ", ".join(printable(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def count(items: Sized | int, noun: str) -> str:
    """A count with its noun.

    >>> count(1, "image"), count(["a", "b"], "image"), count(1200, "class")
    ('1 image', '2 images', '1,200 classes')
    >>> count(2, "family"), count(2, "day"), count(2, "box")
    ('2 families', '2 days', '2 boxes')
    """
    n = items if isinstance(items, int) else len(items)
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        plural = f"{noun[:-1]}ies"
    return f"{n:,} {noun if n == 1 else plural}"


def install(extra: str) -> str:
    """The command that installs an extra from where this package came: a folder, or an index of packages."""
    source = Path(__file__).resolve().parents[2]  # of a checkout that is used as it lies there
    from importlib import metadata  # 15 ms, which --help need not wait for

    try:
        written = metadata.distribution("neocog").read_text("direct_url.json")
        url = json.loads(written or "{}").get("url", "")
        if url.startswith("file://"):
            source = Path(unquote(urlsplit(url).path))
    except metadata.PackageNotFoundError:
        pass
    place = f"{source}" if (source / "pyproject.toml").is_file() else "neocog"
    return f'pip install "{printable(place)}[{extra}]"'


def printable(text: str) -> str:
    """Text that any terminal can show: control characters and undecodable bytes as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def pick(known: Mapping[str, T], name: str, what: str) -> T:
    """``known[name]``, or an error that names the nearest known name.

    >>> pick({"unet": 1, "segnet": 2}, "unett", what="model")
    Traceback (most recent call last):
    ...
    neocog.errors.UserError: no model 'unett'
      fix:   did you mean 'unet'? known: segnet, unet
    """
    if name in known:
        return known[name]
    raise UserError(
        f"no {what} '{printable(name)}'", fix=f"{did_you_mean(name, known)}known: {', '.join(sorted(known))}"
    )


# what other libraries call a setting → what it is called here
ELSEWHERE = {
    "learning_rate": "lr", "batch_size": "batch", "bs": "batch", "num_epochs": "epochs", "n_epochs": "epochs",
    "image_size": "size", "img_size": "size", "imgsz": "size", "arch": "model", "num_workers": "workers", "wd": "weight_decay",
    "lr_scheduler": "schedule", "early_stopping": "patience", "random_state": "seed", "num_threads": "threads",
    "augmentation": "augment", "output": "out", "output_dir": "out",
    "cv": "folds", "n_splits": "folds", "num_folds": "folds", "freeze": "tune", "finetune": "tune",
}  # fmt: skip


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'? "`` or nothing."""
    near = nearest(name, known, 1)
    return f"did you mean '{near[0]}'? " if near else ""


def nearest(name: str, known: Iterable[str], most: int) -> list[str]:
    """The known names that are most likely meant: the one that other libraries call so, else those that are spelt alike."""
    known = list(known)
    other = ELSEWHERE.get(name.lstrip("-").replace("-", "_"), "")
    same = [one for one in known if other and one.lstrip("-").replace("-", "_") == other]
    return same or difflib.get_close_matches(name, known, n=most)
