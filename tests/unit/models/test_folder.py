"""A model folder is looked at without running or loading anything of it, and what is wrong with it is said by
file."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from factory.models.folder import INDEX, inspect

CONFIG = {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 8, "vocab_size": 16}


def write_weights(path: Path, header: Any = None, *, size: int = 64) -> None:
    """Write a safetensors file with one tensor of `size` bytes, or with another header than that."""
    text = json.dumps(
        header or {"__metadata__": {}, "w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    write_weights(folder / "model.safetensors")
    return folder


def test_the_facts_of_a_folder(model: Path) -> None:
    facts = inspect(model)
    assert (facts.architecture, facts.layers, facts.hidden_size, facts.vocab_size) == (
        "LlamaForCausalLM",
        2,
        8,
        16,
    )
    assert facts.weight_bytes == (model / "model.safetensors").stat().st_size


def test_the_facts_of_a_model_of_text_and_more(model: Path) -> None:
    (model / "config.json").write_text(json.dumps({"architectures": ["X"], "text_config": CONFIG}))
    assert inspect(model).vocab_size == 16


@pytest.mark.parametrize(
    ("values", "positions"),
    [
        ({}, None),
        ({"max_position_embeddings": 2048}, 2048),
        ({"max_position_embeddings": "2048"}, None),
        ({"max_position_embeddings": 2048, "rope_scaling": {"factor": 4.0}}, 2048),
        (
            {
                "max_position_embeddings": 2048,
                "rope_scaling": {"factor": 4.0, "original_max_position_embeddings": 2048},
            },
            8192,
        ),
        ({"text_config": CONFIG | {"max_position_embeddings": 512}}, 512),
    ],
)
def test_the_longest_text_that_a_model_was_made_for(
    model: Path, values: dict[str, Any], positions: int | None
) -> None:
    (model / "config.json").write_text(json.dumps(CONFIG | values))
    assert inspect(model).positions == positions


def test_the_method_by_which_weights_were_quantized(model: Path) -> None:
    assert inspect(model).quantized is None
    for about, method in ({"quant_method": "fp8"}, "fp8"), ({"bits": 4}, "unknown"):
        (model / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": about}))
        assert inspect(model).quantized == method


def test_whether_a_model_says_how_a_conversation_is_written(model: Path) -> None:
    assert not inspect(model).has_chat_template
    (model / "tokenizer_config.json").write_text('{"chat_template": null}')
    assert not inspect(model).has_chat_template
    (model / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert inspect(model).has_chat_template
    (model / "tokenizer_config.json").unlink()
    (model / "chat_template.jinja").write_text("{{ messages }}")
    assert inspect(model).has_chat_template


NAMED = [{"name": "rag", "template": "{{ documents }}"}, {"name": "default", "template": "{{ messages }}"}]


@pytest.mark.parametrize(
    ("configured", "file", "has"),
    [
        (NAMED, None, True),
        (NAMED[:1], None, False),
        ([{"name": "default", "template": ""}], None, False),
        ({"default": "{{ messages }}"}, None, True),
        ({"tool_use": "{{ messages }}"}, None, False),
        ("  \n", None, False),
        (None, "", False),
        ("{{ messages }}", "", False),  # the file counts, as Transformers reads it
        (NAMED[:1], "{{ messages }}", True),
    ],
)
def test_a_template_is_one_that_a_question_can_be_put_with(
    model: Path, configured: Any, file: str | None, has: bool
) -> None:
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": configured}))
    if file is not None:
        (model / "chat_template.jinja").write_text(file)
    assert inspect(model).has_chat_template is has


def test_the_template_of_a_processor_is_none_of_a_tokenizer(model: Path) -> None:
    (model / "chat_template.json").write_text('{"chat_template": "{{ messages }}"}')
    assert not inspect(model).has_chat_template


def test_the_digest_changes_with_the_weights_and_not_with_the_place(model: Path, tmp_path: Path) -> None:
    before = inspect(model).digest
    moved = model.rename(tmp_path / "elsewhere")
    assert inspect(moved).digest == before
    write_weights(moved / "model.safetensors", size=128)
    assert inspect(moved).digest != before


def config(**values: object) -> Callable[[Path], None]:
    return lambda folder: (folder / "config.json").write_text(json.dumps(CONFIG | values)) and None


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


def weights(header: Any) -> Callable[[Path], None]:
    return lambda folder: write_weights(folder / "model.safetensors", header)


def content(data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "model.safetensors").write_bytes(data) and None


def pickled_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


REFUSED = [
    ("no config", remove("config.json"), "config.json is missing"),
    ("no tokenizer", remove("tokenizer.json"), "has no tokenizer.json"),
    ("no weights", remove("model.safetensors"), "has no .*safetensors weights"),
    ("weights as a pickle", pickled_only, "pytorch_model.bin, a pickle, which is never loaded"),
    ("code of its own", config(auto_map={"AutoModel": "m.M"}), r"config.json names code to run \(auto_map\)"),
    ("code as attention", config(_attn_implementation_internal="x/y"), "names code to run"),
    (
        "a tokenizer of its own",
        text("tokenizer_config.json", '{"auto_map": {}}'),
        "tokenizer_config.json names code to run",
    ),
    ("a config that is no JSON", text("config.json", "{"), "config.json cannot be read"),
    ("a config that is nested without end", text("config.json", "[" * 100_000), "config.json cannot be read"),
    ("a config that is a list", text("config.json", '["auto_map"]'), "config.json holds no JSON object"),
    ("a config of something else", text("config.json", "{}"), "is not the configuration of a language model"),
    (
        "a config of wrong types",
        config(num_hidden_layers="many"),
        "is not the configuration of a language model",
    ),
    (
        "a config with text for text_config",
        config(text_config="x"),
        "is not the configuration of a language model",
    ),
    ("an empty weights file", content(b""), "model.safetensors is damaged"),
    ("a header that claims 10 TB", content(struct.pack("<Q", 10**13) + b"{}"), "claims 10000000000000 bytes"),
    ("a header that is no JSON", content(struct.pack("<Q", 2) + b"{x"), "its header cannot be read"),
    ("a header that is a list", weights([1]), "its header cannot be read"),
    ("a header without offsets", weights({"w": {}}), "its header cannot be read"),
    (
        "a header with words for offsets",
        weights({"w": {"data_offsets": ["a", "b"]}}),
        "its header cannot be read",
    ),
    ("a header of more than there is", weights({"w": {"data_offsets": [0, 10**9]}}), "its header describes"),
    (
        "a shard that is missing",
        text(INDEX, '{"weight_map": {"w": "model-2.safetensors"}}'),
        "model-2.safetensors is missing",
    ),
    (
        "a shard outside the folder",
        text(INDEX, '{"weight_map": {"w": "../model.safetensors"}}'),
        "../model.safetensors is missing",
    ),
    ("an index without a map", text(INDEX, "{}"), "has no weight_map"),
]


@pytest.mark.parametrize(
    ("damage", "named"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refused(model: Path, damage: Callable[[Path], None], named: str) -> None:
    damage(model)
    with pytest.raises(InputError, match=named):
        inspect(model)


def test_cut_off_weights_are_refused(model: Path) -> None:
    whole = (model / "model.safetensors").read_bytes()
    for size in range(0, len(whole), 7):
        (model / "model.safetensors").write_bytes(whole[:size])
        with pytest.raises(InputError, match="model.safetensors is damaged"):
            inspect(model)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        inspect(tmp_path / "nowhere")
