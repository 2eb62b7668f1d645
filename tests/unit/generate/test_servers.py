"""The same tasks end in the same samples, whichever kind of server the teacher is behind."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from factory.generate.stage import generate
from factory.generate.teacher import open_teacher
from factory.inference.request import Request, Sampling
from tests.support.model_server import Server, completion, serving
from tests.support.scripted import (
    HEAD,
    Model,
    column,
    edit,
    load,
    opened,
    project,
    reasoning,
    steps,
)
from tests.support.server_kinds import KINDS, Kind

SAYS = {"rationale": reasoning, "steps": steps}
SECRET = "key-for-tests"
MADE = "SELECT question, answer, result FROM training_set ORDER BY question"


def asked(body: dict[str, Any]) -> Request:
    """Return what a server was asked as the scripted teachers read it: they look at the schema's presence."""
    return Request("b2:0", body["messages"], Sampling(0, 1, 1), {} if "response_format" in body else None)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The samples that a teacher without a server makes."""
    made = {}
    for seeds in ("rationale", "steps"):
        folder = tmp_path_factory.mktemp(seeds)
        project(folder, seeds, "count: 20", "examples: 1")
        plan = load(folder)
        with opened(plan) as store:
            generate(plan, store, Model(SAYS[seeds], at_once=1))
            made[seeds] = store.query(MADE)
    return made


def test_calls_by_the_servers_own_tools_end_in_the_same_samples(
    tmp_path: Path, plain: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        turns = body["messages"]
        assert turns[0]["role"] == "user" and "response_format" not in body
        assert [tool["function"]["name"] for tool in body["tools"]] == ["calculator"]
        # A result ends it, as it does for the scripted teacher that writes text.
        if turns[-1]["role"] == "tool":
            return 200, completion(body, "That is all.")
        (one,) = json.loads(steps(Request("b2:0", turns[-1:], Sampling(0, 1, 1), {})))
        function = {"name": one["name"], "arguments": json.dumps(one["arguments"])}
        called = {"role": "assistant", "tool_calls": [{"id": "x", "type": "function", "function": function}]}
        return 200, completion(body, "", message=called, finish_reason="tool_calls")

    path = project(tmp_path, "steps", "count: 20", "examples: 1")
    with serving(Server(owner="somebody", always=answer)) as server:
        edit(path, f'"{HEAD.split(chr(34))[1]}"', f'"{server.url}"')
        edit(path, "model: tiny, ", "model: tiny, calls: native, ")
        plan = load(tmp_path)
        with opened(plan) as store:
            generate(plan, store, lambda: open_teacher(plan.run))
            assert store.query(MADE) == plain["steps"]


@pytest.mark.parametrize("seeds", ["rationale", "steps"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_the_same_tasks_end_in_the_same_samples(
    tmp_path: Path,
    kind: Kind,
    seeds: str,
    plain: dict[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("factory.inference.endpoint.FIRST_PAUSE", 0.0)
    monkeypatch.setenv("TEACHER_KEY", SECRET)
    path = project(tmp_path, seeds, "count: 20", "examples: 1")
    with serving(kind.server(lambda body: SAYS[seeds](asked(body)))) as server:
        url = server.url.replace("/v1", kind.path)
        edit(path, f'"{HEAD.split(chr(34))[1]}"', f'"{url}"')
        edit(path, "model: tiny, ", "model: tiny, api_key_env: TEACHER_KEY, concurrency: 4, ")
        plan = load(tmp_path)
        with opened(plan) as store:
            generate(plan, store, lambda: open_teacher(plan.run))
            made = store.query(MADE)
            endpoints = column(store, "SELECT DISTINCT endpoint FROM attempts")
            thought = column(store, "SELECT text FROM generations")
    assert made == plain[seeds]
    assert len(made) == 20
    assert endpoints == [re.sub(r"/chat/completions$|/$|\?.*$", "", url)]
    if seeds == "rationale":
        assert all(text.startswith("<think>") == kind.thinks for text in thought)
    else:
        assert not any("<think>" in text or "```" in text or '"answer"' in text for text in thought)
    if kind.key:
        assert {headers.get("api-key") for headers in server.headers} == {SECRET}
        assert all("api-version=" in asked_at for asked_at in server.paths)
    else:
        assert {headers["authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}
    if kind is KINDS["Mistral"]:
        assert all("random_seed" in body for body in server.asked[len(server.asked) // 2 :])
    # What the server does not take is found out by the first request, alone.
    refused = [place for place, body in enumerate(server.asked) if kind.refuses(body)]
    assert refused == list(range(len(refused)))
    assert len({str(body["messages"]) for body in server.asked[: len(refused) + 1]}) == 1
