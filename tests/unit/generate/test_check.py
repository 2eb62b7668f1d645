"""Generation and checks over a real store: every sample judged by every check, nothing asked or judged twice,
nothing lost on the way."""

import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.context.run import Run
from factory.generate.check import check, unjudged
from factory.generate.stage import generate, is_owed
from factory.inference.request import Answer, Request
from factory.pipeline.entry import enter_run
from factory.recipe.load import load_recipe
from factory.store.store import Store
from factory.system.progress import Progress
from factory.tasks.kinds import KINDS
from factory.tasks.sample import Sample, Task
from factory.workspace import Workspace
from tests.support.calculator import DATA
from tests.support.sample_rows import open_store

QUESTIONS, DRAWS = 30, 2
CHECKS = KINDS["tool_call"].default_checks
RECIPE = f"""\
name: tiny
teacher: {{model: tiny, endpoints: ["http://127.0.0.1:9/v1"]}}
data: {{kind: tool_call, seeds: seeds.jsonl, tools: tools.json, count: {QUESTIONS * DRAWS},
  samples_per_prompt: {DRAWS}, examples: 2, budget: {{requests: {QUESTIONS * DRAWS}}}}}
evaluate: {{held_out: held_out.jsonl}}
"""
SEEDS = [
    {
        "id": f"s{number}",
        "family": "plain-add",
        "question": f"What is {number} + {number + 7}?",
        "reference": f"{number} + {number + 7}",
    }
    for number in range(11, 17)
]
HELD_OUT = {"id": "h1", "family": "plain-add", "question": "What is 901 + 902?", "reference": "901 + 902"}


@dataclass(frozen=True)
class Planned:
    """A request of the plan, in its place."""

    position: int
    task: Task
    draw: int
    request: Request


class Nothing:
    """A pool in which nothing is accepted."""

    judged = 0

    def accepted(self, before: int) -> list[Sample]:
        return []


def plan(context: Plan, tasks: int = QUESTIONS) -> list[Planned]:
    """Return the first requests of the plan."""
    found = []
    for task in itertools.islice(context.taskset.tasks(Nothing()), tasks):
        assert task is not None
        for draw in range(DRAWS):
            request = context.request(next(context.episode(task, draw)), draw)
            found.append(Planned(len(found), task, draw, request))
    return found


Say = Callable[[Planned], dict[str, Any]]


def right(planned: Planned) -> dict[str, Any]:
    """Say the call of the reference; the second draw puts it differently, so that no two samples are the
    same."""
    expression = planned.task.reference + " + 0" * planned.draw
    return {"text": json.dumps({"name": "calculator", "arguments": {"expression": expression}})}


class Teacher:
    """A model that says what it is told to, and may fail before its n-th answer. It finishes requests in
    reverse, a few at a time."""

    def __init__(
        self,
        context: Plan,
        say: Say = right,
        *,
        at_once: int = 8,
        fails_at: int = -1,
        failure: BaseException | None = None,
    ):
        self._planned = {planned.request.key: planned for planned in plan(context, 3 * QUESTIONS)}
        self._say, self._at_once = say, at_once
        self._fails_at, self._failure = fails_at, failure
        self.answered: list[str] = []

    def __call__(self) -> "Teacher":
        return self

    def answer(self, requests: Iterable[Request | None]) -> Iterator[Answer]:
        waiting = iter(requests)
        while some := [request for request in itertools.islice(waiting, self._at_once) if request]:
            for request in reversed(some):
                if len(self.answered) == self._fails_at and self._failure:
                    raise self._failure
                said = {
                    "finish_reason": "stop",
                    "text": "",
                    "error": None,
                    **self._say(self._planned[request.key]),
                }
                self.answered.append(request.key)
                yield Answer(
                    request.key, said["text"], said["finish_reason"], 30, 12, 0.1, error=said["error"]
                )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "tools.json").write_bytes((DATA / "tools" / "calculator.json").read_bytes())
    write(tmp_path / "seeds.jsonl", SEEDS)
    write(tmp_path / "held_out.jsonl", [HELD_OUT])
    (tmp_path / "work").mkdir()
    return tmp_path


@pytest.fixture
def context(folder: Path) -> Plan:
    return load(folder)


