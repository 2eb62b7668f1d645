"""Rows of bases as they are published: whatever their tokenizers do, a row is what the chat template renders,
token by token, and ends where the student's turns end."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from factory.adapters.lora import Lora
from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import FORMATS
from factory.models.stops import keep_stops
from factory.student.model import merged, new_student
from factory.tasks.rows import IGNORED, TrainingRow
from factory.tasks.tool_call.taskset import path_messages
from tests.support import tiny
from tests.support.token_rows import token_rows

CALL = {"name": "calculator", "arguments": {"expression": "12 * 7"}}
SPECIAL = ["<|endoftext|>", "<s>", "<eos>"]
SPECIAL += [token for one in FORMATS.values() for token in one.needed_tokens]


def _by_bytes(merges: list[tuple[str, str]]) -> Tokenizer:
    """As GPT-2's, Llama 3's and Qwen's; these merges beside single bytes."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *("".join(pair) for pair in merges)]
    made = Tokenizer(models.BPE(vocab={word: place for place, word in enumerate(words)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return made


def _by_words() -> Tokenizer:
    """As SentencePiece's in Llama 2 and Mistral: a space before the first word of whatever is given."""
    letters = sorted({chr(code) for code in range(32, 127)} | {"\n", "▁"})
    made = Tokenizer(models.Unigram([("<unk>", 0.0), *((letter, -1.0) for letter in letters)], 0, False))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    made.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    return made


# ("}", "Ċ"): a token of Qwen's holds what ends a call's JSON and the line break behind it.
BASES = {
    "a base of ChatML": (lambda: _by_bytes([]), "hermes", "<|im_end|>"),
    "turns end otherwise": (lambda: _by_bytes([]), "hermes", "<|endoftext|>"),
    "tokens across the end of a call": (lambda: _by_bytes([("}", "Ċ")]), "hermes", "<|endoftext|>"),
    "a space before the first word": (_by_words, "hermes", "<s>"),
    "a first token, no system role": (lambda: _by_bytes([]), "gemma", "<eos>"),
    "both": (_by_words, "gemma", "<eos>"),
    "no opening of an answer": (lambda: _by_bytes([]), "mistral", "</s>"),
    "no opening, and a space": (_by_words, "mistral", "</s>"),
}


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> tuple[Any, ChatFormat]:
    make, name, eos = BASES[request.param]
    made = make()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=eos, pad_token="<|endoftext|>")
    FORMATS[name].set_template(tokenizer, show_tools=False)
    return tokenizer, FORMATS[name]


def _sample(text: str, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    columns = dict.fromkeys(("token_ids", "token_logprobs", "topk_ids", "topk_logprobs"))
    asked = json.dumps([messages[0]])
    return {
        "sample_id": "b2:1",
        "seed_id": "b2:seed",
        "messages": json.dumps(messages),
        "tools": "[]",
        "text": text,
        "teacher_messages": asked,
        **columns,
        **more,
    }


def _rows(tokenizer: Any, chat_format: ChatFormat) -> list[tuple[TrainingRow, list[dict[str, Any]]]]:
    """Return rows of every kind, each with the messages that it renders."""
    path = path_messages("12 times 7?", [[CALL]], [["84"]], "It is 84.")
    asked = {"role": "user", "content": "12 times 7?"}
    words = [asked, {"role": "assistant", "content": "Eighty-four."}]
    reasoned = [asked, {"role": "assistant", "content": "10 times 7 is 70.\nAnswer: 84"}]
    known: dict[str, Any] = {"tokenizer": tokenizer, "chat_format": chat_format, "teacher": False}
    (call,) = token_rows(_sample(json.dumps(CALL), path), "tool_call", **known)
    (said,) = token_rows(_sample("Eighty-four.", words), "tool_call", **known)
    sample = _sample(reasoned[1]["content"], reasoned, rationale="10 times 7 is 70.", answer="84")
    _, rationale = token_rows(sample, "rationale", rationale_weight=1.0, answer_mark=None, **known)
    reasoned[0] = asked | {"content": f"[rationale] {asked['content']}"}
    return [(call, path), (said, words), (rationale, reasoned)]


def test_a_row_is_the_rendering_token_by_token(base: tuple[Any, ChatFormat]) -> None:
    tokenizer, chat_format = base
    for row, messages in _rows(tokenizer, chat_format):
        rendered = chat_format.render(messages, tokenizer=tokenizer).removesuffix(chat_format.after_turn)
        assert row.input_ids == tokenizer.encode(rendered, add_special_tokens=False)
        end = tokenizer.convert_tokens_to_ids(chat_format.turn_end)
        assert row.input_ids[-1] == row.labels[-1] == tokenizer.eos_token_id == end
        turns = sum(message["role"] == "assistant" for message in messages)
        assert row.labels.count(end) == turns
        learnt = tokenizer.decode([label for label in row.labels if label != IGNORED])
        assert learnt.strip().endswith(messages[-1]["content"] + chat_format.turn_end)


def test_a_call_that_shares_a_token_with_its_end_has_the_others(base: tuple[Any, ChatFormat]) -> None:
    tokenizer, chat_format = base
    row, _ = _rows(tokenizer, chat_format)[0]
    written = tokenizer.decode(row.input_ids[row.spans[0].start : row.spans[0].start + row.spans[0].length])
    assert json.dumps(CALL).startswith(written.strip()) and len(written.strip()) >= len(json.dumps(CALL)) - 1


ODD = {"do_sample": False, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.3, "max_new_tokens": 7}


def _published(folder: Path, tokenizer: Any, **settings: Any) -> LlamaForCausalLM:
    """Write a base with generation settings that Transformers reads and would not write."""
    model = tiny.model(1, vocabulary=len(tokenizer) + 8)
    model.config.eos_token_id = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    about = {"eos_token_id": model.config.eos_token_id, **settings}
    (folder / "generation_config.json").write_text(json.dumps(about))
    return model


def test_a_student_takes_over_where_to_stop_and_nothing_else(
    base: tuple[Any, ChatFormat], tmp_path: Path
) -> None:
    tokenizer, chat_format = base
    _published(tmp_path / "base", tokenizer, **ODD)
    adapter = Lora(rank=2)
    trained = new_student(tmp_path / "base", adapter, tokenizer, tiny.torch.float32, 0)
    trained.save_pretrained(tmp_path / "adapter")
    student = merged(tmp_path / "base", adapter, tmp_path / "adapter", tokenizer)
    student.save_pretrained(tmp_path / "student")
    tokenizer.save_pretrained(tmp_path / "student")
    kept = GenerationConfig.from_pretrained(tmp_path / "student")
    ends = kept.eos_token_id if isinstance(kept.eos_token_id, list) else [kept.eos_token_id]
    said = AutoTokenizer.from_pretrained(tmp_path / "student")
    assert ends[0] == said.eos_token_id == said.convert_tokens_to_ids(chat_format.turn_end)
    assert said.convert_tokens_to_ids("<|endoftext|>") in ends
    assert not set(ODD) & json.loads((tmp_path / "student" / "generation_config.json").read_text()).keys()


@pytest.mark.parametrize(
    "settings",
    [ODD, {}, {"num_beams": 4, "length_penalty": 2.0}, {"eos_token_id": [5, 6], "pad_token_id": 5}],
)
def test_settings_that_contradict_each_other_are_no_end(tmp_path: Path, settings: dict[str, Any]) -> None:
    tokenizer = tiny.tokenizer()
    _published(tmp_path, tokenizer, **settings)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    keep_stops(model, tokenizer)
    model.save_pretrained(tmp_path / "again")
    kept = GenerationConfig.from_pretrained(tmp_path / "again")
    ends = kept.eos_token_id if isinstance(kept.eos_token_id, list) else [kept.eos_token_id]
    assert ends[0] == tokenizer.eos_token_id
    assert set(settings.get("eos_token_id", [])) <= set(ends)
    assert kept.pad_token_id == settings.get("pad_token_id", kept.pad_token_id)
