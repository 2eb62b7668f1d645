"""A run in which nothing succeeds stops, says why, and is taken up by the same command."""

import re
from pathlib import Path
from typing import Any

import pytest

from factory.checks.suite import CheckedSample
from factory.context.plan import Plan
from factory.context.run import Run
from factory.errors import FactoryError
from factory.generate.failures import FEW, MANY, Failures
from factory.generate.stage import generate, is_owed
from factory.inference.request import Request
from factory.pipeline import loop
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.tasks.sample import Sample, Task
from factory.workspace import Workspace
from tests.support.model_server import Server, serving
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
)

REFUSAL = "Unsupported parameter: frobnicate"
ANSWERS: dict[str, tuple[str, str | dict[str, Any], str, str]] = {
    "no mark": ("rationale", "It is forty-two.", "no_final_answer", "worked examples"),
    "silence": ("rationale", "", "empty", "max_tokens"),
    "thinking without end": (
        "rationale",
        {"text": "", "finish_reason": "length", "error": "thinking_cut_off"},
        "thinking_cut_off",
        "enable_thinking",
    ),
    "a word for a call": ("tool_call", "Sure, let me do that.", "not_json", "response_format"),
    "a call of another shape": ("tool_call", '{"tool": "calculator"}', "wrong_shape", "response_format"),
    "a call that is cut off": ("tool_call", '{"name": "calc', "truncated_json", "max_tokens"),
    "a control token": ("instruction", "<|im_start|>assistant", "control_token", "chat template"),
    "a proposal that is cut off": (
        "instruction",
        {"text": '{"instr', "finish_reason": "length"},
        "proposal_cut_off",
        "max_tokens",
    ),
    "a refusal": (
        "instruction",
        {"text": "", "finish_reason": "error", "error": "refused_400", "detail": REFUSAL},
        "refused_400",
        "Mend the server",
    ),
}


def stopped(folder: Path, model: Model) -> FactoryError:
    """Run a recipe until it stops, and return why."""
    context = load(folder)
    with opened(context) as store:
        with pytest.raises(FactoryError) as caught:
            generate(context, store, model)
        assert is_owed(context, store)
        assert count(store, "plan_ends") == 0
    return caught.value