def load(folder: Path) -> Plan:
    return Plan(Run(load_recipe(folder / "recipe.yaml"), Workspace(folder / "work"), Progress(io.StringIO())))


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def opened(context: Plan) -> Store:
    store = open_store(context.run.workspace)
    enter_run(context, store, "test")
    return store


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    return store.query(f"SELECT * EXCLUDE (batch) FROM {table} ORDER BY ALL")


def column(store: Store, sql: str) -> list[Any]:
    return [next(iter(row.values())) for row in store.query(sql)]


def sayings(**by_position: dict[str, Any]) -> Say:
    """Return a teacher's part: what it says at `p3`, `p4` …, and the right call elsewhere."""
    return lambda planned: by_position.get(f"p{planned.position}", right(planned))


def repeating(context: Plan) -> Say:
    """Return a teacher's part: the right calls, where the second draws at 1 and 5 say the same as the first
    ones."""
    return sayings(p1=right(plan(context)[0]), p5=right(plan(context)[4]))


def test_every_sample_has_a_verdict_of_every_check(context: Plan) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context))
        assert unjudged(context, store) == 0
        summary = check(context, store)
        verdicts = rows(store, "verdicts")
        samples = column(store, "SELECT sample_id FROM samples")
    assert len(samples) == QUESTIONS * DRAWS
    assert Counter((row["sample_id"], row["check_name"]) for row in verdicts) == Counter(
        itertools.product(samples, CHECKS)
    )
    assert {row["check_key"] for row in verdicts} == set(context.suite().keys)
    assert all(row["passed"] and row["reason"] == "ok" for row in verdicts)
    assert summary == f"{QUESTIONS * DRAWS} of {QUESTIONS * DRAWS} samples accepted"


def test_checking_again_adds_nothing(context: Plan) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context))
        check(context, store)
        before = {table: rows(store, table) for table in ("verdicts", "samples", "runs", "plan_items")}
        batches = column(store, "SELECT max(batch) FROM batches")
        check(context, store)
    with opened(load(context.run.loaded.path.parent)) as store:
        check(context, store)
        assert {table: rows(store, table) for table in before} == before
        assert column(store, "SELECT max(batch) FROM batches") == batches


def test_each_fault_is_a_row_with_its_reason_and_the_rest_is_the_training_set(context: Plan) -> None:
    wrong = {"text": json.dumps({"name": "calculator", "arguments": {"expression": "1 + 1"}})}
    say = sayings(
        p0={"text": ""},
        p1={"text": "It is 29."},
        p2={"text": '{"name": "shell", "arguments": {}}'},
        p3=wrong,
        p4={"text": '{"name": "calculator", "arguments": {"expression": "1 / 0"}}'},
        p5={"text": "", "finish_reason": "error", "error": "refused_400"},
        p6={"text": '{"name": "calc', "finish_reason": "length"},
        p7={"text": "\ud800 \0 <|im_end|>"},
    )
    with opened(context) as store:
        generate(context, store, Teacher(context, say))
        check(context, store)
        rejected = store.query("SELECT position, check_name, reason FROM rejected")
        accepted = set(column(store, "SELECT position FROM training_set"))
        verdicts = store.query(
            "SELECT position, passed FROM verdicts JOIN samples USING (sample_id) "
            "JOIN plan_items USING (request_key)"
        )
        yields = store.query("SELECT check_name, sum(samples) AS samples FROM yield_by_check GROUP BY ALL")
    reasons: dict[int, set[tuple[str, str]]] = {}
    for row in rejected:
        reasons.setdefault(row["position"], set()).add((row["check_name"], row["reason"]))
    no_call = ("execution", "no_call")
    assert reasons == {
        0: {("schema", "empty"), ("degenerate", "empty"), no_call},
        1: {("schema", "not_json"), no_call},
        2: {("schema", "unknown_tool"), no_call},
        3: {("execution", "wrong_result")},
        4: {("execution", "tool_error")},
        5: {("schema", "refused_400"), ("degenerate", "empty"), no_call, ("finish_reason", "no_answer")},
        6: {("schema", "truncated_json"), no_call, ("finish_reason", "cut_off")},
        7: {("schema", "not_text"), ("degenerate", "not_text"), no_call},
    }
    # The views say what the verdicts say, counted here a second time.
    failed = {row["position"] for row in verdicts if not row["passed"]}
    assert failed == set(reasons)
    assert accepted == set(range(QUESTIONS * DRAWS)) - failed
    assert {row["check_name"]: row["samples"] for row in yields} == dict.fromkeys(CHECKS, QUESTIONS * DRAWS)


