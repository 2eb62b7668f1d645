"""vLLM plugin that asks Linux for permission to use AMX tiles.

vLLM's CPU attention (0.32) uses them where the processor has them and never asks; what it calls beside it
mostly has asked by then, and where it has not, as for models whose matrices are small, the process is killed
by SIGILL. Named in `pyproject.toml`, so that the server's engine, a process that is not ours, has it too.
"""


def permit() -> None:
    """Ask, once for the process; without AMX nothing happens."""
    import torch

    torch.cpu._init_amx()