@pytest.mark.parametrize(("kind", "said", "reason", "remedy"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_teacher_of_whom_nothing_can_be_used_stops_the_run(
    tmp_path: Path, kind: str, said: str | dict[str, Any], reason: str, remedy: str
) -> None:
    project(tmp_path, kind, "count: 400")
    model = Model(lambda _: said, at_once=4)
    error = stopped(tmp_path, model)
    assert error.exit_code == 1
    (tasks,) = map(int, re.findall(r"none of (\d+) tasks was accepted, all for one", error.message))
    assert FEW <= tasks <= FEW + 4 and f" {reason} (" in error.message
    assert remedy in error.hint and "the same command" in error.hint
    assert error.message.count("→") == 3
    assert FEW <= len(model.asked) <= 64 + 4
    if reason == "refused_400":
        assert REFUSAL in error.message
        with opened(load(tmp_path)) as store:
            assert set(column(store, "SELECT detail FROM rejected WHERE reason = 'refused_400'")) == {REFUSAL}


@pytest.mark.parametrize("kind", ["rationale", "tool_call", "instruction"])
def test_the_same_command_goes_on_after_the_mending(tmp_path: Path, kind: str) -> None:
    says = {"rationale": reasoning, "tool_call": call, "instruction": proposing}[kind]
    project(tmp_path, kind, "count: 10", more="checks: [schema, execution]\n" if kind == "tool_call" else "")
    broken = Model(lambda _: "…", at_once=2)
    stopped(tmp_path, broken)
    # Not mended yet: so many more are tried, and no more.
    again = Model(lambda _: "…", at_once=2)
    stopped(tmp_path, again)
    assert FEW <= len(again.asked) <= FEW + 2
    mended = Model(says, at_once=1)
    context = load(tmp_path)
    with opened(context) as store:
        assert "enough is accepted" in generate(context, store, mended)
        assert count(store, "training_set") == 10
        assert not is_owed(context, store)
    assert not {*broken.keys, *again.keys} & set(mended.keys)


def test_a_weak_teacher_is_given_more_time(tmp_path: Path) -> None:
    def weak(request: Request) -> str:
        return reasoning(request) if len(model.asked) > 2 * FEW else "I guess.\nAnswer: 1"

    project(
        tmp_path, "rationale", "count: 5", "budget: {requests: 120}", more="checks: [schema, agreement]\n"
    )
    model = Model(weak, at_once=1)
    context = load(tmp_path)
    with opened(context) as store:
        assert "enough is accepted" in generate(context, store, model)


def test_wrong_answers_without_end_are_an_end(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 400", more="checks: [schema, agreement]\n")
    model = Model(lambda _: "I guess.\nAnswer: 1", at_once=1)
    error = stopped(tmp_path, model)
    assert f"none of {MANY} tasks was accepted, {MANY} answers for the" in error.message
    assert "factory audit rejected" in error.hint


@pytest.mark.parametrize("place", [0, 7, FEW - 1])
def test_one_success_is_enough_to_go_on(tmp_path: Path, place: int) -> None:
    project(tmp_path, "rationale", "count: 50", "budget: {requests: 80}")
    model = Model(
        lambda request: reasoning(request) if len(model.answered) == place else "Nothing.", at_once=1
    )
    context = load(tmp_path)
    with opened(context) as store:
        assert "the budget of 80 requests is used up" in generate(context, store, model)


def test_few_seeds_of_which_nothing_came_are_no_end_of_the_recipe(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 50", "budget: {requests: 3}")
    error = stopped(tmp_path, Model(lambda _: "Nothing."))
    assert "none of 3 tasks" in error.message and "no_final_answer" in error.message
    silent = Model(reasoning)
    stopped(tmp_path, silent)
    assert silent.opened == 0
    edit(tmp_path / "recipe.yaml", "requests: 3", "requests: 9")
    context = load(tmp_path)
    with opened(context) as store:
        assert "6 samples accepted" in generate(context, store, silent)


def test_reasons_that_differ_are_not_one_reason() -> None:
    failures = Failures()
    for number in range(MANY):
        assert not failures.are_hopeless
        failures.add([_failed("empty" if number % 2 else "not_json")], asked_now=True)
    assert failures.are_hopeless


def test_every_draw_has_to_fail_for_the_one_reason() -> None:
    failures = Failures()
    for _ in range(FEW):
        failures.add([_failed("empty"), _failed("empty", "no_answer")], asked_now=True)
    assert failures.are_hopeless and "all for one reason: empty" in failures.error().message
    failures.add([_failed("no_answer")], asked_now=True)
    assert not failures.are_hopeless


def test_what_was_stored_before_does_not_count_as_asked() -> None:
    failures = Failures()
    for _ in range(2 * MANY):
        failures.add([_failed("empty")], asked_now=False)
    assert not failures.are_hopeless and failures.are_all


def run(folder: Path, kind: str, server: Server) -> FactoryError:
    """Run the whole command against a server, and return why it stopped."""
    path = project(folder, kind, "count: 500")
    edit(path, "http://127.0.0.1:9/v1", server.url)
    plan = Plan(Run(load_recipe(path), Workspace(folder / "work"), Progress()))
    with pytest.raises(FactoryError) as caught:
        loop.run(plan, ("generate", "check"), "run")
    with opened(load(folder)) as store:
        assert is_owed(load(folder), store)
    return caught.value


@pytest.mark.parametrize("kind", ["rationale", "tool_call"])
def test_a_server_that_refuses_everything_ends_the_command_with_its_sentence(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Server(always=lambda _: (400, {"error": {"message": REFUSAL}}))) as server:
        assert run(tmp_path, kind, server).exit_code == 1
    told = capfd.readouterr().err
    assert REFUSAL in told and server.url in told and "check" not in told
    assert len(server.asked) == 2, "a question, and one of our own: was it the question's fault?"
    with opened(load(tmp_path)) as store:
        assert count(store, "generations") == 0


def test_a_teacher_without_an_answer_mark_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Server(text="It is forty-two.")) as server:
        assert run(tmp_path, "rationale", server).exit_code == 1
    told = capfd.readouterr().err
    assert "no_final_answer (no final answer is marked)" in told and "It is forty-two." in told
    assert "worked examples" in told and "  check" not in told


def _failed(*reasons: str) -> CheckedSample:
    task = Task("s", "en", "", "Why?", "")
    verdicts = [{"passed": False, "reason": reason, "detail": None} for reason in reasons]
    return CheckedSample(Sample("b2:0", task, "", "stop"), verdicts)
