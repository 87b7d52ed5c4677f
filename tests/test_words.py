"""What people read, in messages, help and reports, has the field's words: no private ones."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "neocog"
PRIVATE = re.compile(
    r"so-manieth|soonest done|\bcrew\b|\bsurety\b|\bsurest\b|\blonely\b|went wrong|\brungs?\b|\bslopes?\b|\blikeness\b|"
    r"\bbelieved\b|\balive\b|how good it is|(?-i:\bladder\b)|\bchapters?\b|\bstrangers?\b|\brecipes?\b",
    re.IGNORECASE,
)


# f"{len(x)} boxes without …": one of them would be "1 boxes"; ``errors.count`` words it
COUNTED = re.compile(
    r"(?<!of )\{len\([\w.]+\)(?::,)?\} (\w+ )?(images|boxes|pairs|files|masks|rows|records|labels) (without|that|left)\b"
)


NAMES = re.compile(
    r"""
    \w*recipe\w* | \w+Dice | chapters?
    | rungs? | ladder | quantit(y|ies) | none_below | _?told(_\w+)? | \w+_told | Told | _?said | unsaid | as_shown
    | slopes? | survey\w* | \w*[sS]urvey | judg\w+ | _judged | crew | surety | surest | lonely | likeness | believed | alive
    | [sS]creen | strangers?\w* | ByHand | Hand[A-Z]\w+ | went_wrong
    """,
    re.VERBOSE,
)


def names(path: Path) -> set[str]:
    """What a file itself names: its functions, classes, arguments and variables."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (
        {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    )


def texts(path: Path) -> list[tuple[int, str]]:
    """Every string of a file that has a blank in it and is no docstring of a function, a module or a test."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and not ("cli" in path.parts and isinstance(node, ast.FunctionDef))  # those are the help
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value and id(node) not in docs
    ]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_people_read_has_no_private_words(path: Path) -> None:
    paper = ("the Ladder",) if path.name == "board.py" else ()  # as Blum & Hardt call their method
    if path.name in ("app.py", "toml.py"):
        paper = ("recipe",)  # of a training, as papers call its settings
    found = [
        (line, text) for line, text in texts(path) if PRIVATE.search(text) and not any(name in text for name in paper)
    ]
    assert not found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_names_are_the_fields_words(path: Path) -> None:
    own = {
        "nifti.py": {"slope"},
        "compete.py": {"judge"},
        "standings.py": {"ladder"},
    }  # of the format, the command, the paper
    outside = own.get(path.name, set())
    assert {name for name in names(path) if NAMES.fullmatch(name)} <= outside


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_count_of_one_has_its_noun_in_the_singular(path: Path) -> None:
    assert not COUNTED.search(path.read_text(encoding="utf-8"))
