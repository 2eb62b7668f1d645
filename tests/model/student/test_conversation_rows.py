"""Conversations of any shape as token rows: the rendering token by token in each chat format, the loss on the
assistant's turns alone, and the teacher's own tokens wherever they spell a turn."""

import json
from typing import Any

import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import FORMATS
from factory.tasks.conversation import Conversation, Origin
from factory.tasks.rows import IGNORED, RowBuilder, TrainingRow
from factory.tasks.tool_call.taskset import path_messages

TOOLS = [
    {
        "type": "function",
        "function": {"name": "calculator", "description": "Counts.", "parameters": {"type": "object"}},
    }
]
SYSTEM = {"role": "system", "content": "Answer briefly."}


def _call(*expressions: str) -> list[dict[str, Any]]:
    return [{"name": "calculator", "arguments": {"expression": one}} for one in expressions]


def _said(*texts: str) -> list[dict[str, Any]]:
    roles = ["user", "assistant"] * len(texts)
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]


# The conversations of issue 19, line 2.
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "one answer": _said("How are you?", "Fine."),
    "a system prompt": [SYSTEM, *_said("How are you?", "Fine.")],
    "several turns": [SYSTEM, *_said("Hello.", "Hello!", "And now?", "Now we count.", "Bye.", "Bye!")],
    "a call": path_messages("12 times 7?", [_call("12 * 7")], [["84"]], "It is 84."),
    "parallel calls": path_messages("1+1 and 2+2?", [_call("1 + 1", "2 + 2")], [["2", "4"]], "2 and 4."),
    "calls in steps": path_messages("(1+2)*3?", [_call("1 + 2"), _call("3 * 3")], [["3"], ["9"]], "It is 9."),
    "none": path_messages("Who are you?", [], [], "An assistant."),
    "empty arguments": path_messages("Now?", [[{"name": "calculator", "arguments": {}}]], [["5"]], "5."),
    "Chinese": path_messages("十二乘七？", [_call("12 * 7")], [["84"]], "等于八十四。"),
    "emoji": _said("👩‍👩‍👧 or 🧮?", "🧮, of course."),
    "special tokens in the user's text": _said("What does </s><|endoftext|> do?", "It ends a text."),
    "a call, then words": [
        *path_messages("12 times 7?", [_call("12 * 7")], [["84"]], "It is 84."),
        *_said("Thank you.", "You are welcome."),
    ],
}


def _tokenizer(chat_format: ChatFormat) -> Any:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "l"), ("Ġ", "i"), ("}", "Ċ"), ("e", "r")]
    vocab = {letter: place for place, letter in enumerate([*letters, *("".join(pair) for pair in merges)])}
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    marks = dict.fromkeys([*chat_format.needed_tokens, chat_format.turn_end])
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in marks])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=chat_format.turn_end)
    chat_format.set_template(tokenizer, show_tools=True)
    return tokenizer


# That of a model's own has no template before there is a model: see test_own.py.
@pytest.fixture(scope="module", params=[name for name, one in FORMATS.items() if one.template])
def speaks(request: pytest.FixtureRequest) -> tuple[ChatFormat, Any]:
    return FORMATS[request.param], _tokenizer(FORMATS[request.param])


def _row(speaks: tuple[ChatFormat, Any], messages: list[dict[str, Any]], **origin: Any) -> TrainingRow:
    chat_format, tokenizer = speaks
    turns = sum(message["role"] == "assistant" for message in messages)
    conversation = Conversation(messages, TOOLS, (Origin(**origin),) * turns)
    return _built(speaks, conversation, {})


def _built(
    speaks: tuple[ChatFormat, Any], conversation: Conversation, answers: dict[str, Any]
) -> TrainingRow:
    chat_format, tokenizer = speaks
    builder = RowBuilder(chat_format, tokenizer, tokenizer, True, len(tokenizer))
    return builder.row(conversation, answers, lambda message, text: text, sample_id="b2:1")


def _require_rendering(speaks: tuple[ChatFormat, Any], messages: list[dict[str, Any]]) -> None:
    chat_format, tokenizer = speaks
    row = _row(speaks, messages)
    rendered = chat_format.render(messages, TOOLS, tokenizer=tokenizer).removesuffix(chat_format.after_turn)
    assert row.input_ids == tokenizer.encode(rendered, add_special_tokens=False)
    assert all(label in (IGNORED, token) for token, label in zip(row.input_ids, row.labels, strict=True))
    # Between two turns something is not learnt, so each run of labels is one turn with its end.
    learnt, turns = [""], []
    for token, label in zip(row.input_ids, row.labels, strict=True):
        if label == IGNORED and learnt[-1]:
            learnt.append("")
        elif label != IGNORED:
            learnt[-1] += f" {token}"
    for message in (one for one in messages if one["role"] == "assistant"):
        turns.append(message["content"] or message["tool_calls"][0]["function"]["name"])
    assert len([run for run in learnt if run]) == len(turns)
    for run, words in zip(learnt, turns, strict=False):
        text = tokenizer.decode([int(token) for token in run.split()])
        assert words in text and text.endswith(chat_format.turn_end)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_row_is_the_rendering_and_the_assistants_turns_are_learnt(
    speaks: tuple[ChatFormat, Any], name: str
) -> None:
    _require_rendering(speaks, CONVERSATIONS[name])


