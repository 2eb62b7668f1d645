"""Editing is cheap: what is changed, be it a prompt, a check, a threshold or a number, repeats only the
requests whose content changed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from factory.errors import FactoryError
from factory.generate.check import check, unjudged
from factory.generate.stage import generate
from factory.inference.request import Request
from factory.store.store import Store
from factory.system.resources import resource
from factory.tasks.rationale.kind import Rationale
from tests.support.command import factory, typed
from tests.support.scripted import (
    SEEDS,
    Model,
    Say,
    call,
    checks,
    column,
    count,
    edit,
    load,
    opened,
    project,
    proposing,
    reasoning,
    steps,
    write,
)

SAYS = {"tool_call": call, "steps": steps, "rationale": reasoning, "instruction": proposing}
LIKE = "{dedup: {threshold: 0.9}}"


def run(folder: Path, kind: str) -> Model:
    """Generate and check with the recipe as it is now; return the model with what it was asked."""
    model, context = Model(SAYS[kind]), load(folder)
    with opened(context) as store:
        generate(context, store, model)
        check(context, store)
        assert unjudged(context, store) == 0
    return model


def verdicts(store: Store) -> list[dict[str, Any]]:
    return store.query("SELECT * EXCLUDE (batch) FROM verdicts ORDER BY ALL")


@pytest.mark.parametrize("kind", SAYS)
def test_an_edited_threshold_asks_nothing_and_gives_new_verdicts_beside_the_old_ones(
    tmp_path: Path, kind: str
) -> None:
    path = project(tmp_path, kind, "count: 20", "examples: 2", more=checks(kind, LIKE))
    run(tmp_path, kind)
    with opened(load(tmp_path)) as store:
        old, made, plan = (
            verdicts(store),
            count(store, "current_samples"),
            column(store, "SELECT plan_id FROM current_run"),
        )
    edit(path, "0.9", "0.3")
    changed = load(tmp_path)
    with opened(changed) as store:
        assert column(store, "SELECT plan_id FROM current_run") == plan, "what is asked has not changed"
        assert unjudged(changed, store) == made
        said = check(changed, store)
        assert unjudged(changed, store) == 0
        new = [row for row in verdicts(store) if row not in old]
        assert [row for row in verdicts(store) if row in old] == old
        assert {row["check_name"] for row in new} == {"dedup"} and len(new) == made
        assert said == f"{count(store, 'training_set')} of {made} samples accepted"
        if kind != "instruction":
            assert count(store, "training_set") < 20, (
                "questions that differ in a number alone are near duplicates now"
            )
    # And back: the old verdicts hold again.
    edit(path, "0.3", "0.9")
    again = load(tmp_path)
    with opened(again) as store:
        assert unjudged(again, store) == 0
        assert count(store, "training_set") == 20


@pytest.mark.parametrize("kind", SAYS)
def test_a_threshold_that_still_lets_enough_through_asks_nothing(tmp_path: Path, kind: str) -> None:
    path = project(
        tmp_path, kind, "count: 20", "examples: 2", more=checks(kind, "{dedup: {threshold: 0.98}}")
    )
    run(tmp_path, kind)
    edit(path, "0.98", "1.0")
    assert run(tmp_path, kind).opened == 0


def test_a_check_more_or_less_asks_nothing(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 20", more="checks: [schema]\n")
    run(tmp_path, "rationale")
    edit(path, "[schema]", "[schema, finish_reason, agreement, {length: {min_words: 1}}]")
    assert run(tmp_path, "rationale").opened == 0
    edit(path, "min_words: 1", "min_words: 2, max_words: 3")
    context = load(tmp_path)
    with opened(context) as store:
        check(context, store)
        assert set(column(store, "SELECT reason FROM rejected")) == {"too_short"}
    edit(path, ", finish_reason, agreement, {length: {min_words: 2, max_words: 3}}", "")
    assert run(tmp_path, "rationale").opened == 0


@pytest.mark.parametrize("kind", ["tool_call", "rationale", "instruction"])
def test_a_raised_count_asks_only_for_what_is_new(tmp_path: Path, kind: str) -> None:
    path = project(tmp_path, kind, "count: 20", "examples: 2", more=checks(kind))
    first = run(tmp_path, kind)
    edit(path, "count: 20", "count: 30")
    second = run(tmp_path, kind)
    assert not set(first.keys) & set(second.keys)
    turns = 2 if kind == "instruction" else 1
    assert len(first.asked) + len(second.asked) <= turns * 30 + 8
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == 30
    edit(path, "count: 30", "count: 10")
    assert run(tmp_path, kind).opened == 0
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == 10


def test_more_draws_keep_those_that_are_there(tmp_path: Path) -> None:
    path = project(
        tmp_path,
        "rationale",
        "count: 16",
        "samples_per_prompt: 1",
        "keep: all",
        "budget: {requests: 16}",
        more="checks: [schema]\n",
    )
    first = run(tmp_path, "rationale")
    for old, new in (
        ("samples_per_prompt: 1", "samples_per_prompt: 2"),
        ("count: 16", "count: 32"),
        ("requests: 16", "requests: 32"),
    ):
        edit(path, old, new)
    second = run(tmp_path, "rationale")
    assert (len(first.asked), len(second.asked)) == (16, 16)
    assert not set(first.keys) & set(second.keys)


OWN = {
    # Which turns change with which template: all of the first kind, or only those behind it.
    ("rationale", "rationale_system.j2"): lambda old, new: len(new) == len(old),
    ("steps", "tool_call_steps.j2"): lambda old, new: len(new) == len(old),
    # What is said of a proved result is not asked for.
    ("steps", "tool_call_answer.j2"): lambda old, new: not new,
    ("tool_call", "tool_call_answer.j2"): lambda old, new: not new,
    # Behind each answer stands one turn of the judge.
    ("rationale", "judge.j2"): lambda old, new: len(new) == len(old) / 2,
    ("instruction", "instruction_answer.j2"): lambda old, new: len(new) == len(old) / 2,
}


@pytest.mark.parametrize(("kind", "name"), OWN)
def test_an_edited_prompt_repeats_the_requests_that_it_changes(tmp_path: Path, kind: str, name: str) -> None:
    # No examples of its own making: an answer that changed would be another example.
    judge = ["judge"] if name == "judge.j2" else []
    project(tmp_path, kind, "count: 20", "examples: 2", more=checks(kind, *judge))
    first = run(tmp_path, kind)
    with opened(load(tmp_path)) as store:
        before = column(store, "SELECT messages::VARCHAR FROM training_set ORDER BY position")
    (tmp_path / "work" / "prompts").mkdir()
    (tmp_path / "work" / "prompts" / name).write_text("Note: " + resource("prompts", name).read_text())
    second = run(tmp_path, kind)
    assert not set(first.keys) & set(second.keys)
    assert OWN[kind, name](first.keys, second.keys), (len(first.keys), len(second.keys))
    with opened(load(tmp_path)) as store:
        after = column(store, "SELECT messages::VARCHAR FROM training_set ORDER BY position")
    assert len(after) == len(before) == 20
    if name in ("tool_call_answer.j2", "instruction_answer.j2"):
        assert all("Note: " in messages for messages in after), (
            "the samples of the plan are those that the new template makes"
        )
    assert not any("Note: " in messages for messages in before)


def test_a_mended_reference_is_judged_anew_without_the_teacher(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 6", "examples: 0", more="checks: [schema, agreement]\n")
    seeds = [
        {name: value for name, value in seed.items() if name != "expression"} for seed in SEEDS["rationale"]
    ]
    write(path.with_name("seeds.jsonl"), [seeds[0] | {"reference": "999"}, *seeds[1:]])
    run(tmp_path, "rationale")
    with opened(load(tmp_path)) as store:
        assert [row["reason"] for row in store.query("SELECT reason FROM rejected")] == ["wrong_answer"]
    write(path.with_name("seeds.jsonl"), seeds)
    assert run(tmp_path, "rationale").opened == 0
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == count(store, "current_samples") == 6
        assert count(store, "samples") == 7, "the sample under the wrong reference stays"
        assert "999" not in column(store, "SELECT reference FROM training_set")


def test_answers_of_an_older_version_are_read_and_judged_again_without_the_teacher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boxed(request: Request) -> str:
        number = int(request.key[-1], 16) % 2
        return (
            reasoning(request)
            if number
            else f"That takes thought.\nSo it is \\boxed{{{request.key[-2]}x+1}}."
        )

    project(tmp_path, "rationale", "count: 6", "budget: {requests: 12}", more="checks: [schema, agreement]\n")
    with monkeypatch.context() as older:
        older.setattr(Rationale, "reading", {})
        older.setattr("factory.tasks.rationale.taskset.split_answer", lambda text, mark: None)
        with pytest.raises(FactoryError, match="all for one reason: no_final_answer"):
            run(tmp_path, "rationale")
        with opened(load(tmp_path)) as store:
            reasons = set(column(store, "SELECT reason FROM rejected"))
            answers, before = count(store, "generations"), count(store, "verdicts")
    assert "no_final_answer" in reasons
    assert run(tmp_path, "rationale").opened == 0, "the answers that are there are enough"
    with opened(load(tmp_path)) as store:
        assert count(store, "generations") == answers
        assert count(store, "verdicts") > before, "the old verdicts stay"
        assert "no_final_answer" not in column(store, "SELECT reason FROM rejected")


TRAINING = "SELECT position, question, rationale, answer FROM training_set ORDER BY position"


def trained(folder: Path, model: Model) -> list[dict[str, Any]]:
    """Generate and check with the recipe as it is now; return the training set."""
    context = load(folder)
    with opened(context) as store:
        generate(context, store, model)
        check(context, store)
        assert unjudged(context, store) == 0
        return store.query(TRAINING)


def fresh(folder: Path, say: Say) -> list[dict[str, Any]]:
    """Return the training set that the recipe of a folder, and its seeds, give in a new workspace."""
    folder.joinpath("fresh").mkdir()
    for name in ("recipe.yaml", "seeds.jsonl"):
        (folder / "fresh" / name).write_bytes((folder / name).read_bytes())
    return trained(folder / "fresh", Model(say))


def test_a_check_more_chooses_anew_among_the_draws_it_leaves(tmp_path: Path) -> None:
    def wordy(request: Request) -> str:
        # Some draws are short, some long: of two, the short one is chosen until it is too short.
        return (
            ("Well, " * (int(request.key[-1], 16) % 4))
            + reasoning(request)
            + " pears altogether" * (int(request.key[-2], 16) % 3)
        )

    path = project(
        tmp_path,
        "rationale",
        "count: 12",
        "samples_per_prompt: 2",
        "budget: {requests: 24}",
        more="checks: [schema, dedup]\n",
    )
    before = trained(tmp_path, Model(wordy))
    edit(path, "[schema, dedup]", "[schema, {length: {min_words: 3}}, dedup]")
    after = trained(tmp_path, Model(wordy))
    assert after == fresh(tmp_path, wordy)
    with opened(load(tmp_path)) as store:
        short = set(column(store, "SELECT position FROM rejected WHERE reason = 'too_short'"))
    chosen, chosen_now = ({row["position"] for row in rows} for rows in (before, after))
    assert any(position in chosen and position ^ 1 in chosen_now for position in short), (
        "the longer draw stands in for the one that went"
    )


def test_more_draws_are_a_new_vote(tmp_path: Path) -> None:
    def unsure(request: Request) -> str:
        return f"That takes {request.key[-9:]} thoughts.\nAnswer: {int(request.key[-1], 16) % 3}"

    path = project(
        tmp_path,
        "rationale",
        "count: 6",
        "samples_per_prompt: 2",
        "keep: all",
        "budget: {requests: 12}",
        more="checks: [schema, agreement]\n",
    )
    seeds = [{name: seed[name] for name in ("id", "question")} for seed in SEEDS["rationale"]]
    write(tmp_path / "seeds.jsonl", seeds)
    before = trained(tmp_path, Model(unsure))
    edit(path, "samples_per_prompt: 2", "samples_per_prompt: 4")
    edit(path, "requests: 12", "requests: 24")
    after = trained(tmp_path, Model(unsure))
    assert after == fresh(tmp_path, unsure)
    questions, questions_now = (Counter(row["question"] for row in rows) for rows in (before, after))
    assert set(questions_now) - set(questions), "two draws that differ are no majority, four may have one"


def test_a_budget_below_what_is_stored_does_not_keep_it_from_being_judged(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 20", more="checks: [schema]\n")
    run(tmp_path, "rationale")
    edit(path, "count: 20", "count: 20\n  budget: {requests: 3, tokens: 5}")
    edit(path, "[schema]", "[schema, agreement]")
    context = load(tmp_path)
    with opened(context) as store:
        check(context, store)
        assert unjudged(context, store) == 0
        assert count(store, "training_set") == 20


@pytest.mark.parametrize("kind", ["rationale", "instruction"])
def test_factory_check_alone_judges_under_the_new_threshold_and_starts_no_model(
    tmp_path: Path, kind: str
) -> None:
    path = project(tmp_path, kind, "count: 12", "examples: 2", more=checks(kind, LIKE))
    run(tmp_path, kind)
    edit(path, "0.9", "0.3")
    # The teacher of the recipe is an address at which nobody listens: had it been asked, the command would
    # have failed.
    done = factory("check", path, "-w", tmp_path / "work")
    assert done.returncode == 0, done.stderr
    assert "samples accepted" in done.stderr
    assert not (tmp_path / "work" / "logs").exists(), "a process for a model would have left its log"
    counted = "SELECT check_key, count(*) AS n FROM verdicts WHERE check_name = 'dedup' GROUP BY ALL"
    found = typed("audit", counted, "-w", tmp_path / "work", "--format", "json")
    numbers = Counter(row["n"] for row in json.loads(found.stdout))
    assert len(numbers) == 1 and sum(numbers.values()) == 2, "the same samples under either threshold"
    again = typed("check", path, "-w", tmp_path / "work")
    assert "nothing to do" in again.stderr
