"""What a server refuses is replaced or left out, told once, and changes no key."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from factory.errors import FactoryError
from factory.inference import endpoint
from factory.inference.address import address
from factory.inference.complaint import Complaint
from factory.inference.dialect import Dialect
from factory.inference.endpoint import Endpoint
from factory.inference.request import Request, Sampling
from tests.support.model_server import Server, completion, serving

Start = Callable[..., Server]
CALL = {"type": "array", "items": {"type": "object"}}
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(Server(**settings)))


def ask(
    server: Server, count: int, schema: dict[str, Any] | None = None, **more: Any
) -> tuple[Any, list[str]]:
    """Return the answers of a server, and the notes."""
    notes: list[str] = []
    settings = {"api_key_env": None, "concurrency": 8, "timeout_s": 60.0, "say": notes.append}
    teacher = Endpoint("tiny", (server.url,), **settings | more)
    asked = (
        Request(f"b2:{n:032x}", [{"role": "user", "content": str(n)}], Sampling(0.8, 0.9, 64, 20), schema)
        for n in range(count)
    )
    return list(teacher.answer(asked)), notes


def refusing(*names: str, said: str = "Unsupported parameter: '{}'.") -> Callable[[dict[str, Any]], Any]:
    """Refuse parameters, one at a time, and answer all else."""

    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        found = [name for name in names if name in body]
        if found:
            return 400, {"error": {"message": said.format(found[0])}}
        return 200, completion(body, '{"a": 1}')

    return reply


@pytest.mark.parametrize(
    "said",
    [
        "Unsupported parameter: '{}'.",
        "Extra inputs are not permitted: {}",
        "unknown field `{}`",
        'Unknown name "{}": Cannot find field.',
        "Unrecognized request argument supplied: {}",
    ],
)
@pytest.mark.parametrize("name", ["seed", "top_p", "temperature", "logprobs", "response_format"])
def test_a_parameter_that_is_refused_is_left_out_and_told_once(start: Start, name: str, said: str) -> None:
    server = start(always=refusing(name, said=said))
    answers, notes = ask(server, 12, OBJECT)
    assert {answer.error for answer in answers} == {None}
    assert len([note for note in notes if name in note]) <= 2 and any(name in note for note in notes)
    assert all(name not in body for body in server.asked[-11:])
    assert len(server.asked) <= 12 + 2, "only the first request finds it out"


def test_several_are_found_out_one_after_the_other(start: Start) -> None:
    names = (
        "return_token_ids",
        "top_logprobs",
        "seed",
        "top_p",
        "temperature",
        "max_tokens",
        "response_format",
    )
    server = start(owner="somebody", always=refusing(*names))
    answers, notes = ask(server, 5, OBJECT)
    assert {answer.error for answer in answers} == {None}
    assert set(server.asked[-1]) == {"model", "messages", "max_completion_tokens"}
    assert len(notes) == len(set(notes)) == 7
    assert not any("return_token_ids" in note for note in notes), "nobody asked for it"


@pytest.mark.parametrize(
    "said",
    [
        "Requested sample logprobs of 20, which is greater than max allowed: 5",
        "Input validation error: `top_logprobs` must be >= 0 and <= 5. Given: 20",
        "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 5, but got 20 instead.",
        "top_logprobs must be between 0 and 5",
    ],
)
def test_fewer_logprobs_are_asked_for_where_the_server_has_a_limit(start: Start, said: str) -> None:
    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        most = body.get("top_logprobs", 0)
        return (400, {"error": {"message": said}}) if most > 5 else (200, completion(body, "yes"))

    server = start(always=reply)
    answers, notes = ask(server, 3)
    assert [body["top_logprobs"] for body in server.asked] == [20, 5, 5, 5]
    assert all(answer.topk_logprobs for answer in answers)
    assert len(notes) == 1 and "at most 5" in notes[0]


@pytest.mark.parametrize("said", ["logprobs is not supported with gpt-5", "No logprobs for model o3-mini"])
def test_a_number_in_a_models_name_is_no_limit(start: Start, said: str) -> None:
    server = start(always=refusing("logprobs", said=said))
    ask(server, 2)
    assert all("top_logprobs" not in body for body in server.asked[1:])


@pytest.mark.parametrize(
    ("schema", "formats"),
    [
        (OBJECT, ["json_schema", "json_object", None]),
        (CALL, ["json_schema", "json_schema", None]),
        ({"anyOf": [OBJECT, {"type": "null"}]}, ["json_schema", "json_schema", None]),
    ],
)
def test_the_strictest_form_that_a_server_takes_is_asked_for(
    start: Start, schema: dict[str, Any], formats: list[str | None]
) -> None:
    server = start(always=refusing("response_format"))
    ask(server, 2, schema)
    sent = [body.get("response_format", {}).get("type") for body in server.asked]
    assert sent == [*formats, None]
    if schema is not OBJECT:
        second = server.asked[1]["response_format"]["json_schema"]["schema"]
        assert (second["type"], second["properties"]) == ("object", {"answer": schema})


@pytest.mark.parametrize(
    "said",
    [
        "max_tokens is too large: 64. This model supports at most 32 completion tokens",
        "This model's maximum context length is 128 tokens",
        "'max_tokens' or 'max_completion_tokens' is too large: 64. This model's maximum context length is 32",
        "System role not supported",
        "frobnicate is required",
    ],
)
def test_what_cannot_be_mended_is_said_before_the_second_question(start: Start, said: str) -> None:
    server = start(always=lambda _: (400, {"error": {"message": said}}))
    with pytest.raises(FactoryError, match=said.split(":")[0]):
        ask(server, 9)
    assert all("max_tokens" in body for body in server.asked)
    assert {body["messages"][0]["content"] for body in server.asked} == {"0", "Say yes."}


@pytest.mark.parametrize("name", ["enable_thinking", "chat_template_kwargs", "reasoning_effort"])
def test_what_a_person_sends_is_never_left_out(start: Start, name: str) -> None:
    server = start(always=refusing(name))
    with pytest.raises(FactoryError, match=f"Unsupported parameter: '{name}'"):
        ask(server, 9, extra_body={name: {"a": 1}})


def test_what_a_person_sends_is_sent_with_every_request(start: Start) -> None:
    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("enable_thinking") is not False:
            return 400, {"error": {"message": "non-streaming calls need enable_thinking=false"}}
        return 200, completion(body, "yes")

    answers, _ = ask(start(always=reply), 4, extra_body={"enable_thinking": False})
    assert {answer.text for answer in answers} == {"yes"}


@pytest.mark.parametrize(
    ("inside", "outcome"),
    [
        ({"error": {"code": 502, "message": "Provider returned error"}}, "http_502"),
        ({"error": {"code": 429, "message": "slow down"}}, "http_429"),
        ({"error": {"message": "overloaded"}}, "bad_answer"),
        ({"error": "overloaded", "choices": []}, "bad_answer"),
        (completion({"model": "tiny"}, "half", finish_reason="error"), "bad_answer"),
    ],
)
def test_an_error_inside_a_200_is_an_error(start: Start, inside: Any, outcome: str) -> None:
    (answer,), _ = ask(start(plan=[(200, inside)]), 1)
    assert [attempt.outcome for attempt in answer.attempts] == [outcome, "ok"]
    assert answer.text == "yes"


def test_a_refusal_inside_a_200_is_adapted_to(start: Start) -> None:
    refusal = {"error": {"code": 400, "message": "Unsupported parameter: seed"}}
    server = start(plan=[(200, refusal)])
    (answer,), _ = ask(server, 1)
    assert answer.error is None and "seed" not in server.asked[1]


@pytest.mark.parametrize("status", [400, 403])
def test_a_question_that_is_filtered_is_that_questions_fault(start: Start, status: int) -> None:
    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        if body["messages"][0]["content"] == "3":
            return status, {"error": {"message": "Your input was flagged", "code": status}}
        return 200, completion(body, "yes")

    answers, _ = ask(start(always=reply), 8)
    assert sorted(str(answer.error) for answer in answers) == ["None"] * 7 + [f"refused_{status}"]


def test_a_refusal_of_what_is_sent_no_more_changes_nothing() -> None:
    notes: list[str] = []
    dialect = Dialect({}, notes.append)
    request = Request("b2:0", [], Sampling(0.8, 0.9, 64))
    body = dialect.body(request, 64)
    for _ in range(5):
        assert dialect.adapt(Complaint("Unsupported: seed"), request, body, 64)
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("url", "base", "query"),
    [
        ("https://one/v1", "https://one/v1", {}),
        ("https://one/v1/", "https://one/v1", {}),
        ("https://one/v1/chat/completions", "https://one/v1", {}),
        ("https://one/v1beta/openai/", "https://one/v1beta/openai", {}),
        ("https://one/api/paas/v4", "https://one/api/paas/v4", {}),
        ("http://one:8000", "http://one:8000", {}),
        (
            "https://me/openai/deployments/x/chat/completions?api-version=2024-10-21",
            "https://me/openai/deployments/x",
            {"api-version": "2024-10-21"},
        ),
    ],
)
def test_an_address_is_understood_in_whatever_form(url: str, base: str, query: dict[str, str]) -> None:
    found = address(url)
    assert (found.base, found.shown, found.query) == (base, base, query)
    assert found.is_azure is ("deployments" in url)
