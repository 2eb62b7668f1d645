"""What is refused before anything is trained, and what is let through."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from factory.compress.preflight import require_compressible
from factory.errors import InputError
from factory.models.folder import ModelFolder
from factory.recipe.compress import Compress
from factory.recipe.prune import Prune

WIDE = ["avx2", "avx512f"]


@pytest.fixture
def base(tmp_path: Path) -> ModelFolder:
    """A model folder of which only tokenizer and configuration are looked at: 576 wide, which 128 does not
    divide."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    config = {"num_attention_heads": 9, "intermediate_size": 1536}
    return ModelFolder(tmp_path, "LlamaForCausalLM", 2, 576, 49152, 1, config)


def _refused(base: ModelFolder, message: str, sets: list[str] = WIDE, **settings: object) -> None:
    with pytest.raises(InputError, match=message):
        require_compressible(Compress.model_validate(settings), base, sets, gpu=False)


def test_a_group_that_divides_no_layer(base: ModelFolder) -> None:
    _refused(base, "128 does not divide the hidden_size 576", quantize="w4a16", group_size=128)


def test_int4_without_its_kernel(base: ModelFolder) -> None:
    _refused(base, "w4a16 cannot be served on this processor", ["avx2"], quantize="w4a16")


def test_mixed_needs_the_kernel_too(base: ModelFolder) -> None:
    _refused(base, "mixed cannot be served on this processor", ["avx2"], quantize="mixed")


def test_fp8_without_a_gpu(base: ModelFolder) -> None:
    _refused(base, "fp8 cannot be served on this processor", quantize="fp8")
    require_compressible(Compress.model_validate({"quantize": "fp8"}), base, ["avx2"], gpu=True)


def test_more_tokens_than_there_are(base: ModelFolder) -> None:
    _refused(base, "asks for 300 tokens, and the tokenizer of .* has 3", vocabulary=300)


@pytest.mark.parametrize(
    ("prune", "message"),
    [
        ({"layers": 0.2}, "prune.layers: 0.2 removes nothing from .*: of 2 its layers go one by one"),
        ({"heads": 0.05}, "prune.heads: 0.05 removes nothing from .*: of 9 its key-value groups"),
        (
            {"mlp": 0.01},
            "prune.mlp: 0.01 removes nothing from .*: of 1536 its channels stay in a multiple of 32",
        ),
    ],
)
def test_a_share_that_takes_nothing_out(base: ModelFolder, prune: dict, message: str) -> None:
    _refused(base, message, prune=prune)


def test_what_an_earlier_pruning_leaves_is_what_is_pruned(base: ModelFolder) -> None:
    settings, earlier = Compress.model_validate({"prune": {"heads": 0.12}}), Prune(heads=0.5)
    require_compressible(settings, base, WIDE, gpu=False)
    with pytest.raises(InputError, match="of 5 its key-value groups go one by one"):
        require_compressible(
            settings.model_copy(update={"prune": Prune(heads=0.09)}), base, WIDE, gpu=False, pruned=earlier
        )


@given(share=st.floats(0, 0.5), count=st.integers(1, 200))
def test_at_least_half_stays(share: float, count: int) -> None:
    prune = Prune(layers=share, heads=share)
    assert 2 * prune.kept_layers(count) >= count
    assert 2 * prune.kept_groups(count) >= count


@pytest.mark.parametrize(
    "text", ['{"model": {"type": "BPE", "voc', '{"model": {"type": "BPE"}, "added_tokens": []}', "[]"]
)
def test_a_tokenizer_that_was_not_copied_to_its_end(base: ModelFolder, text: str) -> None:
    (base.folder / "tokenizer.json").write_text(text)
    _refused(base, "tokenizer.json cannot be read as a tokenizer", vocabulary=300)


def test_a_configuration_without_heads(base: ModelFolder) -> None:
    other = dataclasses.replace(base, config={"intermediate_size": 1536})
    _refused(other, "config.json: 'num_attention_heads' is missing", quantize="w4a16")


def test_a_tokenizer_of_another_kind(base: ModelFolder) -> None:
    data = json.loads((base.folder / "tokenizer.json").read_text())
    (base.folder / "tokenizer.json").write_text(
        json.dumps(data | {"model": {"type": "Unigram", "vocab": [["a", 0.0]]}})
    )
    _refused(base, "cannot be cut: it is no byte-pair encoding", vocabulary=300)


@pytest.mark.parametrize(
    ("settings", "gpu"),
    [({"quantize": "w4a16", "group_size": 32}, False), ({"quantize": "w8a8-dynamic"}, False)],
)
def test_what_fits_is_let_through(base: ModelFolder, settings: dict, gpu: bool) -> None:
    require_compressible(Compress.model_validate(settings), base, WIDE, gpu=gpu)


def test_a_gpu_has_its_own_kernels(base: ModelFolder) -> None:
    require_compressible(Compress.model_validate({"quantize": "w4a16"}), base, ["avx2"], gpu=True)


def test_a_group_that_divides_no_longer_after_pruning(base: ModelFolder) -> None:
    _refused(
        base,
        "64 does not divide the intermediate_size 1120",
        quantize="w4a16",
        group_size=64,
        prune={"mlp": 0.27},
    )


def test_a_model_whose_parts_are_not_known(base: ModelFolder) -> None:
    foreign = dataclasses.replace(base, architecture="GPT2LMHeadModel")
    _refused(foreign, "compress.prune: .* is a GPT2LMHeadModel", prune={"layers": 0.2})


def test_a_width_that_no_configuration_could_have(base: ModelFolder) -> None:
    # The least common multiple of 32 and 9 heads is 288: of 576 there stay 576 or 288.
    _refused(
        base,
        (
            "width: 0.1 removes nothing from .*: of 576 its dimensions stay in a multiple of 32 "
            "and of its 9 heads"
        ),
        prune={"width": 0.1},
    )
    require_compressible(Compress.model_validate({"prune": {"width": 0.5}}), base, WIDE, gpu=False)
