"""The house: who may import whom, how large a file may grow, what importing costs, and what the source never does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "neocog"
FILES = sorted(SOURCE.rglob("*.py"))

# What stands in ARCHITECTURE.md, from top to bottom: each imports only what stands above it, and itself
ORDER = re.findall(r"^  (\w+)(?:\.py|/) ", (SOURCE.parent.parent / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.M)
TORCHLESS = (
    "pages",
    "metrics",
    "scratch",
    "checks",
    "errors",
    "records",
    "run",
    "checked",
    "config",
    "effects",
    "documents",
    "facts",
    "limits",
)
# Files that are longer than 300 lines, or functions longer than 60, each with the reason
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module of a file, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "neocog":
                for alias in node.names:
                    yield f"neocog.{alias.name}", node.lineno
            else:
                yield node.module, node.lineno


def modules_imported(path: Path, known: set[str]) -> Iterator[str]:
    """What of ``known`` a file imports: of ``from package import module`` the module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in known:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inner & known or {node.module}


def place(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_what_stands_above_it_in_the_list(path: Path) -> None:
    above = ORDER[: ORDER.index(place(path)) + 1]
    for module, line in imports(path):
        if module.split(".")[0] == "neocog":
            name = (module.split(".")[1:] or ["__init__"])[0]
            assert name in above or name not in ORDER, f"{path}:{line} imports {module}, which stands below"


def test_the_list_names_every_file_and_folder_once() -> None:
    there = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir()}
    assert sorted(ORDER) == sorted(there - {"py", "__pycache__"})


def test_the_page_is_one_page_and_every_file_and_table_that_it_names_is_there() -> None:
    page = (SOURCE.parent.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 110
    places = (SOURCE, SOURCE.parent.parent, SOURCE / "data" / "formats")
    for name in set(re.findall(r"[`(]([\w/]+(?:\.py|\.md|/))[`)]", page.replace("NAME", "cnn"))):
        own = name.replace("tasks/cnn", "tasks/vae")
        own = own.replace("readers/cnn", "readers/idx").replace("robustness/cnn", "robustness/groups")
        assert any((place / own).exists() for place in places), name
    for table, file in re.findall(r"`(\w+)` \(`([\w/]+\.py)`\)", page):
        assert re.search(rf"^(class )?{table}\b", (SOURCE / file).read_text(encoding="utf-8"), re.M), table


def test_no_two_modules_import_each_other_around_a_corner() -> None:
    names = {path: ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in FILES}
    modules = {name.removesuffix(".__init__"): path for path, name in names.items()}
    waiting = {name: set(modules_imported(path, set(modules))) - {name} for name, path in modules.items()}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
    assert not waiting, f"imports in a circle: {sorted(waiting)}"


def test_the_engine_sees_the_objective_of_a_task_and_nothing_else_of_it() -> None:
    for path in (SOURCE / "engine").rglob("*.py"):
        found = {module for module, _ in imports(path) if module.startswith("neocog.tasks")}
        assert found <= {"neocog.tasks.objective"}, path


def test_formats_know_no_reader() -> None:
    for path in (SOURCE / "data" / "formats").rglob("*.py"):
        assert not [m for m, _ in imports(path) if m.startswith("neocog.data.readers")], path


@pytest.mark.parametrize("path", [p for p in FILES if place(p) in TORCHLESS], ids=lambda p: str(p.relative_to(SOURCE)))
def test_stages_before_and_after_learning_know_no_torch(path: Path) -> None:
    for module, line in imports(path):
        assert module.split(".")[0] not in ("torch", "torchvision"), f"{path}:{line} imports {module}"


def test_no_engine_file_knows_a_task_by_name() -> None:
    for path in (SOURCE / "engine").rglob("*.py"):
        assert not re.search(r"classif", path.read_text(encoding="utf-8"), re.I), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(SOURCE))
    assert len(text.splitlines()) <= 300 or name in LONG_FILES, f"{name} has {len(text.splitlines())} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60 or f"{name}:{node.name}" in LONG_FUNCTIONS, f"{name}:{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_that_runs_foreign_code_is_called(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    forbidden = r"\b(pickle\.loads?|marshal\.loads?|yaml\.load|torch\.jit\.load|extractall|shell=True)\b"
    assert not re.search(forbidden, text)
    loads = re.findall(r"(?<!safetensors\.)\btorch\.load\b\(.*", text)
    assert all("weights_only=True" in call for call in loads), "torch.load unpickles whatever it finds"
    assert not re.search(r"allow_pickle\s*=\s*True|LOAD_TRUNCATED_IMAGES\s*=|MAX_IMAGE_PIXELS\s*=\s*None", text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"{path}:{node.lineno}"


def test_no_name_says_nothing() -> None:
    assert not [p for p in FILES if p.stem in ("utils", "util", "helpers", "helper", "common", "misc", "manager")]


def test_importing_the_package_or_asking_for_help_loads_no_torch() -> None:
    code = "import sys, neocog; neocog.cli.main; sys.exit('torch' in sys.modules)"
    code = code.replace("neocog.cli.main;", "import neocog.cli.main;")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = "import sys, neocog; sys.exit(len({'torch', 'numpy', 'cyclopts', 'rich'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_readme_names_every_verb() -> None:
    import neocog

    text = (SOURCE.parent.parent / "README.md").read_text(encoding="utf-8")
    for verb in neocog.VERBS:
        assert f"neocog {verb}" in text, f"README does not show `neocog {verb}`"
