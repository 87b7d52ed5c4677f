"""Tasks, networks and readers by name: our own, those of installed packages (entry points), and those in a file of the user's."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neocog.errors import UserError, did_you_mean, listed, printable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Registry(dict[str, str]):
    """{name: "module:attribute"} of our own; packages add theirs by entry points of ``group``.

    Entry points are looked up only where a name is none of ours or all are listed, as that takes 20 ms; what they name is
    imported when it is used. One of our names stays ours. ``what``: "task", for messages.
    """

    def __init__(self, group: str, what: str, own: Mapping[str, str]) -> None:
        super().__init__(own)
        self.group, self.what = group, what

    def installed(self) -> dict[str, list[EntryPoint]]:
        """{name: its entry points} of other packages; more than one where packages disagree."""
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(self.group, tuple(sys.path)):
            if point.name not in self:
                found.setdefault(point.name, []).append(point)
        return found

    def names(self) -> list[str]:
        """Our own in their order, then those of packages."""
        return [*self, *sorted(self.installed())]

    def knows(self, name: str) -> bool:
        """Whether ``load`` finds something by that name, be it broken. "auto" is nobody's name."""
        return name in self or in_file(name) or (name not in ("", "auto") and name in self.installed())

    def package(self, name: str) -> str:
        """The package that brought it and its version ("shapes 1.0"); "" for our own and for files."""
        points = [] if name in self or in_file(name) else self.installed().get(name, [])
        return ", ".join(package_of(point) for point in points)

    def load(self, name: str) -> Any:
        """What the name stands for. Raises UserError where there is none, where two packages have one, or where it fails."""
        if name in self:
            module, _, attribute = self[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if in_file(name):
            path, _, attribute = name.rpartition(":")
            return from_file(Path(path), attribute)
        points = self.installed().get(name, [])
        if not points:
            fix = f"{did_you_mean(name, self.names())}known: {listed(self.names(), 30)}; others come with the package that has them"
            raise UserError(f"no {self.what} '{printable(name)}'", fix=fix)
        if len(points) > 1:
            what = f"{self.what} '{printable(name)}' is in several packages: {self.package(name)}"
            raise UserError(what, fix="uninstall all but one of them")
        return loaded(points[0], self.what)


@functools.lru_cache(maxsize=32)
def entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Those of the packages on ``path``, which is Python's own."""
    from importlib import metadata  # 15 ms, which --help need not wait for

    return tuple(metadata.entry_points(group=group))


def package_of(point: EntryPoint) -> str:
    """The package of an entry point, and its version: "shapes 1.0"."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def loaded(point: EntryPoint, what: str) -> Any:
    """What an entry point names. Raises UserError where it cannot be imported."""
    with package_code(what, point.name, package_of(point)):
        return point.load()


@contextmanager
def package_code(what: str, name: str, package: str) -> Iterator[None]:
    """Whatever goes wrong in a package's own code is one error that names the package and the place."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
        reason = f"{type(error).__name__}: {printable(str(error)[:200])}"
        fix = f"the fault is in {package}: update it, or uninstall it"
        raise UserError(f"{what} '{name}' of the package {package} fails: {reason}", where, fix) from error


def in_file(name: str) -> bool:
    """Whether a name is path/to/file.py:Class."""
    return name.rpartition(":")[0].endswith(".py")


def from_file(path: Path, attribute: str) -> Any:
    """The class or function of the user's Python file, which is run. Raises UserError."""
    if not path.is_file():
        raise UserError("no such file", printable(str(path)), "give path/to/file.py:Class")
    spec = importlib.util.spec_from_file_location(f"neocog_own_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for their module
    with own_code(path):
        spec.loader.exec_module(module)
    found = getattr(module, attribute, None)
    if not callable(found):
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == spec.name]
        fix = f"{did_you_mean(attribute, own)}it has: {listed(own) or 'no class'}"
        raise UserError(f"no class or function '{printable(attribute)}' in it", str(path), fix)
    return found


@contextmanager
def own_code(path: Path) -> Iterator[None]:
    """A fault of the user's file becomes one error: what, and in which line of that file."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if isinstance(error, SyntaxError):
            line = error.lineno
        else:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
            line = frames[-1].lineno if frames else None
        reason = str(error).splitlines()[0] if str(error) else "no message"
        where = f"{path}, line {line}" if line else str(path)
        raise UserError(f"{type(error).__name__}: {reason}", where, "the fault is in this file") from error
