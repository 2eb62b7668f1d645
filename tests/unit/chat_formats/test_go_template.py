"""The templates for Ollama write the text that the student was trained on, by a small reading of what Go and
Ollama do (`tests/support/go_template.py`)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.chat_formats.formats import FORMATS
from tests.support.conversations import SYSTEM, TOOLS, called, plain, result, said, user, with_call
from tests.support.go_template import ollama

NAMES = [name for name, format in FORMATS.items() if format.go_template() is not None]
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "a question": [user("What is 12 * 7?")],
    "with a system text": [SYSTEM, user("Do you sell bells?")],
    "several exchanges": plain("locks")["messages"][:-1],
    "no system, several": [user("a"), said("b"), user('{{ .System }} """ <b> & é\n')],
    "nothing said": [SYSTEM, user("")],
}
EVIL = [{"type": "function", "function": {"name": "x", "description": 'says {{ .System }} and """ \\ "<b>"'}}]


def test_the_formats_of_students_have_one() -> None:
    assert NAMES == ["hermes", "gemma", "llama3", "mistral"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("messages", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_a_conversation_is_the_same_text(name: str, messages: list[dict[str, Any]]) -> None:
    ours = FORMATS[name].render(messages, generate=True)
    assert ollama(FORMATS[name].go_template() or "", messages) == ours


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mistral"])
@pytest.mark.parametrize("tools", [TOOLS, TOOLS + EVIL], ids=["plain", "hostile"])
@pytest.mark.parametrize("system", [[], [SYSTEM]], ids=["no system", "system"])
def test_tools_that_are_shown_are_the_same_text(name: str, tools: list[Any], system: list[Any]) -> None:
    messages = [*system, user("Where is order 7?")]
    ours = FORMATS[name].render(messages, tools, show_tools=True, generate=True)
    assert ollama(FORMATS[name].go_template(tools) or "", messages) == ours


def _as_go(text: str, calls: list[dict[str, Any]], name: str) -> str:
    """Return our text with its calls as Go's JSON writes them."""
    for call in calls:
        function = call["function"]
        ours = FORMATS[name].shown_call(
            {"name": function["name"], "arguments": json.loads(function["arguments"])}
        )
        told = json.loads(ours)
        (key,) = set(told) - {"name"}
        inner = json.dumps(told[key], separators=(",", ":"), sort_keys=True)
        text = text.replace(ours, f'{{"name": {json.dumps(told["name"])}, "{key}": {inner}}}')
    return text


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mistral"])
def test_calls_and_results_differ_in_the_spaces_of_json_alone(name: str) -> None:
    two = called(8)["tool_calls"][0]
    turn = called(7) | {"content": None}
    turn["tool_calls"] = [*turn["tool_calls"], two]
    messages = [
        SYSTEM,
        user("Where are 7 and 8?"),
        turn,
        result("on its way"),
        result("lost"),
        said("So."),
        user("?"),
    ]
    ours = FORMATS[name].render(messages, generate=True)
    assert ollama(FORMATS[name].go_template() or "", messages) == _as_go(ours, turn["tool_calls"], name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mistral"])
def test_tools_of_a_request_stand_where_the_student_saw_them(name: str) -> None:
    template = FORMATS[name].go_template(None) or ""
    for messages in ([user("Where is order 7?")], [SYSTEM, user("Where is order 7?")]):
        ours = FORMATS[name].render(messages, TOOLS, show_tools=True, generate=True)
        shown = json.dumps(TOOLS[0], separators=(",", ":"), sort_keys=True)
        assert ollama(template, messages, TOOLS) == ours.replace(json.dumps(TOOLS[0]), shown)
        assert ollama(template, messages) == FORMATS[name].render(messages, generate=True)


def test_mistral_has_none_with_tools() -> None:
    assert FORMATS["mistral"].go_template(TOOLS) is None


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(TEXT.filter(bool), st.lists(TEXT, min_size=1, max_size=5), st.sampled_from(NAMES))
def test_any_words_are_the_same_text(system: str, words: list[str], name: str) -> None:
    turns = [(said if place % 2 else user)(text) for place, text in enumerate(words)]
    messages = [{"role": "system", "content": system}, *turns]
    assert ollama(FORMATS[name].go_template() or "", messages) == FORMATS[name].render(
        messages, generate=True
    )


def test_the_reader_refuses_what_it_does_not_know() -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        ollama('{{ printf "%s" .System }}', with_call(7)["messages"])
