"""Calls by a server's own tools: what is sent, and that what comes back is the text that a grammar gives."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import FactoryError
from factory.inference import endpoint
from factory.inference.endpoint import Endpoint
from factory.inference.native_calls import native, written
from factory.inference.request import CallForm, Request, Sampling
from factory.tasks.tool_call.call import call_schema, calls_schema, parse_calls
from factory.tools.spec import ToolSpec
from tests.support.model_server import Server, completion, serving

ADD, NOW, FIND = (
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"What {name} does.",
            "parameters": {"type": "object", "properties": dict.fromkeys(names, {"type": "integer"})},
        },
    }
    for name, names in {"add": ["a", "b"], "now": [], "find": ["x"]}.items()
)
TOOLS = [ADD, NOW, FIND]
SPECS = [ToolSpec.model_validate(tool) for tool in TOOLS]
ONE, ONE_OR_NONE, LIST = CallForm(False, False), CallForm(False, True), CallForm(True, True)
SCHEMAS = {
    ONE: call_schema(SPECS),
    ONE_OR_NONE: call_schema(SPECS, or_none=True),
    LIST: calls_schema(SPECS),
}
Start = Callable[..., Server]


def request(schema: dict[str, Any] | None, *turns: tuple[str, str], key: str = "b2:" + 32 * "0") -> Request:
    messages = [{"role": role, "content": content} for role, content in turns]
    return Request(key, messages, Sampling(0.8, 0.9, 64, 20), schema)


def call(name: str | None, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}} | more


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(Server(**settings)))


def ask(server: Server, *asked: Request) -> list[str]:
    """Return the texts of a server's answers, in the order of the requests."""
    teacher = Endpoint(
        "tiny",
        (server.url,),
        api_key_env=None,
        concurrency=1,
        timeout_s=60.0,
        say=lambda _: None,
        tools=TOOLS,
    )
    answers = {answer.key: answer for answer in teacher.answer(asked)}
    assert {answer.finish_reason for answer in answers.values()} == {"stop"}
    return [answers[one.key].text for one in asked]


def calling(*calls: dict[str, Any], end: str = "tool_calls") -> Callable[[dict[str, Any]], Any]:
    said = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    return lambda body: (200, completion(body, "", message=said, finish_reason=end))


@pytest.mark.parametrize(
    ("form", "choice"), [(ONE, "required"), (ONE_OR_NONE, "auto"), (LIST, "auto")], ids=str
)
def test_tools_are_sent_in_place_of_a_schema(start: Start, form: CallForm, choice: str) -> None:
    server = start(always=calling(call("add", '{"a": 1, "b": 2}')))
    question = request(
        SCHEMAS[form],
        ("system", "Write JSON."),
        ("user", "Add 1 and 2."),
        ("assistant", "[]"),
        ("user", "3?"),
    )
    (text,) = ask(server, question)
    (body,) = server.asked
    assert (body["tools"], body["tool_choice"]) == (TOOLS, choice)
    assert "response_format" not in body and body.get("parallel_tool_calls", True) is form.several
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    one = {"name": "add", "arguments": {"a": 1, "b": 2}}
    assert json.loads(text) == ([one] if form.several else one)


def test_calls_and_results_of_earlier_turns_come_in_their_own_form() -> None:
    two = json.dumps([{"name": "add", "arguments": {"a": 1, "b": 2}}, {"name": "now", "arguments": {}}])
    turns = [
        ("user", "Add, and tell the time."),
        ("assistant", two),
        ("user", 'Results: ["3", "noon"]'),
        ("assistant", "[]"),
        ("user", "Once more."),
        ("assistant", '{"name": "now", "arguments": {}}'),
        ("user", "And then?"),
    ]
    put = native(request(SCHEMAS[LIST], *turns), TOOLS).messages
    assert [turn["role"] for turn in put] == [
        *("user", "assistant", "tool", "tool", "assistant", "user", "assistant", "tool", "user")
    ]
    names = [called["id"] for turn in put for called in turn.get("tool_calls", [])]
    assert names == [turn["tool_call_id"] for turn in put if turn["role"] == "tool"]
    assert len(set(names)) == 3
    assert [turn["content"] for turn in put if turn["role"] == "tool"] == ["3", "noon", "OK"]
    assert put[-1] == {"role": "user", "content": "And then?"}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "object", "properties": {"score": {"type": "integer"}}},
        {"type": "object", "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}}},
        call_schema(
            [SPECS[0].model_copy(update={"function": SPECS[0].function.model_copy(update={"name": "x"})})]
        ),
        {"type": "array", "items": {"type": "string"}},
    ],
)
def test_what_asks_for_no_call_of_these_tools_stays_as_it_is(schema: dict[str, Any] | None) -> None:
    asked = request(schema, ("system", "Judge."), ("user", "Well?"))
    assert native(asked, TOOLS) is asked


