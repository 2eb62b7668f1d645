"""Export of a student as one GGUF file for llama.cpp and the tools built on it.

The `gguf` package of llama.cpp writes it and rounds the weights: Q8_0 and Q4_0 are blocks of 32 weights of a
row that share a scale. A student that is quantized already is dequantized first.
Promise: the file is complete or absent; an architecture, a tokenizer or positions that llama.cpp
would read as something else are refused before a weight is read. Not promised: the accuracy that was measured
here: llama.cpp computes with kernels of its own.
"""

import json
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import torch
from transformers import AutoConfig

from factory.compress.dequantize import dense
from factory.errors import InputError
from factory.export.target import publish
from factory.models.folder import ModelFolder, inspect

Form = Literal["bf16", "q8_0", "q4_0"]
_FORMS = {
    "bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (gguf.GGMLQuantizationType.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0),
}
_ARCHITECTURES = {"LlamaForCausalLM": gguf.MODEL_ARCH.LLAMA, "Qwen2ForCausalLM": gguf.MODEL_ARCH.QWEN2}
_BLOCK = 32
# How a tokenizer splits text before it merges bytes, and llama.cpp's name for that.
_DIGITS, _QWEN = "Digits", r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"


def write_gguf(folder: Path, target: Path, form: Form, *, force: bool = False) -> None:
    """Write the model in `folder` as the file `target`; InputError if llama.cpp would not read it as what it
    is."""
    facts = inspect(folder)
    if (architecture := _ARCHITECTURES.get(facts.architecture)) is None:
        raise InputError(
            f"{folder} is a {facts.architecture}, which cannot be written as GGUF here; "
            f"supported: {', '.join(_ARCHITECTURES)}"
        )
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    splitting = _splitting(folder, tokenizer)
    config = AutoConfig.from_pretrained(folder)
    if (kind := config.rope_parameters.get("rope_type", "default")) != "default":
        raise InputError(f"{folder}: its rotary positions are scaled ({kind}), which is not written here")
    with publish(target, force=force) as staging:
        model = dense(folder, torch.bfloat16)
        writer = gguf.GGUFWriter(staging, gguf.MODEL_ARCH_NAMES[architecture])
        writer.add_name(folder.name)
        writer.add_file_type(_FORMS[form][1])
        _add_shape(writer, config)
        _add_tokenizer(writer, facts, tokenizer, splitting)
        names = gguf.get_tensor_name_map(architecture, facts.layers)
        tied = bool(config.tie_word_embeddings)
        for name, tensor in model.state_dict().items():
            if tied and name == "lm_head.weight":
                continue
            known = names.get_name(name, try_suffixes=(".weight", ".bias"))
            if known is None:
                raise InputError(f"{folder}: llama.cpp has no place for the tensor {name}")
            values = tensor.float()
            if architecture is gguf.MODEL_ARCH.LLAMA and ".self_attn." in name:
                values = _turned(name, values, config)
            _add_tensor(writer, known, values.numpy(), form)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _splitting(folder: Path, tokenizer: dict[str, Any]) -> str:
    steps = tokenizer.get("pre_tokenizer") or {}
    text = json.dumps(steps, ensure_ascii=False)
    if (
        tokenizer["model"].get("type") == "BPE"
        and not tokenizer["model"].get("byte_fallback")
        and "ByteLevel" in text
    ):
        if json.dumps(_QWEN)[1:-1] in text:
            return "qwen2"
        if any(
            step.get("type") == _DIGITS and step.get("individual_digits")
            for step in steps.get("pretokenizers", ())
        ):
            return "smollm"
    raise InputError(
        f"{folder}: its pre-tokenizer has no llama.cpp name that is known here",
        "Supported: SmolLM2's and Qwen2.5's. llama.cpp's convert_hf_to_gguf.py supports more.",
    )


def _add_shape(writer: gguf.GGUFWriter, config: Any) -> None:
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _add_tokenizer(
    writer: gguf.GGUFWriter, facts: ModelFolder, tokenizer: dict[str, Any], splitting: str
) -> None:
    # Rows of the embedding that no token names are there all the same.
    tokens = [f"[PAD{number}]" for number in range(facts.vocab_size)]
    kinds = [gguf.TokenType.UNUSED] * facts.vocab_size
    for text, number in tokenizer["model"]["vocab"].items():
        tokens[number], kinds[number] = text, gguf.TokenType.NORMAL
    for added in tokenizer.get("added_tokens", ()):
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], kinds[added["id"]] = added["content"], kind
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitting)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_add_bos_token(False)
    gguf.SpecialVocab(facts.folder, load_merges=True, n_vocab=facts.vocab_size).add_to_gguf(
        writer, quiet=True
    )


def _turned(name: str, values: torch.Tensor, config: Any) -> torch.Tensor:
    """Return queries and keys in llama.cpp's order: its Llama turns neighbours, Transformers' turns the
    halves of a head."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(
        name.split(".")[-2]
    )
    if heads is None:
        return values
    return values.reshape(heads, 2, -1, *values.shape[1:]).transpose(1, 2).reshape(values.shape)


def _add_tensor(writer: gguf.GGUFWriter, name: str, values: np.ndarray, form: Form) -> None:
    kind = gguf.GGMLQuantizationType.F32 if values.ndim == 1 else _FORMS[form][0]
    if form == "q4_0" and name.startswith(("token_embd", "output.")):
        kind = gguf.GGMLQuantizationType.Q8_0
    if kind is not gguf.GGMLQuantizationType.BF16 and values.ndim == 2 and values.shape[1] % _BLOCK:
        kind = gguf.GGMLQuantizationType.BF16
    writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
