"""Switches of the teacher's template and servers are a part of every id where they are set, only there."""

from pathlib import Path
from typing import Any

import pytest

from factory.inference.engine import Engine
from factory.inference.request import Request, Sampling
from factory.tasks.taskset import Ask
from tests.support.model_server import Server, serving
from tests.support.scripted import edit, load, opened, project

MESSAGES = [{"role": "user", "content": "Why?"}]
SWITCHES = [
    "template: {enable_thinking: false}",
    "template: {enable_thinking: true}",
    "extra_body: {reasoning_effort: low}",
    "extra_body: {provider: {order: [one, two]}}",
    "calls: native",
]


def ids(folder: Path) -> tuple[str, str]:
    plan = load(folder)
    return plan.plan_id, plan.request(Ask(MESSAGES), 0).key


def test_each_switch_makes_other_requests(tmp_path: Path) -> None:
    path = project(tmp_path, "steps", "count: 5")
    recipe = path.read_text()
    found = [ids(tmp_path)]
    for switch in SWITCHES:
        path.write_text(recipe)
        edit(path, "{model: tiny, ", f"{{model: tiny, {switch}, ")
        found.append(ids(tmp_path))
    assert len({plan for plan, _ in found}) == len({key for _, key in found}) == 1 + len(SWITCHES)


@pytest.mark.parametrize(
    "empty", ["template: {}", "extra_body: {}", "calls: text", "api_key_env: KEY", "concurrency: 3"]
)
def test_what_says_nothing_changes_no_id(tmp_path: Path, empty: str) -> None:
    path = project(tmp_path, "rationale", "count: 5")
    before, digest = ids(tmp_path), load(tmp_path).run.loaded.digest
    edit(path, "{model: tiny, ", f"{{model: tiny, {empty}, ")
    assert ids(tmp_path) == before
    assert (load(tmp_path).run.loaded.digest == digest) is (empty.endswith("{}") or "calls" in empty)


def test_servers_get_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from factory.generate.stage import generate
    from factory.generate.teacher import open_teacher

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = project(tmp_path, "rationale", "count: 1", "budget: {requests: 2}", more="checks: [schema]\n")
    with serving(Server(text="One and one.\nAnswer: 2")) as server:
        edit(path, "http://127.0.0.1:9/v1", server.url)
        switches = "template: {enable_thinking: false}, extra_body: {reasoning_effort: low}"
        edit(path, "{model: tiny, ", f"{{model: tiny, {switches}, ")
        plan = load(tmp_path)
        with opened(plan) as store:
            generate(plan, store, lambda: open_teacher(plan.run))
    assert {str(body["chat_template_kwargs"]) for body in server.asked} == {"{'enable_thinking': False}"}
    assert {body["reasoning_effort"] for body in server.asked} == {"low"}


@pytest.mark.parametrize("template", [None, {"enable_thinking": False}, {"date": "today", "tools_in": 1}])
def test_a_teacher_in_the_process_gets_them_in_its_template(template: dict[str, Any] | None) -> None:
    class Tokenizer:
        def apply_chat_template(self, messages: Any, **arguments: Any) -> str:
            asked.append(arguments)
            return "text"

        def encode(self, text: str, **_: Any) -> list[int]:
            return [1]

    asked: list[dict[str, Any]] = []
    engine = Engine.__new__(Engine)  # the model itself takes no part in this
    engine.tokenizer, engine.max_model_len, engine.concurrency = Tokenizer(), 1, 1
    (answer,) = engine.answer([Request("b2:0", MESSAGES, Sampling(0, 1, 8), template=template)])
    assert answer.error == "prompt_too_long"
    plain = {"tools": None, "chat_template": None, "tokenize": False, "add_generation_prompt": True}
    assert asked == [plain | (template or {})]
