"""What a person is told of a recipe's seeds: by `validate`, and before the first model loads."""

import io
import json
from pathlib import Path

from factory.context.plan import Plan
from factory.context.run import Run
from factory.pipeline.preflight import preflight
from factory.recipe.load import load_recipe
from factory.system.progress import Progress
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.scripted import project, write

CLEAR = {"id": "clear", "question": "Add 12 and 30.", "reference": "12 + 30"}
UNCLEAR = [
    {"id": "hall", "question": "1,200 seats, 200 taken.", "reference": "1.2 * 1000 - 200"},
    {"id": "gas", "question": "2 molecules of CO2: how many atoms?", "reference": "2 * 3"},
    {"id": "time", "question": "At 7:30 there are 30 pears, 4 are sold.", "reference": "30 - 4"},
    {"id": "price", "question": "A price of 100 falls by 20 %.", "reference": "100 * (100 - 20) / 100"},
]


def test_seeds_that_are_asked_as_they_are_are_named(tmp_path: Path) -> None:
    path = project(tmp_path, "tool_call", "count: 4")
    write(tmp_path / "seeds.jsonl", [CLEAR, *UNCLEAR])
    told = io.StringIO()
    preflight(Plan(Run(load_recipe(path), Workspace(tmp_path / "work"), Progress(told))), ("generate",))
    said = (
        "4 of 5 seeds are asked as they are, since other numbers could make their references wrong: "
        "hall (200 stands in it as a number and as part of something else); "
        "gas (2 stands in it as a number and as part of something else); "
        "time (30 stands in it as a number and as part of something else); …"
    )
    assert told.getvalue().count(said) == 1
    assert f"seeds: {said}" in typed("validate", path).stdout


def test_seeds_whose_numbers_are_understood_need_no_word(tmp_path: Path) -> None:
    path = project(tmp_path, "tool_call", "count: 4")
    write(tmp_path / "seeds.jsonl", [CLEAR, {"question": "A hall has 1,200 seats.", "reference": "1200 / 4"}])
    assert "asked as they are" not in typed("validate", path).stdout


def test_rationales_are_varied_by_their_expressions_alone(tmp_path: Path) -> None:
    path = project(tmp_path, "rationale", "count: 4")
    rows = [
        {"id": "a", "question": "Of 20 dollars 20 % are spent.", "expression": "20 * 0.2", "reference": "4"},
        {"id": "b", "question": "CO2 rises by 2 %.", "reference": "2"},
    ]
    write(tmp_path / "seeds.jsonl", rows)
    assert "1 of 2 seeds are asked as they are" in typed("validate", path).stdout


def test_bad_rows_are_told_by_validate(tmp_path: Path) -> None:
    path = project(tmp_path, "tool_call", "count: 4")
    (tmp_path / "seeds.jsonl").write_text(json.dumps(CLEAR) + "\n{\n")
    done = typed("validate", path)
    assert "seeds: left out: " in done.stdout and ":2: not a JSON object" in done.stdout
    (tmp_path / "seeds.jsonl").write_text("{\n")
    done = typed("validate", path)
    assert done.returncode == 2 and ":1: not a JSON object" in done.stderr
