"""The way through a plan: it ends for a stated reason, asks no more than is likely needed, and goes on where
it was interrupted."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.generate.check import check, unjudged
from factory.generate.stage import generate, is_owed
from factory.inference.request import Request
from factory.pipeline.entry import enter_run
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
NEAR = "checks: [schema, {dedup: {threshold: 0.75}}]\n"
NO_DEDUP = "checks: [schema, finish_reason]\n"


def ended(folder: Path, model: Model) -> tuple[str, dict[str, Any]]:
    """Run a recipe to its end and return what is said of it, and the row."""
    context = load(folder)
    with opened(context) as store:
        said = generate(context, store, model)
        assert not is_owed(context, store)
        (end,) = store.query(
            "SELECT reason, accepted, requests, tokens FROM plan_ends ORDER BY batch DESC LIMIT 1"
        )
    assert said.endswith(end["reason"])
    return said, end


@pytest.mark.parametrize("kind", SAYS)
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("{count: 20}", "enough is accepted"),
        ("{count: 500, requests: 12}", "the budget of 12 requests is used up"),
        ("{count: 500, tokens: 400}", "the budget of 400 tokens is used up"),
    ],
)
def test_the_end_is_stated(tmp_path: Path, kind: str, limits: str, reason: str) -> None:
    values = dict(part.split(": ") for part in limits.strip("{}").split(", "))
    budget = ", ".join(f"{name}: {value}" for name, value in values.items() if name != "count")
    project(tmp_path, kind, f"count: {values['count']}", f"budget: {{{budget}}}")
    model = Model(SAYS[kind], at_once=3)
    said, end = ended(tmp_path, model)
    assert end["reason"] == reason
    assert f"{end['accepted']} samples accepted, {values['count']} asked for" in said
    assert (end["requests"], end["tokens"]) == (len(model.asked), 42 * len(model.asked))
    if reason.startswith("enough"):
        assert end["accepted"] >= 20
    # What was begun still ends: at most two turns each of three that were in flight.
    elif "requests" in reason:
        assert 12 <= end["requests"] <= 12 + 6
    else:
        assert 400 <= end["tokens"] <= 400 + 42 * 6


def test_seeds_that_repeat_themselves_are_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.generate.scheduler.MOST_REPEATED", 50)
    project(tmp_path, "instruction", "count: 50", "examples: 1", more=NO_DEDUP)
    write(tmp_path / "seeds.jsonl", SEEDS["instruction"][:2])
    model = Model(proposing)
    said, end = ended(tmp_path, model)
    assert end["reason"] == "the seeds give no more new questions"
    assert len(model.asked) == 4, "two prompts, and two answers to what was proposed"


@pytest.mark.parametrize("kind", ["tool_call", "rationale", "instruction"])
@pytest.mark.parametrize("wanted", [5, 40])
def test_an_answer_that_is_long_in_coming_costs_nothing(tmp_path: Path, kind: str, wanted: int) -> None:
    project(tmp_path, kind, f"count: {wanted}", more=checks(kind))
    model = Model(SAYS[kind], held_back=True)
    _, end = ended(tmp_path, model)
    assert end["reason"] == "enough is accepted"
    turns = 2 if kind == "instruction" else 1
    assert len(model.asked) <= turns * max(wanted, 16) + 8, "what was in flight beside it"


def test_no_more_is_begun_than_the_share_that_is_accepted_asks_for(tmp_path: Path) -> None:
    project(tmp_path, "tool_call", "count: 60", more=checks("tool_call"))
    model = Model(lambda request: call(request) if int(request.key[-1], 16) % 2 else "no call", at_once=64)
    _, end = ended(tmp_path, model)
    assert end["accepted"] >= 60
    assert len(model.asked) <= 2.6 * 60


@pytest.mark.parametrize("kind", ["steps", "instruction"])
def test_an_interruption_between_the_turns_of_a_sample_asks_only_what_is_missing(
    tmp_path: Path, kind: str
) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
        project(
            tmp_path / name,
            kind,
            "count: 24",
            "examples: 3",
            "budget: {requests: 60}",
            more=checks(kind, "dedup"),
        )
    whole = Model(SAYS[kind], at_once=1)
    ended(tmp_path / "whole", whole)
    answered: list[str] = []
    for stop in (0, 1, 7, 16, 5):
        part = Model(SAYS[kind], at_once=7, stops_at=stop)
        context = load(tmp_path / "parts")
        with opened(context) as store, pytest.raises(KeyboardInterrupt):
            generate(context, store, part)
        with opened(context) as store:
            answered += part.answered
            assert is_owed(context, store)
            assert sorted(column(store, "SELECT request_key FROM generations")) == sorted(answered)
            check(context, store)
            batches = count(store, "batches")
            check(context, store)
            assert count(store, "batches") == batches, "what waits for an answer before it is not judged yet"
    last = Model(SAYS[kind], at_once=7)
    ended(tmp_path / "parts", last)
    answered += last.answered
    assert max(Counter(answered).values()) == 1
    assert set(whole.keys) <= set(answered)
    sql = "SELECT sample_id, position, dedup_key, verdicts FROM training_set ORDER BY position"
    with opened(load(tmp_path / "whole")) as one, opened(load(tmp_path / "parts")) as two:
        assert one.query(sql) == two.query(sql)
        assert count(one, "training_set") == 24


QUESTIONS = [
    "Why is the sky blue?",
    "How do bees find their way home?",
    "What makes bread rise in the oven?",
    "When was the printing press invented?",
    "Who looks after a lighthouse?",
    "How does a bicycle pump press air into a tyre?",
    "How does a bicycle pump press air into a tire?",
    "Where do swallows spend the winter?",
]


def test_what_lies_behind_a_missing_answer_waits_for_it(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        return f"It is asked: {request.messages[-1]['content']}\nAnswer: so"

    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
        project(tmp_path / name, "rationale", "count: 9", "examples: 0", "budget: {requests: 8}", more=NEAR)
        write(
            tmp_path / name / "seeds.jsonl",
            [{"id": f"s{place}", "question": asked} for place, asked in enumerate(QUESTIONS)],
        )
    recipe = tmp_path / "parts" / "recipe.yaml"
    edit(recipe, "requests: 8", "requests: 5")
    ended(tmp_path / "parts", Model(say))
    edit(recipe, "requests: 5", "requests: 8")
    context = load(tmp_path / "parts")
    with opened(context) as store:
        with pytest.raises(KeyboardInterrupt):
            generate(context, store, Model(say, at_once=8, stops_at=2))
        assert sorted(column(store, "SELECT position FROM current_samples")) == [0, 1, 2, 3, 4, 6, 7], (
            "the latest is answered first"
        )
        assert unjudged(context, store) == 2
        # Another threshold: all but what waits is judged, once.
        edit(recipe, "0.75", "0.8")
        context = load(tmp_path / "parts")
        enter_run(context, store, "check")
        assert unjudged(context, store) == 7
        assert (
            check(context, store)
            == "5 of 7 samples accepted, 2 wait for an answer before them: factory generate"
        )
        assert unjudged(context, store) == 2
        before = count(store, "verdicts")
        check(context, store)
        assert count(store, "verdicts") == before
    ended(tmp_path / "parts", Model(say))
    edit(tmp_path / "whole" / "recipe.yaml", "0.75", "0.8")
    ended(tmp_path / "whole", Model(say))
    sql = "SELECT sample_id, position, verdicts FROM training_set ORDER BY position"
    with opened(load(tmp_path / "whole")) as one, opened(load(tmp_path / "parts")) as two:
        assert one.query(sql) == two.query(sql)
        assert column(two, "SELECT position FROM training_set ORDER BY position") == [0, 1, 2, 3, 4, 5, 7]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 20), max_size=3), st.integers(1, 20))
def test_however_often_it_is_interrupted_the_data_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    project(folder, "steps", "count: 12", "examples: 1")
    for stop in stops:
        context = load(folder)
        with opened(context) as store:
            try:
                generate(context, store, Model(steps, at_once=at_once, stops_at=stop))
            except KeyboardInterrupt:
                continue
    ended(folder, Model(steps, at_once=at_once))
    with opened(load(folder)) as store:
        made = store.query("SELECT position, question, result FROM training_set ORDER BY position")
    assert [row["position"] for row in made] == list(range(12))
    assert all(
        json.loads(row["result"]) == [[str(sum(map(int, row["question"][4:-1].split(" and "))))]]
        for row in made
    )


def test_proposals_that_are_the_same_share_one_answer(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        if request.schema is not None and int(request.key[-1], 16) % 2:
            return json.dumps({"instruction": "Name all the colours of a rainbow.", "input": ""})
        return proposing(request)

    project(tmp_path, "instruction", "count: 20", "examples: 2", more="checks: [schema, dedup]\n")
    model = Model(say, at_once=5)
    ended(tmp_path, model)
    assert max(Counter(model.keys).values()) == 1
    context = load(tmp_path)
    with opened(context) as store:
        positions = column(store, "SELECT position FROM current_samples")
        assert len(positions) == len(set(positions)) == count(store, "samples")
        assert unjudged(context, store) == 0
        reasons = column(store, "SELECT DISTINCT reason FROM rejected")
        rainbow = "question = 'Name all the colours of a rainbow.'"
        assert column(store, f"SELECT count(*) FROM training_set WHERE {rainbow}") == [1]
        assert column(store, f"SELECT count(DISTINCT request_key) FROM current_samples WHERE {rainbow}") == [
            1
        ]
        assert reasons == ["duplicate"]
        # The way gone again brings nothing new, and asks nothing.
        before = count(store, "samples"), count(store, "verdicts"), count(store, "plan_items")
        silent = Model(say)
        generate(context, store, silent)
        assert silent.opened == 0
        assert (count(store, "samples"), count(store, "verdicts"), count(store, "plan_items")) == before


def test_the_turns_of_a_sample_stand_in_their_table(tmp_path: Path) -> None:
    project(tmp_path, "steps", "count: 6", "examples: 1")
    ended(tmp_path, Model(steps))
    with opened(load(tmp_path)) as store:
        turns = store.query(
            "SELECT position, turn, text FROM turns JOIN generations USING (request_key) "
            "ORDER BY position, turn"
        )
        last = column(store, "SELECT request_key FROM plan_items ORDER BY position")
        assert last == column(store, "SELECT request_key FROM turns WHERE turn = 1 ORDER BY position")
    assert [(row["position"], row["turn"]) for row in turns] == [
        (place, turn) for place in range(len(last)) for turn in (0, 1)
    ]
    assert [row["text"] == "[]" for row in turns] == [False, True] * len(last)


def test_a_single_answer_needs_no_turns(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 6")
    ended(tmp_path, Model(reasoning))
    with opened(load(tmp_path)) as store:
        assert count(store, "turns") == 0


def test_the_training_set_is_the_first_that_were_accepted(tmp_path: Path) -> None:
    project(tmp_path, "tool_call", "count: 6", more=checks("tool_call"))
    ended(
        tmp_path,
        Model(lambda request: "no" if int(request.key[-1], 16) % 4 == 0 else call(request), at_once=40),
    )
    with opened(load(tmp_path)) as store:
        judged = "FROM current_samples JOIN current_verdicts USING (sample_id)"
        passed = column(store, f"SELECT position {judged} GROUP BY ALL HAVING bool_and(passed) ORDER BY ALL")
        assert len(passed) > 6, "answers that were in flight at the end are more than was asked for"
        assert column(store, "SELECT position FROM training_set ORDER BY position") == passed[:6]


def test_a_lone_surrogate_makes_the_same_sample_when_the_way_is_gone_again(tmp_path: Path) -> None:
    project(tmp_path, "rationale", "count: 3", "budget: {requests: 3}", more="checks: [schema, dedup]\n")
    texts = iter(["It is \ud800 so.\nAnswer: one \ud800"] * 2)
    ended(tmp_path, Model(lambda request: next(texts, None) or reasoning(request)))
    context = load(tmp_path)
    with opened(context) as store:
        before = count(store, "samples"), count(store, "verdicts")
        generate(context, store, Model(reasoning))
        assert (count(store, "samples"), count(store, "verdicts")) == before == (3, 9)


def test_two_plans_share_a_store_and_what_was_answered(tmp_path: Path) -> None:
    path = project(tmp_path, "tool_call", "count: 12", more="checks: [schema, execution]\n")
    first, second = Model(call), Model(call)
    ended(tmp_path, first)
    edit(path, "name: tiny", "name: tiny\nseed: 3")
    other = load(tmp_path)
    with opened(other) as store:
        assert is_owed(other, store)
        assert count(store, "current_samples") == 0, "the plan of the other seed has nothing yet"
    ended(tmp_path, second)
    assert not set(first.keys) & set(second.keys)
    with opened(load(tmp_path)) as store:
        assert count(store, "training_set") == 12
        assert count(store, "generations") == len(first.asked) + len(second.asked)
    edit(path, "seed: 3\n", "")
    silent = Model(call)
    context = load(tmp_path)
    with opened(context) as store:
        assert not is_owed(context, store)
        generate(context, store, silent)
        assert count(store, "training_set") == 12
        assert set(column(store, "SELECT request_key FROM training_set")) <= set(first.keys)
    assert silent.opened == 0


def failing(places: set[int], error: str) -> Say:
    """Return a teacher's part that has no answer to the questions in those places."""

    def say(request: Request) -> str | dict[str, Any]:
        asked = request.messages[-1]["content"]
        if QUESTIONS.index(asked) in places:
            return {"text": "", "error": error}
        return f"It is asked: {asked}\nAnswer: so"

    return say


