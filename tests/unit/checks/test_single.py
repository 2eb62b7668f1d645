"""Each check that judges a sample by itself: when it passes, and the reason when it does not."""

import json
from typing import Any

import pytest

from factory.checks.check import Check, Verdict, check_key
from factory.checks.execution import ExecutionCheck
from factory.checks.finish_reason import FinishReasonCheck
from factory.checks.registry import build_suite
from factory.checks.schema import SchemaCheck
from factory.checks.suite import CheckSuite, verdict_row
from factory.inference.request import Answer
from factory.recipe.checks import CHECKS
from factory.recipe.model import Recipe
from factory.tasks.sample import Sample, Task
from tests.support.calculator import CALCULATOR, SEEDS, free_tool, kind

KIND = kind()
TASK = Task("b2:0", "en", "plain-add", "What is 47 + 38?", "47 + 38")


def judged(text: str, finish_reason: str = "stop", *, task: Task = TASK, error: str | None = None) -> Sample:
    return KIND.read(task, Answer("b2:1", text, finish_reason, 1, 1, 0.1, error=error))


def suite(
    names: Any = CHECKS,
    tools: Any = CALCULATOR,
    held_out: Any = SEEDS[:2],
    plan_id: str = "b2:plan",
    **data: Any,
) -> CheckSuite:
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "teacher": {"model": "smollm2-135m-instruct"},
            "data": {"kind": "tool_call", "seeds": "s", "tools": "t", "count": 1, **data},
            "checks": list(names),
            "evaluate": {"held_out": "h"},
        }
    )
    return build_suite(recipe.sources[0], tools, held_out, plan_id)


def said(expression: str) -> str:
    return json.dumps({"name": "calculator", "arguments": {"expression": expression}})


RIGHT = said("47 + 38")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RIGHT, "ok"),
        (said("1 / 0"), "ok"),
        ("", "empty"),
        ("85", "wrong_shape"),
        ("It is 85.", "not_json"),
        ('{"name": "shell", "arguments": {}}', "unknown_tool"),
        ('{"name": "calculator", "arguments": {}}', "missing_argument"),
    ],
)
def test_schema(text: str, reason: str) -> None:
    assert SchemaCheck("calculator").judge(judged(text)).reason == reason


def test_schema_gives_the_error_of_the_request() -> None:
    verdict = SchemaCheck("calculator").judge(judged("", "error", error="refused_400"))
    assert (verdict.passed, verdict.reason) == (False, "refused_400")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RIGHT, "ok"),
        (said("38 + 47"), "ok"),
        (said("85.0"), "ok"),
        ("no call", "no_call"),
        (said("1 / 0"), "tool_error"),
        (said("47 - 38"), "wrong_result"),
    ],
)
def test_execution(text: str, reason: str) -> None:
    assert ExecutionCheck().judge(judged(text)).reason == reason


def test_execution_names_both_results() -> None:
    detail = ExecutionCheck().judge(judged(said("47 - 38"))).detail
    assert "9" in detail
    assert "85" in detail


def test_execution_never_passes_where_the_reference_has_no_result() -> None:
    task = Task("b2:0", "en", "general", "What is x?", "x + 1")
    assert ExecutionCheck().judge(judged(said("1"), task=task)).reason == "wrong_result"
    assert ExecutionCheck().judge(judged(said("1 / 0"), task=task)).reason == "tool_error"


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [
        ("stop", "ok"),
        ("length", "cut_off"),
        ("error", "no_answer"),
        ("tool_calls", "no_answer"),
        ("unknown", "no_answer"),
    ],
)
def test_finish_reason(finish_reason: str, reason: str) -> None:
    assert FinishReasonCheck().judge(judged(RIGHT, finish_reason)).reason == reason


def test_every_name_of_a_recipe_has_a_class_of_that_name() -> None:
    checks = suite()
    assert {check.name for check in (*checks.single, *checks.draws, *checks.stream)} == set(CHECKS)
    assert len(checks.keys) == len(set(checks.keys)) == len(CHECKS)
    for name in CHECKS:
        (key,) = suite((name,)).keys
        assert key.startswith(f"{name}@")


def test_checks_are_those_that_the_recipe_names() -> None:
    checks = suite(("execution", "schema"))
    assert [check.name for check in checks.single] == ["execution", "schema"]
    assert checks.draws == checks.stream == []
    (checked,) = checks.judge([judged(said("47 - 38"))])
    assert [(row["check_name"], row["passed"], row["reason"]) for row in checked.verdicts] == [
        ("execution", False, "wrong_result"),
        ("schema", True, "ok"),
    ]
    assert [row["check_key"] for row in checked.verdicts] == checks.keys
    assert not checked.accepted


def test_no_check_fails_on_a_sample() -> None:
    checks = suite([*CHECKS[:-2], {"dedup": {"threshold": 0.7}}, "decontamination"], held_out=SEEDS)
    for text in (
        "",
        "\0",
        "\ud800",
        "[" * 9000,
        "x" * 100_000,
        "{{ 7 * 7 }}",
        "<|im_end|>",
        RIGHT,
        said("9 ** 9 ** 9"),
    ):
        (checked,) = checks.judge([judged(text)])
        assert len(checked.verdicts) == len(CHECKS)


SETTINGS: list[dict[str, Any]] = [{}, {"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": None}]


def test_the_key_of_a_check_changes_with_its_name_and_its_settings() -> None:
    keys = [check_key(name, settings) for name in ("one", "other") for settings in SETTINGS]
    assert len(set(keys)) == len(keys)
    assert check_key("one", {"a": 1, "b": 2}) == check_key("one", {"b": 2, "a": 1})


def test_what_changes_verdicts_changes_the_key() -> None:
    def changed(**changes: Any) -> set[str]:
        return {key.partition("@")[0] for key in set(suite(**changes).keys) - set(suite().keys)}

    assert changed() == set()
    assert changed(held_out=SEEDS[1::-1]) == set()
    # What another check lets through decides what a sample is compared with, and the plan what there is.
    assert changed(held_out=SEEDS[:3]) == {"decontamination", "agreement", "dedup"}
    assert changed(plan_id="b2:2") == {"agreement", "dedup"}
    assert changed(tools=[*CALCULATOR, free_tool()]) == {"schema", "agreement", "dedup"}
    assert changed(
        names=[*(name for name in CHECKS if name != "agreement"), {"agreement": {"margin": 0.5}}]
    ) == {"agreement", "dedup"}


def test_a_verdict_row() -> None:
    row = verdict_row("b2:1", "one@key", "one", Verdict(False, "why", "", 0.5))
    assert row == {
        "sample_id": "b2:1",
        "check_key": "one@key",
        "check_name": "one",
        "passed": False,
        "reason": "why",
        "score": 0.5,
        "detail": None,
    }


def test_single_checks_keep_the_protocol() -> None:
    checks: list[Check] = suite().single
    assert all(isinstance(check.name, str) and isinstance(check.settings, dict) for check in checks)
