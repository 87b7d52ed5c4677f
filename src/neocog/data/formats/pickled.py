"""Arrays out of a pickle, read as data: no class is looked up, no function called, whatever the file says.

A pickle is a program for a stack machine. This reader runs the part of it that builds lists, dicts, text, numbers and
NumPy arrays, and refuses every other instruction and every other name. (CIFAR's "python version" needs no more.)
"""

from __future__ import annotations

import math
import pickletools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocog.data.dataset import Array
from neocog.errors import UserError, printable

PUSH = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
NAMES = {
    f"{module} {name}": name
    for name, modules in {
        "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),
        "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
        "ndarray": ("numpy",),
        "dtype": ("numpy",),
        "encode": ("_codecs",),
    }.items()
    for module in modules
}


@dataclass
class _Built:
    """A NumPy object in the making: which name was called with which arguments, and the state set afterwards."""

    name: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] = field(default=())


def read_pickle(data: bytes, where: str) -> Any:
    """What the pickle holds: dicts, lists, text, numbers and arrays only. Raises UserError on anything else."""
    try:
        return _finished(_run(data))
    except UserError as error:
        raise UserError(error.what, where, "only arrays, lists, dicts, text and numbers are read") from None
    except Exception as error:  # a broken or hostile program can fail in any instruction
        what = f"not a readable pickle of arrays ({type(error).__name__}: {printable(str(error))[:80]})"
        raise UserError(what, where, "copy or download it again") from error


def _run(data: bytes) -> Any:
    stack: list[Any] = []
    marks: list[int] = []  # heights of the stack
    memo: dict[int, Any] = {}
    for opcode, arg, _ in pickletools.genops(data):
        name = opcode.name
        if name in PUSH:
            stack.append(arg)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if arg is None else arg] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[int(arg or 0)])
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            _step(name, arg, stack, marks)
    raise ValueError("no end")


def _step(name: str, arg: Any, stack: list[Any], marks: list[int]) -> None:
    """The instructions that build something out of the top of the stack."""
    if name == "MARK":
        marks.append(len(stack))
    elif name.startswith("EMPTY_"):
        stack.append({} if name == "EMPTY_DICT" else [] if name == "EMPTY_LIST" else ())
    elif name in ("TUPLE", "LIST", "DICT"):
        items = _above_mark(stack, marks)
        stack.append(_pairs(items) if name == "DICT" else items if name == "LIST" else tuple(items))
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        size = int(name[-1])
        stack[-size:] = [tuple(stack[-size:])]
    elif name in ("APPEND", "APPENDS"):
        items = [stack.pop()] if name == "APPEND" else _above_mark(stack, marks)
        _only(list, stack[-1]).extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = [stack.pop(), stack.pop()][::-1] if name == "SETITEM" else _above_mark(stack, marks)
        _only(dict, stack[-1]).update(_pairs(items))
    elif name in ("GLOBAL", "STACK_GLOBAL"):
        asked = arg if name == "GLOBAL" else " ".join([stack.pop(), stack.pop()][::-1])
        if asked not in NAMES:
            raise UserError(f"a pickle that asks for '{printable(asked)}': refused")
        stack.append(_Built(NAMES[asked], ()))
    elif name == "REDUCE":
        arguments, called = _only(tuple, stack.pop()), _only(_Built, stack.pop())
        stack.append(_called(called.name, arguments))
    elif name == "BUILD":
        state = _only(tuple, stack.pop())
        _only(_Built, stack[-1]).state = state
    else:
        raise UserError(f"a pickle with the instruction {name}: refused")


def _called(name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "encode":  # how Python 3 writes bytes in old protocols: the text whose Latin-1 code they are
        text, encoding = arguments
        if encoding != "latin1":
            raise UserError(f"a pickle with bytes in '{encoding}': refused")
        return _only(str, text).encode("latin-1")
    return _Built(name, arguments)


def _finished(value: Any) -> Any:
    """Arrays in place of their building instructions: of the value itself, or of a dict's values."""
    if isinstance(value, dict):
        return {key: _array(item) if isinstance(item, _Built) else item for key, item in value.items()}
    return _array(value) if isinstance(value, _Built) else value


def _array(built: _Built) -> Array:
    """State of an array: (version, shape, dtype, Fortran order, raw bytes); of its dtype: (version, byte order, …)."""
    if built.name == "_reconstruct":
        _, shape, dtype, fortran, raw = built.state
    elif built.name == "_frombuffer":
        raw, dtype, shape, fortran = *built.arguments[:3], built.arguments[3] == "F"
    else:
        raise UserError(f"a pickle with a bare numpy.{built.name}: refused")
    code = _only(_Built, dtype).arguments[0]
    if code not in ("b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"):
        raise UserError(f"a pickle with an array of {printable(str(code))[:40]}: refused")
    order = dtype.state[1] if dtype.state and dtype.state[1] in ("<", ">") else "|"
    kind = np.dtype(code).newbyteorder(order)
    data = raw.encode("latin-1") if isinstance(raw, str) else raw  # text: written by Python 2
    needed = math.prod(shape) * kind.itemsize
    if len(data) != needed:
        raise UserError(f"an array of shape {shape} {code} needs {needed} bytes, not {len(data)}")
    return np.frombuffer(data, kind).reshape(shape, order="F" if fortran else "C")


def _above_mark(stack: list[Any], marks: list[int]) -> list[Any]:
    place = marks.pop()
    items = stack[place:]
    del stack[place:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _only(kind: type[Any], value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected, {type(value).__name__} found")
    return value
