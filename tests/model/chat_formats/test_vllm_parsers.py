"""vLLM's own parsers read the calls that each format writes, as the format reads them."""

import json
from typing import Any

import pytest

pytest.importorskip("vllm")

from hypothesis import given, settings

from factory.chat_formats.formats import FORMATS
from factory.chat_formats.own import READERS
from factory.inference.spelling import special_marks, spelled
from tests.support import tiny_formats
from tests.unit.chat_formats.test_conversations import _turn, conversations

TOKENIZERS: dict[str, Any] = {
    "hermes": lambda: tiny_formats.tokenizer(tiny_formats.CHATML, "<|im_end|>"),
    "gemma": lambda: tiny_formats.tokenizer(tiny_formats.GEMMA, "<eos>"),
    "llama3": tiny_formats.llama_like,
    "mistral": tiny_formats.mistral_like,
}
ASKED = {"role": "user", "content": "?"}
CALLS = [
    {"name": "wait", "arguments": {}},
    {"name": "look_up", "arguments": {"word": "风 🎐", "deep": {"list": [1, None, {"a": '}; {"name"'}]}}},
    {"name": "look_up", "arguments": {"word": 'a [TOOL] </x> ; \\ " \n'}},
]


def _parser(name: str, tokenizer: Any) -> Any:
    from vllm.tool_parsers import ToolParserManager

    return ToolParserManager.get_tool_parser(FORMATS[name].parser)(tokenizer)


def _request() -> Any:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

    tools = [{"type": "function", "function": {"name": one, "parameters": {}}} for one in ("wait", "look_up")]
    return ChatCompletionRequest(messages=[ASKED], model="m", tools=tools)


def _read(calls: Any) -> list[dict[str, Any]]:
    return [{"name": one.function.name, "arguments": json.loads(one.function.arguments)} for one in calls]


def _written(name: str, calls: list[dict[str, Any]]) -> str:
    """Return the turn of these calls without its end."""
    chat_format, ids = FORMATS[name], [str(place) for place in range(len(calls))]
    whole = chat_format.render([ASKED, _turn(calls, ids, as_text=True)])
    prompt = chat_format.render([ASKED], generate=True)
    return whole.removeprefix(prompt).removesuffix(chat_format.turn_end + chat_format.after_turn)


@pytest.mark.parametrize(
    "calls", [CALLS[:1], CALLS[1:2], CALLS, CALLS[::-1]], ids=["none", "one", "all", "back"]
)
@pytest.mark.parametrize("name", TOKENIZERS)
def test_vllm_reads_what_a_format_writes(name: str, calls: list[dict[str, Any]]) -> None:
    text = _written(name, calls)
    told = _parser(name, TOKENIZERS[name]()).extract_tool_calls(text, _request())
    assert told.tools_called and _read(told.tool_calls) == calls
    assert FORMATS[name].read_calls(text, json.loads) == calls


@pytest.mark.parametrize("name", TOKENIZERS)
def test_vllm_reads_it_as_it_is_streamed(name: str) -> None:
    tokenizer, chat_format = TOKENIZERS[name](), FORMATS[name]
    parser, request = _parser(name, tokenizer), _request()
    ids = tokenizer.encode(_written(name, CALLS[1:]), add_special_tokens=False)
    found: dict[int, list[str]] = {}
    for end in range(1, len(ids) + 1):
        before, text = (tokenizer.decode(ids[:upto]) for upto in (end - 1, end))
        if text.endswith("\ufffd"):
            continue
        start = max(place for place in range(end) if not tokenizer.decode(ids[:place]).endswith("\ufffd"))
        before = tokenizer.decode(ids[:start])
        delta = parser.extract_tool_calls_streaming(
            before, text, text[len(before) :], ids[:start], ids[:end], ids[start:end], request
        )
        assert delta is None or not (delta.content or "").strip()
        for one in delta.tool_calls if delta is not None else ():
            name_and_arguments = found.setdefault(one.index, ["", ""])
            name_and_arguments[0] += one.function.name or ""
            name_and_arguments[1] += one.function.arguments or ""
    assert [{"name": one, "arguments": json.loads(text)} for one, text in found.values()] == CALLS[1:]
    assert chat_format.parser


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=30)
@given(messages=conversations())
def test_vllm_reads_any_turn_of_calls(name: str, messages: list[dict[str, Any]]) -> None:
    parser, request = _parser(name, TOKENIZERS[name]()), _request()
    for message in messages:
        if not message.get("tool_calls"):
            continue
        whole = FORMATS[name].render([ASKED, message])
        end = FORMATS[name].turn_end + FORMATS[name].after_turn
        text = whole.removeprefix(FORMATS[name].render([ASKED], generate=True)).removesuffix(end)
        told = parser.extract_tool_calls(text, request)
        assert _read(told.tool_calls) == FORMATS[name].read_calls(text, json.loads)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_parser_does_not_start_without_its_tokens(name: str) -> None:
    bare = tiny_formats.tokenizer(["<eos>"], "<eos>")
    if FORMATS[name].parser_needs:
        with pytest.raises(RuntimeError):
            _parser(name, bare)
    else:
        _parser(name, bare)


def test_every_parser_is_one_of_vllms() -> None:
    from vllm.tool_parsers import ToolParserManager

    for one in {*READERS, *(one for one in FORMATS.values() if one.parser)}:
        assert ToolParserManager.get_tool_parser(one.parser)


@pytest.mark.parametrize("words", [False, True], ids=["bytes", "words"])
def test_the_marks_of_a_call_stay_in_an_answers_text(words: bool) -> None:
    tokenizer = tiny_formats.mistral_like(words=words)
    kept = special_marks(tokenizer, FORMATS["mistral"].call_marks)
    text = _written("mistral", CALLS[:2])
    ids = tokenizer.encode(text + "</s>", add_special_tokens=False)
    assert FORMATS["mistral"].read_calls(spelled(tokenizer, ids, kept), json.loads) == CALLS[:2]
    assert "[TOOL_CALLS]" not in spelled(tokenizer, ids, frozenset())
    said = tokenizer.encode("It is 风.</s>", add_special_tokens=False)
    assert spelled(tokenizer, said, kept) == "It is 风."
