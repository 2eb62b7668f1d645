"""Pruned models: nothing taken out changes nothing, and what is left computes what the whole would without
the parts that are gone."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

pytest.importorskip("torch")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from factory.compress.importance import Importance, measure
from factory.compress.prune import Kept, choose, save_pruned
from factory.recipe.prune import Prune

IDS = [[3, 17, 42, 8, 99, 5, 61], [11, 2, 90, 33]]
SHAPE = {
    "vocab_size": 100,
    "hidden_size": 48,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "initializer_range": 0.3,
}


def _model(kind: str, **changed: int) -> Any:
    torch.manual_seed(2)
    shape = SHAPE | changed
    model = (
        LlamaForCausalLM(LlamaConfig(**shape))
        if kind == "llama"
        else Qwen2ForCausalLM(Qwen2Config(**shape, tie_word_embeddings=True))
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def _logits(model: Any) -> list[torch.Tensor]:
    with torch.no_grad():
        return [model(torch.tensor([ids])).logits for ids in IDS]


def _pruned(model: Any, kept: Kept, folder: Path) -> Any:
    save_pruned(model, kept, folder)
    loaded, told = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    return loaded.eval()


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_nothing_taken_out_changes_nothing(kind: str, tmp_path: Path) -> None:
    model = _model(kind)
    pruned = _pruned(model, choose(measure(model, IDS), Prune()), tmp_path)
    assert type(pruned) is type(model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(pruned.state_dict()[name], tensor), name
    assert all(map(torch.equal, _logits(pruned), _logits(model)))


def test_a_base_whose_generation_settings_contradict_each_other_can_be_saved(tmp_path: Path) -> None:
    model = _model("llama")
    odd = {"do_sample": False, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.3}
    model.generation_config = GenerationConfig.from_dict({"eos_token_id": [5, 6], "pad_token_id": 5})
    for name, value in odd.items():
        setattr(model.generation_config, name, value)  # as it is read from a folder
    save_pruned(model, choose(measure(model, IDS), Prune()), tmp_path)
    kept = json.loads((tmp_path / "generation_config.json").read_text())
    assert (kept["eos_token_id"], kept["pad_token_id"]) == ([5, 6], 5) and not set(odd) & set(kept)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_what_is_left_computes_as_if_the_rest_were_silent(kind: str, tmp_path: Path) -> None:
    model = _model(kind)
    kept = choose(measure(model, IDS), Prune(layers=0.25, heads=1 / 3, mlp=0.5))
    assert (len(kept.layers), len(kept.groups[0]), len(kept.channels[0])) == (3, 2, 64)
    pruned = _pruned(model, kept, tmp_path)
    with torch.no_grad():
        for layer, groups, channels in zip(kept.layers, kept.groups, kept.channels, strict=True):
            whole = model.model.layers[layer]
            # 6 heads of 8 in 3 groups: a group's outputs are 16 wide.
            silent = [place for place in range(48) if place // 16 not in groups]
            whole.self_attn.o_proj.weight[:, silent] = 0
            whole.mlp.down_proj.weight[:, [channel for channel in range(128) if channel not in channels]] = 0
        (gone,) = set(range(4)) - set(kept.layers)
        model.model.layers[gone].self_attn.o_proj.weight.zero_()
        model.model.layers[gone].mlp.down_proj.weight.zero_()
    for ours, wanted in zip(_logits(pruned), _logits(model), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


def test_the_silent_parts_are_the_least_important() -> None:
    model = _model("llama")
    with torch.no_grad():
        model.model.layers[1].self_attn.o_proj.weight.zero_()
        model.model.layers[1].mlp.down_proj.weight.zero_()
        model.model.layers[0].self_attn.o_proj.weight[:, 16:32] = 0
        model.model.layers[2].mlp.up_proj.weight[7] = 0
    found = measure(model, IDS)
    assert found.layers.argmin() == 1
    assert found.layers[1].abs() < 1e-9
    assert found.groups[0].argmin() == 1
    assert found.channels[2].argmin() == 7


def test_importance_is_that_of_the_formula() -> None:
    model = _model("llama")
    inputs: list[torch.Tensor] = []
    layer = model.model.layers[2]
    hook = layer.mlp.down_proj.register_forward_pre_hook(
        lambda _, arguments: inputs.append(arguments[0][0].double())
    )
    _logits(model)
    hook.remove()
    rms = torch.cat(inputs).square().mean(0).sqrt()
    wanted = rms * layer.mlp.down_proj.weight.double().norm(dim=0)
    torch.testing.assert_close(measure(model, IDS).channels[2], wanted, rtol=1e-5, atol=1e-8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shares=st.tuples(*[st.floats(0, 0.5)] * 4),
    shape=st.tuples(
        st.integers(1, 12),
        st.integers(1, 8),
        st.sampled_from([32, 64, 160, 320]),
        st.sampled_from([32, 96, 576]),
    ),
    seed=st.integers(0, 1000),
)
def test_at_least_half_of_everything_stays(shares: tuple, shape: tuple, seed: int) -> None:
    torch.manual_seed(seed)
    layers, groups, channels, width = shape
    importance = Importance(
        torch.rand(layers), torch.rand(layers, groups), torch.rand(layers, channels), torch.rand(width)
    )
    kept = choose(importance, Prune(layers=shares[0], heads=shares[1], mlp=shares[2], width=shares[3]))
    parts = [(kept.layers, layers), (kept.width, width)]
    parts += [(one, groups) for one in kept.groups] + [(one, channels) for one in kept.channels]
    for places, whole in parts:
        assert places == sorted(set(places)) and set(places) <= set(range(whole))
        assert 2 * len(places) >= whole
    # A configuration has one number for all layers.
    assert len({len(one) for one in kept.groups}) == len({len(one) for one in kept.channels}) == 1
    assert abs(len(kept.groups[0]) - (1 - shares[1]) * groups) <= 0.5 + 1e-9
    assert len(kept.channels[0]) % 32 == len(kept.width) % 32 == 0


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_a_narrower_model_computes_as_if_its_missing_dimensions_were_silent(
    kind: str, tmp_path: Path
) -> None:
    model = _model(kind, hidden_size=192)
    kept = choose(measure(model, IDS), Prune(width=0.4))
    assert len(kept.width) == 96
    pruned = _pruned(model, kept, tmp_path)
    assert pruned.config.hidden_size == 96
    gone = [place for place in range(192) if place not in kept.width]
    with torch.no_grad():
        model.model.embed_tokens.weight[:, gone] = 0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[gone] = 0
            layer.mlp.down_proj.weight[gone] = 0
    for ours, wanted in zip(_logits(pruned), _logits(model), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-3)


def test_the_dimension_that_the_norms_keep_silent_is_the_least_important() -> None:
    model = _model("llama")
    with torch.no_grad():
        for norm in [
            model.model.norm,
            *(
                norm
                for layer in model.model.layers
                for norm in (layer.input_layernorm, layer.post_attention_layernorm)
            ),
        ]:
            norm.weight[11] = 0
    assert measure(model, IDS).width.argmin() == 11


@pytest.mark.parametrize("part", ["layers", "heads", "mlp", "width"])
def test_more_than_half_is_refused(part: str) -> None:
    with pytest.raises(ValidationError, match=r"less than or equal to 0.5"):
        Prune(**{part: 0.51})
