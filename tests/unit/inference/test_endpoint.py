"""An endpoint against a real server on this machine: what is asked, what comes back, and what happens when
things go wrong."""

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from factory.errors import FactoryError
from factory.inference import endpoint, health
from factory.inference.endpoint import ATTEMPTS, REFUSED_IN_A_ROW, Endpoint
from factory.inference.health import IN_A_ROW
from factory.inference.request import Answer, Request, Sampling
from tests.support.model_server import Server, completion, serving

KEY = "sk-very-secret"
VARIABLE = "TINY_KEY"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "note", "description": "Notes.", "parameters": {"type": "object"}},
    }
]

Start = Callable[..., Server]


@pytest.fixture(autouse=True)
def _no_pauses_no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(health, "FIRST_REST", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(VARIABLE, KEY)


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(Server(**settings)))


def connect(
    *servers: Server, key: str | None = None, concurrency: int = 4, model: str = "tiny", **others: Any
) -> Endpoint:
    settings = {
        "api_key_env": key,
        "concurrency": concurrency,
        "timeout_s": 60.0,
        "say": lambda _: None,
        **others,
    }
    return Endpoint(model, tuple(server.url for server in servers), **settings)


def outcomes(answer: Answer) -> list[str]:
    return [attempt.outcome for attempt in answer.attempts]