_TEXT = st.text(st.sampled_from("abz 1.,!?\n{}[]\"'中é🧮"), min_size=1, max_size=12).map(
    lambda text: f"x{text}x"
)


@st.composite
def _conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    messages = [{"role": "system", "content": draw(_TEXT)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.lists(st.lists(_TEXT, min_size=1, max_size=2), max_size=2))
        calls = [_call(*step) for step in steps]
        results = [[draw(_TEXT) for _ in step] for step in steps]
        messages += path_messages(draw(_TEXT), calls, results, draw(_TEXT))
    return messages


@given(st.data())
def test_random_conversations_are_the_rendering(speaks: tuple[ChatFormat, Any], data: st.DataObject) -> None:
    _require_rendering(speaks, data.draw(_conversations()))


def test_a_turn_that_is_not_learnt_is_seen(speaks: tuple[ChatFormat, Any]) -> None:
    messages = CONVERSATIONS["several turns"]
    origins = (Origin(learnt=False), Origin(), Origin(learnt=False))
    row, whole = _built(speaks, Conversation(messages, TOOLS, origins), {}), _row(speaks, messages)
    _, tokenizer = speaks
    learnt = tokenizer.decode([label for label in row.labels if label != IGNORED])
    assert "Now we count." in learnt and "Hello!" not in learnt and "Bye!" not in learnt
    assert row.input_ids == whole.input_ids[: len(row.input_ids)]


def _answer(tokenizer: Any, text: str, *asked: str) -> dict[str, Any]:
    # Another way to cut the same text into tokens than the tokenizer's own: letter by letter.
    ids = [token for letter in text for token in tokenizer.encode(letter, add_special_tokens=False)]
    roles = ["user", "assistant"] * len(asked)
    messages = [{"role": role, "content": turn} for role, turn in zip(roles, asked, strict=False)]
    return {
        "messages": json.dumps(messages),
        "text": text,
        "token_ids": ids,
        "token_logprobs": [-0.5] * len(ids),
        "topk_ids": [[one, (one + 1) % 200] for one in ids],
        "topk_logprobs": [[-0.5, -1.5]] * len(ids),
    }


@pytest.fixture(scope="module")
def hermes() -> tuple[ChatFormat, Any]:
    return FORMATS["hermes"], _tokenizer(FORMATS["hermes"])


def test_each_step_of_calls_keeps_the_teachers_own_tokens(hermes: tuple[ChatFormat, Any]) -> None:
    _, tokenizer = hermes
    steps = [_call("1 + 2", "5 * 5"), _call("3 * 3")]
    first, second = (json.dumps(step) for step in steps)
    messages = path_messages("How?", steps, [["3", "25"], ["9"]], "It is 9.")
    answers = {
        "a": _answer(tokenizer, first, "How?"),
        "b": _answer(tokenizer, second, "How?", first, 'Results: ["3", "25"]'),
    }
    origins = (Origin("teacher", "a"), Origin("teacher", "b"), Origin("template"))
    row = _built(hermes, Conversation(messages, TOOLS, origins), answers)
    assert [span.fault for span in row.spans] == ["", "", ""]
    calls = [json.dumps(call) for step in steps for call in step]
    for span, call in zip(row.spans, calls, strict=True):
        ids = row.input_ids[span.start : span.start + span.length]
        assert tokenizer.decode(ids) == call
        assert [likeliest[0] for likeliest in span.topk_ids] == ids == span.teacher_ids[-span.length :]
        assert row.labels[span.start : span.start + span.length] == ids
    assert len(row.spans[0].topk_ids) > len(tokenizer.encode(calls[0], add_special_tokens=False))
    # What the teacher had written of its list belongs to what it had before it.
    assert tokenizer.decode(row.spans[1].teacher_ids).endswith(first[:-1])
    assert row.calls == tuple((span.start, span.length) for span in row.spans)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"text": json.dumps(_call("1 + 9"))}, "edited"),
        ({"messages": json.dumps([{"role": "user", "content": "Another?"}])}, "edited"),
        ({"token_ids": None}, "no_logprobs"),
        ({"token_ids": [5, 6]}, "other_text"),
    ],
)
def test_a_step_that_is_not_the_teachers_is_learnt_as_it_was_accepted(
    hermes: tuple[ChatFormat, Any], changes: dict[str, Any], fault: str
) -> None:
    _, tokenizer = hermes
    step = _call("1 + 2")
    answer = _answer(tokenizer, json.dumps(step), "How?") | changes
    messages = path_messages("How?", [step], [["3"]], "It is 3.")
    origins = (Origin("teacher", "a"), Origin("template"))
    row = _built(hermes, Conversation(messages, TOOLS, origins), {"a": answer})
    assert row.fault == fault and row.spans[0].topk_ids == []
    assert json.dumps(step[0]) in tokenizer.decode([label for label in row.labels if label != IGNORED])
