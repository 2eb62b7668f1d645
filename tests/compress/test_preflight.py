"""What is refused before anything is trained, and what is let through."""

import dataclasses
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from factory.compress.preflight import require_compressible
from factory.errors import InputError
from factory.models.folder import ModelFolder
from factory.recipe.compress import Compress

WIDE = ["avx2", "avx512f"]


@pytest.fixture
def base(tmp_path: Path) -> ModelFolder:
    """A model folder of which only tokenizer and configuration are looked at: 576 wide, which 128 does not divide."""
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


def test_a_tokenizer_of_another_kind(base: ModelFolder) -> None:
    data = json.loads((base.folder / "tokenizer.json").read_text())
    (base.folder / "tokenizer.json").write_text(json.dumps(data | {"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}))
    _refused(base, "cannot be cut: it is no byte-pair encoding", vocabulary=300)


@pytest.mark.parametrize(("settings", "gpu"), [({"quantize": "w4a16", "group_size": 32}, False), ({"quantize": "w8a8-dynamic"}, False)])
def test_what_fits_is_let_through(base: ModelFolder, settings: dict, gpu: bool) -> None:
    require_compressible(Compress.model_validate(settings), base, WIDE, gpu=gpu)


def test_a_gpu_has_its_own_kernels(base: ModelFolder) -> None:
    require_compressible(Compress.model_validate({"quantize": "w4a16"}), base, ["avx2"], gpu=True)


def test_a_group_that_divides_no_longer_after_pruning(base: ModelFolder) -> None:
    _refused(base, "64 does not divide the intermediate_size 1120", quantize="w4a16", group_size=64, prune={"mlp": 0.27})


def test_a_model_whose_parts_are_not_known(base: ModelFolder) -> None:
    foreign = dataclasses.replace(base, architecture="GPT2LMHeadModel")
    _refused(foreign, "compress.prune: .* is a GPT2LMHeadModel", prune={"layers": 0.2})


def test_a_width_that_no_configuration_could_have(base: ModelFolder) -> None:
    # The least common multiple of 32 and 9 heads is 288: of 576 there stay 576 or 288.
    _refused(base, "width: 0.1 takes nothing out of .* 576 dimensions has to be a multiple of 32 and of its 9 heads", prune={"width": 0.1})
    require_compressible(Compress.model_validate({"prune": {"width": 0.5}}), base, WIDE, gpu=False)
