"""A compressed folder as an ordinary model, for whatever has to work on its weights as numbers."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils.quantization_config import CompressedTensorsConfig


def dense(folder: Path, dtype: torch.dtype) -> Any:
    """Return a compressed model as an ordinary one, its weights the numbers that the compressed ones stand
    for."""
    config = AutoConfig.from_pretrained(folder)
    if getattr(config, "quantization_config", None) is None:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    loaded = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=CompressedTensorsConfig(run_compressed=False), dtype=dtype
    )
    del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=dtype)
    wanted = plain.state_dict()
    plain.load_state_dict({name: tensor for name, tensor in loaded.state_dict().items() if name in wanted})
    plain.config.use_cache = False
    return plain