def test_a_duplicate_is_caught_and_one_of_it_is_kept(context: Plan) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context, repeating(context)))
        check(context, store)
        rejected = store.query("SELECT position, check_name, reason, detail FROM rejected ORDER BY position")
        ids = {
            row["sample_id"]: row["position"]
            for row in store.query("SELECT sample_id, position FROM current_samples")
        }
        accepted = set(column(store, "SELECT position FROM training_set"))
    assert [(row["position"], row["check_name"], row["reason"], ids[row["detail"]]) for row in rejected] == [
        (1, "dedup", "duplicate", 0),
        (5, "dedup", "duplicate", 4),
    ]
    assert accepted == set(range(QUESTIONS * DRAWS)) - {1, 5}


def test_the_first_clean_one_of_a_pair_is_kept(context: Plan) -> None:
    first, second, *_ = plan(context)

    def say(planned: Planned) -> dict[str, Any]:
        same = right(first) if planned == second else right(planned)
        return {**same, "finish_reason": "length" if planned == first else "stop"}

    with opened(context) as store:
        generate(context, store, Teacher(context, say))
        check(context, store)
        rejected = store.query("SELECT position, check_name FROM rejected ORDER BY check_name")
        assert 1 in column(store, "SELECT position FROM training_set")
    assert [(row["position"], row["check_name"]) for row in rejected] == [(0, "finish_reason")]


def test_other_held_out_tasks_rejudge_decontamination_and_what_hangs_on_it(
    folder: Path, context: Plan
) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context))
        check(context, store)
        before = rows(store, "verdicts")
    leaked = plan(context)[10].task
    spoken = {
        "id": "h2",
        "question": leaked.question.upper().replace(" ", "  "),
        "reference": leaked.reference,
    }
    write(folder / "held_out.jsonl", [HELD_OUT, spoken])
    changed = load(folder)
    assert changed.plan_id == context.plan_id
    with opened(changed) as store:
        assert is_owed(changed, store)
        assert unjudged(changed, store) == QUESTIONS * DRAWS
        check(changed, store)
        new = [row for row in rows(store, "verdicts") if row not in before]
        rejected = store.query("SELECT question, reason, detail FROM rejected")
        accepted = column(store, "SELECT count(*) FROM training_set")
    assert Counter(row["check_name"] for row in new) == {
        "decontamination": QUESTIONS * DRAWS,
        "dedup": QUESTIONS * DRAWS,
    }
    assert {(row["question"], row["reason"], row["detail"]) for row in rejected} == {
        (leaked.question, "held_out_leak", "h2")
    }
    assert accepted == [QUESTIONS * DRAWS - len(rejected)]
    write(folder / "held_out.jsonl", [HELD_OUT])
    with opened(load(folder)) as store:
        assert unjudged(load(folder), store) == 0
        assert column(store, "SELECT count(*) FROM training_set") == [QUESTIONS * DRAWS]


