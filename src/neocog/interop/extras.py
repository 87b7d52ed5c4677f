"""Libraries that come with an extra: imported when they are needed, quietly, or asked for in one line."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from neocog.errors import UserError, install


def extra(name: str, *modules: str) -> list[Any]:
    """The modules of ``neocog[name]``. Raises UserError with the command that installs them."""
    try:
        return [importlib.import_module(module) for module in modules]
    except ImportError as error:
        missing = error.name or str(error)
        raise UserError(f"{missing} is not installed", fix=install(name)) from None


def keras() -> Any:
    """Keras on TensorFlow, on the processor, without TensorFlow's start messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when TensorFlow is imported
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with silent(), quiet():
        # Torch's compiler and TensorFlow each bring an LLVM, and the process dies where triton comes second
        if "tensorflow" in sys.modules:  # torch then does without its compiler, which nothing here uses
            sys.modules.setdefault("triton", None)  # type: ignore[arg-type]
        elif find_spec("triton"):
            importlib.import_module("triton")
        tensorflow, found = extra("keras", "tensorflow", "keras")
        tensorflow.config.set_visible_devices([], "GPU")
    logging.getLogger("absl").setLevel(logging.ERROR)
    if found.backend.backend() != "tensorflow":
        raise UserError(f"Keras runs on {found.backend.backend()}", fix="unset KERAS_BACKEND, or set it to tensorflow")
    return found


@contextmanager
def silent() -> Iterator[None]:
    """Nothing that compiled code writes to the process's stderr is seen: TensorFlow's first words have no other switch."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class quiet(warnings.catch_warnings):
    """What these libraries say of their own code, in warnings and logs, helps no one."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)

    def __exit__(self, *error: Any) -> None:
        logging.disable(logging.NOTSET)
        super().__exit__(*error)
