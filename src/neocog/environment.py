"""What a run was computed with: versions, processor, memory, GPUs. Goes into environment.json and ``neocog device``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from neocog.limits import System

PACKAGES = ("neocog", "torch", "torchvision", "numpy", "safetensors", "pillow")
# What decides how fast, and in the last digit how, a network is computed
FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "sve", "bf16")

# Environment variables that forbid instructions which the processor has
LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")


def environment() -> dict[str, Any]:
    """Plain values for JSON. Memory in bytes; a package that is missing has version None.

    "usable" is what this process may take, and "limit" what allows no more.
    """
    cores, memory = System().cores(), System().memory()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": {
            "name": _cpu_name(),
            "features": cpu_features(),
            "cores": cores.amount,
            "limit": cores.what,
            "capability": _torch_capability(),
            "limits": {name: os.environ[name] for name in LIMITS if name in os.environ},
            "threads": _threads(),
        },
        "memory": {
            "total": _memory("MemTotal"),
            "available": _memory("MemAvailable"),
            "usable": memory.amount,
            "limit": memory.what,
        },
        **_gpus(),
    }


def cpu_features() -> list[str]:
    """Which of ``FEATURES`` the processor has, as Linux names them; torch is asked where there is no /proc/cpuinfo."""
    flags = _cpuinfo("flags") or _cpuinfo("Features")  # x86, ARM
    present = set(flags.split()) if flags else _features_by_torch()
    return [name for name in FEATURES if name in present]


def _features_by_torch() -> set[str]:
    import torch

    # Private in torch, hence by name; a version without them counts as a processor without
    checks = {name: f"_is_{name.removesuffix('f')}_supported" for name in ("avx2", "avx512f", "avx512_bf16")}
    found = {name for name, check in checks.items() if getattr(torch.cpu, check, bool)()}
    if "avx512_bf16" in found and getattr(torch.cpu, "_is_amx_tile_supported", bool)():
        found |= {"amx_tile", "amx_bf16"}  # no processor has tiles without bfloat16
    return found


def _cpuinfo(key: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _cpu_name() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _torch_capability() -> str:
    """The widest vectors that torch's own kernels use here, such as AVX2."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _memory(key: str) -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return int(value.split()[0]) * 1024
    except OSError:
        if key == "MemTotal" and sys.platform == "darwin":
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _gpus() -> dict[str, Any]:
    import torch

    facts: dict[str, Any] = {"gpus": [], "cuda": torch.version.cuda, "cudnn": None, "driver": None}
    if not torch.cuda.is_available():
        return facts
    for place in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(place)
        capability = f"{gpu.major}.{gpu.minor}"
        facts["gpus"].append({"name": gpu.name, "memory": gpu.total_memory, "capability": capability})
    cudnn: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return facts | {"cudnn": cudnn, "driver": _driver()}


def _driver() -> str | None:
    """The NVIDIA driver's version, from the tool that comes with it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.splitlines()[0].strip() if answer.stdout else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
