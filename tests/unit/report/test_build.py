"""From a store to the page: each statement on the page, put to the store through the reader, returns the
numbers that the page shows."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.lineage import Lineage
from factory.context.plan import Plan
from factory.errors import InputError
from factory.evaluate.candidate import candidates
from factory.generate.check import check
from factory.generate.stage import generate
from factory.models.artifact import publish, verify
from factory.report import build
from factory.report.build import build_report
from factory.report.compare import mcnemar
from factory.report.model import Report
from factory.report.tables import STATEMENTS, build_tables
from factory.store.reader import ask
from factory.store.store import Store
from tests.support import sample_rows
from tests.support.scripted import Model, call, load, opened, project, write
from tests.unit.models.test_folder import CONFIG, write_weights
from tests.unit.report.test_page import Page

RIGHT = {"teacher": 3, "base": 0, "student": 5}
TASKS = [
    {"id": f"h{number}", "question": f"Add {number} and 5, please.", "reference": f"{number} + 5"}
    for number in range(31, 39)
]


def say(request: Any) -> dict[str, Any]:
    """Answer most questions rightly, with the distribution of a teacher that is fairly sure."""
    wrong = int(request.key[-1], 16) < 4
    text = (
        json.dumps({"name": "calculator", "arguments": {"expression": "1 + 1"}}) if wrong else call(request)
    )
    logprobs = [-0.9 if wrong else -0.02] * 12
    top = [[logprob, logprob - 2.0] for logprob in logprobs]
    return {
        "text": text,
        "token_ids": list(range(12)),
        "token_logprobs": logprobs,
        "topk_ids": [[1, 2]] * 12,
        "topk_logprobs": top,
    }


def finished(folder: Path, *, right: dict[str, int] = RIGHT, count: int = 20) -> Plan:
    """Return a run whose every stage left its rows, `right` held-out tasks answered by each role."""
    folder.mkdir(parents=True)
    base = folder / "base"
    base.mkdir()
    write_model(base)
    write(folder / "held_out.jsonl", TASKS)
    more = "student: {base: ./base, stages: [{sft: {steps: 2}}]}\nevaluate: {held_out: held_out.jsonl}\n"
    project(
        folder, "tool_call", f"count: {count}", more="checks: [schema, execution, finish_reason]\n" + more
    )
    context = load(folder)
    with opened(context) as store:
        generate(context, store, Model(say))
        check(context, store)
        train(context, store)
        for candidate in candidates(context, Lineage(context.run, store)):
            evaluate(context, store, candidate, right[candidate.role])
        (run,) = store.query("SELECT run_id FROM current_run")
        store.commit(
            stages=[
                {
                    "run_id": run["run_id"],
                    "stage": "generate",
                    "seconds": 4.25,
                    "peak_memory_bytes": 7,
                    "detail": "<b>",
                }
            ]
        )
    return context


def write_model(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text('{"added_tokens": ["<|im_start|>", "<|im_end|>"]}')
    write_weights(folder / "model.safetensors")


def train(context: Plan, store: Store) -> None:
    lineage = Lineage(context.run, store)
    ((_, adapter),) = lineage.adapters
    logged = [
        {
            "step": step,
            "metric": "loss",
            "value": 2.0 / step,
            "artifact_id": adapter.artifact_id,
            "stage": "sft",
        }
        for step in (1, 2)
    ]
    student = lineage.student
    exact = [
        {"step": 2, "metric": metric, "value": value, "artifact_id": student.artifact_id, "stage": "sft"}
        for metric, value in (("exact", 0.75), ("exact_rows", 8.0))
    ]
    store.commit(training_log=[*logged, *exact])
    with publish(context.run.workspace.models / student.name, student.about) as staging:
        write_model(staging)
    made = verify(context.run.workspace.models / student.name)
    lineage.record(student, made, {"train": lineage.samples.ids})


def evaluate(context: Plan, store: Store, candidate: Any, right: int) -> None:
    evaluation = {"evaluation_id": candidate.evaluation_id(context)}
    predictions = [
        evaluation
        | {
            "task_id": f"b2:{place}", "question": "q", "reference": "r", "output": "o", "call": None,
            "result": None,
            "parsed": True, "same_call": False, "right_answer": place < right,
        }
        for place in range(len(TASKS))
    ]  # fmt: skip
    share = right / len(TASKS)
    figures = {"answer_accuracy": share, "tool_call_accuracy": 0.0, "parse_rate": 1.0}
    rows = [
        evaluation
        | {
            "artifact_id": candidate.artifact_id, "role": candidate.role, "metric": metric, "value": value,
            "low": value, "high": value, "n": len(TASKS),
        }
        for metric, value in figures.items()
    ]  # fmt: skip
    outside = {
        "kind": "model",
        "name": candidate.name,
        "path": "p",
        "digest": "d",
        "weight_bytes": 1,
        "parents": [],
        "about": {},
    }
    known = store.query("SELECT 1 FROM artifacts WHERE artifact_id = ?", [candidate.artifact_id])
    store.commit(
        predictions=predictions, evaluations=rows,
        artifacts=[] if known else [outside | {"artifact_id": candidate.artifact_id}]
    )  # fmt: skip


def built(context: Plan, against: str | None = None) -> tuple[Report, str]:
    with Store(context.run.workspace.store, context.run.workspace.ledger) as store:
        page, data = build_report(context, store, against)
    return Report.model_validate_json(data.read_bytes()), page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Report, str]:
    context = finished(tmp_path_factory.mktemp("run") / "a")
    return context, *built(context)


def test_every_statement_on_the_page_returns_the_numbers_that_it_shows(
    run: tuple[Plan, Report, str],
) -> None:
    context, report, source = run
    text = Page(source).text
    keys = {"funnel", "reasons", "coverage", "tools", "uncertainty", "lengths", "cost", "ending", "stages"}
    keys |= {"exact"}
    assert {table.key for table in report.tables} - {"lost_seeds"} == keys
    (exact,) = next(table.rows for table in report.tables if table.key == "exact")
    assert exact[1:4] == ["sft", 0.75, 8]
    for table in report.tables:
        answer = ask(context.run.workspace.store, table.sql)
        assert (answer.columns, answer.rows) == (table.columns, table.rows), table.key
        assert table.sql in text, f"{table.key} can be copied from the page"


def test_the_models_and_the_losses_are_what_their_statements_return(run: tuple[Plan, Report, str]) -> None:
    context, report, source = run
    text = Page(source).text
    figures = {
        (row[1], row[2]): row[3] for row in ask(context.run.workspace.store, report.sources["models"]).rows
    }
    assert {model.role: model.value("answer_accuracy") for model in report.models} == {
        role: figures[role, "answer_accuracy"] for role in RIGHT
    }
    losses = ask(context.run.workspace.store, report.sources["losses"]).rows
    assert [[loss.stage, loss.step, loss.name, loss.value] for loss in report.losses] == losses != []
    assert report.sources["models"] in text and report.sources["losses"] in text
    for query in report.queries:
        ask(context.run.workspace.store, query.sql)


def test_the_tables_agree_with_each_other(run: tuple[Plan, Report, str]) -> None:
    _, report, source = run
    tables = {table.key: table for table in report.tables}
    steps = dict(tables["funnel"].rows)
    assert list(steps)[:3] == ["asked for", "answered", "schema"]
    assert list(steps.values()) == sorted(steps.values(), reverse=True)
    assert (
        steps["in the training set"]
        == 20
        <= report.yield_.accepted
        < steps["answered"]
        == report.yield_.answered
    )
    for key in ("coverage", "uncertainty", "lengths"):
        places = [tables[key].columns.index("accepted")]
        assert sum(row[places[0]] for row in tables[key].rows) == report.yield_.accepted
    assert sum(row[2] for row in tables["reasons"].rows) >= steps["answered"] - steps["execution"] > 0
    assert tables["reasons"].rows[0][:2] == ["execution", "wrong_result"]
    assert tables["ending"].rows[0][1] >= 20
    assert Page(source).count("svg") == 6, "no speed was measured"


def test_against_another_workspace_and_an_earlier_run(run: tuple[Plan, Report, str], tmp_path: Path) -> None:
    context, before, _ = run
    other = finished(tmp_path / "b", right=RIGHT | {"student": 8}, count=16)
    report, source = built(other, str(context.run.workspace.root))
    assert report.comparison is not None
    (student,) = [pair for pair in report.comparison.pairs if pair.role == "student"]
    assert (student.shared, student.only_before, student.only_now, student.p) == (8, 0, 3, 0.25)
    assert {pair.role: pair.p for pair in report.comparison.pairs if pair.role != "student"} == {
        "teacher": 1.0,
        "base": 1.0,
    }
    changed = {row.what: (row.before, row.now) for row in report.comparison.changed}
    assert (
        changed["accepted"] == (before.yield_.accepted, report.yield_.accepted)
        and "left after execution" in changed
    )
    assert any(line.startswith("-") and "20" in line for line in report.comparison.recipe)
    text = Page(source).text
    assert "Against tiny" in text and "0.250" in text and "What changed" in text

    (kept,) = other.run.workspace.reports.glob("run-*.json")
    again, _ = built(other, kept.stem.removeprefix("run-")[:6])
    assert again.comparison is not None and again.comparison.recipe == []
    ((whole,),) = ask(other.run.workspace.store, "SELECT run_id FROM current_run").rows
    assert built(other, str(whole))[0].comparison is not None
    assert {row.what for row in again.comparison.changed if row.before != row.now} == set()


@pytest.mark.parametrize("named", ["0000ffff", "/no/such/place", "../..", "x*y"])
def test_a_run_that_is_not_there_is_told(run: tuple[Plan, Report, str], named: str, tmp_path: Path) -> None:
    context, _, _ = run
    (tmp_path / "report.json").write_text("{}")
    for wanted in (named, str(tmp_path / "report.json"), str(tmp_path)):
        with pytest.raises(InputError):
            built(context, wanted)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [(0, 0, 1.0), (0, 5, 0.0625), (5, 0, 0.0625), (1, 9, 22 / 1024), (6, 6, 1.0), (0, 20, 2 / 2**20)],
)
def test_mcnemar_is_the_exact_two_sided_binomial(one: int, other: int, p: float) -> None:
    assert mcnemar(one, other) == pytest.approx(p)


def test_what_is_accepted_beyond_what_was_wanted_is_not_rejected(tmp_path: Path) -> None:
    rows = sample_rows.finished()
    rows["runs"][0]["target_count"] = 1
    edited = rows["samples"][0] | {"sample_id": "b2:edited", "edited_from": "b2:sample0"}
    with sample_rows.open_store(sample_rows.make_workspace(tmp_path, rows)) as store:
        assert len(store.query("SELECT 1 FROM training_set")) == 1
        counts = build._yield(store)
        assert (counts.answered, counts.accepted, counts.rejected) == (3, 2, 1)
        tables = {statement.key: store.query(statement.sql) for statement in STATEMENTS}
        assert sum(row["accepted"] for row in tables["coverage"]) == 2
        store.commit(samples=[edited])
        sure = store.query(next(statement.sql for statement in STATEMENTS if statement.key == "uncertainty"))
        assert sum(row["accepted"] + row["rejected"] for row in sure) == len(
            store.query("SELECT 1 FROM current_samples")
        )


def test_seeds_without_an_accepted_sample_are_named(tmp_path: Path) -> None:
    rows = sample_rows.finished()
    lost = dict(rows["seeds"][0]) | {"seed_id": "b2:lost", "name": "lost", "family": "hard"}
    rejected = dict(rows["samples"][-1]) | {"seed_id": "b2:lost"}
    rows["seeds"].append(lost)
    rows["samples"][-1] = rejected
    with sample_rows.open_store(sample_rows.make_workspace(tmp_path, rows)) as store:
        learnt = {row["seed_id"] for row in store.query("SELECT seed_id FROM training_set")}
        assert "b2:lost" not in learnt
        (table,) = [one for one in build_tables(store) if one.key == "lost_seeds"]
        assert table.rows[0] == ["hard", 1, "lost"]


def test_the_table_of_the_judge_and_a_person_is_there_once_both_have_judged(tmp_path: Path) -> None:
    rows = sample_rows.finished()
    sample, run = rows["samples"][0]["sample_id"], rows["runs"][0]
    with sample_rows.open_store(sample_rows.make_workspace(tmp_path, rows)) as store:
        store.commit(runs=[run | {"run_id": "b2:judged", "check_keys": ["schema:1", "judge:1"]}])
        assert "judge_agreement" not in {table.key for table in build_tables(store)}
        word = {"sample_id": sample, "passed": True, "reason": "ok"}
        store.commit(
            verdicts=[
                word | {"check_key": "judge:1", "check_name": "judge", "score": 4.5},
                word | {"check_key": "person:000007", "check_name": "person"},
            ]
        )
        (table,) = [one for one in build_tables(store) if one.key == "judge_agreement"]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["samples"], row["kappa"]) == (1, None) and str(row["note"]).startswith("too few")
