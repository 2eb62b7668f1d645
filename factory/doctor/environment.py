"""Check of the environment: packages, processor, and which number formats can be quantized and served.

Promise: packages are compared with the floors that the factory itself declares, and, in a checkout, with the
list that was tested. What can be served follows from the instruction sets (`factory.compress.kernels`), in
which number format from a measurement of a second, for which torch is loaded, if it is there.
"""

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from factory.compress.kernels import missing_kernel
from factory.doctor.finding import Finding
from factory.models.precision import CLEARLY, described, slowdown
from factory.system.machine import free_memory, has_gpu, machine, versions

PROJECT = "distill-factory"
LOCK = Path(__file__).resolve().parents[2] / "requirements" / "cpu-py311.txt"
SETUP = "make setup"


def examine_environment() -> Iterator[Finding]:
    """Yield the machine's facts, and what can and cannot be quantized and served on it."""
    here, packages = machine(), versions()
    sets = here["instruction_sets"]
    free = f"{free_memory() / 2**30:.1f} of {here['memory_bytes'] / 2**30:.1f} GB of memory free"
    yield Finding(
        "ok",
        "environment",
        f"{here['cpu']}, {here['cores']} cores, {free}; {', '.join(sets) or 'no wide instruction sets'}",
    )
    yield Finding("ok", "environment", ", ".join(f"{name} {version}" for name, version in packages.items()))
    yield from packages_against_floors()
    yield from packages_against_lock(LOCK)
    ratio = slowdown() if importlib.util.find_spec("torch") else None
    yield from kernels(sets, packages, gpu=has_gpu(), ratio=ratio)


def packages_against_floors(declared: list[str] | None = None) -> Iterator[Finding]:
    """Yield a fault for each package that is missing or older than the factory declares; `declared` stands
    for its own metadata."""
    if declared is None:
        try:
            declared = importlib.metadata.requires(PROJECT) or []
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "note",
                "environment",
                f"{PROJECT} is not installed, so the minimum versions are not known",
                SETUP,
            )
            return
    extra = "gpu" if _version("vllm") else "cpu" if _version("torch") else ""
    if not extra:
        yield Finding(
            "note", "environment", "a plain install: no model runs, trains or is quantized here", SETUP
        )
    asked = [Requirement(text) for text in declared]
    wrong = 0
    for package in asked:
        if package.marker and not package.marker.evaluate({"extra": extra}):
            continue
        found = _version(package.name)
        if found is None or not package.specifier.contains(found, prereleases=True):
            wrong += 1
            has = f"version {found} is here" if found else "it is not installed"
            yield Finding(
                "fault", "environment", f"{package.name}{package.specifier} is needed, and {has}", SETUP
            )
    if not wrong:
        yield Finding(
            "ok",
            "environment",
            "every package that is needed is here, none is too old",
        )


def packages_against_lock(lock: Path) -> Iterator[Finding]:
    """Yield which packages are not in the version that was tested; nothing where there is no list, as in an
    installed wheel."""
    if not lock.is_file():
        return
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    other = [
        f"{name} {_version(name) or 'missing'} (tested: {pin})" for name, pin in pins if _version(name) != pin
    ]
    if other:
        more = f" and {len(other) - 8} more" if len(other) > 8 else ""
        yield Finding(
            "note",
            "environment",
            f"not as tested: {', '.join(other[:8])}{more}",
            f"For the tested versions: {SETUP}",
        )
    else:
        yield Finding(
            "ok",
            "environment",
            f"all {len(pins)} packages are in the versions that were tested ({lock.name})",
        )


def kernels(
    sets: list[str], packages: dict[str, str], *, gpu: bool, ratio: float | None = None
) -> Iterator[Finding]:
    """Yield what can be quantized and served here, from instruction sets, packages and how many times as long
    as float32 bfloat16 takes, None where that is not known."""
    quantizer = "llmcompressor" in packages
    if gpu and "vllm" in packages:
        yield Finding(
            "ok",
            "environment",
            "a GPU: vLLM serves INT8 and INT4; which kernels there are depends on its generation",
        )
    elif "avx2" not in sets:
        yield Finding(
            "fault",
            "environment",
            "no AVX2: vLLM's CPU build does not run here",
            "Use a teacher behind endpoints.",
        )
    else:
        fast = {"avx512_vnni", "avx_vnni", "amx_int8"} & set(sets)
        eight = (
            "fast (VNNI)"
            if fast
            else "without VNNI it saves memory, not time, and its sums may saturate: "
            "trust what `factory evaluate` measures here"
        )
        yield Finding("ok", "environment", f"INT8 (w8a8-static) can be served: {eight}")
        if ratio is not None:
            yield Finding("ok", "environment", described(ratio))
        four = "INT4 (AWQ, GPTQ, W4A16) can"
        if (why := missing_kernel("w4a16", sets, gpu=gpu)) is not None:
            yield Finding("note", "environment", f"{four}not be served: {why}")
        elif ratio is not None and ratio > CLEARLY:
            slow = f"{four} be served, but in bfloat16 alone, which is slow here"
            yield Finding("note", "environment", slow, "Write quantize: w8a8-static; it runs in float32.")
        else:
            yield Finding("ok", "environment", f"{four} be served")
        if "amx_int8" in sets:
            yield Finding(
                "note",
                "environment",
                "vLLM with AMX serves w8a8-static as w8a8-dynamic, and w4a16 with 8-bit activations",
            )
        else:
            yield Finding(
                "note",
                "environment",
                "FP8 and W4A8 cannot be served: their kernels need AMX; 8-bit weights alone: on no CPU",
            )
    yield Finding(
        "ok" if quantizer else "fault" if _version("torch") else "note",
        "environment",
        "models can be quantized here: llm-compressor runs on any processor"
        if quantizer
        else "llmcompressor is not installed",
        "" if quantizer else SETUP,
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
