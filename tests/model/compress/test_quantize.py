"""Each kind of quantization on a tiny model with the real llm-compressor: what is written, and how close it
is."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("llmcompressor")

import torch
from llmcompressor import oneshot
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from factory.compress.embedding import cut_model
from factory.compress.quantize import quantize
from factory.compress.sensitivity import units
from factory.recipe.compress import Compress
from tests.support import tiny

TEXTS = [" ".join(f"w{(7 * i + j) % tiny.VOCABULARY}" for j in range(12)) for i in range(8)]


def _quantized(
    folder: Path, **settings: object
) -> tuple[dict, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=tiny.VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder / "before")
    tiny.tokenizer().save_pretrained(folder / "before")
    model = LlamaForCausalLM.from_pretrained(folder / "before", dtype=torch.bfloat16).eval()
    before = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(len(folder.name))  # another state of chance in another folder
    quantize(
        model, AutoTokenizer.from_pretrained(folder / "before"), TEXTS, Compress.model_validate(settings), 64
    )
    model.save_pretrained(folder, save_compressed=True)
    written = json.loads((folder / "config.json").read_text()).get("quantization_config", {})
    return written, load_file(folder / "model.safetensors"), before


@pytest.mark.parametrize(
    "settings",
    [
        {"quantize": "w8a8-static"},
        {"quantize": "w4a16", "group_size": 32},
        {"quantize": "mixed", "bits": 6.0, "group_size": 32},
        {"sparsity": {"pattern": "2:4"}},
    ],
    ids=lambda settings: str(settings.get("quantize")),
)
def test_the_number_format_of_the_machine_is_that_of_the_work_and_not_of_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict
) -> None:
    found, ran = {}, []

    def watched(*, model, **settings):
        ran.append(model.model.layers[0].mlp.up_proj.weight.dtype)
        return oneshot(model=model, **settings)

    monkeypatch.setattr("factory.compress.quantize.oneshot", watched)
    # Which units of weights at random harm least is a matter of rounding, and so of the processor.
    monkeypatch.setattr(
        "factory.compress.quantize.sensitivities", lambda model, *_: [*range(len(units(model)))]
    )
    for precision in ("bfloat16", "float32"):
        monkeypatch.setattr("factory.compress.quantize.fast_precision", lambda precision=precision: precision)
        _, found[precision], _ = _quantized(tmp_path / precision, **settings)
    assert ran == [torch.bfloat16, torch.float32]
    shapes = [
        {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()} for tensors in found.values()
    ]
    assert shapes[0] == shapes[1]


def test_the_same_texts_make_the_same_model_again(tmp_path: Path) -> None:
    # In another order the observers of activations, which forget, come to other scales.
    made = [_quantized(tmp_path / name, quantize="w8a8-static")[1] for name in ("one", "other", "third")]
    assert any("input_scale" in name for name in made[0])
    for again in made[1:]:
        assert all(torch.equal(tensor, again[name]) for name, tensor in made[0].items())


def test_a_cut_vocabulary_stays_cut(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.save_pretrained(tmp_path / "before")
    tiny.model(3, width=64).to(torch.bfloat16).save_pretrained(tmp_path / "before")
    model = LlamaForCausalLM.from_pretrained(tmp_path / "before", dtype=torch.bfloat16)
    cut_model(model, range(64))
    quantize(model, tokenizer, [], Compress.model_validate({"quantize": "w8a8-dynamic"}), 64)
    model.save_pretrained(tmp_path, save_compressed=True)
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == 64
    assert load_file(tmp_path / "model.safetensors")["model.embed_tokens.weight"].shape == (64, 64)


def _error(before: torch.Tensor, after: torch.Tensor) -> float:
    return float((before.float() - after.float()).norm() / before.float().norm())


@pytest.mark.parametrize("kind", ["w8a8-static", "w8a8-dynamic"])
def test_eight_bits(tmp_path: Path, kind: str) -> None:
    written, tensors, before = _quantized(tmp_path, quantize=kind)
    assert {group["weights"]["num_bits"] for group in written["config_groups"].values()} == {8}
    dynamic = {group["input_activations"]["dynamic"] for group in written["config_groups"].values()}
    assert dynamic == ({True} if kind == "w8a8-dynamic" else {True, False})
    name = "model.layers.1.mlp.down_proj"
    assert tensors[f"{name}.weight"].dtype == torch.int8
    if kind == "w8a8-dynamic":
        again = tensors[f"{name}.weight"].float() * tensors[f"{name}.weight_scale"].float()
        assert _error(before[f"{name}.weight"], again) < 0.01
    assert ("model.layers.0.self_attn.q_proj.input_scale" in tensors) == (kind == "w8a8-static")
    assert tensors["model.embed_tokens.weight"].dtype == torch.bfloat16


def test_eight_bits_of_floating_point(tmp_path: Path) -> None:
    written, tensors, before = _quantized(tmp_path, quantize="fp8")
    (group,) = written["config_groups"].values()
    assert (
        group["weights"]["type"],
        group["weights"]["num_bits"],
        group["input_activations"]["dynamic"],
    ) == ("float", 8, True)
    name = "model.layers.1.mlp.down_proj"
    assert tensors[f"{name}.weight"].dtype == torch.float8_e4m3fn
    assert (
        _error(
            before[f"{name}.weight"],
            tensors[f"{name}.weight"].float() * tensors[f"{name}.weight_scale"].float(),
        )
        < 0.05
    )


def test_four_bits_in_groups(tmp_path: Path) -> None:
    written, tensors, _ = _quantized(tmp_path, quantize="w4a16", group_size=32)
    (group,) = written["config_groups"].values()
    assert (group["weights"]["num_bits"], group["weights"]["group_size"], group["input_activations"]) == (
        4,
        32,
        None,
    )
    packed = tensors["model.layers.0.mlp.gate_proj.weight_packed"]
    assert packed.shape == (96, 64 // 8)
    assert tensors["model.layers.0.mlp.gate_proj.weight_scale"].shape == (96, 2)
    assert "lm_head.weight_packed" not in tensors


def test_four_and_eight_bits_mixed_by_what_they_harm(tmp_path: Path) -> None:
    written, tensors, _ = _quantized(tmp_path, quantize="mixed", bits=6.0)
    four, eight = (written["config_groups"][name] for name in ("group_0", "group_1"))
    if four["weights"]["num_bits"] == 8:
        four, eight = eight, four
    assert (four["weights"]["num_bits"], eight["weights"]["num_bits"]) == (4, 8)
    packed = {name.removesuffix(".weight_packed") for name in tensors if name.endswith(".weight_packed")}
    assert packed == set(four["targets"])
    assert {
        name.removesuffix(".weight") for name, tensor in tensors.items() if tensor.dtype == torch.int8
    } == set(eight["targets"])
    assert len(packed) + len(eight["targets"]) == 14
    fused = [{f"model.layers.{layer}.self_attn.{part}_proj" for part in "qkv"} for layer in (0, 1)]
    assert all(one <= packed or not one & packed for one in fused)


def test_all_four_bits(tmp_path: Path) -> None:
    written, _, _ = _quantized(tmp_path, quantize="mixed", bits=4.0)
    assert [group["weights"]["num_bits"] for group in written["config_groups"].values()] == [4]


@pytest.mark.parametrize(
    ("method", "quantize"), [("sparsegpt", None), ("wanda", None), ("sparsegpt", "w8a8-dynamic")]
)
def test_two_of_four_neighbours_become_zero(tmp_path: Path, method: str, quantize: str | None) -> None:
    written, tensors, _ = _quantized(tmp_path, sparsity={"method": method}, quantize=quantize)
    # Without quantization the folder is that of any model.
    assert bool(written) == bool(quantize)
    for part in ("self_attn.v_proj", "mlp.down_proj", "mlp.gate_proj"):
        zeros = (tensors[f"model.layers.0.{part}.weight"] == 0).unflatten(1, (-1, 4)).sum(2)
        assert int(zeros.min()) >= 2, part
        # Rounding to eight bits makes some more.
        assert float(zeros.float().mean()) < (2.01 if quantize is None else 2.5)
    assert int((tensors["model.embed_tokens.weight"] == 0).sum()) < 10


def test_unstructured_zeros_are_as_many_as_asked_for(tmp_path: Path) -> None:
    _, tensors, _ = _quantized(tmp_path, sparsity={"pattern": "unstructured", "share": 0.3})
    share = float((tensors["model.layers.1.mlp.up_proj.weight"] == 0).float().mean())
    assert share == pytest.approx(0.3, abs=0.02)
