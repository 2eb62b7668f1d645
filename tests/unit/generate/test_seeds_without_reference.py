"""Tool calls whose right result nobody wrote down: the draws vote, and a lone call is compared with its
question."""

import json
from pathlib import Path

from factory.generate.stage import generate, is_owed
from factory.inference.request import Request
from factory.pipeline.preflight import preflight
from tests.support.scripted import SEEDS, Model, call, column, load, opened, project, write

CHECKS = "checks: [schema, execution, agreement]\n"
QUESTIONS = [f"What is {number} plus {number + 7}?" for number in range(11, 15)]


def prepared(folder: Path, *data: str) -> None:
    project(folder, "tool_call", "count: 50", *data, more=CHECKS)
    write(
        folder / "seeds.jsonl",
        [{"id": f"s{place}", "question": asked, "reference": ""} for place, asked in enumerate(QUESTIONS)],
    )


def said(expression: str) -> str:
    return json.dumps({"name": "calculator", "arguments": {"expression": expression}})


def test_a_lone_call_has_to_be_grounded_in_its_question(tmp_path: Path) -> None:
    prepared(tmp_path)
    context = load(tmp_path)
    preflight(context, ("generate",))
    model = Model(
        lambda request: said("30") if request.messages[-1]["content"] == QUESTIONS[1] else call(request)
    )
    with opened(context) as store:
        generate(context, store, model)
        assert not is_owed(context, store)
        assert [len(request.messages) for request in model.asked] == [2] * 4, (
            "a seed without a call is no example, and has no variants"
        )
        assert sorted(column(store, "SELECT result FROM training_set")) == ["29", "33", "35"]
        rejected = store.query("SELECT question, check_name, reason, detail FROM rejected")
    assert [tuple(row.values()) for row in rejected] == [
        (QUESTIONS[1], "agreement", "ungrounded_argument", "30")
    ]


def test_the_draws_of_a_question_vote(tmp_path: Path) -> None:
    prepared(tmp_path, "samples_per_prompt: 3")
    given: dict[str, int] = {}

    def say(request: Request) -> str:
        asked = request.messages[-1]["content"]
        given[asked] = given.get(asked, 0) + 1
        if asked == QUESTIONS[0]:
            return said(f"{given[asked]} + 1")  # no two agree
        return said("1 + 1") if asked == QUESTIONS[1] and given[asked] == 1 else call(request)

    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, Model(say))
        reasons = store.query(
            "SELECT question, reason, count(*) AS n FROM rejected GROUP BY ALL ORDER BY question"
        )
        assert [tuple(row.values()) for row in reasons] == [
            (QUESTIONS[0], "no_majority", 3),
            (QUESTIONS[1], "minority", 1),
        ]
        assert column(store, "SELECT count(*) FROM training_set") == [8]


def test_examples_are_of_those_that_have_a_reference(tmp_path: Path) -> None:
    prepared(tmp_path, "budget: {requests: 4}")
    write(
        tmp_path / "seeds.jsonl",
        [{"id": "open", "question": QUESTIONS[0], "reference": ""}, *SEEDS["tool_call"][:2]],
    )
    model = Model(call)
    context = load(tmp_path)
    with opened(context) as store:
        generate(context, store, model)
    (asked,) = [request for request in model.asked if request.messages[-1]["content"] == QUESTIONS[0]]
    shown = [message["content"] for message in asked.messages if message["role"] == "user"][:-1]
    assert shown
    assert QUESTIONS[0] not in shown
