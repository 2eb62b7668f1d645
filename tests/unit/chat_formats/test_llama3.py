"""Llama 3's calls: bare JSON, so that only a text that is nothing else is one."""

import json

import pytest

from factory.chat_formats.llama3 import FORMAT
from factory.tasks.tool_call.call import CallFault, parse_written_call
from tests.support.calculator import CALCULATOR

CALL = {"name": "calculator", "arguments": {"expression": "12 * 7"}}
WRITTEN = FORMAT.shown_call(CALL)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (WRITTEN, 1),
        (f"\n {WRITTEN} \n", 1),
        (f"<|python_tag|>{WRITTEN}", 1),
        (f"{WRITTEN}; {WRITTEN}", 2),
        (f"{WRITTEN};\n{WRITTEN} ; {WRITTEN}", 3),
        (json.dumps({"type": "function", "name": "calculator", "parameters": CALL["arguments"]}), 1),
        (json.dumps(CALL), 1),
    ],
)
def test_calls_are_read_however_a_llama_writes_them(text: str, count: int) -> None:
    assert FORMAT.read_calls(text, json.loads) == [CALL] * count
    assert FORMAT.has_call(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "84",
        "<|python_tag|>",
        f"Sure! {WRITTEN}",
        f"{WRITTEN} as you see",
        f"{WRITTEN}{WRITTEN}",
        f"{WRITTEN}; ",
        f"{WRITTEN};; {WRITTEN}",
        f"[{WRITTEN}]",
        f"<tool_call>{WRITTEN}</tool_call>",
    ],
)
def test_what_is_more_or_less_than_calls_is_none(text: str) -> None:
    assert FORMAT.read_calls(text, json.loads) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "truncated_json"),
        ('{"name": "calculator", "parameters": {"expression": "1', "truncated_json"),
        ('{"name": "calculator", "parameters": {"expression": 1e999}}', "not_finite"),
        ('{"name": "calculator", "parameters": {"expression": "<|eot_id|>"}}', "control_token"),
        ('{"name": "calculator", "parameters": {}, "arguments": {}}', "wrong_shape"),
        ('{"a": ' * 5000, "too_large"),
        ('{"a": ' * 3000, "too_deep"),
        ("{}", "wrong_shape"),
    ],
    ids=lambda value: value[:50],
)
def test_json_that_is_no_call_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(CallFault) as caught:
        parse_written_call(text, CALCULATOR, FORMAT)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("It is {84}.", False),
        ("Write {name} there.", False),
        ('{"fields": ["a"]}', True),
        ('I call {"name": "calculator"', True),
        ('so: { "type":"function"', True),
    ],
)
def test_a_call_that_went_wrong_is_one_that_was_meant(text: str, meant: bool) -> None:
    assert FORMAT.has_call(text) is meant
