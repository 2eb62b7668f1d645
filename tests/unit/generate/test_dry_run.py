"""A look before the work: prompts as the teacher reads them, an estimate from a few tasks, and nothing of it
thrown away."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.generate import dry_run
from factory.generate.stage import generate
from tests.support.command import factory
from tests.support.model_server import Reply, Server, completion, serving
from tests.support.scripted import (
    Model,
    call,
    column,
    count,
    edit,
    load,
    opened,
    project,
    proposing,
    reasoning,
    steps,
)


class Calculating(Server):
    """A server that says the call that a question about a sum needs."""

    def reply(self, path: str, headers: dict[str, str], body: dict[str, Any] | None) -> Reply:
        if body is None:
            return super().reply(path, headers, body)
        with self.lock:
            self.asked.append(body)
        question = body["messages"][-1]["content"]
        expression = question.removeprefix("What is ").removesuffix("?")
        return 200, completion(
            body, json.dumps({"name": "calculator", "arguments": {"expression": expression}})
        )


def test_the_command_shows_estimates_and_keeps(tmp_path: Path) -> None:
    path, work = project(tmp_path, "tool_call", "count: 64", "examples: 1"), tmp_path / "work"
    with serving(Calculating()) as server:
        edit(path, "http://127.0.0.1:9/v1", server.url)
        looked = factory("run", path, "-w", work, "--dry-run")
        assert looked.returncode == 0, looked.stderr
        assert [f"--- prompt {number}" in looked.stderr for number in range(1, 5)] == [
            True,
            True,
            True,
            False,
        ]
        assert looked.stderr.count("[user] What is ") == 6, "each with one worked example before its question"
        assert looked.stderr.count("[assistant] ") == 3
        assert len(server.asked) == dry_run.TASKS
        tried, whole, limit = looked.stdout.splitlines()
        assert tried.startswith(
            "16 samples were tried with 16 requests: 16 accepted, 176 prompt tokens, 32 completion tokens, "
        )
        assert whole.startswith(
            "64 accepted samples would take about 64 requests, 704 prompt and 128 completion tokens, "
        )
        assert limit.startswith("the run ends after 3,840 requests (the default; data.budget sets another")
        again = factory("run", path, "-w", work, "--dry-run")
        assert again.stdout.splitlines()[0] == tried
        assert len(server.asked) == dry_run.TASKS
        made = factory("generate", path, "-w", work)
        assert made.returncode == 0, made.stderr
        assert "16 answers were there already" in made.stderr
        asked = [json.dumps(body["messages"]) for body in server.asked]
        assert len(asked) == len(set(asked)) == 64
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == 64
        assert column(store, "SELECT reason FROM plan_ends") == ["enough is accepted"], "a look is no end"


@pytest.mark.parametrize("kind", ["steps", "rationale", "instruction"])
def test_prompts_are_those_that_are_asked_first(tmp_path: Path, kind: str) -> None:
    project(tmp_path, kind, "count: 40", "examples: 2")
    say = {"steps": steps, "rationale": reasoning, "instruction": proposing}[kind]
    shown = dry_run.prompts(load(tmp_path))
    model, context = Model(say, at_once=3), load(tmp_path)
    with opened(context) as store:
        said = generate(context, store, model, most_tasks=5)
    assert said.endswith("5 tasks were tried")
    assert shown == [
        "\n".join(f"[{turn['role']}] {turn['content']}" for turn in request.messages)
        for request in model.asked[:3]
    ]


def test_the_estimate_counts_the_turns_of_what_was_tried(tmp_path: Path) -> None:
    project(tmp_path, "steps", "count: 100", "examples: 1")
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(steps), most_tasks=10)
        told = dry_run.estimate(context, store)
    assert (
        "10 samples were tried with 20 requests: 10 accepted, 600 prompt tokens, 240 completion tokens"
        in told
    )
    assert (
        "100 accepted samples would take about 200 requests, 6,000 prompt and 2,400 completion tokens" in told
    )


def test_pauses_between_runs_are_not_counted_as_work(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 40", "examples: 1")
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(reasoning), most_tasks=10)
        # Two at once, ten seconds each; a day passes after six of them.
        store.query(
            "UPDATE generations SET seconds = 10, finished_at = "
            "TIMESTAMP '2026-01-01' + to_seconds(10 * (p.position // 2 + 1)) + "
            "to_days((p.position >= 6)::INTEGER) FROM plan_items p "
            "WHERE p.request_key = generations.request_key"
        )
        told = dry_run.estimate(context, store)
    assert told.splitlines()[0].endswith(", 50 s")
    assert told.splitlines()[1].endswith("at this speed 3 min 20 s")


def test_nothing_accepted_and_nothing_answered_are_told(tmp_path: Path) -> None:
    project(tmp_path, "tool_call", "count: 40", "examples: 1")
    context = load(tmp_path)
    with opened(context) as store:
        assert "the teacher gave no answer" in dry_run.estimate(context, store)
        generate(context, store, Model(lambda _: "no call"), most_tasks=4)
        assert "none was accepted, so 40 samples cannot be reached" in dry_run.estimate(context, store)
        # More are tried than in the first look; what it brought counts.
        model = Model(call)
        generate(context, store, model, most_tasks=16)
        assert len(model.asked) == 12
