"""The number format in which a model runs on this machine: measured, since CPU flags do not predict it.

Processors with AVX-512 BF16 but without AMX multiply bfloat16 matrices at twice the speed of float32 or at
half of it, depending on the model; those with AVX2 alone at a tenth.

Promise: whatever runs a model asks here. All processes of a run have the same outcome: the first that
measures writes it on a note of the parent's (`shared_note`). A model stored in bfloat16 is the same model in
float32.
"""

import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Literal

from factory.system.machine import has_gpu, machine

Precision = Literal["bfloat16", "float32"]
BITS: dict[Precision, int] = {"bfloat16": 16, "float32": 32}
CLEARLY = 1.3  # Where both are as fast, bfloat16 takes half the memory.
NOTE = "FACTORY_PRECISION_NOTE"
_ROWS, _INNER, _COLUMNS = 64, 1024, 1024
_FEWEST, _MOST_ROUNDS = 10, 50


def running_precision(folder: Path) -> Precision:
    """Return the format in which vLLM runs the model in `folder` here: the fast one, if its kernels take
    it."""
    return "bfloat16" if _only_bfloat16(folder) else fast_precision()


def fast_precision() -> Precision:
    """Return float32 where this machine multiplies it clearly faster, else bfloat16, as on a GPU."""
    return "float32" if slowdown() > CLEARLY else "bfloat16"


@cache
def slowdown() -> float:
    """Return how many times as long a matrix product takes in bfloat16 as in float32; 0 on a GPU.

    Takes a tenth of a second, and one where bfloat16 is slow, unless it is on the note already.
    """
    if (noted := _noted()) is not None:
        return noted
    import torch

    ratio = 0.0 if torch.cuda.is_available() else _measured()
    _note_down(ratio)
    return ratio


def described(ratio: float) -> str:
    """Return the consequence of a `slowdown` for running models here, in one sentence."""
    if ratio > CLEARLY:
        return f"bfloat16 takes {ratio:.1f} times as long as float32 here: models run in float32"
    if 0 < ratio < 1 / CLEARLY:
        return f"bfloat16 is {1 / ratio:.1f} times as fast as float32 here: models run in bfloat16"
    return "models run in bfloat16"


def has_bfloat16() -> bool:
    """Return whether the machine has instructions for bfloat16; without them, float32 is faster."""
    return has_gpu() or bool({"avx512_bf16", "amx_bf16"} & set(machine()["instruction_sets"]))


def loaded_bytes(stored: int) -> int:
    """Return about how much memory weights take that are stored in 16 bits."""
    return stored if has_bfloat16() else 2 * stored


@cache
def shared_note() -> dict[str, str]:
    """Return what the environment of this process's children needs so that one of them measures for all."""
    if NOTE in os.environ:
        return {NOTE: os.environ[NOTE]}
    # A file without a name, which is gone when this process is.
    return {NOTE: f"/proc/{os.getpid()}/fd/{os.memfd_create('precision')}"}


def _noted() -> float | None:
    try:
        return float(Path(os.environ[NOTE]).read_text(encoding="ascii"))
    except (KeyError, OSError, ValueError):
        return None


def _note_down(ratio: float) -> None:
    try:
        Path(os.environ[NOTE]).write_text(repr(ratio), encoding="ascii")
    except (KeyError, OSError):
        return


def _measured() -> float:
    import torch

    fastest = {torch.bfloat16: float("inf"), torch.float32: float("inf")}
    matrices = {
        kind: (torch.ones(_ROWS, _INNER, dtype=kind), torch.ones(_INNER, _COLUMNS, dtype=kind))
        for kind in fastest
    }
    ratio = 1.0
    # In turn, and the fastest of many: other work on the machine must not decide.
    for number in range(1, _MOST_ROUNDS + 1):
        for kind, (left, right) in matrices.items():
            started = time.perf_counter()
            torch.mm(left, right)
            fastest[kind] = min(fastest[kind], time.perf_counter() - started)
        ratio = fastest[torch.bfloat16] / fastest[torch.float32]
        if number >= _FEWEST and not CLEARLY / 2 < ratio < CLEARLY * 2:
            break
    return ratio


def _only_bfloat16(folder: Path) -> bool:
    """Return whether vLLM 0.32 has no float32 kernel for the weights: its INT4 kernels for processors compute
    in 16 bits alone (`cpu_gemm_wna16`), and so do those for INT8 where there is AMX (`int8_scaled_mm`)."""
    quantized = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("quantization_config")
    if not quantized:
        return False
    groups = (quantized.get("config_groups") or {}).values()
    weights = [group["weights"] for group in groups if group.get("weights")]
    integers = weights and all(one["type"] == "int" and one["num_bits"] == 8 for one in weights)
    return not integers or "amx_int8" in machine()["instruction_sets"]
