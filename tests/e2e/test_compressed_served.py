"""Every kind of compressed folder in a fresh vLLM: it loads, it answers, and it says what Transformers says
of the same folder."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("llmcompressor")

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from factory.compress.embedding import cut_model
from factory.compress.importance import measure
from factory.compress.kernels import missing_kernel
from factory.compress.prune import choose, save_pruned
from factory.compress.quantize import quantize
from factory.inference.environment import ENVIRONMENT
from factory.recipe.compress import Compress
from factory.recipe.prune import Prune
from factory.system.machine import machine
from tests.support import tiny
from tests.support.forks import forked

# No word that begins as a special token does: w1 would be taken out of w10.
TEXTS = ["w5 w6 w7 w8 w9", "w20 w50 w60 w70", "w90 w5 w5 w42"]
# Nats. Both compute in bfloat16, in other orders; an integer kernel rounds activations to steps of a 127th of
# the largest. With AMX vLLM takes that largest from each token, where Transformers has what calibration saw,
# and rounds the activations of 4-bit weights as well.
AMX = torch.cpu._is_amx_tile_supported()
SETS = machine()["instruction_sets"]
# Without VNNI an integer kernel adds two products in 16 bits, which saturate (oneDNN, "Nuances of int8
# computations"): what it says is then further off.
VNNI = {"avx_vnni", "avx512_vnni"} & {*SETS}
TOLERANCE = {
    None: 0.08,
    "w8a8-static": (0.4 if AMX else 0.15) if VNNI else 0.7,
    "w8a8-dynamic": 0.15 if VNNI else 0.7,
    "w4a16": 0.15 if AMX else 0.1,
    "mixed": 0.15,
}


def _base(architecture: str) -> Any:
    torch.manual_seed(3)
    common = {
        "vocab_size": tiny.VOCABULARY,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    }
    common |= {
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "initializer_range": 0.1,
    }
    config = LlamaConfig(**common) if architecture == "llama" else Qwen2Config(**common)
    return AutoModelForCausalLM.from_config(config).eval()


def _tokenizer() -> Any:
    tokenizer = tiny.tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    return tokenizer


def _ids(text: str) -> list[int]:
    return [int(word[1:]) for word in text.split()]


def _by_vllm(folder: Path) -> dict[str, Any]:
    environment = ENVIRONMENT | {"HF_HUB_OFFLINE": "1"}
    with forked("tests.support.scores", folder, TEXTS, environment=environment) as (_, connection):
        return connection.recv()


def _by_transformers(folder: Path) -> list[list[float]]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    found = []
    with torch.no_grad():
        for ids in map(_ids, TEXTS):
            logprobs = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(1)
            found.append([float(logprobs[place, ids[place + 1]]) for place in range(len(ids) - 1)])
    return found


def _agree(folder: Path, quantized: str | None) -> None:
    _tokenizer().save_pretrained(folder)
    theirs, ours = _by_transformers(folder), _by_vllm(folder)
    assert all(1 <= len(answer) <= 4 for answer in ours["free"])
    for one, other in zip(theirs, ours["forced"], strict=True):
        assert other == pytest.approx(one, abs=TOLERANCE[quantized])


EVERYTHING = {"layers": 0.25, "heads": 0.5, "mlp": 0.25, "width": 0.25}


# One folder of each kind. 4-bit weights, and 8-bit ones whose activations are rounded as they come, are both
# within `mixed`; zeros, 2:4 or anywhere, are stored as any other number (`test_quantize.py`).
@pytest.mark.parametrize(
    ("shares", "settings"),
    [
        (EVERYTHING, {"quantize": "w8a8-static"}),
        (None, {"quantize": "mixed"}),
        (
            None,
            {
                "sparsity": {"pattern": "unstructured", "share": 0.5},
                "vocabulary": 300,
                "quantize": "w8a8-dynamic",
            },
        ),
    ],
    ids=["pruned w8a8-static", "mixed", "sparse vocabulary w8a8-dynamic"],
)
def test_what_compression_writes(
    tmp_path: Path, shares: dict[str, float] | None, settings: dict[str, Any]
) -> None:
    _save(_base("llama"), shares, tmp_path / "before")
    _tokenizer().save_pretrained(tmp_path / "before")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "before", dtype=torch.bfloat16)
    if "vocabulary" in settings:
        cut_model(model, range(100))
    texts = [" ".join(f"w{(7 * i + j) % 80 + 20}" for j in range(12)) for i in range(8)]
    quantize(model, _tokenizer(), texts, Compress.model_validate(settings), 64)
    model.save_pretrained(tmp_path / "after", save_compressed=True)
    if missing_kernel(settings["quantize"], SETS, gpu=False):
        # What the factory refuses to serve here, vLLM does not serve.
        _tokenizer().save_pretrained(tmp_path / "after")
        with pytest.raises(EOFError):
            _by_vllm(tmp_path / "after")
        return
    _agree(tmp_path / "after", settings["quantize"])


# Without heads and width a Qwen2 stays a Qwen2; with them it becomes a Llama with biases.
@pytest.mark.parametrize(
    "shares", [EVERYTHING, {"layers": 0.25, "mlp": 0.25}], ids=["qwen2 as llama", "qwen2"]
)
def test_what_pruning_writes(tmp_path: Path, shares: dict[str, float]) -> None:
    _save(_base("qwen2"), shares, tmp_path)
    _agree(tmp_path, None)


def _save(model: Any, shares: dict[str, float] | None, folder: Path) -> None:
    if shares is None:
        model.to(torch.bfloat16).save_pretrained(folder)
        return
    kept = choose(measure(model, [_ids(text) for text in TEXTS]), Prune(**shares))
    save_pruned(model.to(torch.bfloat16), kept, folder)
