"""A run that makes little of its requests: it ends at a default budget, says which checks took what, and
fails where nothing at all was accepted."""

import io
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.errors import FactoryError
from factory.generate.failures import MANY
from factory.generate.stage import generate, is_owed
from factory.inference.request import Request
from factory.recipe import sources
from factory.recipe.load import load_recipe
from factory.review.verdicts import Verdicts
from factory.system.progress import Progress
from tests.support.command import typed
from tests.support.model_server import Server, completion, serving
from tests.support.scripted import (
    SEEDS,
    Model,
    column,
    count,
    edit,
    load,
    opened,
    project,
    reasoning,
    write,
)

AGREED = "checks: [schema, finish_reason, agreement]\n"


def wrong(_: Request) -> str:
    return "I guess.\nAnswer: 1"


def heard(folder: Path) -> tuple[Plan, io.StringIO]:
    """Return the plan of a folder, and what it says to a person."""
    plan, stream = load(folder), io.StringIO()
    object.__setattr__(plan.run, "progress", Progress(stream))
    return plan, stream


@pytest.mark.parametrize(
    ("kind", "data", "more", "requests"),
    [
        ("rationale", ["count: 10"], "", 1000),
        ("rationale", ["count: 200"], "", 4000),
        ("rationale", ["count: 200", "samples_per_prompt: 4"], "", 16000),
        ("rationale", ["count: 200"], "checks: [schema, judge]\n", 8000),
        ("tool_call", ["count: 200"], "", 12000),
        ("instruction", ["count: 200", "evolve: 1"], "", 12000),
        ("rationale", ["count: 200", "budget: {requests: 7}"], "", None),
        ("rationale", ["count: 200", "budget: {tokens: 7}"], "", None),
    ],
)
def test_a_default_budget_follows_from_the_count(
    tmp_path: Path, kind: str, data: list[str], more: str, requests: int | None
) -> None:
    (source,) = load_recipe(project(tmp_path, kind, *data, more=more)).recipe.sources
    assert source.usual_requests == requests


def test_it_ends_a_run_that_one_success_keeps_going(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEAST_REQUESTS", 60)
    path = project(tmp_path, "rationale", "count: 3", more=AGREED)
    model = Model(lambda request: reasoning(request) if not model.answered else wrong(request), at_once=1)
    plan, said = heard(tmp_path)
    with opened(plan) as store:
        summary = generate(plan, store, model)
        assert not is_owed(plan, store)
    assert summary.endswith("1 samples accepted, 3 asked for: the default budget of 60 requests is used up")
    assert len(model.asked) == 60
    told = said.getvalue()
    assert "of 60 samples 59 were rejected:" in told
    assert "agreement took 59: 59 wrong_answer (the answer is wrong)" in told
    assert "a larger teacher" in told and "raise data.budget, such as {requests: 120}" in told
    edit(path, "count: 3", "count: 3\n  budget: {requests: 90}")
    plan, _ = heard(tmp_path)
    with opened(plan) as store:
        assert is_owed(plan, store)
        assert "the budget of 90 requests is used up" in generate(plan, store, model)
    assert len(model.asked) == 90


def test_what_was_asked_before_there_was_a_default_is_still_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, "rationale", "count: 300", more=AGREED)
    model = Model(lambda request: reasoning(request) if len(model.answered) % 2 else wrong(request))
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, model)
        made, ids = count(store, "training_set"), (plan.plan_id, plan.target_id)
    assert made >= 300 and (asked := len(model.asked)) > 500
    monkeypatch.setattr(sources, "LEAST_REQUESTS", 20)
    monkeypatch.setattr(sources, "ANSWERS_A_SAMPLE", 1)
    edit(tmp_path / "recipe.yaml", "finish_reason, ", "")
    plan = load(tmp_path)
    with opened(plan) as store:
        assert (plan.plan_id, plan.target_id == ids[1]) == (ids[0], False)
        assert "enough is accepted" in generate(plan, store, model)
        assert count(store, "training_set") == made
    assert len(model.asked) == asked


