"""What an entry's file may hold, read from its source before any of it runs: one network, and nothing that reaches outside.

A check of text can be fooled, so it is not what keeps an entry in: that is ``contained``. It is there to tell the honest what
the rules are, with the line, and to keep trained weights out of the source.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from neocog.documents import read_bytes
from neocog.errors import UserError, listed, printable, raise_all

MOST_BYTES, MOST_NUMBERS, MOST_TEXT = 64_000, 400, 4_000  # of a file: bytes, numbers, letters outside docstrings
MOST_LINES = 20  # lines
LONG = 64  # bits of a whole number, which count as eight letters
FOREIGN = ("torchvision", "timm", "transformers", "neocog", "keras", "tensorflow", "torchaudio", "torchtext")
NAMES = frozenset((
    "eval", "exec", "compile", "open", "__import__", "globals", "locals", "vars", "input", "breakpoint", "exit",
    "quit", "memoryview", "__builtins__", "__loader__", "__spec__", "delattr", "dir", "help",
))  # fmt: skip
BY_NAME = ("getattr", "setattr", "hasattr")  # allowed where the name is written out
# Attributes of anything, by which Python is left for files, processes, the network or other code
ANYWHERE = frozenset((
    "hub", "from_file", "fromfile", "tofile", "memmap", "loadtxt", "genfromtxt", "savetxt", "savez", "load_library",
    "DataSource", "os", "sys", "builtins", "importlib", "inspect", "ctypes", "ctypeslib", "subprocess", "socket",
    "pickle", "shutil", "pathlib", "tempfile", "threading", "multiprocessing", "cpp_extension",
    "load_state_dict_from_url", "model_zoo", "system", "popen", "urlopen", "urlretrieve", "tb_frame", "f_globals",
    "f_builtins", "f_back", "gi_frame", "cr_frame", "f2py", "UntypedStorage",
))  # fmt: skip
# … and of what is imported
OF_IMPORTS = frozenset((
    "load", "save", "frombuffer", "io", "signal", "platform", "warnings", "types", "serialization", "package", "jit",
    "classes", "distributed", "_C", "compile", "export", "onnx", "storage", "testing", "ops", "library", "utils",
))  # fmt: skip
DUNDERS = frozenset((
    "__init__", "__call__", "__name__", "__class__", "__len__", "__getitem__", "__iter__", "__repr__", "__str__",
    "__version__", "__setattr__", "__getattr__", "__doc__", "__post_init__", "__contains__", "__eq__", "__hash__",
    "__add__", "__mul__", "__neg__",
))  # fmt: skip


def network_in(path: Path, allowed: Collection[str], name: str = "") -> str:
    """The class in the file that is the network. Raises UserError with every line that is refused."""
    source = _source(path)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UserError(
            f"not valid Python: {printable(str(error))[:160]}", f"{path}{line}", "correct the file"
        ) from None
    _raise_refused(list(_faults(tree, allowed)), path)
    return _network(tree, path, name)


def _source(path: Path) -> bytes:
    if path.suffix != ".py":
        raise UserError("an entry is a Python file", printable(str(path)), "give my_net.py, or my_net.py:Class")
    return read_bytes(path, f"give a Python file of at most {MOST_BYTES:,} bytes", MOST_BYTES)


Fault = tuple[int, str, str]  # line, what, fix


def _raise_refused(faults: list[Fault], path: Path) -> None:
    """One error a line; after ``MOST_LINES`` how many more lines there are."""
    lines = sorted({fault[0]: fault for fault in sorted(faults, reverse=True)}.values())
    errors = [UserError(f"refused: {what}", f"{path}, line {line}", fix) for line, what, fix in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        errors.append(
            UserError(f"refused: {len(lines) - MOST_LINES} more lines", str(path), "correct those above first")
        )
    raise_all(errors)


def _faults(tree: ast.Module, allowed: Collection[str]) -> Iterator[Fault]:
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node, allowed)
        elif isinstance(node, ast.Name) and node.id in NAMES:
            yield node.lineno, f"'{node.id}' reaches outside of the network", "leave it out"
        elif isinstance(node, ast.Attribute):
            yield from _attribute(node.lineno, node.attr, ast.unparse(node) if _root(node) in imported else "", allowed)
        elif isinstance(node, ast.Call):
            yield from _by_name(node)
    yield from _weights(tree)


def _imported(node: ast.Import | ast.ImportFrom, allowed: Collection[str]) -> Iterator[Fault]:
    fix = f"allowed: {', '.join(sorted(allowed))}"
    if isinstance(node, ast.Import):
        wanted = [alias.name for alias in node.names]
    elif node.level or any(alias.name == "*" for alias in node.names):
        yield node.lineno, "a relative import, or one of everything (*)", "name what is imported"
        return
    else:
        wanted = [node.module or ""]
        for alias in node.names:
            if f"{node.module}.{alias.name}" not in allowed:
                yield from _attribute(node.lineno, alias.name, f"{node.module}.{alias.name}")
    for module in wanted:
        if module not in allowed:
            foreign = module.split(".")[0] in FOREIGN
            reason = "a network of one's own is wanted" if foreign else "not among what the rules allow"
            yield node.lineno, f"import of {printable(module)}: {reason}", fix


def _root(node: ast.Attribute) -> str:
    """What stands before the first dot."""
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) else ""


def _attribute(line: int, name: str, of_import: str = "", allowed: Collection[str] = ()) -> Iterator[Fault]:
    """``of_import``: all before the attribute and itself, where that begins with something imported."""
    dunder = name.startswith("__") and name.endswith("__") and name not in DUNDERS
    outside = of_import and name in OF_IMPORTS and not any(each.startswith(of_import) for each in allowed)
    if name in ANYWHERE or dunder or outside:
        yield line, f"'{of_import or name}' reaches files, the network, other code or processes", "leave it out"


def _by_name(node: ast.Call) -> Iterator[Fault]:
    if isinstance(node.func, ast.Name) and node.func.id in BY_NAME:
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield from _attribute(node.lineno, name.value)
        else:
            yield node.lineno, f"'{node.func.id}' with a name that is made while it runs", "write the name out"


def _weights(tree: ast.Module) -> Iterator[Fault]:
    """Numbers and text beyond what a network's description needs: weights that were trained elsewhere."""
    docs = {id(docstring(node)) for node in ast.walk(tree)}
    numbers, text = 0, 0
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docs:
            continue
        if isinstance(node.value, str | bytes):
            text += len(node.value)
        elif isinstance(node.value, int | float | complex):
            numbers += not isinstance(node.value, bool)
            text += node.value.bit_length() // LONG * 8 if isinstance(node.value, int) else 0
        if numbers > MOST_NUMBERS or text > MOST_TEXT:
            what = f"over {MOST_NUMBERS} numbers or {MOST_TEXT:,} letters in the source: weights are learned here, not brought"
            yield node.lineno, what, "let the network initialise itself"
            return


