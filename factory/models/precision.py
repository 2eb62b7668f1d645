"""Which number format is the fast one on this machine: measured, because flags do not tell.

Processors with AVX-512 BF16 but without AMX multiply bfloat16 matrices at twice the speed of float32 or at half of it, depending on the
model.
"""

import time
from functools import cache
from typing import Literal

import torch

Precision = Literal["bfloat16", "float32"]
CLEARLY = 1.3
_ROWS, _INNER, _COLUMNS, _ROUNDS = 256, 1024, 1024, 20


@cache
def fast_precision() -> Precision:
    """Return float32 where this process multiplies it clearly faster, else bfloat16, as on a GPU. Takes about a tenth of a second."""
    if torch.cuda.is_available():
        return "bfloat16"
    # Where both are as fast, bfloat16 takes half the memory; and other work on the machine must not turn the choice by chance.
    return "float32" if _seconds(torch.bfloat16) > CLEARLY * _seconds(torch.float32) else "bfloat16"


def _seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(_ROWS, _INNER, dtype=dtype), torch.ones(_INNER, _COLUMNS, dtype=dtype)
    fastest = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        torch.mm(left, right)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest
