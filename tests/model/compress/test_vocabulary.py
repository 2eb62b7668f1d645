"""A cut vocabulary: what the task says is split as before, what stays has the logits that it had, all else
can still be written."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factory.compress.embedding import cut_model
from factory.compress.vocabulary import KEPT, Vocabulary
from factory.errors import InputError

TEXT = [
    "How much is twelve times seven? The answer is eighty-four.",
    "请问三加四等于多少？ The quick brown fox jumps over the lazy dog, over and over.",
    "calculator expression 12 * 7 = 84 and 3.5 + 4.25 = 7.75",
]
END = "<|im_end|>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A byte-level tokenizer of a few hundred merges, with special tokens."""
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXT * 3, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens([AddedToken(END, special=True), AddedToken("<|pad|>", special=True)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token="<|pad|>").save_pretrained(
        folder
    )
    return folder


def _cut(
    folder: Path, target: Path, texts: list[str], size: int
) -> tuple[list[int], PreTrainedTokenizerFast]:
    vocabulary = Vocabulary(folder)
    kept = vocabulary.kept(texts, size)
    AutoTokenizer.from_pretrained(folder).save_pretrained(target)
    vocabulary.cut(target, kept)
    return kept, AutoTokenizer.from_pretrained(target)


def _ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.sampled_from(" ".join(TEXT).split()), min_size=1, max_size=12), size=st.integers(0, 500)
)
def test_the_texts_are_split_as_before(folder: Path, tmp_path: Path, words: list[str], size: int) -> None:
    text = " ".join(words) + END
    kept, tokenizer = _cut(folder, tmp_path, [text], size)
    before = _ids(AutoTokenizer.from_pretrained(folder), text)
    assert [kept[each] for each in _ids(tokenizer, text)] == before
    assert len(tokenizer) == len(kept) <= max(size, len(Vocabulary(folder)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_other_text_can_still_be_written(folder: Path, tmp_path: Path, text: str) -> None:
    _, tokenizer = _cut(folder, tmp_path, TEXT[:1], 0)
    assert tokenizer.decode(_ids(tokenizer, text), clean_up_tokenization_spaces=False) == text


def test_the_most_common_ones_fill_up_to_the_size(folder: Path) -> None:
    vocabulary = Vocabulary(folder)
    least = vocabulary.kept([TEXT[2]], 0)
    more = vocabulary.kept([TEXT[2]], len(least) + 20)
    assert len(more) == len(least) + 20
    assert set(least) < set(more)
    assert len(vocabulary.kept([TEXT[2]], 10**6)) == len(vocabulary)


def test_special_tokens_keep_their_meaning(folder: Path, tmp_path: Path) -> None:
    kept, tokenizer = _cut(folder, tmp_path, ["7"], 0)
    assert tokenizer.eos_token == END
    assert kept[tokenizer.eos_token_id] == AutoTokenizer.from_pretrained(folder).eos_token_id
    assert tokenizer.decode([tokenizer.eos_token_id], skip_special_tokens=True) == ""
    assert json.loads((tmp_path / KEPT).read_text()) == kept


@pytest.mark.parametrize("tied", [True, False])
def test_logits_of_what_stays_are_what_they_were(folder: Path, tmp_path: Path, tied: bool) -> None:
    before = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(before) + 11,  # padded, as published models are
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=tied,
        eos_token_id=[before.eos_token_id],
        pad_token_id=before.pad_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    old = _ids(before, TEXT[0])
    with torch.no_grad():
        wanted = model(torch.tensor([old])).logits
    kept, tokenizer = _cut(folder, tmp_path, TEXT[:1], 0)
    cut_model(model, kept)
    model.save_pretrained(tmp_path)
    loaded = LlamaForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = loaded(torch.tensor([_ids(tokenizer, TEXT[0])])).logits
    assert torch.equal(logits, wanted[..., torch.tensor(kept)])
    assert loaded.config.vocab_size == len(kept)
    assert loaded.config.eos_token_id == [tokenizer.eos_token_id]
    assert loaded.config.pad_token_id == tokenizer.pad_token_id
    assert (loaded.lm_head.weight is loaded.model.embed_tokens.weight) == tied


def test_another_kind_of_tokenizer_is_refused(tmp_path: Path) -> None:
    Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="cannot be cut"):
        Vocabulary(tmp_path)
