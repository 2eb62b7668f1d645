"""Which number format is the fast one on this machine: measured, because flags do not tell.

Processors with AVX-512 BF16 but without AMX multiply bfloat16 matrices at twice the speed of float32 or at
half of it, depending on the model.
"""

import time
from functools import cache
from typing import Literal

import torch

Precision = Literal["bfloat16", "float32"]
CLEARLY = 1.3
_ROWS, _INNER, _COLUMNS, _ROUNDS = 256, 1024, 1024, 50


@cache
def fast_precision() -> Precision:
    """Return float32 where this process multiplies it clearly faster, else bfloat16, as on a GPU. Takes about
    a tenth of a second."""
    if torch.cuda.is_available():
        return "bfloat16"
    fastest = {torch.bfloat16: float("inf"), torch.float32: float("inf")}
    matrices = {
        kind: (torch.ones(_ROWS, _INNER, dtype=kind), torch.ones(_INNER, _COLUMNS, dtype=kind))
        for kind in fastest
    }
    # In turn, and the fastest of many: other work on the machine must not decide.
    for _ in range(_ROUNDS):
        for kind, (left, right) in matrices.items():
            started = time.perf_counter()
            torch.mm(left, right)
            fastest[kind] = min(fastest[kind], time.perf_counter() - started)
    # Where both are as fast, bfloat16 takes half the memory.
    return "float32" if fastest[torch.bfloat16] > CLEARLY * fastest[torch.float32] else "bfloat16"
