"""The overview counts what is there and finds what is odd; each of its statements shows as many rows as it
says there are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.audit.overview import Line, Overview, overview
from factory.audit.overview_text import overview_text
from factory.errors import FactoryError
from factory.store.reader import Limits, ask
from factory.workspace import Workspace
from tests.support.sample_rows import EVIL, Rows, finished, make_workspace

LIMITS = Limits(seconds=300, rows=3)


def changed(table: str, place: int, **values: Any) -> Rows:
    rows = finished()
    rows[table][place] |= values
    return rows


def look(rows: Rows, folder: Path) -> tuple[Workspace, Overview, dict[str, Line]]:
    workspace = make_workspace(folder, rows)
    seen = overview(workspace.store, LIMITS)
    return workspace, seen, {line.item: line for line in seen.lines}


def test_counts_yields_reasons_and_views(tmp_path: Path) -> None:
    _, seen, lines = look(finished(), tmp_path)
    assert {item: lines[item].count for item in ("runs", "generations", "samples", "verdicts")} == {
        "runs": 1, "generations": 3, "samples": 3, "verdicts": 6,
    }  # fmt: skip
    assert (lines["accepted"].count, lines["accepted"].share) == (2, 0.6667)
    assert lines["accepted"].note == "10 were asked for; it ended because 10 samples are accepted"
    assert (lines["execution"].count, lines["execution"].share) == (2, 0.6667)
    assert (lines["wrong_result"].count, lines["wrong_result"].note) == (1, "by execution")
    text = " ".join(overview_text(seen, 160).split())
    assert "by execution: the result differs from the reference" in text
    assert {"training_set", "rejected"} <= {view for view, shows in seen.views if shows}
    assert [line.item for line in seen.lines if line.section == "oddities"] == ["duplicate"]


def without_verdicts(sample: str) -> Rows:
    rows = finished()
    for verdict in rows["verdicts"]:
        verdict["passed"] = verdict["passed"] and verdict["sample_id"] != sample
    return rows


def of_another_seed(place: int) -> Rows:
    rows = changed("samples", place, seed_id="b2:other", language="zh", family="sum")
    rows["seeds"].append(
        rows["seeds"][0] | {"seed_id": "b2:other", "name": "s2", "language": "zh", "family": "sum"}
    )
    rows["plan_items"][place] |= {"seed_id": "b2:other", "language": "zh"}
    return rows


def one_of_many_seeds() -> Rows:
    rows = finished()
    for number in range(60):
        key, sample, seed = f"b2:k{number}", f"b2:s{number}", "b2:seed" if number < 40 else f"b2:seed{number}"
        if number >= 40:
            rows["seeds"].append(rows["seeds"][0] | {"seed_id": seed, "name": seed})
        rows["generations"].append(rows["generations"][0] | {"request_key": key})
        rows["plan_items"].append(
            rows["plan_items"][0] | {"position": 10 + number, "request_key": key, "seed_id": seed}
        )
        rows["samples"].append(
            rows["samples"][0]
            | {"sample_id": sample, "request_key": key, "seed_id": seed, "dedup_key": sample}
        )
        rows["verdicts"] += [verdict | {"sample_id": sample} for verdict in rows["verdicts"][:2]]
    rows["runs"][0]["target_count"] = None
    return rows


ODD = {
    "unsure_teacher": changed("generations", 0, token_logprobs=[-3.0, -0.1]),
    "accepted_cut_off": changed("generations", 0, finish_reason="length"),
    "cut_off": changed("generations", 2, finish_reason="length"),
    "no_answer": changed("generations", 2, finish_reason="error", error="http_500"),
    "seed_without_yield": of_another_seed(2),
    "language_missing": of_another_seed(2),
    "family_missing": of_another_seed(2),
    "disagreement": changed("samples", 1, task_id="b2:task0", answer="169"),
    "empty_answer": changed("samples", 0, answer=" "),
    "hidden_characters": changed("samples", 0, question=EVIL),
    "harsh_check": without_verdicts("b2:sample0"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_found_and_shown(tmp_path: Path, name: str) -> None:
    workspace, seen, lines = look(ODD[name], tmp_path)
    line = lines[name]
    assert line.section == "oddities"
    assert len(ask(workspace.store, line.statement, replace(LIMITS, rows=100)).rows) == line.count
    assert line.note in overview_text(seen, 160)


def test_a_seed_that_prevails_is_found(tmp_path: Path) -> None:
    _, _, lines = look(one_of_many_seeds(), tmp_path)
    assert lines["seed_prevails"].count == 1


def test_nothing_in_a_store_drives_the_terminal(tmp_path: Path) -> None:
    rows = finished()
    for verdict in rows["verdicts"]:
        if not verdict["passed"]:
            verdict["reason"] = EVIL
    workspace, seen, _ = look(rows, tmp_path)
    text = overview_text(seen, 80)
    assert "[/nope][bold]" in text
    assert not {"\x1b", "\x07", "\u202e", "\0"} & set(text)
    (line,) = [line for line in seen.lines if line.section == "reasons"]
    assert len(ask(workspace.store, line.statement, replace(LIMITS, rows=100)).rows) == 1, (
        "a quote in a reason does not end the text"
    )


def test_a_store_without_a_run_has_an_overview(tmp_path: Path) -> None:
    _, seen, lines = look({"training_log": finished()["training_log"]}, tmp_path)
    assert lines["samples"].count == 0
    assert {line.section for line in seen.lines} == {"store"}
    assert "training_set" in overview_text(seen, 80)


def test_a_store_of_something_else_is_told(tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(tmp_path / "factory.duckdb") as connection:
        connection.execute("CREATE TABLE other (i INTEGER)")
    with pytest.raises(FactoryError, match="has not the tables of this factory"):
        overview(tmp_path / "factory.duckdb", LIMITS)