def questions(folder: Path, *data: str) -> Path:
    """Write a recipe over six questions of which each can be put in one way only."""
    path = project(
        folder, "rationale", "count: 50", "examples: 0", *data, more="checks: [schema, finish_reason]\n"
    )
    write(
        folder / "seeds.jsonl",
        [{"id": f"s{place}", "question": asked} for place, asked in enumerate(QUESTIONS[:6])],
    )
    return path


def again(folder: Path, model: Model) -> str:
    context = load(folder)
    with opened(context) as store:
        return generate(context, store, model)


@pytest.mark.parametrize("error", ["failed_timeout", "failed_connection", "failed_http_500"])
def test_what_failed_in_passing_is_asked_again_by_the_next_run(tmp_path: Path, error: str) -> None:
    questions(tmp_path)
    first = Model(failing({1, 4}, error))
    assert again(tmp_path, first).endswith(
        "no more new questions; 2 found no answer this time, and are asked again by the next run"
    )
    assert len(first.asked) == 6
    with opened(load(tmp_path)) as store:
        assert is_owed(load(tmp_path), store)
        assert column(store, "SELECT position FROM training_set ORDER BY position") == [0, 2, 3, 5]
        before = store.query("SELECT * FROM verdicts ORDER BY ALL")
    second = Model(failing(set(), error))
    _, end = ended(tmp_path, second)
    assert [request.messages[-1]["content"] for request in second.asked] == [QUESTIONS[1], QUESTIONS[4]]
    assert not set(first.keys) & set(second.keys)
    assert (end["reason"], end["accepted"], end["requests"]) == ("the seeds give no more new questions", 6, 8)
    silent = Model(failing(set(), error))
    context = load(tmp_path)
    with opened(context) as store:
        assert column(store, "SELECT position FROM training_set ORDER BY position") == [0, 2, 3, 5, 6, 7]
        # What happened stays on record.
        assert column(
            store, f"SELECT DISTINCT position FROM rejected WHERE reason = '{error}' ORDER BY ALL"
        ) == [1, 4]
        assert [row for row in before if row not in store.query("SELECT * FROM verdicts")] == []
        rows = count(store, "verdicts"), count(store, "samples"), count(store, "plan_items")
        generate(context, store, silent)
        check(context, store)
        assert unjudged(context, store) == 0
        assert (count(store, "verdicts"), count(store, "samples"), count(store, "plan_items")) == rows
    assert silent.opened == 0


