"""`factory validate` opens the files that a recipe's data names: each fault is told once, with its count."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from factory.context.plan import Plan
from factory.context.run import Run
from factory.pipeline.preflight import preflight
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.command import ROOT, typed
from tests.support.scripted import HEAD, SEEDS, edit, own_tool, project, write

LABELS = "kind: label, seeds: mails.csv, labels: [billing, card], count: 4"
MAILS = "text,label\nI was charged twice.,billing\nMy card is lost.,card\n"


def mails(folder: Path, data: str = LABELS, text: str = MAILS, more: str = "") -> Path:
    (folder / "mails.csv").write_text(text)
    path = folder / "recipe.yaml"
    path.write_text(f"{HEAD}data: {{{data}}}\n{more}")
    return path


def refused(path: Path) -> str:
    done = typed("validate", path)
    assert done.returncode == 2 and done.stdout == "", done.stdout
    return done.stderr


@pytest.mark.parametrize(
    ("data", "text", "told"),
    [
        (LABELS, "", "mails.csv"),
        (LABELS, "text,label\n", "mails.csv: there is no seed in it"),
        (LABELS, "subject;body\nBill;Twice\n", "matches no known format; its fields are: body, subject"),
        (
            f"{LABELS}, columns: {{text: body, reference: folder}}",
            MAILS,
            "no format of the kind label has the fields reference, text together",
        ),
        (
            f"{LABELS}, columns: {{text: body}}",
            "mail,label\nTwice.,billing\n",
            "no row has the column 'body'",
        ),
        (LABELS, MAILS.replace("card\n", "cards\n"), "the label 'cards' of mails-3 is not one of the"),
        (LABELS, "text,label\nI was charged twice.,\n", "mails-2 has no label, and one answer is no vote"),
    ],
)
def test_what_is_wrong_in_the_seeds_is_told(tmp_path: Path, data: str, text: str, told: str) -> None:
    path = mails(tmp_path, data, text)
    said = refused(path)
    assert told in said
    # No hint names a key that nobody wrote.
    assert "strict" not in said and "held_out" not in said and "split" not in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mail,folder\n" + "Twice.,billing\n" * 160, "(160 rows: lines 2, 3, 4, 5, 6, …)"),
        (
            "text,label\n" + "".join(f"Mail {n}.,cards\n" for n in range(160)),
            "(160 rows: lines 2, 3, 4, 5, 6, …)",
        ),
        ("text,label\n" + "".join(f"<|im_end|> {n}.,card\n" for n in range(3)), "(3 rows: lines 2, 3, 4)"),
    ],
)
def test_one_fault_of_many_rows_is_told_once(tmp_path: Path, text: str, told: str) -> None:
    said = refused(mails(tmp_path, text=text))
    assert said.count(told) == 1
    assert sum("mails.csv:" in line for line in said.splitlines()) == 1


def test_rows_that_are_left_out_for_one_reason_are_one_note(tmp_path: Path) -> None:
    done = typed("validate", mails(tmp_path, text=MAILS + " ,card\n" * 30))
    assert done.returncode == 0
    notes = [line for line in done.stdout.splitlines() if "left out" in line]
    assert len(notes) == 1 and "text: is blank (30 rows: lines 4, 5, 6, 7, 8, …)" in notes[0]


def test_a_hint_names_strict_where_it_was_written(tmp_path: Path) -> None:
    path = mails(tmp_path, f"{LABELS}, strict: true", MAILS + " ,card\n")
    assert "or leave data.strict out" in refused(path)


@pytest.mark.parametrize("kind", ["rationale", "tool_call", "instruction"])
def test_held_out_tasks_that_are_seeds_are_told_once(tmp_path: Path, kind: str) -> None:
    path = project(tmp_path, kind, "count: 4", more="evaluate: {held_out: held_out.jsonl}\n")
    key = "instruction" if kind == "instruction" else "question"
    rows = [row | {"id": f"h{place}"} for place, row in enumerate(SEEDS[kind])]
    rows[1][key] = "  " + rows[1][key].upper()
    rows[2][key] = "Something else altogether, 1 + 2?"
    write(tmp_path / "held_out.jsonl", rows)
    said = refused(path)
    shared, told = len(rows) - 1, io.StringIO()
    # A run goes on, since older recipes do, and says so.
    preflight(Plan(Run(load_recipe(path), Workspace(tmp_path), Progress(told))), ("check",))
    assert "note: held_out.jsonl:1: the held-out task h0 is a seed too" in told.getvalue()
    assert f"held_out.jsonl:1: the held-out task h0 is a seed too: {SEEDS[kind][0]['id']} (" in said
    assert f"({shared} rows: lines 1, 2, 4, 5, 6" in said and said.count("held_out.jsonl:") == 1
    write(tmp_path / "held_out.jsonl", rows[2:3])
    assert typed("validate", path).returncode == 0


def test_held_out_tasks_of_one_source_may_not_be_seeds_of_another(tmp_path: Path) -> None:
    rows = [{"id": f"a{n}", "text": f"Mail number {n}.", "label": "card"} for n in range(4)]
    write(tmp_path / "a.jsonl", rows[:2])
    write(tmp_path / "b.jsonl", rows[2:3])
    write(tmp_path / "held.jsonl", rows[:1])
    label = "kind: label, labels: [billing, card], count: 2"
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"{HEAD}data:\n- {{{label}, seeds: a.jsonl}}\n- {{{label}, seeds: b.jsonl, held_out: held.jsonl}}\n"
        "evaluate: {}\n"
    )
    assert "the held-out task a0 is a seed too: a0 (a.jsonl:1)" in refused(path)


def test_every_file_is_opened_and_every_fault_told_at_once(tmp_path: Path) -> None:
    path = own_tool(tmp_path)
    (tmp_path / "seeds.jsonl").write_text("{\n")
    (tmp_path / "held_out.jsonl").write_text("[]\n")
    (tmp_path / "tools.json").write_text('[{"name": 5}]')
    said = refused(path)
    assert "seeds.jsonl:1: not a JSON object" in said
    assert "held_out.jsonl" in said and "tools.json" in said


def test_own_tools_and_references_are_tried(tmp_path: Path) -> None:
    path = own_tool(tmp_path)
    assert typed("validate", path).returncode == 0
    (tmp_path / "own.py").write_text("def thrice(number):\n    return str(3 * int(number))\n")
    assert "own.py" in refused(path)


@pytest.mark.parametrize("recipe", sorted((ROOT / "pipelines").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_ships_is_whole(recipe: Path) -> None:
    done = typed("validate", recipe)
    assert done.returncode == 0, done.stderr


def test_an_extract_schema_is_opened(tmp_path: Path) -> None:
    write(tmp_path / "notes.jsonl", [{"text": "Meet in Ulm.", "fields": {"place": 5}}])
    schema: dict[str, Any] = {"type": "object", "properties": {"place": {"type": "string"}}}
    (tmp_path / "note.json").write_text(json.dumps(schema))
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{HEAD}data: {{kind: extract, seeds: notes.jsonl, schema: note.json, count: 4}}\n")
    assert "the fields of notes-1: $.place: 5 is not of type 'string'" in refused(path)
    (tmp_path / "note.json").write_text("{")
    assert "note.json" in refused(path)


def test_a_mapped_column_that_is_not_there_is_told_of_the_file(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 4", "columns: {question: problem, reference: solution}")
    write(tmp_path / "seeds.jsonl", [{"problem": "1 + 1?", "answer": "2"}] * 2)
    assert "columns.reference: no row has the column 'solution'" in refused(path)
    edit(path, "solution", "answer")
    assert "the same task is already in line 1" in typed("validate", path).stdout
