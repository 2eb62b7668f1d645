"""A GGUF file says what the folder says: read back by Transformers, its weights give the same logits and its
tokenizer the same tokens."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import gguf
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from factory.compress.quantize import quantize
from factory.errors import InputError
from factory.export.gguf import Form, write_gguf
from factory.recipe.compress import Compress
from tests.support.command import typed
from tests.support.finished_student import STUDENT, student_workspace

VOCABULARY = 320
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = ["What is 12 * 7?", "一共有多少个苹果？"]


def _tokenizer(kind: str) -> Any:
    tokenizer = Tokenizer(models.BPE())
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "llama")
    first = (
        pre_tokenizers.Digits(individual_digits=True)
        if kind == "llama"
        else pre_tokenizers.Split(Regex(QWEN), "isolated")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, bytes_only])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["What is the sum of these two? 答案是多少"] * 9, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    made.add_special_tokens({"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"})
    made.add_tokens(["<tool_call>"])
    made.chat_template = "{{ messages[0]['content'] }}"
    return made


def _folder(path: Path, kind: str, **changed: Any) -> Path:
    torch.manual_seed(5)
    tokenizer = _tokenizer(kind)
    shape = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
    }
    shape |= {
        "num_key_value_heads": 2,
        "initializer_range": 0.2,
        "eos_token_id": tokenizer.eos_token_id,
        "rope_theta": 5e5,
    } | changed
    tied = kind == "qwen2"
    model = (
        Qwen2ForCausalLM(Qwen2Config(**shape, tie_word_embeddings=tied))
        if tied
        else LlamaForCausalLM(LlamaConfig(**shape))
    ).eval()
    model.to(torch.bfloat16).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def _read(file: Path) -> Any:
    wide = GgufConfig(dequantize=True)
    return AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, quantization_config=wide, dtype=torch.float32
    ).eval()


@pytest.mark.parametrize(("form", "near"), [("bf16", 1e-4), ("q8_0", 0.5), ("q4_0", 5.0)])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_file_holds_the_same_model(tmp_path: Path, kind: str, form: Form, near: float) -> None:
    folder = _folder(tmp_path / "m", kind)
    write_gguf(folder, tmp_path / "m.gguf", form)
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([[3, 17, 42, 8, 99, 5, 61]])
    with torch.no_grad():
        difference = (whole(ids).logits - _read(tmp_path / "m.gguf")(ids).logits).abs().max()
    assert difference < near
    assert form == "bf16" or difference > 1e-3
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="m.gguf")
    own = AutoTokenizer.from_pretrained(folder)
    for text in TEXTS:
        assert tokenizer.encode(text, add_special_tokens=False) == own.encode(text, add_special_tokens=False)


def test_a_quantized_student_is_written_by_the_numbers_that_its_weights_stand_for(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "m", "qwen2")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    quantize(model, AutoTokenizer.from_pretrained(folder), [], Compress(quantize="w8a8-dynamic"), 64)
    model.save_pretrained(tmp_path / "q", save_compressed=True)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "q")
    write_gguf(tmp_path / "q", tmp_path / "q.gguf", "bf16")
    read = _read(tmp_path / "q.gguf").state_dict()["model.layers.0.mlp.up_proj.weight"]
    whole = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()[
        "model.layers.0.mlp.up_proj.weight"
    ]
    assert 0 < (read - whole).abs().max() < whole.abs().max() / 100


def test_what_llama_cpp_is_told(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "m", "qwen2")
    write_gguf(folder, tmp_path / "m.gguf", "q8_0")
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    told = {name: fields[name].contents() for name in fields}
    assert told["general.architecture"] == "qwen2"
    assert (
        told["qwen2.attention.head_count"],
        told["qwen2.attention.head_count_kv"],
        told["qwen2.block_count"],
    ) == (4, 2, 3)
    assert told["qwen2.rope.freq_base"] == 5e5
    assert told["tokenizer.ggml.pre"] == "qwen2"
    assert len(told["tokenizer.ggml.tokens"]) == VOCABULARY
    kinds = dict(zip(told["tokenizer.ggml.tokens"], told["tokenizer.ggml.token_type"], strict=True))
    assert kinds["<|im_end|>"] == gguf.TokenType.CONTROL
    # Else llama.cpp would leave it out of what it prints.
    assert kinds["<tool_call>"] == gguf.TokenType.USER_DEFINED
    assert kinds["[PAD319]"] == gguf.TokenType.UNUSED
    assert told["tokenizer.chat_template"] == "{{ messages[0]['content'] }}"
    assert told["tokenizer.ggml.eos_token_id"] == AutoTokenizer.from_pretrained(folder).eos_token_id


def test_a_folder_has_a_modelfile_and_the_card_beside_it(tmp_path: Path) -> None:
    workspace = student_workspace(tmp_path / "w", fill=lambda folder: _folder(folder, "llama"))
    for more in ([], ["--force"]):
        done = typed("gguf", "-w", workspace.root, "-o", tmp_path / "out", "--artifact", STUDENT, *more)
        assert done.returncode == 0, done.stderr
    file = f"{STUDENT}-q8_0.gguf"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {file, "Modelfile", "README.md"}
    assert f"FROM ./{file}\n" in (tmp_path / "out" / "Modelfile").read_text()
    assert "written as q8_0" in (tmp_path / "out" / "README.md").read_text()
    assert typed("push", tmp_path / "out", "me/x", "--dry-run").returncode == 0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("config.json", '"LlamaForCausalLM"', '"GemmaForCausalLM"'), "cannot be written as GGUF here"),
        (
            ("tokenizer.json", '"individual_digits": true', '"individual_digits": false'),
            "no llama.cpp name",
        ),
        (
            ("config.json", '"rope_type": "default"', '"rope_type": "linear", "factor": 2.0'),
            "positions are scaled",
        ),
    ],
)
def test_what_would_be_read_as_something_else_is_refused_and_nothing_is_left(
    tmp_path: Path, edit: tuple[str, str, str], message: str
) -> None:
    folder = _folder(tmp_path / "m", "llama")
    name, old, new = edit
    text = json.dumps(json.loads((folder / name).read_text()))
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        write_gguf(folder, tmp_path / "m.gguf", "q8_0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]
