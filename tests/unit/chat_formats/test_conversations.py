"""Whatever is said and called, in every chat format a conversation is written turn after turn: what stands
there stays, and an assistant's turn follows the prompt and ends with the end of a turn."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from factory.chat_formats.format import ChatFormat
from factory.chat_formats.formats import FORMATS
from factory.errors import FactoryError
from tests.support.tiny_formats import OWN, base_folder

NAMES = [name for name, one in FORMATS.items() if one.template]
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("look_up", "wait")
]
# What a JSON reader or a template could trip over, beside letters.
SIGNS = [
    "\n",
    " ",
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    "<",
    ">",
    "|",
    "{{",
    "%}",
    "é",
    "你好",
    "🎉",
    "é",
]
TEXTS = st.lists(st.sampled_from([*SIGNS, "word", "7"]), min_size=1, max_size=8).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ARGUMENTS = st.dictionaries(TEXTS, VALUES, max_size=3)
CALLS = st.builds(
    lambda name, arguments: {"name": name, "arguments": arguments},
    st.sampled_from(["look_up", "wait"]),
    ARGUMENTS,
)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw messages: a system's or none, questions, calls (several, in steps) with results, answers."""
    text = TEXTS.filter(str.strip)
    messages = [{"role": "system", "content": draw(text)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(text)})
        for step in range(draw(st.integers(0, 2))):
            calls = draw(st.lists(CALLS, min_size=1, max_size=3))
            ids = [f"{len(messages)}-{step}-{number}" for number in range(len(calls))]
            messages.append(_turn(calls, ids, as_text=draw(st.booleans())))
            messages += [
                {"role": "tool", "tool_call_id": one, "content": draw(text)}
                for one in draw(st.permutations(ids))
            ]
        messages.append({"role": "assistant", "content": draw(text).strip()})
    return messages


def _turn(calls: list[dict[str, Any]], ids: list[str], *, as_text: bool) -> dict[str, Any]:
    made = []
    for one, number in zip(calls, ids, strict=True):
        arguments = json.dumps(one["arguments"]) if as_text else one["arguments"]
        function = {"name": one["name"], "arguments": arguments}
        made.append({"id": number, "type": "function", "function": function})
    return {"role": "assistant", "content": None, "tool_calls": made}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ChatFormat]:
    """The formats of bases' own templates, by what they are called."""
    made = {}
    for name, (template, marks) in OWN.items():
        folder = base_folder(tmp_path_factory.mktemp(name), marks, template)
        made[name] = FORMATS["own"].for_model(folder)
    return made


def _require_turns(chat_format: ChatFormat, messages: list[dict[str, Any]], *, show_tools: bool) -> None:
    """Assert what a builder of token rows needs of every assistant's turn."""
    whole = chat_format.render(messages, TOOLS, show_tools=show_tools)
    end = chat_format.turn_end + chat_format.after_turn
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        prompt = chat_format.render(messages[:place], TOOLS, show_tools=show_tools, generate=True)
        told = chat_format.render(messages[: place + 1], TOOLS, show_tools=show_tools)
        assert whole.startswith(told) and told.startswith(prompt) and told.endswith(end)
        turn = told[len(prompt) : len(told) - len(end)]
        calls = [
            {
                "name": one["function"]["name"],
                "arguments": json.loads(arguments)
                if isinstance(arguments := one["function"]["arguments"], str)
                else arguments,
            }
            for one in message.get("tool_calls", ())
        ]
        if not calls:
            assert turn == message["content"]
            continue
        assert chat_format.has_call(turn)
        assert chat_format.read_calls(turn, json.loads) == calls
        found = 0
        for one in calls:
            shown = chat_format.shown_call(one)
            assert shown in turn[found:]
            found += turn[found:].index(shown) + len(shown)
        assert turn.startswith("".join(chat_format.write_call(calls[0])))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(messages=conversations(), show_tools=st.booleans())
def test_a_turn_follows_its_prompt_in_every_format(
    name: str, messages: list[dict[str, Any]], show_tools: bool
) -> None:
    _require_turns(FORMATS[name], messages, show_tools=show_tools)


@pytest.mark.parametrize("name", OWN)
@settings(max_examples=50, suppress_health_check=[HealthCheck.filter_too_much])
@given(messages=conversations())
def test_a_turn_follows_its_prompt_in_a_bases_own_template(
    own: dict[str, ChatFormat], name: str, messages: list[dict[str, Any]]
) -> None:
    chat_format = own[name]
    messages = [one for one in messages if one["role"] in chat_format.roles]
    if chat_format.no_calls:
        messages = [one for one in messages if not one.get("tool_calls")]
    try:
        chat_format.render(messages)
    except FactoryError:
        # One call a turn.
        assume(False)
    _require_turns(chat_format, messages, show_tools=False)