@pytest.fixture
def long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rests does not come back within a test."""
    monkeypatch.setattr(health, "FIRST_REST", 3600.0)
    monkeypatch.setattr(health, "LONGEST_REST", 3600.0)


def request(number: int = 0, *, logprobs: int = 0) -> Request:
    return Request(
        f"b2:{number:032x}",
        [{"role": "user", "content": f"question {number}"}],
        Sampling(0.8, 0.9, 64, logprobs),
    )


def ask(teacher: Endpoint, count: int = 1, *, logprobs: int = 0) -> list[Answer]:
    answers = list(teacher.answer(request(number, logprobs=logprobs) for number in range(count)))
    assert sorted(answer.key for answer in answers) == [request(number).key for number in range(count)]
    return answers


def test_an_answer_of_vllm_has_token_ids_and_the_distribution(start: Start) -> None:
    server = start(text='{"a": 1}')
    (answer,) = connect(server).answer([request(7, logprobs=3)])
    assert (answer.key, answer.text, answer.finish_reason) == (request(7).key, '{"a": 1}', "stop")
    assert (answer.prompt_tokens, answer.completion_tokens, outcomes(answer), answer.error) == (
        11,
        2,
        ["ok"],
        None,
    )
    assert answer.token_ids == [120, 121]
    assert answer.token_logprobs == pytest.approx([-0.1, -0.2])
    assert answer.topk_ids == [[120, 121, 122]] * 2
    assert answer.topk_logprobs == [[-0.1, -0.2, pytest.approx(-0.3)]] * 2
    assert answer.seconds >= 0


def test_what_is_asked_of_vllm(start: Start) -> None:
    server = start()
    put = Request(
        "b2:8000000f" + "0" * 24,
        [{"role": "user", "content": "Hi"}],
        Sampling(0.8, 0.9, 64, 3),
        SCHEMA,
        TOOLS,
        ignore_eos=True,
    )
    list(connect(server).answer([put]))
    assert server.asked == [
        {
            "model": "tiny",
            "messages": put.messages,
            "temperature": 0.8,
            "top_p": 0.9,
            "max_tokens": 64,
            "seed": put.seed,
            "logprobs": True,
            "top_logprobs": 3,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
            "tools": TOOLS,
            "return_tokens_as_token_ids": True,
            "return_token_ids": True,
            "ignore_eos": True,
        }
    ]


def without_ids(body: dict[str, Any]) -> tuple[int, Any]:
    """Answer as a server that does not know how to spell tokens as ids, and does not mind."""
    known = {name: value for name, value in body.items() if not name.startswith("return_")}
    return 200, completion(known, "yes")


def test_other_servers_are_asked_once_for_what_only_vllm_knows(start: Start) -> None:
    server = start(owner="somebody", always=without_ids)
    answers = ask(connect(server, concurrency=1), 3, logprobs=2)
    known = {"model", "messages", "temperature", "top_p", "max_tokens", "seed", "logprobs", "top_logprobs"}
    assert set(server.asked[0]) == known | {"return_token_ids", "return_tokens_as_token_ids"}
    assert [set(body) for body in server.asked[1:]] == [known] * 2
    for answer in answers:
        assert (answer.token_ids, answer.topk_ids) == (None, None)
        assert answer.topk_logprobs == [[-0.1, -0.2]] * 2


def test_a_server_that_spells_tokens_as_ids_is_known_by_that_and_not_by_its_name(start: Start) -> None:
    server = start(owner="organization-owner")
    answers = ask(connect(server), 5, logprobs=3)
    assert [answer.topk_ids for answer in answers] == [[[120, 121, 122]] * 2] * 5
    assert all(body["return_token_ids"] for body in server.asked)


def test_where_no_logprobs_are_asked_for_nothing_is_looked_for(start: Start) -> None:
    server = start(owner="somebody")
    ask(connect(server))
    assert set(server.asked[0]) == {"model", "messages", "temperature", "top_p", "max_tokens", "seed"}


def test_without_logprobs_none_are_asked_for_and_none_come(start: Start) -> None:
    server = start()
    (answer,) = ask(connect(server))
    assert "logprobs" not in server.asked[0]
    assert (answer.token_logprobs, answer.topk_ids, answer.topk_logprobs) == (None, None, None)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_server_that_fails_for_a_while_is_asked_again(start: Start, status: int) -> None:
    server = start(plan=[(status, {"error": "later"})] * 2)
    (answer,) = ask(connect(server))
    assert (outcomes(answer), answer.error, answer.text) == ([f"http_{status}"] * 2 + ["ok"], None, "yes")
    assert {attempt.endpoint for attempt in answer.attempts} == {server.url}
    assert len(server.asked) == 3
    assert server.asked[0] == server.asked[2]


def with_choice(**choice: Any) -> bytes:
    return json.dumps(completion({"model": "tiny", "logprobs": True}, "no", **choice)).encode()


NONSENSE = {
    "a page": b"<html>proxy</html>",
    "nothing": b"",
    "cut off": b"{",
    "not UTF-8": b'{"choices": [{"message": {"content": "\xff"}}]}',
    "nested": b'{"choices": ' + b"[" * 100_000,
    "an empty object": b"{}",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"text"',
    "no choice": b'{"choices": []}',
    "an empty choice": b'{"choices": [{}]}',
    "a number for text": with_choice(message={"role": "assistant", "content": 5}),
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_server_that_talks_nonsense_is_asked_again(start: Start, body: bytes) -> None:
    (answer,) = ask(connect(start(plan=[(200, body)])))
    assert (outcomes(answer), answer.text) == (["bad_answer", "ok"], "yes")


def test_a_server_that_hangs_is_asked_again(start: Start) -> None:
    released = threading.Event()

    def hang() -> tuple[int, dict[str, str]]:
        released.wait(60)
        return 500, {}

    (answer,) = ask(connect(start(plan=[hang]), timeout_s=1.0))
    released.set()
    assert (outcomes(answer)[0], outcomes(answer)[-1], answer.text) == ("timeout", "ok", "yes")


def test_a_server_that_keeps_failing_stops_the_run(start: Start) -> None:
    server = start(plan=[(500, {"error": {"message": "out of memory"}})] * 50)
    with pytest.raises(FactoryError, match="no server answers.*out of memory") as caught:
        ask(connect(server))
    assert server.url in caught.value.message
    assert "again" in caught.value.hint
    assert len(server.asked) == ATTEMPTS


def test_a_server_that_dies_on_the_way_stops_the_run(start: Start) -> None:
    with serving(Server()) as server:
        teacher = connect(server)
    with pytest.raises(FactoryError, match="no server answers"):
        ask(teacher)


def only(poison: int, status: int) -> Callable[[dict[str, Any]], tuple[int, Any]]:
    """Fail at one question and answer all others."""

    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        is_it = body["messages"] == request(poison).messages
        return (status, {"error": "crash"}) if is_it else (200, completion(body, "yes"))

    return reply


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_request_that_nobody_can_answer_is_data_while_the_servers_answer_others(
    start: Start, concurrency: int
) -> None:
    one, other = start(always=only(3, 500)), start(always=only(3, 500))
    answers = {answer.key: answer for answer in ask(connect(one, other, concurrency=concurrency), 12)}
    poisoned = answers.pop(request(3).key)
    assert (poisoned.error, poisoned.text, poisoned.finish_reason) == ("failed_http_500", "", "error")
    assert outcomes(poisoned) == ["http_500"] * (ATTEMPTS + 1)
    assert {attempt.endpoint for attempt in poisoned.attempts} == {one.url, other.url}
    assert all(answer.error is None and answer.text == "yes" for answer in answers.values())


def test_servers_that_break_on_the_way_stop_the_run_and_no_request_is_blamed(start: Start) -> None:
    server = start(
        plan=[lambda: (200, completion({"model": "tiny"}, "yes"))] * 5
        + [(500, {"error": {"message": "out of memory"}})] * 50
    )
    answers = connect(server, concurrency=2).answer(request(number) for number in range(20))
    assert {next(answers).error for _ in range(5)} == {None}
    with pytest.raises(FactoryError, match="out of memory"):
        next(answers)


@pytest.mark.usefixtures("long_rests")
def test_a_dead_server_costs_a_few_attempts_and_no_more(start: Start) -> None:
    broken, sound, notes = start(plan=[(500, {})] * 500), start(), list[str]()
    answers = ask(connect(broken, sound, concurrency=1, say=notes.append), 40)
    assert len(broken.asked) == IN_A_ROW
    assert sorted(map(outcomes, answers)) == [["http_500", "ok"]] * IN_A_ROW + [["ok"]] * (40 - IN_A_ROW)
    assert len(notes) == 1 and broken.url in notes[0] and "is paused" in notes[0]


def test_a_server_that_is_well_again_is_asked_again(start: Start) -> None:
    ill, sound, notes = start(plan=[(500, {})] * 5), start(), list[str]()
    answers = ask(connect(ill, sound, concurrency=1, say=notes.append), 40)
    assert (
        sum(outcomes(answer) == ["ok"] and answer.attempts[0].endpoint == ill.url for answer in answers) > 10
    )
    assert ["is paused" in notes[0], "answers again" in notes[1]] == [True, True]


@pytest.mark.usefixtures("long_rests")
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_a_rest_gets_it_at_once(start: Start, status: int) -> None:
    busy, idle = start(plan=[(status, {})] * 500, headers_sent={"Retry-After": "120"}), start()
    answers = ask(connect(busy, idle, concurrency=1), 9)
    assert len(busy.asked) == 1
    assert sorted(map(outcomes, answers)) == [[f"http_{status}", "ok"]] + [["ok"]] * 8


def test_a_full_server_is_no_fault_of_a_request(start: Start) -> None:
    replies: list[Any] = [(200, completion({"model": "tiny"}, "yes"))]
    for _ in range(4):
        replies += [(429, {})] * 4 + [(200, completion({"model": "tiny"}, "yes"))]
    answers = ask(connect(start(plan=replies), concurrency=2), 9)
    assert {answer.error for answer in answers} == {None}
    assert sum(len(answer.attempts) for answer in answers) == 9 + 4 * 4


def test_a_server_that_is_full_for_ever_stops_the_run(start: Start) -> None:
    with pytest.raises(FactoryError, match="no server answers"):
        ask(connect(start(plan=[(429, {})] * 500)), 8)


def test_one_server_that_is_down_at_the_start_is_gone_without(start: Start) -> None:
    with serving(Server()) as dead:
        pass
    sound, notes = start(), list[str]()
    answers = ask(connect(dead, sound, say=notes.append), 8)
    assert {answer.error for answer in answers} == {None}
    assert dead.url in notes[0] and "does not list its models" in notes[0]


def test_a_server_is_stored_without_user_and_query(start: Start) -> None:
    server = start()
    address = server.url.replace("http://", f"http://me:{KEY}@") + "?token=" + KEY
    settings: dict[str, Any] = {
        "api_key_env": None,
        "concurrency": 1,
        "timeout_s": 60.0,
        "say": lambda _: None,
    }
    (answer,) = ask(Endpoint("tiny", (address,), **settings))
    assert [attempt.endpoint for attempt in answer.attempts] == [server.url]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_found_wrong_is_an_answer_with_an_error(start: Start, status: int) -> None:
    server = start(plan=[(status, {"error": {"message": "too long"}})])
    first, second = sorted(ask(connect(server, concurrency=1), 2), key=lambda answer: answer.key)
    assert (first.error, first.text, first.finish_reason) == (f"refused_{status}", "", "error")
    assert outcomes(first) == [f"http_{status}"]
    assert (first.detail, second.error) == (f"HTTP {status}: too long", None)
    asked = [body["messages"][-1]["content"] for body in server.asked]
    assert asked == ["question 0", "Say yes.", "question 1"], "is it the question, or the server?"


@pytest.mark.parametrize("before", [0, 1, 6])
def test_a_server_that_refuses_everything_stops_the_run_with_its_sentence(start: Start, before: int) -> None:
    answered = [(200, completion({"model": "tiny"}, "yes"))] * before
    refuse = (400, {"error": {"message": "Unsupported parameter: frobnicate", "code": "unsupported"}})
    server = start(plan=answered, always=lambda _: refuse)
    answers: list[Answer] = []
    with pytest.raises(
        FactoryError, match="refuses every request: HTTP 400: Unsupported parameter"
    ) as caught:
        answers += connect(server, concurrency=1).answer(request(number) for number in range(100))
    assert server.url in caught.value.message and "same command" in caught.value.hint
    assert len(server.asked) == before + (REFUSED_IN_A_ROW if before else 1) + 1


def test_refusals_that_are_the_questions_fault_stop_nothing(start: Start) -> None:
    def reply(body: dict[str, Any]) -> tuple[int, Any]:
        if body["messages"][-1]["content"] == "Say yes.":
            return 200, completion(body, "yes")
        return 400, {"error": {"message": "The response was filtered", "code": "content_filter"}}

    answers = ask(connect(start(always=reply), concurrency=2), 20)
    assert {(answer.error, answer.detail) for answer in answers} == {
        ("refused_400", "HTTP 400: The response was filtered")
    }


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_any_other_refusal_stops_the_run_at_once(start: Start, status: int) -> None:
    server = start(plan=[(status, {"error": {"message": "no"}})] * 50)
    with pytest.raises(
        FactoryError, match="rejects the key" if status < 404 else "returned HTTP 4"
    ) as caught:
        ask(connect(server, concurrency=1), 9)
    assert str(status) in caught.value.message
    assert "teacher." in caught.value.hint
    assert len(server.asked) == 1


def test_answers_in_flight_come_before_the_failure(start: Start) -> None:
    met = threading.Barrier(3)

    def refuse() -> tuple[int, dict[str, str]]:
        met.wait(60)
        return 401, {}

    def agree() -> tuple[int, object]:
        met.wait(60)
        return 200, completion({"model": "tiny"}, "yes")

    first = (200, completion({"model": "tiny"}, "yes"))
    answers = connect(start(plan=[first, refuse, agree, agree]), concurrency=3).answer(
        request(number) for number in range(4)
    )
    next(answers)
    assert len({next(answers).key, next(answers).key}) == 2
    with pytest.raises(FactoryError, match="rejects the key"):
        next(answers)


def test_requests_are_drawn_as_room_becomes_free(start: Start) -> None:
    drawn: list[int] = []

    def endless() -> Iterator[Request]:
        while True:
            drawn.append(len(drawn))
            yield request(len(drawn))

    answers = connect(start(), concurrency=2).answer(endless())
    next(answers)
    assert len(drawn) <= 4
    answers.close()  # type: ignore[attr-defined]


def test_two_servers_share_the_work(start: Start) -> None:
    one, other = start(), start()
    assert len(ask(connect(one, other, concurrency=1), 8)) == 8
    assert (len(one.asked), len(other.asked)) == (4, 4)


def test_what_one_server_cannot_do_the_other_does(start: Start) -> None:
    broken, sound = start(plan=[(500, {})] * 50), start(owner="somebody")
    assert {outcomes(answer)[-1] for answer in ask(connect(broken, sound), 8)} == {"ok"}
    assert len(sound.asked) == 8
    assert not any("ignore_eos" in body for body in sound.asked)


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ((401, {"error": {"message": "bad key"}}), "rejects the key"),
        ((503, {"error": "loading"}), "does not list its models"),
        ((500, b"<html>a proxy</html>"), "does not list its models"),
        ((403, {"error": "no"}), "rejects the key"),
    ],
)
def test_a_server_that_is_none_is_found_out_before_the_first_question(
    start: Start, models: tuple[int, object], told: str
) -> None:
    server = start(models=models)
    with pytest.raises(FactoryError, match=told) as caught:
        connect(server)
    assert server.url in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ((404, b"<html>nothing here</html>"), "lists no models (HTTP 404: <html>nothing here</html>)"),
        ((405, {"detail": "Method Not Allowed"}), "lists no models (HTTP 405: Method Not Allowed)"),
        ((501, {}), "lists no models"),
        ((200, b"<html>a proxy</html>"), "lists no models"),
        ((200, b"{"), "lists no models"),
        ((200, b"{}"), "lists no models"),
        ((200, {"data": []}), "lists nothing, not tiny"),
        ((200, {"data": [{"id": "models/tiny"}]}), "lists models/tiny, not tiny"),
        (
            (200, {"data": [{"id": f"m{number}"} for number in range(300)] + [{"id": "tiny:latest"}]}),
            "lists tiny:latest and 300 more, not tiny",
        ),
    ],
)
def test_where_the_model_is_not_listed_the_first_request_decides(
    start: Start, models: tuple[int, object], told: str
) -> None:
    notes: list[str] = []
    servers = start(models=models), start(models=models)
    answers = ask(connect(*servers, say=notes.append), 4)
    assert {answer.text for answer in answers} == {"yes"}
    (note,) = notes
    assert told in note and servers[0].url in note and note.endswith("the first request decides")
    missing = (404, {"error": {"message": "The model `tiny` does not exist."}})
    with pytest.raises(FactoryError, match="returned HTTP 404: The model `tiny` does not exist") as caught:
        ask(connect(start(models=models, plan=[missing] * 9)), 3)
    assert "teacher.model" in caught.value.hint


def test_a_dead_server() -> None:
    with serving(Server()) as server:
        pass
    with pytest.raises(FactoryError, match="does not list its models") as caught:
        connect(server)
    assert server.url in caught.value.message


def test_the_key_is_sent_as_bearer_and_stays_inside(start: Start) -> None:
    server = start()
    teacher = connect(server, key=VARIABLE)
    answers = ask(teacher, 2)
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
    assert KEY not in repr(answers) + repr(teacher) + str(teacher) + repr(server.asked)


def test_without_a_key_the_users_own_is_not_sent(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = start()
    ask(connect(server))
    assert KEY not in repr(server.headers)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_into_the_error(start: Start, status: int) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}. Told you, {KEY}."}}
    with pytest.raises(FactoryError) as caught:
        connect(start(models=(status if status != 404 else 401, body)), key=VARIABLE)
    notes: list[str] = []
    connect(start(models=(404, body)), key=VARIABLE, say=notes.append)
    assert len(notes) == 1 and "Incorrect API key" in notes[0] and KEY not in notes[0]
    with pytest.raises(FactoryError) as later:
        ask(connect(start(plan=[(status, body)] * 50), key=VARIABLE))
    for error in (caught.value, later.value):
        assert "Incorrect API key" in error.message
        assert KEY not in repr(error) + "".join(traceback.format_exception(error))


def test_a_server_that_repeats_the_key_in_a_refusal_does_not_get_it_into_the_answer(start: Start) -> None:
    (answer,) = ask(connect(start(plan=[(400, {"error": {"message": KEY}})]), key=VARIABLE))
    assert answer.error == "refused_400"
    assert KEY not in repr(answer)


@pytest.mark.parametrize("value", ["", " \n"])
def test_a_key_that_is_not_set(start: Start, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(FactoryError, match=f"{VARIABLE} .*is not set"):
        connect(start(), key=VARIABLE)


def test_a_key_with_a_line_break_at_its_end_is_that_key(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY + "\n")
    server = start()
    ask(connect(server, key=VARIABLE))
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("value", ["sk-\u2026", "sk\nX-Other: 1"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(
    start: Start, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(FactoryError, match="not valid in a key") as caught:
        connect(start(), key=VARIABLE)
    assert value not in str(caught.value)