@pytest.mark.parametrize("error", ["refused_400", "prompt_too_long"])
def test_what_no_other_attempt_could_cure_is_not_asked_again(tmp_path: Path, error: str) -> None:
    questions(tmp_path)
    said, _ = ended(tmp_path, Model(failing({1, 4}, error)))
    assert "asked again" not in said
    silent = Model(failing(set(), error))
    again(tmp_path, silent)
    assert silent.opened == 0


def test_what_fails_again_and_again_is_given_up(tmp_path: Path) -> None:
    questions(tmp_path)
    asked = []
    for _ in range(3):
        model = Model(failing({1}, "failed_timeout"))
        assert "1 found no answer" in again(tmp_path, model)
        asked.append(len(model.asked))
    last = Model(failing({1}, "failed_timeout"))
    ended(tmp_path, last)
    assert [*asked, len(last.asked)] == [6, 1, 1, 1]


def test_enough_without_the_lost_ones_is_enough(tmp_path: Path) -> None:
    edit(questions(tmp_path), "count: 50", "count: 4")
    said, end = ended(tmp_path, Model(failing({0, 3}, "failed_timeout")))
    assert end["reason"] == "enough is accepted"
    assert "asked again" not in said


def test_a_question_that_one_of_its_draws_answered_is_not_lost(tmp_path: Path) -> None:
    questions(tmp_path, "samples_per_prompt: 2")
    once: set[str] = set()

    def say(request: Request) -> str | dict[str, Any]:
        asked = request.messages[-1]["content"]
        first = asked not in once
        once.add(asked)
        return (
            {"text": "", "error": "failed_timeout"}
            if first or asked == QUESTIONS[2]
            else f"So: {asked}\nAnswer: so"
        )

    assert "; 1 found no answer" in again(tmp_path, Model(say))
    later = Model(failing(set(), ""))
    ended(tmp_path, later)
    assert [request.messages[-1]["content"] for request in later.asked] == [QUESTIONS[2]] * 2


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_the_second_round_is_the_same_however_it_is_interrupted(tmp_path: Path, stop: int) -> None:
    made = []
    for name in ("whole", "parts"):
        folder = tmp_path / name
        folder.mkdir()
        questions(folder)
        again(folder, Model(failing({0, 2, 5}, "failed_timeout"), at_once=2))
        if name == "parts":
            with pytest.raises(KeyboardInterrupt):
                again(folder, Model(failing(set(), ""), stops_at=stop))
        ended(folder, Model(failing(set(), ""), at_once=3))
        with opened(load(folder)) as store:
            made.append(
                store.query("SELECT sample_id, position, request_key FROM training_set ORDER BY position")
            )
            assert count(store, "generations") == 9
    assert made[0] == made[1]
    assert len(made[0]) == 6
