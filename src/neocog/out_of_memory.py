"""Memory that ran out, as a mistake that can be mended: what was wanted, what may be used, and which flags need less."""

from __future__ import annotations

import errno
import math
import re

from neocog.errors import UserError
from neocog.limits import memory

# As NumPy, torch on processors, on GPUs, oneDNN, the C++ library and the dynamic loader say it
_MESSAGE = re.compile(
    "can't allocate memory|not enough memory|out of memory|bad_alloc|could not create a (primitive|memory)"
    "|cannot allocate memory|failed to map segment|CUBLAS_STATUS_ALLOC_FAILED",
    re.I,
)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
TRAINING = "lower --batch or --size; or lower --memory, so that pixels are streamed from disk"
OTHERWISE = "give fewer or smaller files at once"


def out_of_memory(error: BaseException, command: str = "") -> UserError | None:
    """The three facts where ``error`` says that no memory is left, else None. Call it where it is caught: what is free is
    measured now. ``command``: the verb, whose flags are named."""
    message = str(error)
    if isinstance(error, RuntimeError) and "can't start new thread" in message:
        return UserError(
            "no further thread can be started", _free(), "raise ulimit -u or -v, or lower --threads and --workers"
        )
    if not (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, RuntimeError | ImportError | OSError) and _MESSAGE.search(message))
    ):
        return None
    on_gpu = "CUDA" in message or "HIP" in message
    wanted, flags = _wanted(error), TRAINING if command in ("train", "resume", "") else OTHERWISE
    what = (
        f"out of memory{' of the GPU' if on_gpu else ''}{f': {gigabytes(wanted)} more were wanted' if wanted else ''}"
    )
    where = "; ".join([message.split("\n")[0] if on_gpu else _free(), *getattr(error, "__notes__", [])])
    return UserError(what, where, f"{flags}; or {'--device cpu' if on_gpu else 'raise the limit'}")


def killed(code: int, what: str) -> UserError | None:
    """The facts where a child process ended by SIGKILL (``code`` −9 or 137), which is how Linux takes memory back."""
    if code not in (-9, 137):
        return None
    return UserError(f"{what} was killed (SIGKILL), as Linux does where memory runs out", _free(), OTHERWISE)


def gigabytes(size: float) -> str:
    return f"{size / 2**30:,.2f} GiB"


def _free() -> str:
    limit = memory()
    return f"{gigabytes(limit.amount)} may be used (limit: {limit.what})"


def _wanted(error: BaseException) -> int:
    """Bytes that were asked for; 0 where the error does not say."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)  # NumPy's
    if shape is not None and dtype is not None:
        return int(math.prod(shape) * dtype.itemsize)
    found = re.search(r"allocate ([0-9.]+) ?(?:([KMGT]?)i?B|bytes)", str(error))  # torch's, in bytes or in GiB
    return int(float(found[1]) * _UNITS[found[2] or ""]) if found else 0