def docstring(node: ast.AST) -> ast.Constant | None:
    """The docstring of a module, class or function."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            return first.value
    return None


def _network(tree: ast.Module, path: Path, name: str) -> str:
    """The one network: the class that no other code of the file uses, or the one that is named."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    modules = _modules(tree, classes)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if name:
        if name not in modules:
            raise UserError(f"no network '{printable(name)}' in it", str(path), f"it has: {listed(modules) or 'none'}")
        return name
    if not modules:
        raise UserError("no network: no class that is a torch.nn.Module", str(path), "class MyNet(torch.nn.Module): …")
    last = [each for each in modules if each not in used] or modules
    if len(last) > 1:
        lines = listed(f"{each} (line {classes[each].lineno})" for each in last)
        raise UserError(f"{len(last)} networks: {lines}", str(path), f"say which: {path.name}:{last[0]}")
    return last[0]


def _modules(tree: ast.Module, classes: dict[str, ast.ClassDef]) -> list[str]:
    """Classes that are made from one of torch.nn's, also by way of others of the file."""
    torch_names = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch")
        for alias in node.names
    }
    found: list[str] = []
    for name, node in classes.items():
        bases = [ast.unparse(base) for base in node.bases]
        own = any(base in found or base in torch_names for base in bases)
        if own or any(base.startswith(("nn.", "torch.nn.")) for base in bases):
            found.append(name)
    return found