def test_a_server_whose_failures_have_many_reasons_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    good = '{"name": "calculator", "arguments": {"expression": "1 + 1"}}'
    texts = ["", "Sure.", good[:30], good, good.replace("calculator", "abacus"), "{}", good + "<|im_end|>"]
    turn = itertools.count()

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        place = next(turn)
        ends = {"finish_reason": ("stop", "length", "content_filter")[place % 3]}
        return 200, completion(body, texts[place % len(texts)], **ends)

    path = project(tmp_path, "tool_call", "count: 100000")
    with serving(Server(always=answer)) as server:
        edit(path, "http://127.0.0.1:9/v1", server.url)
        done = typed("run", path, "-w", tmp_path / "work")
    assert done.returncode == 1
    assert MANY <= len(server.asked) <= 2 * MANY
    with opened(load(tmp_path)) as store:
        reasons = column(store, "SELECT DISTINCT reason FROM rejected")
        assert len(reasons) > 6 and count(store, "plan_ends") == 0
        assert column(store, "SELECT stage FROM stages") == []


def test_a_run_of_which_nothing_is_accepted_fails_and_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = project(tmp_path, "rationale", "count: 4", more=AGREED)
    rows = [{key: row[key] for key in ("id", "question", "reference")} for row in SEEDS["rationale"]]
    write(tmp_path / "seeds.jsonl", rows)
    with serving(Server(text="I guess.\nAnswer: 1")) as server:
        edit(path, "http://127.0.0.1:9/v1", server.url)
        done = typed("run", path, "-w", tmp_path / "work")
    told = capfd.readouterr().err + done.stderr
    assert done.returncode == 1 and len(server.asked) == len(rows)
    assert f"agreement took {len(rows)}: {len(rows)} wrong_answer" in told
    assert f"nothing succeeds: none of {len(rows)} tasks was accepted" in told
    assert "the seeds give no more new questions" in told and "correct the seeds" in told
    assert not re.search(r"^(check|report)\b", told, re.MULTILINE)
    # The same command says the same, and asks nobody.
    again = typed("run", path, "-w", tmp_path / "work")
    assert again.returncode == 1 and "nothing succeeds" in capfd.readouterr().err + again.stderr


def test_what_a_person_accepted_is_something(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 4", "budget: {requests: 3}", more=AGREED)
    plan = load(tmp_path)
    model = Model(wrong, at_once=1)
    with opened(plan) as store:
        generate(plan, store, model, most_tasks=3)
        (sample, *_) = column(store, "SELECT sample_id FROM current_samples ORDER BY position")
    Verdicts(plan.run.workspace).judge(sample, passed=True, reason="ok", note="")
    with opened(plan) as store:
        assert column(store, "SELECT sample_id FROM training_set") == [sample]
        assert "0 samples accepted, 4 asked for" in generate(plan, store, model)
        assert not is_owed(plan, store)


def test_an_end_with_nothing_of_an_older_version_is_none(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 4", "budget: {requests: 3}", more=AGREED)
    plan = load(tmp_path)
    with opened(plan) as store:
        generate(plan, store, Model(wrong), most_tasks=3)
        end = {"plan_id": plan.plan_id, "target_id": plan.target_id, "reason": "an older one"}
        store.commit(plan_ends=[end | {"accepted": 0, "requests": 3, "tokens": 9}])
        assert is_owed(plan, store)
        with pytest.raises(FactoryError, match="nothing succeeds: none of 3 tasks was accepted"):
            generate(plan, store, Model(wrong))


def test_enough_is_no_shortfall_and_too_few_seeds_are_one(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 2", more=AGREED)
    rows = [{key: row[key] for key in ("id", "question", "reference")} for row in SEEDS["rationale"]]
    write(tmp_path / "seeds.jsonl", rows)
    plan, said = heard(tmp_path)
    with opened(plan) as store:
        assert "enough is accepted" in generate(plan, store, Model(reasoning, at_once=1))
    assert "what to try" not in said.getvalue()
    edit(tmp_path / "recipe.yaml", "count: 2", "count: 9")
    plan, said = heard(tmp_path)
    with opened(plan) as store:
        assert "6 samples accepted, 9 asked for" in generate(plan, store, Model(reasoning))
    assert "none of 6 samples was rejected\n  what to try: add seeds\n" in said.getvalue()


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("", "at most 1,000 requests (the default; data.budget sets another limit)"),
        ("budget: {requests: 50}", "at most 50 requests;"),
        ("budget: {requests: 50, tokens: 9000}", "at most 50 requests or 9,000 tokens;"),
    ],
)
def test_validate_shows_what_it_may_cost(tmp_path: Path, budget: str, told: str) -> None:
    path = project(tmp_path, "rationale", "count: 4", *([budget] if budget else []))
    done = typed("validate", path)
    assert done.returncode == 0 and told in done.stdout