@pytest.mark.parametrize(
    ("form", "calls", "said", "text"),
    [
        (ONE, [call("add", '{"a": 1}')], "", '{"name": "add", "arguments": {"a": 1}}'),
        (ONE, [call("add", {"a": 1})], "Gladly.", '{"name": "add", "arguments": {"a": 1}}'),
        (ONE, [call("now", "")], "", '{"name": "now", "arguments": {}}'),
        (ONE, [call("now", None)], "", '{"name": "now", "arguments": {}}'),
        (LIST, [call("now", "{}"), call("find", '{"x": 2}')], "", None),
        (LIST, [], "There is nothing to do.", "[]"),
        (LIST, None, "", "[]"),
        (ONE_OR_NONE, [], "I know that.", "null"),
        (ONE_OR_NONE, None, ' {"name": "now", "arguments": {}}', ' {"name": "now", "arguments": {}}'),
        (ONE, None, "Seven.", "Seven."),
        (ONE, [call("add", '{"a": 1')], "", '{"a": 1'),
        (ONE, [call("add", '{"a": 1, "a": 2}')], "", '{"a": 1, "a": 2}'),
    ],
)
def test_what_a_server_calls_is_read_as_text(form: CallForm, calls: Any, said: str, text: str | None) -> None:
    found = written(calls, said, form)
    if text is None:
        both = [{"name": "now", "arguments": {}}, {"name": "find", "arguments": {"x": 2}}]
        assert parse_calls(found, SPECS) == both
    else:
        assert found == text


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["function", "name", "arguments"]), inner)
        ),
    ),
    st.text(max_size=20),
    st.sampled_from(list(SCHEMAS)),
)
def test_whatever_is_called_becomes_a_text(called: Any, said: str, form: CallForm) -> None:
    assert isinstance(written(called, said, form), str)


@pytest.mark.parametrize("end", ["tool_calls", "function_call", "stop", "tool_use"])
def test_an_end_with_a_call_is_an_end(start: Start, end: str) -> None:
    assert ask(start(always=calling(call("now", "{}"), end=end)), request(SCHEMAS[ONE], ("user", "?"))) == [
        '{"name": "now", "arguments": {}}'
    ]


@pytest.mark.parametrize("name", ["parallel_tool_calls", "tool_choice", "seed"])
def test_what_is_refused_beside_the_tools_is_left_out(start: Start, name: str) -> None:
    def reply(body: dict[str, Any]) -> Any:
        if name in body:
            return 400, {"error": {"message": f"Unsupported parameter: {name}"}}
        return calling(call("now", "{}"))(body)

    server = start(always=reply)
    assert ask(server, request(SCHEMAS[ONE], ("user", "?"))) == ['{"name": "now", "arguments": {}}']
    assert server.asked[-1]["tools"] == TOOLS


def test_a_server_without_tool_calling_says_so_before_the_second_question(start: Start) -> None:
    said = "tools are not supported by this model"
    server = start(always=lambda _: (400, {"error": {"message": said}}))
    with pytest.raises(FactoryError, match=said):
        ask(server, *(request(SCHEMAS[ONE], ("user", "?"), key=f"b2:{n:032x}") for n in range(5)))
    assert all("tools" in body for body in server.asked)