def test_of_fewer_checks_only_what_hangs_on_them_is_judged_anew(folder: Path, context: Plan) -> None:
    with opened(context) as store:
        generate(
            context,
            store,
            Teacher(context, sayings(p0=right(plan(context)[0]) | {"finish_reason": "length"})),
        )
        check(context, store)
        assert 0 not in column(store, "SELECT position FROM training_set")
    (folder / "recipe.yaml").write_text(RECIPE + "checks: [schema, execution, dedup]\n")
    lenient = load(folder)
    with opened(lenient) as store:
        before = rows(store, "verdicts")
        check(lenient, store)
        assert {row["check_name"] for row in rows(store, "verdicts") if row not in before} == {"dedup"}
        assert 0 in column(store, "SELECT position FROM training_set")


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, QUESTIONS * DRAWS - 1])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_a_stop_keeps_what_was_answered_and_the_rest_is_asked_once(
    context: Plan, place: int, stop: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A commit comes after every second or third answer, so that stops fall before, at and behind one.
    monkeypatch.setattr("factory.generate.writer.BATCH_ROWS", 20)
    first, second = Teacher(context, fails_at=place, failure=stop()), Teacher(context)
    with opened(context) as store, pytest.raises(stop):
        generate(context, store, first)
    with opened(context) as store:
        assert set(column(store, "SELECT request_key FROM generations")) == set(first.answered)
        assert len(column(store, "SELECT sample_id FROM samples")) == place
        generate(context, store, second)
        check(context, store)
        assert not is_owed(context, store)
        assert unjudged(context, store) == 0
        asked = sorted(first.answered + second.answered)
        assert asked == sorted(planned.request.key for planned in plan(context))
        assert len(column(store, "SELECT sample_id FROM training_set")) == QUESTIONS * DRAWS


def test_an_interrupted_run_ends_with_the_same_rows_in_whatever_order_answers_come(
    context: Plan, folder: Path
) -> None:
    whole = Plan(Run(context.run.loaded, Workspace(folder / "whole"), context.run.progress))
    whole.run.workspace.root.mkdir()
    with opened(whole) as store:
        generate(whole, store, Teacher(whole, repeating(whole)))
        check(whole, store)
        expected = {table: rows(store, table) for table in ("samples", "verdicts")}
    for more in (3, 0, 38):
        with opened(context) as store, pytest.raises(KeyboardInterrupt):
            generate(
                context,
                store,
                Teacher(context, repeating(context), at_once=5, fails_at=more, failure=KeyboardInterrupt()),
            )
    with opened(context) as store:
        generate(context, store, Teacher(context, repeating(context), at_once=3))
        check(context, store)
        assert {table: rows(store, table) for table in expected} == expected


def test_a_complete_plan_asks_nothing(context: Plan) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context))
        silent = Teacher(context)
        generate(context, store, silent)
        assert silent.answered == []
        assert column(store, "SELECT count(*) FROM generations") == [QUESTIONS * DRAWS]


def test_a_longer_plan_asks_only_for_what_is_new(folder: Path, context: Plan) -> None:
    first = Teacher(context)
    with opened(context) as store:
        generate(context, store, first)
    more = (QUESTIONS + 5) * DRAWS
    (folder / "recipe.yaml").write_text(
        RECIPE.replace(f"count: {QUESTIONS * DRAWS}", f"count: {more}").replace(
            f"requests: {QUESTIONS * DRAWS}", f"requests: {more}"
        )
    )
    longer = load(folder)
    teacher = Teacher(longer)
    with opened(longer) as store:
        generate(longer, store, teacher)
        assert unjudged(longer, store) == 0
        assert len(column(store, "SELECT sample_id FROM training_set")) == more
    assert sorted(first.answered + teacher.answered) == sorted(
        {planned.request.key for planned in plan(longer, QUESTIONS + 5)}
    )


def test_it_goes_on_until_enough_is_accepted_and_says_so(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.replace(f", budget: {{requests: {QUESTIONS * DRAWS}}}", ""))
    context = load(folder)
    with opened(context) as store:
        wrong = {"text": "no call"}
        said = generate(
            context,
            store,
            Teacher(context, sayings(**{f"p{place}": wrong for place in range(0, 40)}), at_once=3),
        )
        assert f"samples accepted, {QUESTIONS * DRAWS} asked for: enough is accepted" in said
        assert column(store, "SELECT count(*) FROM training_set") == [QUESTIONS * DRAWS]
        # What was in flight at the end is kept, and is beyond what was asked for.
        assert (
            40 + QUESTIONS * DRAWS
            <= column(store, "SELECT count(*) FROM samples")[0]
            < 40 + QUESTIONS * DRAWS + 3
        )
        (end,) = rows(store, "plan_ends")
        assert end["accepted"] >= QUESTIONS * DRAWS


def test_seeds_that_give_no_more_are_told(folder: Path) -> None:
    write(folder / "seeds.jsonl", [{"id": "one", "question": "Two and two?", "reference": "2 + 2"}])
    context = load(folder)
    with opened(context) as store:
        assert "the seeds give no more new questions" in generate(context, store, Teacher(context))
        assert not is_owed(context, store)


def test_answers_are_stored_as_they_came(context: Plan) -> None:
    with opened(context) as store:
        generate(context, store, Teacher(context))
        stored = {row["request_key"]: row for row in rows(store, "generations")}
    for planned in plan(context):
        row = stored[planned.request.key]
        assert row["text"] == right(planned)["text"]
        assert json.loads(row["messages"]) == planned.request.messages
        assert json.loads(row["parameters"]) | {
            "seed": planned.request.seed,
            "draw": planned.draw,
        } == json.loads(row["parameters"])
        assert (row["teacher"], row["finish_reason"], row["attempts"], row["error"]) == (
            "tiny",
            "stop",
            1,
            None,
        )
